/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include "wire/message.h"

static void
copies_what_it_is_made_of(void **state)
{
	char topic[] = "chat.aXX";
	char payload[] = "hello";
	struct message_view view = {
		.seq = 7,
		.from = 9,
		.flags = MESSAGE_TEXT,
		.hops = 3,
		.topic = topic,
		.topic_len = 6,
		.payload = payload,
		.payload_len = 5,
	};
	struct message *message = message_create(&view);

	(void)state;
	assert_non_null(message);
	memset(topic, 'z', 6);
	memset(payload, 'z', 5);
	assert_string_equal(message->view.topic, "chat.a");
	assert_int_equal(message->view.topic_len, 6);
	assert_memory_equal(message->view.payload, "hello", 5);
	assert_int_equal(message->view.seq, 7);
	assert_int_equal(message->view.from, 9);
	assert_int_equal(message->view.hops, 3);
	message_unref(message);
}

static void
lives_until_the_last_reference_goes(void **state)
{
	struct message_view view = { .topic = "a", .topic_len = 1 };
	struct message *message = message_create(&view);

	(void)state;
	assert_non_null(message);
	assert_int_equal(message->view.payload_len, 0);
	assert_ptr_equal(message_ref(message), message);
	message_unref(message);
	assert_string_equal(message->view.topic, "a"); /* ASan would see */
	message_unref(message);
	message_unref(NULL);
}

static void
says_null_when_there_is_no_memory(void **state)
{
	struct message_view view = { .topic = "a", .topic_len = 1 };

	(void)state;
	fault_fail_nth(1);
	assert_null(message_create(&view));
	assert_true(fault_off());
	view.payload_len = SIZE_MAX; /* the sum would wrap */
	assert_null(message_create(&view));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_what_it_is_made_of),
		cmocka_unit_test(lives_until_the_last_reference_goes),
		cmocka_unit_test(says_null_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
