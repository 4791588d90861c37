/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <stdlib.h>

#include "host/events.h"
#include "support/fault.h"

struct fixture {
	struct events events;
	struct events_batch batch;
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	events_init(&fixture->events);
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	events_fini(&fixture->events);
	free(fixture);
	return 0;
}

static struct nodeid
node(unsigned n)
{
	return (struct nodeid){ { (uint8_t)(n >> 8), (uint8_t)n, 1 } };
}

static void
expect_gap(const struct events_gap *gap, unsigned origin, uint64_t first,
    uint64_t count, bool is_sum)
{
	struct nodeid id = node(origin);

	assert_true(nodeid_equal(&gap->origin, &id));
	assert_int_equal(gap->first, first);
	assert_int_equal(gap->count, count);
	assert_int_equal(gap->is_sum, is_sum);
}

static void
add(struct fixture *fixture, unsigned origin, uint64_t first, uint64_t count)
{
	struct nodeid id = node(origin);

	events_add_gap(&fixture->events, &id, first, count);
}

static void
says_which_numbers_each_gap_has(void **state)
{
	struct fixture *fixture = *state;
	struct events *events = &fixture->events;
	struct events_batch *batch = &fixture->batch;

	assert_true(events_is_empty(events));
	add(fixture, 1, 50, 2);
	add(fixture, 2, 7, 1);
	add(fixture, 1, 53, 3); /* 52 came */
	add(fixture, 1, 56, 1); /* goes on */
	add(fixture, 1, 40, 4);
	assert_false(events_is_empty(events));
	assert_true(events_take(events, batch));
	assert_int_equal(batch->gap_count, 4);
	expect_gap(&batch->gaps[0], 1, 50, 2, false);
	expect_gap(&batch->gaps[1], 2, 7, 1, false);
	expect_gap(&batch->gaps[2], 1, 53, 4, false);
	expect_gap(&batch->gaps[3], 1, 40, 4, false);
	assert_true(events_is_empty(events));
	assert_false(events_take(events, batch));
	/* And nothing of it is left behind. */
	add(fixture, 1, 44, 1);
	assert_true(events_take(events, batch));
	assert_int_equal(batch->gap_count, 1);
	expect_gap(&batch->gaps[0], 1, 44, 1, false);
}

static void
adds_up_what_one_origin_has_too_many_of(void **state)
{
	struct fixture *fixture = *state;
	struct events_batch *batch = &fixture->batch;
	size_t last = EVENTS_GAPS_FEW - 1;

	for (size_t n = 0; n < EVENTS_GAPS_FEW + 5; n++) {
		add(fixture, 1, 1000 + 10 * n, 2);
	}
	add(fixture, 1, 5, 1);
	/* Who has none yet has a place. */
	add(fixture, 2, 7, 1);
	add(fixture, 2, 9, 1);
	assert_true(events_take(&fixture->events, batch));
	assert_int_equal(batch->gap_count, EVENTS_GAPS_FEW + 1);
	expect_gap(&batch->gaps[last - 1], 1, 1000 + 10 * (last - 1), 2, false);
	expect_gap(&batch->gaps[last], 1, 5, 2 * 6 + 1, true);
	expect_gap(&batch->gaps[last + 1], 2, 7, 2, true);
}

static void
counts_the_origins_past_the_limit_together(void **state)
{
	struct fixture *fixture = *state;
	struct events_batch *batch = &fixture->batch;
	const struct nodeid none = { { 0 } };

	for (unsigned n = 0; n < EVENTS_GAPS + 10; n++) {
		add(fixture, n, n + 1, 2);
	}
	/* One that is known keeps its own record. */
	add(fixture, 3, 1000, 1);
	assert_true(events_take(&fixture->events, batch));
	assert_int_equal(batch->gap_count, EVENTS_GAPS + 1);
	expect_gap(&batch->gaps[2], 2, 3, 2, false);
	expect_gap(&batch->gaps[3], 3, 4, 3, true);
	assert_true(nodeid_equal(&batch->gaps[EVENTS_GAPS].origin, &none));
	assert_int_equal(batch->gaps[EVENTS_GAPS].count, 20);
	assert_int_equal(batch->gaps[EVENTS_GAPS].first, EVENTS_GAPS + 1);
	assert_true(batch->gaps[EVENTS_GAPS].is_sum);
}

static void
does_not_wrap_the_count(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned n = 0; n < EVENTS_GAPS; n++) {
		add(fixture, n, 1, UINT64_MAX);
	}
	add(fixture, 0, 1, 5);
	assert_true(events_take(&fixture->events, &fixture->batch));
	assert_int_equal(fixture->batch.gaps[0].count, UINT64_MAX);
}

static void
keeps_one_change_per_connection(void **state)
{
	struct fixture *fixture = *state;
	struct events *events = &fixture->events;
	struct events_batch *batch = &fixture->batch;
	struct nodeid id = node(1);

	/* Came and went before anybody looked: nothing happened. */
	assert_int_equal(events_add_peer(events, 1, &id, "a", true), ERR_OK);
	assert_int_equal(events_add_peer(events, 1, &id, "a", false), ERR_OK);
	assert_true(events_is_empty(events));
	assert_int_equal(events_add_peer(events, 2, &id, "b", true), ERR_OK);
	assert_int_equal(events_add_peer(events, 3, &id, NULL, false), ERR_OK);
	assert_int_equal(events_add_peer(events, 3, &id, NULL, false), ERR_OK);
	assert_true(events_take(events, batch));
	assert_int_equal(batch->peers->conn, 2);
	assert_true(batch->peers->up);
	assert_string_equal(batch->peers->name, "b");
	assert_int_equal(batch->peers->next->conn, 3);
	assert_string_equal(batch->peers->next->name, "");
	assert_null(batch->peers->next->next);
	events_free_peers(batch->peers);
}

static void
has_a_limit_of_changes(void **state)
{
	struct fixture *fixture = *state;
	struct events *events = &fixture->events;
	struct nodeid id = node(1);

	for (uint64_t conn = 1; conn <= EVENTS_PEERS; conn++) {
		assert_int_equal(
		    events_add_peer(events, conn, &id, "", true), ERR_OK);
	}
	assert_int_equal(
	    events_add_peer(events, 5000, &id, "", true), ERR_FULL);
	assert_int_equal(events_add_peer(events, 9, &id, "", false), ERR_OK);
	assert_int_equal(events_add_peer(events, 5000, &id, "", true), ERR_OK);
}

static void
says_when_there_is_no_memory(void **state)
{
	struct fixture *fixture = *state;
	struct nodeid id = node(1);

	fault_fail_nth(1);
	assert_int_equal(
	    events_add_peer(&fixture->events, 1, &id, "", true), ERR_NOMEM);
	assert_true(fault_off());
	assert_true(events_is_empty(&fixture->events));
}

int
main(void)
{
#define EVENTS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		EVENTS_TEST(says_which_numbers_each_gap_has),
		EVENTS_TEST(adds_up_what_one_origin_has_too_many_of),
		EVENTS_TEST(counts_the_origins_past_the_limit_together),
		EVENTS_TEST(does_not_wrap_the_count),
		EVENTS_TEST(keeps_one_change_per_connection),
		EVENTS_TEST(has_a_limit_of_changes),
		EVENTS_TEST(says_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
