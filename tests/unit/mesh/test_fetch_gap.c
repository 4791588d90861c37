/* SPDX-License-Identifier: MIT */

#include "mesh/fetch.h"
#include "mesh/origin.h"
#include "mesh/window.h"
#include "support/fault.h"
#include "unit/mesh/runs.h"

/* Below the base an id may be announced and be missing, but it is not promised:
 * it leaves with the window and is no gap. */
static void
what_falls_off_below_the_base_is_missing_no_more(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 100);
	runs_say(lab, b, RECORD_IHAVE, 9, 60, 20, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 20);
	for (uint32_t n = 101; n < 70 + WINDOW_IDS; n++) {
		lab_say_data(lab, a, 9, n);
		assert_null(inspect_check(lab->mesh));
	}
	assert_int_equal(runs_origin(lab, 9).missing, 10);
	lab_say_data(lab, a, 9, 200 + WINDOW_IDS);
	assert_null(inspect_check(lab->mesh));
	assert_int_equal(runs_origin(lab, 9).base, RUNS_SEQ(100));
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 0);
}

static struct record_data
repair_of(uint32_t count, uint8_t hops)
{
	struct record_data data = lab_data(9, count);

	data.flags |= DATA_REPAIR;
	data.hops = hops;
	return data;
}

static void
an_answer_past_the_hop_limit_is_a_gap_at_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_data data = repair_of(3, 65);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 2, 3, 0);
	lab_pass(lab, 150);
	assert_int_equal(runs_only(a, RECORD_GRAFT).count, 3);
	runs_forget(lab);
	lab_say(lab, a, &data);
	assert_null(inspect_check(lab->mesh));
	runs_only_gap(lab, RUNS_SEQ(3), 1);
	assert_int_equal(mesh_stats(lab->mesh)->hop_limit, 1);
	assert_int_equal(mesh_stats(lab->mesh)->too_far, 1);
	assert_int_equal(mesh_stats(lab->mesh)->gone, 0);
	/* The others are asked for still, this one is not. */
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	data = repair_of(2, 64);
	lab_say(lab, a, &data);
	data = repair_of(4, 64);
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 3);
	lab_pass(lab, 8000);
	assert_int_equal(runs_count(a, RECORD_GRAFT), 0);
	assert_int_equal(lab->gaps, 1);
}

static void
past_the_hop_limit_another_who_has_it_is_asked(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at[2] = { runs_up(lab, 1), runs_up(lab, 2) };
	struct record_data far = repair_of(5, 65);
	struct record_data near = repair_of(5, 3);
	size_t asked;

	runs_say(lab, at[0], RECORD_IHAVE, 9, 5, 1, 0);
	runs_say(lab, at[1], RECORD_IHAVE, 9, 5, 1, 0);
	asked = runs_count(at[0], RECORD_GRAFT) == 1 ? 0 : 1;
	lab_say(lab, at[asked], &far);
	assert_int_equal(lab->gaps, 0);
	assert_int_equal(runs_count(at[!asked], RECORD_GRAFT), 1);
	lab_say(lab, at[!asked], &near);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(mesh_stats(lab->mesh)->too_far, 0);
}

static void
what_is_missing_of_a_smaller_boot_is_still_fetched(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data;
	struct record_run run;

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 9, 4); /* 2 and 3 are holes, 6 is announced */
	runs_say(lab, b, RECORD_IHAVE, 9, 6, 1, 0);
	runs_say_reborn(lab, a, 9, 5, 1);
	assert_int_equal(lab->gaps, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 4);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	/* Who has it may say so later. */
	runs_say(lab, b, RECORD_IHAVE, 9, 3, 1, 0);
	runs_say(lab, b, RECORD_IHAVE, 9, 4, 1, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 4);
	lab_pass(lab, 150);
	assert_int_equal(runs_count(a, RECORD_GRAFT), 0);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 2);
	runs_forget(lab);
	data = repair_of(3, 2);
	lab_say(lab, b, &data);
	assert_int_equal(runs_data(a, &data), 1);
	assert_int_equal(data.seq, RUNS_SEQ(3));
	data = repair_of(6, 2);
	lab_say(lab, b, &data);
	assert_int_equal(lab->delivered, 5);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	/* The tree is the new boot's. */
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	assert_int_equal(runs_origin(lab, 9).parent_seq >> 32, LAB_BOOT + 5);
	assert_int_equal(runs_origin(lab, 9).max >> 32, LAB_BOOT + 5);
	/* It is kept for others. */
	run = (struct record_run){ .seq = 0 };
	runs_say(lab, a, RECORD_GRAFT, 9, 6, 1, 0);
	assert_int_equal(runs_data(a, &data), 3);
	assert_int_equal(data.seq, RUNS_SEQ(6));
	assert_int_equal(runs_sent(a, RECORD_GONE, &run, 1), 0);
}

/* 2 to 5 were only jumped over, and soon nobody would look for them. */
static void
what_there_is_no_memory_to_miss_is_a_gap(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_data data = lab_data(9, 1);
	struct buf record;

	lab_say(lab, a, &data);
	runs_say(lab, a, RECORD_IHAVE, 9, 6, 1, 0);
	data.seq = lab_seq(1, 1);
	record = lab_encoded(&data);
	fault_fail_from(1);
	lab_hand_in(lab, a, &record);
	assert_true(fault_off());
	buf_fini(&record);
	assert_null(inspect_check(lab->mesh));
	assert_int_equal(lab->gap_first, RUNS_SEQ(2));
	assert_int_equal(lab->gap_count, 4);
	assert_int_equal(runs_origin(lab, 9).missing, 1);
	assert_int_equal(lab->delivered, 2);
}

static void
hears_without_memory(struct lab *lab, enum record_type type)
{
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	const struct record_run run = {
		.origin = lab_id(9), .seq = RUNS_SEQ(2), .count = 1
	};
	struct buf list = runs_encoded(type, &run, 1);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(
	    lab, b, 9, 1); /* is told PRUNE: there is room for a list */
	runs_forget(lab);
	fault_fail_from(1);
	lab_hand_in(lab, b, &list);
	assert_true(fault_off());
	buf_fini(&list);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	assert_int_equal(runs_only(b, RECORD_GRAFT).seq, RUNS_SEQ(2));
	assert_int_equal(lab->gaps, 0);
}

/* The parent may not bring it, and nobody may announce it again. */
static void
what_there_is_no_memory_to_note_is_asked_for_at_once(void **state)
{
	hears_without_memory(*state, RECORD_IHAVE);
}

/* It was asked for, and told as a gap before it could come. */
static void
so_is_what_a_new_link_has_and_it_is_no_gap(void **state)
{
	hears_without_memory(*state, RECORD_SYNC);
}

static void
each_of_a_smaller_boot_is_taken_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 9, 3);
	runs_say_reborn(lab, a, 9, 1, 1);
	runs_say_reborn(lab, a, 9, 2, 1); /* twice, quickly */
	lab_say_data(lab, b, 9, 2);
	assert_int_equal(lab->delivered, 5);
	lab_say_data(lab, b, 9, 2);
	lab_say_data(lab, a, 9, 3);
	runs_say_reborn(lab, b, 9, 1, 1);
	assert_int_equal(lab->delivered, 5);
	assert_int_equal(mesh_stats(lab->mesh)->old, 3);
	lab_say_data(lab, a, 9, 4); /* two boots ago, and never heard of */
	lab_say_data(lab, b, 9, 4);
	assert_int_equal(lab->delivered, 6);
	assert_int_equal(mesh_stats(lab->mesh)->old, 4);
	lab_pass(lab, 8000);
	assert_int_equal(lab->gaps, 0);
}

static void
what_never_comes_of_a_smaller_boot_is_a_gap_in_time(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 100);
	lab_say_data(lab, a, 9, 103);
	runs_say(lab, a, RECORD_IHAVE, 9, 90, 20, 0);
	runs_say_reborn(lab, a, 9, 1, 1);
	/* 101 and 102; 104 .. 109; nothing of what was never promised. */
	assert_int_equal(runs_origin(lab, 9).missing, 8);
	runs_say(lab, a, RECORD_GONE, 9, 90, 13, 0);
	assert_int_equal(lab->gap_first, RUNS_SEQ(101));
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 2);
	lab_say_data(lab, a, 9, 101);
	assert_int_equal(lab->delivered, 3);
	lab_pass_alive(lab, 61000);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 8);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	assert_null(inspect_check(lab->mesh));
}

/* Its last words may travel longer than the first of its next life. */
static void
what_was_not_heard_of_before_a_restart_is_taken_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	runs_say_reborn(lab, a, 9, 1, 1);
	lab_say_data(lab, b, 9, 4);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	lab_say_data(lab, b, 9, 2);
	lab_say_data(lab, a, 9, 4);
	assert_int_equal(lab->delivered, 4);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
	/* The tree is the new boot's. */
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	assert_int_equal(runs_origin(lab, 9).max >> 32, LAB_BOOT + 1);
	lab_pass_alive(lab, 31000);
	runs_only_gap(lab, RUNS_SEQ(3), 1);
}

static void
what_is_announced_of_the_last_boot_is_fetched(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_run run;

	lab_say_data(lab, a, 9, 1);
	runs_say_reborn(lab, a, 9, 1, 1);
	runs_say(lab, b, RECORD_IHAVE, 9, 3, 2, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	lab_pass(lab, 150);
	run = runs_only(b, RECORD_GRAFT);
	assert_int_equal(run.seq, RUNS_SEQ(3));
	assert_int_equal(run.count, 2);
	/* It came as far as 6, and this link holds nothing of it. */
	runs_say(lab, b, RECORD_SYNC, 9, 7, 0, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 5);
	/* No word of a boot that nobody has spoken of. */
	runs_say(lab, b, RECORD_SYNC, 7, 7, 0, 0);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 1);
}

static void
a_boot_that_was_missed_altogether_is_fetched_whole(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say_reborn(lab, a, 9, 2, 1);
	runs_say_reborn(lab, a, 9, 1, 3);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	runs_say_reborn(lab, a, 9, 1, 1);
	runs_say_reborn(lab, a, 9, 1, 2);
	assert_int_equal(lab->delivered, 5);
	lab_say_data(lab, a, 9, 2); /* two boots ago */
	assert_int_equal(lab->delivered, 6);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
	assert_int_equal(lab->gaps, 0);
}

/* Also by an announcement alone. */
static void
a_new_boot_is_missed_from_its_first(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say_from(lab, a, RECORD_IHAVE, 9, lab_seq(1, 3), 1);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	lab_pass_alive(lab, FETCH_HOLE_MS);
	runs_only_gap(lab, lab_seq(1, 1), 2);
}

/* A lie costs a bounded number of runs, the truth is told as a gap. */
static void
far_ahead_in_the_last_boot_only_the_end_is_missing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say_reborn(lab, a, 9, 1, 1);
	lab_say_data(lab, a, 9, 4000000000);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(runs_origin(lab, 9).missing, WINDOW_IDS_WIDE - 1);
	runs_only_gap(lab, RUNS_SEQ(2), 4000000000 - 1 - WINDOW_IDS_WIDE);
}

static void
who_is_forgotten_leaves_gaps_of_all_boots(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 9, 4);
	runs_say_reborn(lab, a, 9, 1, 1);
	runs_say_reborn(lab, a, 9, 1, 3);
	lab_closed(lab, a, MESH_CLOSED); /* no link: no clock */
	lab_pass(lab, ORIGIN_IDLE_MS + 1);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 3);
}

/* `a` alone has announced ids of node 9, from 1000 on, when 1 has come. */
static struct lab_link *
say_rumour(struct lab *lab, uint32_t ids)
{
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 1000, ids, 0);
	return a;
}

static void
who_alone_announces_far_ahead_and_has_nothing_is_not_believed(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = say_rumour(lab, 65535);
	struct lab_link *b = runs_up(lab, 2);

	runs_say(lab, a, RECORD_GONE, 9, 1000, 65535, 0);
	assert_int_equal(lab->gaps, 0);
	assert_int_equal(mesh_stats(lab->mesh)->rumours, 65535);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	assert_int_equal(runs_origin(lab, 9).max, RUNS_SEQ(1));
	/* What is published one day is news. */
	lab_say_data(lab, b, 9, 2);
	lab_say_data(lab, b, 9, 1000);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(mesh_stats(lab->mesh)->late, 0);
}

static void
nor_is_who_never_answers(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = say_rumour(lab, 100);

	lab_pass_alive(lab, 61000);
	assert_int_equal(lab->gaps, 0);
	assert_int_equal(mesh_stats(lab->mesh)->rumours, 100);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(lab->delivered, 2);
}

static void
what_two_announce_is_promised_however_far_ahead(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = say_rumour(lab, 100);
	struct lab_link *b = runs_up(lab, 2);

	runs_say(lab, b, RECORD_IHAVE, 9, 1000, 100, 0);
	runs_say(lab, b, RECORD_GONE, 9, 1000, 100, 0);
	runs_say(lab, a, RECORD_GONE, 9, 1000, 100, 0);
	assert_int_equal(lab->gaps, 1);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 100);
	assert_int_equal(mesh_stats(lab->mesh)->rumours, 0);
}

static void
so_is_what_a_new_link_says_that_it_holds(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_SYNC, 9, 1000, 100, 0);
	runs_say(lab, a, RECORD_GONE, 9, 1000, 100, 0);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 100);
	assert_int_equal(mesh_stats(lab->mesh)->rumours, 0);
	/* And what lies between, if nobody announces that. */
	lab_pass_alive(lab, 31000);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 1098);
}

static void
so_is_what_a_new_link_says_that_nobody_holds(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_SYNC, 9, 1000, 0, 0);
	lab_pass_alive(lab, 30000);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 998);
}

static void
a_rumour_that_was_true_is_a_gap_once_more_is_heard(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = say_rumour(lab, 100);

	runs_say(lab, a, RECORD_GONE, 9, 1000, 100, 0);
	assert_int_equal(lab->gaps, 0);
	lab_say_data(lab, a, 9, 1100);
	lab_pass_alive(lab, 30000);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 1098);
}

static void
rumours_take_the_place_of_nothing_else(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, b, 8, 1);
	lab_say_data(lab, b, 8, 3);
	lab_say_data(lab, b, 9, 1);
	for (uint32_t n = 0; n < 5000; n++) {
		runs_say(lab, a, RECORD_IHAVE, 9, 1000 + 2 * n, 1, 0);
		lab->now += 1; /* within the limit of a second */
	}
	assert_int_equal(runs_origin(lab, 8).missing, 1);
	assert_int_equal(lab->gaps, 0);
	assert_true(mesh_stats(lab->mesh)->rumours >= 5000 - 4096);
}

/* Without a link nothing is given up until the origin is forgotten. */
/* Else who fills the table could make true ones be forgotten. */
static void
and_are_asked_for_before_they_are_forgotten(void **state)
{
	struct lab *lab = *state;
	struct lab_link *parent = runs_up(lab, 1);
	struct lab_link *a = runs_up(lab, 2);
	struct lab_link *b = runs_up(lab, 3);

	lab_say_data(lab, parent, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 100, 1, 0);
	runs_say_every_second(lab, b, 8, MISSING_MAX);
	assert_int_equal(mesh_stats(lab->mesh)->rumours, 1);
	assert_int_equal(runs_only(a, RECORD_GRAFT).seq, RUNS_SEQ(100));
	lab->delivered = 0;
	runs_repair(lab, a, 9, 100);
	assert_int_equal(lab->delivered, 1);
}

static void
what_is_told_of_who_is_forgotten_is_not_taken_later(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 7);
	runs_say(lab, a, RECORD_IHAVE, 9, 12, 3, 0);
	runs_authors_forgotten(lab, a);
	assert_int_equal(lab->gap_first, RUNS_SEQ(8));
	assert_int_equal(lab->gap_count, 7);
	a = runs_up(lab, 1);
	for (uint32_t n = 8; n <= 14; n++) {
		lab_say_data(lab, a, 9, n);
	}
	assert_int_equal(lab->delivered, 1);
	lab_say_data(lab, a, 9, 15);
	assert_int_equal(lab->delivered, 2);
}

/* The same of one of which nothing ever came: below its base is no gap. */
static void
who_was_only_announced_leaves_a_gap_from_its_base_on(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	runs_say(lab, a, RECORD_IHAVE, 9, 3000, 3, 0);
	runs_authors_forgotten(lab, a);
	runs_only_gap(lab, RUNS_SEQ(3000), 3);
	a = runs_up(lab, 1);
	for (uint32_t n = 2990; n <= 3002; n++) {
		lab_say_data(lab, a, 9, n);
	}
	assert_int_equal(lab->delivered, 0);
	lab_say_data(lab, a, 9, 3003);
	assert_int_equal(lab->delivered, 1);
}

/* However many they are. */
static void
of_all_gaps_it_is_known_who_is_late(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	for (uint32_t n = 2; n <= 200; n += 2) {
		lab_say_data(lab, a, 9, n + 1);
		runs_say(lab, a, RECORD_IHAVE, 9, n, 1, 0);
		runs_say(lab, a, RECORD_GONE, 9, n, 1, 0);
	}
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 100);
	for (uint32_t n = 2; n <= 200; n += 2) {
		lab_say_data(lab, a, 9, n);
	}
	assert_int_equal(mesh_stats(lab->mesh)->late, 100);
	assert_int_equal(mesh_stats(lab->mesh)->duplicates, 0);
	assert_int_equal(lab->delivered, 101);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_falls_off_below_the_base_is_missing_no_more),
		TEST(an_answer_past_the_hop_limit_is_a_gap_at_once),
		TEST(past_the_hop_limit_another_who_has_it_is_asked),
		TEST(what_is_missing_of_a_smaller_boot_is_still_fetched),
		TEST(what_there_is_no_memory_to_miss_is_a_gap),
		TEST(what_there_is_no_memory_to_note_is_asked_for_at_once),
		TEST(so_is_what_a_new_link_has_and_it_is_no_gap),
		TEST(each_of_a_smaller_boot_is_taken_once),
		TEST(what_never_comes_of_a_smaller_boot_is_a_gap_in_time),
		TEST(what_was_not_heard_of_before_a_restart_is_taken_once),
		TEST(what_is_announced_of_the_last_boot_is_fetched),
		TEST(a_boot_that_was_missed_altogether_is_fetched_whole),
		TEST(a_new_boot_is_missed_from_its_first),
		TEST(far_ahead_in_the_last_boot_only_the_end_is_missing),
		TEST(who_is_forgotten_leaves_gaps_of_all_boots),
		TEST(
		    who_alone_announces_far_ahead_and_has_nothing_is_not_believed),
		TEST(nor_is_who_never_answers),
		TEST(what_two_announce_is_promised_however_far_ahead),
		TEST(so_is_what_a_new_link_says_that_it_holds),
		TEST(so_is_what_a_new_link_says_that_nobody_holds),
		TEST(a_rumour_that_was_true_is_a_gap_once_more_is_heard),
		TEST(rumours_take_the_place_of_nothing_else),
		TEST(and_are_asked_for_before_they_are_forgotten),
		TEST(what_is_told_of_who_is_forgotten_is_not_taken_later),
		TEST(who_was_only_announced_leaves_a_gap_from_its_base_on),
		TEST(of_all_gaps_it_is_known_who_is_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
