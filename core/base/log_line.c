/* SPDX-License-Identifier: MIT
 * log_line.c - see log_line.h. */

#include "base/log_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Room that fields leave for suppressed, dropped, cut and the end. */
enum { LINE_TAIL = 128, PIECE_MAX = 16 };

enum style {
	STYLE_PLAIN,  /* \xNN */
	STYLE_QUOTED, /* between quotes in text: " is \x22 */
	STYLE_JSON,   /* a JSON string */
};

struct line {
	char *out;
	size_t len, cap;
};

const char *
log_level_name(enum log_level level)
{
	static const char *const names[] = { "error", "warn", "info", "debug",
		"trace" };

	return (size_t)level < ARRAY_LEN(names) ? names[level] : "trace";
}

/* All or nothing. */
static bool
line_put(struct line *line, const char *bytes, size_t len)
{
	if (len > line->cap - line->len) {
		return false;
	}
	memcpy(line->out + line->len, bytes, len);
	line->len += len;
	return true;
}

static bool
line_puts(struct line *line, const char *text)
{
	return line_put(line, text, strlen(text));
}

static bool line_printf(struct line *line, const char *format, ...)
    PRINTF(2, 3);

static bool
line_printf(struct line *line, const char *format, ...)
{
	char text[160];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return len >= 0 && (size_t)len < sizeof(text) &&
	       line_put(line, text, (size_t)len);
}

/* Length of the UTF-8 character at `at` (RFC 3629), 0 if it is none. */
static size_t
utf8_len(const uint8_t *at, size_t left, uint32_t *point)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = at[0] < 0x80   ? 1
	             : at[0] < 0xc0 ? 0
	             : at[0] < 0xe0 ? 2
	             : at[0] < 0xf0 ? 3
	             : at[0] < 0xf8 ? 4
	                            : 0;

	if (len == 0 || len > left) {
		return 0;
	}
	*point = len == 1 ? at[0] : at[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			return 0;
		}
		*point = *point << 6 | (at[i] & 0x3fu);
	}
	return *point < lowest[len] || *point > 0x10ffff ||
	               (*point >= 0xd800 && *point < 0xe000)
	           ? 0
	           : len;
}

/* Terminals and readers obey these instead of showing them: C0 and C1
 * controls, line separators, changes of direction. */
static bool
point_is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
	       (point >= 0x200e && point <= 0x200f) ||
	       (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}

static size_t
piece_hex(char *piece, const char *prefix, const uint8_t *at, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		n += (size_t)snprintf(
		    piece + n, PIECE_MAX + 1 - n, "%sx%02x", prefix, at[i]);
	}
	return n;
}

/* Encode the character at `at` into `piece`; returns the bytes it took. */
static size_t
piece_make(char *piece, size_t *piece_len, enum style style, const uint8_t *at,
    size_t left)
{
	uint32_t point = 0;
	size_t len = utf8_len(at, left, &point);

	if (len == 0) {
		*piece_len = piece_hex(
		    piece, style == STYLE_JSON ? "\\\\" : "\\", at, 1);
		return 1;
	}
	if (style == STYLE_JSON && (point == '"' || point == '\\')) {
		piece[0] = '\\';
		piece[1] = (char)point;
		*piece_len = 2;
	} else if (style == STYLE_JSON && point_is_control(point)) {
		*piece_len = (size_t)snprintf(
		    piece, PIECE_MAX + 1, "\\u%04x", (unsigned)point);
	} else if (style != STYLE_JSON &&
	           (point_is_control(point) || point == '\\' ||
	               (point == '"' && style == STYLE_QUOTED))) {
		*piece_len = piece_hex(piece, "\\", at, len);
	} else {
		memcpy(piece, at, len);
		*piece_len = len;
	}
	return len;
}

/* Escape as much as fits; false if that is not all. */
static bool
line_escape(struct line *line, enum style style, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		char piece[PIECE_MAX + 1];
		size_t piece_len;
		size_t taken = piece_make(piece, &piece_len, style, at, len);

		if (!line_put(line, piece, piece_len)) {
			return false;
		}
		at += taken;
		len -= taken;
	}
	return true;
}

size_t
log_escape(char *out, size_t cap, const void *bytes, size_t len)
{
	struct line line = { out, 0, cap > 0 ? cap - 1 : 0 };

	if (cap == 0) {
		return 0;
	}
	(void)line_escape(&line, STYLE_PLAIN, bytes, len);
	out[line.len] = '\0';
	return line.len;
}

/* JSON that its maker vouches for: only a control byte would end the line. */
static bool
line_raw(struct line *line, const char *text, size_t len)
{
	size_t from = line->len;

	if (!line_put(line, text, len)) {
		return false;
	}
	for (; from < line->len; from++) {
		uint8_t byte = (uint8_t)line->out[from];

		if (byte < 0x20 || byte == 0x7f) {
			line->out[from] = ' ';
		}
	}
	return true;
}

static bool
text_is_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr(" =\"\\", text[i]) != NULL ||
		    (uint8_t)text[i] < 0x20) {
			return false;
		}
	}
	return len > 0;
}

static bool
line_quoted(struct line *line, enum style style, const char *text, size_t len)
{
	return line_put(line, "\"", 1) && line_escape(line, style, text, len) &&
	       line_put(line, "\"", 1);
}

/* A text value as `format` writes it. */
static bool
line_text(
    struct line *line, enum log_format format, const char *text, size_t len)
{
	if (format == LOG_FORMAT_JSON) {
		return line_quoted(line, STYLE_JSON, text, len);
	}
	if (text_is_word(text, len)) {
		return line_escape(line, STYLE_PLAIN, text, len);
	}
	return line_quoted(line,
	    format == LOG_FORMAT_TEXT ? STYLE_QUOTED : STYLE_JSON, text, len);
}

static size_t
field_len(const struct log_field *field)
{
	if (field->text == NULL) {
		return 0;
	}
	return field->text_len == SIZE_MAX ? strlen(field->text)
	                                   : field->text_len;
}

/* One field, whole or not at all; `*cut` when something is missing. */
static void
line_field(struct line *line, enum log_format format,
    const struct log_field *field, bool *cut)
{
	bool json = format == LOG_FORMAT_JSON;
	size_t before = line->len;
	size_t len = field_len(field);
	bool ok = line_printf(
	    line, json ? ",\"%.64s\":" : " %.64s=", field->key);

	if (field->text == NULL) {
		ok = ok && line_printf(line, "%" PRIu64, field->number);
	} else if (field->raw && format != LOG_FORMAT_LOGFMT) {
		ok = ok && line_raw(line, field->text, len);
	} else {
		if (len > LOG_VALUE_BYTES && !field->raw) {
			len = LOG_VALUE_BYTES;
			*cut = true;
		}
		ok = ok && line_text(line, format, field->text, len);
	}
	if (!ok) {
		line->len = before;
		*cut = true;
	}
}

static void
line_head(
    struct line *line, enum log_format format, const struct log_record *record)
{
	time_t second = (time_t)(record->wall_ns / UINT64_C(1000000000));
	unsigned ms = (unsigned)(record->wall_ns / 1000000 % 1000);
	const char *level = log_level_name(record->level);
	size_t msg_len = strlen(record->msg);
	char at[32];
	struct tm tm;

	if (msg_len > LOG_VALUE_BYTES) {
		msg_len = LOG_VALUE_BYTES;
	}
	if (format == LOG_FORMAT_TEXT) {
		(void)localtime_r(&second, &tm);
		(void)strftime(at, sizeof(at), "%H:%M:%S", &tm);
		(void)line_printf(
		    line, "%s.%03u %-5s %-6.32s ", at, ms, level, record->mod);
		(void)line_escape(line, STYLE_PLAIN, record->msg, msg_len);
		return;
	}
	(void)gmtime_r(&second, &tm);
	(void)strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)line_printf(line,
	    format == LOG_FORMAT_JSON ? "{\"ts\":\"%s.%03uZ\",\"level\":\"%s\""
	                              : "ts=%s.%03uZ level=%s",
	    at, ms, level);
	(void)line_printf(line,
	    format == LOG_FORMAT_JSON
	        ? ",\"mod\":\"%.32s\",\"event\":\"%.64s\",\"msg\":"
	        : " mod=%.32s event=%.64s msg=",
	    record->mod, record->event);
	(void)line_text(line, format, record->msg, msg_len);
}

size_t
log_line_max(const struct log_record *record)
{
	size_t max = LOG_LINE_BYTES;

	for (size_t i = 0; i < record->count; i++) {
		const struct log_field *field = &record->fields[i];

		if (field->raw) { /* logfmt escapes each quote of it */
			max += 2 * field_len(field);
		}
	}
	return max;
}

size_t
log_line_format(char *out, size_t cap, enum log_format format,
    const struct log_record *record)
{
	const char *flag = format == LOG_FORMAT_JSON ? ",\"cut\":true"
	                                             : " cut=true";
	struct line line = { out, 0, cap - LINE_TAIL };
	bool cut = false;

	line_head(&line, format, record);
	for (size_t i = 0; i < record->count; i++) {
		line_field(&line, format, &record->fields[i], &cut);
	}
	line.cap = cap;
	if (record->suppressed > 0) {
		line_field(&line, format,
		    &LOG_U64("suppressed", record->suppressed), &cut);
	}
	if (record->dropped > 0) {
		line_field(
		    &line, format, &LOG_U64("dropped", record->dropped), &cut);
	}
	if (cut) {
		(void)line_puts(&line, flag);
	}
	(void)line_puts(&line, format == LOG_FORMAT_JSON ? "}\n" : "\n");
	return line.len;
}
