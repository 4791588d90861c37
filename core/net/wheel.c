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
	if (item->slot_entry.le_prev != NULL) {
		LIST_REMOVE(item, slot_entry);
		item->slot_entry.le_prev = NULL;
		wheel->count--;
	}
}

void
wheel_set(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms)
{
	/* Rounded up, and never into the past: never too early. */
	uint64_t tick = (at_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;

	wheel_remove(wheel, item);
	if (tick <= wheel->tick) {
		tick = wheel->tick + 1;
	}
	item->at_ms = at_ms;
	LIST_INSERT_HEAD(&wheel->slots[tick % WHEEL_SLOTS], item, slot_entry);
	wheel->count++;
}

void
wheel_hasten(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms)
{
	if (item->slot_entry.le_prev == NULL || at_ms < item->at_ms) {
		wheel_set(wheel, item, at_ms);
	}
}

struct wheel_item *
wheel_next_due(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t tick = now_ms / WHEEL_TICK_MS;
	struct wheel_item *item;

	/* After a long stop one revolution sees every slot. */
	if (tick > wheel->tick + WHEEL_SLOTS) {
		wheel->tick = tick - WHEEL_SLOTS;
	}
	while (wheel->tick < tick && wheel->count > 0) {
		size_t slot = (wheel->tick + 1) % WHEEL_SLOTS;

		/* Items of a later revolution share it. */
		LIST_FOREACH (item, &wheel->slots[slot], slot_entry) {
			if (item->at_ms <= now_ms) {
				wheel_remove(wheel, item);
				return item;
			}
		}
		wheel->tick++;
	}
	wheel->tick = tick;
	return NULL;
}
