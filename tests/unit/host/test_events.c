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
merges_the_gaps_of_one_origin(void **state)
{
	struct fixture *fixture = *state;
	struct events *events = &fixture->events;
	struct events_batch *batch = &fixture->batch;

	assert_true(events_is_empty(events));
	events_add_gap(events, &(struct nodeid){ { 1 } }, 50, 2);
	events_add_gap(events, &(struct nodeid){ { 2 } }, 7, 1);
	events_add_gap(events, &(struct nodeid){ { 1 } }, 40, 3);
	assert_false(events_is_empty(events));
	assert_true(events_take(events, batch));
	assert_int_equal(batch->gap_count, 2);
	assert_int_equal(batch->gaps[0].first, 40);
	assert_int_equal(batch->gaps[0].count, 5);
	assert_int_equal(batch->gaps[1].first, 7);
	assert_true(events_is_empty(events));
	assert_false(events_take(events, batch));
	/* And nothing of it is left behind. */
	events_add_gap(events, &(struct nodeid){ { 1 } }, 90, 1);
	assert_true(events_take(events, batch));
	assert_int_equal(batch->gaps[0].first, 90);
	assert_int_equal(batch->gaps[0].count, 1);
}

static void
counts_the_origins_past_the_limit_together(void **state)
{
	struct fixture *fixture = *state;
	struct events_batch *batch = &fixture->batch;
	const struct nodeid none = { { 0 } };
	struct nodeid known = node(3);

	for (unsigned n = 0; n < EVENTS_GAPS + 10; n++) {
		struct nodeid origin = node(n);

		events_add_gap(&fixture->events, &origin, n + 1, 2);
	}
	/* One that is known keeps its own record. */
	events_add_gap(&fixture->events, &known, 1000, 1);
	assert_true(events_take(&fixture->events, batch));
	assert_int_equal(batch->gap_count, EVENTS_GAPS + 1);
	assert_int_equal(batch->gaps[3].count, 3);
	assert_true(nodeid_equal(&batch->gaps[EVENTS_GAPS].origin, &none));
	assert_int_equal(batch->gaps[EVENTS_GAPS].count, 20);
	assert_int_equal(batch->gaps[EVENTS_GAPS].first, EVENTS_GAPS + 1);
}

static void
does_not_wrap_the_count(void **state)
{
	struct fixture *fixture = *state;

	events_add_gap(
	    &fixture->events, &(struct nodeid){ { 1 } }, 1, UINT64_MAX);
	events_add_gap(&fixture->events, &(struct nodeid){ { 1 } }, 1, 5);
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
		EVENTS_TEST(merges_the_gaps_of_one_origin),
		EVENTS_TEST(counts_the_origins_past_the_limit_together),
		EVENTS_TEST(does_not_wrap_the_count),
		EVENTS_TEST(keeps_one_change_per_connection),
		EVENTS_TEST(has_a_limit_of_changes),
		EVENTS_TEST(says_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
