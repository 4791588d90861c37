/* SPDX-License-Identifier: MIT
 * An author that restarts again and again while somebody is cut off: of each of
 * its boots the rest is fetched, or told as a gap. */

#include "mesh/ends.h"
#include "mesh/fetch.h"
#include "mesh/lazy.h"
#include "unit/mesh/runs.h"

static void
each_boot_has_its_end(void **state)
{
	static struct ends ends;
	struct nodeid lost;
	const struct nodeid id = lab_id(9);

	(void)state;
	assert_false(ends_put(&ends, &id, lab_seq(2, 7), &lost));
	assert_false(
	    ends_put(&ends, &id, lab_seq(0, 4), &lost)); /* heard of later */
	assert_null(ends_find(&ends, &id, lab_seq(1, 7)));
	assert_int_equal(*ends_find(&ends, &id, lab_seq(0, 1)), lab_seq(0, 4));
	assert_int_equal(ends_before(&ends, &id, lab_seq(3, 1)), lab_seq(2, 7));
	assert_int_equal(ends_before(&ends, &id, lab_seq(2, 7)), lab_seq(0, 4));
	assert_int_equal(ends_before(&ends, &id, lab_seq(0, 4)), 0);
}

/* What stays would have a hole, and what is in it would be taken again. */
static void
the_first_one_makes_room_with_all_of_its_author(void **state)
{
	static struct ends ends;
	struct nodeid lost;
	const struct nodeid id = lab_id(9);
	const struct nodeid other = lab_id(8);

	(void)state;
	assert_false(ends_put(&ends, &id, lab_seq(1, 1), &lost));
	for (uint32_t i = 0; i < ENDS_MAX - 2; i++) {
		assert_false(ends_put(&ends, &other, lab_seq(i, 1), &lost));
	}
	assert_false(ends_put(&ends, &id, lab_seq(2, 1), &lost));
	assert_int_equal(ends.lost, 0);
	assert_true(ends_put(&ends, &other, lab_seq(ENDS_MAX, 1), &lost));
	assert_true(nodeid_equal(&lost, &id));
	assert_int_equal(ends.lost, 2);
	assert_int_equal(ends_before(&ends, &id, lab_seq(3, 1)), 0);
	assert_int_equal(
	    ends_before(&ends, &other, lab_seq(1, 1)), lab_seq(0, 1));
}

/* Else a boot that was heard would seem to have come between. */
static void
an_author_that_has_all_room_keeps_its_newest_boot(void **state)
{
	static struct ends ends;
	struct nodeid lost;
	const struct nodeid id = lab_id(9);

	(void)state;
	for (uint32_t i = 1; i <= ENDS_MAX; i++) {
		assert_false(
		    ends_put(&ends, &id, lab_seq(2 * (int64_t)i, 1), &lost));
	}
	/* One that came between. */
	assert_true(ends_put(&ends, &id, lab_seq(3, 1), &lost));
	assert_true(nodeid_equal(&lost, &id));
	assert_int_equal(ends.lost, ENDS_MAX);
	assert_int_equal(ends_before(&ends, &id, lab_seq(2 * ENDS_MAX, 1)), 0);
	assert_int_equal(
	    ends_before(&ends, &id, UINT64_MAX), lab_seq(2 * ENDS_MAX, 1));
}

/* The first message of each of these boots of node 9. */
static void
say_boots(struct lab *lab, struct lab_link *at, int first, int last)
{
	for (int boots = first; boots <= last; boots++) {
		runs_say_reborn(lab, at, 9, boots, 1);
	}
}

static void
a_new_link_is_told_of_every_boot_the_oldest_first(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;
	struct record_run runs[5];

	runs_say_reborn(lab, a, 9, 0, 1);
	runs_say_reborn(lab, a, 9, 0, 2);
	say_boots(lab, a, 1, 3);
	b = lab_accept_up(lab, 2);
	assert_int_equal(runs_sent(b, RECORD_SYNC, runs, 5), 4);
	assert_int_equal(runs[0].seq, lab_seq(0, 1));
	assert_int_equal(runs[0].count, 2);
	for (uint32_t boots = 1; boots <= 3; boots++) {
		assert_int_equal(runs[boots].seq, lab_seq(boots, 1));
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

	say_boots(lab, a, 0, 2);
	b = runs_up(lab, 2);
	runs_say_from(lab, b, RECORD_SYNC, 9, lab_seq(0, 1), 3);
	lab_pass(lab, FETCH_TIMEOUT_MS);
	run = runs_only(b, RECORD_GRAFT);
	assert_int_equal(run.seq, lab_seq(0, 2));
	assert_int_equal(run.count, 2);
	runs_say_reborn(lab, b, 9, 0, 2);
	runs_say_reborn(lab, b, 9, 0, 3);
	runs_say_reborn(lab, b, 9, 0, 3);
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

	say_boots(lab, a, 0, 2);
	b = runs_up(lab, 2);
	runs_forget(lab);
	runs_say_end(lab, b, 9, 0, 3);
	runs_say_end(lab, b, 9, 0, 3); /* no news */
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(a, 9, 0, 3);
	mesh_on_reading(a->link, lab->now, false); /* busy, so it stays UP */
	mesh_on_reading(b->link, lab->now, false);
	lab_pass(lab, FETCH_HOLE_MS);
	runs_only_gap(lab, lab_seq(0, 2), 2);
}

/* By the word of one who joined late. */
static void
a_boot_that_came_between_is_fetched_whole(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b, *c;
	struct record_run runs[4];

	say_boots(lab, a, 0, 0);
	say_boots(lab, a, 2, 3);
	b = runs_up(lab, 2);
	runs_say_from(lab, b, RECORD_SYNC, 9, lab_seq(1, 2), 1);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	runs_say_reborn(lab, b, 9, 1, 1);
	runs_say_reborn(lab, b, 9, 1, 2);
	assert_int_equal(lab->delivered, 5);
	/* It has its place among the others. */
	c = runs_up_told(lab, 3);
	assert_int_equal(runs_sent(c, RECORD_SYNC, runs, 4), 4);
	for (uint32_t boots = 0; boots < 4; boots++) {
		assert_int_equal(runs[boots].seq, lab_seq(boots, 1));
	}
}

/* It may be weeks ago: who knew none of them has lost nothing. */
static void
boots_that_are_only_spoken_of_are_no_loss(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_run runs[3];

	runs_say_reborn(lab, a, 9, -1, 1);
	runs_forget(lab);
	runs_say_end(lab, a, 9, -5, 3);
	runs_say_end(lab, a, 9, -4, 4);
	runs_say_end(lab, a, 9, -3, 5);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	/* But others may have. */
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_sent(b, RECORD_SYNC, runs, 3), 3);
	assert_int_equal(runs[0].seq, lab_seq(-5, 4));
	assert_int_equal(runs[2].seq, lab_seq(-3, 6));
	runs_forget(lab);
	runs_say_end(lab, a, 9, -5, 9);
	runs_say_end(lab, a, 9, -5, 9);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, -5, 9);
	/* What one holds of a later one is taken, with nothing before it. */
	runs_say_from(lab, a, RECORD_SYNC, 9, lab_seq(-2, 7), 1);
	assert_int_equal(runs_origin(lab, 9).missing, 1);
}

static void
what_is_older_than_all_that_was_heard_is_old(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	say_boots(lab, a, -3, -1);
	runs_say_from(lab, a, RECORD_SYNC, 9, lab_seq(-4, 1), 3);
	runs_say_reborn(lab, a, 9, -4, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
}

/* Of node 9 the boot before this node's is the newest, the ends of that before
 * and of a third one are only spoken of. */
static void
know_two_by_word_only(struct lab *lab, struct lab_link *at)
{
	runs_say_reborn(lab, at, 9, -1, 1);
	runs_say_end(lab, at, 9, -2, 10);
	runs_say_end(lab, at, 9, -4, 5);
}

/* More ends of node 8 than there is room for; and node 9's oldest boot again. */
static void
speak_of_many(struct lab *lab, struct lab_link *at)
{
	runs_say_reborn(lab, at, 8, 0, 1);
	for (int boots = 1; boots <= (int)ENDS_MAX + 2; boots++) {
		runs_say_end(lab, at, 8, -boots, 5);
	}
	runs_say_end(lab, at, 9, -4, 5);
}

static void
a_boot_that_came_between_is_taken_once_whatever_is_spoken_of(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	know_two_by_word_only(lab, a);
	runs_say_reborn(lab, a, 9, -3, 1);
	assert_int_equal(lab->delivered, 2);
	speak_of_many(lab, a);
	runs_say_reborn(lab, b, 9, -3, 1);
	assert_int_equal(lab->delivered, 3); /* that of node 8 */
	assert_int_equal(mesh_stats(lab->mesh)->ends_lost, 0);
}

static void
nor_is_it_missing_twice(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	know_two_by_word_only(lab, a);
	runs_say_from(lab, a, RECORD_IHAVE, 9, lab_seq(-3, 1), 5);
	assert_int_equal(runs_origin(lab, 9).missing, 5);
	speak_of_many(lab, a);
	runs_say_from(lab, b, RECORD_IHAVE, 9, lab_seq(-3, 1), 5);
	assert_int_equal(runs_origin(lab, 9).missing, 5);
	lab_pass_alive(lab, 61000);
	assert_int_equal(lab->gaps, 1);
	assert_int_equal(lab->gap_count, 5);
}

/* Whichever of its boots is heard of first. */
static void
who_began_after_this_node_is_missed_in_all_its_boots(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_reborn(lab, a, 9, 4, 1);
	runs_forget(lab);
	runs_say_end(lab, a, 9, 3, 10);
	assert_int_equal(runs_origin(lab, 9).missing, 10);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 3, 10);
	runs_say_from(lab, a, RECORD_SYNC, 9, lab_seq(1, 2), 2);
	assert_int_equal(runs_origin(lab, 9).missing, 13);
	runs_say_end(lab, a, 9, 2, 4);
	assert_int_equal(runs_origin(lab, 9).missing, 17);
	runs_say_reborn(lab, a, 9, 1, 3);
	assert_int_equal(lab->delivered, 2);
	lab_pass_alive(lab, 61000);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 16);
	runs_say_reborn(lab, a, 9, 1, 3);
	assert_int_equal(lab->delivered, 2);
}

/* A boot that was taken would seem to be new: twice is worse than a gap that is
 * not told. */
static void
but_not_in_those_that_it_may_have_known(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	say_boots(lab, a, 1, 3);
	for (int boots = 1; boots <= (int)ENDS_MAX + 2; boots++) {
		runs_say_reborn(lab, a, 8, boots, 1);
	}
	assert_true(mesh_stats(lab->mesh)->ends_lost > 0);
	assert_int_equal(lab->delivered, 3 + ENDS_MAX + 2);
	runs_say_reborn(lab, a, 9, 1, 1);
	runs_say_reborn(lab, a, 8, 1, 1);
	assert_int_equal(lab->delivered, 3 + ENDS_MAX + 2);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
}

static void
nor_in_those_that_were_forgotten(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	say_boots(lab, a, 1, 3);
	lab_pass_alive(lab, ORIGIN_IDLE_MS);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	say_boots(lab, a, 4, 4);
	assert_int_equal(lab->delivered, 4);
	runs_say_reborn(lab, a, 9, 1, 1);
	assert_int_equal(lab->delivered, 4);
}

static void
made_up_lives_of_this_node_push_out_those_of_nobody(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct lab_link *c;

	for (int boots = 0; boots < 3; boots++) {
		runs_say_reborn(lab, a, 9, boots, 1);
	}
	for (int boots = 1; boots <= (int)ENDS_MAX + 2; boots++) {
		runs_say_end(lab, b, 0x80, -boots, 5);
		runs_say_end(lab, b, 0x80, -1000 + boots, 5);
	}
	assert_int_equal(runs_origin(lab, 9).first_end, lab_seq(0, 1));
	assert_int_equal(mesh_stats(lab->mesh)->ends_lost, 0);
	/* Three of node 9, and so many lies. */
	c = lab_accept_up(lab, 3);
	assert_int_equal(runs_count(c, RECORD_SYNC), 3 + ENDS_HEARD);
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
		TEST(
		    a_boot_that_came_between_is_taken_once_whatever_is_spoken_of),
		TEST(nor_is_it_missing_twice),
		TEST(who_began_after_this_node_is_missed_in_all_its_boots),
		TEST(but_not_in_those_that_it_may_have_known),
		TEST(nor_in_those_that_were_forgotten),
		TEST(made_up_lives_of_this_node_push_out_those_of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
