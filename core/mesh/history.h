/* SPDX-License-Identifier: MIT
 * history.h - the messages of the last minute, to answer those who missed one
 * (PROTOCOL 8, 9).
 *
 * The records lie in a log of chunks, as they were sent: encoded once, for all
 * links and for this.  A ring of entries, oldest first, says where, and a hash
 * over (origin, seq) finds them.  Entries leave in the order they came: after
 * HISTORY_MS, or when the bytes are needed; who is gone is left in the hash,
 * where nobody follows a step to before the oldest.  Putting one allocates
 * nothing once chunks circulate, unless it is longer than a chunk. */
#ifndef MESH_HISTORY_H
#define MESH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/err.h"
#include "mesh/origin.h"
#include "wire/record.h"

#define HISTORY_MS            60000u
#define HISTORY_BYTES_DEFAULT ((size_t)8 * 1024 * 1024)

struct history_entry {
	struct origin *origin; /* borrowed; NULL: forgotten */
	uint64_t seq;
	uint64_t known;     /* slots of links that have it; see history_find */
	struct range range; /* the record; holds a reference */
	uint32_t ms;        /* when it came; wraps */
	uint32_t step;      /* back to the one of the same hash; 0: none */
};

struct history {
	struct chunk_log log;
	/* Places are counted from 1 on, and never again. */
	struct history_entry *ring; /* of place % room */
	uint64_t *newest;           /* place of each hash */
	size_t room;                /* of both, a power of two, or 0 */
	uint64_t first, next; /* places of the oldest; behind the newest */
	size_t bytes; /* of records, entries and their places in the hash */
	size_t limit;
	uint64_t salt;    /* of the hash */
	uint64_t evicted; /* before their time: the bytes were needed */
	uint64_t expired; /* their time was over */
};

/* `limit` bytes at the most, of records and entries; 0: nothing is ever kept.
 * Ring and hash may have as many places empty again, and chunks as many bytes
 * where records are longer than half of one.  The pool outlives it.  `salt`: a
 * random number. */
void history_init(struct history *history, struct chunk_pool *pool,
    size_t limit, uint64_t salt);
void history_fini(struct history *history);

/* Write a message's record, and keep it.  `*range` is the record, until the
 * next call.  ERR_TOOBIG: larger than the whole history; ERR_NOMEM. */
NODISCARD enum err history_put(struct history *history, struct origin *origin,
    const struct record_data *data, uint64_t known, uint64_t now_ms,
    struct range *range);

static inline size_t
history_count(const struct history *history)
{
	return (size_t)(history->next - history->first);
}

/* The entry of a place; NULL: it has left. */
static inline struct history_entry *
history_get(const struct history *history, uint64_t place)
{
	return place >= history->first
	           ? &history->ring[place & (history->room - 1)]
	           : NULL;
}

/* The entry, or NULL.  A bit of `known` counts only for a link that was UP
 * when the entry came: slots are used again, entries are not gone over. */
struct history_entry *history_find(
    const struct history *history, const struct origin *origin, uint64_t seq);

/* This message will be put in next: have the caches filled. */
void history_foresee(
    const struct history *history, const struct origin *origin, uint64_t seq);

/* What was put in, borrowed from the entry. */
struct record_data history_data(const struct history_entry *entry);

/* Drop what is too old.  An empty history holds no memory.  Returns when the
 * next will be; UINT64_MAX: never. */
uint64_t history_expire(struct history *history, uint64_t now_ms);

/* `origin` is about to be freed. */
void history_forget(struct history *history, struct origin *origin);

#endif
