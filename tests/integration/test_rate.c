/* SPDX-License-Identifier: MIT
 * test_rate.c - --client-rate: who says more than that waits, and nothing of
 * it is lost. */
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

enum { RATE_FLOOD_MAX = 200 };

/* Messages 0 to `count` - 1 in one piece: none waits for the one before. */
static void
rate_flood(struct client *client, unsigned count)
{
	uint8_t bytes[RATE_FLOOD_MAX * 16];
	size_t len = 0;

	assert_in_range(count, 1, RATE_FLOOD_MAX);
	for (unsigned i = 0; i < count; i++) {
		char text[16];
		int digits = snprintf(text, sizeof(text), "%u", i);

		len += client_frame_build(
		    bytes + len, CLIENT_TEXT, true, text, (size_t)digits);
	}
	client_send(client, bytes, len);
}

static void
rate_expect(struct client *client, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", i);
		client_expect_text(client, text);
	}
}

static void
a_flood_arrives_whole_in_order_and_no_faster(void **state)
{
	enum { RATE = 50, BURST = 10, COUNT = 60 };
	struct daemon *near = daemon_start(
	    "--client-rate %d,%d", (int)RATE, (int)BURST);
	struct daemon *far = daemon_start(
	    "--peers ws://127.0.0.1:%u", (unsigned)near->port);
	struct client *author = client_open(near->port, "/r?echo=1");
	struct client *reader = client_open(far->port, "/r");
	uint64_t begun;

	(void)state;
	daemon_wait_links(near, 1);
	client_sync(reader);
	begun = test_now_ms();
	rate_flood(author, COUNT);
	rate_expect(reader, COUNT);
	/* A tenth less: the node's time may be that of its turn's begin. */
	assert_true(test_now_ms() - begun >= (COUNT - BURST) * 900 / RATE);
	rate_expect(author, COUNT);
	client_expect_nothing(reader);
	assert_true(daemon_counter(near, "net.rate_pauses") > 0);
	assert_true(daemon_counter(near, "net.rate_pause_ms") > 0);
	assert_int_equal(daemon_counter(near, "net.pauses"), 0);
	/* No rate for peers, and none on the other node. */
	assert_int_equal(daemon_counter(far, "net.rate_pauses"), 0);
	daemon_stop(far);
	daemon_stop(near);
}

static void
others_are_served_and_a_stop_is_not_held_up(void **state)
{
	struct daemon *node = daemon_start("--client-rate 1");
	struct client *author = client_open(node->port, "/r");
	struct client *other = client_open(node->port, "/r");
	struct client *reader = client_open(node->port, "/r");

	(void)state;
	client_sync(reader);
	rate_flood(author, RATE_FLOOD_MAX); /* three minutes */
	client_expect_text(reader, "0");
	daemon_wait_counter(node, "net.rate_pauses", 1);
	client_text(other, "other");
	while (1) {
		struct client_frame frame;
		bool is_other;

		assert_true(client_read_frame(reader, &frame));
		is_other = frame.len == 5 &&
		           memcmp(frame.bytes, "other", 5) == 0;
		client_frame_free(&frame);
		if (is_other) {
			break;
		}
	}
	assert_true(daemon_counter(node, "net.messages_in") < RATE_FLOOD_MAX);
	client_close(reader);
	daemon_stop(node);
}

static void
a_flood_is_delivered_though_its_author_is_gone(void **state)
{
	struct daemon *node = daemon_start("--client-rate 20,5");
	struct client *reader = client_open(node->port, "/r");
	struct client *author = client_open(node->port, "/r");

	(void)state;
	client_sync(reader);
	rate_flood(author, 25);
	client_reset(author);
	rate_expect(reader, 25);
	daemon_wait_counter_is(node, "net.clients", 1);
	daemon_stop(node);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flood_arrives_whole_in_order_and_no_faster),
		TEST(others_are_served_and_a_stop_is_not_held_up),
		TEST(a_flood_is_delivered_though_its_author_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
