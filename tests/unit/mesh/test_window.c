/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include "base/rng.h"
#include "mesh/window.h"

struct told { /* what left the window unseen */
	unsigned runs;
	uint64_t first, last, count;
};

/* All numbers up to `last` are about to leave. */
static void
leave(const struct window *window, uint64_t last, struct told *told)
{
	uint64_t first = 0;
	uint64_t count;

	while (window_next_unset(window, &first, last, &count)) {
		assert_true(count > 0);
		assert_true(told->runs == 0 || first > told->last);
		told->first = told->runs == 0 ? first : told->first;
		told->last = first + count - 1;
		told->count += count;
		told->runs++;
		first += count;
	}
}

static enum window_verdict
take(struct window *window, uint64_t seq, struct told *told)
{
	if (window->max != 0 && seq > window->max) {
		leave(window, window_old(window, seq), told);
	}
	return window_take(window, seq);
}

static void
delivers_a_number_once(void **state)
{
	struct window window;
	struct told told = { 0 };

	(void)state;
	window_init(&window);
	assert_int_equal(take(&window, 700, &told), WINDOW_NEW);
	assert_int_equal(take(&window, 700, &told), WINDOW_SEEN);
	assert_true(window_has(&window, 700));
	assert_false(window_has(&window, 701));
	assert_int_equal(told.runs, 0);
}

static void
takes_late_numbers_inside_the_window(void **state)
{
	struct window window;
	struct told told = { 0 };

	(void)state;
	window_init(&window);
	assert_int_equal(take(&window, 700, &told), WINDOW_NEW);
	assert_int_equal(take(&window, 710, &told), WINDOW_NEW);
	assert_int_equal(take(&window, 705, &told), WINDOW_NEW);
	assert_int_equal(take(&window, 705, &told), WINDOW_SEEN);
	assert_int_equal(take(&window, 699, &told), WINDOW_SEEN);
}

static void
calls_numbers_below_the_window_old(void **state)
{
	struct window window;
	struct told told = { 0 };

	(void)state;
	window_init(&window);
	assert_int_equal(take(&window, 5000, &told), WINDOW_NEW);
	assert_int_equal(take(&window, 5000 - WINDOW_IDS, &told), WINDOW_OLD);
	assert_false(window_has(&window, 5000 - WINDOW_IDS));
}

static void
tells_every_number_that_leaves_unseen(void **state)
{
	struct window window;
	struct told told = { 0 };

	(void)state;
	window_init(&window);
	assert_int_equal(take(&window, 1, &told), WINDOW_NEW);
	assert_int_equal(take(&window, 3, &told), WINDOW_NEW);
	assert_int_equal(take(&window, 3 + WINDOW_IDS, &told), WINDOW_NEW);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.first, 2);
	assert_int_equal(take(&window, 3 + 10 * WINDOW_IDS, &told), WINDOW_NEW);
	/* All but one of the old window; eight windows never entered. */
	assert_int_equal(told.count, 1 + (WINDOW_IDS - 1) + 8 * WINDOW_IDS);
	assert_int_equal(told.last, 3 + 9 * WINDOW_IDS);
}

static void
flushes_what_is_still_missing(void **state)
{
	struct window window;
	struct told told = { 0 };

	(void)state;
	window_init(&window);
	(void)take(&window, 10, &told);
	(void)take(&window, 13, &told);
	(void)take(&window, 15, &told);
	leave(&window, window.max, &told);
	assert_int_equal(told.runs, 2);
	assert_int_equal(told.first, 11);
	assert_int_equal(told.last, 14);
	assert_int_equal(told.count, 3);
}

static void
starts_again_behind_a_number(void **state)
{
	struct window window;
	struct told told = { 0 };

	(void)state;
	window_init(&window);
	(void)take(&window, 1, &told);
	(void)take(&window, 150, &told);
	window_restart(&window, 100);
	assert_int_equal(take(&window, 99, &told), WINDOW_SEEN);
	assert_int_equal(take(&window, 100, &told), WINDOW_SEEN);
	assert_int_equal(take(&window, 103, &told), WINDOW_NEW);
	leave(&window, window.max, &told);
	assert_int_equal(told.count, 2);
}

static void
a_wide_window_remembers_the_same_and_more(void **state)
{
	struct window window;
	struct told told = { 0 };

	(void)state;
	window_init(&window);
	for (uint64_t n = 100000; n < 103000; n += 3) {
		(void)take(&window, n, &told);
	}
	told = (struct told){ 0 };
	fault_fail_nth(1);
	assert_int_equal(window_widen(&window), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(window_widen(&window), ERR_OK);
	assert_int_equal(window_widen(&window), ERR_OK);
	assert_true(window_has(&window, 102001));
	assert_false(window_has(&window, 102002));
	(void)take(&window, 160000, &told);
	assert_int_equal(told.runs, 0); /* nothing has left it yet */
	assert_int_equal(take(&window, 102002, &told), WINDOW_NEW);

	/* Narrow again: what is below has left. */
	leave(&window, 160000 - WINDOW_IDS, &told);
	window_narrow(&window);
	assert_int_equal(told.last, 160000 - WINDOW_IDS);
	assert_true(window_has(&window, 160000));
	assert_int_equal(take(&window, 102004, &told), WINDOW_OLD);
	window_narrow(&window);
	window_fini(&window);
}

/* Against a model that remembers everything. */
static void
agrees_with_a_plain_model(void **state)
{
	enum { NUMBERS = 300000 };
	static uint8_t seen[NUMBERS]; /* 1 taken, 2 told as a gap */
	struct window window;
	struct rng rng;
	struct told told = { 0 };
	uint64_t base = 5000;
	uint64_t max = base;
	uint64_t taken = 1;

	(void)state;
	rng_init(&rng, 3);
	window_init(&window);
	assert_int_equal(take(&window, base, &told), WINDOW_NEW);
	seen[base] = 1;
	while (max < NUMBERS - 10000) {
		uint64_t back = rng_below(&rng, 4000);
		uint64_t seq = rng_below(&rng, 2) == 0
		                   ? max + 1 + rng_below(&rng, 20)
		                   : (max > base + back ? max - back : base);
		enum window_verdict verdict;

		if (rng_below(&rng, 2000) == 0) {
			seq = max + rng_below(&rng, 9000) + 1;
		}
		verdict = take(&window, seq, &told);
		if (seq + WINDOW_IDS <= max) {
			assert_int_equal(verdict, WINDOW_OLD);
		} else if (seen[seq] == 1) {
			assert_int_equal(verdict, WINDOW_SEEN);
		} else {
			assert_int_equal(verdict, WINDOW_NEW);
			seen[seq] = 1;
			taken++;
		}
		max = seq > max ? seq : max;
	}
	leave(&window, window.max, &told);
	/* Every number from the base on was taken, or told, never both. */
	assert_int_equal(taken + told.count, max - base + 1);
}

static void
fills_as_if_it_took_one_by_one(void **state)
{
	struct window filled, taken;
	struct rng rng;

	(void)state;
	rng_init(&rng, 3);
	window_init(&filled);
	window_init(&taken);
	for (unsigned round = 0; round < 4000; round++) {
		uint64_t top = taken.max + rng_below(&rng, 3) * 50 + 1;
		uint64_t first = top - rng_below(&rng, top < 2500 ? top : 2500);
		uint64_t last = first +
		                rng_below(&rng, 4) * rng_below(&rng, 1000);

		if (round == 2000) {
			assert_int_equal(window_widen(&filled), ERR_OK);
			assert_int_equal(window_widen(&taken), ERR_OK);
		}
		window_fill(&filled, first, last);
		for (uint64_t seq = first; seq <= last; seq++) {
			(void)window_take(&taken, seq);
		}
		assert_int_equal(filled.max, taken.max);
		assert_memory_equal(
		    filled.bits, taken.bits, sizeof(taken.bits));
		assert_true(
		    taken.wide == NULL ||
		    memcmp(filled.wide, taken.wide, WINDOW_IDS_WIDE / 8) == 0);
	}
	window_fini(&filled);
	window_fini(&taken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivers_a_number_once),
		cmocka_unit_test(takes_late_numbers_inside_the_window),
		cmocka_unit_test(calls_numbers_below_the_window_old),
		cmocka_unit_test(tells_every_number_that_leaves_unseen),
		cmocka_unit_test(flushes_what_is_still_missing),
		cmocka_unit_test(starts_again_behind_a_number),
		cmocka_unit_test(a_wide_window_remembers_the_same_and_more),
		cmocka_unit_test(agrees_with_a_plain_model),
		cmocka_unit_test(fills_as_if_it_took_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
