/* SPDX-License-Identifier: MIT
 * What a node hears of its own ids that it does not remember. */

#include "mesh/inside.h"
#include "mesh/lazy.h"
#include "mesh/sync.h"
#include "unit/mesh/runs.h"

#define OWN 0x80 /* of the lab */

/* Counter `count` of a life `boots` later (or earlier) than this one. */
static uint64_t
life(int boots, uint32_t count)
{
	return (LAB_BOOT + (uint64_t)(int64_t)boots) << 32 | count;
}

static void
say_own(struct lab *lab, struct lab_link *at, enum record_type type,
    uint64_t seq, uint32_t count)
{
	const struct record_run run = {
		.origin = lab_id(OWN),
		.seq = seq,
		.count = count,
	};
	struct buf buf = { 0 };

	assert_int_equal(record_array_encode(&buf, type, &run, 1), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_null(inspect_check(lab->mesh));
}

static uint64_t
publish(struct lab *lab)
{
	struct message_view view = { .topic = "a", .topic_len = 1 };

	assert_int_equal(mesh_publish(lab->mesh, lab->now, &view), ERR_OK);
	return view.seq;
}

/* The only thing that SYNC said is that it came as far as `seq`. */
static void
only_the_end_was_told(const struct lab_link *at, uint64_t seq)
{
	struct record_run run = runs_only(at, RECORD_SYNC);

	assert_int_equal(run.origin.bytes[0], OWN);
	assert_int_equal(run.count, 0);
	assert_int_equal(run.seq, seq + 1);
}

static void
the_end_of_a_former_life_is_told_to_the_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *c = runs_up(lab, 3);
	struct record_run runs[3] = { { .seq = 0 } };

	say_own(lab, a, RECORD_SYNC, life(-1, 1), 9);
	lab_pass(lab, LAZY_TOLD_MS);
	only_the_end_was_told(c, life(-1, 9));
	assert_false(lab_has_sent(a, RECORD_SYNC));
	/* To who comes later, too, although nothing is published yet. */
	only_the_end_was_told(lab_accept_up(lab, 4), life(-1, 9));
	runs_forget(lab);
	say_own(lab, c, RECORD_SYNC, life(-1, 5), 0);
	say_own(lab, c, RECORD_SYNC, life(-1, 1), 9);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_false(lab_has_sent(a, RECORD_SYNC));
	assert_int_equal(publish(lab), life(0, 1));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 5), RECORD_SYNC, runs, 3), 2);
	assert_int_equal(runs[0].seq, life(-1, 10));
	assert_int_equal(runs[0].count, 0);
	assert_int_equal(runs[1].seq, life(0, 1));
	assert_int_equal(runs[1].count, 1);
}

/* Who was cut off meanwhile has heard of none of them. */
static void
so_is_that_of_each_life_before(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *c = runs_up(lab, 3);
	struct record_run runs[4] = { { .seq = 0 } };

	say_own(lab, a, RECORD_SYNC, life(-2, 1), 9);
	say_own(lab, a, RECORD_SYNC, life(-3, 1), 4);
	say_own(lab, a, RECORD_SYNC, life(-1, 1), 2);
	say_own(lab, a, RECORD_SYNC, life(-3, 1), 7);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_sent(c, RECORD_SYNC, runs, 4), 3);
	assert_int_equal(runs[0].seq, life(-2, 10));
	assert_int_equal(runs[1].seq, life(-3, 8));
	assert_int_equal(runs[2].seq, life(-1, 3));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 4), RECORD_SYNC, runs, 4), 3);
	assert_int_equal(runs[0].seq, life(-3, 8));
	assert_int_equal(runs[1].seq, life(-2, 10));
	assert_int_equal(runs[2].seq, life(-1, 3));
}

static void
so_is_what_is_heard_of_it_in_other_ways(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *c = runs_up(lab, 3);
	struct record_data data = lab_data(OWN, 4);

	say_own(lab, a, RECORD_IHAVE, life(-1, 1), 3);
	lab_pass(lab, LAZY_TOLD_MS);
	only_the_end_was_told(c, life(-1, 3));
	runs_forget(lab);
	data.seq = life(-1, 4);
	lab_say(lab, a, &data);
	lab_pass(lab, LAZY_TOLD_MS);
	only_the_end_was_told(c, life(-1, 4));
	assert_int_equal(mesh_stats(lab->mesh)->own, 1);
	assert_int_equal(lab->delivered, 0);
}

static void
so_is_what_a_listener_knows(void **state)
{
	static const char *const peers[] = { "ws://x:1" };
	struct lab *lab = *state;
	struct record_welcome welcome = lab_welcome(1);
	struct lab_link *a, *c;

	lab->config.peers = peers;
	lab->config.peer_count = 1;
	lab_make(lab);
	lab_pass(lab, 0);
	a = lab_open(lab);
	c = runs_up(lab, 3);
	lab_say_welcome(lab, a, &welcome);
	lab_say_welcome2(lab, a, life(-1, 9));
	lab_pass(lab, LAZY_TOLD_MS);
	only_the_end_was_told(c, life(-1, 9));
	only_the_end_was_told(a, life(-1, 9));
}

static void
the_end_of_a_boot_that_was_left_is_told_to_who_comes(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run runs[4] = { { .seq = 0 } };

	assert_int_equal(publish(lab), life(0, 1));
	say_own(lab, a, RECORD_SYNC, life(7, 1), 5);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(publish(lab), life(8, 1));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 3), RECORD_SYNC, runs, 4), 3);
	assert_int_equal(runs[0].seq, life(0, 1));
	assert_int_equal(runs[0].count, 1);
	assert_int_equal(runs[1].seq, life(7, 6));
	assert_int_equal(runs[1].count, 0);
	assert_int_equal(runs[2].seq, life(8, 1));
	assert_int_equal(runs[2].count, 1);
}

static void
so_is_the_end_of_one_whose_counter_wrapped(void **state)
{
	struct lab *lab = *state;
	struct record_run runs[4] = { { .seq = 0 } };

	lab->mesh->seq = life(0, UINT32_MAX - 1);
	assert_int_equal(publish(lab), life(0, UINT32_MAX));
	assert_int_equal(publish(lab), life(1, 1));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 3), RECORD_SYNC, runs, 4), 2);
	assert_int_equal(runs[0].seq, life(0, UINT32_MAX));
	assert_int_equal(runs[0].count, 1);
	assert_int_equal(runs[1].seq, life(1, 1));
	assert_int_equal(runs[1].count, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)
#define TEST_RAW(f) \
	cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_end_of_a_former_life_is_told_to_the_others),
		TEST(so_is_that_of_each_life_before),
		TEST(so_is_what_is_heard_of_it_in_other_ways),
		TEST_RAW(so_is_what_a_listener_knows),
		TEST(the_end_of_a_boot_that_was_left_is_told_to_who_comes),
		TEST(so_is_the_end_of_one_whose_counter_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
