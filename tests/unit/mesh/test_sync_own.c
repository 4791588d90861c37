/* SPDX-License-Identifier: MIT
 * What a node hears of its own ids that it does not remember. */

#include "mesh/inside.h"
#include "mesh/lazy.h"
#include "mesh/sync.h"
#include "unit/mesh/runs.h"

#define OWN 0x80 /* of the lab */

static uint64_t
publish(struct lab *lab)
{
	lab_publish(lab);
	return lab->published.seq;
}

static void
the_end_of_a_former_life_is_told_to_the_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *c = runs_up(lab, 3);
	struct record_run runs[3] = { { .seq = 0 } };

	runs_say_from(lab, a, RECORD_SYNC, OWN, lab_seq(-1, 1), 9);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(c, OWN, -1, 9);
	assert_false(lab_has_sent(a, RECORD_SYNC));
	/* To who comes later, too, although nothing is published yet. */
	runs_only_end(lab_accept_up(lab, 4), OWN, -1, 9);
	runs_forget(lab);
	runs_say_end(lab, c, OWN, -1, 4);
	runs_say_from(lab, c, RECORD_SYNC, OWN, lab_seq(-1, 1), 9);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_false(lab_has_sent(a, RECORD_SYNC));
	assert_int_equal(publish(lab), lab_seq(0, 1));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 5), RECORD_SYNC, runs, 3), 2);
	assert_int_equal(runs[0].seq, lab_seq(-1, 10));
	assert_int_equal(runs[0].count, 0);
	assert_int_equal(runs[1].seq, lab_seq(0, 1));
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

	runs_say_from(lab, a, RECORD_SYNC, OWN, lab_seq(-2, 1), 9);
	runs_say_from(lab, a, RECORD_SYNC, OWN, lab_seq(-3, 1), 4);
	runs_say_from(lab, a, RECORD_SYNC, OWN, lab_seq(-1, 1), 2);
	runs_say_from(lab, a, RECORD_SYNC, OWN, lab_seq(-3, 1), 7);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_sent(c, RECORD_SYNC, runs, 4), 3);
	assert_int_equal(runs[0].seq, lab_seq(-2, 10));
	assert_int_equal(runs[1].seq, lab_seq(-3, 8));
	assert_int_equal(runs[2].seq, lab_seq(-1, 3));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 4), RECORD_SYNC, runs, 4), 3);
	assert_int_equal(runs[0].seq, lab_seq(-3, 8));
	assert_int_equal(runs[1].seq, lab_seq(-2, 10));
	assert_int_equal(runs[2].seq, lab_seq(-1, 3));
}

static void
so_is_what_is_heard_of_it_in_other_ways(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *c = runs_up(lab, 3);
	struct record_data data = lab_data(OWN, 4);

	runs_say_from(lab, a, RECORD_IHAVE, OWN, lab_seq(-1, 1), 3);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(c, OWN, -1, 3);
	runs_forget(lab);
	data.seq = lab_seq(-1, 4);
	lab_say(lab, a, &data);
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(c, OWN, -1, 4);
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

	lab_set_peers(lab, peers, 1);
	lab_make(lab);
	lab_pass(lab, 0);
	a = lab_open(lab);
	c = runs_up(lab, 3);
	lab_say_welcome(lab, a, &welcome);
	lab_say_welcome2(lab, a, lab_seq(-1, 9));
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(c, OWN, -1, 9);
	runs_only_end(a, OWN, -1, 9);
}

static void
the_end_of_a_boot_that_was_left_is_told_to_who_comes(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run runs[4] = { { .seq = 0 } };

	assert_int_equal(publish(lab), lab_seq(0, 1));
	runs_say_from(lab, a, RECORD_SYNC, OWN, lab_seq(7, 1), 5);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(publish(lab), lab_seq(8, 1));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 3), RECORD_SYNC, runs, 4), 3);
	assert_int_equal(runs[0].seq, lab_seq(7, 6));
	assert_int_equal(runs[0].count, 0);
	assert_int_equal(runs[1].seq, lab_seq(0, 1));
	assert_int_equal(runs[1].count, 1);
	assert_int_equal(runs[2].seq, lab_seq(8, 1));
	assert_int_equal(runs[2].count, 1);
}

static void
so_is_the_end_of_one_whose_counter_wrapped(void **state)
{
	struct lab *lab = *state;
	struct record_run runs[4] = { { .seq = 0 } };

	lab->mesh->seq = lab_seq(0, UINT32_MAX - 1);
	assert_int_equal(publish(lab), lab_seq(0, UINT32_MAX));
	assert_int_equal(publish(lab), lab_seq(1, 1));
	assert_int_equal(
	    runs_sent(lab_accept_up(lab, 3), RECORD_SYNC, runs, 4), 2);
	assert_int_equal(runs[0].seq, lab_seq(0, UINT32_MAX));
	assert_int_equal(runs[0].count, 1);
	assert_int_equal(runs[1].seq, lab_seq(1, 1));
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
