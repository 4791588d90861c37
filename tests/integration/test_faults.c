/* SPDX-License-Identifier: MIT
 * test_faults.c - real nodes that are killed, stopped, restarted and cut off:
 * what is lost.  ./dev bench mesh does the same with fifty, and measures. */
#include <signal.h>
#include <stdio.h>

#include "support/crowd.h"
#include "support/split.h"
#include "support/test.h"

/* The quickest that finds silent peers. */
#define PING "--ping 1"

static void
delivers_to_the_rest_when_three_of_eight_are_killed(void **state)
{
	static struct crowd crowd;
	const unsigned dead = 1U << 0 | 1U << 3 | 1U << 6;
	const unsigned rest = CROWD_ALL & ~dead;

	(void)state;
	crowd_start(&crowd, "");
	crowd_wait_whole(&crowd, CROWD_ALL, 5);
	crowd_listen_all(&crowd);
	crowd_publish(&crowd, CROWD_ALL, 10); /* there are trees to break */
	crowd_read(&crowd, CROWD_ALL);
	crowd_kill(&crowd, 0);
	crowd_kill(&crowd, 3);
	crowd_kill(&crowd, 6);
	crowd_publish(&crowd, rest, 10);
	crowd_check(&crowd, rest);
	crowd_wait_whole(&crowd, rest, 4);
}

static void
signal_all(const struct crowd *crowd, unsigned nodes, int signal)
{
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		if ((nodes >> i & 1) != 0) {
			daemon_signal(crowd->nodes[i], signal);
		}
	}
}

static void
goes_round_three_of_eight_that_stop_and_catches_them_up(void **state)
{
	static struct crowd crowd;
	const unsigned stopped = 1U << 1 | 1U << 4 | 1U << 6;
	const unsigned rest = CROWD_ALL & ~stopped;

	(void)state;
	crowd_start(&crowd, PING);
	crowd_wait_whole(&crowd, CROWD_ALL, 5);
	crowd_listen_all(&crowd);
	crowd_publish(&crowd, CROWD_ALL, 10);
	crowd_read(&crowd, CROWD_ALL);

	signal_all(&crowd, stopped, SIGSTOP);
	crowd_publish(&crowd, rest, 10); /* nobody knows yet */
	crowd_read(&crowd, rest);
	crowd_wait_whole(&crowd, rest, 4); /* they are given up */
	crowd_publish(&crowd, rest, 10);
	crowd_read(&crowd, rest);

	signal_all(&crowd, stopped, SIGCONT);
	crowd_wait_whole(&crowd, CROWD_ALL, 4);
	crowd_publish(&crowd, CROWD_ALL, 5);
	crowd_check(&crowd, CROWD_ALL);
}

static void
launch_kept(struct crowd *crowd, unsigned i, uint16_t port)
{
	char more[128];

	snprintf(more, sizeof(more), "--bind 127.0.0.1:%u --state %s",
	    (unsigned)port, crowd->nodes[i]->dir);
	crowd_launch(crowd, i, more);
}

static void
loses_nothing_while_all_are_restarted_one_by_one(void **state)
{
	static struct crowd crowd;
	uint16_t ports[CROWD_NODES];

	(void)state;
	memset(&crowd, 0, sizeof(crowd));
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		ports[i] = daemon_free_port();
		crowd.nodes[i] = daemon_create();
		/* Makes its folder. */
		assert_int_equal(daemon_run(crowd.nodes[i], "--version"), 0);
		launch_kept(&crowd, i, ports[i]);
	}
	crowd_wait_whole(&crowd, CROWD_ALL, 4);
	crowd_listen_all(&crowd);
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		/* Its last words have been taken, and are still on their way
		 * when it goes. */
		crowd_publish(&crowd, CROWD_ALL, 2);
		client_sync(crowd.clients[i]);
		crowd_leave(&crowd, i);
		daemon_stop(crowd.nodes[i]);
		crowd_publish(&crowd, CROWD_ALL & ~(1U << i), 2);
		launch_kept(&crowd, i, ports[i]);
		crowd_listen(&crowd, i);
		/* It may not have its links back yet. */
		crowd_publish(&crowd, CROWD_ALL, 2);
		/* What it missed lies with those who are next to go. */
		crowd_wait_whole(&crowd, CROWD_ALL, 1);
	}
	crowd_read(&crowd, CROWD_ALL);
	crowd_wait_whole(&crowd, CROWD_ALL, 4);
}

static void
brings_both_halves_of_a_cut_network_what_they_missed(void **state)
{
	static struct crowd crowd;
	const unsigned halves[2] = { 0x55, 0xaa };
	char more[128], join[64];

	(void)state;
	if (!split_open()) {
		skip();
	}
	memset(&crowd, 0, sizeof(crowd));
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		unsigned port = 9001 + i; /* these networks are empty */

		split_enter(i % 2);
		snprintf(more, sizeof(more),
		    "--bind 127.0.0.1:%u --bind %s:%u "
		    "--advertise ws://%s:%u " PING,
		    port, split_hosts[i % 2], port, split_hosts[i % 2], port);
		crowd_launch(&crowd, i, more);
		snprintf(join, sizeof(join), "ws://%s:9001", split_hosts[0]);
		crowd.join = join;
		crowd_listen(&crowd, i);
	}
	crowd_wait_whole(&crowd, CROWD_ALL, 5);
	crowd_publish(&crowd, CROWD_ALL, 10);
	crowd_read(&crowd, CROWD_ALL);

	split_cut();
	crowd_publish(&crowd, CROWD_ALL, 10); /* nobody knows yet */
	crowd_wait_whole(&crowd, halves[0], 1);
	crowd_wait_whole(&crowd, halves[1], 1);
	crowd_publish(&crowd, CROWD_ALL, 10);

	split_heal();
	crowd_wait_whole(&crowd, CROWD_ALL, 1);
	crowd_publish(&crowd, CROWD_ALL, 5);
	crowd_check(&crowd, CROWD_ALL);
}

static int
teardown(void **state)
{
	split_close();
	return test_teardown(state);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delivers_to_the_rest_when_three_of_eight_are_killed),
		TEST(goes_round_three_of_eight_that_stop_and_catches_them_up),
		TEST(loses_nothing_while_all_are_restarted_one_by_one),
		TEST(brings_both_halves_of_a_cut_network_what_they_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
