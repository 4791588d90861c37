/* SPDX-License-Identifier: MIT
 * history.h - the messages of the last minute, to answer those who missed one
 * (PROTOCOL 8, 9).
 *
 * A log of entries in blocks, oldest first, and a hash over (origin, seq).
 * Entries leave in the order they came: after HISTORY_MS, or when the bytes
 * are needed.  Putting one allocates nothing once blocks circulate. */
#ifndef MESH_HISTORY_H
#define MESH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mesh/origin.h"
#include "wire/record.h"

#define HISTORY_MS            60000u
#define HISTORY_BYTES_DEFAULT ((size_t)8 * 1024 * 1024)

struct history_entry {
	struct history_entry *next; /* newer, with the same hash */
	struct origin *origin;      /* borrowed; NULL: forgotten */
	uint64_t seq;
	uint64_t known; /* slots of links that have it; see history_find */
	uint32_t ms;    /* when it came; wraps */
	uint32_t payload_len;
	uint8_t hops, flags, topic_len;
	char bytes[]; /* topic, payload */
};

/* Oldest first: who leaves is at the front. */
struct history_bucket {
	struct history_entry *first;
	struct history_entry *last; /* if there is a first */
};

struct history {
	struct history_block *first, *last, *spare;
	struct history_bucket *buckets;
	size_t bucket_count; /* a power of two, or 0 */
	size_t count, bytes; /* of entries, overhead included */
	size_t limit;
	uint64_t evicted; /* before their time: the bytes were needed */
	uint64_t expired; /* their time was over */
};

/* `limit` bytes at the most; 0: nothing is ever kept. */
void history_init(struct history *history, size_t limit);
void history_fini(struct history *history);

/* Copy a message in.  ERR_TOOBIG: larger than the whole history; ERR_NOMEM. */
NODISCARD enum err history_put(struct history *history, struct origin *origin,
    const struct record_data *data, uint64_t known, uint64_t now_ms);

/* The entry, or NULL.  A bit of `known` counts only for a link that was UP
 * when the entry came: slots are used again, entries are not gone over. */
struct history_entry *history_find(
    const struct history *history, const struct origin *origin, uint64_t seq);

/* This message will be put in next: have the caches filled. */
void history_foresee(
    const struct history *history, const struct origin *origin, uint64_t seq);

/* What was put in, borrowed from the entry. */
struct record_data history_data(const struct history_entry *entry);

/* Drop what is too old. */
void history_expire(struct history *history, uint64_t now_ms);
/* When the next will be; UINT64_MAX: never. */
uint64_t history_next_ms(const struct history *history, uint64_t now_ms);

/* `origin` is about to be freed. */
void history_forget(struct history *history, const struct origin *origin);

#endif
