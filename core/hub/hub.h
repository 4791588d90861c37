/* SPDX-License-Identifier: MIT
 * hub.h - this node's own clients: who listens to what, and what becomes of a
 * reader who is too slow.
 *
 * sans-I/O: a session appends to the out queue it was opened with, and says so
 * through struct hub_io.  A message is encoded once, in the hub's chunk log,
 * however many sessions get it.  [loop] only. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/counter.h"
#include "base/err.h"
#include "base/outq.h"
#include "wire/message.h"

struct hub;
struct session;

enum hub_overflow {
	/* Above SOFT whole unsent messages go, oldest first, but the newest; it
	 * goes above HARD. */
	HUB_DROP_OLDEST,
	HUB_DISCONNECT, /* above SOFT for 10 s, or above HARD: 4002 */
};

/* Called from inside hub functions: must not call any that changes the hub. */
struct hub_io {
	void *ctx;
	/* `session`'s out queue was empty and now is not; drop-oldest may have
	 * emptied it again by the time it is looked at. */
	void (*dirty)(void *ctx, struct session *session);
	/* `session` is over SOFT: true if whoever is being read now was slowed
	 * down instead, and nothing need be dropped. */
	bool (*pressed)(void *ctx, struct session *session);
	/* Send what is queued if it goes at once, then Close with `code`.
	 * hub_close follows later, never from inside. */
	void (*close)(void *ctx, struct session *session, uint16_t code,
	    const char *reason);
};

struct hub_config {
	size_t soft, hard; /* limits of a session's out queue, bytes */
	enum hub_overflow overflow;
	uint64_t salt; /* of the topics' hash: a random number */
};

struct hub_stats {
	uint64_t delivered;       /* frames queued on sessions */
	uint64_t dropped_oldest;  /* unsent messages dropped above SOFT */
	uint64_t dropped_closing; /* not queued: the session is closing */
	uint64_t dropped_nomem;
	uint64_t slow_closed; /* sessions closed with 4002 */
	uint64_t sessions;    /* now */
	uint64_t topics;      /* now */
};

/* Names every member of struct hub_stats. */
extern const struct counter hub_counters[];
extern const size_t hub_counter_count;

/* `io` and `pool` are borrowed for life.  ERR_NOMEM. */
NODISCARD enum err hub_create(struct hub **hub, const struct hub_config *config,
    const struct hub_io *io, struct chunk_pool *pool);
/* Every session has been closed.  NULL is fine. */
void hub_destroy(struct hub *hub);

/* A plain client on `topic` (valid).  `out` is borrowed until hub_close;
 * `user` is the caller's.  `echo`: it hears its own messages.  ERR_NOMEM. */
NODISCARD enum err hub_open(struct hub *hub, const char *topic, bool echo,
    struct outq *out, void *user, struct session **session);
/* Forget the session; its out queue is not touched. */
void hub_close(struct hub *hub, struct session *session);

/* Does anybody listen to any topic? */
bool hub_has_topics(const struct hub *hub);

/* Queue the message for every session that listens to its topic; `author`
 * (may be NULL) only if it asked for its echo.  Returns how many. */
size_t hub_deliver(struct hub *hub, uint64_t now_ms,
    const struct message_view *view, struct session *author);

/* Queue one payload for one session: a plugin's answer.  ERR_NOMEM,
 * ERR_CLOSED (it is closing). */
NODISCARD enum err hub_send(struct hub *hub, struct session *session,
    uint64_t now_ms, const void *payload, size_t len, bool text);

/* Call at least once a second: the deadlines of HUB_DISCONNECT. */
void hub_on_tick(struct hub *hub, uint64_t now_ms);

/* The caller is closing this session's connection: it gets nothing more. */
void hub_on_closing(struct hub *hub, struct session *session);

/* The reader has taken nothing for 10 s: close it with 4002. */
void hub_on_stalled(struct hub *hub, struct session *session);

const char *session_topic(const struct session *session);
void *session_user(const struct session *session);
const struct hub_stats *hub_stats(const struct hub *hub);

#endif
