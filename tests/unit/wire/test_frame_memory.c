/* SPDX-License-Identifier: MIT
 * Whose memory a message lies in, how much is held, and what happens when
 * there is none. */
#include "support/test.h"

#include "support/fault.h"
#include "wire/frame.h"

static const struct frame_limits limits = {
	.message_max = 1 << 20,
	.fragments_max = 4,
};

static void
tape_text(struct buf *tape, uint8_t first, const char *text)
{
	static const uint8_t key[4] = { 0x9a, 0x01, 0xf0, 0x57 };
	uint8_t frame[FRAME_HEADER_MAX + FRAME_CONTROL_MAX];
	size_t len = strlen(text);
	size_t head = frame_header_write(frame, FRAME_OP_TEXT, len, key);

	frame[0] = first;
	frame_mask(frame + head, (const uint8_t *)text, len, key);
	assert_int_equal(buf_append(tape, frame, head + len), ERR_OK);
}

static void
points_into_the_input_when_the_frame_is_whole(void **state)
{
	struct frame_decoder decoder;
	struct frame_event event;
	struct buf tape = { NULL, 0, 0 };

	(void)state;
	tape_text(&tape, 0x82, "hello");
	tape_text(&tape, 0x89, "ping");
	for (size_t cut = 0; cut <= 6; cut++) { /* a cut header is no reason */
		struct buf copy;

		buf_init(&copy);
		assert_int_equal(
		    buf_append(&copy, tape.bytes, tape.len), ERR_OK);
		frame_decoder_init(&decoder, FRAME_SERVER, &limits);
		frame_decoder_feed(&decoder, copy.bytes, cut);
		assert_int_equal(
		    frame_decoder_next(&decoder, &event), FRAME_MORE);
		assert_int_equal(frame_decoder_is_inside(&decoder), cut > 0);
		frame_decoder_feed(&decoder, copy.bytes + cut, copy.len - cut);
		assert_int_equal(
		    frame_decoder_next(&decoder, &event), FRAME_BINARY);
		assert_ptr_equal(event.bytes, copy.bytes + 6);
		assert_false(frame_decoder_is_inside(&decoder));
		assert_int_equal(frame_decoder_held(&decoder), 0);
		assert_int_equal(
		    frame_decoder_next(&decoder, &event), FRAME_PING);
		assert_ptr_equal(event.bytes, copy.bytes + 17);
		assert_int_equal(frame_decoder_held(&decoder), 0);
		frame_decoder_fini(&decoder);
		buf_fini(&copy);
	}
	buf_fini(&tape);
}

static void
holds_no_more_than_what_arrived_and_nothing_when_idle(void **state)
{
	static const struct frame_limits wide = { SIZE_MAX, UINT32_MAX };
	uint8_t head[] = { 0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 'x', 'y' };
	uint8_t whole[] = { 0x02, 1, 'a', 0x80, 1, 'b' };
	struct frame_decoder decoder;
	struct frame_event event;

	(void)state;
	frame_decoder_init(&decoder, FRAME_CLIENT, &wide);
	frame_decoder_feed(&decoder, head, sizeof(head));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	assert_true(frame_decoder_is_inside(&decoder));
	assert_in_range(frame_decoder_held(&decoder), 2, 64);
	frame_decoder_fini(&decoder);

	frame_decoder_init(&decoder, FRAME_CLIENT, &wide);
	frame_decoder_feed(&decoder, whole, sizeof(whole));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_BINARY);
	assert_memory_equal(event.bytes, "ab", 2);
	assert_false(frame_decoder_is_inside(&decoder));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	assert_int_equal(frame_decoder_held(&decoder), 0);
	frame_decoder_fini(&decoder);
}

static void
refuses_a_message_above_the_limit_though_it_is_all_there(void **state)
{
	static const struct frame_limits small = { 10, 4 };
	struct frame_decoder decoder;
	struct frame_event event;
	struct buf tape = { NULL, 0, 0 };

	(void)state;
	tape_text(&tape, 0x81, "0123456789");
	tape_text(&tape, 0x89, "a ping is no message");
	tape_text(&tape, 0x81, "0123456789a");
	frame_decoder_init(&decoder, FRAME_SERVER, &small);
	frame_decoder_feed(&decoder, tape.bytes, tape.len);
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_TEXT);
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_PING);
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_ERROR);
	assert_int_equal(event.code, 1009);
	frame_decoder_fini(&decoder);
	buf_fini(&tape);
}

static void
lets_go_of_everything_at_an_error(void **state)
{
	uint8_t bytes[] = { 0x01, 1, 'a', 0x89, 5, 'p', 'i' };
	uint8_t rest[] = { 'n', 'g', '!', 0x81, 0 };
	struct frame_decoder decoder;
	struct frame_event event;

	(void)state;
	frame_decoder_init(&decoder, FRAME_CLIENT, &limits);
	frame_decoder_feed(&decoder, bytes, sizeof(bytes));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	assert_in_range(frame_decoder_held(&decoder), 126, 1000);
	frame_decoder_feed(&decoder, rest, sizeof(rest));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_PING);
	assert_memory_equal(event.bytes, "ping!", 5);
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_ERROR);
	assert_int_equal(event.code, 1002);
	assert_int_equal(frame_decoder_held(&decoder), 0);
	assert_false(frame_decoder_is_inside(&decoder));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	frame_decoder_feed(&decoder, rest, sizeof(rest));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	frame_decoder_fini(&decoder);
}

static void
stops_behind_a_message_and_holds_nothing(void **state)
{
	uint8_t bytes[] = { 0x01, 1, 'a', 0x80, 1, 'b', 0x82, 1, 'c', 0x89 };
	struct frame_decoder decoder;
	struct frame_event event;

	(void)state;
	frame_decoder_init(&decoder, FRAME_CLIENT, &limits);
	frame_decoder_feed(&decoder, bytes, sizeof(bytes));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_TEXT);
	assert_int_equal(frame_decoder_stop(&decoder), 4);
	assert_int_equal(frame_decoder_held(&decoder), 0);
	assert_false(frame_decoder_is_inside(&decoder));
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	/* And goes on there another time. */
	frame_decoder_feed(&decoder, bytes + 6, 4);
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_BINARY);
	assert_memory_equal(event.bytes, "c", 1);
	assert_int_equal(frame_decoder_stop(&decoder), 1);
	frame_decoder_feed(&decoder, bytes + 9, 1);
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	assert_int_equal(frame_decoder_stop(&decoder), 0);
	assert_true(frame_decoder_is_inside(&decoder));
	frame_decoder_fini(&decoder);
}

static void
says_1011_when_memory_runs_out(void **state)
{
	uint8_t bytes[] = { 0x01, 3, 'a', 'b', 'c', 0x89, 2, 'p', 'q', 0x80, 70,
		'd' };
	unsigned failures = 0;

	(void)state;
	for (unsigned n = 1;; n++) {
		struct frame_decoder decoder;
		struct frame_event event;
		enum frame_kind kind = FRAME_MORE;

		frame_decoder_init(&decoder, FRAME_CLIENT, &limits);
		fault_fail_nth(n);
		for (size_t i = 0;
		     i < sizeof(bytes) + 69 && kind != FRAME_ERROR; i++) {
			uint8_t one = i < sizeof(bytes) ? bytes[i] : 'e';

			frame_decoder_feed(&decoder, &one, 1);
			kind = frame_decoder_next(&decoder, &event);
		}
		if (!fault_off()) {
			assert_int_equal(kind, FRAME_TEXT);
			assert_int_equal(event.len, 73);
			frame_decoder_fini(&decoder);
			break;
		}
		failures++;
		assert_int_equal(kind, FRAME_ERROR);
		assert_int_equal(event.code, 1011);
		assert_int_equal(frame_decoder_held(&decoder), 0);
		frame_decoder_fini(&decoder);
	}
	assert_int_equal(failures, 3); /* message, control, message again */
}

static void
allocates_nothing_for_messages_that_arrive_whole(void **state)
{
	struct frame_decoder decoder;
	struct frame_event event;
	struct buf tape = { NULL, 0, 0 };

	(void)state;
	for (int i = 0; i < 50; i++) {
		tape_text(&tape, 0x81, "a small message");
		tape_text(&tape, 0x89, "and a ping");
	}
	frame_decoder_init(&decoder, FRAME_SERVER, &limits);
	frame_decoder_feed(&decoder, tape.bytes, tape.len);
	fault_fail_from(1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(frame_decoder_next(&decoder, &event),
		    i % 2 == 0 ? FRAME_TEXT : FRAME_PING);
	}
	assert_int_equal(frame_decoder_next(&decoder, &event), FRAME_MORE);
	assert_false(fault_off());
	frame_decoder_fini(&decoder);
	buf_fini(&tape);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_into_the_input_when_the_frame_is_whole),
		cmocka_unit_test(
		    holds_no_more_than_what_arrived_and_nothing_when_idle),
		cmocka_unit_test(
		    refuses_a_message_above_the_limit_though_it_is_all_there),
		cmocka_unit_test(lets_go_of_everything_at_an_error),
		cmocka_unit_test(stops_behind_a_message_and_holds_nothing),
		cmocka_unit_test(says_1011_when_memory_runs_out),
		cmocka_unit_test(
		    allocates_nothing_for_messages_that_arrive_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
