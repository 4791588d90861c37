/* SPDX-License-Identifier: MIT */

#include "mesh/inside.h"
#include "unit/mesh/lab.h"

static void
pong(struct lab *lab, struct lab_link *at, uint64_t stamp, size_t len)
{
	uint8_t bytes[9] = { 0 };

	for (size_t i = 8; i > 0; i--) {
		bytes[i - 1] = (uint8_t)stamp;
		stamp >>= 8;
	}
	mesh_on_pong(lab->mesh, at->link, lab->now, bytes, len);
}

static void
pings_at_once_and_in_silence_and_is_dead_after_three(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 1);

	assert_int_equal(at->pings, 1); /* for the round trip */
	lab_pass(lab, 2999);
	assert_int_equal(at->pings, 1);
	lab_pass(lab, 1);
	assert_int_equal(at->pings, 2);
	lab_pass(lab, 5999);
	assert_int_equal(at->pings, 3);
	assert_int_equal(at->close_code, -1);
	lab_pass(lab, 1);
	assert_int_equal(at->close_code, 0);
	assert_int_equal(lab->downs, 1);
	assert_int_equal(lab->peer.bye, 0xff);
	assert_int_equal(mesh_stats(lab->mesh)->dead, 1);
}

static void
a_connection_that_stalls_in_the_handshake_just_ends(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept(lab);

	mesh_on_stalled(lab->mesh, at->link, lab->now);
	assert_int_equal(at->close_code, 0);
	assert_int_equal(at->sent.len, 0);
	assert_int_equal(mesh_stats(lab->mesh)->slow, 0);
}

/* They are looked at together, but each is pinged in its own time. */
static void
the_silence_of_one_link_does_not_ping_another(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_pass(lab, 1000);
	(void)lab_accept_up(lab, 2);
	lab_pass(lab, 2000);
	assert_int_equal(a->pings, 2);
	lab_pass(lab, 2999);
	assert_int_equal(a->pings, 2);
	lab_pass(lab, 1);
	assert_int_equal(a->pings, 3);
}

static void
anything_that_is_heard_keeps_it_alive(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 1);

	for (uint32_t n = 1; n <= 10; n++) {
		lab_pass(lab, 2500);
		lab_say_data(lab, at, 1, n);
		lab_pass(lab, 2500);
		mesh_on_activity(at->link, lab->now);
	}
	assert_int_equal(at->pings, 1);
	assert_int_equal(at->close_code, -1);
	for (unsigned i = 0; i < 10; i++) {
		lab_pass(lab, 3000);
		pong(lab, at, at->stamp, 8);
	}
	assert_int_equal(at->pings, 11);
	assert_int_equal(at->close_code, -1);
}

static void
silence_counts_only_while_reading(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 1);

	lab_pass(lab, 8000);
	mesh_on_reading(at->link, lab->now, false);
	lab_pass(lab, 600000);
	assert_int_equal(at->close_code, -1);
	assert_int_equal(at->pings, 3);
	mesh_on_reading(at->link, lab->now, true);
	lab_pass(lab, 999);
	assert_int_equal(at->close_code, -1);
	mesh_on_reading(at->link, lab->now, true); /* it is no news */
	lab_pass(lab, 1);
	assert_int_equal(at->close_code, 0);
}

static void
a_pong_gives_the_round_trip_smoothed(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 1);

	lab_pass(lab, 80);
	pong(lab, at, at->stamp + 1, 8); /* another stamp */
	pong(lab, at, at->stamp, 7);
	assert_int_equal(at->pings, 1);
	pong(lab, at, at->stamp, 8);
	pong(lab, at, 0, 8); /* once only */
	lab_pass(lab, 3000);
	assert_int_equal(at->pings, 2);
	lab_pass(lab, 160);
	pong(lab, at, at->stamp, 8);
	lab_closed(lab, at, MESH_CLOSED);
	assert_int_equal(lab->peer.rtt_us, 90000);
}

static void
each_reason_has_its_close_code_when_up(void **state)
{
	static const int codes[] = { 1001, 1000, 1000, 4001, 4001, 1008, 4003,
		1008, 4002, 1008 };
	struct lab *lab = *state;

	for (uint8_t reason = 0; reason < 10; reason++) {
		struct lab_link *at = lab_accept_up(lab, (uint8_t)(reason + 1));

		lab_say_bye(lab, at, reason);
		assert_int_equal(at->close_code, codes[reason]);
		assert_int_equal(lab->peer.bye, reason);
		assert_int_equal(
		    mesh_stats(lab->mesh)->byes_received[reason], 1);
		/* Nothing follows a BYE. */
		lab_say_data(lab, at, 0x33, (uint32_t)reason + 1);
	}
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(lab->downs, 10);
	/* Only one of them speaks of keys, and none refuses. */
	assert_int_equal(mesh_stats(lab->mesh)->auth_failed, 1);
	assert_int_equal(mesh_stats(lab->mesh)->refused, 0);
}

static void
garbage_when_up_closes_with_the_code_of_its_kind(void **state)
{
	static const struct {
		uint8_t type;
		size_t len;
		int code;
	} rows[] = { { RECORD_HELLO, 60, 1002 }, { RECORD_WELCOME, 80, 1002 },
		{ RECORD_AUTH, 32, 1002 }, { RECORD_WELCOME2, 9, 1002 },
		{ RECORD_BYE, 1, 1002 }, { RECORD_BYE, 0, 1002 },
		{ RECORD_PEERS, 0, 1002 }, { RECORD_WALK, 17, 1002 },
		{ RECORD_SHUFFLE, 1, 1002 }, { RECORD_DATA, 3, 1002 },
		{ RECORD_IHAVE, 0, 1002 }, { RECORD_IHAVE, 26, 1002 },
		{ RECORD_IHAVE, 27, -1 }, { RECORD_GRAFT, 28, 1002 },
		{ RECORD_GRAFT, 54, -1 }, { RECORD_PRUNE, 15, 1002 },
		{ RECORD_PRUNE, 16, -1 }, { RECORD_SYNC, 29, 1002 },
		{ RECORD_SYNC, 28, -1 }, { RECORD_GONE, 1, 1002 },
		{ RECORD_GONE, 27, -1 }, { RECORD_PEERS, 1, -1 },
		{ RECORD_WALK, 18, -1 }, { RECORD_SHUFFLE, 2, -1 },
		{ 0x09, 5, -1 }, { 0x7f, 0, -1 }, { 0x80, 0, 4005 },
		{ 0xff, 9, 4005 } };
	static const uint8_t zeros[128];
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lab_link *at = lab_accept_up(lab, 1);

		lab_record(lab, at, rows[i].type, zeros, rows[i].len);
		assert_int_equal(at->close_code, rows[i].code);
		lab_closed(lab, at, MESH_CLOSED);
	}
	assert_int_equal(mesh_stats(lab->mesh)->unknown, 4);
	assert_int_equal(mesh_stats(lab->mesh)->ignored, 3);
}

static void
a_message_without_a_whole_record_is_malformed(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 1);

	lab_message(lab, at, "", 0);
	assert_int_equal(at->close_code, 1002);
	at = lab_accept_up(lab, 2);
	lab_message(lab, at, "\x70\0\0\0\x70", 5);
	assert_int_equal(at->close_code, 1002);
}

/* A message of 20 records, of five nodes in turn, with an unknown critical one
 * before each of them or behind all. */
static void
what_comes_before_a_bad_record_counts_and_what_follows_does_not(void **state)
{
	struct lab *lab = *state;

	for (uint32_t bad = 0; bad <= 20; bad++) {
		struct lab_link *at = lab_accept_up(lab, 1);
		unsigned before = lab->delivered;
		struct buf buf = { 0 };

		for (uint32_t i = 0; i <= 20; i++) {
			struct record_data data = lab_data(
			    (uint8_t)(10 + i % 5), bad * 20 + i + 1);
			uint8_t head[RECORD_DATA_HEAD_MAX];
			size_t len = record_data_head(head, &data);

			if (i == bad) {
				assert_int_equal(
				    buf_append(&buf, "\x80\0\0", 4), ERR_OK);
			}
			if (i < 20) {
				assert_int_equal(
				    buf_append(&buf, head, len), ERR_OK);
				assert_int_equal(
				    buf_append(&buf, "hello", 5), ERR_OK);
			}
		}
		lab_say_buf(lab, at, &buf);
		assert_int_equal(lab->delivered, before + bad);
		assert_int_equal(at->close_code, 4005);
		lab_closed(lab, at, MESH_CLOSED);
	}
}

static void
a_record_over_the_limit_closes_1009(void **state)
{
	struct lab *lab = *state;
	static const uint8_t zeros[65537];
	struct lab_link *at = lab_accept_up(lab, 1);

	lab_record(lab, at, 0x70, zeros, 65536);
	assert_int_equal(at->close_code, -1);
	lab_record(lab, at, 0x70, zeros, 65537);
	assert_int_equal(at->close_code, 1009);
}

static void
knows_who_is_linked(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 1);
	struct lab_link *early = lab_accept(lab);

	assert_ptr_equal(inspect_link(lab->mesh, 0), at->link);
	assert_null(inspect_link(lab->mesh, 1));
	assert_null(inspect_link(lab->mesh, 64));
	assert_ptr_equal(mesh_users(lab->mesh)[0], lab);
	assert_null(mesh_users(lab->mesh)[1]);
	assert_ptr_equal(link_user(at->link), lab);
	assert_false(link_is_up(early->link));
	assert_true(inspect_slot(early->link) > 63);
	lab_closed(lab, at, MESH_CLOSED);
	assert_null(mesh_users(lab->mesh)[0]);
}

static void
nothing_is_due_between_deadlines(void **state)
{
	struct lab *lab = *state;

	assert_true(mesh_next_ms(lab->mesh) == UINT64_MAX);
	(void)lab_accept_up(lab, 1);
	assert_true(mesh_next_ms(lab->mesh) <= lab->now + 5000);
	lab_pass(lab, 3000);
	assert_int_equal(mesh_next_ms(lab->mesh), lab->now + 3000);
}

/* Ticks are frequent: one that is for something else does not walk over the
 * links, so that what is wrong with this one stays unseen until its time. */
static void
a_tick_for_something_else_does_not_look_at_links(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;
	uint64_t due_ms;

	lab->now += 100000;
	at = lab_accept_up(lab, 1);
	due_ms = lab->mesh->links_ms;
	assert_int_equal(due_ms, lab->now + 3000);
	at->link->heard_ms -= 100000;
	lab->now = due_ms - 1;
	lab->mesh->next_ms = lab->now;
	mesh_on_tick(lab->mesh, lab->now);
	assert_int_equal(at->close_code, -1);
	/* It still knows when to. */
	assert_int_equal(lab->mesh->links_ms, due_ms);
	assert_int_equal(mesh_next_ms(lab->mesh), due_ms);
	lab_pass(lab, 1);
	assert_int_equal(at->close_code, 0);
}

static void
every_counter_has_a_name(void **state)
{
	struct buf out = { 0 };
	struct mesh_stats stats;
	uint64_t mark = 1;

	(void)state;
	assert_int_equal(mesh_counter_count * sizeof(uint64_t), sizeof(stats));
	memset(&stats, 0, sizeof(stats));
	for (size_t i = 0; i < mesh_counter_count; i++) {
		uint64_t value;
		uint8_t *at = (uint8_t *)&stats + mesh_counters[i].offset;

		memcpy(&value, at, sizeof(value));
		assert_int_equal(value, 0); /* no member twice */
		memcpy(at, &mark, sizeof(mark));
	}
	assert_int_equal(
	    counters_json(&out, mesh_counters, mesh_counter_count, &stats),
	    ERR_OK);
	assert_int_equal(buf_append(&out, "", 1), ERR_OK);
	assert_non_null(strstr((char *)out.bytes, "\"byes_sent_slow\":1"));
	buf_fini(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pings_at_once_and_in_silence_and_is_dead_after_three),
		TEST(a_connection_that_stalls_in_the_handshake_just_ends),
		TEST(the_silence_of_one_link_does_not_ping_another),
		TEST(anything_that_is_heard_keeps_it_alive),
		TEST(silence_counts_only_while_reading),
		TEST(a_pong_gives_the_round_trip_smoothed),
		TEST(each_reason_has_its_close_code_when_up),
		TEST(garbage_when_up_closes_with_the_code_of_its_kind),
		TEST(a_message_without_a_whole_record_is_malformed),
		TEST(
		    what_comes_before_a_bad_record_counts_and_what_follows_does_not),
		TEST(a_record_over_the_limit_closes_1009),
		TEST(knows_who_is_linked),
		TEST(nothing_is_due_between_deadlines),
		TEST(a_tick_for_something_else_does_not_look_at_links),
		cmocka_unit_test(every_counter_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
