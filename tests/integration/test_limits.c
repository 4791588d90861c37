/* SPDX-License-Identifier: MIT
 * test_limits.c - slow readers, connections that break anywhere, too many of
 * them: SAFETY F5, Q1, Q2. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

#define QUEUE "--queue 64K..256K --max-message 64K "

/* Three times what a slow reader's queue holds, said within the 10 s that it
 * may take nothing. */
enum { SIZE = 8192, MESSAGES = 100, PART = 20 };

/* Message `number`: its number, then filling that depends on it. */
static void
limits_fill(char payload[SIZE], unsigned number)
{
	memset(payload, (int)('a' + number % 26), SIZE);
	payload[snprintf(payload, SIZE, "%08u", number)] = ' ';
}

static unsigned
limits_check(const struct client_frame *frame)
{
	char expected[SIZE];
	unsigned number;

	assert_int_equal(frame->first, CLIENT_TEXT);
	assert_int_equal(frame->len, SIZE);
	number = (unsigned)strtoul((char *)frame->bytes, NULL, 10);
	limits_fill(expected, number);
	assert_memory_equal(frame->bytes, expected, SIZE);
	return number;
}

static struct client *
limits_open_slow(const struct daemon *node)
{
	struct client *slow = client_connect_small(node->port, 4096);

	assert_int_equal(client_upgrade(slow, "/q", ""), 101);
	return slow;
}

/* Publish messages `from` to `end` - 1 in lockstep with a healthy reader. */
static void
limits_publish_part(struct client *publisher, struct client *healthy,
    unsigned from, unsigned end)
{
	char payload[SIZE];

	for (unsigned i = from; i < end; i++) {
		limits_fill(payload, i);
		client_frame(publisher, CLIENT_TEXT, payload, SIZE);
		if (i % 4 == 3) { /* half of SOFT: none is dropped for it */
			for (unsigned k = i - 3; k <= i; k++) {
				struct client_frame frame;

				assert_true(client_read_frame(healthy, &frame));
				assert_int_equal(limits_check(&frame), k);
				client_frame_free(&frame);
			}
		}
	}
	client_expect_nothing(healthy);
}

/* All MESSAGES; a healthy reader gets them. */
static void
limits_publish(const struct daemon *node)
{
	struct client *publisher = client_open(node->port, "/q");
	struct client *healthy = client_open(node->port, "/q");

	client_sync(healthy);
	limits_publish_part(publisher, healthy, 0, MESSAGES);
	client_close(publisher);
	client_close(healthy);
}

static void
drops_whole_messages_oldest_first(void **state)
{
	struct daemon *node = daemon_start(QUEUE);
	struct client *slow = limits_open_slow(node);
	struct client_frame frame;
	unsigned count = 0, last = 0;
	uint64_t dropped;

	(void)state;
	client_sync(slow);
	limits_publish(node);
	dropped = daemon_counter(node, "hub.dropped_oldest");
	assert_true(dropped > 0);
	while (last != MESSAGES - 1) {
		unsigned number;

		assert_true(client_read_frame(slow, &frame));
		number = limits_check(&frame);
		assert_true(count == 0 ? number == 0 : number > last);
		last = number;
		count++;
		client_frame_free(&frame);
	}
	/* published = delivered + dropped */
	assert_int_equal(count + dropped, MESSAGES);
	client_expect_nothing(slow);
	/* And it is a client like any other again. */
	limits_publish(node);
	client_close(slow); /* what it left unread would be lost: exit 6 */
	daemon_stop(node);
}

/* Much in one turn is not slow: what the kernel takes is written before a
 * queue counts as full. */
static void
a_burst_over_hard_does_not_cost_a_peer_that_reads(void **state)
{
	/* Who is slow for a second, as on a busy machine, is announced the rest
	 * and fetches it: the history holds all. */
	struct daemon *near = daemon_start(QUEUE "--history 64M");
	struct daemon *far = daemon_start(
	    QUEUE "--peers ws://127.0.0.1:%u", (unsigned)near->port);
	struct client *publisher = client_open(near->port, "/q");
	char payload[1000];

	(void)state;
	daemon_wait_links(near, 1);
	memset(payload, 'x', sizeof(payload));
	for (unsigned i = 0; i < 20000; i++) {
		client_frame(publisher, CLIENT_TEXT, payload, sizeof(payload));
	}
	daemon_wait_counter(far, "mesh.delivered", 20000);
	assert_int_equal(daemon_counter(far, "mesh.gaps"), 0);
	assert_int_equal(daemon_counter(near, "mesh.slow"), 0);
	daemon_stop(far);
	daemon_stop(near);
}

static void
closes_a_slow_reader_when_told_to(void **state)
{
	struct daemon *node = daemon_start(QUEUE "--overflow disconnect");
	struct client *slow = limits_open_slow(node);
	struct client *publisher = client_open(node->port, "/q");
	struct client *healthy = client_open(node->port, "/q");
	struct client_frame frame;
	unsigned next = 0, sent = 0;
	int code = 0;

	(void)state;
	client_sync(slow);
	client_sync(healthy);
	/* Its Close does not wait for ever: on a busy machine all MESSAGES may
	 * take longer. */
	while (daemon_counter(node, "hub.slow_closed") == 0) {
		assert_true(sent < MESSAGES);
		limits_publish_part(publisher, healthy, sent, sent + PART);
		sent += PART;
	}
	daemon_wait_event(node, "client_slow", NULL, NULL);
	while (code == 0 && client_read_frame(slow, &frame)) {
		if (frame.first == CLIENT_CLOSE) {
			assert_true(frame.len >= 2);
			code = frame.bytes[0] << 8 | frame.bytes[1];
		} else {
			/* What it got has no hole. */
			assert_int_equal(limits_check(&frame), next++);
		}
		client_frame_free(&frame);
	}
	print_message("%u messages, then Close %d\n", next, code);
	assert_int_equal(code, 4002);
	assert_true(next < sent);
	assert_int_equal(daemon_counter(node, "hub.dropped_oldest"), 0);
}

static void
closes_a_reader_that_takes_nothing_for_long(void **state)
{
	struct daemon *node = daemon_start(QUEUE);
	size_t fds = daemon_fd_count(node);
	struct client *slow = limits_open_slow(node);

	(void)state;
	client_sync(slow);
	limits_publish(node);
	/* It never reads again: its slot is free after 10 s. */
	daemon_wait_counter(node, "hub.slow_closed", 1);
	daemon_wait_counter_is(node, "net.clients", 0);
	daemon_wait_fds(node, fds);
}

/* Bytes a client may have sent when its connection breaks. */
struct stage {
	const char *name;
	const char *bytes;
	size_t len;
};

#define REQUEST                                                        \
	"GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n" \
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"         \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PEER  REQUEST "Sec-WebSocket-Protocol: grapevine.peer.1\r\n\r\n"
#define PLAIN REQUEST "\r\n"
#define STAGE(name, bytes)                     \
	{                                      \
		name, bytes, sizeof(bytes) - 1 \
	}

static const struct stage stages[] = {
	STAGE("nothing", ""),
	STAGE("half a line", "GET / HT"),
	STAGE("half a request", REQUEST),
	STAGE("a request", PLAIN),
	STAGE("half a frame header", PLAIN "\x81"),
	STAGE("half a length", PLAIN "\x81\xfe\x01"),
	STAGE("half a mask", PLAIN "\x81\x85\1\2"),
	STAGE("half a payload", PLAIN "\x81\x85\0\0\0\0he"),
	STAGE("half a message", PLAIN "\x01\x82\0\0\0\0he"),
	STAGE("half a ping", PLAIN "\x89\x85\0\0\0\0he"),
	STAGE("half a close", PLAIN "\x88\x82\0\0\0\0\x03"),
	STAGE("a close and no wait", PLAIN "\x88\x82\0\0\0\0\x03\xe8"),
	STAGE("a message", PLAIN "\x81\x82\0\0\0\0hi"),
	STAGE("a peer's request", PEER),
	STAGE("half a record", PEER "\x82\x86\0\0\0\0\x01\0\0\x40\1\1"),
};

enum ending { END_EOF, END_HALF, END_RST };

static void
limits_break(struct daemon *node, const struct stage *stage, enum ending how)
{
	struct client *client = client_connect(node->port);
	const char *end = strstr(stage->bytes, "\r\n\r\n");
	size_t head = end != NULL ? (size_t)(end + 4 - stage->bytes)
	                          : stage->len;

	/* What follows a request waits for its answer, as RFC 6455 has it. */
	client_send(client, stage->bytes, head);
	if (end != NULL) {
		assert_int_equal(client_read_status(client), 101);
	}
	client_send(client, stage->bytes + head, stage->len - head);
	switch (how) {
	case END_EOF:
		client_close(client);
		break;
	case END_RST:
		client_reset(client);
		break;
	case END_HALF:
	default:
		assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
		client_expect_eof(client);
		break;
	}
}

static void
frees_the_slot_wherever_a_connection_breaks(void **state)
{
	struct daemon *node = daemon_start("--plugins logger,echo");
	struct client *healthy = client_open(node->port, "/x");
	size_t fds;

	(void)state;
	client_sync(healthy);
	fds = daemon_fd_count(node);
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		for (int round = 0; round < 3; round++) {
			limits_break(node, &stages[i], END_EOF);
			limits_break(node, &stages[i], END_HALF);
			limits_break(node, &stages[i], END_RST);
		}
	}
	daemon_wait_counter_is(node, "net.handshakes", 0);
	daemon_wait_counter_is(node, "net.clients", 1);
	daemon_wait_counter_is(node, "net.peers", 0);
	daemon_wait_counter_is(node, "hub.sessions", 1);
	daemon_wait_fds(node, fds);
	daemon_stop(node);
}

static void
survives_1000_connects_and_resets(void **state)
{
	struct daemon *node = daemon_start("--plugins logger");
	struct client *healthy = client_open(node->port, "/x?echo=1");
	size_t fds;

	(void)state;
	client_sync(healthy);
	fds = daemon_fd_count(node);
	for (int i = 0; i < 1000; i++) {
		struct client *client = client_connect(node->port);

		if (i % 3 == 1) {
			client_print(client, "GET / HT");
		} else if (i % 3 == 2) {
			client_print(client, PLAIN);
		}
		client_reset(client);
		if (i % 100 == 0) {
			client_text(healthy, "still served");
			client_expect_text(healthy, "still served");
		}
	}
	daemon_wait_counter_is(node, "net.handshakes", 0);
	daemon_wait_counter_is(node, "net.clients", 1);
	daemon_wait_fds(node, fds);
	client_text(healthy, "served");
	client_expect_text(healthy, "served");
	daemon_stop(node);
}

/* True if a new client is let in. */
static bool
limits_try(const struct daemon *node)
{
	struct client *client = client_connect(node->port);

	client_print(client, PLAIN);
	return client_read_status_or_reset(client) == 101;
}

static void
refuses_clients_above_the_limit(void **state)
{
	struct daemon *node = daemon_start("--max-clients 3");
	struct client *clients[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		clients[i] = client_open(node->port, "/x");
	}
	for (int i = 0; i < 5; i++) {
		assert_false(limits_try(node));
	}
	daemon_wait_event(node, "conn_limit", NULL, NULL);
	/* Those inside do not notice. */
	client_text(clients[0], "still in");
	client_expect_text(clients[1], "still in");
	client_close(clients[2]);
	daemon_wait_counter_is(node, "net.clients", 2);
	assert_true(limits_try(node));
	daemon_stop(node);
}

static void
refuses_and_recovers_when_descriptors_run_out(void **state)
{
	enum { LIMIT = 48, CLIENTS = 80 };
	struct daemon *node = daemon_create();
	struct client *clients[CLIENTS];
	size_t fds;
	uint64_t cpu;

	(void)state;
	node->nofile = LIMIT;
	daemon_launch(node, "--name small");
	daemon_wait_ready(node);
	fds = daemon_fd_count(node);
	/* All requests are good; for some there is no descriptor. */
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i] = client_connect(node->port);
		client_print(clients[i], PLAIN);
	}
	assert_int_equal(client_read_status(clients[0]), 101);
	daemon_wait_counter(node, "net.clients", 10);
	/* It does not spin, and does not flood the log. */
	cpu = daemon_cpu_ms(node);
	daemon_hold_lines(node, "log", "\"accept_paused\"", 60, 2000);
	cpu = daemon_cpu_ms(node) - cpu;
	print_message(
	    "%llu ms of processor time in 2 s\n", (unsigned long long)cpu);
#ifndef GV_SANITIZED
	assert_true(cpu < 400);
#endif
	client_text(clients[0], "still served");
	for (size_t i = 0; i < CLIENTS; i++) {
		client_close(clients[i]);
	}
	daemon_wait_fds(node, fds);
	client_close(client_open(node->port, "/x"));
	daemon_stop(node);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(drops_whole_messages_oldest_first),
		TEST(a_burst_over_hard_does_not_cost_a_peer_that_reads),
		TEST(closes_a_slow_reader_when_told_to),
		TEST(closes_a_reader_that_takes_nothing_for_long),
		TEST(frees_the_slot_wherever_a_connection_breaks),
		TEST(survives_1000_connects_and_resets),
		TEST(refuses_clients_above_the_limit),
		TEST(refuses_and_recovers_when_descriptors_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
