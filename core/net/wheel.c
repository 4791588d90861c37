/* SPDX-License-Identifier: MIT
 * wheel.c - see wheel.h. */

#include "net/wheel.h"

#include <string.h>

void
wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->tick = now_ms / WHEEL_TICK_MS;
}

void
wheel_remove(struct wheel *wheel, struct wheel_item *item)
{
	if (item->link == NULL) {
		return;
	}
	*item->link = item->next;
	if (item->next != NULL) {
		item->next->link = item->link;
	}
	item->next = NULL;
	item->link = NULL;
	wheel->count--;
}

void
wheel_set(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms)
{
	/* Rounded up, and never into the past: never too early. */
	uint64_t tick = (at_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
	struct wheel_item **slot;

	wheel_remove(wheel, item);
	if (tick <= wheel->tick) {
		tick = wheel->tick + 1;
	}
	slot = &wheel->slots[tick % WHEEL_SLOTS];
	item->at_ms = at_ms;
	item->next = *slot;
	item->link = slot;
	if (item->next != NULL) {
		item->next->link = &item->next;
	}
	*slot = item;
	wheel->count++;
}

void
wheel_hasten(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms)
{
	if (item->link == NULL || at_ms < item->at_ms) {
		wheel_set(wheel, item, at_ms);
	}
}

struct wheel_item *
wheel_next_due(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t tick = now_ms / WHEEL_TICK_MS;

	/* After a long stop one revolution sees every slot. */
	if (tick > wheel->tick + WHEEL_SLOTS) {
		wheel->tick = tick - WHEEL_SLOTS;
	}
	while (wheel->tick < tick && wheel->count > 0) {
		struct wheel_item
		    *item = wheel->slots[(wheel->tick + 1) % WHEEL_SLOTS];

		/* Items of a later revolution share the slot. */
		while (item != NULL && item->at_ms > now_ms) {
			item = item->next;
		}
		if (item != NULL) {
			wheel_remove(wheel, item);
			return item;
		}
		wheel->tick++;
	}
	wheel->tick = tick;
	return NULL;
}
