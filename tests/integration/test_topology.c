/* SPDX-License-Identifier: MIT
 * test_topology.c - rings, stars, lines, nodes that die and nodes that dial
 * themselves: every message everywhere, none twice. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

#define NODES_MAX 5
#define ROUNDS    20

struct net {
	size_t count;
	struct daemon *nodes[NODES_MAX];
	uint16_t ports[NODES_MAX];
	struct client *clients[NODES_MAX];
	bool has_two_ways; /* then a tree may change, and with it the order */
};

static void
net_init(struct net *net, size_t count)
{
	memset(net, 0, sizeof(*net));
	net->count = count;
	for (size_t i = 0; i < count; i++) {
		net->ports[i] = daemon_free_port();
	}
}

/* Start node `i`, dialling `peer`; peer = i: nobody. */
static void
net_start(struct net *net, size_t i, size_t peer)
{
	if (peer == i) {
		net->nodes[i] = daemon_start(
		    "--mesh static --bind 127.0.0.1:%u --name n%zu",
		    (unsigned)net->ports[i], i);
		return;
	}
	net->nodes[i] = daemon_start("--mesh static --bind 127.0.0.1:%u --name "
	                             "n%zu --peers ws://127.0.0.1:%u",
	    (unsigned)net->ports[i], i, (unsigned)net->ports[peer]);
}

static void
net_open_clients(struct net *net)
{
	for (size_t i = 0; i < net->count; i++) {
		net->clients[i] = client_open(net->nodes[i]->port, "/t");
		client_sync(net->clients[i]);
	}
}

/* Read all that the others published: each once, and in the order of its
 * author where there is one way only (PROTOCOL 12). */
static void
net_check_reader(const struct net *net, size_t reader)
{
	bool seen[NODES_MAX][ROUNDS] = { 0 };
	unsigned count[NODES_MAX] = { 0 };

	for (size_t i = 0; i < (net->count - 1) * ROUNDS; i++) {
		struct client_frame frame;
		unsigned author, number;

		assert_true(client_read_frame(net->clients[reader], &frame));
		assert_int_equal(frame.first, CLIENT_TEXT);
		assert_int_equal(
		    sscanf((char *)frame.bytes, "%u/%u.", &author, &number), 2);
		client_frame_free(&frame);
		assert_true(author < net->count && author != reader);
		assert_true(number < ROUNDS);
		assert_false(seen[author][number]);
		seen[author][number] = true;
		if (!net->has_two_ways) {
			assert_int_equal(number, count[author]);
		}
		count[author]++;
	}
}

/* Every client publishes ROUNDS messages; everybody else gets them, once. */
static void
net_check_all_to_all(struct net *net)
{
	char text[32];

	net_open_clients(net);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < net->count; i++) {
			snprintf(text, sizeof(text), "%zu/%u.", i, round);
			client_text(net->clients[i], text);
		}
	}
	for (size_t i = 0; i < net->count; i++) {
		net_check_reader(net, i);
	}
	for (size_t i = 0; i < net->count; i++) {
		const cJSON *state = daemon_state(net->nodes[i]);

		assert_int_equal(
		    daemon_state_number(net->nodes[i], state, "mesh.delivered"),
		    (net->count - 1) * ROUNDS);
		assert_int_equal(
		    daemon_state_number(net->nodes[i], state, "mesh.gaps"), 0);
		client_expect_nothing(net->clients[i]);
	}
}

static void
delivers_once_around_a_ring_of_five(void **state)
{
	struct net net;
	uint64_t duplicates = 0;

	(void)state;
	net_init(&net, 5);
	net.has_two_ways = true;
	for (size_t i = 0; i < 5; i++) {
		net_start(&net, i, (i + 1) % 5);
	}
	for (size_t i = 0; i < 5; i++) {
		daemon_wait_links(net.nodes[i], 2);
	}
	net_check_all_to_all(&net);
	for (size_t i = 0; i < 5; i++) {
		duplicates += daemon_counter(net.nodes[i], "mesh.duplicates");
	}
	assert_true(duplicates > 0); /* there were two ways, really */
}

static void
delivers_through_the_middle_of_a_star(void **state)
{
	struct net net;

	(void)state;
	net_init(&net, 5);
	for (size_t i = 0; i < 5; i++) {
		net_start(&net, i, 0);
	}
	daemon_wait_links(net.nodes[0], 4);
	for (size_t i = 1; i < 5; i++) {
		daemon_wait_links(net.nodes[i], 1);
	}
	net_check_all_to_all(&net);
}

static void
delivers_from_end_to_end_of_a_line_of_five(void **state)
{
	struct net net;

	(void)state;
	net_init(&net, 5);
	for (size_t i = 0; i < 5; i++) {
		net_start(&net, i, i == 0 ? 0 : i - 1);
	}
	for (size_t i = 0; i < 5; i++) {
		daemon_wait_links(net.nodes[i], i == 0 || i == 4 ? 1 : 2);
	}
	net_check_all_to_all(&net);
}

static void
drops_a_message_past_the_hop_limit(void **state)
{
	struct net net;

	(void)state;
	net_init(&net, 4);
	net_start(&net, 0, 0);
	for (size_t i = 1; i < 4; i++) {
		net.nodes[i] = daemon_start(
		    "--mesh static --bind 127.0.0.1:%u --name n%zu "
		    "--peers ws://127.0.0.1:%u "
		    "--max-hops 2",
		    (unsigned)net.ports[i], i, (unsigned)net.ports[i - 1]);
	}
	daemon_wait_links(net.nodes[1], 2);
	daemon_wait_links(net.nodes[2], 2);
	daemon_wait_links(net.nodes[3], 1);
	net_open_clients(&net);
	client_text(net.clients[0], "three hops away");
	client_expect_text(net.clients[1], "three hops away");
	client_expect_text(net.clients[2], "three hops away");
	daemon_wait_counter(net.nodes[3], "mesh.hop_limit", 1);
	client_expect_nothing(net.clients[3]);
}

static void
keeps_one_link_when_both_ends_dial(void **state)
{
	struct net net;
	uint64_t dials[2];

	(void)state;
	net_init(&net, 2);
	net_start(&net, 0, 1);
	net_start(&net, 1, 0);
	daemon_wait_links(net.nodes[0], 1);
	daemon_wait_links(net.nodes[1], 1);
	net_check_all_to_all(&net);
	/* M3: no reconnect storm, at most one dial a second. */
	for (int i = 0; i < 2; i++) {
		dials[i] = daemon_counter(net.nodes[i], "mesh.dials");
	}
	daemon_hold_lines(net.nodes[0], "stderr", "", 0, 4000);
	for (int i = 0; i < 2; i++) {
		const cJSON *now = daemon_state(net.nodes[i]);

		assert_int_equal(
		    daemon_state_number(net.nodes[i], now, "mesh.links_up"), 1);
		assert_in_range(
		    daemon_state_number(net.nodes[i], now, "mesh.dials"),
		    dials[i], dials[i] + 5);
	}
	client_text(net.clients[0], "still here");
	client_expect_text(net.clients[1], "still here");
}

static void
recognises_itself_and_goes_on(void **state)
{
	struct net net;
	uint64_t dials;

	(void)state;
	net_init(&net, 2);
	net_start(&net, 1, 1);
	net.nodes[0] = daemon_start(
	    "--mesh static --bind localhost:%u --name n0 "
	    "--peers ws://127.0.0.1:%u,ws://localhost:%u,ws://127.0.0.1:%u",
	    (unsigned)net.ports[0], (unsigned)net.ports[0],
	    (unsigned)net.ports[0], (unsigned)net.ports[1]);
	daemon_wait_event(net.nodes[0], "self_dial", NULL, NULL);
	daemon_wait_links(net.nodes[0], 1);
	daemon_wait_links(net.nodes[1], 1);
	net_check_all_to_all(&net);
	dials = daemon_counter(net.nodes[0], "mesh.dials");
	daemon_hold_lines(net.nodes[0], "stderr", "", 0, 3000);
	/* "self" holds for ten minutes: nobody dials it again. */
	assert_int_equal(daemon_counter(net.nodes[0], "mesh.dials"), dials);
}

static void
survives_a_killed_node_and_finds_it_again(void **state)
{
	struct net net;

	(void)state;
	net_init(&net, 3);
	net_start(&net, 1, 1);
	net_start(&net, 0, 1);
	net_start(&net, 2, 1);
	daemon_wait_links(net.nodes[1], 2);
	daemon_kill(net.nodes[1]);
	daemon_wait_event(net.nodes[0], "peer_down", "name", "n1");
	daemon_wait_event(net.nodes[2], "peer_down", "name", "n1");
	daemon_launch(net.nodes[1], "--bind 127.0.0.1:%u --name n1",
	    (unsigned)net.ports[1]);
	daemon_wait_ready(net.nodes[1]);
	daemon_wait_links(net.nodes[1], 2);
	daemon_wait_links(net.nodes[0], 1);
	daemon_wait_links(net.nodes[2], 1);
	net_check_all_to_all(&net);
}

static void
does_not_link_to_another_network(void **state)
{
	struct net net;

	(void)state;
	net_init(&net, 2);
	net_start(&net, 0, 0);
	net.nodes[1] = daemon_start(
	    "--mesh static --bind 127.0.0.1:%u --name n1 "
	    "--network other "
	    "--peers ws://127.0.0.1:%u",
	    (unsigned)net.ports[1], (unsigned)net.ports[0]);
	daemon_wait_event(net.nodes[0], "link_refused", NULL, NULL);
	net_open_clients(&net);
	client_text(net.clients[0], "not for you");
	client_sync(net.clients[0]);
	assert_int_equal(daemon_counter(net.nodes[0], "mesh.links_up"), 0);
	assert_int_equal(daemon_counter(net.nodes[1], "mesh.links_up"), 0);
	client_expect_nothing(net.clients[1]);
}

/* Read "0", "1", .. in order; returns how many until the end or `enough`. */
static unsigned
net_read_numbers(struct client *client, unsigned from, unsigned enough)
{
	struct client_frame frame;

	while (from < enough && client_read_frame(client, &frame)) {
		if (frame.first == CLIENT_TEXT) {
			assert_int_equal(
			    strtoul((char *)frame.bytes, NULL, 10), from);
			from++;
		}
		client_frame_free(&frame);
	}
	return from;
}

static void
loses_nothing_it_has_read_when_stopped_under_load(void **state)
{
	enum { READ = 2000, MORE = 2000 };
	struct net net;
	char text[1024] = { 0 };
	unsigned got;

	(void)state;
	net_init(&net, 2);
	net_start(&net, 0, 0);
	net_start(&net, 1, 0);
	daemon_wait_links(net.nodes[0], 1);
	daemon_wait_links(net.nodes[1], 1);
	net_open_clients(&net);
	for (unsigned i = 0; i < READ; i++) {
		snprintf(text, sizeof(text), "%u %900d", i, 0);
		client_text(net.clients[0], text);
	}
	client_sync(net.clients[0]);
	for (unsigned i = READ; i < READ + MORE; i++) {
		if (i == READ + MORE / 2) {
			daemon_signal(net.nodes[0], SIGTERM);
		}
		snprintf(text, sizeof(text), "%u %900d", i, 0);
		client_text(net.clients[0], text);
	}
	client_expect_eof(net.clients[0]);
	assert_int_equal(daemon_wait_exit(net.nodes[0]), 0);
	daemon_wait_event(net.nodes[1], "peer_down", "name", "n0");
	got = net_read_numbers(net.clients[1], 0, READ);
	assert_int_equal(got, READ);
	/* What followed came in order too, as far as it came. */
	client_text(net.clients[1], "own");
	client_frame(net.clients[1], CLIENT_CLOSE, "\x03\xe8", 2);
	(void)net_read_numbers(net.clients[1], READ, READ + MORE);
	daemon_stop(net.nodes[1]);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delivers_once_around_a_ring_of_five),
		TEST(delivers_through_the_middle_of_a_star),
		TEST(delivers_from_end_to_end_of_a_line_of_five),
		TEST(drops_a_message_past_the_hop_limit),
		TEST(keeps_one_link_when_both_ends_dial),
		TEST(recognises_itself_and_goes_on),
		TEST(survives_a_killed_node_and_finds_it_again),
		TEST(does_not_link_to_another_network),
		TEST(loses_nothing_it_has_read_when_stopped_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
