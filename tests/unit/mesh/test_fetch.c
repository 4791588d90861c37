/* SPDX-License-Identifier: MIT */

#include "mesh/fetch.h"
#include "mesh/missing.h"
#include "support/fault.h"
#include "unit/mesh/runs.h"

/* Nothing was asked for, over no link. */
static void
nobody_was_asked(const struct lab *lab)
{
	for (size_t i = 0; i < lab->link_count; i++) {
		assert_int_equal(runs_count(&lab->links[i], RECORD_GRAFT), 0);
	}
}

static void
without_a_parent_it_is_asked_for_at_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run run;

	runs_say(lab, a, RECORD_IHAVE, 9, 5, 1, 0);
	run = runs_only(a, RECORD_GRAFT);
	assert_int_equal(run.seq, RUNS_SEQ(5));
	assert_int_equal(run.count, 1);
	assert_int_equal(run.flags, GRAFT_EAGER);
	lab_say_data(lab, a, 9, 5);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	lab_pass_alive(lab, 100000);
	assert_int_equal(lab->gaps, 0);
}

static void
the_first_message_may_come_by_the_tree_that_was_adopted(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 8, 1);
	runs_say(lab, b, RECORD_IHAVE, 9, 1, 1, 0);
	lab_pass(lab, 74);
	nobody_was_asked(lab);
	lab_pass(lab, 1);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 1);
}

static void
with_a_parent_it_is_waited_for(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 500);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	lab_pass(lab, 149);
	nobody_was_asked(lab);
	mesh_on_activity(a->link, lab->now);
	lab_pass(lab, 1);
	/* The parent has sent nothing newer: the tree is broken. */
	assert_int_equal(runs_only(b, RECORD_GRAFT).flags, GRAFT_EAGER);
	assert_int_equal(mesh_stats(lab->mesh)->grafts, 1);
}

static void
a_hole_behind_which_the_parent_goes_on_is_only_fetched(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 500);
	lab_say_data(lab, a, 9, 3);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	lab_pass(lab, 150);
	assert_int_equal(runs_only(b, RECORD_GRAFT).flags, 0);
	assert_int_equal(mesh_stats(lab->mesh)->grafts, 0);
	assert_int_equal(mesh_stats(lab->mesh)->fetches, 1);
}

static void
a_tree_is_mended_once_in_a_timeout(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	runs_say(lab, a, RECORD_IHAVE, 9, 5, 1, 0);
	runs_say(lab, a, RECORD_IHAVE, 9, 7, 1, 0);
	assert_int_equal(runs_count(a, RECORD_GRAFT), 2);
	assert_int_equal(mesh_stats(lab->mesh)->grafts, 1);
	lab_pass(lab, 150);
	assert_int_equal(mesh_stats(lab->mesh)->grafts, 2);
}

static void
a_parent_that_is_silent_is_not_waited_for_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 8, 1);
	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 500);
	runs_say(lab, b, RECORD_IHAVE, 8, 2, 1, 0);
	lab_pass(lab, 150);
	assert_int_equal(mesh_stats(lab->mesh)->suspects, 1);
	assert_int_equal(mesh_stats(lab->mesh)->quiet, 0);
	runs_forget(lab);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 1);

	/* A word from it, and it is trusted. */
	lab_pass(lab, 1);
	lab_say_data(lab, b, 9, 2);
	lab_say_data(lab, a, 7, 1);
	lab_say_data(lab, a, 7, 2);
	runs_forget(lab);
	runs_say(lab, b, RECORD_IHAVE, 7, 3, 1, 0);
	nobody_was_asked(lab);
}

static void
everybody_who_has_it_is_asked_in_turn(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at[3] = { runs_up(lab, 1), runs_up(lab, 2),
		runs_up(lab, 3) };
	size_t asked = 0;

	for (size_t i = 0; i < 3; i++) {
		runs_say(lab, at[i], RECORD_IHAVE, 9, 5, 1, 0);
	}
	for (size_t n = 1; n <= 3; n++) {
		asked = 0;
		for (size_t i = 0; i < 3; i++) {
			asked += runs_count(at[i], RECORD_GRAFT);
		}
		assert_int_equal(asked, n);
		lab_pass(lab, n < 3 ? 150 : 149);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(runs_count(at[i], RECORD_GRAFT), 1);
	}
	/* All were: a second round, in which each is waited for longer. */
	lab_pass_alive(lab, 2000);
	for (size_t i = 0; i < 3; i++) {
		assert_true(runs_count(at[i], RECORD_GRAFT) >= 2);
	}
}

static void
a_run_is_asked_for_in_one_go_and_trimmed_as_it_comes(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run run;

	runs_say(lab, a, RECORD_IHAVE, 9, 10, 20, 0);
	run = runs_only(a, RECORD_GRAFT);
	assert_int_equal(run.count, 20);
	lab_say_data(lab, a, 9, 10);
	lab_say_data(lab, a, 9, 15);
	lab_say_data(lab, a, 9, 29);
	assert_null(inspect_check(lab->mesh));
	assert_int_equal(runs_origin(lab, 9).missing, 17);
	/* The answer is coming: it is not asked for anew. */
	lab_pass(lab, 149);
	assert_int_equal(runs_count(a, RECORD_GRAFT), 1);
	for (uint32_t n = 10; n < 30; n++) {
		lab_say_data(lab, a, 9, n);
	}
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	assert_int_equal(lab->delivered, 20);
	lab_pass_alive(lab, 70000);
	assert_int_equal(lab->gaps, 0);
}

static void
announcements_that_overlap_are_told_apart(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say(lab, a, RECORD_IHAVE, 9, 10, 10, 0);
	runs_say(lab, b, RECORD_IHAVE, 9, 15, 10, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 15);
	/* Only b has the last five, and only a the first. */
	runs_say(lab, b, RECORD_GONE, 9, 15, 10, 0);
	runs_only_gap(lab, RUNS_SEQ(20), 5);
	runs_say(lab, a, RECORD_GONE, 9, 10, 10, 0);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 15);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
}

static void
who_lost_it_is_not_asked_and_another_is_at_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say(lab, a, RECORD_IHAVE, 9, 5, 1, 0);
	runs_say(lab, b, RECORD_IHAVE, 9, 5, 1, 0);
	assert_int_equal(runs_count(a, RECORD_GRAFT), 1);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 0);
	runs_say(lab, a, RECORD_GONE, 9, 5, 1, 0);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 1);
	assert_int_equal(lab->gaps, 0);
}

static void
gone_everywhere_is_a_gap_and_never_delivered_later(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 2, 3, 0);
	runs_say(lab, a, RECORD_GONE, 9, 2, 3, 0);
	runs_only_gap(lab, RUNS_SEQ(2), 3);
	runs_forget(lab);
	lab_say_data(lab, a, 9, 3);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(mesh_stats(lab->mesh)->late, 1);
	assert_int_equal(mesh_stats(lab->mesh)->duplicates, 0);
	assert_int_equal(runs_count(a, RECORD_PRUNE), 0);
	lab_say_data(lab, a, 9, 5);
	assert_int_equal(lab->delivered, 2);
	lab_pass_alive(lab, 100000);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 3);
}

/* Who pushes what was given up is no parent, and need not push. */
static void
what_comes_after_its_gap_is_pruned_like_any_copy(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 2, 1, 0);
	runs_say(lab, a, RECORD_GONE, 9, 2, 1, 0);
	assert_int_equal(lab->gaps, 1);
	runs_forget(lab);
	lab_say_data(lab, b, 9, 2);
	assert_int_equal(mesh_stats(lab->mesh)->late, 1);
	assert_int_equal(runs_count(b, RECORD_PRUNE), 1);
	lab_say_data(lab, b, 9, 1);
	assert_int_equal(mesh_stats(lab->mesh)->duplicates, 1);
	/* A minute later the history has forgotten it. */
	lab_pass_alive(lab, 60000);
	lab_say_data(lab, b, 9, 1);
	assert_int_equal(mesh_stats(lab->mesh)->late, 2);
	assert_int_equal(lab->delivered, 1);
}

static void
what_is_announced_and_never_comes_is_a_gap_after_a_minute(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 2, 4, 0);
	lab_pass_alive(lab, 59999);
	assert_int_equal(lab->gaps, 0);
	lab_pass_alive(lab, 1);
	runs_only_gap(lab, RUNS_SEQ(2), 4);
	lab_pass_alive(lab, 100000);
	assert_int_equal(lab->gaps, 1);
}

static void
a_hole_that_nobody_announces_is_a_gap_after_half_a_minute(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 100);
	lab_say_data(lab, a, 9, 104);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	nobody_was_asked(lab);
	lab_pass_alive(lab, 29999);
	assert_int_equal(lab->gaps, 0);
	lab_pass_alive(lab, 1);
	runs_only_gap(lab, RUNS_SEQ(101), 3);
}

static void
nothing_is_given_up_while_there_is_no_link(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;

	lab_say_data(lab, a, 9, 100);
	lab_say_data(lab, a, 9, 102);
	lab_closed(lab, a, MESH_CLOSED);
	lab_pass(lab, 200000);
	assert_int_equal(lab->gaps, 0);
	b = runs_up(lab, 2);
	runs_say(lab, b, RECORD_SYNC, 9, 101, 1, 0);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 1);
	lab_say_data(lab, b, 9, 101);
	assert_int_equal(lab->delivered, 3);
	lab_pass_alive(lab, 100000);
	assert_int_equal(lab->gaps, 0);
}

static void
who_is_given_up_ahead_of_the_window_leaves_holes_that_count(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 5, 1, 0);
	runs_say(lab, a, RECORD_GONE, 9, 5, 1, 0);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 1);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	lab_say_data(lab, a, 9, 3);
	assert_int_equal(lab->delivered, 2);
	lab_pass_alive(lab, 40000);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 3);
}

static void
a_link_that_goes_is_not_asked_and_its_answer_not_waited_for(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say(lab, a, RECORD_IHAVE, 9, 5, 1, 0);
	runs_say(lab, b, RECORD_IHAVE, 9, 5, 1, 0);
	lab_closed(lab, a, MESH_CLOSED);
	assert_null(inspect_check(lab->mesh));
	lab_pass(lab, 0);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 1);
	lab_closed(lab, b, MESH_CLOSED);
	assert_null(inspect_check(lab->mesh));
	assert_int_equal(runs_origin(lab, 9).missing, 1);
}

static void
a_lost_parent_is_no_longer_waited_for(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	nobody_was_asked(lab);
	lab_closed(lab, a, MESH_CLOSED);
	lab_pass(lab, 0);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 1);
}

static void
one_link_is_asked_for_so_much_at_a_time(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run runs[128];

	for (uint32_t n = 0; n < 100; n++) {
		runs_say(lab, a, RECORD_IHAVE, 9, 10 + 2 * n, 1, 0);
	}
	assert_int_equal(runs_sent(a, RECORD_GRAFT, runs, 128), 64);
	assert_true(mesh_stats(lab->mesh)->fetch_limit > 0);
	for (uint32_t n = 0; n < 100; n++) {
		lab_say_data(lab, a, 9, 10 + 2 * n);
		lab_pass(lab, 10);
	}
	assert_int_equal(lab->delivered, 100);
}

/* In lists as long as there is room for. */
static void
much_is_asked_for_at_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *parent = runs_up(lab, 1);
	size_t asked = 0;

	lab_say_data(lab, parent, 9, 1);
	for (uint8_t n = 0; n < 4; n++) {
		struct lab_link *at = runs_up(lab, (uint8_t)(2 + n));

		for (uint32_t i = 0; i < 60; i++) {
			runs_say(lab, at, RECORD_IHAVE, 9,
			    10 + 2 * (60 * n + i), 1, 0);
		}
	}
	nobody_was_asked(lab);
	lab_pass(lab, FETCH_TIMEOUT_MS);
	for (size_t i = 0; i < lab->link_count; i++) {
		asked += runs_count(&lab->links[i], RECORD_GRAFT);
	}
	assert_int_equal(asked, 4 * 60);
}

static void
the_oldest_is_given_up_when_the_table_is_full(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct inspect_tables tables;
	uint64_t ids = 0;

	lab_say_data(lab, a, 9, 1);
	for (uint32_t n = 0; n < 5000; n++) {
		runs_say(lab, a, RECORD_IHAVE, 9, 3 + 2 * n, 1, 0);
		runs_say(lab, b, RECORD_IHAVE, 9, 3 + 2 * n, 1, 0);
		lab->now += 1; /* within the limit of a second */
		ids++;
	}
	inspect_tables(lab->mesh, &tables);
	assert_true(tables.missing <= tables.missing_max);
	assert_true(mesh_stats(lab->mesh)->missing_full > 0);
	/* Nothing was lost sight of: missing, or told, or between them. */
	assert_true(tables.missing_ids + mesh_stats(lab->mesh)->gaps >= ids);
	assert_true(lab->gaps > 0);
}

/* `limit` runs a second are taken, in records of 500. */
static void
flood(struct lab *lab, enum record_type type, uint64_t limit,
    const uint64_t *ignored)
{
	struct lab_link *a = runs_up(lab, 1);
	struct record_run runs[500];
	struct buf buf;

	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		runs[i] = (struct record_run){
			.origin = lab_id(0x80), .seq = RUNS_SEQ(1), .count = 1
		};
	}
	buf = runs_encoded(type, runs, ARRAY_LEN(runs));
	for (uint64_t n = 0; n < limit; n += ARRAY_LEN(runs)) {
		lab_message(lab, a, buf.bytes, buf.len);
	}
	assert_int_equal(*ignored, 0);
	for (uint64_t n = limit; n < 10 * limit; n += ARRAY_LEN(runs)) {
		assert_int_equal(a->close_code, -1);
		lab_message(lab, a, buf.bytes, buf.len);
	}
	assert_int_equal(*ignored, 9 * limit);
	assert_int_equal(a->close_code, -1);
	lab_message(lab, a, buf.bytes, buf.len);
	assert_int_equal(lab_bye(a), BYE_ABUSE);
	buf_fini(&buf);
}

static void
too_many_announcements_are_ignored_and_then_abuse(void **state)
{
	struct lab *lab = *state;

	flood(lab, RECORD_IHAVE, 5000, &mesh_stats(lab->mesh)->announce_limit);
}

static void
too_many_requests_are_ignored_and_then_abuse(void **state)
{
	struct lab *lab = *state;

	flood(lab, RECORD_GRAFT, 1000, &mesh_stats(lab->mesh)->graft_limit);
}

static void
ids_that_cannot_be_are_counted(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run runs[4] = {
		{ .origin = lab_id(9), .seq = RUNS_SEQ(1), .count = 0 },
		{ .origin = lab_id(9), .seq = 0, .count = 1 },
		{ .origin = lab_id(9),
		    .seq = RUNS_SEQ(UINT32_MAX),
		    .count = 2 },
		{ .origin = lab_id(9), .seq = lab_seq(90000, 1), .count = 1 },
	};

	runs_say_list(lab, a, RECORD_IHAVE, runs, 4);
	assert_int_equal(mesh_stats(lab->mesh)->bad_runs, 3);
	assert_int_equal(mesh_stats(lab->mesh)->bad_boot, 1);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
}

static void
out_of_memory_leaves_a_gap_and_no_silence(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	for (unsigned nth = 1; nth < 6; nth++) {
		uint64_t gaps = mesh_stats(lab->mesh)->gaps;
		uint8_t n = (uint8_t)(10 + nth);
		const struct record_data data = lab_data(n, 5);
		struct buf record = lab_encoded(&data);
		struct inspect_origin origin;

		lab_say_data(lab, a, n, 1);
		fault_fail_nth(nth);
		lab_hand_in(lab, a, &record);
		(void)fault_off();
		buf_fini(&record);
		assert_null(inspect_check(lab->mesh));
		origin = runs_origin(lab, n);
		assert_int_equal(
		    origin.missing + mesh_stats(lab->mesh)->gaps - gaps, 3);
	}
}

static void
a_message_of_a_node_that_began_later_is_missed_from_its_first(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	runs_say_reborn(lab, a, 9, 10, 4);
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	lab_pass_alive(lab, 30000);
	assert_int_equal(lab->gap_first, lab_seq(10, 1));
	assert_int_equal(lab->gap_count, 3);
}

static void
what_came_before_the_base_is_taken_and_not_missed(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 100);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	lab_say_data(lab, a, 9, 98); /* overtaken on another path */
	assert_int_equal(lab->delivered, 2);
	lab_say_data(lab, a, 9, 98);
	assert_int_equal(lab->delivered, 2);
	lab_pass_alive(lab, 100000);
	assert_int_equal(lab->gaps, 0);
}

/* The parent has not brought what another has had for `age` ms. */
static void
is_asked_for_after_50_ms(struct lab *lab, uint8_t age)
{
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 1000);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, age);
	lab_pass(lab, 49);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 0);
	lab_pass(lab, 1);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 1);
}

static void
the_parent_has_150_ms_from_when_another_would_have_brought_it(void **state)
{
	is_asked_for_after_50_ms(*state, 100);
}

/* Nobody waits longer than 100 ms with an announcement. */
static void
the_parent_has_50_ms_however_old_an_announcement_says_it_is(void **state)
{
	is_asked_for_after_50_ms(*state, RECORD_AGE_MAX);
}

/* It could split what others are asked for into as many runs as it likes. */
static void
who_never_had_them_splits_nothing_by_gone(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say(lab, a, RECORD_IHAVE, 9, 1, 100, 0);
	assert_int_equal(mesh_stats(lab->mesh)->missing, 1);
	for (uint32_t n = 2; n < 100; n += 2) {
		runs_say(lab, b, RECORD_GONE, 9, n, 1, 0);
	}
	assert_int_equal(mesh_stats(lab->mesh)->missing, 1);
	assert_int_equal(lab->gaps, 0);
	/* Who said so of some takes only these back. */
	runs_say(lab, a, RECORD_GONE, 9, 50, 2, 0);
	assert_int_equal(mesh_stats(lab->mesh)->missing, 2);
	assert_int_equal(lab->gap_first, RUNS_SEQ(50));
	assert_int_equal(lab->gap_count, 2);
}

/* Room is made for what a run becomes: the rest of it is had still. */
static void
with_a_full_table_only_what_is_gone_counts_as_such(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say_every_second(lab, a, 8, 4100);
	runs_say(lab, a, RECORD_SYNC, 9, 1, 20, 0);
	runs_say(lab, b, RECORD_SYNC, 9, 1, 20, 0);
	assert_in_range(
	    mesh_stats(lab->mesh)->missing, MISSING_MAX - 4, MISSING_MAX);
	for (uint32_t n = 2; n < 20; n += 2) {
		runs_say(lab, a, RECORD_GONE, 9, n, 1, 0);
	}
	assert_int_equal(runs_origin(lab, 9).missing, 20);
	lab_closed(lab, b, MESH_CLOSED);
	lab_pass_alive(lab, 31000);
	assert_int_equal(runs_origin(lab, 9).missing, 20 - 9);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(
		    the_parent_has_150_ms_from_when_another_would_have_brought_it),
		TEST(
		    the_parent_has_50_ms_however_old_an_announcement_says_it_is),
		TEST(without_a_parent_it_is_asked_for_at_once),
		TEST(the_first_message_may_come_by_the_tree_that_was_adopted),
		TEST(with_a_parent_it_is_waited_for),
		TEST(a_hole_behind_which_the_parent_goes_on_is_only_fetched),
		TEST(a_tree_is_mended_once_in_a_timeout),
		TEST(a_parent_that_is_silent_is_not_waited_for_again),
		TEST(everybody_who_has_it_is_asked_in_turn),
		TEST(a_run_is_asked_for_in_one_go_and_trimmed_as_it_comes),
		TEST(announcements_that_overlap_are_told_apart),
		TEST(who_lost_it_is_not_asked_and_another_is_at_once),
		TEST(gone_everywhere_is_a_gap_and_never_delivered_later),
		TEST(what_comes_after_its_gap_is_pruned_like_any_copy),
		TEST(what_is_announced_and_never_comes_is_a_gap_after_a_minute),
		TEST(a_hole_that_nobody_announces_is_a_gap_after_half_a_minute),
		TEST(nothing_is_given_up_while_there_is_no_link),
		TEST(
		    who_is_given_up_ahead_of_the_window_leaves_holes_that_count),
		TEST(
		    a_link_that_goes_is_not_asked_and_its_answer_not_waited_for),
		TEST(a_lost_parent_is_no_longer_waited_for),
		TEST(one_link_is_asked_for_so_much_at_a_time),
		TEST(much_is_asked_for_at_once),
		TEST(the_oldest_is_given_up_when_the_table_is_full),
		TEST(too_many_announcements_are_ignored_and_then_abuse),
		TEST(too_many_requests_are_ignored_and_then_abuse),
		TEST(ids_that_cannot_be_are_counted),
		TEST(out_of_memory_leaves_a_gap_and_no_silence),
		TEST(
		    a_message_of_a_node_that_began_later_is_missed_from_its_first),
		TEST(what_came_before_the_base_is_taken_and_not_missed),
		TEST(who_never_had_them_splits_nothing_by_gone),
		TEST(with_a_full_table_only_what_is_gone_counts_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
