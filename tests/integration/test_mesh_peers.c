/* SPDX-License-Identifier: MIT
 * test_mesh_peers.c - peers that are linked and break the protocol, over real
 * sockets: PROTOCOL 3, 4 and 10, SAFETY M1 and M3. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/peer.h"
#include "support/test.h"

/* ---- UP ---- */

static void
closes_on_malformed_records(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		int code;
	} bad[] = {
		{ "half a header", "\x10\0", 2, 1002 },
		{ "an empty message", "", 0, 1002 },
		{ "a body that is not there", "\x10\0\1\0ab", 6, 1002 },
		{ "an empty DATA", "\x10\0\0\0", 4, 1002 },
		{ "DATA without all of its seq",
		    "\x10\0\0\x1c\1\1\1a0123456789abcdef\0\0\0\1\0\0\0", 31,
		    1002 },
		{ "DATA with a topic longer than itself",
		    "\x10\0\0\5\1\1\xff"
		    "ab",
		    9, 1002 },
		{ "an empty BYE", "\x04\0\0\0", 4, 1002 },
		{ "IHAVE of nothing", "\x11\0\0\0", 4, 1002 },
		{ "IHAVE of half an entry", "\x11\0\0\5abcde", 9, 1002 },
		{ "PRUNE of 17 bytes",
		    "\x13\0\0\x11"
		    "0123456789abcdefg",
		    21, 1002 },
		{ "PEERS with one too few", "\x05\0\0\1\1", 5, 1002 },
		{ "a second HELLO", "\x01\0\0\0", 4, 1002 },
		{ "a record from the future", "\x80\0\0\1x", 5, 4005 },
		{ "good, then bad", "\x7f\0\0\1x\x10\0\0\0", 9, 1002 },
	};
	struct daemon *node = daemon_start("--plugins logger");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct peer *peer = peer_create((uint8_t)(0x30 + i));

		print_message("%s\n", bad[i].name);
		peer_dial_up(peer, node->port);
		client_frame(
		    peer->client, CLIENT_BINARY, bad[i].bytes, bad[i].len);
		peer_expect_close(peer, bad[i].code);
	}
	daemon_wait_links(node, 0);
	daemon_wait_event(node, "record_malformed", NULL, NULL);
	client_expect_served(node->port);
	daemon_stop(node);
}

static void
skips_records_it_does_not_know(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/t");
	struct peer *peer = peer_create(0x22);

	(void)state;
	client_sync(client);
	peer_dial_up(peer, node->port);
	peer_send_record(peer, 0x7f, "what is this", 12);
	peer_send_record(peer, 0x20, "", 0);
	peer_publish(peer, "t", "after it");
	client_expect_text(client, "after it");
	assert_int_equal(daemon_counter(node, "mesh.unknown"), 2);
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 1);
}

static void
takes_no_text_on_a_peer_link(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x22);

	(void)state;
	peer_dial_up(peer, node->port);
	client_text(peer->client, "{\"op\":\"sub\"}");
	peer_expect_close(peer, 1003);
}

static void
closes_on_records_that_are_too_long(void **state)
{
	enum { LIMIT = 100000 };
	struct daemon *node = daemon_start("--max-message 100000");
	struct client *client = client_open(node->port, "/t");
	struct peer *peer = peer_create(0x22);
	char *text = malloc(LIMIT + 600);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LIMIT + 600);
	client_sync(client);
	peer_dial_up(peer, node->port);
	text[LIMIT] = '\0';
	peer_publish(peer, "t", text);
	client_expect_text(client, text);
	/* From the header: the payload need not come. */
	client_header(peer->client, CLIENT_BINARY, true, 1 << 20);
	peer_expect_close(peer, 1009);

	peer = peer_create(0x23);
	peer_dial_up(peer, node->port);
	text[LIMIT] = 'x';
	text[LIMIT + 505] = '\0';
	peer_publish(peer, "t", text);
	peer_expect_close(peer, 1009);
	client_expect_nothing(client);
	free(text);
}

static void
closes_on_frame_violations_of_a_peer(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x22);

	(void)state;
	peer_dial_up(peer, node->port);
	client_send(peer->client, "\x82\x05\x7f\0\0\1x", 7); /* no mask */
	peer_expect_close(peer, 1002);
	/* And a mask where the peer is the server. */
	peer = peer_create(0x11);
	node = peer_start_dialler(peer);
	peer_accept_up(peer, NULL);
	daemon_wait_links(node, 1);
	client_send(peer->client, "\x82\x85\0\0\0\0\x7f\0\0\1x", 11);
	peer_expect_close(peer, 1002);
}

/* ---- what travels ---- */

static void
spreads_a_message_once_however_often_it_comes(void **state)
{
	struct daemon *node = daemon_start("--plugins logger");
	struct client *client = client_open(node->port, "/t");
	struct peer *a = peer_create(0x21);
	struct peer *b = peer_create(0x22);
	struct peer *c = peer_create(0x23);
	struct nodeid origin;
	uint64_t seq = peer_seq(a, 7);

	(void)state;
	memset(origin.bytes, 0x77, 16);
	client_sync(client);
	peer_dial_up(a, node->port);
	peer_dial_up(b, node->port);
	peer_dial_up(c, node->port);
	for (int i = 0; i < 200; i++) {
		peer_send_data(a, &origin, seq, 3, "t", "once");
		peer_send_data(b, &origin, seq, 9, "t", "once");
	}
	daemon_wait_counter_is(node, "mesh.received", 400);
	assert_int_equal(daemon_counter(node, "mesh.duplicates"), 399);
	peer_send_data(a, &origin, seq + 1, 3, "t", "end");
	client_expect_text(client, "once");
	client_expect_text(client, "end");
	/* The third peer: one copy. */
	peer_wait_text(c, "once", NULL);
	peer_wait_text(c, "end", "once");
	/* Sends <= links x unique messages, and never back to the sender. */
	assert_in_range(daemon_counter(node, "mesh.relayed"), 2, 6);
	peer_publish(c, "t", "over");
	peer_wait_text(a, "over", "end");
	daemon_wait_lines(node, "stdout", "over", 1);
	assert_int_equal(daemon_count_lines(node, "stdout", "once"), 1);
}

static void
drops_what_must_not_travel(void **state)
{
	struct daemon *node = daemon_start("--plugins logger");
	struct client *client = client_open(node->port, "/t");
	struct peer *peer = peer_create(0x21);
	struct peer *other = peer_create(0x22);
	struct nodeid self, x;

	(void)state;
	client_sync(client);
	peer_node_id(node, &self);
	memset(x.bytes, 0x77, 16);
	peer_dial_up(peer, node->port);
	peer_dial_up(other, node->port);
	peer_send_data(peer, &x, peer_seq(peer, 1), 65, "t", "too many hops");
	peer_send_data(peer, &x, peer_seq(peer, 2), 255, "t", "far too many");
	peer_send_data(peer, &x, peer_seq(peer, 3), 1, "t", "\xc0\xaf");
	peer_send_data(peer, &self, UINT64_MAX, 1, "t", "forged");
	peer_send_data(peer, &x, (uint64_t)UINT32_MAX << 32 | 1, 1, "t",
	    "from the future");
	peer_send_data(peer, &x, peer_seq(peer, 4), 1, "t", "good");
	client_expect_text(client, "good");
	peer_wait_text(other, "good", NULL);
	daemon_wait_lines(node, "stdout", "good", 1);
	assert_int_equal(daemon_count_lines(node, "stdout", "topic=t"), 1);
	assert_int_equal(daemon_counter(node, "mesh.hop_limit"), 2);
	assert_int_equal(daemon_counter(node, "mesh.bad_utf8"), 1);
	assert_int_equal(daemon_counter(node, "mesh.spoofed"), 1);
	assert_int_equal(daemon_counter(node, "mesh.bad_boot"), 1);
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 2);
	daemon_wait_event(node, "spoofed", NULL, NULL);
	daemon_wait_event(node, "boot_ahead", NULL, NULL);
}

static void
tells_plugins_of_a_hole(void **state)
{
	struct daemon *node = daemon_start("--plugins logger");
	struct peer *peer = peer_create(0x21);
	struct peer *other = peer_create(0x22);
	uint64_t gaps;

	(void)state;
	peer_dial_up(peer, node->port);
	peer_publish(peer, "t", "first");
	peer->counter += 100000;
	peer_publish(peer, "t", "far ahead");
	daemon_wait_lines(node, "stdout", "far ahead", 1);
	daemon_wait_lines(node, "stdout", "gap ", 1);
	daemon_wait_event(node, "gap", NULL, NULL);
	assert_true(daemon_counter(node, "mesh.gaps") > 0);
	/* A restart is no hole. */
	gaps = daemon_counter(node, "mesh.gaps");
	peer_dial_up(other, node->port);
	peer_publish(other, "t", "before");
	other->hello.boot++;
	other->counter = 0;
	peer_publish(other, "t", "again");
	daemon_wait_lines(node, "stdout", "again", 1);
	assert_int_equal(daemon_counter(node, "mesh.gaps"), gaps);
}

static void
answers_over_the_link_and_never_an_answer(void **state)
{
	struct daemon *node = daemon_start("--plugins logger,echo");
	struct client *client = client_open(node->port, "/t");
	struct peer *peer = peer_create(0x21);
	struct peer *other = peer_create(0x22);
	struct record record;
	struct record_data data;

	(void)state;
	client_sync(client);
	peer_dial_up(peer, node->port);
	peer_dial_up(other, node->port);
	peer_publish(peer, "t", "hello?");
	peer_wait(peer, RECORD_DATA, &record);
	assert_int_equal(record_data_decode(&record, &data), ERR_OK);
	assert_int_equal(data.flags & DATA_REPLY, DATA_REPLY);
	assert_int_equal(data.flags & DATA_TEXT, DATA_TEXT);
	assert_int_equal(data.hops, 1);
	assert_int_equal(data.payload_len, 6);
	assert_memory_equal(data.payload, "hello?", 6);
	/* Its own words back: a plugin sees them, no client, no peer. */
	{
		uint8_t head[RECORD_DATA_HEAD_MAX + 16];
		struct record_data reply = data;
		size_t len;

		reply.origin = peer->hello.node_id;
		reply.payload_len = 5;
		len = record_data_head(head, &reply);
		memcpy(head + len, "reply", 5);
		client_frame(peer->client, CLIENT_BINARY, head, len + 5);
	}
	daemon_wait_lines(node, "stdout", "reply", 1);
	peer_publish(peer, "t", "more");
	client_expect_text(client, "hello?");
	client_expect_text(client, "more");
	peer_wait_text(other, "more", "reply");
	peer_wait_text(peer, "more", "reply");
	assert_int_equal(daemon_counter(node, "mesh.replies"), 1);
}

/* ---- links ---- */

static void
keeps_the_later_of_two_links_of_one_dialler(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/t");
	struct peer *old = peer_create(0x21);
	struct peer *again = peer_create(0x21);

	(void)state;
	client_sync(client);
	peer_dial_up(old, node->port);
	peer_dial_up(again, node->port);
	peer_expect_bye(old, BYE_DUPLICATE);
	peer_publish(again, "t", "over the new one");
	client_expect_text(client, "over the new one");
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 1);
}

static void
takes_a_restarted_peer_for_the_old_one(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *old = peer_create(0x21);
	struct peer *again = peer_create(0x21);
	struct record record;

	(void)state;
	peer_dial_up(old, node->port);
	again->hello.boot++;
	peer_dial_up(again, node->port);
	while (peer_next(old, &record)) {
	}
	daemon_wait_links(node, 1);
	client_sync(again->client);
}

static void
notices_a_dead_peer(void **state)
{
	struct daemon *node = daemon_start("--ping 1 --plugins logger");
	struct peer *dead = peer_create(0x21);
	struct peer *alive = peer_create(0x22);
	struct record record;

	(void)state;
	peer_dial_up(dead, node->port);
	peer_dial_up(alive, node->port);
	/* `dead` answers no ping any more; `alive` does, in here. */
	daemon_wait_links(node, 2);
	while (daemon_counter(node, "mesh.links_up") == 2) {
		while (test_wait_readable(alive->client->fd, 0)) {
			struct client_frame frame;

			assert_true(client_read_frame(alive->client, &frame));
			if (frame.first == CLIENT_PING) {
				client_frame(alive->client, CLIENT_PONG,
				    frame.bytes, frame.len);
			}
			client_frame_free(&frame);
		}
	}
	daemon_wait_event(node, "peer_down", NULL, NULL);
	while (peer_next(dead, &record)) {
	}
	peer_publish(alive, "t", "still here");
	daemon_wait_lines(node, "stdout", "still here", 1);
}

/* Its pongs wait behind the frame; any byte counts. */
static void
keeps_a_peer_whose_long_message_takes_its_time(void **state)
{
	struct daemon *node = daemon_start("--ping 1 --presence off");
	struct peer *peer = peer_create(0x21);
	unsigned pings = 0;

	(void)state;
	peer_dial_up(peer, node->port);
	client_header(peer->client, CLIENT_BINARY, true, 10000);
	while (pings < 6) { /* a second each */
		struct client_frame frame;

		assert_true(client_read_frame(peer->client, &frame));
		pings += frame.first == CLIENT_PING ? 1 : 0;
		client_frame_free(&frame);
		client_send(peer->client, "x", 1);
	}
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 1);
	assert_int_equal(daemon_counter(node, "mesh.dead"), 0);
}

static void
refuses_the_65th_link(void **state)
{
	/* None of them answers pings, and 64 take a while. */
	struct daemon *node = daemon_start("--mesh static --ping 20");
	struct peer *peer = NULL;

	(void)state;
	for (int i = 0; i < 64; i++) {
		peer_dial_up(peer_create((uint8_t)(0x10 + i)), node->port);
	}
	daemon_wait_links(node, 64);
	peer = peer_create(0xee);
	peer_dial(peer, node->port);
	peer_say_hello(peer);
	peer_expect_bye(peer, BYE_FULL);
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 64);
}

static void
gives_a_peer_up_that_reads_nothing(void **state)
{
	enum { SIZE = 16384, MESSAGES = 200 };
	/* Silent for 10 s, and it is not that which ends it. */
	struct daemon *node = daemon_start(
	    "--queue 64K..256K --max-message 64K --ping 20");
	struct client *from = client_open(node->port, "/t");
	struct client *to = client_open(node->port, "/t");
	struct peer *slow = peer_create(0x21);
	char *text = malloc(SIZE);

	(void)state;
	assert_non_null(text);
	memset(text, 's', SIZE);
	client_sync(to);
	slow->buffer = 4096;
	peer_dial_up(slow, node->port);
	/* Clients go on all the while, and miss nothing. */
	for (int i = 0; i < MESSAGES; i++) {
		client_frame(from, CLIENT_TEXT, text, SIZE);
		client_expect(to, CLIENT_TEXT, text, SIZE);
	}
	free(text);
	daemon_wait_counter(node, "mesh.byes_sent_slow", 1);
	daemon_wait_links(node, 0);
	daemon_wait_counter_is(node, "net.peers", 0);
	/* It is not wanted back for a minute. */
	slow->buffer = 0;
	peer_dial(slow, node->port);
	peer_say_hello(slow);
	peer_expect_bye(slow, BYE_SLOW);
}

/* What it is told of takes more than a message that a node with so small a
 * limit reads. */
static void
tells_a_neighbour_of_more_than_one_message_has_room_for(void **state)
{
	enum { AUTHORS = 2600 };
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x21);
	struct daemon *small;

	(void)state;
	peer_dial_up(peer, node->port);
	for (uint32_t n = 1; n <= AUTHORS; n++) {
		struct nodeid id = { .bytes = { 0x30 } };

		memcpy(&id.bytes[4], &n, sizeof(n));
		peer_send_data(peer, &id, peer_seq(peer, 1), 1, "t", "hello");
	}
	daemon_wait_counter(node, "mesh.origins", AUTHORS);
	small = daemon_start("--name s --max-message 64K --mesh static "
	                     "--peers ws://127.0.0.1:%u",
	    (unsigned)node->port);
	daemon_wait_counter(small, "mesh.delivered", AUTHORS);
	assert_int_equal(
	    daemon_count_events(small, "peer_down", NULL, NULL), 0);
	assert_int_equal(daemon_counter(small, "mesh.dials"), 1);
}

static void
says_bye_when_it_leaves(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x21);
	struct client *client = client_open(node->port, "/t");

	(void)state;
	peer_dial_up(peer, node->port);
	client_text(client, "last words");
	client_sync(client);
	daemon_signal(node, SIGTERM);
	peer_wait_text(peer, "last words", NULL);
	peer_expect_bye(peer, BYE_LEAVING);
	client_close(client);
	assert_int_equal(daemon_wait_exit(node), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(closes_on_malformed_records),
		TEST(skips_records_it_does_not_know),
		TEST(takes_no_text_on_a_peer_link),
		TEST(closes_on_records_that_are_too_long),
		TEST(closes_on_frame_violations_of_a_peer),
		TEST(spreads_a_message_once_however_often_it_comes),
		TEST(drops_what_must_not_travel),
		TEST(tells_plugins_of_a_hole),
		TEST(answers_over_the_link_and_never_an_answer),
		TEST(keeps_the_later_of_two_links_of_one_dialler),
		TEST(takes_a_restarted_peer_for_the_old_one),
		TEST(notices_a_dead_peer),
		TEST(keeps_a_peer_whose_long_message_takes_its_time),
		TEST(refuses_the_65th_link),
		TEST(gives_a_peer_up_that_reads_nothing),
		TEST(tells_a_neighbour_of_more_than_one_message_has_room_for),
		TEST(says_bye_when_it_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
