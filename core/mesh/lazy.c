/* SPDX-License-Identifier: MIT
 * lazy.c - see lazy.h. */

#include "mesh/lazy.h"

#include <stdlib.h>
#include <string.h>

enum {
	LAZY_ROOM_MIN = 16,
	LAZY_LOOK_BACK = 32, /* runs that an id may lengthen */
};

void
lazy_init(struct lazy *lazy, enum record_type type, uint64_t wait_ms,
    uint64_t quiet_ms)
{
	memset(lazy, 0, sizeof(*lazy));
	lazy->type = type;
	lazy->wait_ms = wait_ms;
	lazy->quiet_ms = quiet_ms;
	lazy->due_ms = UINT64_MAX;
}

void
lazy_fini(struct lazy *lazy)
{
	free(lazy->items);
	free(lazy->runs);
	lazy_init(lazy, lazy->type, lazy->wait_ms, lazy->quiet_ms);
}

static enum err
lazy_grow(struct lazy *lazy)
{
	size_t room = lazy->room == 0 ? LAZY_ROOM_MIN : lazy->room * 2;
	void *more = realloc(lazy->items, room * sizeof(*lazy->items));

	if (more == NULL) {
		return ERR_NOMEM;
	}
	lazy->items = more;
	more = realloc(lazy->runs, room * sizeof(*lazy->runs));
	if (more == NULL) {
		return ERR_NOMEM;
	}
	lazy->runs = more;
	lazy->room = room;
	return ERR_OK;
}

enum err
lazy_put(struct lazy *lazy, const struct lazy_item *item)
{
	uint64_t now_ms = item->put_ms;

	if (lazy->count == LAZY_MAX) {
		return ERR_FULL;
	}
	if (lazy->count == lazy->room && lazy_grow(lazy) != ERR_OK) {
		return ERR_NOMEM;
	}
	if (lazy->count == 0) {
		lazy->due_ms = now_ms + (now_ms - lazy->put_ms > LAZY_GAP_MS
		                                ? lazy->quiet_ms
		                                : lazy->wait_ms);
	}
	lazy->put_ms = now_ms;
	lazy->items[lazy->count++] = *item;
	return ERR_OK;
}

void
lazy_forget_slots(struct lazy *lazy, uint64_t slots)
{
	for (size_t i = 0; i < lazy->count; i++) {
		lazy->items[i].slots &= ~slots;
	}
}

uint64_t
lazy_settle(struct lazy *lazy, const struct history *history)
{
	uint64_t slots = 0;

	for (size_t i = 0; i < lazy->count; i++) {
		struct lazy_item *item = &lazy->items[i];
		const struct history_entry *entry = history_get(
		    history, item->place);

		if (entry != NULL) {
			item->slots &= ~entry->known;
		}
		slots |= item->slots;
	}
	return slots;
}

static uint8_t
lazy_age(const struct lazy_item *item, uint64_t now_ms)
{
	uint64_t age_ms = now_ms - item->put_ms;

	return age_ms < RECORD_AGE_MAX ? (uint8_t)age_ms : RECORD_AGE_MAX;
}

/* Lengthen one of the last runs by this id. */
static bool
lazy_merge(struct lazy *lazy, size_t count, const struct lazy_item *item,
    uint64_t now_ms)
{
	size_t stop = count > LAZY_LOOK_BACK ? count - LAZY_LOOK_BACK : 0;

	for (size_t i = count; i > stop; i--) {
		struct record_run *run = &lazy->runs[i - 1];

		if (run->seq + run->count == item->seq &&
		    run->count < UINT16_MAX &&
		    nodeid_equal(&run->origin, &item->origin)) {
			run->count++;
			run->flags = lazy_age(item, now_ms);
			return true;
		}
	}
	return false;
}

size_t
lazy_gather(struct lazy *lazy, uint64_t bit, uint64_t now_ms)
{
	bool ends = lazy->type == RECORD_SYNC;
	size_t count = 0;

	for (size_t i = 0; i < lazy->count; i++) {
		const struct lazy_item *item = &lazy->items[i];

		if ((item->slots & bit) == 0 ||
		    (!ends && lazy_merge(lazy, count, item, now_ms))) {
			continue;
		}
		lazy->runs[count++] = (struct record_run){
			.origin = item->origin,
			.seq = item->seq + (ends ? 1 : 0),
			.count = ends ? 0 : 1,
			.flags = lazy_age(item, now_ms),
		};
	}
	return count;
}

void
lazy_clear(struct lazy *lazy)
{
	lazy->count = 0;
	lazy->due_ms = UINT64_MAX;
}
