/* SPDX-License-Identifier: MIT
 * logger.c - each message, peer event and gap as a line. */

#include <grapevine/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A pipe that poll calls writable takes this much without blocking. */
#define LOGGER_STDOUT_LINE 4096
#define LOGGER_TAIL        64 /* room kept for what follows the payload */
#define LOGGER_PATH_MAX    4096
#define LOGGER_CHECK       1 /* the number of its only timer */
#define LOGGER_CHECK_NS    UINT64_C(1000000000)

enum logger_payload {
	LOGGER_PAYLOAD_TEXT,
	LOGGER_PAYLOAD_HEX,
	LOGGER_PAYLOAD_NONE
};

struct logger {
	const struct gv_host *host;
	int32_t lines, dropped, cut; /* counters */
	bool json;
	enum logger_payload payload;
	uint64_t max_bytes;         /* 0: no rotation */
	char path[LOGGER_PATH_MAX]; /* empty: stdout */
	int fd;                     /* -1: none */
	uint64_t size;              /* of the file */
	bool torn;                  /* the last line was written in part */
	/* The line in the making; its first byte is a newline, used when torn. */
	char *line;
	size_t len, cap;
	bool full; /* it did not fit, or there was no memory */
};

/* Room for `more` bytes; false marks the line. */
static bool
logger_reserve(struct logger *logger, size_t more)
{
	size_t cap = logger->cap < 1024 ? 1024 : logger->cap;
	char *line;

	if (logger->path[0] == '\0' &&
	    logger->len + more > LOGGER_STDOUT_LINE) {
		logger->full = true;
		return false;
	}
	if (logger->len + more <= logger->cap) {
		return true;
	}
	while (cap < logger->len + more) {
		cap *= 2;
	}
	line = realloc(logger->line, cap);
	if (line == NULL) {
		logger->full = true;
		return false;
	}
	logger->line = line;
	logger->cap = cap;
	return true;
}

static void
logger_put(struct logger *logger, const char *text, size_t len)
{
	if (logger_reserve(logger, len)) {
		memcpy(logger->line + logger->len, text, len);
		logger->len += len;
	}
}

__attribute__((format(printf, 2, 3))) static void
logger_printf(struct logger *logger, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len > 0) {
		logger_put(logger, text,
		    (size_t)len < sizeof(text) ? (size_t)len
		                               : sizeof(text) - 1);
	}
}

/* Length of the character at `at`, 0 if its bytes are not UTF-8 (RFC 3629). */
static size_t
logger_utf8_len(const uint8_t *at, size_t left)
{
	size_t len = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (at[0] < 0x80) {
		return 1;
	}
	if (at[0] < 0xc2 || at[0] > 0xf4 || len > left) {
		return 0;
	}
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) ||
	    (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) ||
	    (at[0] == 0xf4 && at[1] > 0x8f)) {
		return 0;
	}
	return len;
}

static bool
logger_is_utf8(const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t step = logger_utf8_len(bytes + at, len - at);

		if (step == 0) {
			return false;
		}
		at += step;
	}
	return true;
}

/* Put one character, or one bad byte, so that no terminal and no JSON reader
 * is disturbed: C0, DEL and C1 are escaped, and what the quotes need. */
static void
logger_put_char(struct logger *logger, const uint8_t *at, size_t len)
{
	bool c1 = len == 2 && at[0] == 0xc2 && at[1] < 0xa0;

	if (len == 0) {
		logger_printf(logger, logger->json ? "\\ufffd" : "\\x%02x",
		    (unsigned)at[0]);
	} else if (at[0] < 0x20 || at[0] == 0x7f) {
		logger_printf(logger, logger->json ? "\\u%04x" : "\\x%02x",
		    (unsigned)at[0]);
	} else if (c1 && logger->json) {
		logger_printf(logger, "\\u%04x", (unsigned)at[1]);
	} else if (c1) {
		logger_printf(
		    logger, "\\x%02x\\x%02x", (unsigned)at[0], (unsigned)at[1]);
	} else if (at[0] == '"' || at[0] == '\\') {
		logger_printf(logger, "\\%c", at[0]);
	} else {
		logger_put(logger, (const char *)at, len);
	}
}

/* True while a payload may grow: the rest is kept for its end. */
static bool
logger_has_room(struct logger *logger)
{
	return !logger->full &&
	       (logger->path[0] != '\0' ||
	           logger->len + LOGGER_TAIL <= LOGGER_STDOUT_LINE);
}

/* Both return how many bytes they did not show. */
static size_t
logger_put_text(struct logger *logger, const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && logger_has_room(logger)) {
		size_t step = logger_utf8_len(bytes + at, len - at);

		logger_put_char(logger, bytes + at, step);
		at += step == 0 ? 1 : step;
	}
	return len - at;
}

static size_t
logger_put_hex(struct logger *logger, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	while (at < len && logger_has_room(logger)) {
		const char pair[2] = { digits[bytes[at] >> 4],
			digits[bytes[at] & 0xf] };

		logger_put(logger, pair, sizeof(pair));
		at++;
	}
	return len - at;
}

/* Begin a line: the time, and what it is about. */
static void
logger_begin(struct logger *logger, const char *what)
{
	uint64_t wall_ns = logger->host->wall_ns(logger->host);
	time_t seconds = (time_t)(wall_ns / UINT64_C(1000000000));
	unsigned ms = (unsigned)(wall_ns / 1000000 % 1000);
	struct tm tm;
	char text[40];

	logger->len = 0;
	logger->full = false;
	if (logger->json) {
		(void)gmtime_r(&seconds, &tm);
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		logger_printf(logger, "\n{\"ts\":\"%s.%03uZ\",\"type\":\"%s\"",
		    text, ms, what);
	} else {
		(void)localtime_r(&seconds, &tm);
		(void)strftime(text, sizeof(text), "%H:%M:%S", &tm);
		logger_printf(logger, "\n%s.%03u %-8s", text, ms, what);
	}
}

/* ` key=ab12cd34`, or the whole id as JSON. */
static void
logger_put_id(struct logger *logger, const char *key, const uint8_t id[16])
{
	logger_printf(logger, logger->json ? ",\"%s\":\"" : " %s=", key);
	(void)logger_put_hex(logger, id, logger->json ? 16 : 4);
	if (logger->json) {
		logger_put(logger, "\"", 1);
	}
}

static void
logger_put_u64(struct logger *logger, const char *key, uint64_t value)
{
	logger_printf(logger, logger->json ? ",\"%s\":%llu" : " %s=%llu", key,
	    (unsigned long long)value);
}

static bool
logger_open(struct logger *logger)
{
	struct stat st;

	if (logger->path[0] == '\0') {
		logger->fd = STDOUT_FILENO;
		return true;
	}
	logger->fd = open(logger->path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0640);
	if (logger->fd < 0) {
		return false;
	}
	logger->size = fstat(logger->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	logger->torn = false;
	return true;
}

static void
logger_close(struct logger *logger)
{
	if (logger->fd >= 0 && logger->path[0] != '\0') {
		(void)close(logger->fd);
	}
	logger->fd = -1;
}

/* FILE becomes FILE.1, and a new FILE begins. */
static void
logger_rotate(struct logger *logger)
{
	char old[LOGGER_PATH_MAX + 2];

	(void)snprintf(old, sizeof(old), "%s.1", logger->path);
	/* If it cannot be renamed it just grows on. */
	if (rename(logger->path, old) == 0) {
		logger_close(logger);
		(void)logger_open(logger);
	}
}

static bool
logger_is_writable(const struct logger *logger)
{
	struct pollfd out = { .fd = logger->fd, .events = POLLOUT };

	return logger->fd >= 0 &&
	       (logger->path[0] != '\0' || poll(&out, 1, 0) == 1);
}

/* End the line and write it, or count why not. */
static void
logger_end(struct logger *logger)
{
	const struct gv_host *host = logger->host;
	size_t skip = logger->torn ? 0 : 1;
	ssize_t written = -1;

	logger_put(logger, "\n", 1);
	if (!logger->full && logger->max_bytes > 0 && logger->size > 0 &&
	    logger->size + logger->len - skip > logger->max_bytes) {
		logger_rotate(logger);
		skip = logger->torn ? 0 : 1;
	}
	if (!logger->full && logger_is_writable(logger)) {
		written = write(
		    logger->fd, logger->line + skip, logger->len - skip);
	}
	if (written > 0) {
		logger->size += (uint64_t)written;
		logger->torn = (size_t)written < logger->len - skip;
	}
	host->counter_add(host,
	    written > 0 && !logger->torn ? logger->lines : logger->dropped, 1);
}

static int32_t
logger_create(const struct gv_host *host, void **self)
{
	struct logger *logger = calloc(1, sizeof(*logger));

	if (logger == NULL) {
		return GV_ENOMEM;
	}
	logger->host = host;
	logger->fd = -1;
	logger->lines = host->counter(host, "lines");
	logger->dropped = host->counter(host, "dropped");
	logger->cut = host->counter(host, "cut");
	*self = logger;
	return GV_OK;
}

static int32_t
logger_refuse(const struct logger *logger, const char *what, const char *why)
{
	char line[LOGGER_PATH_MAX + 128];

	(void)snprintf(line, sizeof(line), "%s: %s", what, why);
	logger->host->log(logger->host, GV_LOG_ERROR, line);
	return GV_EFAILED;
}

static int32_t
logger_configure(void *self, const char *key, const char *value)
{
	struct logger *logger = self;

	if (strcmp(key, "format") == 0) {
		logger->json = strcmp(value, "json") == 0;
	} else if (strcmp(key, "file") == 0) {
		if (strlen(value) >= sizeof(logger->path)) {
			return logger_refuse(logger, "file", "name too long");
		}
		(void)snprintf(logger->path, sizeof(logger->path), "%s", value);
	} else if (strcmp(key, "max_bytes") == 0) {
		logger->max_bytes = strtoull(value, NULL, 10);
	} else if (strcmp(key, "payload") == 0) {
		logger->payload = strcmp(value, "hex") == 0 ? LOGGER_PAYLOAD_HEX
		                  : strcmp(value, "none") == 0
		                      ? LOGGER_PAYLOAD_NONE
		                      : LOGGER_PAYLOAD_TEXT;
	}
	return GV_OK;
}

static int32_t
logger_start(void *self)
{
	struct logger *logger = self;
	const struct gv_host *host = logger->host;

	if (logger->path[0] == '\0' && logger->max_bytes > 0) {
		return logger_refuse(logger, "max_bytes", "needs file=PATH");
	}
	if (!logger_open(logger)) {
		return logger_refuse(logger, logger->path, strerror(errno));
	}
	if (logger->path[0] == '\0') {
		return GV_OK;
	}
	return host->timer_start(
	    host, LOGGER_CHECK, host->now(host) + LOGGER_CHECK_NS);
}

/* Whoever rotates logs moves the file away and tells nobody: look. */
static int32_t
logger_on_timer(void *self, uint64_t timer, uint64_t deadline_ns)
{
	struct logger *logger = self;
	const struct gv_host *host = logger->host;
	struct stat named;
	struct stat held;

	(void)deadline_ns;
	if (logger->fd < 0 || stat(logger->path, &named) != 0 ||
	    fstat(logger->fd, &held) != 0 || named.st_ino != held.st_ino ||
	    named.st_dev != held.st_dev) {
		logger_close(logger);
		(void)logger_open(logger);
	}
	return host->timer_start(
	    host, timer, host->now(host) + LOGGER_CHECK_NS);
}

/* The payload, in quotes when it is text. */
static size_t
logger_put_payload(struct logger *logger, const struct gv_message *message)
{
	const uint8_t *bytes = message->payload;
	size_t len = message->payload_len;
	bool hex = logger->payload == LOGGER_PAYLOAD_HEX ||
	           (logger->json && !logger_is_utf8(bytes, len));
	size_t hidden;

	if (hex) {
		logger_printf(
		    logger, logger->json ? ",\"payload_hex\":\"" : " hex=");
		hidden = logger_put_hex(logger, bytes, len);
	} else {
		logger_printf(logger, logger->json ? ",\"payload\":\"" : " \"");
		hidden = logger_put_text(logger, bytes, len);
	}
	if (logger->json || !hex) {
		logger_put(logger, "\"", 1);
	}
	return hidden;
}

static int32_t
logger_on_message(void *self, const struct gv_message *message)
{
	struct logger *logger = self;
	const struct gv_host *host = logger->host;
	size_t hidden = 0;

	logger_begin(logger, "message");
	logger_printf(logger, logger->json ? ",\"topic\":\"%s\"" : " topic=%s",
	    message->topic);
	logger_put_id(logger, "from", message->origin);
	logger_put_u64(logger, "seq", message->seq);
	logger_put_u64(logger, "hops", message->hops);
	if ((message->flags & GV_REPLY) != 0) {
		logger_put_u64(logger, "reply", 1);
	}
	if (logger->payload == LOGGER_PAYLOAD_NONE) {
		logger_put_u64(logger, "len", message->payload_len);
	} else {
		hidden = logger_put_payload(logger, message);
	}
	if (hidden > 0) {
		logger_put_u64(logger, "cut", hidden);
		host->counter_add(host, logger->cut, 1);
	}
	if (logger->json) {
		logger_put(logger, "}", 1);
	}
	logger_end(logger);
	return GV_PASS;
}

static int32_t
logger_on_peer(void *self, const struct gv_peer *peer)
{
	struct logger *logger = self;
	const char *state = (peer->flags & GV_PEER_UP) != 0 ? "up" : "down";

	logger_begin(logger, "peer");
	logger_printf(
	    logger, logger->json ? ",\"state\":\"%s\"" : " %s", state);
	logger_put_id(logger, "node", peer->node_id);
	logger_put_u64(logger, "conn", peer->conn);
	logger_printf(logger, logger->json ? ",\"name\":\"" : " name=\"");
	(void)logger_put_text(
	    logger, (const uint8_t *)peer->name, strlen(peer->name));
	logger_printf(logger, logger->json ? "\"}" : "\"");
	logger_end(logger);
	return GV_OK;
}

static int32_t
logger_on_gap(void *self, const struct gv_gap *gap)
{
	struct logger *logger = self;

	logger_begin(logger, "gap");
	logger_put_id(logger, "from", gap->origin);
	logger_put_u64(logger, "first", gap->first);
	logger_put_u64(logger, "count", gap->count);
	if ((gap->flags & GV_GAP_SUM) != 0) {
		logger_put_u64(logger, "sum", 1);
	}
	if (logger->json) {
		logger_put(logger, "}", 1);
	}
	logger_end(logger);
	return GV_OK;
}

static void
logger_stop(void *self)
{
	logger_close(self);
}

static void
logger_destroy(void *self)
{
	struct logger *logger = self;

	free(logger->line);
	free(logger);
}

static const struct gv_option logger_options[] = {
	{ "format", "text", "how a line looks", "text|json", GV_CHOICE, 0 },
	{ "file", "", "where lines go; empty: stdout", NULL, GV_STRING, 0 },
	{ "max_bytes", "0", "rotate FILE to FILE.1 at this size; 0: never",
	    NULL, GV_SIZE, 0 },
	{ "payload", "text", "how payloads are shown", "text|hex|none",
	    GV_CHOICE, 0 },
};

GV_PLUGIN("logger", "1.0", 0, "each message, peer event and gap as a line",
    .option_count = 4, .options = logger_options, .create = logger_create,
    .configure = logger_configure, .start = logger_start,
    .on_message = logger_on_message, .on_timer = logger_on_timer,
    .on_peer = logger_on_peer, .on_gap = logger_on_gap, .stop = logger_stop,
    .destroy = logger_destroy);
