/* SPDX-License-Identifier: MIT
 * ends.c - see ends.h. */

#include "mesh/ends.h"

size_t
ends_forget(struct ends *ends, const struct nodeid *id)
{
	size_t count = 0;

	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct ends_item *item = &ends->items[i];

		if (item->seq != 0 && nodeid_equal(&item->id, id)) {
			item->seq = 0;
			count++;
		}
	}
	return count;
}

void
ends_put(struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	struct ends_item *item = &ends->items[ends->count % ENDS_MAX];

	if (item->seq != 0) {
		const struct nodeid gone = item->id;

		if (nodeid_equal(&gone, id)) {
			/* A newer boot would seem to be new: it takes its
			 * place, and the one of `seq` is old. */
			uint64_t newest = ends_before(ends, id, UINT64_MAX);

			seq = seq > newest ? seq : newest;
		}
		ends->lost += ends_forget(ends, &gone);
	}
	*item = (struct ends_item){ .id = *id, .seq = seq };
	ends->count++;
}

uint64_t *
ends_find(struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct ends_item *item = &ends->items[i];

		if (item->seq != 0 && item->seq >> 32 == seq >> 32 &&
		    nodeid_equal(&item->id, id)) {
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
		    nodeid_equal(&item->id, id)) {
			before = item->seq;
		}
	}
	return before;
}
