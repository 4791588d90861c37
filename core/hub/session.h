/* SPDX-License-Identifier: MIT
 * session.h - one plain client, as the hub knows it.  [loop] only. */
#ifndef HUB_SESSION_H
#define HUB_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/outq.h"

struct topic;

/* A reader above SOFT for so long is closed (HUB_DISCONNECT). */
#define SESSION_OVER_MS UINT64_C(10000)

/* Sessions that are above SOFT, so that a tick looks at nobody else. */
LIST_HEAD(session_list, session);

struct session {
	struct outq *out;    /* borrowed */
	struct topic *topic; /* it listens there, */
	uint32_t place;      /* in this place */
	bool echo;           /* hears its own messages */
	bool closing;        /* gets nothing more */
	bool is_over;        /* above SOFT, and in that list */
	void *user;
	uint64_t over_ms; /* since when */
	LIST_ENTRY(session) over_entry;
};

/* NULL: no memory. */
struct session *session_create(struct outq *out, bool echo, void *user);
/* It has left its topic.  NULL is fine. */
void session_destroy(struct session *session);

/* Start the clock of a session that came to be above SOFT, anew if it runs. */
void session_over_start(
    struct session_list *over, struct session *session, uint64_t now_ms);
/* It does not run: nothing. */
void session_over_stop(struct session *session);
/* True if the clock runs, and ran out. */
bool session_over_is_due(const struct session *session, uint64_t now_ms);

/* Bytes that a new frame of `len` may leave in the queue above `soft`: of the
 * two frames that no policy for old ones may take, the partly written one and
 * the new one, but never more than `hard`. */
size_t session_keep(
    const struct session *session, size_t len, size_t soft, size_t hard);

#endif
