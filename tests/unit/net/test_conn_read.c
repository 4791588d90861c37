/* SPDX-License-Identifier: MIT
 * Bytes in: messages, violations, the assembly deadline, pauses. */
#include "net/private.h"
#include "rig.h"

static struct client *speaker; /* what a job on the loop talks with */

static void
whole_messages_are_handed_in(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/a");

	(void)state;
	client_text(client, "hello");
	client_sync(client);
	assert_int_equal(rig_stats(rig)->messages_in, 1);
	assert_int_equal(rig->heard.len, 5);
	assert_memory_equal(rig->heard.bytes, "hello", 5);
	assert_int_equal(rig->stats.pings_in, 1);
	rig_destroy(rig);
}

static bool
has_bytes(struct rig *rig)
{
	return rig->bytes > 0;
}

static void
bytes_are_told_before_they_are_a_message(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 0);

	(void)state;
	client_header(client, CLIENT_BINARY, true, 100000);
	rig_until(rig, has_bytes);
	assert_int_equal(rig->messages, 0);
	rig_destroy(rig);
}

static void
a_violation_closes_and_tells_the_owner(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/");

	(void)state;
	client_header(client, CLIENT_TEXT | CLIENT_RSV1, true, 0);
	client_expect_close(client, 1002);
	assert_int_equal(rig_stats(rig)->frame_errors, 1);
	assert_int_equal(rig->closing, 1);
	rig_destroy(rig);
}

static void
text_on_a_peer_link_closes_1003(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_peer(rig, 0);

	(void)state;
	client_text(client, "hello");
	client_expect_close(client, 1003);
	assert_int_equal(rig_stats(rig)->frame_errors, 1);
	assert_int_equal(rig->messages, 0);
	rig_destroy(rig);
}

static void
close_last(struct rig *rig)
{
	conn_close(rig->last, 1001, "bye", true);
}

static void
a_peers_message_is_taken_until_its_close_a_clients_is_not(void **state)
{
	for (unsigned peer = 0; peer < 2; peer++) {
		struct rig *rig = rig_create(rig_config());
		struct client *client = peer != 0 ? rig_peer(rig, 0)
		                                  : client_open(rig->port, "/");

		(void)state;
		rig_until(rig, rig_has_opened);
		rig_call(rig, close_last);
		client_frame(client, CLIENT_BINARY, "late", 4);
		client_expect_close(client, 1001);
		rig_until(rig, rig_has_closed);
		assert_int_equal(rig->messages, peer);
		assert_int_equal(rig_stats(rig)->dropped_closing, 1 - peer);
		rig_destroy(rig);
	}
}

static void
a_message_must_end_in_time(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;

	(void)state;
	config.times.assembly = 300;
	rig = rig_create(config);
	client = client_open(rig->port, "/");
	client_frame(client, CLIENT_TEXT & ~CLIENT_FIN, "never", 5);
	client_expect_close(client, 1008);
	assert_int_equal(rig_stats(rig)->frame_errors, 1);
	assert_int_equal(rig->closing, 1);
	rig_destroy(rig);
}

static bool
has_heard_number(struct rig *rig)
{
	return rig->messages >= rig->number;
}

static void
remember_now(struct rig *rig)
{
	rig->number = net_now_ms(rig->net);
}

static bool
has_later(struct rig *rig)
{
	return net_now_ms(rig->net) > rig->number;
}

enum { PART = 40000, PART_HELD = 65536 }; /* buffers double */

/* A message is begun, and does not end. */
static struct client *
rig_begin(struct rig *rig)
{
	static const char bytes[PART];
	struct client *client = client_open(rig->port, "/");

	client_frame(client, CLIENT_BINARY & ~CLIENT_FIN, bytes, sizeof(bytes));
	client_sync(client);
	rig_call(rig, remember_now);
	rig_until(rig, has_later);
	return client;
}

static void
the_message_begun_first_makes_room_for_others(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *clients[3];

	(void)state;
	config.assembly_max = 2 * PART_HELD;
	rig = rig_create(config);
	clients[0] = rig_begin(rig);
	clients[1] = rig_begin(rig);
	assert_int_equal(rig_stats(rig)->assembly_bytes, 2 * PART_HELD);
	assert_int_equal(rig->stats.closed_assembly, 0);
	clients[2] = rig_begin(rig);
	client_expect_close(clients[0], 1008);
	assert_int_equal(rig_stats(rig)->assembly_bytes, 2 * PART_HELD);
	assert_int_equal(rig->stats.closed_assembly, 1);
	assert_int_equal(rig->stats.frame_errors, 1);
	assert_int_equal(rig->closing, 1);
	for (int i = 1; i < 3; i++) {
		client_frame(
		    clients[i], CLIENT_FIN | CLIENT_CONTINUATION, "end", 3);
		client_sync(clients[i]);
		assert_int_equal(rig->heard.len, PART + 3);
	}
	assert_int_equal(rig_stats(rig)->assembly_bytes, 0);
	rig_destroy(rig);
}

static void
a_message_that_nobody_ends_any_more_takes_no_room(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = rig_begin(rig);

	(void)state;
	assert_int_equal(rig_stats(rig)->assembly_bytes, PART_HELD);
	client_reset(client);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig_stats(rig)->assembly_bytes, 0);
	/* And what breaks off by itself. */
	client = rig_begin(rig);
	client_header(client, CLIENT_TEXT, true, 5);
	client_expect_close(client, 1002);
	assert_int_equal(rig_stats(rig)->assembly_bytes, 0);
	assert_int_equal(rig->stats.closed_assembly, 0);
	rig_destroy(rig);
}

/* No read ever ends between two messages. */
static void
a_stream_without_a_gap_is_not_slow(void **state)
{
	struct net_config config = rig_config();
	uint8_t frames[64];
	size_t len = client_frame_build(frames, CLIENT_TEXT, true, "tick", 4);
	struct rig *rig;
	struct client *client;
	uint64_t begun;
	unsigned sent = 0;

	(void)state;
	config.times.assembly = 2000; /* a busy machine makes gaps */
	rig = rig_create(config);
	client = client_open(rig->port, "/");
	rig_call(rig, remember_now);
	begun = rig->number;
	memcpy(frames + len, frames, len);
	client_send(client, frames, 3);
	do { /* the end of one and the beginning of the next */
		client_send(client, frames + 3, len);
		rig->number = ++sent;
		rig_until(rig, has_heard_number);
		rig_call(rig, remember_now);
	} while (rig->number < begun + 4500);
	assert_int_equal(rig_stats(rig)->frame_errors, 0);
	assert_int_equal(rig->closing, 0);
	rig_destroy(rig);
}

static void
more_pings_than_a_second_may_have_close_1008(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/");
	uint8_t *flood = malloc((size_t)3000 * 6);
	size_t len = 0;
	size_t sent;
	struct client_frame frame = { .first = 0 };

	(void)state;
	assert_non_null(flood);
	for (unsigned i = 0; i < 3000; i++) {
		len += client_frame_build(
		    flood + len, CLIENT_PING, true, "", 0);
	}
	(void)client_send_some(client, flood, len, &sent);
	free(flood);
	while (frame.first != CLIENT_CLOSE) {
		client_frame_free(&frame);
		assert_true(client_read_frame(client, &frame));
	}
	assert_int_equal(frame.bytes[0] << 8 | frame.bytes[1], 1008);
	client_frame_free(&frame);
	rig_destroy(rig);
}

/* A request for an upgrade with bytes behind it. */
static void
send_hasty(struct client *client, const char *subprotocol, const void *bytes,
    size_t len)
{
	char request[512];
	size_t head = (size_t)snprintf(request, sizeof(request),
	    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
	    subprotocol);

	memcpy(request + head, bytes, len);
	client_send(client, request, head + len);
	assert_int_equal(client_read_status(client), 101);
}

static void
expect_hasty(const char *subprotocol, const void *bytes, size_t len)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_connect(rig->port);

	send_hasty(client, subprotocol, bytes, len);
	client_expect_close(client, 1002);
	assert_int_equal(rig_stats(rig)->hasty, 1);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->messages, 0);
	rig_destroy(rig);
}

static void
bytes_glued_to_the_request_close_1002(void **state)
{
	(void)state;
	expect_hasty("", "\x81\x82\0\0\0\0hi", 8);
	expect_hasty("", "\x81", 1); /* not even a frame */
	expect_hasty("Sec-WebSocket-Protocol: grapevine.peer.1\r\n",
	    "\x82\x82\0\0\0\0hi", 8);
}

static void
bytes_glued_to_the_request_are_not_looked_for_within_a_turn(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_connect(rig->port);

	(void)state;
	rig->relieves = true; /* as the hub does while it walks a topic */
	send_hasty(client, "", "\x81\x82\0\0\0\0hi", 8);
	client_expect_close(client, 1002);
	assert_int_equal(rig_stats(rig)->hasty, 1);
	assert_int_equal(rig->closing_inside, 0);
	assert_int_equal(rig->closing, 1);
	rig_destroy(rig);
}

static void
one_that_is_refused_is_not_said_to_be_closing(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_connect(rig->port);

	(void)state;
	rig->refuses = true;
	send_hasty(client, "", "\x81\x82\0\0\0\0hi", 8);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->closing, 0);
	rig_destroy(rig);
}

static void
a_source_waits_for_its_target_a_moment(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *slow = rig_peer(rig, 4096);
	struct client *source = client_open(rig->port, "/");

	(void)state;
	(void)slow;
	rig_until(rig, rig_has_two);
	rig_call(rig, rig_press_the_first);
	client_text(source, "on");
	rig_until(rig, rig_has_resumed);
	assert_int_equal(rig_stats(rig)->pauses, 1);
	assert_true(rig->stats.pause_ms >= 10);
	assert_int_equal(rig->pauses, 1);
	client_sync(source);
	rig_destroy(rig);
}

/* It is read on, so nothing would bound what its target is spared. */
static void
press_one_that_closes(struct rig *rig)
{
	conn_close(rig->last, 1001, "", true);
	rig->net->reading = rig->last;
	rig->number = conn_press(rig->first) ? 1 : 0;
	rig->net->reading = NULL;
}

static void
a_source_that_closes_waits_for_nobody(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	(void)rig_peer(rig, 0);
	(void)rig_peer(rig, 0);
	rig_until(rig, rig_has_two);
	rig_call(rig, press_one_that_closes);
	assert_int_equal(rig->number, 0);
	rig_destroy(rig);
}

static void
drop_first(struct rig *rig)
{
	if (rig->first != NULL) { /* a reset may be faster */
		conn_drop(rig->first);
	}
}

static void
speak_and_go_while_paused(struct rig *rig)
{
	rig_press_the_first(rig);
	client_text(speaker, "one");
	conn_read(rig->last);
	client_text(speaker, "two");
	client_reset(speaker);
}

static void
a_source_that_goes_while_it_waits_is_read_to_the_end(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	(void)rig_peer(rig, 4096);
	speaker = client_open(rig->port, "/");
	rig_until(rig, rig_has_two);
	rig_call(rig, speak_and_go_while_paused);
	rig_until(rig, rig_has_closed);
	assert_true(rig->pauses > 0); /* a busy machine makes it two */
	assert_int_equal(rig->messages, 2);
	rig_destroy(rig);
}

static void
nobody_waits_for_a_target_that_is_gone(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *slow = rig_peer(rig, 4096);
	struct client *source = client_open(rig->port, "/");

	(void)state;
	rig_until(rig, rig_has_two);
	rig_call(rig, rig_press_the_first);
	client_text(source, "on");
	client_reset(slow);
	rig_call(rig, drop_first);
	rig_until(rig, rig_has_closed);
	client_sync(source);
	rig_destroy(rig);
}

static void
a_target_has_a_second_of_pauses_in_ten(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *source;
	uint64_t paused;

	(void)state;
	(void)rig_peer(rig, 4096);
	source = client_open(rig->port, "/");
	rig_until(rig, rig_has_two);
	rig_call(rig, rig_press_the_first);
	for (unsigned i = 0; i < 150; i++) {
		client_text(source, "on");
		client_sync(source);
	}
	paused = rig_stats(rig)->pause_ms;
	assert_in_range(rig->stats.pauses, 1, 101);
	assert_true(paused >= 10);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    whole_messages_are_handed_in, client_teardown),
		cmocka_unit_test_teardown(
		    bytes_are_told_before_they_are_a_message, client_teardown),
		cmocka_unit_test_teardown(
		    a_violation_closes_and_tells_the_owner, client_teardown),
		cmocka_unit_test_teardown(
		    text_on_a_peer_link_closes_1003, client_teardown),
		cmocka_unit_test_teardown(
		    a_peers_message_is_taken_until_its_close_a_clients_is_not,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_message_must_end_in_time, client_teardown),
		cmocka_unit_test_teardown(
		    the_message_begun_first_makes_room_for_others,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_message_that_nobody_ends_any_more_takes_no_room,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_stream_without_a_gap_is_not_slow, client_teardown),
		cmocka_unit_test_teardown(
		    more_pings_than_a_second_may_have_close_1008,
		    client_teardown),
		cmocka_unit_test_teardown(
		    bytes_glued_to_the_request_close_1002, client_teardown),
		cmocka_unit_test_teardown(
		    bytes_glued_to_the_request_are_not_looked_for_within_a_turn,
		    client_teardown),
		cmocka_unit_test_teardown(
		    one_that_is_refused_is_not_said_to_be_closing,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_source_waits_for_its_target_a_moment, client_teardown),
		cmocka_unit_test_teardown(
		    a_source_that_goes_while_it_waits_is_read_to_the_end,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_source_that_closes_waits_for_nobody, client_teardown),
		cmocka_unit_test_teardown(
		    nobody_waits_for_a_target_that_is_gone, client_teardown),
		cmocka_unit_test_teardown(
		    a_target_has_a_second_of_pauses_in_ten, client_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
