/* SPDX-License-Identifier: MIT
 * ends.c - see ends.h. */

#include "mesh/ends.h"

static void
ends_forget(struct ends *ends, const struct nodeid *id)
{
	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct ends_item *item = &ends->items[i];

		if (item->seq != 0 && nodeid_equal(&item->id, id)) {
			item->seq = 0;
			ends->lost++;
		}
	}
}

void
ends_put(struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	struct ends_item *item = &ends->items[ends->count % ENDS_MAX];

	if (item->seq != 0) {
		const struct nodeid gone = item->id;

		ends_forget(ends, &gone);
	}
	*item = (struct ends_item){ .id = *id, .seq = seq };
	ends->count++;
}

uint64_t *
ends_find(struct ends *ends, const struct nodeid *id, uint64_t seq)
{
	for (size_t i = 0; i < ENDS_MAX; i++) {
		struct ends_item *item = &ends->items[i];

		if (item->seq >> 32 == seq >> 32 &&
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
