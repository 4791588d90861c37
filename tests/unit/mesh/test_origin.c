/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include "mesh/origin.h"

struct table {
	struct origins origins;
	struct rng rng;
	unsigned gaps, gone;
	uint64_t gap_count, passed_count, passed;
};

static void
on_passed(void *ctx, struct origin *origin, uint64_t first, uint64_t count)
{
	struct table *table = ctx;

	assert_non_null(origin);
	(void)first;
	table->passed++;
	table->passed_count += count;
}

static void
on_gap(void *ctx, struct origin *origin, uint64_t first, uint64_t count)
{
	struct table *table = ctx;

	assert_non_null(origin);
	(void)first;
	table->gaps++;
	table->gap_count += count;
}

static void
on_gone(void *ctx, struct origin *origin)
{
	assert_non_null(origin);
	((struct table *)ctx)->gone++;
}

static int
setup(void **state)
{
	static struct table table;

	memset(&table, 0, sizeof(table));
	rng_init(&table.rng, 1);
	origins_init(&table.origins, &table.rng,
	    &(struct origins_events){
	        .ctx = &table,
	        .passed = on_passed,
	        .gap = on_gap,
	        .gone = on_gone,
	    });
	*state = &table;
	return 0;
}

static int
teardown(void **state)
{
	origins_fini(&((struct table *)*state)->origins);
	return 0;
}

static struct nodeid
id_of(uint32_t n)
{
	struct nodeid id = { .bytes = { 0 } };

	memcpy(id.bytes, &n, sizeof(n));
	return id;
}

static struct origin *
add(struct table *table, uint32_t n, uint64_t now_ms)
{
	struct nodeid id = id_of(n);
	struct origin *origin = NULL;

	assert_int_equal(
	    origins_add(&table->origins, &id, now_ms, &origin), ERR_OK);
	assert_ptr_equal(origins_find(&table->origins, &id), origin);
	return origin;
}

static void
a_full_table_evicts_who_is_idle_longest_but_nobody_active(void **state)
{
	struct table *table = *state;
	struct nodeid id;
	struct origin *origin;

	for (uint32_t n = 0; n < ORIGINS_MAX; n++) {
		origin = add(table, n, 1000 + n);
		assert_int_equal(
		    origins_take(&table->origins, origin, n + 1, 1000 + n),
		    WINDOW_NEW);
	}
	assert_int_equal(table->origins.table.count, ORIGINS_MAX);
	id = id_of(ORIGINS_MAX);
	assert_int_equal(
	    origins_add(&table->origins, &id, 120999, &origin), ERR_FULL);
	/* The oldest speaks again, so the second oldest goes. */
	id = id_of(0);
	origin = origins_find(&table->origins, &id);
	assert_int_equal(
	    origins_take(&table->origins, origin, 2, 121001), WINDOW_NEW);
	(void)add(table, ORIGINS_MAX, 121001);
	assert_int_equal(table->gone, 1);
	assert_non_null(origins_find(&table->origins, &id));
	id = id_of(1);
	assert_null(origins_find(&table->origins, &id));
	/* Its tombstone remembers. */
	assert_int_equal(origins_newest(&table->origins, &id), 2);
	assert_int_equal(table->origins.table.count, ORIGINS_MAX);
}

static void
of_those_that_are_only_named_the_first_goes(void **state)
{
	struct table *table = *state;
	struct nodeid id = id_of(0);

	for (uint32_t n = 0; n < ORIGINS_NAMED_MAX; n++) {
		(void)add(table, n, 1000);
	}
	/* One has come, and there is room for one more. */
	(void)origins_take(
	    &table->origins, origins_find(&table->origins, &id), 1, 1000);
	(void)add(table, ORIGINS_NAMED_MAX, 1000);
	assert_int_equal(table->origins.named_lost, 0);
	for (uint32_t n = 1; n <= 3; n++) {
		(void)add(table, ORIGINS_NAMED_MAX + n, 1000);
		id = id_of(n);
		assert_null(origins_find(&table->origins, &id));
	}
	assert_int_equal(table->origins.named_lost, 3);
	assert_int_equal(table->origins.table.count, ORIGINS_NAMED_MAX + 1);
	id = id_of(0);
	assert_non_null(origins_find(&table->origins, &id));
	/* All the others go in time, and it as well. */
	for (unsigned i = 0; i < 20; i++) {
		origins_expire(&table->origins, 1000 + ORIGIN_IDLE_MS);
	}
	assert_int_equal(table->origins.table.count, 0);
	assert_int_equal(table->origins.named_count, 0);
}

/* Else whoever makes up ids could keep all others out. */
static void
a_full_table_forgets_those_that_are_only_named_first(void **state)
{
	struct table *table = *state;
	struct nodeid id = id_of(0);

	for (uint32_t n = 0; n < ORIGINS_MAX; n++) {
		struct origin *origin = add(table, n, 1000);

		if (n % 8192 != 0) {
			(void)origins_take(&table->origins, origin, 1, 1000);
		}
	}
	/* Eight are, and go before the one that is idle. */
	for (uint32_t n = 0; n < 8; n++) {
		struct origin *origin = add(table, ORIGINS_MAX + n, 300000);

		(void)origins_take(&table->origins, origin, 1, 300000);
		id = id_of(8192 * n);
		assert_null(origins_find(&table->origins, &id));
	}
	assert_int_equal(table->origins.named_lost, 8);
	assert_int_equal(table->origins.named_count, 0);
	(void)add(table, ORIGINS_MAX + 8, 300000);
	id = id_of(1);
	assert_null(origins_find(&table->origins, &id));
	assert_int_equal(table->origins.named_lost, 8);
}

/* It began in the boot before the newest, which is not in the window. */
static void
who_has_come_is_not_only_named(void **state)
{
	struct table *table = *state;
	struct origin *first = add(table, 1, 1000);
	struct origin *second = add(table, 2, 1000);

	origins_on_come(&table->origins, first, 2000);
	assert_int_equal(table->origins.named_count, 1);
	assert_ptr_equal(TAILQ_FIRST(&table->origins.all), second);
	assert_int_equal(origins_next_ms(&table->origins), 601000);
	origins_on_come(&table->origins, second, 3000);
	origins_on_come(&table->origins, second, 4000);
	assert_int_equal(table->origins.named_count, 0);
	assert_ptr_equal(TAILQ_FIRST(&table->origins.all), first);
	assert_int_equal(origins_next_ms(&table->origins), 602000);
	/* The next one that is named stands before them. */
	second = add(table, 3, 5000);
	assert_ptr_equal(TAILQ_FIRST(&table->origins.all), second);
	assert_int_equal(origins_next_ms(&table->origins), 602000);
}

static void
who_is_idle_for_ten_minutes_is_freed(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1000);

	assert_int_equal(
	    origins_take(&table->origins, origin, 5, 1000), WINDOW_NEW);
	assert_int_equal(
	    origins_take(&table->origins, origin, 8, 2000), WINDOW_NEW);
	assert_int_equal(origins_next_ms(&table->origins), 602000);
	origins_expire(&table->origins, 601999);
	assert_int_equal(table->origins.table.count, 1);
	origins_expire(&table->origins, 602000);
	assert_int_equal(table->origins.table.count, 0);
	assert_int_equal(table->gap_count, 2);
	assert_true(origins_next_ms(&table->origins) == UINT64_MAX);

	/* Back again: its past is no news, and no hole is forgotten. */
	origin = add(table, 1, 700000);
	assert_int_equal(
	    origins_take(&table->origins, origin, 8, 700000), WINDOW_SEEN);
	assert_int_equal(
	    origins_take(&table->origins, origin, 9, 700000), WINDOW_NEW);
}

/* Boot 1 came as far as 3, boot 2 as far as 5. */
static void
of_who_was_forgotten_two_boots_are_remembered(void **state)
{
	const uint64_t boot = UINT64_C(1) << 32;
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1000);
	struct nodeid id = id_of(1);
	struct nodeid other = id_of(2);

	assert_int_equal(
	    origins_take(&table->origins, origin, 2 * boot + 5, 1000),
	    WINDOW_NEW);
	origin->last = boot + 3;
	assert_false(origins_is_buried(&table->origins, &id, 1));
	origins_expire(&table->origins, 601000);
	assert_null(origins_find(&table->origins, &id));
	assert_true(origins_is_buried(&table->origins, &id, 2 * boot + 5));
	assert_false(origins_is_buried(&table->origins, &id, 2 * boot + 6));
	assert_true(origins_is_buried(&table->origins, &id, boot + 3));
	assert_false(origins_is_buried(&table->origins, &id, boot + 4));
	assert_false(origins_is_buried(&table->origins, &other, 1));
	assert_null(origins_buried(&table->origins, 1));
	assert_int_equal(origins_buried(&table->origins, 0)->last, boot + 3);
	origin = add(table, 1, 700000);
	assert_int_equal(origin->last, boot + 3);
	assert_int_equal(origin->base, 2 * boot + 6);
	assert_null(origins_buried(&table->origins, 0));
}

static void
many_idle_ones_are_freed_a_bounded_number_at_a_time(void **state)
{
	struct table *table = *state;

	for (uint32_t n = 0; n < 3000; n++) {
		struct origin *origin = add(table, n, 1000);

		(void)origins_take(&table->origins, origin, 1, 1000);
	}
	origins_expire(&table->origins, 1000000);
	assert_int_equal(table->origins.table.count, 3000 - 1024);
	assert_true(origins_next_ms(&table->origins) <= 1000000);
	origins_expire(&table->origins, 1000000);
	origins_expire(&table->origins, 1000000);
	assert_int_equal(table->origins.table.count, 0);
}

static void
a_larger_boot_begins_anew_and_the_last_one_is_old(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1000);
	uint64_t boot = UINT64_C(1) << 32;

	(void)origins_take(&table->origins, origin, boot + 1, 1000);
	(void)origins_take(&table->origins, origin, boot + 3, 1000);
	assert_int_equal(
	    origins_take(&table->origins, origin, 2 * boot + 50, 1000),
	    WINDOW_NEW);
	assert_int_equal(
	    origins_take(&table->origins, origin, boot + 2, 1000), WINDOW_OLD);
	assert_int_equal(table->gap_count, 0); /* boot + 2 may still come */
	origins_give_up(&table->origins, origin, boot + 2, 1);
	assert_int_equal(table->gap_count, 1); /* that, not the restart */
	assert_int_equal(
	    origins_take(&table->origins, origin, 2 * boot + 50, 1000),
	    WINDOW_SEEN);
}

/* Its clock may have gone back: its boot does not say when it began. */
static void
a_restart_of_who_is_known_is_missed_from_its_first_word(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1);
	uint64_t second = UINT64_C(101) << 32;

	table->origins.since_s = 1000;
	(void)origins_take(&table->origins, origin, UINT64_C(100) << 32 | 7, 1);
	assert_true(origin->base == (UINT64_C(100) << 32 | 7));
	(void)origins_take(&table->origins, origin, second | 3, 2);
	assert_true(origin->base == (second | 1));
	origins_give_up(&table->origins, origin, second | 1, 2);
	assert_int_equal(table->gap_count, 2);
}

static void
what_was_not_promised_passes_and_is_no_gap(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1000);

	(void)origins_take(&table->origins, origin, 5000, 1000);
	(void)origins_take(&table->origins, origin, 5002, 1000);
	assert_int_equal(table->passed_count, 0);
	for (uint64_t seq = 5003; seq <= 5002 + WINDOW_IDS_WIDE; seq++) {
		(void)origins_take(&table->origins, origin, seq, 1000);
	}
	/* Below the base they may come, 5001 had to. */
	assert_int_equal(table->passed_count, ORIGIN_SOFT_IDS + 1);
	assert_int_equal(table->gap_count, 1);
}

static void
a_fast_origin_gets_a_wide_window_and_loses_it_again(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1000);
	uint64_t seq = 0;

	for (uint64_t ms = 1000; ms <= 2000; ms++) {
		for (unsigned i = 0; i < 10; i++) {
			(void)origins_take(&table->origins, origin, ++seq, ms);
		}
	}
	assert_non_null(origin->window.wide);
	assert_int_equal(table->origins.wide, 1);
	(void)origins_take(&table->origins, origin, ++seq, 9000);
	(void)origins_take(&table->origins, origin, ++seq, 19000);
	assert_null(origin->window.wide);
	assert_int_equal(table->origins.wide, 0);
	assert_int_equal(table->gaps, 0);
}

/* Ten a millisecond, for a second. */
static void
hurry(struct table *table, struct origin *origin, uint64_t *seq, uint64_t ms)
{
	for (uint64_t end_ms = ms + 1000; ms <= end_ms; ms++) {
		for (unsigned i = 0; i < 10; i++) {
			(void)origins_take(&table->origins, origin, ++*seq, ms);
		}
	}
}

static void
who_goes_leaves_its_wide_window_to_others(void **state)
{
	struct table *table = *state;
	uint64_t seq = 0;

	hurry(table, add(table, 1, 1000), &seq, 1000);
	assert_int_equal(table->origins.wide, 1);
	origins_expire(&table->origins, 3000 + ORIGIN_IDLE_MS);
	assert_int_equal(table->origins.wide, 0);
	assert_null(TAILQ_FIRST(&table->origins.all));
}

static void
a_window_that_cannot_grow_is_counted_and_tried_again(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1000);
	uint64_t seq = 0;

	table->origins.wide = ORIGINS_WIDE_MAX;
	hurry(table, origin, &seq, 1000);
	assert_null(origin->window.wide);
	assert_int_equal(table->origins.unwidened, 1);
	table->origins.wide = 0;
	fault_fail_nth(1);
	hurry(table, origin, &seq, 2001);
	assert_true(fault_off());
	assert_null(origin->window.wide);
	assert_int_equal(table->origins.unwidened, 2);
	hurry(table, origin, &seq, 3002);
	assert_non_null(origin->window.wide);
	assert_int_equal(table->origins.unwidened, 2);
	assert_int_equal(table->origins.widened, 1);
}

static void
numbers_that_fall_off_a_window_are_counted(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 1);

	(void)origins_take(&table->origins, origin, 1, 1);
	(void)origins_take(&table->origins, origin, 2 * WINDOW_IDS_WIDE, 1);
	/* None was missing before: the window stays narrow. */
	assert_int_equal(
	    table->origins.window_lost, 2 * WINDOW_IDS_WIDE - WINDOW_IDS - 1);
	assert_int_equal(table->gap_count, table->origins.window_lost);
	origins_give_up(&table->origins, origin, 2 * WINDOW_IDS_WIDE - 10, 5);
	assert_int_equal(table->gap_count, table->origins.window_lost + 5);
}

static void
adding_survives_every_allocation_that_fails(void **state)
{
	struct table *table = *state;
	struct origin *origin;

	/* Past the first growth of the hash table. */
	for (uint32_t n = 0; n < 2000; n++) {
		struct nodeid id = id_of(n);

		for (unsigned fail = 1;; fail++) {
			enum err err;

			fault_fail_nth(fail);
			err = origins_add(&table->origins, &id, 1, &origin);
			if (!fault_off()) {
				assert_int_equal(err, ERR_OK);
				(void)origins_take(
				    &table->origins, origin, 1, 1);
				break;
			}
			assert_int_equal(err, ERR_NOMEM);
			assert_null(origins_find(&table->origins, &id));
			assert_int_equal(table->origins.table.count, n);
		}
	}
	for (uint32_t n = 0; n < 2000; n++) {
		struct nodeid id = id_of(n);

		assert_non_null(origins_find(&table->origins, &id));
	}
	/* No memory for tombstones: the origins go all the same. */
	fault_fail_from(1);
	origins_expire(&table->origins, 2000000);
	assert_true(fault_off());
	assert_int_equal(table->origins.table.count, 2000 - 1024);
	assert_int_equal(table->origins.tombstones_lost, 1024);
}

/* A link that takes back what it announced of thousands of origins has as many
 * long runs given up at once. */
static void
a_long_run_is_given_up_in_one_go(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 0);

	assert_int_equal(
	    origins_take(&table->origins, origin, 5, 0), WINDOW_NEW);
	origins_give_up(&table->origins, origin, 3000, 60000);
	/* What lies below it has fallen off, and it. */
	assert_int_equal(table->passed, 2);
	assert_int_equal(table->gaps, 2);
	assert_int_equal(table->gap_count, 62999 - 5);
	assert_int_equal(origin->window.max, 62999);
	assert_int_equal(
	    origins_take(&table->origins, origin, 62999, 0), WINDOW_SEEN);
}

/* Its old boot still goes on; who forgot it would search all that is held. */
static void
of_whom_something_is_held_is_not_idle(void **state)
{
	struct table *table = *state;
	struct origin *origin = add(table, 1, 0);

	assert_int_equal(
	    origins_take(&table->origins, origin, 5, 0), WINDOW_NEW);
	origin->held = 1;
	origins_expire(&table->origins, ORIGIN_IDLE_MS);
	assert_int_equal(table->gone, 0);
	assert_int_equal(origins_next_ms(&table->origins), 2 * ORIGIN_IDLE_MS);
	origin->held = 0;
	origins_expire(&table->origins, 2 * ORIGIN_IDLE_MS);
	assert_int_equal(table->gone, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_table_evicts_who_is_idle_longest_but_nobody_active),
		TEST(of_those_that_are_only_named_the_first_goes),
		TEST(a_full_table_forgets_those_that_are_only_named_first),
		TEST(who_has_come_is_not_only_named),
		TEST(who_is_idle_for_ten_minutes_is_freed),
		TEST(of_who_was_forgotten_two_boots_are_remembered),
		TEST(many_idle_ones_are_freed_a_bounded_number_at_a_time),
		TEST(a_larger_boot_begins_anew_and_the_last_one_is_old),
		TEST(a_restart_of_who_is_known_is_missed_from_its_first_word),
		TEST(what_was_not_promised_passes_and_is_no_gap),
		TEST(a_fast_origin_gets_a_wide_window_and_loses_it_again),
		TEST(who_goes_leaves_its_wide_window_to_others),
		TEST(a_window_that_cannot_grow_is_counted_and_tried_again),
		TEST(numbers_that_fall_off_a_window_are_counted),
		TEST(a_long_run_is_given_up_in_one_go),
		TEST(of_whom_something_is_held_is_not_idle),
		TEST(adding_survives_every_allocation_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
