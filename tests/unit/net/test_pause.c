/* SPDX-License-Identifier: MIT
 * Clients over their rate: read on when they may speak again, nothing lost.
 * Pauses for the sake of a target are with test_conn_read.c. */
#include <sys/socket.h>

#include "net/private.h"
#include "rig.h"

static struct rig *
rig_limited(uint32_t rate, uint32_t burst)
{
	struct net_config config = rig_config();

	config.client_rate = rate;
	config.client_burst = burst;
	return rig_create(config);
}

/* `count` messages in one piece, the last says `last`. */
static void
say(struct client *client, unsigned count, const char *last)
{
	uint8_t bytes[1024];
	size_t len = 0;

	for (unsigned i = 1; i <= count; i++) {
		const char *text = i < count ? "-" : last;

		assert_true(len + strlen(text) + 14 <= sizeof(bytes));
		len += client_frame_build(
		    bytes + len, CLIENT_TEXT, true, text, strlen(text));
	}
	client_send(client, bytes, len);
}

static void
count_turns(struct rig *rig)
{
	rig->number = rig->turns;
}

static uint64_t
rig_turns(struct rig *rig)
{
	rig_call(rig, count_turns);
	return rig->number;
}

static bool
has_paused(struct rig *rig)
{
	return rig->pauses > 0;
}

static bool
has_heard_number(struct rig *rig)
{
	return rig->messages >= rig->number;
}

static bool
has_heard_number_and_rests(struct rig *rig)
{
	return has_heard_number(rig) && rig->resumes == rig->pauses;
}

static void
a_burst_passes_at_once_and_more_has_to_wait(void **state)
{
	struct rig *rig = rig_limited(10, 3);
	struct client *client = client_open(rig->port, "/");

	(void)state;
	say(client, 5, "end");
	rig->number = 5;
	rig_until(rig, has_heard_number_and_rests);
	assert_int_equal(rig->first_pause.messages, 3);
	assert_int_equal(rig->messages, 5);
	assert_memory_equal(rig->heard.bytes, "end", 3);
	/* 4 and 5 one by one, unless the machine was slow. */
	assert_in_range(rig_stats(rig)->rate_pauses, 1, 3);
	assert_true(rig->stats.rate_pause_ms >= 100);
	assert_int_equal(rig->stats.pauses, 0);
	assert_int_equal(rig->stats.pause_ms, 0);
	rig_destroy(rig);
}

static void
a_burst_is_at_least_what_comes_in_two_waits(void **state)
{
	struct rig *rig = rig_limited(1000, 1);
	struct client *client = client_open(rig->port, "/");

	(void)state;
	say(client, 50, "end");
	rig_until(rig, has_paused);
	assert_in_range(rig->first_pause.messages, 20, 49);
	rig->number = 50;
	rig_until(rig, has_heard_number);
	rig_destroy(rig);
}

static void
one_that_keeps_to_its_rate_never_waits(void **state)
{
	struct rig *rig = rig_limited(1000000, 1000000);
	struct client *client = client_open(rig->port, "/");

	(void)state;
	say(client, 50, "end");
	client_sync(client);
	assert_int_equal(rig->messages, 50);
	assert_int_equal(rig_stats(rig)->rate_pauses, 0);
	rig_destroy(rig);
}

static void
peers_have_no_rate(void **state)
{
	struct rig *rig = rig_limited(1, 1);
	struct client *client = rig_peer(rig, 0);

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		client_frame(client, CLIENT_BINARY, "record", 6);
	}
	client_sync(client);
	assert_int_equal(rig->messages, 50);
	assert_int_equal(rig_stats(rig)->rate_pauses, 0);
	rig_destroy(rig);
}

static void
pings_cost_nothing(void **state)
{
	struct rig *rig = rig_limited(1, 1);
	struct client *client = client_open(rig->port, "/");

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		client_sync(client);
	}
	assert_int_equal(rig_stats(rig)->rate_pauses, 0);
	rig_destroy(rig);
}

/* What there is of the next message is not looked at. */
static void
one_that_waits_is_not_late_with_a_message_and_holds_no_memory(void **state)
{
	static const uint8_t half[10000];
	struct rig *rig = rig_limited(1, 1);
	struct client *client = client_open(rig->port, "/");

	(void)state;
	client_frame(client, CLIENT_BINARY & ~CLIENT_FIN, half, sizeof(half));
	client_frame(
	    client, CLIENT_FIN | CLIENT_CONTINUATION, half, sizeof(half));
	client_frame(client, CLIENT_BINARY & ~CLIENT_FIN, half, sizeof(half));
	rig_until(rig, has_paused);
	assert_int_equal(rig->first_pause.messages, 1);
	assert_false(rig->first_pause.inside);
	assert_int_equal(rig->first_pause.held, 0);
	rig_destroy(rig);
}

/* Longer than one may be silent, and it answers no ping. */
static void
one_that_waits_is_not_dead(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;

	(void)state;
	config.client_rate = 1;
	config.client_burst = 1;
	config.times.ping = 250;
	config.times.dead = 500;
	rig = rig_create(config);
	say(client_open(rig->port, "/"), 3, "end");
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->messages, 3);
	assert_int_equal(rig_stats(rig)->closed_silent, 1);
	assert_true(rig->stats.rate_pauses > 1);
	rig_destroy(rig);
}

/* It gets no more than its rate for going, and costs no time. */
static void
one_that_goes_while_it_waits_is_heard_to_the_end(void **state)
{
	struct rig *rig = rig_limited(10, 1);
	struct client *client = client_open(rig->port, "/");

	(void)state;
	say(client, 6, "end");
	client_reset(client);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->messages, 6);
	assert_memory_equal(rig->heard.bytes, "end", 3);
	assert_int_equal(rig->first_pause.messages, 1);
	assert_int_equal(rig_stats(rig)->rate_pauses, 6);
	assert_true(rig->stats.rate_pause_ms >= 500);
	assert_true(rig_turns(rig) < 1000);
	rig_destroy(rig);
}

static void
one_that_closes_while_it_waits_is_heard_to_the_end(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers < 2; answers++) {
		struct rig *rig = rig_limited(10, 1);
		struct client *client = client_open(rig->port, "/");

		say(client, 3, "end");
		if (answers != 0) {
			client_frame(client, CLIENT_CLOSE, "\x03\xe8", 2);
			client_expect_close(client, 1000);
		} else {
			client_close(client);
		}
		rig_until(rig, rig_has_closed);
		assert_int_equal(rig->messages, 3);
		assert_true(rig_stats(rig)->rate_pauses > 0);
		rig_destroy(rig);
	}
}

static void
ping_last(struct rig *rig)
{
	if (rig->last != NULL) { /* a slow machine: it is over */
		conn_ping(rig->last, 1);
	}
}

static void
one_that_is_gone_is_heard_though_it_takes_nothing(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;

	(void)state;
	config.client_rate = 2;
	config.client_burst = 1;
	config.times.stall = 250;
	rig = rig_create(config);
	client = client_open(rig->port, "/");
	say(client, 4, "end");
	rig_until(rig, has_paused);
	client_reset(client);
	rig_call(rig, ping_last);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->messages, 4);
	assert_int_equal(rig->stalled, 0);
	assert_true(rig_turns(rig) < 1000);
	rig_destroy(rig);
}

static void
press_a_broken_one(struct rig *rig)
{
	rig->first->broken = true;
	rig->net->reading = rig->last;
	rig->number = conn_press(rig->first) ? 1 : 0;
	rig->net->reading = NULL;
	rig->first->broken = false;
}

static void
nobody_waits_for_a_target_that_takes_nothing_any_more(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	(void)rig_peer(rig, 0);
	(void)rig_peer(rig, 0);
	rig->number = 2;
	rig_until(rig, rig_has_two);
	rig_call(rig, press_a_broken_one);
	assert_int_equal(rig->number, 0);
	rig_destroy(rig);
}

static void
close_last(struct rig *rig)
{
	conn_close(rig->last, 1001, "bye", true);
	rig->number = rig->last->paused || rig->net->throttled != NULL ? 1 : 0;
}

static void
one_that_is_closed_waits_no_longer(void **state)
{
	struct rig *rig = rig_limited(1, 1);
	struct client *client = client_open(rig->port, "/");

	(void)state;
	say(client, 3, "end");
	rig_until(rig, has_paused);
	rig_call(rig, close_last);
	assert_int_equal(rig->number, 0);
	client_expect_close(client, 1001);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->messages + rig_stats(rig)->dropped_closing, 3);
	rig_destroy(rig);
}

static void
one_that_waits_for_its_rate_waits_for_no_target(void **state)
{
	struct rig *rig = rig_limited(10, 1);
	struct client *source;

	(void)state;
	(void)rig_peer(rig, 4096);
	source = client_open(rig->port, "/");
	rig_until(rig, rig_has_two);
	rig_call(rig, rig_press_the_first);
	client_text(source, "on");
	rig_until(rig, rig_has_resumed);
	assert_int_equal(rig_stats(rig)->rate_pauses, 1);
	assert_int_equal(rig->stats.pauses, 0);
	assert_int_equal(rig->first->pause_used_ms, 0);
	rig_destroy(rig);
}

static bool
has_three_waits(struct rig *rig)
{
	return rig->pauses >= 3;
}

static void
drop_the_second_and_third(struct rig *rig)
{
	for (unsigned i = 1; i < 3; i++) {
		conn_drop(net_find(rig->net, rig->ids[i]));
	}
}

static bool
nobody_waits(struct rig *rig)
{
	return rig->messages >= rig->number && rig->net->throttled == NULL;
}

static void
others_wait_on_when_some_go(void **state)
{
	struct rig *rig = rig_limited(1, 1);

	(void)state;
	for (rig->number = 1; rig->number <= 3; rig->number++) {
		say(client_open(rig->port, "/"), 2, "end");
		rig_until(rig, has_heard_number);
	}
	rig_until(rig, has_three_waits);
	rig_call(rig, drop_the_second_and_third);
	rig_until(rig, rig_has_closed);
	say(client_open(rig->port, "/"), 2, "end");
	rig->number = 6; /* 2 + 1 + 1 + 2 */
	rig_until(rig, nobody_waits);
	rig_call(rig, rig_do_nothing);
	assert_ptr_equal(rig->net->throttled_end, &rig->net->throttled);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    a_burst_passes_at_once_and_more_has_to_wait,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_burst_is_at_least_what_comes_in_two_waits,
		    client_teardown),
		cmocka_unit_test_teardown(
		    one_that_keeps_to_its_rate_never_waits, client_teardown),
		cmocka_unit_test_teardown(peers_have_no_rate, client_teardown),
		cmocka_unit_test_teardown(pings_cost_nothing, client_teardown),
		cmocka_unit_test_teardown(
		    one_that_waits_is_not_late_with_a_message_and_holds_no_memory,
		    client_teardown),
		cmocka_unit_test_teardown(
		    one_that_waits_is_not_dead, client_teardown),
		cmocka_unit_test_teardown(
		    one_that_goes_while_it_waits_is_heard_to_the_end,
		    client_teardown),
		cmocka_unit_test_teardown(
		    one_that_closes_while_it_waits_is_heard_to_the_end,
		    client_teardown),
		cmocka_unit_test_teardown(
		    one_that_is_gone_is_heard_though_it_takes_nothing,
		    client_teardown),
		cmocka_unit_test_teardown(
		    nobody_waits_for_a_target_that_takes_nothing_any_more,
		    client_teardown),
		cmocka_unit_test_teardown(
		    one_that_is_closed_waits_no_longer, client_teardown),
		cmocka_unit_test_teardown(
		    one_that_waits_for_its_rate_waits_for_no_target,
		    client_teardown),
		cmocka_unit_test_teardown(
		    others_wait_on_when_some_go, client_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
