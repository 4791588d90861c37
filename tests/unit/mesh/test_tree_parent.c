/* SPDX-License-Identifier: MIT */

#include "unit/mesh/runs.h"

#include "mesh/fetch.h"
#include "mesh/tree.h"

static void
a_quiet_origin_changes_at_once_to_who_announced_first(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_run run;

	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 500);
	runs_forget(lab);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	lab_pass(lab, TREE_SWAP_MS);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(b->link));
	assert_int_equal(runs_origin(lab, 9).pruned, runs_bit(a));
	assert_int_equal(runs_count(a, RECORD_PRUNE), 1);
	run = runs_only(b, RECORD_GRAFT);
	assert_int_equal(run.flags, GRAFT_EAGER | GRAFT_NODATA);
	assert_int_equal(run.seq, RUNS_SEQ(2));
	assert_int_equal(mesh_stats(lab->mesh)->tries, 1);
}

/* A message each 100 ms: `b` announces it so long before `a` brings it. */
static void
announce_ahead(struct lab *lab, struct lab_link *a, struct lab_link *b,
    uint64_t lead_ms, uint32_t messages)
{
	lab_say_data(lab, a, 9, 1);
	for (uint32_t n = 2; n < 2 + messages; n++) {
		lab_pass(lab, 100 - lead_ms);
		runs_say(lab, b, RECORD_IHAVE, 9, n, 1, 0);
		lab_pass(lab, lead_ms);
		lab_say_data(lab, a, 9, n);
	}
}

static void
who_announced_it_hardly_earlier_is_not_tried(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	announce_ahead(lab, a, b, TREE_LEAD_MS - 1, 30);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	assert_int_equal(mesh_stats(lab->mesh)->tries, 0);
}

static void
a_busy_origin_lets_both_push_and_tries_more_rarely(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	announce_ahead(lab, a, b, TREE_LEAD_MS, 60);
	/* Six seconds, the parent stays: after 0, 1+1, 2+1 .. seconds. */
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	assert_int_equal(runs_count(a, RECORD_PRUNE), 0);
	assert_int_equal(runs_count(b, RECORD_GRAFT), 3);
	assert_int_equal(mesh_stats(lab->mesh)->fetches, 0);
}

/* `b` announces what came from `a`, 30 ms later, and has had it for `age`. */
static void
announce_late(
    struct lab *lab, struct lab_link *a, struct lab_link *b, uint8_t age)
{
	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 500);
	lab_say_data(lab, a, 9, 2);
	lab_pass(lab, 30);
	runs_forget(lab);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, age);
}

static void
an_announcement_tells_by_its_age_that_its_path_is_faster(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct lab_link *c = runs_up(lab, 3);

	announce_late(lab, a, b, 30 + TREE_SWAP_MS);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(b->link));
	assert_int_equal(runs_origin(lab, 9).pruned, runs_bit(a));
	assert_int_equal(
	    runs_only(b, RECORD_GRAFT).flags, GRAFT_EAGER | GRAFT_NODATA);
	/* Faster than the first parent, not than this one. */
	runs_say(lab, c, RECORD_IHAVE, 9, 2, 1, 30 + TREE_SWAP_MS + 1);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(b->link));
	runs_say(lab, c, RECORD_IHAVE, 9, 2, 1, 30 + 2 * TREE_SWAP_MS);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(c->link));
	assert_int_equal(runs_count(b, RECORD_PRUNE), 1);
}

/* `b` says of each message that it had it long ago, and never brings one. */
static void
who_announces_and_never_brings_is_not_the_parent_again_and_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	unsigned swaps = 0;

	lab_say_data(lab, a, 9, 1);
	for (uint32_t n = 2; n < 62; n++) {
		lab_pass(lab, 500);
		if (runs_origin(lab, 9).parent == (int)inspect_slot(a->link)) {
			lab_say_data(lab, a, 9, n);
		} else {
			swaps++;
			runs_say(lab, a, RECORD_IHAVE, 9, n, 1, 0);
			lab_pass(lab, 500);
			runs_repair(lab, a, 9, n);
		}
		runs_say(lab, b, RECORD_IHAVE, 9, n, 1, 254);
		mesh_on_activity(b->link, lab->now);
	}
	/* Sixty messages in half a minute and more. */
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	assert_in_range(swaps, 1, TREE_BACKOFF);
}

/* `at` answers what it was asked for of node 9; does it push from now on? */
static bool
answer(struct lab *lab, struct lab_link *at, bool pushes)
{
	struct record_run runs[16];
	size_t count = runs_sent(at, RECORD_GRAFT, runs, ARRAY_LEN(runs));

	pushes = pushes && runs_count(at, RECORD_PRUNE) == 0;
	buf_clear(&at->sent);
	for (size_t i = 0; i < count; i++) {
		pushes = pushes || (runs[i].flags & GRAFT_EAGER) != 0;
		if ((runs[i].flags & GRAFT_NODATA) == 0) {
			runs_repair(lab, at, 9, (uint32_t)runs[i].seq);
		}
	}
	mesh_on_activity(at->link, lab->now);
	return pushes;
}

/* Sixty messages, one each `gap` ms.  One link announces each at once, says
 * that it is `age` ms old, answers what it is asked for, and never pushes.  The
 * other one does what it should, 5 ms later.  How many come late? */
static unsigned
late_beside_an_idle_link(struct lab *lab, uint64_t gap, uint8_t age)
{
	struct lab_link *idle = runs_up(lab, 1);
	struct lab_link *good = runs_up(lab, 2);
	bool pushes = false;
	unsigned late = 0;

	for (uint32_t n = 1; n <= 60; n++) {
		runs_say(lab, idle, RECORD_IHAVE, 9, n, 1, age);
		(void)answer(lab, idle, false);
		lab_pass(lab, 5);
		pushes = answer(lab, good, pushes);
		if (pushes) {
			lab_say_data(lab, good, 9, n);
		} else {
			runs_say(lab, good, RECORD_IHAVE, 9, n, 1, 0);
		}
		late += lab->delivered < n ? 1 : 0;
		for (uint64_t ms = 5; ms < gap; ms += 5) {
			(void)answer(lab, idle, false);
			pushes = answer(lab, good, pushes);
			lab_pass(lab, 5);
		}
		assert_null(inspect_check(lab->mesh));
	}
	assert_in_range(lab->delivered, 55, 60);
	return late;
}

static void
who_answers_and_never_pushes_does_not_stay_the_parent(void **state)
{
	/* Three in a row, and once for each try, ever more rarely. */
	assert_in_range(late_beside_an_idle_link(*state, 500, 0), 1, 12);
}

static void
nor_does_it_by_saying_that_it_had_all_long_ago(void **state)
{
	assert_in_range(late_beside_an_idle_link(*state, 500, 254), 1, 12);
}

static void
nor_does_it_when_messages_follow_one_another_quickly(void **state)
{
	assert_in_range(late_beside_an_idle_link(*state, 50, 0), 1, 20);
}

/* The parent of node `n` brings some messages, from `first` on, each only when
 * it is asked for it. */
static void
bring_when_asked(
    struct lab *lab, struct lab_link *at, uint8_t n, uint32_t first)
{
	for (uint32_t count = first; count < first + TREE_LATE; count++) {
		runs_say(lab, at, RECORD_IHAVE, n, count, 1, 0);
		lab_pass(lab, FETCH_TIMEOUT_MS + 1);
		runs_repair(lab, at, n, count);
	}
	runs_forget(lab);
}

/* Is `other` asked for what both say that they have? */
static bool
other_is_asked(struct lab *lab, struct lab_link *parent, struct lab_link *other,
    uint8_t n, uint32_t count)
{
	runs_say(lab, parent, RECORD_IHAVE, n, count, 1, 0);
	runs_say(lab, other, RECORD_IHAVE, n, count, 1, 0);
	lab_pass(lab, FETCH_TIMEOUT_MS);
	assert_int_equal(
	    runs_count(parent, RECORD_GRAFT) + runs_count(other, RECORD_GRAFT),
	    1);
	runs_repair(lab, other, n, count);
	return runs_count(other, RECORD_GRAFT) == 1;
}

static void
others_are_asked_before_a_parent_that_only_answers(void **state)
{
	struct lab *lab = *state;
	struct lab_link *parent = runs_up(lab, 1);
	struct lab_link *other = runs_up(lab, 2);

	for (uint8_t n = 10; n < 26; n++) {
		lab_say_data(lab, parent, n, 1);
		bring_when_asked(lab, parent, n, 2);
		assert_true(other_is_asked(lab, parent, other, n, 5));
	}
}

/* Also of what was announced before. */
static void
but_not_before_one_that_has_pushed_since(void **state)
{
	struct lab *lab = *state;
	struct lab_link *parent = runs_up(lab, 1);
	struct lab_link *other = runs_up(lab, 2);
	unsigned asked = 0;

	for (uint8_t n = 10; n < 26; n++) {
		lab_say_data(lab, parent, n, 1);
		bring_when_asked(lab, parent, n, 2);
		runs_say(lab, other, RECORD_IHAVE, n, 5, 1, 0);
		lab_say_data(lab, parent, n, 5);
		runs_forget(lab);
		asked += other_is_asked(lab, parent, other, n, 6) ? 1 : 0;
	}
	assert_in_range(asked, 0, 15);
}

static void
an_announcement_that_is_too_young_changes_nothing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	announce_late(lab, a, b, 30 + TREE_SWAP_MS - 1);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	assert_int_equal(runs_count(b, RECORD_GRAFT), 0);
	assert_int_equal(runs_count(a, RECORD_PRUNE), 0);
}

static void
of_two_that_announce_the_one_that_had_it_earlier_is_the_parent(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct lab_link *c = runs_up(lab, 3);

	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 500);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 10);
	runs_say(lab, c, RECORD_IHAVE, 9, 2, 1, 11);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(c->link));
}

static void
whoever_else_goes_meanwhile(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct lab_link *c = runs_up(lab, 3);

	lab_say_data(lab, a, 9, 1);
	lab_pass(lab, 500);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 10);
	lab_closed(lab, c, MESH_CLOSED);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(b->link));
}

static void
after_who_was_told_to_push_has_gone_another_is_told(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	runs_say(lab, a, RECORD_IHAVE, 9, 1, 1, 0);
	assert_int_equal(runs_only(a, RECORD_GRAFT).flags, GRAFT_EAGER);
	runs_say(lab, b, RECORD_IHAVE, 9, 1, 1, 0);
	lab_closed(lab, a, MESH_CLOSED);
	lab_pass(lab, 0);
	assert_int_equal(runs_only(b, RECORD_GRAFT).flags, GRAFT_EAGER);
}

static void
who_does_not_answer_in_its_time_is_not_waited_for_in_anothers(void **state)
{
	struct lab *lab = *state;
	struct lab_link *near = runs_up(lab, 1);
	struct lab_link *far = runs_up(lab, 2);

	runs_rtt(lab, far, 300);
	runs_forget(lab);
	runs_say(lab, near, RECORD_IHAVE, 9, 1, 1, 0);
	assert_int_equal(runs_only(near, RECORD_GRAFT).flags, GRAFT_EAGER);
	runs_say(lab, far, RECORD_IHAVE, 9, 1, 1, 0);
	lab_pass(lab, 150);
	assert_int_equal(runs_only(far, RECORD_GRAFT).flags, GRAFT_EAGER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_quiet_origin_changes_at_once_to_who_announced_first),
		TEST(who_announced_it_hardly_earlier_is_not_tried),
		TEST(a_busy_origin_lets_both_push_and_tries_more_rarely),
		TEST(an_announcement_tells_by_its_age_that_its_path_is_faster),
		TEST(
		    who_announces_and_never_brings_is_not_the_parent_again_and_again),
		TEST(who_answers_and_never_pushes_does_not_stay_the_parent),
		TEST(nor_does_it_by_saying_that_it_had_all_long_ago),
		TEST(nor_does_it_when_messages_follow_one_another_quickly),
		TEST(others_are_asked_before_a_parent_that_only_answers),
		TEST(but_not_before_one_that_has_pushed_since),
		TEST(an_announcement_that_is_too_young_changes_nothing),
		TEST(
		    of_two_that_announce_the_one_that_had_it_earlier_is_the_parent),
		TEST(whoever_else_goes_meanwhile),
		TEST(after_who_was_told_to_push_has_gone_another_is_told),
		TEST(
		    who_does_not_answer_in_its_time_is_not_waited_for_in_anothers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
