/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "fixtures/box.h"

static struct box box;

/* With these plugins, started; what their start says is taken. */
static void
begin(const char *const *specs, size_t count)
{
	box_open(&box, GV_ZOO_DIR);
	for (size_t i = 0; i < count; i++) {
		box_load(&box, specs[i]);
	}
	box_start(&box);
}

static void
skip_requests(size_t count)
{
	while (count-- > 0) {
		host_request_destroy(box_request(&box));
	}
}

static void
end(void)
{
	box_stop(&box);
	box_close(&box);
}

static void
expect_from(const char *text, int32_t plugin)
{
	struct host_request *request = box_request(&box);

	assert_int_equal(request->plugin, plugin);
	assert_memory_equal(request->message->view.payload, text, strlen(text));
	host_request_destroy(request);
}

static void
hands_each_message_to_each_plugin_in_order(void **state)
{
	const char *const specs[] = { "probe", "filter", "probe" };

	(void)state;
	begin(specs, 3);
	skip_requests(3);
	box_deliver(&box, "a", "x");
	for (int32_t plugin = 0; plugin < 3; plugin++) {
		expect_from("message a x", plugin);
	}
	end();
}

static void
never_hands_a_plugin_its_own_message(void **state)
{
	const char *const specs[] = { "probe", "filter" };

	(void)state;
	begin(specs, 2);
	skip_requests(2);
	box_deliver_from(&box, 0, 1, "a", "x", 0);
	box_deliver_from(&box, 0, 2, "a", "y", 1);
	host_flush(box.host);
	expect_from("message a x", 1);
	expect_from("message a y", 0);
	end();
}

static void
lets_only_filters_end_the_chain(void **state)
{
	const char *const specs[] = { "probe", "filter", "probe" };
	struct host_stats stats;

	(void)state;
	begin(specs, 3);
	skip_requests(3);
	box_deliver(&box, "a", "stop");
	expect_from("message a stop", 0); /* counts as an error */
	expect_from("message a stop", 1); /* ends it */
	box_deliver(&box, "a", "next");
	expect_from("message a next", 0);
	skip_requests(2);
	box_stop(&box);
	host_stats(box.host, &stats);
	assert_int_equal(stats.errors, 1);
	assert_int_equal(stats.dispatched, 2);
	box_expect_stats(&box, "\"filter\":{\"messages\":2,\"errors\":0,"
	                       "\"slow\":0,\"stopped\":1,");
	box_close(&box);
}

static void
counts_failures_and_goes_on(void **state)
{
	const char *const specs[] = { "probe", "filter" };
	struct host_stats stats;

	(void)state;
	begin(specs, 2);
	skip_requests(2);
	box_deliver(&box, "a", "fail");
	box_deliver(&box, "a", "odd");
	for (int i = 0; i < 2; i++) {
		expect_from("message a fail", i);
	}
	for (int i = 0; i < 2; i++) {
		expect_from("message a odd", i);
	}
	box_stop(&box);
	host_stats(box.host, &stats);
	assert_int_equal(stats.errors, 4);
	box_close(&box);
}

static void
hands_out_only_the_topics_asked_for(void **state)
{
	const char *const specs[] = { "probe,@topics=a.>;b", "filter" };

	(void)state;
	begin(specs, 2);
	skip_requests(2);
	box_deliver(&box, "a", "no");
	expect_from("message a no", 1);
	box_deliver(&box, "a.b", "yes");
	expect_from("message a.b yes", 0);
	expect_from("message a.b yes", 1);
	end();
}

static void
tells_of_peers_and_gaps_before_the_next_batch(void **state)
{
	const char *const specs[] = { "probe" };
	const struct nodeid origin = { { 7 } };
	struct host_stats stats;

	(void)state;
	begin(specs, 1);
	skip_requests(1);
	host_on_peer(box.host, 3, &origin, "edge-2", true);
	host_on_gap(box.host, &origin, 20, 2);
	host_on_gap(box.host, &origin, 30, 1);
	box_deliver(&box, "a", "x");
	box_expect(&box, "peer up 3 edge-2");
	box_expect(&box, "gap 7 20 2");
	box_expect(&box, "gap 7 30 1");
	box_expect(&box, "message a x");
	/* Alone they wake the dispatcher, too. */
	host_on_peer(box.host, 3, &origin, "edge-2", false);
	host_flush(box.host);
	box_expect(&box, "peer down 3 edge-2");
	host_stats(box.host, &stats);
	assert_int_equal(stats.peer_events, 2);
	assert_int_equal(stats.gap_events, 2);
	end();
}

static void
fires_timers_between_messages_and_messages_between_timers(void **state)
{
	const char *const specs[] = { "probe" };
	int timers = 0;
	int messages = 0;
	bool mixed = false;

	(void)state;
	begin(specs, 1);
	skip_requests(1);
	/* A hundred timers, each due at once when the last one has fired, and
	 * a hundred messages, all in one batch. */
	box_deliver_from(&box, 5, 1, "a", "due", -1);
	for (uint64_t seq = 2; seq <= 100; seq++) {
		box_deliver_from(&box, 5, seq, "a", "x", -1);
	}
	host_flush(box.host);
	while (timers < 100 || messages < 100) {
		struct host_request *request = box_request(&box);
		const char *text = request->message->view.payload;

		timers += text[0] == 't';
		messages += text[0] == 'm';
		mixed = mixed || (timers > 10 && timers < 90 && messages > 10 &&
		                     messages < 90);
		host_request_destroy(request);
	}
	assert_true(mixed);
	end();
}

static void
fires_timers_without_any_message(void **state)
{
	const char *const specs[] = { "probe" };

	(void)state;
	begin(specs, 1);
	skip_requests(1);
	box_deliver(&box, "a", "cancel");
	box_expect(&box, "message a cancel");
	box_expect(&box, "cancel 0 0 -1");
	box_deliver(&box, "a", "due");
	box_expect(&box, "message a due");
	box_expect(&box, "timer 1 0");
	box_expect(&box, "timer 2 0");
	end();
}

static void
counts_calls_that_take_too_long(void **state)
{
	const char *const specs[] = { "slow", "probe" };
	struct host_stats stats;

	(void)state;
	begin(specs, 2);
	skip_requests(1);
	box_deliver(&box, "a", "x");
	box_expect(&box, "message a x");
	host_stats(box.host, &stats);
	assert_int_equal(stats.slow_calls, 1);
	box_expect_stats(&box, "\"slow\":{\"messages\":1,\"errors\":0,"
	                       "\"slow\":1,");
	end();
}

static void
bounds_what_a_chatty_plugin_asks_for(void **state)
{
	enum { ITEMS = 8192 };
	const char *const specs[] = { "chatty" };
	struct host_stats stats;

	(void)state;
	begin(specs, 1);
	box_deliver(&box, "a", "x");
	/* Nobody takes the requests, so the queue gets full. */
	box_stop(&box);
	host_stats(box.host, &stats);
	assert_int_equal(stats.requests, ITEMS);
	assert_int_equal(stats.requests_full, 1);
	box_expect_stats(&box, "\"published\":8192,\"sent\":0,\"full\":1,");
	skip_requests(ITEMS);
	assert_null(host_take_requests(box.host));
	box_close(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_each_message_to_each_plugin_in_order),
		cmocka_unit_test(never_hands_a_plugin_its_own_message),
		cmocka_unit_test(lets_only_filters_end_the_chain),
		cmocka_unit_test(counts_failures_and_goes_on),
		cmocka_unit_test(hands_out_only_the_topics_asked_for),
		cmocka_unit_test(tells_of_peers_and_gaps_before_the_next_batch),
		cmocka_unit_test(
		    fires_timers_between_messages_and_messages_between_timers),
		cmocka_unit_test(fires_timers_without_any_message),
		cmocka_unit_test(counts_calls_that_take_too_long),
		cmocka_unit_test(bounds_what_a_chatty_plugin_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
