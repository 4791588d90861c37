/* SPDX-License-Identifier: MIT */

#include "mesh/inside.h"
#include "support/fault.h"
#include "unit/mesh/runs.h"

static struct record_data
a_letter(uint8_t from, uint8_t to, uint32_t count)
{
	struct record_data data = lab_data(from, count);

	data.flags |= DATA_UNICAST;
	data.dest = lab_id(to);
	return data;
}

static enum err
send_to(struct lab *lab, uint8_t to)
{
	struct message_view view = { .topic = "a", .topic_len = 1 };
	struct nodeid dest = lab_id(to);

	return mesh_send(lab->mesh, lab->now, &dest, &view);
}

static void
goes_the_way_that_the_other_s_messages_come(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data;

	lab_say_data(lab, b, 9, 1);
	runs_forget(lab);
	assert_int_equal(send_to(lab, 9), ERR_OK);
	assert_int_equal(runs_data(a, &data), 0);
	assert_int_equal(runs_data(b, &data), 1);
	assert_int_equal(data.flags, DATA_UNICAST);
	assert_int_equal(data.hops, 1);
	assert_int_equal(data.dest.bytes[0], 9);
	assert_int_equal(data.seq, RUNS_SEQ(1));
	/* It has a series of its own: broadcasts begin at 1 too. */
	assert_false(inspect_has(lab->mesh, &(struct nodeid){ { 0 } }, 1));
	assert_int_equal(mesh_stats(lab->mesh)->published, 0);
}

static void
is_passed_on_and_not_delivered_on_the_way(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data = a_letter(7, 9, 5);

	lab_say_data(lab, b, 9, 1);
	lab->delivered = 0;
	runs_forget(lab);
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(runs_data(b, &data), 1);
	assert_int_equal(data.hops, 2);
	assert_int_equal(data.origin.bytes[0], 7);
	/* Not back where it came from, and not into nowhere. */
	data = a_letter(7, 9, 6);
	lab_say(lab, b, &data);
	data = a_letter(7, 42, 7);
	lab_say(lab, a, &data);
	assert_int_equal(mesh_stats(lab->mesh)->unicast_lost, 2);
	assert_int_equal(runs_data(a, &data), 0);
	/* Nothing is kept of it. */
	assert_int_equal(runs_origin(lab, 9).held, 1);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 1);
}

static void
one_that_comes_back_to_its_sender_is_lost_and_nothing_else(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = runs_up(lab, 1);
	struct record_data data = a_letter(1, 9, 5);

	data.origin = lab->config.node_id;
	runs_forget(lab);
	for (unsigned i = 0; i < 4; i++) {
		data.seq += i;
		lab_say(lab, at, &data);
	}
	assert_int_equal(mesh_stats(lab->mesh)->unicast_lost, 4);
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 0);
	assert_int_equal(lab->delivered, 0);
	assert_true(link_is_up(at->link));
	assert_false(lab_has_sent(at, RECORD_PRUNE));
}

static void
a_neighbour_is_reached_although_it_never_spoke(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data;

	assert_int_equal(send_to(lab, 2), ERR_OK);
	assert_int_equal(runs_data(a, &data), 0);
	assert_int_equal(runs_data(b, &data), 1);
}

static void
is_delivered_once_at_its_node(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	static const uint32_t counts[] = { 100, 101, 100, 99, 99, 165, 101, 102,
		102, 100, 4000, 3937, 3936 };
	static const unsigned delivered[] = { 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6,
		7, 7 };

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct record_data data = a_letter(7, 0x80, counts[i]);

		lab_say(lab, a, &data);
		assert_int_equal(lab->delivered, delivered[i]);
	}
	assert_int_equal(mesh_stats(lab->mesh)->unicasts, 7);
	assert_int_equal(mesh_stats(lab->mesh)->duplicates, 6);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 0);
}

/* One sender could fill the queue of any link, and close it. */
static void
a_link_that_does_not_keep_up_brings_none(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data = a_letter(7, 9, 1);

	lab_say_data(lab, b, 9, 1);
	b->queued = lab->config.soft + 1;
	for (unsigned i = 0; i < 3000; i++) {
		lab_publish(lab); /* so that queues are looked at */
	}
	lab_pass(lab, 1000);
	assert_int_equal(mesh_stats(lab->mesh)->congested, 1);
	runs_forget(lab);
	lab_say(lab, a, &data);
	assert_int_equal(runs_data(b, &data), 0);
	assert_int_equal(mesh_stats(lab->mesh)->unicast_lost, 1);
	assert_int_equal(send_to(lab, 9), ERR_OK);
	assert_int_equal(runs_data(b, &data), 0);
	assert_int_equal(mesh_stats(lab->mesh)->unicast_lost, 2);
	b->queued = 0;
	lab_pass(lab, 100);
	assert_int_equal(send_to(lab, 9), ERR_OK);
	assert_int_equal(runs_data(b, &data), 1);
}

static void
with_no_way_known_everybody_passes_it_on(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct lab_link *b = runs_up(lab, 2);
	struct record_data data;

	assert_int_equal(send_to(lab, 9), ERR_OK);
	assert_int_equal(runs_data(a, &data), 1);
	assert_int_equal(runs_data(b, &data), 1);
	assert_int_equal(data.flags, DATA_UNICAST | DATA_FLOOD);
	assert_int_equal(data.dest.bytes[0], 9);

	/* Elsewhere: stored, relayed, and not delivered. */
	runs_forget(lab);
	data = a_letter(7, 42, 1);
	data.flags |= DATA_FLOOD;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(runs_data(b, &data), 1);
	assert_int_equal(runs_origin(lab, 7).held, 1);
	runs_say(lab, b, RECORD_GRAFT, 7, 1, 1, 0);
	assert_int_equal(runs_data(b, &data), 2);
	assert_int_equal(data.dest.bytes[0], 42);
	assert_int_equal(
	    data.flags, DATA_TEXT | DATA_UNICAST | DATA_FLOOD | DATA_REPAIR);

	/* At its node it is. */
	data = a_letter(7, 0x80, 2);
	data.flags |= DATA_FLOOD;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 1);
}

static void
says_what_cannot_be_sent(void **state)
{
	struct lab *lab = *state;
	static const uint8_t big[LAB_MAX + 1];
	struct message_view view = { .topic = "a",
		.topic_len = 1,
		.payload = big,
		.payload_len = sizeof(big) };
	struct nodeid dest = lab_id(9);

	assert_int_equal(send_to(lab, 0x80), ERR_INVALID);
	assert_int_equal(
	    mesh_send(lab->mesh, lab->now, &dest, &view), ERR_TOOBIG);
	/* Whether or not a way is known. */
	lab_say_data(lab, runs_up(lab, 1), 9, 1);
	assert_int_equal(
	    mesh_send(lab->mesh, lab->now, &dest, &view), ERR_TOOBIG);
	assert_int_equal(mesh_stats(lab->mesh)->unicasts_sent, 0);
}

static void
many_senders_do_not_grow_the_table(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_data data = a_letter(7, 0x80, 1);

	for (uint32_t n = 1; n <= 6000; n++) {
		data.origin = lab_nth_id(n);
		lab_say(lab, a, &data);
	}
	assert_int_equal(lab->delivered, 6000);
	assert_true(mesh_stats(lab->mesh)->unicast_full >= 6000 - 4096);
}

static void
out_of_memory_is_counted(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	const struct record_data data = a_letter(7, 0x80, 1);
	struct buf record = lab_encoded(&data);

	fault_fail_nth(1);
	lab_hand_in(lab, a, &record);
	assert_true(fault_off());
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 1);
	lab_hand_in(lab, a, &record);
	assert_int_equal(lab->delivered, 1);
	buf_fini(&record);
}

/* The other end takes what is above the last ones, boot and counter as one. */
static void
its_numbers_grow_when_the_counter_wraps(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 9);
	struct record_data data;

	lab->mesh->spread.unicast.seq = RUNS_SEQ(UINT32_MAX);
	assert_int_equal(send_to(lab, 9), ERR_OK);
	assert_int_equal(runs_data(a, &data), 1);
	assert_true(data.seq > RUNS_SEQ(UINT32_MAX));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(goes_the_way_that_the_other_s_messages_come),
		TEST(is_passed_on_and_not_delivered_on_the_way),
		TEST(
		    one_that_comes_back_to_its_sender_is_lost_and_nothing_else),
		TEST(a_neighbour_is_reached_although_it_never_spoke),
		TEST(is_delivered_once_at_its_node),
		TEST(a_link_that_does_not_keep_up_brings_none),
		TEST(with_no_way_known_everybody_passes_it_on),
		TEST(says_what_cannot_be_sent),
		TEST(many_senders_do_not_grow_the_table),
		TEST(its_numbers_grow_when_the_counter_wraps),
		TEST(out_of_memory_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
