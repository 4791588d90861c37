/* SPDX-License-Identifier: MIT
 * Deadlines: never early, at most a tick late, in any number. */
#include "net/wheel.h"

#include "support/test.h"

enum { REVOLUTION = WHEEL_TICK_MS * WHEEL_SLOTS };

static unsigned
take_all(struct wheel *wheel, uint64_t now_ms)
{
	unsigned count = 0;

	while (wheel_next_due(wheel, now_ms) != NULL) {
		count++;
	}
	return count;
}

static void
is_never_early_and_at_most_a_tick_late(void **state)
{
	(void)state;
	for (uint64_t at = 1000; at < 2000; at += 37) {
		struct wheel wheel;
		struct wheel_item item = { 0 };
		uint64_t now = 1000;

		wheel_init(&wheel, now);
		wheel_set(&wheel, &item, at);
		while (wheel_next_due(&wheel, now) == NULL) {
			now++;
		}
		assert_true(now >= at);
		assert_true(now <= at + 2 * WHEEL_TICK_MS);
		assert_int_equal(wheel.count, 0);
	}
}

static void
an_item_of_a_later_revolution_stays(void **state)
{
	struct wheel wheel;
	struct wheel_item soon = { 0 };
	struct wheel_item late = { 0 };

	(void)state;
	wheel_init(&wheel, 0);
	wheel_set(&wheel, &late, 1000 + REVOLUTION);
	wheel_set(&wheel, &soon, 1000);
	assert_ptr_equal(wheel_next_due(&wheel, 1000), &soon);
	assert_null(wheel_next_due(&wheel, 1000));
	assert_null(wheel_next_due(&wheel, REVOLUTION));
	assert_ptr_equal(wheel_next_due(&wheel, 1000 + REVOLUTION), &late);
}

static void
a_long_stop_loses_nobody(void **state)
{
	struct wheel wheel;
	struct wheel_item items[600] = { 0 };

	(void)state;
	wheel_init(&wheel, 0);
	for (unsigned i = 0; i < 600; i++) {
		wheel_set(&wheel, &items[i], i * 500);
	}
	assert_int_equal(take_all(&wheel, (uint64_t)10 * REVOLUTION), 600);
	assert_int_equal(wheel.count, 0);
}

static void
hasten_never_delays(void **state)
{
	struct wheel wheel;
	struct wheel_item item = { 0 };

	(void)state;
	wheel_init(&wheel, 0);
	wheel_hasten(&wheel, &item, 5000); /* it was not in */
	wheel_hasten(&wheel, &item, 9000);
	assert_int_equal(item.at_ms, 5000);
	wheel_hasten(&wheel, &item, 2000);
	assert_int_equal(item.at_ms, 2000);
	wheel_set(&wheel, &item, 9000); /* set does */
	assert_null(wheel_next_due(&wheel, 8999));
	assert_ptr_equal(wheel_next_due(&wheel, 9000), &item);
}

static void
what_was_removed_is_not_due(void **state)
{
	struct wheel wheel;
	struct wheel_item items[3] = { 0 };

	(void)state;
	wheel_init(&wheel, 0);
	for (unsigned i = 0; i < 3; i++) {
		wheel_set(&wheel, &items[i], 1000);
	}
	wheel_remove(&wheel, &items[1]);
	wheel_remove(&wheel, &items[1]); /* not in: nothing */
	assert_int_equal(wheel.count, 2);
	assert_int_equal(take_all(&wheel, 1000), 2);
}

static void
an_empty_wheel_turns_for_nothing(void **state)
{
	struct wheel wheel;
	struct wheel_item item = { 0 };

	(void)state;
	wheel_init(&wheel, 0);
	assert_null(wheel_next_due(&wheel, 1000000));
	wheel_set(&wheel, &item, 10); /* in the past: the next tick */
	assert_null(wheel_next_due(&wheel, 1000000));
	assert_ptr_equal(
	    wheel_next_due(&wheel, 1000000 + WHEEL_TICK_MS), &item);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_never_early_and_at_most_a_tick_late),
		cmocka_unit_test(an_item_of_a_later_revolution_stays),
		cmocka_unit_test(a_long_stop_loses_nobody),
		cmocka_unit_test(hasten_never_delays),
		cmocka_unit_test(what_was_removed_is_not_due),
		cmocka_unit_test(an_empty_wheel_turns_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
