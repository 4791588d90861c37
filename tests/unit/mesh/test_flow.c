/* SPDX-License-Identifier: MIT */

#include "unit/mesh/runs.h"

#define SOFT ((size_t)1024 * 1024)
#define HARD (8 * SOFT)

/* Enough is sent that queues are looked at. */
static void
publish_much(struct lab *lab)
{
	for (unsigned i = 0; i < 3000; i++) {
		lab_publish(lab);
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
	lab_publish(lab);
	assert_int_equal(a->spreads, 0);
	assert_int_equal(b->spreads, 1);
	lab_pass(lab, 30);
	assert_int_equal(runs_count(a, RECORD_IHAVE), 1);
	assert_int_equal(runs_count(b, RECORD_IHAVE), 0);

	/* Under SOFT is not enough: it would go to and fro. */
	a->queued = SOFT;
	lab_pass(lab, 100);
	lab_publish(lab);
	assert_int_equal(a->spreads, 0);
	a->queued = SOFT / 2;
	lab_pass(lab, 100);
	lab_publish(lab);
	assert_int_equal(a->spreads, 1);
}

/* A queue that only grows: nobody reads. */
static void
fill(struct lab *lab, struct lab_link *at, size_t bytes)
{
	for (size_t sent = 0; sent < bytes; sent += 500) {
		unsigned spreads = at->spreads;

		lab_publish_zeros(lab, 500);
		at->queued += (at->spreads - spreads) * 500;
	}
}

static void
a_burst_beyond_hard_in_a_moment_keeps_the_link(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_run runs[256];
	size_t count, ids = 0;

	fill(lab, a, 2 * HARD);
	assert_true(link_is_up(a->link));
	assert_int_equal(mesh_stats(lab->mesh)->congested, 1);
	assert_in_range(a->queued, SOFT + 1, SOFT + HARD / 4);
	/* The link that keeps up gets all, this one is told of the rest. */
	assert_int_equal(b->spreads, mesh_stats(lab->mesh)->published);
	lab_pass(lab, 30);
	count = runs_sent(a, RECORD_IHAVE, runs, ARRAY_LEN(runs));
	for (size_t i = 0; i < count; i++) {
		ids += runs[i].count;
	}
	assert_int_equal(a->spreads + ids, b->spreads);
}

/* A link that was idle and is given a large one is no slow link. */
static void
one_message_does_not_make_a_link_congested(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a;

	lab->config.max_message = HARD / 2;
	lab_make(lab);
	a = runs_up(lab, 1);
	a->queued = HARD / 2 + 300;
	publish_much(lab);
	lab_pass(lab, 50);
	assert_true(a->pressed > 0);
	assert_int_equal(mesh_stats(lab->mesh)->congested, 0);
	a->queued = SOFT + HARD / 2 + 1024;
	lab_pass(lab, 50);
	assert_int_equal(mesh_stats(lab->mesh)->congested, 1);
}

static void
over_hard_the_link_goes(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	fill(lab, a, 2 * HARD);
	a->queued = HARD; /* of what else it is sent */
	lab_pass(lab, 50);
	assert_true(link_is_up(a->link));
	a->queued = HARD + 1;
	lab_pass(lab, 50);
	assert_int_equal(lab_bye(a), BYE_SLOW);
}

static void
a_link_that_takes_nothing_goes_congested_or_not(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	fill(lab, a, 2 * HARD);
	assert_true(link_is_up(a->link));
	mesh_on_stalled(lab->mesh, a->link, lab->now);
	assert_int_equal(lab_bye(a), BYE_SLOW);
	assert_int_equal(mesh_stats(lab->mesh)->slow, 1);
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

	lab_publish(lab);
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

static struct lab_link *
up_with_a_tiny_queue(struct lab *lab)
{
	lab->config.soft = 10;
	lab_make(lab);
	return runs_up(lab, 1);
}

static void
one_answer_fits_even_a_tiny_queue(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = up_with_a_tiny_queue(lab);
	struct record_data data;

	lab_publish(lab);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 1, 0);
	assert_int_equal(runs_data(a, &data), 1);
}

/* Else the answer to one GRAFT takes a slow link over HARD, again and again. */
static void
but_not_a_second_one(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = up_with_a_tiny_queue(lab);
	struct record_data data;

	lab_publish(lab);
	lab_publish(lab);
	lab_publish(lab);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 3, 0);
	assert_int_equal(runs_data(a, &data), 1);
	assert_int_equal(mesh_stats(lab->mesh)->repair_limit, 1);
}

/* Whoever reads quickly would get it again as often as he asks. */
static void
only_so_much_is_sent_again_in_a_second(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_data data;
	size_t sent = 0;

	for (uint32_t n = 1; n <= 100; n++) {
		lab_publish_zeros(lab, 500);
	}
	for (uint32_t n = 0; n < 900; n++) {
		runs_forget(lab);
		runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 100, 0);
		sent += runs_data(a, &data);
	}
	assert_in_range(sent * 500, 28000000, 33000000);
	assert_true(mesh_stats(lab->mesh)->repair_limit > 0);
	assert_true(link_is_up(a->link));
	lab_pass(lab, 1000);
	runs_forget(lab);
	runs_say(lab, a, RECORD_GRAFT, 0x80, 1, 100, 0);
	assert_int_equal(runs_data(a, &data), 100);
}

/* Answers are lists, too. */
static void
lists_alone_find_a_queue_over_hard(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);

	lab_say_data(lab, b, 9, 1);
	a->queued = HARD + 1;
	for (uint32_t n = 0; n < 900 && a->close_code == -1; n++) {
		runs_say_of_many(lab, a, RECORD_GRAFT, 0, 1000, RUNS_SEQ(1), 1);
		lab_pass_alive(lab, 1000);
	}
	assert_int_equal(lab_bye(a), BYE_SLOW);
}

static unsigned looks;

static size_t
queued_looked_at(void *ctx, const struct link *link)
{
	(void)ctx;
	(void)link;
	looks++;
	return 0;
}

/* It takes time, for each link. */
static void
queues_are_not_looked_at_for_each_message(void **state)
{
	struct lab *lab = *state;
	uint64_t before;

	lab->io.queued = queued_looked_at;
	lab_make(lab);
	(void)runs_up(lab, 1);
	looks = 0;
	before = lab->links[0].sent.len;
	publish_much(lab);
	assert_true(lab->links[0].sent.len - before > SOFT / 16);
	assert_in_range(looks, 1, 2);
	assert_true(lab->links[0].sent.len - before < SOFT / 16 * 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)
#define TEST_RAW(f) \
	cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_over_soft_for_a_second_gets_announcements),
		TEST(a_burst_beyond_hard_in_a_moment_keeps_the_link),
		TEST_RAW(one_message_does_not_make_a_link_congested),
		TEST(over_hard_the_link_goes),
		TEST(a_link_that_takes_nothing_goes_congested_or_not),
		TEST(a_link_that_drains_within_the_second_misses_nothing),
		TEST(a_link_over_soft_is_sent_no_repairs),
		TEST_RAW(one_answer_fits_even_a_tiny_queue),
		TEST_RAW(but_not_a_second_one),
		TEST(only_so_much_is_sent_again_in_a_second),
		TEST(lists_alone_find_a_queue_over_hard),
		TEST_RAW(queues_are_not_looked_at_for_each_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
