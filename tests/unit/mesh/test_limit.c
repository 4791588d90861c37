/* SPDX-License-Identifier: MIT */

#include "unit/mesh/runs.h"

/* `count` times the same entry, in one record. */
static void
say_often(struct lab *lab, struct lab_link *at, enum record_type type,
    const struct record_run *run, size_t count)
{
	struct record_run runs[1000];

	assert_true(count <= ARRAY_LEN(runs));
	for (size_t i = 0; i < count; i++) {
		runs[i] = *run;
	}
	runs_say_list(lab, at, type, runs, count);
}

/* A list of 62 KB whose entries all name them would look at nine millions. */
static void
the_missing_runs_that_lists_look_at_are_limited(void **state)
{
	static const enum record_type types[] = { RECORD_IHAVE, RECORD_SYNC,
		RECORD_GONE };
	const struct record_run run = {
		.origin = lab_id(9),
		.seq = RUNS_SEQ(5000),
		.count = 7999,
	};
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	uint64_t before;

	runs_say_every_second(lab, a, 9, 4000);
	assert_int_equal(mesh_stats(lab->mesh)->missing, 4000);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		before = mesh_stats(lab->mesh)->missing_limit;
		lab->now += 1000;
		say_often(lab, b, types[i], &run, 100);
		/* About 16 times 4000: what is begun is ended. */
		assert_in_range(
		    mesh_stats(lab->mesh)->missing_limit - before, 80, 84);
	}
	before = mesh_stats(lab->mesh)->missing_limit;
	lab->now += 1000;
	say_often(lab, b, RECORD_IHAVE, &run, 1);
	assert_int_equal(mesh_stats(lab->mesh)->missing_limit, before);
	assert_int_equal(b->close_code, -1);
}

/* So many messages of node 9. */
static void
hold(struct lab *lab, struct lab_link *at, uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++) {
		lab_say_data(lab, at, 9, i);
	}
}

static void
what_is_announced_is_not_looked_for_without_end(void **state)
{
	const struct record_run run = {
		.origin = lab_id(9),
		.seq = RUNS_SEQ(1),
		.count = 256,
	};
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	hold(lab, a, 256);
	say_often(lab, b, RECORD_IHAVE, &run, 600);
	assert_int_equal(mesh_stats(lab->mesh)->mark_limit, 600 - 512);
	assert_int_equal(b->close_code, -1);
}

static void
of_a_long_entry_not_all_is_looked_for(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	hold(lab, a, 257);
	runs_say(lab, b, RECORD_IHAVE, 9, 1, 256, 0);
	assert_int_equal(mesh_stats(lab->mesh)->mark_limit, 0);
	runs_say(lab, b, RECORD_IHAVE, 9, 1, 257, 0);
	assert_int_equal(mesh_stats(lab->mesh)->mark_limit, 1);
}

/* Not even a link that has just come up: the first SYNC of any has 9000. */
static void
the_runs_of_sync_are_limited_from_the_first_second_on(void **state)
{
	const struct record_run run = {
		.origin = lab_id(9),
		.seq = RUNS_SEQ(1),
		.count = 1,
	};
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	for (size_t i = 0; i < 20; i++) {
		say_often(lab, a, RECORD_SYNC, &run, 1000);
	}
	assert_int_equal(mesh_stats(lab->mesh)->sync_limit, 4);
	assert_int_equal(a->close_code, -1);
}

/* So many records of SYNC, at once. */
static void
say_syncs(struct lab *lab, struct lab_link *at, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		runs_say(lab, at, RECORD_SYNC, 9, 1, 1, 0);
	}
}

/* A SYNC a second is fine; so are all those of two minutes, when the network
 * brings them at once.  But no more than that. */
static void
what_was_sent_in_time_may_come_all_at_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab->now += 120 * 1000;
	say_syncs(lab, a, 10 + 120 * 10);
	assert_int_equal(mesh_stats(lab->mesh)->sync_limit, 0);
	say_syncs(lab, a, 1);
	assert_int_equal(mesh_stats(lab->mesh)->sync_limit, 1);
	assert_int_equal(a->close_code, -1);
	say_syncs(lab, a, 90);
	assert_int_equal(lab_bye(a), BYE_ABUSE);
	/* An hour of silence is worth five minutes. */
	say_syncs(lab, b, 1);
	lab->now += 3600 * 1000;
	say_syncs(lab, b, 10 + 300 * 10);
	assert_int_equal(mesh_stats(lab->mesh)->sync_limit, 91);
	say_syncs(lab, b, 1);
	assert_int_equal(mesh_stats(lab->mesh)->sync_limit, 92);
}

/* What lists make us look for is work, whenever they were sent. */
static void
of_what_is_looked_for_nothing_is_saved(void **state)
{
	const struct record_run run = {
		.origin = lab_id(9),
		.seq = RUNS_SEQ(1),
		.count = 256,
	};
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	hold(lab, a, 256);
	say_often(lab, b, RECORD_IHAVE, &run, 1);
	lab->now += 50 * 1000;
	say_often(lab, b, RECORD_IHAVE, &run, 600);
	assert_int_equal(mesh_stats(lab->mesh)->mark_limit, 600 - 512);
}

static void
there_is_no_room(struct lab *lab, uint64_t times)
{
	struct record_hello hello = lab_hello(lab, 1);
	struct lab_link *at = lab_accept(lab);

	lab_say_hello(lab, at, &hello);
	assert_int_equal(lab_bye(at), BYE_FULL);
	assert_int_equal(mesh_stats(lab->mesh)->accept_limit, times);
}

/* Who comes and goes all the time makes each origin looked at twice. */
static void
links_that_come_and_go_are_accepted_ever_more_slowly(void **state)
{
	struct lab *lab = *state;

	for (unsigned i = 0; i < 128; i++) {
		lab_closed(lab, lab_accept_up(lab, 1), MESH_CLOSED);
	}
	there_is_no_room(lab, 1);
	lab->now += 50;
	(void)lab_accept_up(lab, 2);
	there_is_no_room(lab, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_missing_runs_that_lists_look_at_are_limited),
		TEST(what_is_announced_is_not_looked_for_without_end),
		TEST(of_a_long_entry_not_all_is_looked_for),
		TEST(the_runs_of_sync_are_limited_from_the_first_second_on),
		TEST(what_was_sent_in_time_may_come_all_at_once),
		TEST(of_what_is_looked_for_nothing_is_saved),
		TEST(links_that_come_and_go_are_accepted_ever_more_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
