/* SPDX-License-Identifier: MIT
 * history.c - see history.h. */

#include "mesh/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/ahead.h"

enum {
	HISTORY_ROOM_MIN = 64,
	HISTORY_TOGETHER = 8, /* so many bits of numbers lie in a row */
	/* What keeping a record takes besides its bytes. */
	HISTORY_ENTRY = sizeof(struct history_entry) + sizeof(uint64_t),
};

void
history_init(struct history *history, struct chunk_pool *pool, size_t limit,
    uint64_t salt)
{
	memset(history, 0, sizeof(*history));
	chunk_log_init(&history->log, pool, CHUNK_SMALL);
	history->limit = limit;
	history->salt = salt | 1;
	history->first = 1;
	history->next = 1;
}

static struct history_entry *
history_at(const struct history *history, uint64_t place)
{
	return &history->ring[place & (history->room - 1)];
}

static void
history_drop_oldest(struct history *history)
{
	struct history_entry *entry = history_at(history, history->first);
	const struct origin *soon;

	history->bytes -= HISTORY_ENTRY + entry->range.len;
	chunk_unref(entry->range.chunk);
	if (entry->origin != NULL) {
		entry->origin->held--;
	}
	history->first++;
	/* Who goes next, a message from now: its origin is cold. */
	soon = history_at(history, history->first)->origin;
	if (soon != NULL) {
		ahead_fetch(&soon->held);
	}
}

/* It is empty: ring, hash and the last chunk go back. */
static void
history_release(struct history *history)
{
	chunk_log_fini(&history->log);
	free(history->ring);
	free(history->newest);
	history->ring = NULL;
	history->newest = NULL;
	history->room = 0;
}

void
history_fini(struct history *history)
{
	while (history_count(history) > 0) {
		history_drop_oldest(history);
	}
	history_release(history);
}

static uint64_t *
history_newest(
    const struct history *history, const struct origin *origin, uint64_t seq)
{
	uint64_t hash = ((uint64_t)(uintptr_t)origin ^
	                    seq >> HISTORY_TOGETHER) *
	                UINT64_C(0x9e3779b97f4a7c15);

	/* Consecutive messages in consecutive places: caches like that.  But
	 * numbers are chosen by others, to whom the salt is not known. */
	hash = (hash ^ hash >> 32) * history->salt;
	hash = (hash >> 32) + seq;
	return &history->newest[hash & (history->room - 1)];
}

/* The entry at this place, the newest, can be found from now on. */
static void
history_link(struct history *history, struct history_entry *entry, uint64_t at)
{
	uint64_t *newest = history_newest(history, entry->origin, entry->seq);

	entry->step = *newest >= history->first ? (uint32_t)(at - *newest) : 0;
	*newest = at;
}

/* Seldom: kept out of the way of history_put. */
__attribute__((noinline)) static enum err
history_grow(struct history *history)
{
	const struct history old = *history;
	size_t room = old.room == 0 ? HISTORY_ROOM_MIN : old.room * 2;
	struct history_entry *ring = calloc(room, sizeof(*ring));
	uint64_t *newest = calloc(room, sizeof(*newest));

	if (ring == NULL || newest == NULL) {
		free(ring);
		free(newest);
		return ERR_NOMEM;
	}
	history->ring = ring;
	history->newest = newest;
	history->room = room;
	for (uint64_t at = old.first; at < old.next; at++) {
		struct history_entry *entry = history_at(history, at);

		*entry = *history_at(&old, at);
		if (entry->origin != NULL) {
			history_link(history, entry, at);
		}
	}
	free(old.ring);
	free(old.newest);
	return ERR_OK;
}

/* Room for one more record of `len` bytes. */
static inline enum err
history_reserve(struct history *history, size_t len)
{
	size_t size = HISTORY_ENTRY + len;

	if (size > history->limit) {
		return ERR_TOOBIG;
	}
	while (history->bytes + size > history->limit) {
		history_drop_oldest(history);
		history->evicted++;
	}
	return LIKELY(history_count(history) < history->room)
	           ? ERR_OK
	           : history_grow(history);
}

enum err
history_put(struct history *history, struct origin *origin,
    const struct record_data *data, uint64_t known, uint64_t now_ms,
    struct range *range)
{
	size_t len = record_data_size(data);
	struct history_entry *entry;
	enum err err = history_reserve(history, len);

	if (UNLIKELY(err != ERR_OK)) {
		return err;
	}
	err = chunk_log_append(&history->log, len, range);
	if (UNLIKELY(err != ERR_OK)) {
		return err;
	}
	record_data_write(range_bytes(range), data);
	chunk_ref(range->chunk);
	entry = history_at(history, history->next);
	entry->origin = origin;
	entry->seq = data->seq;
	entry->known = known;
	entry->range = *range;
	entry->ms = (uint32_t)now_ms;
	origin->held++;
	history->bytes += HISTORY_ENTRY + range->len;
	history_link(history, entry, history->next++);
	return ERR_OK;
}

struct history_entry *
history_find(
    const struct history *history, const struct origin *origin, uint64_t seq)
{
	struct history_entry *entry;
	uint64_t place;

	if (origin->held == 0) {
		return NULL;
	}
	place = *history_newest(history, origin, seq);
	while ((entry = history_get(history, place)) != NULL &&
	       (entry->seq != seq || entry->origin != origin)) {
		place = entry->step != 0 ? place - entry->step : 0;
	}
	return entry;
}

void
history_foresee(
    const struct history *history, const struct origin *origin, uint64_t seq)
{
	if (history->room > 0) {
		ahead_fetch(history_newest(history, origin, seq));
	}
}

struct record_data
history_data(const struct history_entry *entry)
{
	const uint8_t *at = range_bytes(&entry->range);
	struct record_data data = { .payload_len = 0 };
	struct record record;

	/* It was written here. */
	if (record_next(&at, at + entry->range.len, &record) != ERR_OK ||
	    record_data_decode(&record, &data) != ERR_OK) {
		abort();
	}
	return data;
}

uint64_t
history_expire(struct history *history, uint64_t now_ms)
{
	while (history_count(history) > 0) {
		uint32_t age = (uint32_t)now_ms -
		               history_at(history, history->first)->ms;

		if (age < HISTORY_MS) {
			return now_ms + HISTORY_MS - age;
		}
		history_drop_oldest(history);
		history->expired++;
	}
	if (history->room > 0) {
		history_release(history);
	}
	return UINT64_MAX;
}

void
history_forget(struct history *history, struct origin *origin)
{
	for (uint64_t place = history->first; origin->held > 0; place++) {
		struct history_entry *entry = history_at(history, place);

		assert(place < history->next);
		if (entry->origin == origin) {
			entry->origin = NULL;
			origin->held--;
		}
	}
}
