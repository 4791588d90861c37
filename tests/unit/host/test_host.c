/* SPDX-License-Identifier: MIT
 * The life of a host and its plugins, from load to destroy. */

#include "support/test.h"

#include "fixtures/box.h"
#include "support/fault.h"

static void
expect_load_error(const char *spec, enum err expected, const char *part)
{
	struct box box;
	struct diag diag = { "" };

	box_open(&box, GV_ZOO_DIR);
	assert_int_equal(host_load(box.host, spec, &diag), expected);
	if (strstr(diag.text, part) == NULL) {
		fail_msg("%s is not in: %s", part, diag.text);
	}
	assert_int_equal(host_plugin_count(box.host), 0);
	box_close(&box);
}

static void
says_why_it_does_not_load(void **state)
{
	(void)state;
	expect_load_error("ghost", ERR_NOTFOUND, "expected ghost.so in one of");
	expect_load_error("/nowhere/ghost.so", ERR_NOTFOUND, "its folder");
	expect_load_error("probe,a=b", ERR_INVALID,
	    "plugin probe: \"a\" is none of its options, which are: to, text, "
	    "flag, number, wait, size, colour");
	expect_load_error("slow,a=b", ERR_INVALID, "which are: none");
	expect_load_error("probe,wait=soon", ERR_INVALID,
	    "wait=soon, expected a duration such as 500ms");
	expect_load_error("probe,colour=blue", ERR_INVALID,
	    "colour=blue, expected red|green");
	expect_load_error("probe,to=$x", ERR_INVALID, "expected a topic");
	expect_load_error("needy", ERR_INVALID,
	    "key is not given, expected key=text (what it cannot do without)");
	expect_load_error("create-fails", ERR_PLUGIN,
	    "its create returned -2: no such luck, expected 0");
	expect_load_error("probe,@isolate=process", ERR_INVALID,
	    "isolation comes with a later version");
}

static void
names_the_plugin_that_does_not_start(void **state)
{
	struct box box;
	struct diag diag = { "" };

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	box_load(&box, "probe");
	box_load(&box, "start-fails");
	assert_int_equal(host_start(box.host, &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "plugin start-fails ("));
	assert_non_null(strstr(diag.text, "its start returned -6"));
	/* Who started before is stopped again. */
	box_expect(&box, "start text=none flag=0 number=7 wait=10000000000 "
	                 "size=1024 colour=red");
	box_expect(&box, "stop");
	assert_true(host_has_stopped(box.host));
	box_close(&box);
}

static void
goes_on_without_an_optional_plugin(void **state)
{
	struct box box;

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	box_load(&box, "ghost,@optional");
	box_load(&box, "bad-magic,@optional");
	box_load(&box, "probe,wait=soon,@optional");
	assert_int_equal(host_plugin_count(box.host), 0);
	box_load(&box, "start-fails,@optional");
	box_load(&box, "probe");
	box_start(&box);
	box_expect(&box, "start text=none flag=0 number=7 wait=10000000000 "
	                 "size=1024 colour=red");
	box_deliver(&box, "a", "x");
	box_expect(&box, "message a x");
	box_stop(&box);
	box_close(&box);
}

static void
configures_each_instance_on_its_own(void **state)
{
	struct box box;

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	box_load(&box, "probe,text=a\\,b,flag=yes");
	box_load(&box, GV_ZOO_DIR "/probe.so,number=9,size=2M,colour=green");
	assert_int_equal(host_plugin_count(box.host), 2);
	box_start(&box);
	box_expect(&box,
	    "start text=a,b flag=1 number=7 wait=10000000000 size=1024 "
	    "colour=red");
	box_expect(&box, "start text=none flag=0 number=9 wait=10000000000 "
	                 "size=2097152 colour=green");
	box_expect_stats(&box, "\"plugins\":{\"probe\":{\"messages\":0,");
	box_expect_stats(&box, "\"probe#2\":{\"messages\":0,");
	box_stop(&box);
	box_close(&box);
}

static void
stops_in_reverse_after_what_was_delivered(void **state)
{
	struct box box;

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	box_load(&box, "probe,to=one");
	box_load(&box, "filter,to=two");
	box_start(&box);
	host_request_destroy(box_request(&box));
	host_request_destroy(box_request(&box));
	for (uint64_t seq = 1; seq <= 50; seq++) {
		box_deliver_from(&box, 5, seq, "a", "x", -1);
	}
	assert_int_equal(host_pending(box.host), 50);
	box_stop(&box);
	assert_int_equal(host_pending(box.host), 0);
	for (int i = 0; i < 100; i++) {
		box_expect(&box, "message a x");
	}
	for (int i = 0; i < 2; i++) {
		struct host_request *request = box_request(&box);

		assert_int_equal(request->message->view.payload_len, 4);
		assert_string_equal(
		    request->message->view.topic, i == 0 ? "two" : "one");
		host_request_destroy(request);
	}
	/* Nothing is taken any more. */
	box_deliver(&box, "a", "late");
	box_expect_stats(&box, "\"own\":{\"seen\":50}");
	box_close(&box);
}

static void
knows_whether_anybody_wants_messages(void **state)
{
	struct box box;

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	assert_false(host_wants_messages(box.host));
	box_load(&box, "twin-a");
	assert_false(host_wants_messages(box.host));
	box_load(&box, "probe");
	assert_true(host_wants_messages(box.host));
	box_close(&box);
}

static void
drops_what_the_inbox_cannot_take_and_counts(void **state)
{
	enum { ITEMS = 65536, MORE = 100 };
	struct box box;
	struct host_stats stats;

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	box_load(&box, "probe,@topics=nothing");
	/* Not started: nobody empties the inbox. */
	for (uint64_t seq = 1; seq <= ITEMS + MORE; seq++) {
		box_deliver_from(&box, 5, seq, "a", "x", -1);
	}
	host_flush(box.host);
	host_stats(box.host, &stats);
	assert_int_equal(stats.inbox_put, ITEMS);
	assert_int_equal(stats.inbox_dropped, MORE);
	assert_int_equal(stats.gap_events, MORE);
	/* The plugins hear of it: one gap, of all that is missing. */
	box_start(&box);
	host_request_destroy(box_request(&box));
	box_expect(&box, "gap 17 65537 100");
	box_stop(&box);
	host_stats(box.host, &stats);
	assert_int_equal(stats.dispatched, ITEMS);
	box_close(&box);
}

static void
limits_the_inbox_in_bytes_too(void **state)
{
	enum { SIZE = 1 << 20 };
	struct box box;
	struct host_stats stats;
	struct message_view view = {
		.topic = "a", .topic_len = 1, .payload_len = SIZE, .seq = 1
	};
	void *payload = calloc(1, SIZE);

	(void)state;
	assert_non_null(payload);
	view.payload = payload;
	box_open(&box, GV_ZOO_DIR);
	for (int i = 0; i < 70; i++) {
		host_deliver(box.host, &view, -1);
	}
	/* A reply has no place in its author's numbers. */
	view.flags = MESSAGE_REPLY;
	host_deliver(box.host, &view, -1);
	host_flush(box.host);
	host_stats(box.host, &stats);
	assert_int_equal(stats.inbox_put, 63);
	assert_int_equal(stats.inbox_dropped, 8);
	assert_int_equal(stats.gap_events, 7);
	box_close(&box);
	free(payload);
}

static void
counts_a_message_that_finds_no_memory(void **state)
{
	struct box box;
	struct host_stats stats;

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	for (unsigned n = 1; n <= 2; n++) {
		fault_fail_nth(n);
		box_deliver_from(&box, 5, n, "a", "x", -1);
		assert_true(fault_off());
	}
	host_stats(box.host, &stats);
	assert_int_equal(stats.inbox_dropped, 2);
	assert_int_equal(stats.gap_events, 2);
	box_close(&box);
}

static void
survives_having_no_memory(void **state)
{
	const struct host_config config = { .node_name = "n" };
	struct host *host;
	struct diag diag;

	(void)state;
	for (unsigned n = 1;; n++) {
		enum err err;

		fault_fail_nth(n);
		err = host_create(&host, &config);
		if (!fault_off()) {
			assert_int_equal(err, ERR_OK);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
	}
	for (unsigned n = 1;; n++) {
		enum err err;

		fault_fail_nth(n);
		err = host_load(host, GV_ZOO_DIR "/needy.so,key=v", &diag);
		if (!fault_off()) {
			assert_int_equal(err, ERR_OK);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
		assert_int_equal(host_plugin_count(host), 0);
	}
	host_destroy(host);
	host_destroy(NULL);
}

static void
names_every_counter(void **state)
{
	const struct host_stats stats = { .slow_calls = 7 };
	struct buf out;

	(void)state;
	buf_init(&out);
	assert_int_equal(
	    counters_json(&out, host_counters, host_counter_count, &stats),
	    ERR_OK);
	assert_int_equal(buf_append(&out, "", 1), ERR_OK);
	assert_non_null(strstr((const char *)out.bytes, "\"slow_calls\":7}"));
	buf_fini(&out);
}

static void
can_be_abandoned_while_a_plugin_is_busy(void **state)
{
	static struct box left; /* stays reachable, for LeakSanitizer */
	struct box *box = &left;
	const char *busy = NULL;

	(void)state;
	box_open(box, GV_ZOO_DIR);
	box_load(box, "slow");
	box_start(box);
	assert_null(host_busy_plugin(box->host));
	for (uint64_t seq = 1; seq <= 10; seq++) {
		box_deliver_from(box, 5, seq, "a", "x", -1);
	}
	host_flush(box->host);
	while (busy == NULL) {
		(void)sched_yield();
		busy = host_busy_plugin(box->host);
	}
	assert_string_equal(busy, "slow");
	assert_true(host_pending(box->host) > 0);
	host_stop(box->host);
	assert_false(host_has_stopped(box->host));
	host_abandon(box->host);
	host_destroy(box->host); /* does nothing: the thread still runs */
	while (!host_has_stopped(box->host)) {
		box_sleep(box);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_why_it_does_not_load),
		cmocka_unit_test(names_the_plugin_that_does_not_start),
		cmocka_unit_test(goes_on_without_an_optional_plugin),
		cmocka_unit_test(configures_each_instance_on_its_own),
		cmocka_unit_test(stops_in_reverse_after_what_was_delivered),
		cmocka_unit_test(knows_whether_anybody_wants_messages),
		cmocka_unit_test(drops_what_the_inbox_cannot_take_and_counts),
		cmocka_unit_test(limits_the_inbox_in_bytes_too),
		cmocka_unit_test(counts_a_message_that_finds_no_memory),
		cmocka_unit_test(survives_having_no_memory),
		cmocka_unit_test(names_every_counter),
		cmocka_unit_test(can_be_abandoned_while_a_plugin_is_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
