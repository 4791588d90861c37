/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "fixtures/box.h"

static struct box box;

static void
deliver(uint64_t from, uint32_t flags, const void *payload, size_t len)
{
	struct message_view view = {
		.origin = { { 1 } },
		.seq = 1,
		.from = from,
		.flags = flags,
		.topic = "public",
		.topic_len = 6,
		.payload = payload,
		.payload_len = len,
	};

	host_deliver(box.host, &view, -1);
	host_flush(box.host);
}

static void
expect_answer(uint64_t to, uint32_t flags, const void *payload, size_t len)
{
	struct host_request *request = box_request(&box);

	assert_int_equal(request->to, to);
	assert_int_equal(request->message->view.flags, flags);
	assert_int_equal(request->message->view.payload_len, len);
	assert_memory_equal(request->message->view.payload, payload, len);
	host_request_destroy(request);
}

static void
answers_the_connection_with_the_same_bytes(void **state)
{
	(void)state;
	box_open(&box, GV_PLUGIN_DIR);
	box_load(&box, "echo");
	box_start(&box);
	deliver(7, MESSAGE_TEXT, "hello", 5);
	expect_answer(7, MESSAGE_TEXT | MESSAGE_REPLY, "hello", 5);
	deliver(8, 0, "\0\xff", 2);
	expect_answer(8, MESSAGE_REPLY, "\0\xff", 2);
	box_stop(&box);
	box_close(&box);
}

static void
never_answers_an_answer_nor_its_own_node(void **state)
{
	(void)state;
	box_open(&box, GV_PLUGIN_DIR);
	box_load(&box, "echo");
	box_start(&box);
	deliver(7, MESSAGE_TEXT | MESSAGE_REPLY, "reply", 5);
	deliver(0, MESSAGE_TEXT, "own", 3);
	deliver(7, MESSAGE_TEXT, "last", 4);
	expect_answer(7, MESSAGE_TEXT | MESSAGE_REPLY, "last", 4);
	box_stop(&box);
	assert_null(host_take_requests(box.host));
	box_close(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_the_connection_with_the_same_bytes),
		cmocka_unit_test(never_answers_an_answer_nor_its_own_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
