/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/clock.h"
#include "fixtures/box.h"

static struct box box;

static void
begin(const char *spec)
{
	box_open(&box, GV_PLUGIN_DIR);
	box_load(&box, spec);
	box_start(&box);
}

static void
end(void)
{
	box_stop(&box);
	box_close(&box);
}

static void
expect_error(const char *spec, const char *part)
{
	struct diag diag = { "" };

	box_open(&box, GV_PLUGIN_DIR);
	assert_int_not_equal(host_load(box.host, spec, &diag), ERR_OK);
	if (strstr(diag.text, part) == NULL) {
		fail_msg("%s is not in: %s", part, diag.text);
	}
	box_close(&box);
}

static void
says_what_the_article_says_unless_told_otherwise(void **state)
{
	struct host_request *request;

	(void)state;
	begin("broadcaster,interval=1ms");
	request = box_request(&box);
	assert_string_equal(request->message->view.topic, "public");
	assert_int_equal(request->message->view.flags, MESSAGE_TEXT);
	assert_int_equal(request->to, 0);
	host_request_destroy(request);
	box_expect(&box, "Message from edge-1 at localhost:8080");
	end();
}

static void
fills_in_what_it_knows_and_leaves_other_braces(void **state)
{
	struct host_request *request;
	const char *payload;

	(void)state;
	begin("broadcaster,interval=1ms,topic=a.b,"
	      "text={n} {name}{bind} {other} {\"k\":1} {");
	box_expect(&box, "1 edge-1localhost:8080 {other} {\"k\":1} {");
	box_expect(&box, "2 edge-1localhost:8080 {other} {\"k\":1} {");
	end();
	begin("broadcaster,interval=1ms,text={time}");
	request = box_request(&box);
	payload = request->message->view.payload;
	assert_int_equal(request->message->view.payload_len, 20);
	assert_int_equal(payload[4], '-');
	assert_int_equal(payload[19], 'Z');
	host_request_destroy(request);
	end();
}

static void
waits_an_interval_before_the_first(void **state)
{
	uint64_t begun_ns = clock_now_ns();
	struct host_request *request;

	(void)state;
	begin("broadcaster,interval=20ms");
	request = box_request(&box);
	assert_true(request->message->view.received_ns - begun_ns >= 20000000);
	host_request_destroy(request);
	end();
}

static void
counts_what_grew_too_long(void **state)
{
	char spec[4096] = "broadcaster,interval=1ms,text=";
	size_t len = strlen(spec);

	(void)state;
	/* Below the limit as written, over it when filled in. */
	for (int i = 0; i < 300; i++, len += 6) {
		memcpy(spec + len, "{bind}", 7);
	}
	box_open(&box, GV_PLUGIN_DIR);
	box_load(&box, spec);
	box_start(&box);
	box_wait_stats(&box, "\"missed\":3");
	box_stop(&box);
	assert_null(host_take_requests(box.host));
	box_close(&box);
}

static void
refuses_what_makes_no_sense(void **state)
{
	char spec[5000] = "broadcaster,text=";
	size_t len = strlen(spec);

	(void)state;
	expect_error(
	    "broadcaster,interval=0s", "interval must be at least 1ms");
	expect_error("broadcaster,interval=soon", "expected a duration");
	expect_error("broadcaster,topic=$node", "expected a topic");
	expect_error("broadcaster,txt=a", "which are: interval, text, topic");
	memset(spec + len, 'a', 4096);
	expect_error(spec, "text must be below 4096 bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    says_what_the_article_says_unless_told_otherwise),
		cmocka_unit_test(
		    fills_in_what_it_knows_and_leaves_other_braces),
		cmocka_unit_test(waits_an_interval_before_the_first),
		cmocka_unit_test(counts_what_grew_too_long),
		cmocka_unit_test(refuses_what_makes_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
