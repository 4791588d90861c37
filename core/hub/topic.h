/* SPDX-License-Identifier: MIT
 * topic.h - who listens to what: a table from a topic to a dense array.
 *
 * The array is what fan-out walks, so it holds the out queues themselves.  Its
 * first `live` places get messages; behind them wait the sessions that are
 * closing, so that fan-out need not ask.  [loop] only. */
#ifndef HUB_TOPIC_H
#define HUB_TOPIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/outq.h"

struct session;
struct topic;

struct topic_place {
	struct outq *out;
	struct session *session;
};

struct topic_table {
	struct topic *head; /* of the hash */
	struct topic *last; /* found last, or NULL: a stream skips the hash */
	uint64_t count;
	uint64_t salt;
};

/* Names are chosen by others: nobody may know the salt.  Their hash. */
uint64_t topic_hash(const char *name, size_t len, uint64_t salt);

/* `salt`: a random number. */
void topic_table_init(struct topic_table *table, uint64_t salt);
/* Nobody listens any more. */
void topic_table_fini(struct topic_table *table);

/* The topic of that name, or NULL: nobody listens. */
struct topic *topic_find(
    struct topic_table *table, const char *name, size_t len);

/* `session` joins the listeners of `name`, its place in `session->place`, the
 * topic in `session->topic`.  ERR_NOMEM: nothing has changed. */
NODISCARD enum err topic_join(
    struct topic_table *table, const char *name, struct session *session);

/* `session` leaves; a topic without listeners goes with it. */
void topic_leave(struct topic_table *table, struct session *session);

/* `session` gets nothing more, but stays until topic_leave.  Moves other
 * sessions: not while somebody walks the places. */
void topic_retire(struct session *session);

const char *topic_name(const struct topic *topic);
const struct topic_place *topic_places(const struct topic *topic);
/* Places that get messages, and those behind them that are closing. */
uint32_t topic_live_count(const struct topic *topic);
uint32_t topic_closing_count(const struct topic *topic);

#endif
