/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include <stdlib.h>

#include "base/rng.h"
#include "mesh/missing.h"

static struct origin *
an_origin(uint8_t n)
{
	struct origin *origin = calloc(1, sizeof(*origin));
	struct nodeid id = { .bytes = { n } };

	assert_non_null(origin);
	origin_init(origin, &id, 0);
	return origin;
}

static struct missing_run *
add(struct missing *missing, struct origin *origin, uint64_t seq,
    uint32_t count)
{
	struct missing_run *run;

	assert_int_equal(
	    missing_add(missing, origin, seq, count, 0, &run), ERR_OK);
	return run;
}

static void
finds_the_run_of_a_number_or_the_next(void **state)
{
	struct missing missing;
	struct origin *a = an_origin(1);
	struct origin *b = an_origin(2);
	struct missing_run *low;
	struct missing_run *high;

	(void)state;
	missing_init(&missing);
	assert_null(missing_find(&missing, a, 1));
	high = add(&missing, a, 20, 5);
	low = add(&missing, a, 10, 3);
	(void)add(&missing, b, 15, 1);
	assert_ptr_equal(missing_find(&missing, a, 1), low);
	assert_ptr_equal(missing_find(&missing, a, 12), low);
	assert_ptr_equal(missing_find(&missing, a, 13), high);
	assert_ptr_equal(missing_find(&missing, a, 24), high);
	assert_null(missing_find(&missing, a, 25));
	assert_int_equal(a->runs, 2);
	missing_remove(&missing, low);
	assert_int_equal(a->runs, 1);
	assert_ptr_equal(missing_find(&missing, a, 1), high);
	missing_fini(&missing);
	free(a);
	free(b);
}

static void
the_one_that_is_due_first_comes_first(void **state)
{
	struct missing missing;
	struct origin *a = an_origin(1);
	struct missing_run *runs[4];

	(void)state;
	missing_init(&missing);
	assert_null(missing_first(&missing));
	for (uint64_t i = 0; i < 4; i++) {
		runs[i] = add(&missing, a, 10 * i + 1, 1);
		assert_int_equal(runs[i]->due_ms, UINT64_MAX);
	}
	missing_set_due(&missing, runs[2], 50);
	missing_set_due(&missing, runs[1], 70);
	missing_set_due(&missing, runs[3], 50);
	assert_ptr_equal(missing_first(&missing), runs[2]);
	missing_remove(&missing, runs[2]);
	/* Equal times: the older first. */
	missing_set_due(&missing, runs[1], 50);
	assert_ptr_equal(missing_first(&missing), runs[1]);
	missing_set_due(&missing, runs[1], 90);
	assert_ptr_equal(missing_first(&missing), runs[3]);
	missing_fini(&missing);
	free(a);
}

static void
a_split_run_is_two_of_the_same_age(void **state)
{
	struct missing missing;
	struct origin *a = an_origin(1);
	struct missing_run *run;
	struct missing_run *tail;
	struct missing_run *last;

	(void)state;
	missing_init(&missing);
	run = add(&missing, a, 10, 10);
	last = add(&missing, a, 30, 1);
	run->known = 6;
	assert_int_equal(missing_split(&missing, run, 14, &tail), ERR_OK);
	assert_int_equal(run->count, 4);
	assert_int_equal(tail->seq, 14);
	assert_int_equal(tail->count, 6);
	assert_int_equal(tail->known, 6);
	assert_ptr_equal(TAILQ_FIRST(&missing.runs), run);
	assert_ptr_equal(TAILQ_NEXT(run, by_age), tail);
	assert_ptr_equal(TAILQ_NEXT(tail, by_age), last);
	assert_null(TAILQ_NEXT(last, by_age));
	assert_int_equal(a->runs, 3);
	missing_shift(tail, 1);
	assert_int_equal(tail->seq, 15);
	missing_shift(tail, 3);
	assert_int_equal(tail->seq, 18);
	assert_int_equal(tail->count, 2);
	missing_cut(tail, 1);
	missing_remove(&missing, tail);
	assert_int_equal(a->runs, 2);
	assert_ptr_equal(TAILQ_NEXT(run, by_age), last);
	missing_fini(&missing);
	free(a);
}

static void
the_table_has_a_limit(void **state)
{
	struct missing missing;
	struct origin *a = an_origin(1);
	struct missing_run *run;

	(void)state;
	missing_init(&missing);
	for (uint64_t i = 0; i < MISSING_MAX; i++) {
		(void)add(&missing, a, 10 * i + 1, 5);
	}
	assert_int_equal(
	    missing_add(&missing, a, 999999, 1, 0, &run), ERR_FULL);
	run = TAILQ_FIRST(&missing.runs);
	assert_int_equal(run->seq, 1);
	assert_int_equal(missing_split(&missing, run, 2, &run), ERR_FULL);
	assert_int_equal(run->count, 5);
	missing_remove(&missing, TAILQ_FIRST(&missing.runs));
	assert_int_equal(missing_add(&missing, a, 999999, 1, 0, &run), ERR_OK);
	missing_fini(&missing);
	free(a);
}

static void
out_of_memory_adds_nothing(void **state)
{
	struct missing missing;
	struct origin *a = an_origin(1);
	struct missing_run *run;
	unsigned failed = 0;

	(void)state;
	missing_init(&missing);
	for (;;) {
		fault_fail_nth(failed + 1);
		if (missing_add(&missing, a, 1, 1, 0, &run) == ERR_OK) {
			break;
		}
		assert_true(fault_off());
		failed++;
		assert_int_equal(missing.count, 0);
		assert_int_equal(a->runs, 0);
	}
	(void)fault_off();
	assert_true(failed >= 1);
	missing_fini(&missing);
	free(a);
}

/* Against a plain array, with everything in random order. */
static void
agrees_with_a_simple_table(void **state)
{
	enum { IDS = 400, STEPS = 40000 };
	static bool is_missing[IDS];
	struct missing missing;
	struct origin *a = an_origin(1);
	struct missing_run *run, *first;
	struct rng rng;
	size_t ids = 0;
	size_t count;

	(void)state;
	missing_init(&missing);
	rng_init(&rng, 3);
	memset(is_missing, 0, sizeof(is_missing));
	for (unsigned step = 0; step < STEPS; step++) {
		uint64_t seq = 1 + rng_below(&rng, IDS - 1);
		bool inside;

		run = missing_find(&missing, a, seq);
		inside = run != NULL && run->seq <= seq;
		assert_int_equal(inside, is_missing[seq]);
		if (!inside) {
			uint32_t more = 1;

			while (more < 5 && seq + more < IDS &&
			       !is_missing[seq + more]) {
				more++;
			}
			run = add(&missing, a, seq, more);
			missing_set_due(&missing, run, rng_below(&rng, 50));
			memset(&is_missing[seq], true, more);
			ids += more;
		} else if (run->seq < seq) {
			assert_int_equal(
			    missing_split(&missing, run, seq, &run), ERR_OK);
		} else {
			if (run->count == 1) {
				missing_remove(&missing, run);
			} else {
				missing_shift(run, 1);
			}
			is_missing[seq] = false;
			ids--;
		}
		first = missing_first(&missing);
		count = 0;
		TAILQ_FOREACH (run, &missing.runs, by_age) {
			assert_true(run->due_ms >= first->due_ms);
			count++;
		}
		assert_int_equal(count, missing.count);
		assert_int_equal(a->runs, missing.count);
	}
	TAILQ_FOREACH (run, &missing.runs, by_age) {
		ids -= run->count;
	}
	assert_int_equal(ids, 0);
	missing_fini(&missing);
	free(a);
}

static void
keeps_the_runs_of_many_origins_apart(void **state)
{
	enum { ORIGINS = 8, RUNS = 64 };
	struct origin *origins[ORIGINS];
	struct missing missing;

	(void)state;
	missing_init(&missing);
	for (uint8_t o = 0; o < ORIGINS; o++) {
		origins[o] = an_origin(o);
	}
	for (uint64_t i = 0; i < RUNS * ORIGINS; i++) {
		(void)add(&missing, origins[i * 5 % ORIGINS], 10 * i + 1, 9);
	}
	for (int o = 0; o < ORIGINS; o++) {
		struct missing_run *run = missing_find(&missing, origins[o], 0);
		uint64_t before = 0;

		for (size_t i = 0; i < RUNS; i++) {
			assert_ptr_equal(run->origin, origins[o]);
			assert_true(run->seq > before);
			before = run->seq;
			run = missing_find(
			    &missing, origins[o], run->seq + run->count);
		}
		assert_null(run);
	}
	missing_fini(&missing);
	for (int o = 0; o < ORIGINS; o++) {
		free(origins[o]);
	}
}

static void
goes_on_behind_the_runs_that_were_looked_at(void **state)
{
	struct missing missing;
	struct origin *a = an_origin(1);
	struct missing_run *runs[3];
	struct missing_run *tail;

	(void)state;
	missing_init(&missing);
	for (uint64_t i = 0; i < 3; i++) {
		runs[i] = add(&missing, a, 10 * i + 1, 5);
		assert_ptr_equal(missing.unsure, runs[0]);
	}
	missing_pass(&missing);
	missing_pass(&missing);
	assert_ptr_equal(missing.unsure, runs[2]);
	assert_int_equal(missing.plain, 2);
	assert_int_equal(missing_split(&missing, runs[0], 3, &tail), ERR_OK);
	assert_int_equal(missing.plain, 3);
	missing_remove(&missing, runs[1]);
	assert_int_equal(missing.plain, 2);
	missing_remove(&missing, runs[2]);
	assert_null(missing.unsure);
	assert_int_equal(missing_split(&missing, tail, 4, &tail), ERR_OK);
	assert_int_equal(missing.plain, 3);
	assert_null(missing.unsure);
	runs[1] = add(&missing, a, 91, 5);
	(void)add(&missing, a, 81, 5);
	assert_ptr_equal(missing.unsure, runs[1]);
	assert_int_equal(missing.plain, 3);
	missing_fini(&missing);
	free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_run_of_a_number_or_the_next),
		cmocka_unit_test(the_one_that_is_due_first_comes_first),
		cmocka_unit_test(a_split_run_is_two_of_the_same_age),
		cmocka_unit_test(the_table_has_a_limit),
		cmocka_unit_test(out_of_memory_adds_nothing),
		cmocka_unit_test(agrees_with_a_simple_table),
		cmocka_unit_test(keeps_the_runs_of_many_origins_apart),
		cmocka_unit_test(goes_on_behind_the_runs_that_were_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
