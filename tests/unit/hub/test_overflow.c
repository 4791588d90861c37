/* SPDX-License-Identifier: MIT
 * What the hub does to readers who are too slow. */

#include "rig.h"

#include "hub/session.h"
#include "support/fault.h"

enum { SOFT = 4096, HARD = 16384, SMALL = 100, FRAME = SMALL + 2 };

/* A message of `len` bytes that begins with `number`. */
static size_t
say_number(struct rig *rig, uint64_t number, size_t len)
{
	uint8_t payload[HARD * 2];

	memset(payload, (int)(number & 0xff), len);
	memcpy(payload, &number, sizeof(number));
	return rig_deliver(rig, "t", payload, len, 0, NULL);
}

static void
fill(struct rig *rig, uint64_t from, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		say_number(rig, from + i, SMALL);
	}
}

/* Read all: whole messages, numbers rising.  Returns the first, the last in
 * `*last`, how many in `*count`. */
static uint64_t
read_numbers(struct client *client, uint64_t *last, uint64_t *count)
{
	uint64_t number = 0, first = 0;
	struct seen seen;
	size_t at = 0;

	client_read(client, SIZE_MAX);
	*count = 0;
	while (client_next(client, &at, &seen)) {
		uint64_t before = number;

		memcpy(&number, seen.payload, sizeof(number));
		for (size_t i = sizeof(number); i < seen.len; i++) {
			assert_int_equal(seen.payload[i], number & 0xff);
		}
		if (++*count == 1) {
			first = number;
		} else {
			assert_true(number > before);
		}
	}
	assert_int_equal(at, client->wire.len); /* nothing was cut */
	buf_clear(&client->wire);
	*last = number;
	return first;
}

static void
asks_nobody_up_to_soft(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	fill(&rig, 0, 10);
	assert_int_equal(rig.clients[0].out.bytes, 10 * FRAME);
	assert_int_equal(rig.clients[0].pressed, 0);
	fill(&rig, 10, 1);
	assert_int_equal(rig.clients[0].pressed, 1);
	rig_fini(&rig);
}

static void
drops_the_oldest_above_soft_and_counts_them(void **state)
{
	uint64_t first, last, count;
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	for (uint64_t i = 0; i < 25; i++) {
		assert_int_equal(say_number(&rig, i, SMALL), 1);
		assert_true(rig.clients[0].out.bytes <= 10 * FRAME);
	}
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 15);
	assert_int_equal(hub_stats(rig.hub)->delivered, 25);
	first = read_numbers(&rig.clients[0], &last, &count);
	assert_int_equal(first, 15);
	assert_int_equal(last, 24);
	assert_int_equal(count, 10);
	assert_int_equal(rig.clients[0].closes, 0);
	rig_fini(&rig);
}

static void
drops_nothing_below_hard_while_the_source_is_slowed(void **state)
{
	uint64_t first, last, count;
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, 20 * FRAME, HUB_DROP_OLDEST);
	rig.slowed = true;
	rig_open(&rig, 0, "t", false);
	fill(&rig, 0, 20);
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 0);
	assert_int_equal(rig.clients[0].pressed, 10);
	fill(&rig, 20, 5);
	assert_int_equal(rig.clients[0].out.bytes, 20 * FRAME);
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 5);
	rig.slowed = false; /* the pause is used up */
	fill(&rig, 25, 1);
	assert_int_equal(rig.clients[0].out.bytes, 10 * FRAME);
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 16);
	first = read_numbers(&rig.clients[0], &last, &count);
	assert_int_equal(first, 16);
	assert_int_equal(last, 25);
	assert_int_equal(count, 10);
	rig_fini(&rig);
}

static void
slows_one_reader_without_loss_for_the_others(void **state)
{
	uint64_t last, count;
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "t", false);
	for (uint64_t i = 0; i < 100; i++) {
		say_number(&rig, i, SMALL);
		assert_int_equal(
		    read_numbers(&rig.clients[1], &last, &count), i);
		assert_int_equal(count, 1);
	}
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 90);
	assert_int_equal(rig.clients[1].pressed, 0);
	rig_fini(&rig);
}

static void
still_delivers_a_message_larger_than_soft(void **state)
{
	uint64_t last, count;
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	fill(&rig, 0, 3);
	say_number(&rig, 3, 2 * SOFT);
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 3);
	assert_int_equal(read_numbers(&rig.clients[0], &last, &count), 3);
	assert_int_equal(count, 1);
	rig_fini(&rig);
}

static void
drops_even_the_newest_rather_than_exceed_hard(void **state)
{
	uint64_t last, count;
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	assert_int_equal(say_number(&rig, 0, HARD), 1);
	assert_int_equal(rig.clients[0].out.bytes, 0);
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 1);
	fill(&rig, 1, 1); /* life goes on */
	assert_int_equal(rig.clients[0].dirty, 2);
	assert_int_equal(read_numbers(&rig.clients[0], &last, &count), 1);
	rig_fini(&rig);
}

static void
keeps_a_frame_that_is_partly_sent(void **state)
{
	uint64_t first, last, count;
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	fill(&rig, 0, 5);
	client_read(&rig.clients[0], FRAME + 7); /* 1 is cut */
	fill(&rig, 5, 30);
	assert_true(rig.clients[0].out.bytes <= 10 * FRAME);
	first = read_numbers(&rig.clients[0], &last, &count);
	assert_int_equal(first, 0);
	assert_int_equal(last, 34);
	assert_int_equal(count + hub_stats(rig.hub)->dropped_oldest, 35);
	rig_fini(&rig);
}

static void
closes_who_is_above_hard_and_cannot_be_relieved(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 5 * FRAME, 10 * FRAME, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "u", false);
	rig.slowed = true;
	fill(&rig, 0, 2);
	while (rig.clients[0].out.count < rig.clients[0].out.cap) {
		rig_say(&rig, "u", "between"); /* so that ranges do not join */
		fill(&rig, 2, 1);
	}
	/* To drop, the cut frame must be split off, which needs memory. */
	client_read(&rig.clients[0], 5);
	fault_fail_from(1);
	fill(&rig, 10, 10);
	assert_true(fault_off());
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 0);
	assert_int_equal(hub_stats(rig.hub)->dropped_nomem, 0);
	assert_int_equal(rig.clients[0].closes, 1);
	assert_int_equal(rig.clients[0].code, 4002);
	rig_fini(&rig);
}

/* Messages of any size, readers of any speed, the ends of turns anywhere: all
 * that was delivered is read or counted as dropped, whole and in order. */
static void
cuts_no_frame_whatever_the_reader_does(void **state)
{
	uint64_t received[4] = { 0 }, last[4] = { 0 };
	size_t parsed[4] = { 0 };
	unsigned rnd = 1;
	uint64_t number = 0;
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	for (int i = 0; i < 4; i++) {
		rig_open(&rig, i, "t", false);
	}
	for (int step = 0; step < 30000; step++) {
		struct client *client;
		struct seen seen;
		size_t big;
		int i;

		rnd = rnd * 1103515245 + 12345;
		rig.slowed = (rnd >> 28 & 3) == 0;
		big = (rnd >> 20 & 63) == 0 ? SOFT + SOFT / 2 : 300;
		say_number(&rig, ++number, 8 + (rnd >> 8) % big);
		rnd = rnd * 1103515245 + 12345;
		i = (int)(rnd >> 16 & 3);
		client = &rig.clients[i];
		if ((rnd >> 20 & 7) == 0) {
			outq_settle(&client->out, &rig.pool);
		}
		client_read(client, (rnd >> 8) % (unsigned)(1200 >> i));
		while (client_next(client, &parsed[i], &seen)) {
			uint64_t got;

			memcpy(&got, seen.payload, sizeof(got));
			assert_true(got > last[i]);
			for (size_t k = sizeof(got); k < seen.len; k++) {
				assert_int_equal(seen.payload[k], got & 0xff);
			}
			last[i] = got;
			received[i]++;
		}
		for (int k = 0; k < 4; k++) {
			assert_true(rig.clients[k].out.bytes <= HARD);
		}
	}
	for (int i = 0; i < 4; i++) {
		struct seen seen;

		client_read(&rig.clients[i], SIZE_MAX);
		while (client_next(&rig.clients[i], &parsed[i], &seen)) {
			received[i]++;
		}
		assert_int_equal(parsed[i], rig.clients[i].wire.len);
		received[0] += i > 0 ? received[i] : 0;
	}
	assert_int_equal(hub_stats(rig.hub)->delivered, 4 * number);
	assert_true(hub_stats(rig.hub)->dropped_oldest > 0);
	assert_int_equal(
	    received[0] + hub_stats(rig.hub)->dropped_oldest, 4 * number);
	rig_fini(&rig);
}

static void
disconnects_after_ten_seconds_above_soft(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DISCONNECT);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "t", false);
	rig.now_ms = 50000;
	fill(&rig, 0, 11);
	client_read(&rig.clients[1], SIZE_MAX);
	assert_int_equal(hub_stats(rig.hub)->dropped_oldest, 0);
	hub_on_tick(rig.hub, 59999);
	assert_int_equal(rig.clients[0].closes, 0);
	hub_on_tick(rig.hub, 60000);
	assert_int_equal(rig.clients[0].closes, 1);
	assert_int_equal(rig.clients[0].code, 4002);
	assert_string_equal(rig.clients[0].reason, "slow consumer");
	assert_int_equal(rig.clients[1].closes, 0);
	hub_on_tick(rig.hub, 70000);
	assert_int_equal(rig.clients[0].closes, 1);
	assert_int_equal(hub_stats(rig.hub)->slow_closed, 1);
	assert_int_equal(say_number(&rig, 20, SMALL), 1);
	assert_int_equal(hub_stats(rig.hub)->dropped_closing, 1);
	rig_fini(&rig);
}

static void
forgives_who_came_below_soft_before_the_tick(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DISCONNECT);
	rig_open(&rig, 0, "t", false);
	fill(&rig, 0, 11);
	client_read(&rig.clients[0], FRAME);
	hub_on_tick(rig.hub, 10000);
	assert_int_equal(rig.clients[0].closes, 0);
	rig.now_ms = 10001;
	fill(&rig, 11, 1); /* above again: a new ten seconds */
	hub_on_tick(rig.hub, 20000);
	assert_int_equal(rig.clients[0].closes, 0);
	hub_on_tick(rig.hub, 20001);
	assert_int_equal(rig.clients[0].closes, 1);
	rig_fini(&rig);
}

static void
leaves_a_session_alone_that_the_caller_closes(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DISCONNECT);
	rig_open(&rig, 0, "t", false);
	fill(&rig, 0, 11);
	hub_on_closing(rig.hub, rig.clients[0].session);
	hub_on_tick(rig.hub, 20000);
	assert_int_equal(rig.clients[0].closes, 0);
	assert_int_equal(hub_stats(rig.hub)->slow_closed, 0);
	rig_fini(&rig);
}

static void
begins_the_ten_seconds_anew_at_each_crossing(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 10 * FRAME, HARD, HUB_DISCONNECT);
	rig_open(&rig, 0, "t", false);
	fill(&rig, 0, 11);
	rig.now_ms = 9000;
	fill(&rig, 11, 1); /* still above: the clock goes on */
	client_read(&rig.clients[0], 2 * FRAME);
	fill(&rig, 12, 1); /* was below, between two ticks */
	hub_on_tick(rig.hub, 18999);
	assert_int_equal(rig.clients[0].closes, 0);
	hub_on_tick(rig.hub, 19000);
	assert_int_equal(rig.clients[0].closes, 1);
	rig_fini(&rig);
}

static void
disconnects_at_once_above_hard_wherever_the_reader_sits(void **state)
{
	(void)state;
	for (int slow = 0; slow < 5; slow++) {
		uint64_t last, count;
		struct rig rig;

		rig_init(&rig, 5 * FRAME, 10 * FRAME, HUB_DISCONNECT);
		for (int i = 0; i < 5; i++) {
			rig_open(&rig, i, "t", false);
		}
		for (uint64_t n = 0; n < 12; n++) {
			size_t want = n < 11 ? 5 : 4;

			assert_int_equal(say_number(&rig, n, SMALL), want);
			for (int i = 0; i < 5; i++) {
				if (i == slow) {
					continue;
				}
				assert_int_equal(read_numbers(&rig.clients[i],
				                     &last, &count),
				    n);
				assert_int_equal(count, 1);
			}
		}
		assert_int_equal(rig.clients[slow].closes, 1);
		assert_int_equal(rig.clients[slow].code, 4002);
		assert_int_equal(hub_stats(rig.hub)->dropped_closing, 1);
		hub_on_tick(rig.hub, 100000);
		assert_int_equal(rig.clients[slow].closes, 1);
		rig_fini(&rig);
	}
}

static void
closes_several_in_one_fan_out(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 5 * FRAME, 10 * FRAME, HUB_DISCONNECT);
	for (int i = 0; i < 5; i++) {
		rig_open(&rig, i, "t", false);
	}
	for (uint64_t n = 0; n < 12; n++) {
		say_number(&rig, n, SMALL);
		client_read(&rig.clients[2], SIZE_MAX);
	}
	for (int i = 0; i < 5; i++) {
		assert_int_equal(rig.clients[i].closes, i == 2 ? 0 : 1);
	}
	assert_int_equal(hub_stats(rig.hub)->slow_closed, 4);
	assert_int_equal(hub_stats(rig.hub)->dropped_closing, 4);
	rig_fini(&rig);
}

static void
holds_answers_to_the_same_limits(void **state)
{
	const uint8_t payload[SMALL] = { 0 };
	struct session *session;
	struct rig rig;

	(void)state;
	rig_init(&rig, 5 * FRAME, 10 * FRAME, HUB_DISCONNECT);
	rig_open(&rig, 0, "t", false);
	session = rig.clients[0].session;
	for (int i = 0; i < 11; i++) {
		assert_int_equal(
		    hub_send(rig.hub, session, 0, payload, SMALL, false),
		    ERR_OK);
	}
	assert_int_equal(rig.clients[0].pressed, 6);
	assert_int_equal(rig.clients[0].closes, 1);
	assert_int_equal(
	    hub_send(rig.hub, session, 0, payload, SMALL, false), ERR_CLOSED);
	assert_int_equal(say_number(&rig, 1, SMALL), 0);
	rig_fini(&rig);
}

/* In a tick, by a reader that takes nothing, and by an answer. */
static void
goes_on_with_those_who_stay_whoever_was_shut_and_how(void **state)
{
	const uint8_t payload[11 * SMALL] = { 0 };
	uint64_t last, count;
	struct rig rig;

	(void)state;
	rig_init(&rig, 5 * FRAME, 10 * FRAME, HUB_DISCONNECT);
	for (int i = 0; i < RIG_CLIENTS; i++) {
		rig_open(&rig, i, "t", false);
	}
	fill(&rig, 0, 6);
	for (int i = 0; i < RIG_CLIENTS; i += 2) {
		client_read(&rig.clients[i], SIZE_MAX);
		buf_clear(&rig.clients[i].wire);
	}
	hub_on_tick(rig.hub, SESSION_OVER_MS);
	hub_on_stalled(rig.hub, rig.clients[4].session);
	assert_int_equal(hub_send(rig.hub, rig.clients[8].session, 0, payload,
	                     sizeof(payload), false),
	    ERR_OK);
	assert_int_equal(hub_stats(rig.hub)->slow_closed, 10);
	for (uint64_t n = 6; n < 9; n++) {
		assert_int_equal(say_number(&rig, n, SMALL), 6);
		assert_int_equal(
		    hub_stats(rig.hub)->dropped_closing, 10 * (n - 5));
	}
	for (int i = 0; i < RIG_CLIENTS; i++) {
		bool stays = i % 2 == 0 && i != 4 && i != 8;

		assert_int_equal(rig.clients[i].closes, stays ? 0 : 1);
		if (stays) {
			assert_int_equal(
			    read_numbers(&rig.clients[i], &last, &count), 6);
			assert_int_equal(last, 8);
			assert_int_equal(count, 3);
		}
	}
	rig_fini(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_nobody_up_to_soft),
		cmocka_unit_test(drops_the_oldest_above_soft_and_counts_them),
		cmocka_unit_test(
		    drops_nothing_below_hard_while_the_source_is_slowed),
		cmocka_unit_test(slows_one_reader_without_loss_for_the_others),
		cmocka_unit_test(still_delivers_a_message_larger_than_soft),
		cmocka_unit_test(drops_even_the_newest_rather_than_exceed_hard),
		cmocka_unit_test(keeps_a_frame_that_is_partly_sent),
		cmocka_unit_test(
		    closes_who_is_above_hard_and_cannot_be_relieved),
		cmocka_unit_test(cuts_no_frame_whatever_the_reader_does),
		cmocka_unit_test(disconnects_after_ten_seconds_above_soft),
		cmocka_unit_test(forgives_who_came_below_soft_before_the_tick),
		cmocka_unit_test(leaves_a_session_alone_that_the_caller_closes),
		cmocka_unit_test(begins_the_ten_seconds_anew_at_each_crossing),
		cmocka_unit_test(
		    disconnects_at_once_above_hard_wherever_the_reader_sits),
		cmocka_unit_test(closes_several_in_one_fan_out),
		cmocka_unit_test(holds_answers_to_the_same_limits),
		cmocka_unit_test(
		    goes_on_with_those_who_stay_whoever_was_shut_and_how),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
