/* SPDX-License-Identifier: MIT
 * history.c - see history.h. */

#include "mesh/history.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/ahead.h"

enum {
	HISTORY_BLOCK_MIN = 4096,
	HISTORY_BLOCK_MAX = 65536,
	HISTORY_BUCKETS_MIN = 64,
};

struct history_block {
	struct history_block *next;
	size_t size;
	size_t head, tail; /* entries lie between */
	alignas(8) uint8_t bytes[];
};

void
history_init(struct history *history, size_t limit)
{
	memset(history, 0, sizeof(*history));
	history->limit = limit;
}

void
history_fini(struct history *history)
{
	while (history->first != NULL) {
		struct history_block *next = history->first->next;

		free(history->first);
		history->first = next;
	}
	free(history->spare);
	free(history->buckets);
	history_init(history, 0);
}

static struct history_bucket *
history_bucket(
    const struct history *history, const struct origin *origin, uint64_t seq)
{
	uint64_t hash = (uint64_t)(uintptr_t)origin *
	                UINT64_C(0x9e3779b97f4a7c15);

	/* Consecutive messages in consecutive buckets: caches like that. */
	hash = (hash >> 32) + seq;
	return &history->buckets[hash & (history->bucket_count - 1)];
}

static size_t
history_dest_len(uint8_t flags)
{
	return (flags & DATA_UNICAST) != 0 ? sizeof(struct nodeid) : 0;
}

static size_t
history_size(uint8_t flags, size_t topic_len, size_t payload_len)
{
	size_t size = offsetof(struct history_entry, bytes) +
	              history_dest_len(flags) + topic_len + payload_len;

	return (size + 7) & ~(size_t)7;
}

static size_t
history_entry_size(const struct history_entry *entry)
{
	return history_size(entry->flags, entry->topic_len, entry->payload_len);
}

/* The oldest entry; there is one. */
static struct history_entry *
history_oldest(const struct history *history)
{
	struct history_block *block = history->first;

	/* The bytes of a block are aligned, and so is each size. */
	return (struct history_entry *)(void *)(block->bytes + block->head);
}

static void
history_unlink(struct history *history, struct history_entry *entry)
{
	struct history_bucket *bucket = history_bucket(
	    history, entry->origin, entry->seq);
	struct history_entry *before = NULL;

	for (struct history_entry *at = bucket->first; at != entry;
	     at = at->next) {
		before = at;
	}
	*(before != NULL ? &before->next : &bucket->first) = entry->next;
	if (entry->next == NULL) {
		bucket->last = before;
	}
	entry->origin->held--;
	entry->origin = NULL;
}

/* Keep one block to use again, and never a huge one. */
static void
history_drop_block(struct history *history)
{
	struct history_block *block = history->first;

	history->first = block->next;
	if (history->first == NULL) {
		history->last = NULL;
	}
	if (history->spare == NULL && block->size <= HISTORY_BLOCK_MAX) {
		history->spare = block;
	} else {
		free(block);
	}
}

/* Who is dropped next, a message from now, has not been looked at for long:
 * have it fetched meanwhile, and what dropping it touches.  It costs more than
 * all else that a message does here to wait for that. */
static void
history_foresee_drop(const struct history *history)
{
	const struct history_block *block = history->first;
	const struct history_entry *next;
	const uint8_t *behind;
	size_t at;

	if (block == NULL) {
		return;
	}
	next = history_oldest(history);
	at = block->head + history_entry_size(next);
	if (next->origin != NULL) {
		ahead_fetch(history_bucket(history, next->origin, next->seq));
		ahead_fetch(&next->origin->held);
	}
	behind = at < block->tail || block->next == NULL ? block->bytes + at
	                                                 : block->next->bytes;
	/* The two ends may be in two lines. */
	ahead_fetch(behind);
	ahead_fetch(behind + offsetof(struct history_entry, bytes) - 1);
}

static void
history_drop_oldest(struct history *history)
{
	struct history_entry *entry = history_oldest(history);
	size_t size = history_entry_size(entry);

	if (entry->origin != NULL) {
		history_unlink(history, entry);
	}
	history->count--;
	history->bytes -= size;
	history->first->head += size;
	if (history->first->head == history->first->tail) {
		history_drop_block(history);
	}
	history_foresee_drop(history);
}

/* A new last block with room for `size` bytes.  Small histories have small
 * blocks. */
static enum err
history_add_block(struct history *history, size_t size)
{
	struct history_block *block = history->spare;
	size_t room = HISTORY_BLOCK_MIN;

	while (room < HISTORY_BLOCK_MAX && room < history->bytes) {
		room *= 2;
	}
	if (block != NULL && size <= block->size) {
		history->spare = NULL;
	} else {
		room = size > room ? size : room;
		block = malloc(sizeof(*block) + room);
		if (block == NULL) {
			return ERR_NOMEM;
		}
		block->size = room;
	}
	block->next = NULL;
	block->head = 0;
	block->tail = 0;
	*(history->last != NULL ? &history->last->next
	                        : &history->first) = block;
	history->last = block;
	return ERR_OK;
}

static void
history_link(struct history *history, struct history_entry *entry)
{
	struct history_bucket *bucket = history_bucket(
	    history, entry->origin, entry->seq);

	/* Written only: nobody waits for the one before. */
	*(bucket->first != NULL ? &bucket->last->next : &bucket->first) = entry;
	bucket->last = entry;
	entry->next = NULL;
}

/* More buckets; without memory for them chains only get longer. */
static enum err
history_grow(struct history *history)
{
	size_t old_count = history->bucket_count;
	struct history_bucket *old = history->buckets;
	size_t count = old_count == 0 ? HISTORY_BUCKETS_MIN : old_count * 2;
	struct history_bucket *buckets = calloc(count, sizeof(*buckets));

	if (buckets == NULL) {
		return old_count == 0 ? ERR_NOMEM : ERR_OK;
	}
	history->buckets = buckets;
	history->bucket_count = count;
	for (size_t i = 0; i < old_count; i++) {
		/* Twice as many: none gets entries of two old ones. */
		while (old[i].first != NULL) {
			struct history_entry *entry = old[i].first;

			old[i].first = entry->next;
			history_link(history, entry);
		}
	}
	free(old);
	return ERR_OK;
}

/* Room for one more entry of `size` bytes. */
static enum err
history_reserve(struct history *history, size_t size)
{
	if (size > history->limit) {
		return ERR_TOOBIG;
	}
	if (UNLIKELY(history->count >= history->bucket_count)) {
		enum err err = history_grow(history);

		if (err != ERR_OK) {
			return err;
		}
	}
	while (history->bytes + size > history->limit) {
		history_drop_oldest(history);
		history->evicted++;
	}
	if (history->last == NULL ||
	    history->last->size - history->last->tail < size) {
		return history_add_block(history, size);
	}
	return ERR_OK;
}

enum err
history_put(struct history *history, struct origin *origin,
    const struct record_data *data, uint64_t known, uint64_t now_ms)
{
	size_t size = history_size(
	    data->flags, data->topic.len, data->payload_len);
	struct history_entry *entry;
	enum err err = history_reserve(history, size);
	char *at;

	if (err != ERR_OK) {
		return err;
	}
	entry = (struct history_entry *)(void *)(history->last->bytes +
	                                         history->last->tail);
	history->last->tail += size;
	history->bytes += size;
	history->count++;
	entry->origin = origin;
	entry->seq = data->seq;
	entry->known = known;
	entry->ms = (uint32_t)now_ms;
	entry->payload_len = (uint32_t)data->payload_len;
	entry->hops = data->hops;
	entry->flags = data->flags;
	entry->topic_len = data->topic.len;
	at = entry->bytes;
	if (UNLIKELY(history_dest_len(data->flags) > 0)) {
		memcpy(at, &data->dest, sizeof(data->dest));
		at += sizeof(data->dest);
	}
	memcpy(at, data->topic.text, data->topic.len);
	if (data->payload_len > 0) {
		memcpy(at + data->topic.len, data->payload, data->payload_len);
	}
	origin->held++;
	history_link(history, entry);
	return ERR_OK;
}

struct history_entry *
history_find(
    const struct history *history, const struct origin *origin, uint64_t seq)
{
	struct history_entry *entry;

	if (origin->held == 0) {
		return NULL;
	}
	entry = history_bucket(history, origin, seq)->first;
	while (
	    entry != NULL && (entry->seq != seq || entry->origin != origin)) {
		entry = entry->next;
	}
	return entry;
}

void
history_foresee(
    const struct history *history, const struct origin *origin, uint64_t seq)
{
	if (history->bucket_count > 0) {
		ahead_fetch(history_bucket(history, origin, seq));
	}
}

struct record_data
history_data(const struct history_entry *entry)
{
	const char *at = entry->bytes + history_dest_len(entry->flags);
	struct record_data data = {
		.flags = entry->flags,
		.hops = entry->hops,
		.topic = { .text = at, .len = entry->topic_len },
		.origin = entry->origin->id,
		.seq = entry->seq,
		.payload = (const uint8_t *)at + entry->topic_len,
		.payload_len = entry->payload_len,
	};

	memcpy(&data.dest, entry->bytes, history_dest_len(entry->flags));
	return data;
}

void
history_expire(struct history *history, uint64_t now_ms)
{
	while (history->count > 0 &&
	       (uint32_t)now_ms - history_oldest(history)->ms >= HISTORY_MS) {
		history_drop_oldest(history);
		history->expired++;
	}
}

uint64_t
history_next_ms(const struct history *history, uint64_t now_ms)
{
	uint32_t age;

	if (history->count == 0) {
		return UINT64_MAX;
	}
	age = (uint32_t)now_ms - history_oldest(history)->ms;
	return age >= HISTORY_MS ? now_ms : now_ms + HISTORY_MS - age;
}

void
history_forget(struct history *history, const struct origin *origin)
{
	struct history_block *block = history->first;

	for (; block != NULL && origin->held > 0; block = block->next) {
		size_t at = block->head;

		while (at < block->tail) {
			struct history_entry *entry =
			    (struct history_entry *)(void *)(block->bytes + at);

			at += history_entry_size(entry);
			if (entry->origin == origin) {
				history_unlink(history, entry);
			}
		}
	}
	assert(origin->held == 0);
}
