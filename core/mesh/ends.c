/* SPDX-License-Identifier: MIT
 * ends.c - see ends.h. */

#include "mesh/ends.h"

static bool
ends_is_of(const struct ends_item *item, const struct nodeid *id)
{
	return item->seq != 0 && nodeid_equal(&item->id, id);
}

size_t
ends_forget(struct ends *ends, const struct nodeid *id)
{
	size_t count = 0;

	for (size_t i = 0; i < ENDS_MAX; i++) {
		if (ends_is_of(&ends->items[i], id)) {
			ends->items[i].seq = 0;
			count++;
		}
	}
	return count;
}

bool
ends_put(struct ends *ends, const struct nodeid *id, uint64_t seq,
    struct nodeid *lost)
{
	struct ends_item *item = &ends->items[ends->count % ENDS_MAX];
	bool is_full = item->seq != 0;

	if (is_full) {
		*lost = item->id;
		if (nodeid_equal(lost, id)) {
			/* A newer boot would seem to be new: it takes its
			 * place, and the one of `seq` is old. */
			uint64_t newest = ends_before(ends, id, UINT64_MAX);

			seq = seq > newest ? seq : newest;
		}
		ends->lost += ends_forget(ends, lost);
	}
	*item = (struct ends_item){ .id = *id, .seq = seq };
	ends->count++;
	return is_full;
}

/* A place for one more of those that are only heard of: a free one, or that of
 * the one put first, if that is long ago; or NULL. */
static struct ends_item *
ends_find_place(struct ends *ends, uint64_t now_ms)
{
	struct ends_item *first = &ends->items[0];

	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct ends_item *item = &ends->items[i];

		if (item->seq == 0) {
			return item;
		}
		first = item->put_ms < first->put_ms ? item : first;
	}
	ends->lost++;
	return now_ms - first->put_ms >= ENDS_KEEP_MS ? first : NULL;
}

/* So many boots of it are here that the oldest of them goes; false: `seq` is of
 * an older one still. */
static bool
ends_make_way(struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	uint64_t oldest = ends_after(ends, id, 0);
	size_t count = 0;

	for (uint64_t at = oldest; at != 0; at = ends_after(ends, id, at)) {
		count++;
	}
	if (count < ENDS_HEARD) {
		return true;
	}
	if (seq > oldest) {
		*ends_find(ends, id, oldest) = 0;
	}
	return seq > oldest;
}

/* There is news of it: all that is known of it is told for some time. */
static void
ends_touch(struct ends *ends, const struct nodeid *id, uint64_t now_ms)
{
	for (size_t i = 0; i < ENDS_MAX; i++) {
		if (ends_is_of(&ends->items[i], id)) {
			ends->items[i].put_ms = now_ms;
		}
	}
}

bool
ends_hear(
    struct ends *ends, const struct nodeid *id, uint64_t seq, uint64_t now_ms)
{
	uint64_t *known = ends_find(ends, id, seq);
	struct ends_item *item;

	if (seq >> 32 == 0 || (uint32_t)seq == 0) {
		return false; /* that says nothing */
	}
	if (known != NULL) {
		if (*known >= seq) {
			return false;
		}
		*known = seq;
	} else {
		item = ends_make_way(ends, id, seq)
		           ? ends_find_place(ends, now_ms)
		           : NULL;
		if (item == NULL) {
			return false;
		}
		*item = (struct ends_item){ .id = *id, .seq = seq };
	}
	ends_touch(ends, id, now_ms);
	return true;
}

uint64_t *
ends_find(struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct ends_item *item = &ends->items[i];

		if (item->seq >> 32 == seq >> 32 && ends_is_of(item, id)) {
			return &item->seq;
		}
	}
	return NULL;
}

uint64_t
ends_before(const struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	uint64_t before = 0;

	for (size_t i = 0; i < ENDS_MAX; i++) {
		const struct ends_item *item = &ends->items[i];

		if (item->seq >> 32 < seq >> 32 && item->seq > before &&
		    ends_is_of(item, id)) {
			before = item->seq;
		}
	}
	return before;
}

uint64_t
ends_after(const struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	uint64_t after = UINT64_MAX;

	for (size_t i = 0; i < ENDS_MAX; i++) {
		const struct ends_item *item = &ends->items[i];

		if (item->seq >> 32 > seq >> 32 && item->seq < after &&
		    ends_is_of(item, id)) {
			after = item->seq;
		}
	}
	return after != UINT64_MAX ? after : 0;
}
