/* SPDX-License-Identifier: MIT */
#include "support/test.h"

#include "base/rng.h"
#include "sim/heap.h"

static void
events_come_out_in_the_order_of_time(void **state)
{
	struct heap heap;
	struct rng rng;
	uint64_t last_us = 0;

	(void)state;
	heap_init(&heap);
	rng_init(&rng, 1);
	for (int i = 0; i < 5000; i++) {
		struct event event = { .at_us = rng_below(&rng, 1000) };

		assert_int_equal(heap_push(&heap, event), ERR_OK);
	}
	for (int i = 0; i < 5000; i++) {
		struct event event = heap_pop(&heap);

		assert_true(event.at_us >= last_us);
		last_us = event.at_us;
	}
	assert_int_equal(heap.count, 0);
	heap_fini(&heap);
}

static void
events_of_one_instant_come_out_as_they_went_in(void **state)
{
	struct heap heap;

	(void)state;
	heap_init(&heap);
	for (uint32_t i = 0; i < 3000; i++) {
		struct event event = { .at_us = 7, .number = i };

		assert_int_equal(heap_push(&heap, event), ERR_OK);
	}
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(heap_pop(&heap).number, i);
	}
	heap_fini(&heap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_out_in_the_order_of_time),
		cmocka_unit_test(
		    events_of_one_instant_come_out_as_they_went_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
