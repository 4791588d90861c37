/* SPDX-License-Identifier: MIT
 * log_sink.h - where log lines go, without ever waiting for it.  Part of
 * log.h, which holds its lock around every call. */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum log_sink_kind { SINK_POLLED, SINK_FILE, SINK_SOCKET };

struct log_sink {
	int fd;
	enum log_sink_kind kind;
	bool owned;         /* fd is ours to close */
	bool torn;          /* the last line has no end */
	bool reopen;        /* the file is to be opened anew */
	char *path;         /* NULL: stderr */
	uint64_t reopen_ns; /* not before this */
	uint64_t retry_ns;  /* after a failure: nothing is written before */
};

/* stderr, without a system call: for a log that nobody opened. */
#define LOG_SINK_STDERR \
	{               \
		.fd = 2 \
	}

/* Open `path` (NULL: stderr) for appending.  ERR_SYSTEM: errno says why;
 * ERR_NOMEM.  `sink` is written on success only. */
NODISCARD enum err log_sink_open(struct log_sink *sink, const char *path);
void log_sink_close(struct log_sink *sink);

/* Open the same path again, now or, if it cannot be, every five seconds.  What
 * is written meanwhile goes to the old file, unless that has no name left:
 * then it is lost. */
void log_sink_reopen(struct log_sink *sink, uint64_t now_ns);

/* Write one line; false: it is lost, wholly or its end. */
bool log_sink_write(
    struct log_sink *sink, const char *line, size_t len, uint64_t now_ns);

#endif
