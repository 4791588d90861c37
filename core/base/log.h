/* SPDX-License-Identifier: MIT
 * log.h - the node's log: events with fields, for people and for machines.
 *
 *     log_info("mesh", "peer_up", "peer up", LOG_STR("name", name),
 *         LOG_U64("rtt_ms", rtt));
 *
 * `event` is a stable name (docs/OPERATIONS.md lists them).  At most ten lines
 * a second per event; the next one says how many were suppressed.  Bytes that
 * could disturb a terminal are escaped.  Writing never blocks: what a full
 * disk or pipe does not take is dropped and counted.  All functions [any].  */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format {
	LOG_FORMAT_AUTO,
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
	LOG_FORMAT_LOGFMT
};

struct log_field {
	const char *key;
	const char *text; /* NULL: a number */
	size_t text_len;
	uint64_t number;
	bool raw; /* text is JSON already */
};

static inline const char *
log_text(const char *text)
{
	return text != NULL ? text : "";
}

#define LOG_STR(k, s) \
	((struct log_field){ (k), log_text(s), SIZE_MAX, 0, false })
#define LOG_BYTES(k, p, n) ((struct log_field){ (k), (p), (n), 0, false })
#define LOG_U64(k, v)      ((struct log_field){ (k), NULL, 0, (v), false })
#define LOG_RAW(k, s)      ((struct log_field){ (k), (s), SIZE_MAX, 0, true })

struct log_config {
	const char *filter; /* "info,mesh=debug"; NULL: info */
	enum log_format format;
	const char *file; /* NULL: stderr */
};

/* Set the log up, or anew.  Before it, `info` goes to stderr as text.
 * ERR_INVALID (filter), ERR_SYSTEM (file); `diag` says what. */
NODISCARD enum err log_open(const struct log_config *config, struct diag *diag);
/* Would log_open take this filter?  ERR_INVALID: `diag` says what not. */
NODISCARD enum err log_check_filter(const char *filter, struct diag *diag);
/* Flush nothing (nothing is buffered), close the file, back to stderr. */
void log_close(void);
/* Open the file again, under the same name: after a rotation. */
void log_reopen(void);

bool log_is_on(enum log_level level, const char *mod);

/* What log_error .. log_trace call.  `mod`, `event` and keys are literals or
 * checked names: they are not escaped.  At most 4096 bytes a line (more only
 * for raw fields); what does not fit is left out, and the line says `cut`. */
void log_write(enum log_level level, const char *mod, const char *event,
    const char *msg, const struct log_field *fields, size_t count);

/* Lines that could not be written, since the start. */
uint64_t log_dropped(void);

/* Escape `bytes` for one line of text: printable UTF-8 stays, `\` and what is
 * below space or invalid becomes \xNN.  Always NUL-terminates; returns the
 * length written, cut at `cap - 1`. */
size_t log_escape(char *out, size_t cap, const void *bytes, size_t len);

#define LOG_AT(level, mod, event, ...) \
	LOG_AT_(level, mod, event, __VA_ARGS__, LOG_U64(NULL, 0))
#define LOG_AT_(level, mod, event, msg, ...)                           \
	do {                                                           \
		if (log_is_on(level, mod)) {                           \
			const struct log_field log_fields_[] = {       \
				__VA_ARGS__                            \
			};                                             \
			log_write(level, mod, event, msg, log_fields_, \
			    ARRAY_LEN(log_fields_) - 1);               \
		}                                                      \
	} while (0)

#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_info(...)  LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_trace(...) LOG_AT(LOG_TRACE, __VA_ARGS__)

#endif
