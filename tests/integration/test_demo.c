/* SPDX-License-Identifier: MIT
 * test_demo.c - the article's three terminals, with a quicker beat. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

#define BEATER \
	"--plugins logger,echo -P broadcaster,interval=200ms,text=beat-{n}."

struct demo {
	struct daemon *nodes[3];
	uint16_t ports[3];
};

static void
demo_init(struct demo *demo)
{
	for (int i = 0; i < 3; i++) {
		demo->nodes[i] = NULL;
		demo->ports[i] = daemon_free_port();
	}
}

static void
demo_start(struct demo *demo, int node)
{
	unsigned one = demo->ports[0], two = demo->ports[1];

	switch (node) {
	case 0:
		demo->nodes[0] = daemon_start(
		    "--bind localhost:%u --name one " BEATER, one);
		break;
	case 1:
		demo->nodes[1] = daemon_start("--peers ws://localhost:%u "
		                              "--bind localhost:%u "
		                              "--name two --plugins logger",
		    one, two);
		break;
	default:
		demo->nodes[2] = daemon_start(
		    "--peers ws://localhost:%u,ws://localhost:%u "
		    "--bind localhost:%u --name three --plugins logger",
		    one, two, (unsigned)demo->ports[2]);
		break;
	}
}

/* Every beat in the node's stdout, from the first to the last, once: writes
 * the last (0: none yet) and returns how many. */
static long
demo_check_beats(struct daemon *node, long *last)
{
	char *text = daemon_text(node, "stdout");
	long count = 0, expected = 0;

	for (char *at = text; (at = strstr(at, "beat-")) != NULL;) {
		long beat = strtol(at + 5, &at, 10);

		assert_int_equal(*at, '.');
		if (count++ > 0 && beat != expected) {
			fail_msg("beat %ld after beat %ld", beat, expected - 1);
		}
		expected = beat + 1;
	}
	free(text);
	*last = count > 0 ? expected - 1 : 0;
	return count;
}

static void
runs_the_demo_in_this_order(void **state)
{
	const char *order = *state;
	struct demo demo;
	char needle[32];
	long last, last_there;

	demo_init(&demo);
	for (; *order != '\0'; order++) {
		demo_start(&demo, *order - '1');
	}
	for (int i = 0; i < 3; i++) {
		daemon_wait_links(demo.nodes[i], 2);
	}
	(void)demo_check_beats(demo.nodes[0], &last);
	snprintf(needle, sizeof(needle), "beat-%ld.", last + 8);
	for (int i = 0; i < 3; i++) {
		daemon_wait_lines(demo.nodes[i], "stdout", needle, 1);
	}

	daemon_signal(demo.nodes[0], SIGINT);
	assert_int_equal(daemon_wait_exit(demo.nodes[0]), 0);
	assert_true(demo_check_beats(demo.nodes[0], &last) >= 8);
	for (int i = 1; i < 3; i++) {
		daemon_wait_event(demo.nodes[i], "peer_down", "name", "one");
		snprintf(needle, sizeof(needle), "beat-%ld.", last);
		daemon_wait_lines(demo.nodes[i], "stdout", needle, 1);
		assert_true(demo_check_beats(demo.nodes[i], &last_there) >= 8);
		assert_int_equal(last_there, last);
		daemon_wait_links(demo.nodes[i], 1);
	}
	daemon_signal(demo.nodes[1], SIGINT);
	assert_int_equal(daemon_wait_exit(demo.nodes[1]), 0);
	daemon_wait_event(demo.nodes[2], "peer_down", "name", "two");
	daemon_signal(demo.nodes[2], SIGINT);
	assert_int_equal(daemon_wait_exit(demo.nodes[2]), 0);
}

static void
says_the_words_of_the_article(void **state)
{
	uint16_t port = daemon_free_port();
	struct daemon *one = daemon_start("--bind localhost:%u --name one "
	                                  "-P broadcaster,interval=100ms",
	    port);
	struct client *client = client_open(port, "/");
	char text[80];

	(void)state;
	(void)one;
	snprintf(text, sizeof(text), "Message from one at localhost:%u", port);
	client_expect_text(client, text);
	client_expect_text(client, text);
}

static void
retries_a_peer_that_is_down(void **state)
{
	struct demo demo;

	(void)state;
	demo_init(&demo);
	demo_start(&demo, 2);
	daemon_wait_event(demo.nodes[2], "dial_failed", NULL, NULL);
	demo_start(&demo, 0);
	daemon_wait_event(demo.nodes[2], "peer_up", "name", "one");
	daemon_wait_lines(demo.nodes[2], "stdout", "beat-", 2);
	/* And again, when it was there and went. */
	daemon_mark(demo.nodes[2]);
	daemon_kill(demo.nodes[0]);
	daemon_wait_event(demo.nodes[2], "peer_down", "name", "one");
	daemon_mark(demo.nodes[2]);
	daemon_launch(demo.nodes[0], "--bind localhost:%u --name one " BEATER,
	    (unsigned)demo.ports[0]);
	daemon_wait_ready(demo.nodes[0]);
	daemon_wait_event(demo.nodes[2], "peer_up", "name", "one");
}

static void
binds_every_address_of_localhost(void **state)
{
	struct daemon *node = daemon_start("--bind localhost:0");

	(void)state;
	assert_int_equal(daemon_port_of(node, "127.0.0.1"), node->port);
	assert_true(client_can_connect("127.0.0.1", node->port));
	if (daemon_localhost_has_ipv6()) {
		assert_int_equal(daemon_port_of(node, "::1"), node->port);
		assert_true(client_can_connect("::1", node->port));
	}
}

/* A name with two addresses, wherever localhost has but one. */
static void
speaks_ipv6(void **state)
{
	struct daemon *node, *two;
	struct client *client, *far;

	(void)state;
	if (!daemon_has_ipv6()) {
		skip();
	}
	node = daemon_start("--bind [::1]:0 --name one");
	assert_int_equal(daemon_port_of(node, "::1"), node->port);
	two = daemon_start(
	    "--bind 127.0.0.1:0 --peers ws://[::1]:%u", (unsigned)node->port);
	daemon_wait_event(two, "peer_up", "name", "one");
	client = client_connect_to("::1", node->port, NULL);
	assert_int_equal(client_upgrade(client, "/x", ""), 101);
	far = client_open(two->port, "/x");
	client_sync(far);
	client_text(client, "over six");
	client_expect_text(far, "over six");
}

static void
listens_on_every_bind(void **state)
{
	struct daemon *node = daemon_start(
	    "--bind 127.0.0.1:0 --bind 127.0.0.2:0");
	uint16_t port = daemon_port_of(node, "127.0.0.1");
	struct client *client, *other;

	(void)state;
	client = client_open(port, "/x");
	port = daemon_port_of(node, "127.0.0.2");
	other = client_connect_to("127.0.0.2", port, NULL);
	assert_int_equal(client_upgrade(other, "/x", ""), 101);
	client_sync(client);
	client_text(other, "from the other door");
	client_expect_text(client, "from the other door");
}

static void
keeps_the_order_of_binds_in_the_ports_file(void **state)
{
	struct daemon *node = daemon_start(
	    "--bind 127.0.0.1:0 --bind 127.0.0.2:0");
	char host[64];

	(void)state;
	assert_int_not_equal(daemon_port(node, 0, host), 0);
	assert_string_equal(host, "127.0.0.1");
	assert_int_not_equal(daemon_port(node, 1, host), 0);
	assert_string_equal(host, "127.0.0.2");
	assert_int_equal(daemon_port(node, 2, host), 0);
}

#define ORDER(order)                                                          \
	{                                                                     \
		"runs_the_demo_in_order_" order, runs_the_demo_in_this_order, \
		    NULL, test_teardown, (void *)(uintptr_t)order             \
	}
#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ORDER("123"),
		ORDER("132"),
		ORDER("213"),
		ORDER("231"),
		ORDER("312"),
		ORDER("321"),
		TEST(says_the_words_of_the_article),
		TEST(retries_a_peer_that_is_down),
		TEST(binds_every_address_of_localhost),
		TEST(speaks_ipv6),
		TEST(keeps_the_order_of_binds_in_the_ports_file),
		TEST(listens_on_every_bind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
