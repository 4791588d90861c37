/* SPDX-License-Identifier: MIT
 * events.h - what happened and has not been told to the plugins yet.
 *
 * Events are state, not entries of a queue, so that no flood of them grows.  A
 * gap that goes on where the last one of its origin ends is one with it.  From
 * EVENTS_GAPS_FEW on only an origin that has none gets a place, the others are
 * added to the last one they have; past EVENTS_GAPS one is for all.  One change
 * per connection. */
#ifndef HOST_EVENTS_H
#define HOST_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/nodeid.h"

#define EVENTS_GAPS      ((size_t)1024)
#define EVENTS_GAPS_FEW  (EVENTS_GAPS / 2)
#define EVENTS_SLOTS     (EVENTS_GAPS * 2) /* of the hash table */
#define EVENTS_PEERS     1024u
#define EVENTS_PEER_NAME 256u

struct events_gap {
	struct nodeid origin; /* zeros: of many */
	uint64_t first, count;
	bool is_sum; /* of several that are not in a row */
};

struct events_peer {
	struct events_peer *next;
	uint64_t conn;
	struct nodeid node_id;
	bool up;
	char name[EVENTS_PEER_NAME];
};

struct events {
	pthread_mutex_t lock;
	uint64_t salt[2];                        /* ids are chosen by others */
	struct events_gap gaps[EVENTS_GAPS + 1]; /* the last one: the others */
	size_t gap_count;
	uint16_t slots[EVENTS_SLOTS]; /* last of an origin in gaps, + 1 */
	struct events_peer *peers, **peers_last;
	size_t peer_count;
};

/* What events_take hands over; the peers are the caller's. */
struct events_batch {
	struct events_gap gaps[EVENTS_GAPS + 1];
	size_t gap_count;
	struct events_peer *peers;
};

void events_init(struct events *events);
void events_fini(struct events *events);

/* [any] */
void events_add_gap(struct events *events, const struct nodeid *origin,
    uint64_t first, uint64_t count);

/* A peer that went before anybody heard that it came is forgotten.  ERR_FULL,
 * ERR_NOMEM: nobody will hear of it.  [any] */
NODISCARD enum err events_add_peer(struct events *events, uint64_t conn,
    const struct nodeid *node_id, const char *name, bool up);

/* Take everything; false: there is nothing.  [any] */
bool events_take(struct events *events, struct events_batch *batch);
bool events_is_empty(struct events *events);
void events_free_peers(struct events_peer *peers);

#endif
