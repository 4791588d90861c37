/* SPDX-License-Identifier: MIT
 * events.c - see events.h. */

#include "host/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

void
events_init(struct events *events)
{
	memset(events, 0, sizeof(*events));
	(void)pthread_mutex_init(&events->lock, NULL);
	events->peers_last = &events->peers;
	/* Without the kernel's help the table is only easier to crowd. */
	if (rng_secret(events->salt, sizeof(events->salt)) != ERR_OK) {
		events->salt[0] = UINT64_C(0x9e3779b97f4a7c15);
	}
}

void
events_fini(struct events *events)
{
	events_free_peers(events->peers);
	(void)pthread_mutex_destroy(&events->lock);
}

void
events_free_peers(struct events_peer *peers)
{
	while (peers != NULL) {
		struct events_peer *next = peers->next;

		free(peers);
		peers = next;
	}
}

static size_t
events_hash(const struct events *events, const struct nodeid *origin)
{
	uint64_t half[2];
	uint64_t hash;

	memcpy(half, origin->bytes, sizeof(half));
	hash = (half[0] ^ events->salt[0]) * (half[1] | 1);
	hash ^= (half[1] ^ events->salt[1]) * (events->salt[0] | 1);
	return (size_t)((hash ^ (hash >> 32)) % EVENTS_SLOTS);
}

/* Where the last gap of `origin` is told of, or will be: 0 until then. */
static uint16_t *
events_slot(struct events *events, const struct nodeid *origin)
{
	size_t slot = events_hash(events, origin);

	while (events->slots[slot] != 0 &&
	       !nodeid_equal(
	           &events->gaps[events->slots[slot] - 1].origin, origin)) {
		slot = (slot + 1) % EVENTS_SLOTS;
	}
	return &events->slots[slot];
}

/* There is no place for it: added to `gap`, or to what all others have. */
static void
events_sum_gap(struct events *events, struct events_gap *gap, uint64_t first,
    uint64_t count)
{
	if (gap == NULL) {
		/* Its origin stays zeros: of many. */
		gap = &events->gaps[EVENTS_GAPS];
		events->gap_count = EVENTS_GAPS + 1;
	}
	if (gap->count == 0 || first < gap->first) {
		gap->first = first;
	}
	gap->count = gap->count > UINT64_MAX - count ? UINT64_MAX
	                                             : gap->count + count;
	gap->is_sum = true;
}

void
events_add_gap(struct events *events, const struct nodeid *origin,
    uint64_t first, uint64_t count)
{
	struct events_gap *last;
	uint16_t *slot;

	(void)pthread_mutex_lock(&events->lock);
	slot = events_slot(events, origin);
	last = *slot != 0 ? &events->gaps[*slot - 1] : NULL;
	if (last != NULL && first == last->first + last->count) {
		last->count += count;
	} else if (events->gap_count <
	           (last == NULL ? EVENTS_GAPS : EVENTS_GAPS_FEW)) {
		events->gaps[events->gap_count++] = (struct events_gap){
			.origin = *origin,
			.first = first,
			.count = count,
		};
		*slot = (uint16_t)events->gap_count;
	} else {
		events_sum_gap(events, last, first, count);
	}
	(void)pthread_mutex_unlock(&events->lock);
}

/* Where the record of `conn` hangs, or the end of the list. */
static struct events_peer **
events_peer_of(struct events *events, uint64_t conn)
{
	struct events_peer **at = &events->peers;

	while (*at != NULL && (*at)->conn != conn) {
		at = &(*at)->next;
	}
	return at;
}

static void
events_drop_peer(struct events *events, struct events_peer **at)
{
	struct events_peer *peer = *at;

	*at = peer->next;
	if (*at == NULL) {
		events->peers_last = at;
	}
	events->peer_count--;
	free(peer);
}

static enum err
events_append_peer(struct events *events, uint64_t conn,
    const struct nodeid *node_id, const char *name, bool up)
{
	struct events_peer *peer;

	if (events->peer_count == EVENTS_PEERS) {
		return ERR_FULL;
	}
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL) {
		return ERR_NOMEM;
	}
	peer->conn = conn;
	peer->node_id = *node_id;
	peer->up = up;
	(void)snprintf(
	    peer->name, sizeof(peer->name), "%s", name == NULL ? "" : name);
	*events->peers_last = peer;
	events->peers_last = &peer->next;
	events->peer_count++;
	return ERR_OK;
}

enum err
events_add_peer(struct events *events, uint64_t conn,
    const struct nodeid *node_id, const char *name, bool up)
{
	struct events_peer **pending;
	enum err err = ERR_OK;

	(void)pthread_mutex_lock(&events->lock);
	pending = events_peer_of(events, conn);
	if (*pending == NULL) {
		err = events_append_peer(events, conn, node_id, name, up);
	} else if ((*pending)->up != up) {
		events_drop_peer(events, pending);
	}
	(void)pthread_mutex_unlock(&events->lock);
	return err;
}

bool
events_take(struct events *events, struct events_batch *batch)
{
	bool any;

	(void)pthread_mutex_lock(&events->lock);
	any = events->gap_count > 0 || events->peers != NULL;
	batch->gap_count = events->gap_count;
	batch->peers = events->peers;
	if (events->gap_count > 0) {
		size_t bytes = events->gap_count * sizeof(batch->gaps[0]);

		memcpy(batch->gaps, events->gaps, bytes);
		memset(events->gaps, 0, bytes);
		memset(events->slots, 0, sizeof(events->slots));
		events->gap_count = 0;
	}
	events->peers = NULL;
	events->peers_last = &events->peers;
	events->peer_count = 0;
	(void)pthread_mutex_unlock(&events->lock);
	return any;
}

bool
events_is_empty(struct events *events)
{
	bool empty;

	(void)pthread_mutex_lock(&events->lock);
	empty = events->gap_count == 0 && events->peers == NULL;
	(void)pthread_mutex_unlock(&events->lock);
	return empty;
}
