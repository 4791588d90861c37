/* SPDX-License-Identifier: MIT
 * More to tell than one message, or one second, has room for. */

#include "mesh/inside.h"
#include "mesh/lazy.h"
#include "mesh/sync.h"
#include "support/fault.h"
#include "unit/mesh/runs.h"

enum {
	MANY = 12000,
	AUTHORS = 80, /* half of them wait for the other end to announce */
	BURST = 60000,
};

static void
say_nth(struct lab *lab, struct lab_link *at, uint32_t n, uint32_t count)
{
	struct record_data data = lab_data(9, count);

	data.origin = lab_nth_id(n);
	lab_say(lab, at, &data);
}

/* One message of each of so many, at a rate that is taken. */
static void
hear_of(struct lab *lab, struct lab_link *at, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		say_nth(lab, at, n, 1);
		lab_pass(lab, 2);
		mesh_on_activity(at->link, lab->now);
	}
	assert_int_equal(lab->delivered, count);
}

/* Which one of lab_nth_id it names. */
static uint32_t
nth_of(const struct record_run *run)
{
	uint32_t n;

	memcpy(&n, run->origin.bytes, sizeof(n));
	return n;
}

/* How many of the nodes that it heard of these entries name. */
static size_t
named_by(const struct record_run *runs, size_t count)
{
	static bool names[MANY];
	size_t named = 0;

	memset(names, 0, sizeof(names));
	for (size_t i = 0; i < count; i++) {
		uint32_t n = nth_of(&runs[i]);

		if (n < MANY && !names[n]) {
			names[n] = true;
			named++;
		}
	}
	return named;
}

/* The same of what SYNC told on this link so far. */
static size_t
named(const struct lab_link *at)
{
	static struct record_run runs[3 * MANY];
	size_t count = runs_sent(at, RECORD_SYNC, runs, ARRAY_LEN(runs));

	assert_true(count < ARRAY_LEN(runs));
	return named_by(runs, count);
}

/* Who takes 64 KiB and no more would close the link for it (lab_send). */
static void
a_list_goes_in_messages_that_every_node_takes(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;

	hear_of(lab, a, 3000);
	b = runs_up_told(lab, 2);
	assert_int_equal(runs_count(b, RECORD_SYNC), 3000);
	assert_int_equal(named(b), 3000);
	assert_int_equal(mesh_stats(lab->mesh)->sync_cut, 0);
}

static void
what_has_no_room_in_one_part_follows(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;
	size_t before = 0;
	size_t names = 0;

	hear_of(lab, a, MANY);
	b = runs_up_told(lab, 2);
	for (unsigned part = 0; part < 6; part++) {
		size_t told = runs_count(b, RECORD_SYNC);

		/* Not more than is taken, even if two come in a second. */
		assert_true(told - before <= SYNC_RUNS_MAX);
		before = told;
		names = named(b);
		/* Who is heard of meanwhile is told of, too. */
		say_nth(lab, a, part, 2);
		say_nth(lab, a, MANY / 2 + part, 2);
		say_nth(lab, a, MANY + part, 1);
		lab_pass(lab, 1000);
		mesh_on_activity(a->link, lab->now);
		mesh_on_activity(b->link, lab->now);
	}
	assert_int_equal(names, MANY);
	assert_in_range(before, MANY, MANY + SYNC_RUNS_MAX);
	assert_in_range(mesh_stats(lab->mesh)->sync_cut, 2, 4);
	runs_forget(lab);
	lab_pass_alive(lab, 3000);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
}

static void
each_link_is_told_the_rest_in_its_own_time(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b, *c;

	hear_of(lab, a, SYNC_RUNS_MAX + 100);
	b = runs_up_told(lab, 2);
	lab_pass_alive(lab, 500);
	c = lab_accept_up(lab, 3);
	lab_pass_alive(lab, 2500);
	assert_int_equal(named(b), SYNC_RUNS_MAX + 100);
	assert_int_equal(named(c), SYNC_RUNS_MAX + 100);
}

static void
a_link_that_ends_is_told_no_more(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;

	hear_of(lab, a, SYNC_RUNS_MAX + 100);
	b = runs_up_told(lab, 2);
	lab_closed(lab, b, MESH_CLOSED);
	b = lab_accept_up(lab, 3);
	lab_pass_alive(lab, 3000);
	assert_int_equal(named(b), SYNC_RUNS_MAX + 100);
}

/* Its ids are told as far as there is room, the newest of all. */
static void
one_origin_may_be_more_than_a_part(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;

	for (uint32_t i = 0; i < SYNC_RUNS_MAX + 10; i++) {
		lab_say_data(lab, a, 9, 1 + 2 * i);
	}
	say_nth(lab, a, 1, 1);
	b = runs_up_told(lab, 2);
	lab_pass_alive(lab, 3000);
	assert_int_equal(runs_count(b, RECORD_SYNC), SYNC_RUNS_MAX + 1);
	assert_int_equal(named(b), 1);
	assert_in_range(mesh_stats(lab->mesh)->sync_cut, 1, 2);
}

/* They become holes there: not all at once. */
static void
ends_of_what_is_not_held_follow_too(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;

	hear_of(lab, a, 2 * SYNC_EMPTY_MAX + 100);
	lab_pass_alive(lab, 61000);
	b = runs_up_told(lab, 2);
	assert_in_range(
	    runs_count(b, RECORD_SYNC), SYNC_EMPTY_MAX - 100, SYNC_EMPTY_MAX);
	lab_pass_alive(lab, 3000);
	assert_int_equal(runs_count(b, RECORD_SYNC), 2 * SYNC_EMPTY_MAX + 100);
	assert_int_equal(named(b), 2 * SYNC_EMPTY_MAX + 100);
	assert_true(mesh_stats(lab->mesh)->sync_cut >= 2);
}

static void
without_memory_a_part_waits(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;

	hear_of(lab, a, SYNC_RUNS_MAX + 100);
	b = runs_up_told(lab, 2);
	assert_in_range(runs_count(b, RECORD_SYNC), 1, SYNC_RUNS_MAX);
	fault_fail_from(1);
	lab->now += 1000;
	mesh_on_tick(lab->mesh, lab->now);
	assert_true(fault_off());
	lab_pass_alive(lab, 3000);
	assert_int_equal(named(b), SYNC_RUNS_MAX + 100);
}

/* ---- announcements */

static struct lab_link *
up_and_muted(struct lab *lab, uint8_t n)
{
	struct lab_link *at = lab_accept_up(lab, n);

	runs_say_of_many(lab, at, RECORD_PRUNE, 0, AUTHORS, 0, 0);
	runs_forget(lab);
	return at;
}

/* How many of them SYNC has told of up to counter `last`. */
static size_t
told_up_to(const struct lab_link *at, uint32_t last)
{
	static struct record_run runs[AUTHORS * 64];
	size_t count = runs_sent(at, RECORD_SYNC, runs, ARRAY_LEN(runs));
	size_t such = 0;

	for (size_t i = 0; i < count; i++) {
		assert_true(nth_of(&runs[i]) < AUTHORS);
		if (runs[i].seq == RUNS_SEQ(1) && runs[i].count == last) {
			runs[such++] = runs[i];
		}
	}
	return named_by(runs, such);
}

/* One member can do it, with the shortest of messages; what each of them needs
 * an entry for was enough to be thrown out, one hop further. */
static void
no_more_is_announced_than_is_taken_and_sync_tells_the_rest(void **state)
{
	static struct record_run runs[BURST];
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;

	for (uint32_t i = 0; i < AUTHORS; i++) {
		say_nth(lab, a, i, 1);
	}
	b = up_and_muted(lab, 2);
	for (uint32_t i = 0; i < BURST; i++) {
		say_nth(lab, a, i % AUTHORS, 2 + i / AUTHORS);
		if (i % (BURST / 1000) == 0) {
			lab_pass(lab, 1);
		}
	}
	lab_pass(lab, LAZY_LATE_MS);
	assert_int_equal(b->spreads, 0);
	assert_in_range(
	    runs_sent(b, RECORD_IHAVE, runs, ARRAY_LEN(runs)), 2000, 5000);
	assert_true(mesh_stats(lab->mesh)->announce_busy > BURST / 2);
	lab_pass(lab, 1000);
	assert_int_equal(told_up_to(b, 1 + BURST / AUTHORS), AUTHORS);
	assert_int_equal(b->close_code, -1);
	/* That was all, and the next one is announced as ever. */
	runs_forget(lab);
	lab_pass(lab, 1000);
	assert_false(lab_has_sent(b, RECORD_SYNC));
	say_nth(lab, a, 0, 2 + BURST / AUTHORS);
	lab_pass(lab, LAZY_LATE_MS);
	assert_int_equal(runs_only(b, RECORD_IHAVE).count, 1);
}

/* Answers all that `at` is asked for; `answered` of it was.  How much is now? */
static size_t
answer(struct lab *lab, struct lab_link *at, size_t answered)
{
	static struct record_run runs[4 * MANY];
	size_t asked = runs_sent(at, RECORD_GRAFT, runs, ARRAY_LEN(runs));

	for (; answered < asked; answered++) {
		struct record_data data = lab_data(9, 1);

		data.origin = runs[answered].origin;
		data.flags |= DATA_REPAIR;
		lab_say(lab, at, &data);
	}
	return answered;
}

/* All that b announces is asked for at once, and answered at once. */
static void
no_more_is_asked_for_than_is_answered(void **state)
{
	struct lab *lab = *state;
	struct lab_link *b = runs_up(lab, 2);
	size_t answered = 0;

	for (uint32_t n = 0; n < 2000; n++) {
		runs_say_of_many(lab, b, RECORD_IHAVE, n, 1, RUNS_SEQ(1), 1);
		answered = answer(lab, b, answered);
		if (n % 2 == 1) {
			lab_pass(lab, 1);
		}
	}
	assert_in_range(answered, 400, 1000);
	for (unsigned i = 0; i < 100; i++) {
		lab_pass(lab, 50);
		mesh_on_activity(b->link, lab->now);
		answered = answer(lab, b, answered);
	}
	assert_int_equal(lab->delivered, 2000);
	assert_int_equal(answered, 2000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_goes_in_messages_that_every_node_takes),
		TEST(what_has_no_room_in_one_part_follows),
		TEST(each_link_is_told_the_rest_in_its_own_time),
		TEST(a_link_that_ends_is_told_no_more),
		TEST(one_origin_may_be_more_than_a_part),
		TEST(ends_of_what_is_not_held_follow_too),
		TEST(without_memory_a_part_waits),
		TEST(
		    no_more_is_announced_than_is_taken_and_sync_tells_the_rest),
		TEST(no_more_is_asked_for_than_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
