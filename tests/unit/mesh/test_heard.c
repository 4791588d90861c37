/* SPDX-License-Identifier: MIT
 * A node may be the only way between one who knows how far an author came and
 * one who does not: what it neither has nor misses, and what it has given up,
 * it passes on. */

#include "mesh/ends.h"
#include "mesh/fetch.h"
#include "mesh/history.h"
#include "mesh/lazy.h"
#include "mesh/link.h"
#include "support/fault.h"
#include "unit/mesh/runs.h"

/* Node `n` has come as far as counter `count`, `boots` lives later; the link
 * holds nothing of it. */
static void
say_gone(struct lab *lab, struct lab_link *at, uint32_t count)
{
	runs_say(lab, at, RECORD_IHAVE, 9, count, 1, 0);
	lab_pass(lab, 150);
	assert_int_equal(runs_only(at, RECORD_GRAFT).seq, RUNS_SEQ(count));
	runs_forget(lab);
	runs_say(lab, at, RECORD_GONE, 9, count, 1, 0);
	assert_int_equal(lab->gaps, 1);
	lab_pass(lab, LAZY_TOLD_MS);
}

static void
the_last_id_that_is_given_up_is_told_to_the_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	say_gone(lab, a, 2);
	runs_only_end(b, 9, 0, 2);
}

/* The next message shows it to all. */
static void
what_is_given_up_before_the_last_id_is_not(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 9, 3);
	say_gone(lab, a, 2);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
}

static void
nor_is_it_lost_when_its_author_restarts_meanwhile(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 2, 1, 0);
	runs_say_reborn(lab, a, 9, 1, 1);
	lab_pass(lab, 150);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GONE, 9, 2, 1, 0);
	assert_int_equal(lab->gap_first, RUNS_SEQ(2));
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 2);
}

static void
who_was_never_known_is_no_loss_but_passed_on_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_end(lab, a, 9, 0, 3);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0); /* soon */
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 3);
	runs_forget(lab);
	runs_say_end(lab, b, 9, 0, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
	runs_say_end(lab, b, 9, 0, 4);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(a, 9, 0, 4);
	lab_pass_alive(lab, 61000);
	assert_int_equal(lab->gaps, 0);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
}

/* It was behind a cut when that was passed on, and for longer than a new link
 * is told of it. */
static void
who_knows_less_of_it_is_told(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;
	struct record_run runs[4];

	runs_say_end(lab, a, 9, -1, 5);
	runs_say_end(lab, a, 9, 0, 7);
	lab_pass_alive(lab, ENDS_KEEP_MS);
	b = runs_up(lab, 2);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
	runs_say_end(lab, b, 9, -1, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_sent(b, RECORD_SYNC, runs, 4), 2);
	assert_int_equal(runs[0].seq, lab_seq(-1, 6));
	assert_int_equal(runs[1].seq, lab_seq(0, 8));
	runs_forget(lab);
	runs_say_end(lab, b, 9, 0, 6);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 7);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
}

static void
whatever_else_it_says_in_one_list(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	const struct record_run list[] = {
		{ .origin = lab_id(9), .seq = RUNS_SEQ(4) },
		{ .origin = lab_id(8), .seq = RUNS_SEQ(6) },
	};

	runs_say_end(lab, a, 9, 0, 5);
	runs_say_end(lab, a, 8, 0, 5);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_forget(lab);
	runs_say_list(lab, b, RECORD_SYNC, list, ARRAY_LEN(list));
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 5);
}

/* What it says last of an origin is what it knows. */
static void
who_knows_as_much_is_told_nothing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	const struct record_run both[] = {
		{ .origin = lab_id(9), .seq = lab_seq(-1, 6) },
		{ .origin = lab_id(9), .seq = lab_seq(0, 8) },
	};

	runs_say_list(lab, a, RECORD_SYNC, both, ARRAY_LEN(both));
	lab_pass(lab, LAZY_TOLD_MS);
	runs_forget(lab);
	runs_say_list(lab, b, RECORD_SYNC, both, ARRAY_LEN(both));
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
}

/* But not without end: the oldest goes. */
static void
of_more_boots_the_newest_eight_are_passed_on(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *c;
	struct record_run runs[16];

	for (int boots = 1; boots <= (int)ENDS_HEARD + 2; boots++) {
		runs_say_end(lab, a, 9, boots - 20, 3);
	}
	runs_say_end(lab, a, 9, -18, 3); /* gone, and not news */
	c = lab_accept_up(lab, 3);
	assert_int_equal(
	    runs_sent(c, RECORD_SYNC, runs, ARRAY_LEN(runs)), ENDS_HEARD);
	for (int i = 0; i < (int)ENDS_HEARD; i++) {
		assert_int_equal(runs[i].seq, lab_seq(i - 17, 4));
	}
	/* News of one of them is news of all, but of no other author. */
	runs_say_end(lab, a, 8, 0, 3);
	lab_pass_alive(lab, ENDS_KEEP_MS);
	c = lab_accept_up(lab, 4);
	assert_int_equal(runs_count(c, RECORD_SYNC), 0);
	runs_say_end(lab, a, 9, -15, 4);
	c = lab_accept_up(lab, 5);
	assert_int_equal(runs_count(c, RECORD_SYNC), ENDS_HEARD);
}

/* Of all its boots: the next one may know any. */
static void
a_new_link_is_told_of_it_too(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *c;
	struct record_run runs[4];

	runs_say_end(lab, a, 9, -2, 3);
	runs_say_end(lab, a, 9, 0, 7);
	c = lab_accept_up(lab, 3);
	assert_int_equal(runs_sent(c, RECORD_SYNC, runs, 4), 2);
	assert_int_equal(runs[0].seq, lab_seq(-2, 4));
	runs_say_end(lab, a, 9, -1, 1);
	runs_say_end(lab, a, 9, -2, 8);
	c = lab_accept_up(lab, 4);
	assert_int_equal(runs_sent(c, RECORD_SYNC, runs, 4), 3);
	assert_int_equal(runs[0].seq, lab_seq(-2, 9));
	assert_int_equal(runs[1].seq, lab_seq(-1, 2));
	assert_int_equal(runs[2].seq, lab_seq(0, 8));
	assert_int_equal(runs[2].count, 0);
}

static void
once_it_is_known_what_was_heard_of_it_is_missing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_end(lab, a, 9, 0, 5);
	lab_say_data(lab, b, 9, 3);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	runs_say_end(lab, a, 8, 0, 5);
	runs_say(lab, b, RECORD_SYNC, 8, 2, 1, 0);
	assert_int_equal(runs_origin(lab, 8).missing, 4);
	lab_pass_alive(lab, 30000);
	assert_int_equal(lab->gap_count, 3);
	assert_int_equal(lab->gaps, 2);
}

/* Who came when it was no longer told to new links. */
static void
then_it_is_news_to_who_was_not_told(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;

	runs_say_end(lab, a, 9, 0, 5);
	lab_pass_alive(lab, ENDS_KEEP_MS);
	b = runs_up_told(lab, 2);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
	lab_say_data(lab, a, 9, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 5);
}

static void
if_it_has_begun_anew_the_boot_before_is_no_loss(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct lab_link *c;

	runs_say_end(lab, a, 9, 0, 5);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_forget(lab);
	runs_say_reborn(lab, b, 9, 1, 1);
	assert_int_equal(runs_origin(lab, 9).last, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	runs_forget(lab);
	c = lab_accept_up(lab, 3);
	assert_int_equal(runs_count(c, RECORD_SYNC), 2);
	/* Nor is one before that, or a part of either. */
	runs_say_end(lab, a, 8, -3, 5);
	runs_say_end(lab, a, 8, -1, 7);
	runs_say_reborn(lab, b, 8, 0, 1);
	assert_int_equal(runs_origin(lab, 8).last, 0);
	assert_int_equal(runs_origin(lab, 8).missing, 0);
}

/* Each of them is later than one that is known. */
static void
what_was_heard_of_later_boots_is_missing_then(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_end(lab, a, 9, -4, 9);
	runs_say_end(lab, a, 9, -2, 5);
	runs_say_end(lab, a, 9, 0, 3);
	runs_say_reborn(lab, b, 9, -3, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 8);
	assert_int_equal(runs_origin(lab, 9).last, lab_seq(-2, 5));
}

/* It has published nothing that this node could not have heard. */
static void
who_began_after_this_node_is_missed_from_its_first_word(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_end(lab, a, 9, 1, 0); /* which says nothing */
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	runs_say_end(lab, a, 9, 1, 3);
	runs_say_end(lab, b, 9, 1, 3);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 1, 3);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
	lab_pass_alive(lab, FETCH_HOLE_MS);
	runs_only_gap(lab, lab_seq(1, 1), 3);
}

static void
however_many_they_are(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	runs_say_end(lab, a, 9, 1, 200000);
	runs_only_gap(lab, lab_seq(1, 1), 200000 - WINDOW_IDS_WIDE);
	runs_say_reborn(lab, a, 8, 1, 100000);
	assert_int_equal(lab->delivered, 1);
	lab_pass_alive(lab, FETCH_HOLE_MS);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 200000 + 100000 - 1);
}

/* The same without memory for a new origin. */
static void
say_end_in_vain(struct lab *lab, struct lab_link *at, uint8_t n, int64_t boots,
    uint32_t count)
{
	const struct record_run run = {
		.origin = lab_id(n),
		.seq = lab_seq(boots, count) + 1,
	};
	struct buf record = runs_encoded(RECORD_SYNC, &run, 1);
	uint64_t nomem = mesh_stats(lab->mesh)->nomem;

	fault_fail_nth(1);
	lab_hand_in(lab, at, &record);
	assert_true(fault_off());
	assert_int_equal(mesh_stats(lab->mesh)->nomem, nomem + 1);
	buf_fini(&record);
}

/* Nobody else may tell of it any more. */
static void
if_there_was_no_room_for_it_it_is_missed_once_there_is(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	say_end_in_vain(lab, a, 9, 1, 3);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 1, 3);
	fault_fail_nth(1);
	lab_pass(lab, 1000);
	assert_true(fault_off());
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	lab_pass(lab, 1000);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	lab_pass_alive(lab, FETCH_HOLE_MS);
	runs_only_gap(lab, lab_seq(1, 1), 3);
}

static void
what_is_no_loss_is_not_missed_then(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	runs_say_end(lab, a, 9, -1, 5);
	runs_say_end(lab, a, 8, 0, 5);
	runs_say_reborn(lab, a, 8, 1, 1);
	lab_pass_alive(lab, ORIGIN_IDLE_MS);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	say_end_in_vain(lab, a, 9, 1, 3);
	lab_pass(lab, 1000);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	assert_int_equal(runs_origin(lab, 9).base, lab_seq(1, 1));
}

static void
nor_has_it_to_wait_if_its_author_goes_on(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	lab_pass_alive(lab, ORIGIN_IDLE_MS);
	say_end_in_vain(lab, a, 9, 0, 5);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
}

/* No boot has that number; nor may it keep this node busy. */
static void
of_boot_zero_nothing_is_heard(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_from(lab, a, RECORD_SYNC, 9, 6, 0);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
	lab_say_data(lab, a, 9, 1);
	assert_int_equal(lab->delivered, 1);
}

/* What is told of such a boot by one who holds a part of it is a promise. */
static void
a_boot_that_somebody_holds_is_not_only_heard_of(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_reborn(lab, a, 9, 0, 1);
	runs_say_end(lab, a, 9, -1, 10);
	runs_say_from(lab, a, RECORD_SYNC, 9, lab_seq(-1, 11), 2);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	runs_say_end(lab, b, 9, -1, 15);
	assert_int_equal(runs_origin(lab, 9).missing, 5);
}

/* Heard of only now, behind the next boot. */
static void
the_end_of_a_boot_that_was_never_known_is_passed_on_too(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_reborn(lab, a, 9, 2, 1);
	runs_forget(lab);
	runs_say_end(lab, a, 9, 1, 0); /* which says nothing */
	runs_say_end(lab, a, 9, 0, 5);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 5);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	runs_forget(lab);
	runs_say_end(lab, a, 9, 0, 5);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
}

static void
what_others_hold_of_such_a_boot_is_taken(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data;

	runs_say_reborn(lab, a, 9, 1, 1);
	assert_int_equal(lab->delivered, 1);
	lab_say_data(lab, a, 9, 5); /* by a longer way */
	assert_int_equal(lab->delivered, 2);
	assert_int_equal(runs_data(b, &data), 2);
	runs_say(lab, b, RECORD_SYNC, 9, 6, 2, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	lab_say_data(lab, a, 9, 4); /* before all that was heard of */
	lab_say_data(lab, a, 9, 5);
	assert_int_equal(lab->delivered, 2);
	assert_int_equal(mesh_stats(lab->mesh)->old, 2);
}

static void
whom_there_is_no_memory_for_is_told_to_the_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	const struct record_data data = lab_data(9, 5);
	struct buf record = lab_encoded(&data);

	fault_fail_nth(1);
	lab_hand_in(lab, a, &record);
	assert_true(fault_off());
	buf_fini(&record);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 1);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 5);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
}

/* Nor is there time for more than so many new ones a second. */
static void
so_is_who_is_one_too_many_in_a_second(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data = lab_data(9, 5);

	for (uint32_t n = 0; n < LINK_FRESH_BURST; n++) {
		data.origin = lab_nth_id(n);
		lab_say(lab, a, &data);
	}
	runs_forget(lab);
	lab_say_data(lab, a, 9, 5);
	assert_int_equal(mesh_stats(lab->mesh)->origins_rate, 1);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 5);
}

/* Else those who have no room for one would tell each other for ever. */
static void
one_too_many_is_counted_and_not_passed_on(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	for (uint8_t i = 0; i < ENDS_MAX; i++) {
		/* 0x80 is this node itself. */
		runs_say_end(lab, a, (uint8_t)(i < 0x7d ? 3 + i : 4 + i), 0, 3);
	}
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(b, RECORD_SYNC), ENDS_MAX);
	assert_int_equal(mesh_stats(lab->mesh)->heard_lost, 0);
	runs_forget(lab);
	runs_say_end(lab, a, 200, 0, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
	assert_int_equal(mesh_stats(lab->mesh)->heard_lost, 1);
	/* In time those heard of first give way. */
	lab_pass_alive(lab, ENDS_KEEP_MS);
	runs_say_end(lab, a, 201, 0, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 201, 0, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_id_that_is_given_up_is_told_to_the_others),
		TEST(what_is_given_up_before_the_last_id_is_not),
		TEST(nor_is_it_lost_when_its_author_restarts_meanwhile),
		TEST(who_was_never_known_is_no_loss_but_passed_on_once),
		TEST(who_knows_less_of_it_is_told),
		TEST(whatever_else_it_says_in_one_list),
		TEST(who_knows_as_much_is_told_nothing),
		TEST(of_more_boots_the_newest_eight_are_passed_on),
		TEST(a_new_link_is_told_of_it_too),
		TEST(once_it_is_known_what_was_heard_of_it_is_missing),
		TEST(then_it_is_news_to_who_was_not_told),
		TEST(if_it_has_begun_anew_the_boot_before_is_no_loss),
		TEST(what_was_heard_of_later_boots_is_missing_then),
		TEST(who_began_after_this_node_is_missed_from_its_first_word),
		TEST(however_many_they_are),
		TEST(if_there_was_no_room_for_it_it_is_missed_once_there_is),
		TEST(what_is_no_loss_is_not_missed_then),
		TEST(nor_has_it_to_wait_if_its_author_goes_on),
		TEST(of_boot_zero_nothing_is_heard),
		TEST(a_boot_that_somebody_holds_is_not_only_heard_of),
		TEST(the_end_of_a_boot_that_was_never_known_is_passed_on_too),
		TEST(what_others_hold_of_such_a_boot_is_taken),
		TEST(whom_there_is_no_memory_for_is_told_to_the_others),
		TEST(so_is_who_is_one_too_many_in_a_second),
		TEST(one_too_many_is_counted_and_not_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
