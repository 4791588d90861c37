/* SPDX-License-Identifier: MIT
 * heard.c - see heard.h. */

#include "mesh/heard.h"

#include <string.h>

static struct heard_item *
heard_get(struct heard *heard, const struct nodeid *id)
{
	for (size_t i = 0; i < heard->count; i++) {
		if (nodeid_equal(&heard->items[i].id, id)) {
			return &heard->items[i];
		}
	}
	return NULL;
}

const struct heard_item *
heard_find(const struct heard *heard, const struct nodeid *id)
{
	return heard_get((struct heard *)(uintptr_t)heard, id);
}

static void
heard_drop(struct heard *heard, struct heard_item *item)
{
	struct heard_item *end = heard->items + heard->count;

	memmove(item, item + 1, (size_t)(end - item - 1) * sizeof(*item));
	heard->count--;
}

/* A new one; NULL: there is no room. */
static struct heard_item *
heard_add(struct heard *heard, const struct nodeid *id, uint64_t now_ms)
{
	struct heard_item *item;

	if (heard->count == HEARD_MAX) {
		heard->lost++;
		if (now_ms - heard->items[0].put_ms < HEARD_KEEP_MS) {
			return NULL;
		}
		heard_drop(heard, &heard->items[0]);
	}
	item = &heard->items[heard->count++];
	*item = (struct heard_item){ .id = *id, .put_ms = now_ms };
	return item;
}

bool
heard_put(
    struct heard *heard, const struct nodeid *id, uint64_t max, uint64_t now_ms)
{
	struct heard_item *item = heard_get(heard, id);

	if (item == NULL) {
		item = heard_add(heard, id, now_ms);
	}
	if (item == NULL) {
		return false;
	}
	if (max > item->max) {
		if (max >> 32 > item->max >> 32) {
			item->last = item->max;
		}
		item->max = max;
		return true;
	}
	if (max > item->last && max >> 32 < item->max >> 32) {
		item->last = max;
		return true;
	}
	return false;
}

bool
heard_take(struct heard *heard, const struct nodeid *id, struct heard_item *out)
{
	struct heard_item *item = heard_get(heard, id);

	if (item == NULL) {
		return false;
	}
	*out = *item;
	heard_drop(heard, item);
	return true;
}
