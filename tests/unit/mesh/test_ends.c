/* SPDX-License-Identifier: MIT
 * An author that restarts again and again while somebody is cut off: of each of
 * its boots the rest is fetched, or told as a gap. */

#include "mesh/ends.h"
#include "mesh/fetch.h"
#include "mesh/lazy.h"
#include "unit/mesh/runs.h"

static uint64_t
seq_of(uint32_t boots, uint32_t count)
{
	return RUNS_SEQ(count) + ((uint64_t)boots << 32);
}

/* A message of node 9, `boots` lives later. */
static void
say(struct lab *lab, struct lab_link *at, uint32_t boots, uint32_t count)
{
	struct record_data data = lab_data(9, count);

	data.seq = seq_of(boots, count);
	lab_say(lab, at, &data);
	assert_null(inspect_check(lab->mesh));
}

/* A list of node 9's ids. */
static void
tell(struct lab *lab, struct lab_link *at, enum record_type type,
    uint32_t boots, uint32_t count, uint32_t ids)
{
	const struct record_run run = {
		.origin = lab_id(9),
		.seq = seq_of(boots, count),
		.count = ids,
	};
	struct buf buf = { 0 };

	assert_int_equal(record_array_encode(&buf, type, &run, 1), ERR_OK);
	lab_message(lab, at, buf.bytes, buf.len);
	buf_fini(&buf);
	assert_null(inspect_check(lab->mesh));
}

static void
each_boot_has_its_end(void **state)
{
	static struct ends ends;
	const struct nodeid id = lab_id(9);

	(void)state;
	ends_put(&ends, &id, seq_of(2, 7));
	ends_put(&ends, &id, seq_of(0, 4)); /* heard of later */
	assert_null(ends_find(&ends, &id, seq_of(1, 7)));
	assert_int_equal(*ends_find(&ends, &id, seq_of(0, 1)), seq_of(0, 4));
	assert_int_equal(ends_before(&ends, &id, seq_of(3, 1)), seq_of(2, 7));
	assert_int_equal(ends_before(&ends, &id, seq_of(2, 7)), seq_of(0, 4));
	assert_int_equal(ends_before(&ends, &id, seq_of(0, 4)), 0);
}

/* What stays would have a hole, and what is in it would be taken again. */
static void
the_first_one_makes_room_with_all_of_its_author(void **state)
{
	static struct ends ends;
	const struct nodeid id = lab_id(9);
	const struct nodeid other = lab_id(8);

	(void)state;
	ends_put(&ends, &id, seq_of(1, 1));
	for (uint32_t i = 0; i < ENDS_MAX - 2; i++) {
		ends_put(&ends, &other, seq_of(i, 1));
	}
	ends_put(&ends, &id, seq_of(2, 1));
	assert_int_equal(ends.lost, 0);
	ends_put(&ends, &other, seq_of(ENDS_MAX, 1));
	assert_int_equal(ends.lost, 2);
	assert_int_equal(ends_before(&ends, &id, seq_of(3, 1)), 0);
	assert_int_equal(
	    ends_before(&ends, &other, seq_of(1, 1)), seq_of(0, 1));
}

/* Else a boot that was heard would seem to have come between. */
static void
an_author_that_has_all_room_keeps_its_newest_boot(void **state)
{
	static struct ends ends;
	const struct nodeid id = lab_id(9);

	(void)state;
	for (uint32_t i = 1; i <= ENDS_MAX; i++) {
		ends_put(&ends, &id, seq_of(2 * i, 1));
	}
	ends_put(&ends, &id, seq_of(3, 1)); /* came between */
	assert_int_equal(ends.lost, ENDS_MAX);
	assert_int_equal(ends_before(&ends, &id, seq_of(2 * ENDS_MAX, 1)), 0);
	assert_int_equal(
	    ends_before(&ends, &id, UINT64_MAX), seq_of(2 * ENDS_MAX, 1));
}

static void
a_new_link_is_told_of_every_boot_the_oldest_first(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;
	struct record_run runs[5];

	say(lab, a, 0, 1);
	say(lab, a, 0, 2);
	say(lab, a, 1, 1);
	say(lab, a, 2, 1);
	say(lab, a, 3, 1);
	b = lab_accept_up(lab, 2);
	assert_int_equal(runs_sent(b, RECORD_SYNC, runs, 5), 4);
	assert_int_equal(runs[0].seq, seq_of(0, 1));
	assert_int_equal(runs[0].count, 2);
	for (uint32_t boots = 1; boots <= 3; boots++) {
		assert_int_equal(runs[boots].seq, seq_of(boots, 1));
		assert_int_equal(runs[boots].count, 1);
	}
}

static void
the_rest_of_a_boot_long_ago_is_fetched(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;
	struct record_run run;

	say(lab, a, 0, 1);
	say(lab, a, 1, 1);
	say(lab, a, 2, 1);
	b = runs_up(lab, 2);
	tell(lab, b, RECORD_SYNC, 0, 1, 3);
	lab_pass(lab, FETCH_TIMEOUT_MS);
	run = runs_only(b, RECORD_GRAFT);
	assert_int_equal(run.seq, seq_of(0, 2));
	assert_int_equal(run.count, 2);
	say(lab, b, 0, 2);
	say(lab, b, 0, 3);
	say(lab, b, 0, 3);
	assert_int_equal(lab->delivered, 5);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
	assert_int_equal(lab->gaps, 0);
}

static void
what_nobody_holds_of_it_is_a_gap_and_told_to_the_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;
	struct record_run run;

	say(lab, a, 0, 1);
	say(lab, a, 1, 1);
	say(lab, a, 2, 1);
	b = runs_up(lab, 2);
	runs_forget(lab);
	tell(lab, b, RECORD_SYNC, 0, 4, 0);
	tell(lab, b, RECORD_SYNC, 0, 4, 0); /* no news */
	lab_pass(lab, LAZY_TOLD_MS);
	run = runs_only(a, RECORD_SYNC);
	assert_int_equal(run.seq, seq_of(0, 4));
	assert_int_equal(run.count, 0);
	mesh_on_reading(a->link, lab->now, false); /* busy, so it stays UP */
	mesh_on_reading(b->link, lab->now, false);
	lab_pass(lab, FETCH_HOLE_MS);
	assert_int_equal(lab->gaps, 1);
	assert_int_equal(lab->gap_first, seq_of(0, 2));
	assert_int_equal(lab->gap_count, 2);
}

/* By the word of one who joined late. */
static void
a_boot_that_came_between_is_fetched_whole(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;

	say(lab, a, 0, 1);
	say(lab, a, 2, 1);
	say(lab, a, 3, 1);
	b = runs_up(lab, 2);
	tell(lab, b, RECORD_SYNC, 1, 2, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	say(lab, b, 1, 1);
	say(lab, b, 1, 2);
	assert_int_equal(lab->delivered, 5);
}

/* It may be weeks ago: who knew none of them has lost nothing. */
static void
boots_that_are_only_spoken_of_are_no_loss(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_run runs[3];

	say(lab, a, 5, 1);
	runs_forget(lab);
	tell(lab, a, RECORD_SYNC, 1, 4, 0);
	tell(lab, a, RECORD_SYNC, 2, 5, 0);
	tell(lab, a, RECORD_SYNC, 3, 6, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	/* But others may have. */
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_sent(b, RECORD_SYNC, runs, 3), 3);
	assert_int_equal(runs[0].seq, seq_of(1, 4));
	assert_int_equal(runs[2].seq, seq_of(3, 6));
	/* What one holds of a later one is taken, with nothing before it. */
	tell(lab, a, RECORD_SYNC, 4, 7, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 1);
}

static void
what_is_older_than_all_that_was_heard_is_old(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	say(lab, a, 5, 1);
	say(lab, a, 6, 1);
	say(lab, a, 7, 1);
	tell(lab, a, RECORD_SYNC, 4, 1, 3);
	say(lab, a, 4, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_boot_has_its_end),
		cmocka_unit_test(
		    the_first_one_makes_room_with_all_of_its_author),
		cmocka_unit_test(
		    an_author_that_has_all_room_keeps_its_newest_boot),
		TEST(a_new_link_is_told_of_every_boot_the_oldest_first),
		TEST(the_rest_of_a_boot_long_ago_is_fetched),
		TEST(what_nobody_holds_of_it_is_a_gap_and_told_to_the_others),
		TEST(a_boot_that_came_between_is_fetched_whole),
		TEST(boots_that_are_only_spoken_of_are_no_loss),
		TEST(what_is_older_than_all_that_was_heard_is_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
