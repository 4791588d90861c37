/* SPDX-License-Identifier: MIT
 * wheel.h - many coarse deadlines, none of which costs anything until due.
 *
 * A hashed timing wheel (Varghese, Lauck 1987, scheme 6): add and remove are
 * O(1), a turn touches only the items of its slot.  sans-I/O. */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define WHEEL_TICK_MS 250u
#define WHEEL_SLOTS   256u /* one revolution: 64 s */

/* Embed it.  Zeros: not in a wheel; `le_prev` tells. */
struct wheel_item {
	LIST_ENTRY(wheel_item) slot_entry;
	uint64_t at_ms;
};

struct wheel {
	LIST_HEAD(, wheel_item) slots[WHEEL_SLOTS];
	uint64_t tick; /* the last one that was turned */
	size_t count;
};

void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Due at `at_ms`, or up to a tick later.  Moves an item that is in already. */
void wheel_set(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms);
/* As wheel_set, but never makes it later than it is. */
void wheel_hasten(struct wheel *wheel, struct wheel_item *item, uint64_t at_ms);
void wheel_remove(struct wheel *wheel, struct wheel_item *item);

/* Take one item that is due off the wheel; NULL when `now_ms` has none. */
struct wheel_item *wheel_next_due(struct wheel *wheel, uint64_t now_ms);

#endif
