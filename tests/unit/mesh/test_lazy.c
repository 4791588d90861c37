/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include <stdlib.h>

#include "mesh/lazy.h"

struct bench {
	struct lazy lazy;
	struct history history;
	struct chunk_pool pool;
	struct origin a;
	struct nodeid b;
};

static int
bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct nodeid id = { .bytes = { 1 } };

	assert_non_null(bench);
	lazy_init(&bench->lazy, RECORD_IHAVE, 25, 10);
	chunk_pool_init(&bench->pool);
	history_init(&bench->history, &bench->pool, 100000, 7);
	origin_init(&bench->a, &id, 0);
	bench->b.bytes[0] = 2;
	*state = bench;
	return 0;
}

static int
bench_teardown(void **state)
{
	struct bench *bench = *state;

	lazy_fini(&bench->lazy);
	history_fini(&bench->history);
	chunk_pool_fini(&bench->pool);
	free(bench);
	return 0;
}

/* The history never had it. */
static struct lazy_item
an_item(const struct nodeid *id, uint64_t seq, uint64_t slots, uint64_t put_ms)
{
	return (struct lazy_item){
		.origin = *id, .seq = seq, .slots = slots, .put_ms = put_ms
	};
}

static void
put_at(struct bench *bench, const struct nodeid *id, uint64_t seq,
    uint64_t slots, uint64_t put_ms)
{
	struct lazy_item item = an_item(id, seq, slots, put_ms);

	assert_int_equal(lazy_put(&bench->lazy, &item), ERR_OK);
}

static void
put(struct bench *bench, const struct nodeid *id, uint64_t seq, uint64_t slots)
{
	put_at(bench, id, seq, slots, 1000);
}

/* Id 10 of `a`, which the history has; so many links know it. */
static void
put_held(struct bench *bench, uint64_t known, uint64_t slots)
{
	const struct record_data data = { .topic = { .text = "a", .len = 1 },
		.seq = 10 };
	struct lazy_item item = an_item(&bench->a.id, 10, slots, 1000);
	struct range range;

	assert_int_equal(
	    history_put(&bench->history, &bench->a, &data, known, 0, &range),
	    ERR_OK);
	item.place = bench->history.next - 1;
	assert_int_equal(lazy_put(&bench->lazy, &item), ERR_OK);
}

/* The runs for `slot`. */
static size_t
told(struct bench *bench, unsigned slot, struct record_run *runs, size_t max)
{
	size_t count = lazy_gather(&bench->lazy, UINT64_C(1) << slot, 1030);

	assert_true(count <= max);
	memcpy(runs, bench->lazy.runs, count * sizeof(*runs));
	return count;
}

static void
consecutive_ids_are_one_run_even_between_others(void **state)
{
	struct bench *bench = *state;
	struct record_run runs[8];

	put(bench, &bench->a.id, 10, 1);
	put(bench, &bench->b, 5, 1);
	put(bench, &bench->a.id, 11, 1);
	put(bench, &bench->a.id, 13, 1);
	put(bench, &bench->b, 6, 1);
	assert_int_equal(told(bench, 0, runs, 8), 3);
	assert_int_equal(runs[0].seq, 10);
	assert_int_equal(runs[0].count, 2);
	assert_int_equal(runs[1].seq, 5);
	assert_int_equal(runs[1].count, 2);
	assert_int_equal(runs[2].seq, 13);
	assert_int_equal(runs[2].count, 1);
	assert_int_equal(told(bench, 1, runs, 8), 0);
}

static void
a_run_tells_how_long_its_last_id_has_waited(void **state)
{
	struct bench *bench = *state;
	struct record_run runs[8];

	put(bench, &bench->a.id, 10, 1);
	put_at(bench, &bench->a.id, 11, 1, 1012);
	put_at(bench, &bench->b, 5, 1, 500);
	assert_int_equal(told(bench, 0, runs, 8), 2);
	assert_int_equal(runs[0].flags, 18); /* at 1030 */
	assert_int_equal(runs[1].flags, RECORD_AGE_MAX);
}

/* Places begin with 1: what the history has is none of its business. */
static void
the_ends_of_origins_are_told_one_by_one(void **state)
{
	struct bench *bench = *state;
	struct record_data data = { .topic = { .text = "a", .len = 1 },
		.seq = 10 };
	struct record_run runs[8];
	struct range range;

	lazy_init(&bench->lazy, RECORD_SYNC, 25, 10);
	assert_int_equal(
	    history_put(&bench->history, &bench->a, &data, 7, 0, &range),
	    ERR_OK);
	put(bench, &bench->a.id, 10, 1);
	put(bench, &bench->a.id, 11, 1);
	assert_int_equal(lazy_settle(&bench->lazy, &bench->history), 1);
	assert_int_equal(told(bench, 0, runs, 8), 2);
	assert_int_equal(runs[0].seq, 11);
	assert_int_equal(runs[0].count, 0);
	assert_int_equal(runs[1].seq, 12);
}

static void
who_knows_by_now_is_not_told(void **state)
{
	struct bench *bench = *state;
	struct record_run runs[8];

	put_held(bench, 0, 7);
	put(bench, &bench->a.id, 11, 2);
	history_find(&bench->history, &bench->a, 10)->known = 2 | 8;
	assert_int_equal(lazy_settle(&bench->lazy, &bench->history), 7);
	assert_int_equal(told(bench, 0, runs, 8), 1);
	assert_int_equal(told(bench, 1, runs, 8), 1);
	assert_int_equal(runs[0].seq, 11);
	history_find(&bench->history, &bench->a, 10)->known = 7;
	assert_int_equal(lazy_settle(&bench->lazy, &bench->history), 2);
}

/* Who asks for it is told that it is gone: else nobody would know. */
static void
what_the_history_has_lost_and_whose_author_is_gone_is_still_told(void **state)
{
	struct bench *bench = *state;
	struct record_run runs[8];

	put_held(bench, 1, 7);
	history_forget(&bench->history, &bench->a);
	assert_int_equal(lazy_settle(&bench->lazy, &bench->history), 6);
	history_expire(&bench->history, HISTORY_MS);
	assert_int_equal(lazy_settle(&bench->lazy, &bench->history), 6);
	assert_int_equal(told(bench, 0, runs, 8), 0);
	assert_int_equal(told(bench, 1, runs, 8), 1);
	assert_true(nodeid_equal(&runs[0].origin, &bench->a.id));
}

static void
waits_for_more_unless_nothing_came_for_a_while(void **state)
{
	struct bench *bench = *state;
	struct lazy *lazy = &bench->lazy;

	assert_int_equal(lazy->due_ms, UINT64_MAX);
	put(bench, &bench->a.id, 1, 1);
	assert_int_equal(lazy->due_ms, 1010);
	put(bench, &bench->a.id, 2, 1);
	assert_int_equal(lazy->due_ms, 1010); /* the first one decides */
	lazy_clear(lazy);
	assert_int_equal(lazy->due_ms, UINT64_MAX);
	put_at(bench, &bench->a.id, 3, 1, 1040);
	assert_int_equal(lazy->due_ms, 1065);
	lazy_clear(lazy);
	put_at(bench, &bench->a.id, 4, 1, 1081);
	assert_int_equal(lazy->due_ms, 1091);
}

static void
a_link_that_goes_is_forgotten(void **state)
{
	struct bench *bench = *state;
	struct record_run runs[8];

	put(bench, &bench->a.id, 1, 3);
	put(bench, &bench->b, 1, 3);
	lazy_forget_slots(&bench->lazy, UINT64_C(1) << 1);
	assert_int_equal(told(bench, 1, runs, 8), 0);
	assert_int_equal(told(bench, 0, runs, 8), 2);
}

static void
the_queue_has_a_limit(void **state)
{
	struct bench *bench = *state;
	struct lazy_item item = an_item(&bench->a.id, 9999, 1, 0);

	for (uint64_t seq = 1; seq <= LAZY_MAX; seq++) {
		put(bench, &bench->a.id, seq, 1);
	}
	assert_int_equal(lazy_put(&bench->lazy, &item), ERR_FULL);
	lazy_clear(&bench->lazy);
	put(bench, &bench->a.id, 9999, 1);
}

static void
out_of_memory_puts_nothing(void **state)
{
	struct bench *bench = *state;
	struct lazy_item item = an_item(&bench->a.id, 1, 1, 0);

	for (unsigned n = 1; n <= 2; n++) {
		fault_fail_nth(n);
		assert_int_equal(lazy_put(&bench->lazy, &item), ERR_NOMEM);
		assert_true(fault_off());
		assert_int_equal(bench->lazy.count, 0);
	}
	put(bench, &bench->a.id, 1, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(consecutive_ids_are_one_run_even_between_others),
		TEST(a_run_tells_how_long_its_last_id_has_waited),
		TEST(the_ends_of_origins_are_told_one_by_one),
		TEST(who_knows_by_now_is_not_told),
		TEST(
		    what_the_history_has_lost_and_whose_author_is_gone_is_still_told),
		TEST(waits_for_more_unless_nothing_came_for_a_while),
		TEST(a_link_that_goes_is_forgotten),
		TEST(the_queue_has_a_limit),
		TEST(out_of_memory_puts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
