/* SPDX-License-Identifier: MIT
 * log_sink.c - see log_sink.h. */

#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SINK_RETRY_NS (UINT64_C(5) * 1000000000)

enum {
	SINK_PIECE = 4096,  /* what a writable pipe takes at once: PIPE_BUF */
	SINK_PATIENCE = 20, /* polls that a long line may spend, */
	SINK_POLL_MS = 5,   /* of so much each */
	SINK_FLAGS = O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
};

static enum log_sink_kind
sink_kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		return SINK_POLLED;
	}
	return S_ISREG(st.st_mode)    ? SINK_FILE
	       : S_ISSOCK(st.st_mode) ? SINK_SOCKET
	                              : SINK_POLLED;
}

/* O_NONBLOCK belongs to the open file, which stderr shares with a shell and
 * other processes: so open the pipe or terminal behind it once more.  Where
 * that is not possible (a terminal of somebody else), poll has to do. */
static void
sink_use_stderr(struct log_sink *sink)
{
	struct stat st;
	int fd = -1;

	sink->fd = STDERR_FILENO;
	if (fstat(STDERR_FILENO, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
		fd = open("/proc/self/fd/2", SINK_FLAGS);
	}
	if (fd >= 0) {
		sink->fd = fd;
		sink->owned = true;
	}
}

enum err
log_sink_open(struct log_sink *sink, const char *path)
{
	struct log_sink new = { .fd = -1 };

	if (path == NULL) {
		sink_use_stderr(&new);
	} else {
		new.path = strdup(path);
		if (new.path == NULL) {
			return ERR_NOMEM;
		}
		new.fd = open(path, SINK_FLAGS | O_CREAT, 0640);
		if (new.fd < 0) {
			int saved = errno;

			free(new.path);
			errno = saved;
			return ERR_SYSTEM;
		}
		new.owned = true;
	}
	new.kind = sink_kind_of(new.fd);
	*sink = new;
	return ERR_OK;
}

void
log_sink_close(struct log_sink *sink)
{
	if (sink->owned) {
		(void)close(sink->fd);
	}
	free(sink->path);
	*sink = (struct log_sink)LOG_SINK_STDERR;
}

/* Nobody would ever read what is written there. */
static bool
sink_is_unlinked(const struct log_sink *sink)
{
	struct stat st;

	return fstat(sink->fd, &st) != 0 || st.st_nlink == 0;
}

void
log_sink_reopen(struct log_sink *sink, uint64_t now_ns)
{
	int fd;

	if (sink->path == NULL) {
		return;
	}
	fd = open(sink->path, SINK_FLAGS | O_CREAT, 0640);
	sink->reopen = fd < 0;
	if (fd < 0) {
		sink->reopen_ns = now_ns + SINK_RETRY_NS;
		if (sink_is_unlinked(sink)) {
			sink->retry_ns = sink->reopen_ns;
		}
		return;
	}
	(void)close(sink->fd);
	sink->fd = fd;
	sink->kind = sink_kind_of(fd);
	sink->torn = false;
	sink->retry_ns = 0;
}

static bool
sink_has_room(const struct log_sink *sink, int timeout_ms)
{
	struct pollfd poller = { .fd = sink->fd, .events = POLLOUT };

	return sink->kind == SINK_FILE ||
	       (poll(&poller, 1, timeout_ms) == 1 && poller.revents == POLLOUT);
}

static ssize_t
sink_write_piece(const struct log_sink *sink, const char *bytes, size_t len)
{
	ssize_t n;

	if (sink->kind != SINK_FILE && len > SINK_PIECE) {
		len = SINK_PIECE;
	}
	do {
		n = sink->kind == SINK_SOCKET ? send(sink->fd, bytes, len,
		                                    MSG_DONTWAIT | MSG_NOSIGNAL)
		                              : write(sink->fd, bytes, len);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* The bytes that went out.  A reader that is gone, a full disk: say nothing
 * more for a while. */
static size_t
sink_write_all(
    struct log_sink *sink, const char *bytes, size_t len, uint64_t now_ns)
{
	int patience = len > SINK_PIECE ? SINK_PATIENCE : 0;
	size_t done = 0;

	while (done < len) {
		ssize_t n;

		while (!sink_has_room(sink, patience > 0 ? SINK_POLL_MS : 0)) {
			if (patience-- <= 0) {
				return done;
			}
		}
		n = sink_write_piece(sink, bytes + done, len - done);
		if (n > 0) {
			done += (size_t)n;
		} else if (n == 0 || errno != EAGAIN) {
			sink->retry_ns = now_ns + SINK_RETRY_NS;
			return done;
		} else if (patience-- <= 0) {
			return done;
		}
	}
	return done;
}

bool
log_sink_write(
    struct log_sink *sink, const char *line, size_t len, uint64_t now_ns)
{
	size_t done;

	if (now_ns < sink->retry_ns) {
		return false;
	}
	sink->retry_ns = 0;
	if (sink->reopen && now_ns >= sink->reopen_ns) {
		log_sink_reopen(sink, now_ns);
	}
	if (sink->retry_ns != 0) {
		return false;
	}
	if (sink->torn && sink_write_all(sink, "\n", 1, now_ns) != 1) {
		return false;
	}
	sink->torn = false;
	done = sink_write_all(sink, line, len, now_ns);
	sink->torn = done > 0 && done < len;
	return done == len;
}
