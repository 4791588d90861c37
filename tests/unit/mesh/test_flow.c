/* SPDX-License-Identifier: MIT */

#include "unit/mesh/runs.h"

#define SOFT ((size_t)1024 * 1024)

static void
publish(struct lab *lab)
{
	struct message_view view = { .topic = "a", .topic_len = 1 };

	assert_int_equal(mesh_publish(lab->mesh, lab->now, &view), ERR_OK);
}

/* Enough is sent that queues are looked at. */
static void
publish_much(struct lab *lab)
{
	for (unsigned i = 0; i < 3000; i++) {
		publish(lab);
	}
}

static void
a_link_over_soft_for_a_second_gets_announcements(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	a->queued = SOFT + 1;
	publish_much(lab);
	assert_true(a->pressed > 0);
	assert_int_equal(mesh_stats(lab->mesh)->congested, 0);
	lab_pass(lab, 1000);
	assert_int_equal(mesh_stats(lab->mesh)->congested, 1);
	runs_forget(lab);
	publish(lab);
	assert_int_equal(a->spreads, 0);
	assert_int_equal(b->spreads, 1);
	lab_pass(lab, 30);
	assert_int_equal(runs_count(a, RECORD_IHAVE), 1);
	assert_int_equal(runs_count(b, RECORD_IHAVE), 0);

	/* Under SOFT is not enough: it would go to and fro. */
	a->queued = SOFT;
	lab_pass(lab, 100);
	publish(lab);
	assert_int_equal(a->spreads, 0);
	a->queued = SOFT / 2;
	lab_pass(lab, 100);
	publish(lab);
	assert_int_equal(a->spreads, 1);
}

static void
a_link_that_drains_within_the_second_misses_nothing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	a->queued = SOFT + 1;
	publish_much(lab);
	lab_pass(lab, 900);
	a->queued = SOFT;
	lab_pass(lab, 100);
	a->queued = SOFT + 1;
	publish_much(lab);
	lab_pass(lab, 900);
	assert_int_equal(mesh_stats(lab->mesh)->congested, 0);
	/* Nothing wakes the mesh for it once all is well. */
	a->queued = 0;
	lab_pass(lab, 100);
	assert_true(mesh_next_ms(lab->mesh) > lab->now + 50);
}

static void
a_link_over_soft_is_sent_no_repairs(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_data data;

	publish(lab);
	runs_forget(lab);
	a->queued = SOFT + 1;
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 1, 0);
	assert_int_equal(runs_data(a, &data), 0);
	assert_int_equal(runs_count(a, RECORD_GONE), 0);
	assert_int_equal(mesh_stats(lab->mesh)->repair_limit, 1);
	a->queued = 0;
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 1, 0);
	assert_int_equal(runs_data(a, &data), 1);
}

static void
one_answer_fits_even_a_tiny_queue(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a;
	struct record_data data;

	lab->config.soft = 10;
	lab_make(lab);
	a = runs_up(lab, 1);
	publish(lab);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 1, 0);
	assert_int_equal(runs_data(a, &data), 1);
}

/* Else the answer to one GRAFT takes a slow link over HARD, again and again. */
static void
but_not_a_second_one(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a;
	struct record_data data;

	lab->config.soft = 10;
	lab_make(lab);
	a = runs_up(lab, 1);
	publish(lab);
	publish(lab);
	publish(lab);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 3, 0);
	assert_int_equal(runs_data(a, &data), 1);
	assert_int_equal(mesh_stats(lab->mesh)->repair_limit, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)
#define TEST_RAW(f) \
	cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_over_soft_for_a_second_gets_announcements),
		TEST(a_link_that_drains_within_the_second_misses_nothing),
		TEST(a_link_over_soft_is_sent_no_repairs),
		TEST_RAW(one_answer_fits_even_a_tiny_queue),
		TEST_RAW(but_not_a_second_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
