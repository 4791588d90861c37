/* SPDX-License-Identifier: MIT
 * test_mesh_start.c - what is no peer, what is none yet, and what drops us
 * again and again: PROTOCOL 1 to 4, SAFETY M3. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/peer.h"
#include "support/test.h"

/* How many connections come within `ms`; each is closed at once. */
static size_t
count_dials(struct peer *peer, int ms)
{
	uint64_t end = test_now_ms() + (uint64_t)ms;
	size_t count = 0;

	while (test_now_ms() < end) {
		struct client *client = peer_accept_tcp(
		    peer, (int)(end - test_now_ms()));

		if (client != NULL) {
			client_close(client);
			count++;
		}
	}
	return count;
}

/* ---- what is no peer ---- */

static void
backs_off_from_a_websocket_that_is_no_peer(void **state)
{
	struct peer *peer = peer_create(0x11);
	struct daemon *node = peer_start_dialler(peer);

	(void)state;
	peer_accept(peer, NULL); /* an echo server would do that */
	daemon_wait_event(node, "not_a_peer", NULL, NULL);
	client_expect_eof(peer->client);
	/* 60 s, not a second: nobody comes. */
	assert_int_equal(count_dials(peer, 3000), 0);
	client_expect_served(node->port);
}

static void
takes_no_other_subprotocol_for_its_own(void **state)
{
	struct peer *peer = peer_create(0x11);
	struct daemon *node = peer_start_dialler(peer);

	(void)state;
	peer_accept(peer, "chat");
	client_expect_eof(peer->client);
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 0);
	client_expect_served(node->port);
}

static void
outlives_servers_that_speak_something_else(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n"
		"Sec-WebSocket-Protocol: grapevine.peer.1\r\n\r\n",
		"\x16\x03\x01\x02",
		"",
	};
	struct peer *servers[ARRAY_LEN(answers)];
	struct daemon *node;
	char urls[ARRAY_LEN(answers) * 32] = "";

	(void)state;
	/* One address each: nobody waits until the same one is tried again. */
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		size_t len = strlen(urls);

		servers[i] = peer_create((uint8_t)(0x11 + i));
		peer_listen(servers[i]);
		snprintf(urls + len, sizeof(urls) - len, "%sws://127.0.0.1:%u",
		    i > 0 ? "," : "", (unsigned)servers[i]->port);
	}
	node = daemon_start("--mesh static --peers %s", urls);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct peer *server = servers[i];

		assert_non_null(peer_accept_tcp(server, DEADLINE_MS));
		client_print(server->client, "%s", answers[i]);
		if (answers[i][0] == '\0') {
			client_close(server->client);
		} else {
			client_expect_eof(server->client);
		}
	}
	daemon_wait_events(node, "dial_failed", ARRAY_LEN(answers));
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 0);
	client_expect_served(node->port);
	daemon_stop(node);
}

static void
gives_a_silent_server_up(void **state)
{
	struct peer *peer = peer_create(0x11);
	struct daemon *node = peer_start_dialler(peer);

	(void)state;
	assert_non_null(peer_accept_tcp(peer, DEADLINE_MS));
	client_expect_eof(peer->client); /* upgrade: 5 s */
	peer_accept(peer, "grapevine.peer.1");
	client_expect_eof(peer->client); /* HELLO: 5 s */
	/* And is glad when it speaks at last. */
	peer_accept_up(peer, NULL);
	daemon_wait_links(node, 1);
}

/* ---- before UP ---- */

struct bad_start {
	const char *name;
	const char *bytes; /* one WebSocket message */
	size_t len;
};

#define BAD(name, bytes)                       \
	{                                      \
		name, bytes, sizeof(bytes) - 1 \
	}

static void
drops_who_does_not_begin_with_hello(void **state)
{
	static const struct bad_start bad[] = {
		BAD("an empty message", ""),
		BAD("half a header", "\x10\0"),
		BAD("DATA", "\x10\0\0\x23\1\1\6public0123456789abcdef"
		            "\0\0\0\1\0\0\0\1hi"),
		BAD("BYE", "\x04\0\0\2\0\0"),
		BAD("PEERS", "\x05\0\0\1\0"),
		BAD("WELCOME", "\x02\0\0\4\1\0\1\0"),
		BAD("an unknown record", "\x7f\0\0\1x"),
		BAD("an unknown critical record", "\xff\0\0\1x"),
		BAD("text that looks like HTTP", "GET / HTTP/1.1\r\n\r\n"),
	};
	struct daemon *node = daemon_start("--plugins logger,echo");
	size_t fds = daemon_fd_count(node);
	struct client *witness = client_open(node->port, "/");

	(void)state;
	client_sync(witness);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct peer *peer = peer_create(0x22);

		print_message("%s\n", bad[i].name);
		peer_dial(peer, node->port);
		client_frame(
		    peer->client, CLIENT_BINARY, bad[i].bytes, bad[i].len);
		client_expect_silent_eof(peer->client);
	}
	client_expect_nothing(witness);
	assert_int_equal(daemon_count_lines(node, "stdout", "hi"), 0);
	client_close(witness);
	daemon_wait_fds(node, fds);
}

static void
drops_who_says_nothing(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x22);

	(void)state;
	peer_dial(peer, node->port);
	client_expect_silent_eof(peer->client); /* not even a Close */
	daemon_wait_counter_is(node, "net.peers", 0);
}

static void
refuses_broken_hellos(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x22);
	struct buf hello = { 0 };
	struct record record;

	(void)state;
	assert_int_equal(record_hello_encode(&hello, &peer->hello), ERR_OK);
	/* Cut at every byte, with a header that says so. */
	for (size_t len = 4; len < hello.len; len += 7) {
		peer_dial(peer, node->port);
		peer_send_record(peer, RECORD_HELLO, hello.bytes + 4, len - 4);
		while (peer_next(peer, &record)) {
			assert_int_not_equal(record.type, RECORD_WELCOME);
		}
		client_close(peer->client);
	}
	/* Cut off, with the header of the whole. */
	peer_dial(peer, node->port);
	client_frame(peer->client, CLIENT_BINARY, hello.bytes, hello.len - 1);
	while (peer_next(peer, &record)) {
		assert_int_not_equal(record.type, RECORD_WELCOME);
	}
	client_close(peer->client);
	buf_fini(&hello);
	daemon_wait_event(node, "record_malformed", NULL, NULL);
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 0);
	client_expect_served(node->port);
}

static void
refuses_other_networks_and_versions(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x22);

	(void)state;
	peer->hello.net[7] ^= 1;
	peer_dial(peer, node->port);
	peer_say_hello(peer);
	peer_expect_bye(peer, BYE_NETWORK);

	peer = peer_create(0x22);
	peer->hello.ver_min = 2;
	peer->hello.ver_max = 9;
	peer_dial(peer, node->port);
	peer_say_hello(peer);
	peer_expect_bye(peer, BYE_VERSION);
	/* A range that meets ours is fine. */
	peer->hello.ver_min = 1;
	peer_dial_up(peer, node->port);
}

static void
refuses_who_has_its_own_id(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct peer *peer = peer_create(0x22);

	(void)state;
	peer_node_id(node, &peer->hello.node_id);
	peer_dial(peer, node->port);
	peer_say_hello(peer);
	peer_expect_bye(peer, BYE_SELF);
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 0);
}

/* ---- no storms ---- */

static void
does_not_storm_a_peer_that_drops_it(void **state)
{
	struct peer *peer = peer_create(0x11);
	struct daemon *node = peer_start_dialler(peer);
	size_t dials;

	(void)state;
	dials = count_dials(peer, 5000);
	print_message("%zu dials in 5 s\n", dials);
	assert_in_range(dials, 1, 7);
	client_expect_served(node->port);
}

/* Another node: that one may wait a minute by now. */
static void
does_not_storm_a_peer_that_drops_each_link(void **state)
{
	struct peer *peer = peer_create(0x11);
	struct daemon *node = peer_start_dialler(peer);
	uint64_t end = test_now_ms() + 5000;
	size_t dials;

	(void)state;
	for (dials = 0; test_now_ms() < end; dials++) {
		peer_accept_up(peer, NULL);
		client_close(peer->client);
	}
	print_message("%zu links in 5 s\n", dials);
	assert_in_range(dials, 1, 7);
	client_expect_served(node->port);
}

static void
does_not_storm_who_calls_it_a_duplicate(void **state)
{
	struct peer *peer = peer_create(0x11);
	struct daemon *node = peer_start_dialler(peer);
	uint64_t end = test_now_ms() + 5000;
	size_t dials;

	(void)state;
	for (dials = 0; test_now_ms() < end; dials++) {
		struct record_bye bye = { .reason = BYE_DUPLICATE };
		struct record record;
		struct buf out = { 0 };

		peer_accept(peer, "grapevine.peer.1");
		peer_wait(peer, RECORD_HELLO, &record);
		assert_int_equal(record_bye_encode(&out, &bye), ERR_OK);
		peer_send(peer, &out);
		buf_fini(&out);
		client_frame(peer->client, CLIENT_CLOSE, "\x0f\xa1", 2);
		client_expect_eof(peer->client);
	}
	print_message("%zu dials in 5 s\n", dials);
	assert_in_range(dials, 1, 7);
	client_expect_served(node->port);
}

/* As many as may wait say nothing, and more come all the time. */
static void
a_flood_of_silent_connections_keeps_nobody_out(void **state)
{
	enum { WAITING = 64, OPEN = 256, ROUND = 32 };
	struct client *silent[OPEN] = { NULL };
	struct daemon *node = daemon_start("--name crowded");
	struct daemon *other = NULL;
	uint64_t end = test_now_ms() + DEADLINE_MS;
	uint64_t links = 0;
	size_t count = 0;

	(void)state;
	while (links == 0 && test_now_ms() < end) {
		struct client **at = &silent[count++ % OPEN];

		if (*at != NULL) {
			client_close(*at);
		}
		*at = client_connect(node->port);
		assert_int_equal(client_upgrade(*at, "/",
		                     "Sec-WebSocket-Protocol: "
		                     "grapevine.peer.1\r\n"),
		    101);
		if (count == WAITING) {
			other = daemon_start(
			    "--peers ws://127.0.0.1:%u", (unsigned)node->port);
		}
		if (count > WAITING && count % ROUND == 0) {
			links = daemon_counter(node, "mesh.links_up");
		}
	}
	print_message("%zu connections until the node was linked\n", count);
	assert_int_equal(links, 1);
	assert_true(daemon_counter(node, "mesh.waiting_limit") > 0);
	client_expect_served(node->port);
	daemon_stop(other);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(backs_off_from_a_websocket_that_is_no_peer),
		TEST(takes_no_other_subprotocol_for_its_own),
		TEST(outlives_servers_that_speak_something_else),
		TEST(gives_a_silent_server_up),
		TEST(drops_who_does_not_begin_with_hello),
		TEST(drops_who_says_nothing),
		TEST(refuses_broken_hellos),
		TEST(refuses_other_networks_and_versions),
		TEST(refuses_who_has_its_own_id),
		TEST(does_not_storm_a_peer_that_drops_it),
		TEST(does_not_storm_a_peer_that_drops_each_link),
		TEST(does_not_storm_who_calls_it_a_duplicate),
		TEST(a_flood_of_silent_connections_keeps_nobody_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
