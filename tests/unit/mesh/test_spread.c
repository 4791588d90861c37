/* SPDX-License-Identifier: MIT */

#include "mesh/inside.h"
#include "support/fault.h"
#include "unit/mesh/runs.h"

static void
relays_a_message_to_all_others_and_delivers_it_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);
	struct lab_link *c = lab_accept_up(lab, 3);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, b, 9, 1);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(lab->view.hops, 1);
	assert_string_equal(lab->topic, "public");
	assert_string_equal(lab->payload, "hello");
	assert_int_equal(a->spreads, 0);
	assert_int_equal(b->spreads, 1);
	assert_int_equal(c->spreads, 1);
	assert_int_equal(mesh_stats(lab->mesh)->duplicates, 1);
	assert_int_equal(mesh_stats(lab->mesh)->relayed, 2);
	assert_int_equal(mesh_stats(lab->mesh)->received, 2);
}

static void
relays_the_bytes_as_they_came_but_one_hop_further(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);
	struct record_data data = lab_data(9, 1);
	struct record_data out;
	struct record record;
	const uint8_t *p;

	buf_clear(&b->sent);
	data.flags = DATA_REPAIR;
	data.hops = 5;
	lab_say(lab, a, &data);
	p = b->sent.bytes;
	assert_int_equal(record_next(&p, p + b->sent.len, &record), ERR_OK);
	assert_int_equal(record_data_decode(&record, &out), ERR_OK);
	assert_int_equal(out.hops, 6);
	assert_int_equal(out.flags, 0);
	assert_true(nodeid_equal(&out.origin, &data.origin));
	assert_int_equal(out.seq, data.seq);
	assert_int_equal(out.payload_len, 5);
	assert_memory_equal(out.payload, "hello", 5);
}

static void
drops_what_crossed_too_many_links(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_data data = lab_data(9, 1);

	data.hops = 65;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->hop_limit, 1);
	/* The drop did not take the id: another path may be shorter. */
	data.hops = 64;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 1);
}

/* There is no higher number. */
static void
what_crossed_255_links_goes_no_further(void **state)
{
	struct lab *lab = *state;
	struct record_data data = lab_data(9, 1);
	struct lab_link *a, *b;

	lab->config.max_hops = UINT8_MAX;
	lab_make(lab);
	a = lab_accept_up(lab, 1);
	b = lab_accept_up(lab, 2);
	data.hops = UINT8_MAX;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(b->spreads, 0);
	assert_int_equal(mesh_stats(lab->mesh)->hop_limit, 1);
}

static void
drops_text_that_is_not_utf8(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_data data = lab_data(9, 1);

	data.payload = (const uint8_t *)"\xff";
	data.payload_len = 1;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->bad_utf8, 1);
	data.flags = 0; /* bytes may be anything */
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(lab->view.flags, 0);
}

static void
tells_its_own_messages_from_spoofed_ones(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_publish(lab);
	assert_int_equal(lab->published.seq, RUNS_SEQ(1));
	lab_say_data(lab, a, 0x80, 1);
	assert_int_equal(mesh_stats(lab->mesh)->own, 1);
	lab_say_data(lab, a, 0x80, 2);
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 1);
	assert_int_equal(lab->delivered, 0);
}

static void
a_restart_is_no_hole_and_the_past_is_old(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_say_data(lab, a, 9, 100);
	runs_say_reborn(lab, a, 9, 5, 1);
	assert_int_equal(lab->delivered, 2);
	assert_int_equal(lab->gaps, 0);
	lab_say_data(lab, a, 9, 100);
	assert_int_equal(lab->delivered, 2);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
}

static void
a_boot_from_the_future_is_refused(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_data data = lab_data(9, 1);

	data.seq = lab_seq(86401, 1);
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->bad_boot, 1);
	/* A second later it is a day ahead, which is allowed. */
	lab->now += 1000;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 1);
}

static void
a_hole_that_leaves_the_window_is_a_gap(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 9, 4);
	/* It is made wider for what may still come, but not without end. */
	lab_say_data(lab, a, 9, 3 + 2048);
	assert_int_equal(lab->gaps, 0);
	lab_say_data(lab, a, 9, 3 + 65536);
	assert_true(lab->gaps >= 1);
	assert_int_equal(lab->gap_first, RUNS_SEQ(2));
	assert_int_equal(lab->gap_count, 2);
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 2);
}

static void
data_cut_at_any_byte_is_malformed_or_shorter(void **state)
{
	struct lab *lab = *state;
	struct record_data data = lab_data(9, 1);
	uint8_t head[RECORD_DATA_HEAD_MAX];
	size_t len = record_data_head(head, &data);

	for (size_t cut = 0; cut < len - 4; cut++) {
		struct lab_link *a = lab_accept_up(lab, 1);

		lab_record(lab, a, RECORD_DATA, head + 4, cut);
		assert_int_equal(a->close_code, 1002);
		lab_closed(lab, a, MESH_CLOSED);
	}
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->malformed, len - 4);
}

static void
a_topic_that_is_none_is_malformed(void **state)
{
	struct lab *lab = *state;
	struct record_data data = lab_data(9, 1);
	struct lab_link *a = lab_accept_up(lab, 1);

	data.topic = (struct str8){ .text = "a..b", .len = 4 };
	lab_say(lab, a, &data);
	assert_int_equal(a->close_code, 1002);
}

static void
a_message_over_the_limit_closes_1009(void **state)
{
	struct lab *lab = *state;
	struct record_data data = lab_data(9, 1);
	struct lab_link *a = lab_accept_up(lab, 1);
	static uint8_t big[LAB_MAX + 600];

	data.flags = 0;
	data.payload = big;
	data.payload_len = LAB_MAX;
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 1);
	data.payload_len = LAB_MAX + 1;
	lab_say(lab, a, &data);
	assert_int_equal(a->close_code, 1009);

	a = lab_accept_up(lab, 1);
	lab_record(lab, a, RECORD_DATA, big, LAB_MAX + 513);
	assert_int_equal(a->close_code, 1009);
}

static void
a_peer_that_takes_less_is_not_sent_more(void **state)
{
	struct lab *lab = *state;
	struct lab_link *small = lab_accept_up(lab, 1); /* takes 500 */
	struct lab_link *large = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, 2);
	uint8_t payload[LAB_MAX + 1] = { 0 };
	struct message_view view = { .topic = "a",
		.topic_len = 1,
		.payload = payload,
		.payload_len = 501 };

	hello.max_message = 0; /* says nothing: takes all */
	lab_say_hello(lab, large, &hello);
	runs_forget(lab);
	assert_int_equal(mesh_publish(lab->mesh, lab->now, &view), ERR_OK);
	assert_int_equal(small->spreads, 0);
	assert_int_equal(large->spreads, 1);
	assert_int_equal(mesh_stats(lab->mesh)->peer_limit, 1);
	/* But it is told that there was one. */
	lab_pass(lab, 200);
	assert_int_equal(runs_only(small, RECORD_SYNC).count, 0);
	assert_int_equal(runs_only(small, RECORD_SYNC).seq, view.seq + 1);
	assert_int_equal(runs_count(small, RECORD_IHAVE), 0);
	assert_int_equal(runs_count(large, RECORD_SYNC), 0);
	view.payload_len = 500;
	assert_int_equal(mesh_publish(lab->mesh, lab->now, &view), ERR_OK);
	assert_int_equal(small->spreads, 1);
	view.payload_len = LAB_MAX + 1;
	assert_int_equal(mesh_publish(lab->mesh, lab->now, &view), ERR_TOOBIG);
	assert_int_equal(mesh_stats(lab->mesh)->published, 2);
}

static void
a_reply_reaches_one_neighbour_and_goes_no_further(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);
	struct record_data data = lab_data(1, 0);

	data.flags = DATA_TEXT | DATA_REPLY;
	data.seq = 1;
	for (unsigned i = 1; i <= 3; i++) {
		/* The same number again: replies have no window. */
		lab_say(lab, a, &data);
		assert_int_equal(lab->delivered, i);
	}
	assert_int_equal(lab->view.flags, MESSAGE_TEXT | MESSAGE_REPLY);
	assert_int_equal(b->spreads, 0);
	assert_int_equal(mesh_stats(lab->mesh)->replies, 3);
	assert_int_equal(mesh_stats(lab->mesh)->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);

	data.origin = lab_id(9); /* not who sent it */
	lab_say(lab, a, &data);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(mesh_stats(lab->mesh)->spoofed, 1);
}

static void
answers_over_one_link(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);
	struct lab_link *c = lab_accept(lab);
	uint8_t payload[501] = { 0 };
	struct message_view view = { .topic = "a",
		.topic_len = 1,
		.payload = payload,
		.payload_len = 3 };
	struct record record;
	struct record_data data;
	const uint8_t *p;

	buf_clear(&a->sent);
	assert_int_equal(
	    mesh_reply(lab->mesh, a->link, lab->now, &view), ERR_OK);
	assert_int_equal(b->spreads, 0);
	p = a->sent.bytes;
	assert_int_equal(record_next(&p, p + a->sent.len, &record), ERR_OK);
	assert_int_equal(record_data_decode(&record, &data), ERR_OK);
	assert_int_equal(data.flags, DATA_REPLY);
	assert_int_equal(data.hops, 1);
	assert_int_equal(data.seq, 1);
	view.payload_len = 501;
	assert_int_equal(
	    mesh_reply(lab->mesh, a->link, lab->now, &view), ERR_TOOBIG);
	assert_int_equal(
	    mesh_reply(lab->mesh, c->link, lab->now, &view), ERR_CLOSED);
}

/* Nothing may come behind it for days. */
static void
a_long_record_that_is_not_kept_pins_no_memory(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 1);
	static const uint8_t payload[200000];
	struct message_view view = {
		.topic = "a",
		.topic_len = 1,
		.payload = payload,
		.payload_len = sizeof(payload),
	};
	struct lab_link *a = lab_accept(lab);

	lab->mesh->max_message = sizeof(payload);
	hello.max_message = sizeof(payload);
	lab_say_hello(lab, a, &hello);
	assert_int_equal(
	    mesh_reply(lab->mesh, a->link, lab->now, &view), ERR_OK);
	assert_true(lab->pool.bytes > sizeof(payload));
	lab_pass(lab, 3000);
	assert_int_equal(lab->pool.bytes, 0);
	assert_int_equal(
	    mesh_reply(lab->mesh, a->link, lab->now, &view), ERR_OK);
}

static void
presses_above_soft_and_ends_above_hard(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);
	struct record_hello hello = lab_hello(lab, 1);

	a->queued = 1024 * 1024 + 1;
	b->queued = 1024 * 1024;
	for (unsigned i = 0; i < 3000; i++) {
		lab_publish(lab);
	}
	assert_true(a->pressed >= 1);
	assert_int_equal(b->pressed, 0);
	assert_int_equal(a->close_code, -1);
	a->queued = 8 * 1024 * 1024 + 1;
	for (unsigned i = 0; i < 3000 && a->close_code < 0; i++) {
		lab_publish(lab);
	}
	assert_int_equal(lab_bye(a), BYE_SLOW);
	assert_int_equal(a->close_code, 4002);
	assert_int_equal(lab->peer.bye, BYE_SLOW);

	/* For a minute it need not come back. */
	a = lab_accept(lab);
	lab_say_hello(lab, a, &hello);
	assert_int_equal(lab_bye(a), BYE_SLOW);
	lab_pass(lab, 59000);
	a = lab_accept(lab);
	lab_say_hello(lab, a, &hello);
	assert_int_equal(lab_bye(a), BYE_SLOW);
	lab_pass(lab, 1000);
	(void)lab_accept_up(lab, 1);
}

static void
replies_alone_find_a_queue_over_hard(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	uint8_t payload[500] = { 0 };
	struct message_view view = { .topic = "a",
		.topic_len = 1,
		.payload = payload,
		.payload_len = 500 };

	a->queued = 8 * 1024 * 1024 + 1;
	for (unsigned i = 0; i < 200 && a->close_code < 0; i++) {
		assert_int_equal(
		    mesh_reply(lab->mesh, a->link, lab->now, &view), ERR_OK);
	}
	assert_int_equal(lab_bye(a), BYE_SLOW);
}

static void
a_message_with_no_memory_for_its_origin_is_counted(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_data data = lab_data(9, 1);
	struct buf record = lab_encoded(&data);
	unsigned failed = 0;

	while (failed < 2) { /* the origin, the table */
		fault_fail_nth(failed + 1);
		lab_hand_in(lab, a, &record);
		assert_true(fault_off());
		failed++;
		assert_int_equal(lab->delivered, 0);
		assert_int_equal(mesh_stats(lab->mesh)->nomem, failed);
		assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	}
	/* Without a history it is handed on, and cannot be repaired. */
	fault_fail_nth(3);
	lab_hand_in(lab, a, &record);
	assert_true(fault_off());
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 3);
	lab_say_data(lab, a, 9, 3);
	assert_int_equal(lab->delivered, 2);

	/* And from then on nothing is allocated. */
	buf_fini(&record);
	data.seq = RUNS_SEQ(4);
	record = lab_encoded(&data);
	fault_fail_nth(1);
	lab_hand_in(lab, a, &record);
	assert_false(fault_off());
	assert_int_equal(lab->delivered, 3);
	buf_fini(&record);
}

static bool
nobody(void *ctx)
{
	(void)ctx;
	return false;
}

static void
where_nobody_listens_messages_are_passed_on_all_the_same(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);

	lab->io.listens = nobody;
	lab_say_data(lab, a, 9, 1);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(b->spreads, 1);
	assert_int_equal(mesh_stats(lab->mesh)->delivered, 1);
	lab->io.listens = NULL;
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(b->spreads, 2);
}

/* Neither kept nor sent, but handed on; and counted: once, and that nobody is
 * told of it either. */
static void
a_message_with_no_memory_for_its_record_goes_nowhere(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);
	const struct record_data data = lab_data(9, 1);
	struct buf record = lab_encoded(&data);

	fault_fail_from(3); /* behind the origin and its table */
	lab_hand_in(lab, a, &record);
	assert_true(fault_off());
	buf_fini(&record);
	assert_int_equal(lab->delivered, 1);
	assert_int_equal(b->spreads, 0);
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 2);
	assert_int_equal(mesh_stats(lab->mesh)->history, 0);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(b->spreads, 1);
	assert_int_equal(mesh_stats(lab->mesh)->history, 1);
}

static void
say_many(struct lab *lab, struct lab_link *at, uint32_t first, uint32_t count)
{
	struct record_data data = lab_data(9, 1);

	data.flags = 0;
	for (uint32_t n = first; n < first + count; n++) {
		data.origin = lab_nth_id(n);
		lab_say(lab, at, &data);
	}
}

static void
a_link_may_bring_so_many_new_origins_a_second(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	say_many(lab, a, 0, 5000);
	assert_int_equal(lab->delivered, 4096);
	assert_int_equal(mesh_stats(lab->mesh)->origins_rate, 5000 - 4096);
	lab->now += 1000;
	say_many(lab, a, 5000, 600);
	assert_int_equal(lab->delivered, 4096 + 500);
	/* Known ones are not limited. */
	lab_say_data(lab, lab_accept_up(lab, 2), 7, 1);
	assert_int_equal(lab->delivered, 4096 + 501);
}

static void
forgets_an_idle_origin_but_its_past_stays_old(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_say_data(lab, a, 9, 7);
	lab_say_data(lab, a, 9, 9);
	lab_pass_alive(lab, ORIGIN_IDLE_MS);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	assert_int_equal(lab->gap_first, RUNS_SEQ(8));
	assert_int_equal(lab->gap_count, 1);
	for (uint32_t n = 7; n <= 9; n++) {
		lab_say_data(lab, a, 9, n);
	}
	assert_int_equal(lab->delivered, 2);
	lab_say_data(lab, a, 9, 10);
	assert_int_equal(lab->delivered, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

/* Receivers promise the numbers of a boot from counter 1 on. */
static void
the_counter_wraps_to_1_of_the_next_boot(void **state)
{
	struct lab *lab = *state;
	struct message_view view = {
		.topic = "public",
		.topic_len = 6,
		.payload = "hello",
		.payload_len = 5,
	};

	lab->mesh->seq = RUNS_SEQ(UINT32_MAX);
	assert_int_equal(mesh_publish(lab->mesh, lab->now, &view), ERR_OK);
	assert_true(view.seq == lab_seq(1, 1));
	assert_int_equal(mesh_publish(lab->mesh, lab->now, &view), ERR_OK);
	assert_true(view.seq == lab_seq(1, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(relays_a_message_to_all_others_and_delivers_it_once),
		TEST(relays_the_bytes_as_they_came_but_one_hop_further),
		TEST(drops_what_crossed_too_many_links),
		cmocka_unit_test_setup_teardown(
		    what_crossed_255_links_goes_no_further, lab_setup_raw,
		    lab_teardown),
		TEST(drops_text_that_is_not_utf8),
		TEST(tells_its_own_messages_from_spoofed_ones),
		TEST(a_restart_is_no_hole_and_the_past_is_old),
		TEST(a_boot_from_the_future_is_refused),
		TEST(a_hole_that_leaves_the_window_is_a_gap),
		TEST(data_cut_at_any_byte_is_malformed_or_shorter),
		TEST(a_topic_that_is_none_is_malformed),
		TEST(a_message_over_the_limit_closes_1009),
		TEST(a_peer_that_takes_less_is_not_sent_more),
		TEST(a_reply_reaches_one_neighbour_and_goes_no_further),
		TEST(answers_over_one_link),
		TEST(a_long_record_that_is_not_kept_pins_no_memory),
		TEST(presses_above_soft_and_ends_above_hard),
		TEST(replies_alone_find_a_queue_over_hard),
		TEST(a_message_with_no_memory_for_its_origin_is_counted),
		TEST(a_message_with_no_memory_for_its_record_goes_nowhere),
		TEST(where_nobody_listens_messages_are_passed_on_all_the_same),
		TEST(a_link_may_bring_so_many_new_origins_a_second),
		TEST(forgets_an_idle_origin_but_its_past_stays_old),
		TEST(the_counter_wraps_to_1_of_the_next_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
