/* SPDX-License-Identifier: MIT
 * Records into messages, messages into frames, frames into the socket. */
#include "net/private.h"
#include "rig.h"
#include "support/fault.h"

static struct client *speaker; /* what a job on the loop talks with */

enum { RECORD = 4096, MANY = 1500 };

static void
append(struct rig *rig, uint8_t fill, size_t len)
{
	static uint8_t bytes[1 << 20];

	memset(bytes, fill, len);
	conn_send_records(rig->last, bytes, len);
}

static void
append_two(struct rig *rig)
{
	append(rig, 'a', 3);
	append(rig, 'b', 200);
}

static void
append_some(struct rig *rig)
{
	for (unsigned i = 0; i < 40; i++) {
		append(rig, (uint8_t)i, RECORD);
	}
}

static void
append_many(struct rig *rig)
{
	for (unsigned i = 0; i < MANY; i++) {
		append(rig, (uint8_t)i, RECORD);
	}
}

static void
append_large(struct rig *rig)
{
	append(rig, 'a', 10);
	append(rig, 'b', 100000);
	append(rig, 'c', 10);
}

static void
send_control(struct rig *rig)
{
	conn_send_control(rig->last, "control", 7);
}

static bool
is_blocked(struct rig *rig)
{
	return conn_queued(rig->last) > 0;
}

static void
expect_two(struct client *client)
{
	uint8_t both[203];

	memset(both, 'a', 3);
	memset(both + 3, 'b', 200);
	client_expect(client, CLIENT_BINARY, both, sizeof(both));
}

static void
records_of_a_turn_share_a_message(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 0);

	(void)state;
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_two);
	expect_two(client);
	rig_call(rig, append_two);
	expect_two(client);
	rig_destroy(rig);
}

static void
dial(struct rig *rig)
{
	assert_non_null(net_dial(rig->net, rig->url, rig));
}

static struct peer *
rig_dial(struct rig *rig)
{
	struct peer *peer = peer_create(1);
	char url[64];

	peer_listen(peer);
	(void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", peer->port);
	rig->url = url;
	rig_call(rig, dial);
	peer_accept(peer, "grapevine.peer.1");
	rig_until(rig, rig_has_opened);
	return peer;
}

static void
what_a_dialler_says_is_masked(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct peer *peer = rig_dial(rig);

	(void)state;
	rig_call(rig, append_two); /* client_read_frame looks for the mask */
	expect_two(peer->client);
	rig_call(rig, append_large);
	rig_call(rig, send_control);
	rig_destroy(rig);
}

/* What is not framed and not masked yet is more than the chunk has room for. */
static void
write_without_memory(struct rig *rig)
{
	append(rig, 'a', 100000);
	fault_fail_nth(1);
	(void)conn_relieve(rig->last);
	assert_true(fault_off());
}

static void
close_without_memory(struct rig *rig)
{
	append(rig, 'a', 100000);
	fault_fail_nth(1);
	conn_close(rig->last, 1001, "bye", true);
	assert_true(fault_off());
}

static void
nothing_is_written_that_was_not_framed(void **state)
{
	void (*const jobs[])(
	    struct rig *) = { write_without_memory, close_without_memory };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		struct rig *rig = rig_create(rig_config());
		struct peer *peer = rig_dial(rig);

		rig_call(rig, jobs[i]);
		client_expect_silent_eof(peer->client);
		rig_until(rig, rig_has_closed);
		assert_int_equal(rig_stats(rig)->dropped_nomem, 1);
		rig_destroy(rig);
		(void)peer_teardown(NULL);
	}
}

/* Read frames of records until `bytes` have come; true: each was whole, at
 * most 64 KiB, and the bytes are those of append_many. */
static void
expect_records(struct client *client, size_t bytes, size_t *control_at)
{
	size_t got = 0;

	while (got < bytes) {
		struct client_frame frame;

		assert_true(client_read_frame(client, &frame));
		assert_int_equal(frame.first, CLIENT_BINARY);
		if (frame.len == 7) {
			assert_memory_equal(frame.bytes, "control", 7);
			*control_at = got;
			client_frame_free(&frame);
			continue;
		}
		assert_in_range(frame.len, 1, 65536);
		assert_int_equal(frame.len % RECORD, 0);
		for (size_t i = 0; i < frame.len; i += RECORD) {
			assert_int_equal(
			    frame.bytes[i], (uint8_t)((got + i) / RECORD));
			assert_int_equal(frame.bytes[i + RECORD - 1],
			    (uint8_t)((got + i) / RECORD));
		}
		got += frame.len;
		client_frame_free(&frame);
	}
}

static void
a_message_holds_at_most_64_kib(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 0);
	size_t control_at = 0;

	(void)state;
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_some);
	expect_records(client, (size_t)40 * RECORD, &control_at);
	rig_destroy(rig);
}

static void
a_longer_record_goes_alone(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 0);
	const size_t lens[] = { 10, 100000, 10 };

	(void)state;
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_large);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct client_frame frame;

		assert_true(client_read_frame(client, &frame));
		assert_int_equal(frame.len, lens[i]);
		client_frame_free(&frame);
	}
	rig_destroy(rig);
}

static void
control_passes_waiting_data_between_two_frames(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 4096);
	size_t control_at = SIZE_MAX;

	(void)state;
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_many);
	rig_until(rig, is_blocked);
	rig_call(rig, send_control);
	expect_records(client, (size_t)MANY * RECORD, &control_at);
	assert_true(control_at < (size_t)MANY * RECORD);
	rig_destroy(rig);
}

static void
close_flushing(struct rig *rig)
{
	conn_close(rig->last, 1001, "bye", true);
	append(rig, 'x', 10); /* too late */
	send_control(rig);
	conn_ping(rig->last, 1);
}

static void
a_close_comes_behind_what_was_queued(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 4096);
	size_t control_at = SIZE_MAX;

	(void)state;
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_many);
	rig_until(rig, is_blocked);
	rig_call(rig, close_flushing);
	assert_true(rig_stats(rig)->dropped_closing == 2);
	expect_records(client, (size_t)MANY * RECORD, &control_at);
	assert_int_equal(control_at, SIZE_MAX);
	client_expect_close(client, 1001);
	rig_until(rig, rig_has_closed);
	rig_destroy(rig);
}

static void
close_slow(struct rig *rig)
{
	conn_close(rig->last, 4002, "slow", false);
	rig->number = rig->net->tick_ms;
}

/* Who is closed for reading slowly reads slowly. */
static void
a_close_that_waits_for_room_is_not_given_up(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;
	size_t control_at = SIZE_MAX;

	(void)state;
	config.times.close = 1;
	config.times.stall = 60000;
	rig = rig_create(config);
	client = rig_peer(rig, 4096);
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_many);
	rig_until(rig, is_blocked);
	rig_call(rig, close_slow);
	rig_until(rig, rig_has_looked_again);
	expect_records(client, (size_t)MANY * RECORD, &control_at);
	client_expect_close(client, 4002);
	rig_until(rig, rig_has_closed);
	rig_destroy(rig);
}

/* The kernel has the last word of one that is gone, when writing fails. */
static void
write_to_one_that_is_gone(struct rig *rig)
{
	client_frame(speaker, CLIENT_BINARY, "last", 4);
	client_reset(speaker);
	append_two(rig);
	(void)conn_relieve(rig->last);
}

static void
what_was_said_before_the_end_is_heard_though_writing_fails(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	speaker = rig_peer(rig, 0);
	rig_until(rig, rig_has_opened);
	rig_call(rig, write_to_one_that_is_gone);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->messages, 1);
	assert_memory_equal(rig->heard.bytes, "last", 4);
	rig_destroy(rig);
}

enum { PINGS = 200 };

/* Later ones would find room, once the other end reads. */
static bool
has_read_all_pings(struct rig *rig)
{
	return net_stats(rig->net)->pings_in == PINGS;
}

static void
flood_with_pings(struct client *client, unsigned count)
{
	uint8_t payload[120] = { 0 };

	for (unsigned i = 0; i < count; i++) {
		payload[0] = (uint8_t)i;
		client_frame(client, CLIENT_PING, payload, sizeof(payload));
	}
}

static void
pings_that_are_not_taken_are_answered_by_one_pong(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 4096);
	struct client_frame frame;
	unsigned pongs = 0;
	size_t got = 0;
	uint8_t last = 0;

	(void)state;
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_many);
	rig_until(rig, is_blocked);
	flood_with_pings(client, PINGS);
	rig_until(rig, has_read_all_pings);
	assert_true(rig_stats(rig)->pongs_coalesced > 0);
	while (got < (size_t)MANY * RECORD || last != PINGS - 1) {
		assert_true(client_read_frame(client, &frame));
		if (frame.first == CLIENT_PONG) {
			pongs++;
			last = frame.bytes[0];
		} else {
			got += frame.len;
		}
		client_frame_free(&frame);
	}
	assert_in_range(pongs, 2, 60);
	rig_destroy(rig);
}

static void
no_late_pong_follows_a_close(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 0);
	uint8_t pings[60 * 140];
	uint8_t payload[120] = { 0 };
	struct client_frame frame = { .first = 0 };
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		len += client_frame_build(
		    pings + len, CLIENT_PING, true, payload, sizeof(payload));
	}
	len += client_frame_build(
	    pings + len, CLIENT_CLOSE, true, "\x03\xe8", 2);
	client_send(client, pings, len);
	while (frame.first != CLIENT_CLOSE) {
		assert_true(client_read_frame(client, &frame));
		client_frame_free(&frame);
	}
	assert_false(client_read_frame(client, &frame));
	assert_true(rig_stats(rig)->pongs_coalesced > 0);
	rig_destroy(rig);
}

static bool
has_stalled(struct rig *rig)
{
	return rig->stalled > 0;
}

static void
a_reader_that_takes_nothing_has_stalled(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;

	(void)state;
	config.times.stall = 300;
	config.times.close = 300;
	rig = rig_create(config);
	client = rig_peer(rig, 4096);
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_many);
	rig_until(rig, has_stalled);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig_stats(rig)->closed_stalled, 1);
	assert_int_equal(rig->stalled, 1);
	client_expect_eof(client);
	rig_destroy(rig);
}

static void
append_to_both(struct rig *rig)
{
	struct conn *last = rig->last;

	append_many(rig);
	append_many(rig);
	rig->last = rig->first;
	append_many(rig);
	append_many(rig);
	rig->last = last;
}

/* Each holds 12 MiB less what the kernel took. */
static void
over_the_cap_one_goes_and_the_other_stays(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;

	(void)state;
	config.buffers_max = (size_t)14 << 20;
	rig = rig_create(config);
	(void)rig_peer(rig, 4096);
	(void)rig_peer(rig, 4096);
	rig_until(rig, rig_has_two);
	rig_call(rig, append_to_both);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig_stats(rig)->peers, 1);
	assert_int_equal(rig->stats.closed_slow, 1);
	assert_int_equal(rig->stalled, 1);
	rig_destroy(rig);
}

static void
net_destroy_ends_what_is_blocked(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	(void)rig_peer(rig, 4096);
	rig_until(rig, rig_has_opened);
	rig_call(rig, append_many);
	rig_stop(rig);
	assert_true(net_undelivered(rig->net) > 0);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    records_of_a_turn_share_a_message, client_teardown),
		cmocka_unit_test_teardown(
		    what_a_dialler_says_is_masked, peer_teardown),
		cmocka_unit_test_teardown(
		    nothing_is_written_that_was_not_framed, peer_teardown),
		cmocka_unit_test_teardown(
		    a_message_holds_at_most_64_kib, client_teardown),
		cmocka_unit_test_teardown(
		    a_longer_record_goes_alone, client_teardown),
		cmocka_unit_test_teardown(
		    control_passes_waiting_data_between_two_frames,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_close_comes_behind_what_was_queued, client_teardown),
		cmocka_unit_test_teardown(
		    a_close_that_waits_for_room_is_not_given_up,
		    client_teardown),
		cmocka_unit_test_teardown(
		    what_was_said_before_the_end_is_heard_though_writing_fails,
		    client_teardown),
		cmocka_unit_test_teardown(
		    pings_that_are_not_taken_are_answered_by_one_pong,
		    client_teardown),
		cmocka_unit_test_teardown(
		    no_late_pong_follows_a_close, client_teardown),
		cmocka_unit_test_teardown(
		    a_reader_that_takes_nothing_has_stalled, client_teardown),
		cmocka_unit_test_teardown(
		    over_the_cap_one_goes_and_the_other_stays, client_teardown),
		cmocka_unit_test_teardown(
		    net_destroy_ends_what_is_blocked, client_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
