/* SPDX-License-Identifier: MIT
 * log_line.h - one line of the log as bytes: text, JSON or logfmt.  Part of
 * log.h; nobody else includes it. */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/* A line is at most this long, but for its raw fields: a pipe takes so much at
 * once or not at all (PIPE_BUF). */
#define LOG_LINE_BYTES ((size_t)4096)
/* What is printed of one text field. */
#define LOG_VALUE_BYTES ((size_t)1024)

struct log_record {
	enum log_level level;
	const char *mod, *event, *msg;
	const struct log_field *fields;
	size_t count;
	uint64_t wall_ns;
	uint64_t suppressed; /* lines of this event since its last one */
	uint64_t dropped;    /* lines that no one took since the last one */
};

/* Bytes that log_line_format needs at the most. */
size_t log_line_max(const struct log_record *record);

/* Write `record` as one line, its '\n' included, into `out` of `cap` (>=
 * log_line_max) bytes; returns the length.  Fields that do not fit are left
 * out, and the line says `cut`. */
size_t log_line_format(char *out, size_t cap, enum log_format format,
    const struct log_record *record);

/* The level's name, never NULL; LOG_TRACE + 1 .. are "trace". */
const char *log_level_name(enum log_level level);

#endif
