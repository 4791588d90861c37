/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/rng.h"
#include "host/timers.h"
#include "support/fault.h"

static void
fires_in_the_order_of_deadlines(void **state)
{
	struct timers timers;
	struct timer timer;
	struct rng rng;
	uint64_t last_ns = 0;

	(void)state;
	timers_init(&timers);
	rng_init(&rng, 7);
	for (uint64_t id = 0; id < 500; id++) {
		assert_int_equal(
		    timers_start(&timers, id, rng_below(&rng, 1000)), ERR_OK);
	}
	/* Move some, cancel some. */
	for (uint64_t id = 0; id < 500; id += 3) {
		assert_int_equal(
		    timers_start(&timers, id, rng_below(&rng, 1000)), ERR_OK);
	}
	for (uint64_t id = 1; id < 500; id += 5) {
		assert_int_equal(timers_cancel(&timers, id), ERR_OK);
	}
	assert_int_equal(timers.count, 400);
	for (int i = 0; i < 400; i++) {
		assert_true(timers_take(&timers, 1000, &timer));
		assert_true(timer.deadline_ns >= last_ns);
		last_ns = timer.deadline_ns;
	}
	assert_false(timers_take(&timers, UINT64_MAX, &timer));
	timers_fini(&timers);
}

static void
fires_nothing_before_its_time(void **state)
{
	struct timers timers;
	struct timer timer;

	(void)state;
	timers_init(&timers);
	assert_int_equal(timers_next(&timers), UINT64_MAX);
	assert_int_equal(timers_start(&timers, 4, 100), ERR_OK);
	assert_int_equal(timers_next(&timers), 100);
	assert_false(timers_take(&timers, 99, &timer));
	assert_true(timers_take(&timers, 100, &timer));
	assert_int_equal(timer.id, 4);
	timers_fini(&timers);
}

static void
moves_a_running_timer(void **state)
{
	struct timers timers;
	struct timer timer;

	(void)state;
	timers_init(&timers);
	assert_int_equal(timers_start(&timers, 1, 100), ERR_OK);
	assert_int_equal(timers_start(&timers, 1, 50), ERR_OK);
	assert_true(timers_take(&timers, 60, &timer));
	assert_false(timers_take(&timers, 200, &timer));
	assert_int_equal(timers_cancel(&timers, 1), ERR_NOTFOUND);
	timers_fini(&timers);
}

static void
has_a_limit(void **state)
{
	struct timers timers;

	(void)state;
	timers_init(&timers);
	for (uint64_t id = 0; id < TIMERS_MAX; id++) {
		assert_int_equal(timers_start(&timers, id, 1), ERR_OK);
	}
	assert_int_equal(timers_start(&timers, TIMERS_MAX, 1), ERR_FULL);
	assert_int_equal(timers_start(&timers, 0, 9), ERR_OK);
	assert_int_equal(timers_cancel(&timers, 5), ERR_OK);
	assert_int_equal(timers_start(&timers, TIMERS_MAX, 1), ERR_OK);
	timers_fini(&timers);
}

static void
is_as_it_was_without_memory(void **state)
{
	struct timers timers;

	(void)state;
	timers_init(&timers);
	fault_fail_nth(1);
	assert_int_equal(timers_start(&timers, 1, 1), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(timers_next(&timers), UINT64_MAX);
	timers_fini(&timers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_in_the_order_of_deadlines),
		cmocka_unit_test(fires_nothing_before_its_time),
		cmocka_unit_test(moves_a_running_timer),
		cmocka_unit_test(has_a_limit),
		cmocka_unit_test(is_as_it_was_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
