/* SPDX-License-Identifier: MIT */

#include "mesh/identity.h"
#include "mesh/inside.h"
#include "unit/mesh/runs.h"

static struct nodeid told;
static unsigned told_count;

static void
on_renamed(void *ctx, const struct nodeid *id)
{
	(void)ctx;
	told = *id;
	told_count++;
}

static int
setup(void **state)
{
	struct lab *lab;

	(void)lab_setup(state);
	lab = *state;
	lab->io.renamed = on_renamed;
	told_count = 0;
	return 0;
}

/* A message that this node, 0x80, has not sent. */
static void
spoof(struct lab *lab, struct lab_link *at, uint32_t count)
{
	lab_say_data(lab, at, 0x80, count);
	lab_pass(lab, 0);
	assert_null(inspect_check(lab->mesh));
}

/* What the mesh shows who dials it now. */
static struct record_welcome
shown(struct lab *lab, uint8_t n)
{
	struct lab_link *at = lab_accept_up(lab, n);
	struct record_welcome welcome;
	struct record record;

	assert_true(lab_find(at, RECORD_WELCOME, &record));
	assert_int_equal(record_welcome_decode(&record, &welcome), ERR_OK);
	return welcome;
}

static void
three_spoofs_in_a_minute_take_a_new_id(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct nodeid mine = lab_id(0x80);
	struct nodeid id;

	spoof(lab, a, 10);
	lab_pass(lab, 1000);
	spoof(lab, b, 11);
	assert_int_equal(told_count, 0);
	lab_pass(lab, 1000);
	spoof(lab, a, 12);
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 3);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 1);
	assert_int_equal(told_count, 1);
	assert_false(nodeid_equal(&told, &mine));
	assert_int_equal(lab_bye(a), BYE_LEAVING);
	assert_int_equal(lab_bye(b), BYE_LEAVING);
	assert_int_equal(mesh_stats(lab->mesh)->links_up, 0);
	id = shown(lab, 3).node_id;
	assert_true(nodeid_equal(&id, &told));
}

/* A neighbour that had messages of both pushes only one of them. */
static void
what_is_only_announced_under_its_id_is_a_sign_too(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_publish(lab);
	runs_say(lab, a, RECORD_IHAVE, 0x80, 1, 1, 0);
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 0);
	for (uint32_t n = 10; n < 13; n++) {
		assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
		runs_say(lab, a, RECORD_IHAVE, 0x80, n, 1, 0);
		lab_pass(lab, 0);
	}
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 3);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 1);
}

static void
under_the_new_id_its_numbers_begin_anew(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run run;

	lab_publish(lab);
	lab_publish(lab);
	lab_pass(lab, 5000);
	for (uint32_t n = 10; n < 13; n++) {
		spoof(lab, a, n);
	}
	runs_forget(lab);
	a = lab_accept_up(lab, 3);
	/* Nothing of the old id is offered under the new one; but it came so
	 * far. */
	runs_only_end(a, 0x80, 0, 2);
	lab_publish(lab);
	assert_true(nodeid_equal(&lab->published.origin, &told));
	assert_int_equal(lab->published.seq, lab_seq(5, 1));
	/* Who comes up later is told of it as of the new one, first. */
	a = runs_up_told(lab, 4);
	assert_int_equal(runs_count(a, RECORD_SYNC), 2);
	(void)runs_sent(a, RECORD_SYNC, &run, 1);
	assert_true(nodeid_equal(&run.origin, &told));
	/* Its old messages come back and are known; the other node's are
	 * news. */
	runs_say(lab, a, RECORD_SYNC, 0x80, 1, 2, 0);
	lab_say_data(lab, a, 0x80, 2);
	assert_int_equal(lab->delivered, 0);
	lab_say_data(lab, a, 0x80, 3);
	assert_int_equal(lab->delivered, 1);
	run.count = 0;
	assert_int_equal(runs_sent(a, RECORD_GRAFT, &run, 1), 0);
}

/* Else who is only told of it would never know that it was there. */
static void
what_waits_to_be_announced_is_before_the_links_end(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run run;

	lab_publish(lab);
	runs_say(lab, a, RECORD_PRUNE, 0x80, 0, 0, 0);
	lab_publish(lab);
	assert_int_equal(runs_sent(a, RECORD_IHAVE, &run, 1), 0);
	for (uint32_t n = 10; n < 13; n++) {
		spoof(lab, a, n);
	}
	assert_int_equal(lab_bye(a), BYE_LEAVING);
	assert_int_equal(runs_sent(a, RECORD_IHAVE, &run, 1), 1);
	assert_int_equal(run.seq, RUNS_SEQ(2));
}

/* The other one told of a boot ahead of this node's, which went on behind it. */
static void
nor_is_what_it_said_in_a_boot_that_it_left_taken_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_publish(lab);
	runs_say_end(lab, a, 0x80, 2, 5);
	for (int i = 0; i < 3; i++) {
		runs_say_reborn(lab, a, 0x80, 3, 1);
		lab_pass(lab, 0);
	}
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 1);
	a = lab_accept_up(lab, 3);
	runs_say_reborn(lab, a, 0x80, 3, 1);
	assert_int_equal(lab->delivered, 1);
	lab_say_data(lab, a, 0x80, 1);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
}

static void
a_peer_that_was_dialled_is_dialled_again(void **state)
{
	struct lab *lab = *state;
	const char *peers[] = { "ws://one:1" };
	struct lab_link *a;
	struct record_hello hello;
	struct record record;

	lab_set_peers(lab, peers, 1);
	lab->io.renamed = on_renamed;
	lab_make(lab);
	a = lab_open_up(lab, 1);
	for (uint32_t n = 10; n < 13; n++) {
		spoof(lab, a, n);
	}
	lab_closed(lab, a, MESH_CLOSED);
	lab_pass(lab, 2000);
	assert_int_equal(lab->dials, 2);
	a = lab_open(lab);
	assert_true(lab_find(a, RECORD_HELLO, &record));
	assert_int_equal(record_hello_decode(&record, &hello), ERR_OK);
	assert_true(nodeid_equal(&hello.node_id, &told));
}

static void
three_in_more_than_a_minute_are_only_counted(void **state)
{
	struct lab *lab = *state;

	for (uint32_t n = 10; n < 20; n++) {
		spoof(lab, runs_up(lab, (uint8_t)n), n);
		lab_pass(lab, IDENTITY_MS / 2);
	}
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 10);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
}

static void
an_id_changes_once_a_minute_at_the_most(void **state)
{
	struct lab *lab = *state;
	uint64_t end = lab->now + IDENTITY_MS;
	uint8_t n = 1;

	for (uint32_t count = 10; lab->now <= end; count++) {
		struct lab_link *a = runs_up(lab, n++);
		struct record_data data = lab_data(0x80, 1000 + count);

		data.origin = told_count > 0 ? told : data.origin;
		data.seq += UINT64_C(1000) << 32;
		lab_say(lab, a, &data);
		lab_pass(lab, 1000);
		assert_int_equal(told_count, mesh_stats(lab->mesh)->spoofed < 3
		                                 ? 0
		                             : lab->now <= end ? 1
		                                               : told_count);
	}
	assert_true(mesh_stats(lab->mesh)->spoofed > 50);
}

static void
an_id_that_is_kept_is_never_changed(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a;

	lab->config.keeps_id = true;
	lab->io.renamed = on_renamed;
	told_count = 0;
	lab_make(lab);
	a = runs_up(lab, 1);
	for (uint32_t n = 10; n < 30; n++) {
		spoof(lab, a, n);
	}
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 20);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	assert_int_equal(told_count, 0);
	assert_true(link_is_up(a->link));
}

static void
who_is_thrown_out_without_another_link_has_a_twin(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_bye(lab, a, BYE_DUPLICATE);
	assert_int_equal(mesh_stats(lab->mesh)->twins, 1);
}

/* Somebody throws this node out, in favour of another with its id. */
static void
throw_out(struct lab *lab, uint8_t n)
{
	struct lab_link *at = runs_up(lab, n);

	lab_say_bye(lab, at, BYE_DUPLICATE);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 0);
}

static void
who_is_shut_out_by_its_twin_takes_a_new_id(void **state)
{
	struct lab *lab = *state;
	struct nodeid mine = lab_id(0x80);
	struct nodeid id;

	throw_out(lab, 1);
	lab_pass(lab, IDENTITY_APART_MS);
	throw_out(lab, 2);
	lab_pass(lab, IDENTITY_APART_MS);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	throw_out(lab, 1);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 1);
	assert_int_equal(told_count, 1);
	id = shown(lab, 3).node_id;
	assert_true(nodeid_equal(&id, &told));
	assert_false(nodeid_equal(&id, &mine));
}

static void
who_has_links_enough_is_not_shut_out(void **state)
{
	struct lab *lab = *state;
	struct lab_link *other = runs_up(lab, 20);

	for (uint8_t i = 1; i < VIEWS_MIN; i++) {
		(void)runs_up(lab, (uint8_t)(20 + i));
	}
	for (uint8_t n = 1; n < 9; n++) {
		throw_out(lab, n);
		lab_pass_alive(lab, IDENTITY_APART_MS);
	}
	assert_int_equal(mesh_stats(lab->mesh)->twins, 8);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	/* One fewer is too few, and this is the first sign. */
	lab_say_bye(lab, other, BYE_DUPLICATE);
	lab_pass_alive(lab, IDENTITY_APART_MS);
	throw_out(lab, 1);
	lab_pass_alive(lab, IDENTITY_APART_MS);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	throw_out(lab, 2);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 1);
}

/* Links that cross, as two nodes dial each other. */
static void
many_at_once_are_one_sign(void **state)
{
	struct lab *lab = *state;

	for (uint8_t n = 1; n < 9; n++) {
		throw_out(lab, n);
		lab_pass(lab, IDENTITY_APART_MS / 8);
	}
	assert_int_equal(mesh_stats(lab->mesh)->twins, 8);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
}

/* The others may hold it for alive for a while. */
static void
a_link_of_its_own_that_was_lost_is_no_twin(void **state)
{
	struct lab *lab = *state;
	struct lab_link *own = runs_up(lab, 1);

	lab_closed(lab, own, MESH_CLOSED);
	for (unsigned i = 0; i < 4; i++) {
		throw_out(lab, 1);
		lab_pass(lab, IDENTITY_APART_MS);
	}
	/* The first two do not count. */
	assert_int_equal(mesh_stats(lab->mesh)->twins, 4);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	throw_out(lab, 1);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 1);
}

static void
of_many_that_were_lost_any_may_be_the_one(void **state)
{
	struct lab *lab = *state;

	for (uint8_t n = 20; n <= 20 + RECENT_MAX; n++) {
		if (n != lab->mesh->node_id.bytes[3]) {
			lab_closed(lab, runs_up(lab, n), MESH_CLOSED);
		}
	}
	assert_int_equal(mesh_stats(lab->mesh)->recent_full, 0);
	lab_pass(lab, 1000); /* not more are accepted at once */
	throw_out(lab, 1);
	lab_pass(lab, IDENTITY_LOST_MS);
	throw_out(lab, 1);
	lab_pass(lab, IDENTITY_APART_MS);
	throw_out(lab, 1);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	lab_pass(lab, IDENTITY_APART_MS);
	throw_out(lab, 1);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 1);
}

static void
nobody_needs_to_be_told_of_the_new_id(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a;
	struct nodeid mine = lab_id(0x80);
	struct nodeid id;

	lab_make(lab);
	a = runs_up(lab, 1);
	for (uint32_t n = 10; n < 13; n++) {
		spoof(lab, a, n);
	}
	id = shown(lab, 3).node_id;
	assert_false(nodeid_equal(&id, &mine));
}

static void
without_randomness_the_old_id_stays(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab->io.secret = lab_no_secret;
	for (uint32_t n = 10; n < 13; n++) {
		spoof(lab, a, n);
	}
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 1);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	assert_true(link_is_up(a->link));
}

static void
who_keeps_its_id_stays_shut_out(void **state)
{
	struct lab *lab = *state;

	lab->config.keeps_id = true;
	lab_make(lab);
	for (uint8_t n = 1; n < 9; n++) {
		throw_out(lab, n);
		lab_pass(lab, IDENTITY_APART_MS);
	}
	assert_int_equal(mesh_stats(lab->mesh)->twins, 8);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
}

static void
of_two_links_of_its_own_one_may_go(void **state)
{
	struct lab *lab = *state;
	const char *peers[] = { "ws://one:1" };
	struct lab_link *out, *in;
	struct record_welcome welcome = lab_welcome(1);

	lab_set_peers(lab, peers, 1);
	lab_make(lab);
	out = lab_open(lab);
	in = lab_accept_up(lab, 1);
	welcome.flags = 0;
	lab_say_welcome(lab, out, &welcome);
	lab_say_bye(lab, out, BYE_DUPLICATE);
	assert_true(link_is_up(in->link));
	assert_int_equal(mesh_stats(lab->mesh)->twins, 0);
}

static void
an_older_life_beside_the_living_one_is_a_twin(void **state)
{
	struct lab *lab = *state;
	struct lab_link *in = runs_up(lab, 1);
	struct record_hello hello = lab_hello(lab, 1);
	struct lab_link *again = lab_accept(lab);

	hello.boot--;
	lab_say_hello(lab, again, &hello);
	assert_int_equal(lab_bye(again), BYE_DUPLICATE);
	assert_true(link_is_up(in->link));
	assert_int_equal(mesh_stats(lab->mesh)->twins, 1);
	/* A later one is a restart. */
	hello.boot += 2;
	again = lab_accept(lab);
	lab_say_hello(lab, again, &hello);
	assert_true(link_is_up(again->link));
	assert_int_equal(mesh_stats(lab->mesh)->twins, 1);
}

static void
the_boot_that_it_shows_is_that_of_its_numbers(void **state)
{
	struct lab *lab = *state;
	const char *peers[] = { "ws://one:1" };
	struct lab_link *at;
	struct record_hello hello;
	struct record record;

	lab_set_peers(lab, peers, 1);
	lab_make(lab);
	lab->mesh->seq = RUNS_SEQ(UINT32_MAX);
	lab_publish(lab);
	assert_int_equal(lab->published.seq >> 32, LAB_BOOT + 1);
	at = lab_open(lab);
	assert_true(lab_find(at, RECORD_HELLO, &record));
	assert_int_equal(record_hello_decode(&record, &hello), ERR_OK);
	assert_int_equal(hello.boot, LAB_BOOT + 1);
	assert_int_equal(shown(lab, 3).boot, LAB_BOOT + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, lab_teardown)
#define TEST_RAW(f) \
	cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(three_spoofs_in_a_minute_take_a_new_id),
		TEST(what_is_only_announced_under_its_id_is_a_sign_too),
		TEST(under_the_new_id_its_numbers_begin_anew),
		TEST(what_waits_to_be_announced_is_before_the_links_end),
		TEST(nor_is_what_it_said_in_a_boot_that_it_left_taken_again),
		TEST_RAW(a_peer_that_was_dialled_is_dialled_again),
		TEST(three_in_more_than_a_minute_are_only_counted),
		TEST(an_id_changes_once_a_minute_at_the_most),
		TEST_RAW(an_id_that_is_kept_is_never_changed),
		TEST(who_is_thrown_out_without_another_link_has_a_twin),
		TEST(who_is_shut_out_by_its_twin_takes_a_new_id),
		TEST(who_has_links_enough_is_not_shut_out),
		TEST(many_at_once_are_one_sign),
		TEST(a_link_of_its_own_that_was_lost_is_no_twin),
		TEST(of_many_that_were_lost_any_may_be_the_one),
		TEST_RAW(nobody_needs_to_be_told_of_the_new_id),
		TEST(without_randomness_the_old_id_stays),
		TEST_RAW(who_keeps_its_id_stays_shut_out),
		TEST_RAW(of_two_links_of_its_own_one_may_go),
		TEST(an_older_life_beside_the_living_one_is_a_twin),
		TEST_RAW(the_boot_that_it_shows_is_that_of_its_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
