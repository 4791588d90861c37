/* SPDX-License-Identifier: MIT
 * test_mesh_slow.c - a link that is slower than who publishes, but reads
 * (PROTOCOL 10): two real nodes, and the test carries the bytes between them,
 * so many for each message. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/peer.h"
#include "support/test.h"

enum { SLOW_SIZE = 16384, SLOW_MESSAGES = 1200, SLOW_SHARE = 2048 };

struct slow {
	struct daemon *fast, *slow; /* `slow` dials, through here */
	struct client *in, *out;    /* from and to `slow` */
};

/* As much as is there, at most `limit`, from one to the other. */
static void
slow_carry(const struct client *from, struct client *to, size_t limit)
{
	static uint8_t bytes[65536];

	while (limit > 0) {
		size_t room = limit < sizeof(bytes) ? limit : sizeof(bytes);
		ssize_t got = recv(from->fd, bytes, room, MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN) {
			return;
		}
		assert_true(got > 0); /* the link stays */
		client_send(to, bytes, (size_t)got);
		limit -= (size_t)got;
	}
}

static void
slow_step(const struct slow *slow, size_t limit)
{
	slow_carry(slow->in, slow->out, SIZE_MAX);
	slow_carry(slow->out, slow->in, limit);
}

/* All that moves, until something does or a moment has passed. */
static void
slow_wait(const struct slow *slow)
{
	struct pollfd fds[] = { { .fd = slow->in->fd, .events = POLLIN },
		{ .fd = slow->out->fd, .events = POLLIN } };

	(void)poll(fds, ARRAY_LEN(fds), 50);
	slow_step(slow, SIZE_MAX);
}

static uint64_t
slow_known(const struct slow *slow)
{
	const cJSON *state = daemon_state(slow->slow);

	return daemon_state_number(slow->slow, state, "mesh.delivered") +
	       daemon_state_number(slow->slow, state, "mesh.gaps");
}

static void
slow_start(struct slow *slow)
{
	struct peer *between = peer_create(1);
	uint64_t deadline = test_now_ms() + DEADLINE_MS;

	peer_listen(between);
	slow->fast = daemon_start("--mesh static --presence off "
	                          "--queue 64K..512K --max-message 64K "
	                          "--history 1M");
	slow->slow = daemon_start("--mesh static --presence off "
	                          "--peers ws://127.0.0.1:%u",
	    (unsigned)between->port);
	slow->in = peer_accept_tcp(between, DEADLINE_MS);
	assert_non_null(slow->in);
	slow->out = client_connect_small(slow->fast->port, 65536);
	while (daemon_counter(slow->slow, "mesh.links_up") == 0) {
		assert_true(test_now_ms() < deadline);
		slow_wait(slow);
	}
}

static void
a_peer_that_reads_slowly_keeps_its_link_and_knows_what_it_missed(void **state)
{
	struct slow slow;
	struct client *from;
	uint64_t deadline;
	char *text = malloc(SLOW_SIZE);

	(void)state;
	assert_non_null(text);
	memset(text, 's', SLOW_SIZE);
	slow_start(&slow);
	from = client_open(slow.fast->port, "/t");
	for (int i = 0; i < SLOW_MESSAGES; i++) {
		client_frame(from, CLIENT_TEXT, text, SLOW_SIZE);
		slow_step(&slow, SLOW_SHARE);
	}
	free(text);
	deadline = test_now_ms() + 2 * DEADLINE_MS;
	while (slow_known(&slow) < SLOW_MESSAGES) {
		assert_true(test_now_ms() < deadline);
		slow_wait(&slow);
	}
	assert_int_equal(slow_known(&slow), SLOW_MESSAGES);
	assert_int_equal(
	    daemon_counter(slow.fast, "mesh.published"), SLOW_MESSAGES);
	assert_true(daemon_counter(slow.fast, "mesh.congested") > 0);
	assert_true(daemon_counter(slow.slow, "mesh.fetches") > 0);
	/* It never was away. */
	assert_int_equal(daemon_counter(slow.fast, "mesh.byes_sent_slow"), 0);
	assert_int_equal(
	    daemon_count_events(slow.fast, "peer_down", NULL, NULL), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(
		    a_peer_that_reads_slowly_keeps_its_link_and_knows_what_it_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
