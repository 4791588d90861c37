/* SPDX-License-Identifier: MIT */

#include "unit/mesh/runs.h"

#include "mesh/tree.h"

static void
a_duplicate_is_pruned_but_not_over_the_parent(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	lab_say_data(lab, a, 9, 1);
	assert_int_equal(runs_count(a, RECORD_PRUNE), 0);
	lab_say_data(lab, b, 9, 1);
	assert_int_equal(runs_only(b, RECORD_PRUNE).origin.bytes[0], 9);
	assert_int_equal(runs_origin(lab, 9).pruned, runs_bit(b));
	assert_int_equal(mesh_stats(lab->mesh)->prunes, 1);
}

static void
a_repair_that_comes_twice_is_not_pruned(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	runs_repair(lab, b, 9, 1);
	assert_int_equal(runs_count(b, RECORD_PRUNE), 0);
}

static void
prune_is_said_once_a_second(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	for (unsigned i = 0; i < 5; i++) {
		lab_say_data(lab, b, 9, 1);
	}
	assert_int_equal(runs_count(b, RECORD_PRUNE), 1);
	lab_pass(lab, 1000);
	lab_say_data(lab, b, 9, 1);
	assert_int_equal(runs_count(b, RECORD_PRUNE), 2);
}

static void
an_own_message_that_comes_back_is_pruned(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_publish(lab);
	lab_say_data(lab, a, 0x80, 1);
	assert_int_equal(runs_count(a, RECORD_PRUNE), 1);
	assert_int_equal(runs_origin(lab, 0x80).pruned, runs_bit(a));
	assert_int_equal(runs_origin(lab, 0x80).parent, -1);
}

static void
who_said_prune_gets_announcements(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_run run;

	lab_say_data(lab, a, 9, 1);
	assert_int_equal(b->spreads, 1);
	runs_say(lab, b, RECORD_PRUNE, 9, 0, 0, 0);
	assert_int_equal(runs_origin(lab, 9).mute, runs_bit(b));
	lab_say_data(lab, a, 9, 2);
	lab_say_data(lab, a, 9, 3);
	assert_int_equal(b->spreads, 1);
	assert_int_equal(runs_count(b, RECORD_IHAVE), 0);
	lab_pass(lab, 100);
	run = runs_only(b, RECORD_IHAVE);
	assert_int_equal(run.seq, RUNS_SEQ(2));
	assert_int_equal(run.count, 2);
	assert_int_equal(runs_count(a, RECORD_IHAVE), 0);
}

static void
who_announced_it_first_is_not_told(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, b, RECORD_PRUNE, 9, 0, 0, 0);
	lab_say_data(lab, a, 9, 2);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	lab_pass(lab, 200);
	assert_int_equal(runs_count(b, RECORD_IHAVE), 0);
}

static void
the_ends_of_a_link_take_turns_to_announce(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *low = runs_up(lab, 2);
	struct lab_link *high = runs_up(lab, 0xf0);
	size_t first_low;

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, low, RECORD_PRUNE, 9, 0, 0, 0);
	runs_say(lab, high, RECORD_PRUNE, 9, 0, 0, 0);
	lab_say_data(lab, a, 9, 2);
	lab_pass(lab, 30);
	first_low = runs_count(low, RECORD_IHAVE);
	assert_int_equal(first_low + runs_count(high, RECORD_IHAVE), 1);
	lab_pass(lab, 80);
	assert_int_equal(runs_count(low, RECORD_IHAVE), 1);
	assert_int_equal(runs_count(high, RECORD_IHAVE), 1);

	/* Sixteen messages later it is the other way round. */
	runs_forget(lab);
	lab_say_data(lab, a, 9, 18);
	lab_pass(lab, 30);
	assert_int_equal(runs_count(low, RECORD_IHAVE), 1 - first_low);
	assert_int_equal(runs_count(high, RECORD_IHAVE), first_low);
}

static void
a_late_copy_over_a_pruned_link_changes_nothing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, b, 9, 1);
	lab_say_data(lab, b, 9, 2); /* it was on its way */
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(a->link));
	assert_int_equal(lab->delivered, 2);
}

static void
the_link_of_a_first_copy_is_the_parent(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, b, 9, 2);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(b->link));
	assert_int_equal(runs_origin(lab, 9).parent_seq, RUNS_SEQ(2));
	/* The old one has it from elsewhere: it is not sent it. */
	assert_int_equal(runs_origin(lab, 9).mute, runs_bit(a));
	assert_int_equal(a->spreads, 0);
	lab_say_data(lab, b, 9, 3);
	assert_int_equal(a->spreads, 0);
	runs_say(lab, a, RECORD_GRAFT, 9, 3, 1, GRAFT_EAGER);
	lab_say_data(lab, b, 9, 4);
	assert_int_equal(a->spreads, 2); /* the answer, and the new one */
}

static void
a_parent_that_goes_is_replaced_by_who_brings_a_duplicate(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct lab_link *c = runs_up(lab, 3);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, b, 9, 1); /* pruned */
	lab_closed(lab, a, MESH_CLOSED);
	assert_null(inspect_check(lab->mesh));
	assert_int_equal(runs_origin(lab, 9).parent, -1);
	lab_say_data(lab, b, 9, 1);
	assert_int_equal(runs_origin(lab, 9).parent, -1);
	lab_say_data(lab, c, 9, 1);
	assert_int_equal(runs_origin(lab, 9).parent, inspect_slot(c->link));
	assert_int_equal(runs_count(c, RECORD_PRUNE), 0);
}

static void
a_new_link_is_muted_where_there_is_a_parent(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b;

	lab_say_data(lab, a, 9, 1);
	lab_publish(lab);
	b = runs_up(lab, 2);
	assert_int_equal(runs_origin(lab, 9).mute, runs_bit(b));
	assert_int_equal(runs_origin(lab, 0x80).mute, 0);
	lab_closed(lab, a, MESH_CLOSED);
	a = runs_up(lab, 3); /* no parent any more */
	assert_int_equal(runs_origin(lab, 9).mute, runs_bit(b));
}

static void
a_link_of_somebody_alone_is_pushed_to(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_hello hello = lab_hello(lab, 2);
	struct lab_link *b;

	lab_say_data(lab, a, 9, 1);
	b = lab_accept(lab);
	hello.flags = HELLO_ORPHAN;
	lab_say_hello(lab, b, &hello);
	assert_true(link_is_up(b->link));
	assert_int_equal(runs_origin(lab, 9).mute, 0);
}

static void
graft_opens_a_link_and_brings_the_message_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data;

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, b, RECORD_PRUNE, 9, 0, 0, 0);
	runs_forget(lab);
	runs_say(lab, b, RECORD_GRAFT, 9, 1, 1, 0);
	assert_int_equal(runs_data(b, &data), 1);
	assert_int_equal(data.flags, DATA_TEXT | DATA_REPAIR);
	assert_int_equal(data.hops, 2);
	assert_int_equal(data.seq, RUNS_SEQ(1));
	assert_int_equal(data.payload_len, 5);
	assert_int_equal(runs_origin(lab, 9).mute, runs_bit(b));
	runs_say(lab, b, RECORD_GRAFT, 9, 1, 1, GRAFT_EAGER | GRAFT_NODATA);
	assert_int_equal(runs_data(b, &data), 1);
	assert_int_equal(runs_origin(lab, 9).mute, 0);
	assert_int_equal(mesh_stats(lab->mesh)->repairs, 1);
}

static size_t
gone_ids(const struct lab_link *at)
{
	static struct record_run runs[256];
	size_t count = runs_sent(at, RECORD_GONE, runs, ARRAY_LEN(runs));
	size_t ids = 0;

	while (count > 0) {
		ids += runs[--count].count;
	}
	return ids;
}

static void
ask_for_what_is_not_here(
    struct lab *lab, struct lab_link *at, uint8_t n, uint32_t runs)
{
	runs_forget(lab);
	for (uint32_t i = 0; i < runs; i++) {
		runs_say(
		    lab, at, RECORD_GRAFT, n, 1000 + i * 70000, UINT16_MAX, 0);
	}
}

/* A run is soon said, and each of its ids is looked for. */
static void
only_so_many_ids_are_looked_for_in_vain_a_second(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_data data;

	/* Of an origin of which nothing is held all is known at once. */
	ask_for_what_is_not_here(lab, a, 7, 100);
	assert_int_equal(gone_ids(a), 100 * UINT16_MAX);
	lab_say_data(lab, a, 9, 5);
	ask_for_what_is_not_here(lab, a, 9, 16);
	assert_int_equal(gone_ids(a), 16 * UINT16_MAX);
	assert_int_equal(mesh_stats(lab->mesh)->graft_limit, 0);
	ask_for_what_is_not_here(lab, a, 9, 10);
	assert_int_equal(gone_ids(a), 16);
	assert_int_equal(mesh_stats(lab->mesh)->graft_limit, 10);
	/* What is here is sent all the same. */
	runs_say(lab, a, RECORD_GRAFT, 9, 5, 1, 0);
	assert_int_equal(runs_data(a, &data), 1);
	lab_pass(lab, 1000);
	ask_for_what_is_not_here(lab, a, 9, 1);
	assert_int_equal(gone_ids(a), UINT16_MAX);
	assert_true(link_is_up(a->link));
}

/* A peer that takes next to nothing asks for what others hold. */
static void
nor_are_those_that_are_too_large_for_it(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 1);
	struct lab_link *a = lab_accept(lab);

	hello.max_message = 1;
	lab_say_hello(lab, a, &hello);
	for (uint32_t n = 1; n <= 2048; n++) {
		lab_publish_zeros(lab, 2);
	}
	runs_forget(lab);
	for (uint32_t n = 0; n < 600; n++) {
		runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 2048, 0);
	}
	assert_int_equal(mesh_stats(lab->mesh)->graft_limit, 600 - 512);
	lab_pass(lab, 1000);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 2048, 0);
	assert_int_equal(gone_ids(a), 2048);
}

static void
what_is_asked_for_and_not_here_is_gone(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_data data;
	struct record_run run;

	lab_say_data(lab, a, 9, 5);
	runs_say(lab, a, RECORD_GRAFT, 9, 4, 3, 0);
	assert_int_equal(runs_data(a, &data), 1);
	assert_int_equal(runs_count(a, RECORD_GONE), 2);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GRAFT, 7, 1, 3, 0);
	run = runs_only(a, RECORD_GONE);
	assert_true(run.origin.bytes[0] == 7 && run.count == 3);
	runs_forget(lab);
	lab_pass_alive(lab, 60000);
	runs_say(lab, a, RECORD_GRAFT, 9, 5, 1, 0);
	assert_int_equal(runs_count(a, RECORD_GONE), 1);
}

static void
a_new_origin_starts_on_the_tree_of_the_lowest_one(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct lab_link *c = runs_up(lab, 3);

	lab_say_data(lab, a, 5, 1);
	runs_say(lab, c, RECORD_PRUNE, 5, 0, 0, 0);
	lab_say_data(lab, b, 6, 1);
	runs_say(lab, a, RECORD_PRUNE, 6, 0, 0, 0);
	/* From c: the tree of 5, with the way to its parent open. */
	lab_say_data(lab, c, 9, 1);
	assert_int_equal(runs_origin(lab, 9).mute, runs_bit(c));
	runs_forget(lab);
	lab_say_data(lab, c, 4, 1);
	assert_int_equal(a->spreads, 1);
	assert_int_equal(b->spreads, 1);
	/* The lowest by now. */
	runs_say(lab, a, RECORD_PRUNE, 4, 0, 0, 0);
	lab_say_data(lab, b, 10, 1);
	assert_int_equal(runs_origin(lab, 10).mute, runs_bit(a));
	/* A tree that was not used for a minute is no model. */
	lab_pass(lab, 50);
	lab_pass_alive(lab, 61000);
	lab_say_data(lab, c, 11, 1);
	assert_int_equal(runs_origin(lab, 11).mute, 0);
}

/* How many announcements go to the other end, which comes first and says
 * `after_ms` after us that it has the message. */
static size_t
told_after(struct lab *lab, uint64_t after_ms)
{
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 0xf0);

	runs_rtt(lab, b, 40);
	lab_say_data(lab, a, 9, 1);
	runs_say(lab, b, RECORD_PRUNE, 9, 0, 0, 0);
	lab_pass(lab, 500);
	lab_say_data(lab, a, 9, 2);
	lab_pass(lab, after_ms);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	lab_pass(lab, 200);
	return runs_count(b, RECORD_IHAVE);
}

static void
who_would_have_it_earlier_from_here_is_told_although_it_has_it(void **state)
{
	assert_int_equal(told_after(*state, 40 + TREE_LEAD_MS), 1);
}

static void
who_has_it_when_it_would_from_here_is_not_told(void **state)
{
	assert_int_equal(told_after(*state, 40 + TREE_LEAD_MS - 1), 0);
}

static void
all_bits_of_a_link_go_with_it(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_publish(lab);
	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, b, 9, 1);
	runs_say(lab, b, RECORD_PRUNE, 9, 0, 0, 0);
	runs_say(lab, b, RECORD_PRUNE, 0x80, 0, 0, 0);
	lab_say_data(lab, b, 0x80, 1);
	runs_say(lab, b, RECORD_IHAVE, 9, 2, 1, 0);
	lab_closed(lab, b, MESH_CLOSED);
	assert_null(inspect_check(lab->mesh));
	assert_int_equal(runs_origin(lab, 9).mute, 0);
	assert_int_equal(runs_origin(lab, 9).pruned, 0);
	assert_int_equal(runs_origin(lab, 0x80).mute, 0);
	assert_int_equal(runs_origin(lab, 0x80).pruned, 0);
}

/* No trees: whatever the links say, and whenever they came. */
static void
a_node_that_floods_prunes_nobody_and_announces_nothing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a, *b, *c;

	lab->config.floods = true;
	lab_make(lab);
	a = runs_up(lab, 1);
	b = runs_up(lab, 2);
	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, b, 9, 1);
	runs_say(lab, b, RECORD_PRUNE, 9, 1, 1, 0);
	c = runs_up(lab, 3); /* there is a parent: a tree would mute it */
	runs_forget(lab);
	lab_say_data(lab, a, 9, 2);
	lab_pass(lab, 1000);
	lab_say_data(lab, b, 9, 2);
	assert_int_equal(b->spreads, 1);
	assert_int_equal(c->spreads, 1);
	assert_int_equal(mesh_stats(lab->mesh)->prunes, 0);
	assert_int_equal(mesh_stats(lab->mesh)->announced, 0);
	assert_int_equal(lab->delivered, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_duplicate_is_pruned_but_not_over_the_parent),
		TEST(a_repair_that_comes_twice_is_not_pruned),
		TEST(prune_is_said_once_a_second),
		TEST(an_own_message_that_comes_back_is_pruned),
		TEST(who_said_prune_gets_announcements),
		TEST(who_announced_it_first_is_not_told),
		TEST(the_ends_of_a_link_take_turns_to_announce),
		TEST(a_late_copy_over_a_pruned_link_changes_nothing),
		TEST(the_link_of_a_first_copy_is_the_parent),
		TEST(a_parent_that_goes_is_replaced_by_who_brings_a_duplicate),
		TEST(a_new_link_is_muted_where_there_is_a_parent),
		TEST(a_link_of_somebody_alone_is_pushed_to),
		TEST(graft_opens_a_link_and_brings_the_message_again),
		TEST(only_so_many_ids_are_looked_for_in_vain_a_second),
		TEST(nor_are_those_that_are_too_large_for_it),
		TEST(what_is_asked_for_and_not_here_is_gone),
		TEST(a_new_origin_starts_on_the_tree_of_the_lowest_one),
		TEST(
		    who_would_have_it_earlier_from_here_is_told_although_it_has_it),
		TEST(who_has_it_when_it_would_from_here_is_not_told),
		TEST(all_bits_of_a_link_go_with_it),
		cmocka_unit_test_setup_teardown(
		    a_node_that_floods_prunes_nobody_and_announces_nothing,
		    lab_setup_raw, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
