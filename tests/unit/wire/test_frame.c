/* SPDX-License-Identifier: MIT
 * What the decoder says is written down as text ("TEXT 5 hello;"), for the
 * whole input, for every cut in two and byte by byte: always the same. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/frame.h"

static const struct frame_limits limits = {
	.message_max = 1 << 20,
	.fragments_max = 4,
};

static const uint8_t key[4] = { 0x9a, 0x01, 0xf0, 0x57 };

/* Bytes on their way to the decoder under test. */
struct tape {
	enum frame_role role; /* of the decoder */
	struct buf bytes;
};

static void
tape_init(struct tape *tape, enum frame_role role)
{
	tape->role = role;
	buf_init(&tape->bytes);
}

static void
tape_raw(struct tape *tape, const void *bytes, size_t len)
{
	assert_int_equal(buf_append(&tape->bytes, bytes, len), ERR_OK);
}

/* One frame as the other role sends it, but for its first byte. */
static void
tape_frame(struct tape *tape, uint8_t first, const void *bytes, size_t len)
{
	const uint8_t *mask = tape->role == FRAME_SERVER ? key : NULL;
	uint8_t header[FRAME_HEADER_MAX];
	size_t head = frame_header_write(header, FRAME_OP_TEXT, len, mask);
	size_t at;

	header[0] = first;
	tape_raw(tape, header, head);
	at = tape->bytes.len;
	if (len > 0) {
		tape_raw(tape, bytes, len);
	}
	if (mask != NULL && len > 0) {
		frame_mask(
		    tape->bytes.bytes + at, tape->bytes.bytes + at, len, mask);
	}
}

static void
tape_text(struct tape *tape, uint8_t first, const char *text)
{
	tape_frame(tape, first, text, strlen(text));
}

static void
note(struct buf *said, enum frame_kind kind, const struct frame_event *event)
{
	static const char *const names[] = { "ERROR", "MORE", "TEXT", "BINARY",
		"PING", "PONG", "CLOSE" };
	enum err err;

	if (kind == FRAME_ERROR) {
		assert_non_null(event->reason);
		err = buf_printf(said, "ERROR %u;", event->code);
	} else if (kind == FRAME_CLOSE) {
		err = buf_printf(said, "CLOSE %u ", event->code);
	} else {
		err = buf_printf(said, "%s %zu ", names[kind], event->len);
	}
	assert_int_equal(err, ERR_OK);
	if (kind != FRAME_ERROR) {
		assert_non_null(event->bytes);
		assert_int_equal(
		    buf_append(said, event->bytes, event->len), ERR_OK);
		assert_int_equal(buf_append(said, ";", 1), ERR_OK);
	}
}

/* Feed a copy of exactly these bytes, so that a sanitizer sees a read behind
 * them, and write down what comes out. */
static void
feed(struct frame_decoder *decoder, const uint8_t *bytes, size_t len,
    struct buf *said)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct frame_event event;
	enum frame_kind kind;

	assert_non_null(copy);
	if (len > 0) {
		memcpy(copy, bytes, len);
	}
	frame_decoder_feed(decoder, copy, len);
	while ((kind = frame_decoder_next(decoder, &event)) != FRAME_MORE) {
		note(said, kind, &event);
	}
	free(copy);
}

static void
play(const struct tape *tape, size_t cut, size_t step, struct buf *said)
{
	struct frame_decoder decoder;
	const uint8_t *bytes = tape->bytes.bytes;
	size_t len = tape->bytes.len;

	buf_clear(said);
	frame_decoder_init(&decoder, tape->role, &limits);
	feed(&decoder, bytes, cut, said);
	while (cut < len) {
		size_t part = len - cut < step ? len - cut : step;

		feed(&decoder, bytes + cut, part, said);
		cut += part;
	}
	if (!frame_decoder_is_inside(&decoder)) {
		assert_int_equal(frame_decoder_held(&decoder), 0);
	}
	frame_decoder_fini(&decoder);
	assert_int_equal(buf_append(said, "", 1), ERR_OK);
}

/* The tape, used up here, makes the decoder say `expect`, however cut. */
static void
says(struct tape *tape, const char *expect)
{
	size_t len = tape->bytes.len;
	struct buf said;

	buf_init(&said);
	play(tape, len, len, &said);
	assert_string_equal((const char *)said.bytes, expect);
	for (size_t cut = 0; cut <= len && len < 5000; cut++) {
		play(tape, cut, len, &said);
		assert_string_equal((const char *)said.bytes, expect);
	}
	for (size_t step = 1; step < 20 && len < 5000; step++) {
		play(tape, 0, step, &said);
		assert_string_equal((const char *)said.bytes, expect);
	}
	buf_fini(&said);
	buf_fini(&tape->bytes);
}

struct scene {
	const char *expect;
	struct {
		uint8_t first;
		const char *text;
	} frames[6];
};

static void
play_scenes(const struct scene *scenes, size_t count)
{
	struct tape tape;

	for (size_t i = 0; i < count * 2; i++) {
		const struct scene *scene = &scenes[i / 2];

		tape_init(&tape, i % 2 == 0 ? FRAME_SERVER : FRAME_CLIENT);
		for (size_t f = 0; f < ARRAY_LEN(scene->frames) &&
		                   scene->frames[f].text != NULL;
		     f++) {
			tape_text(&tape, scene->frames[f].first,
			    scene->frames[f].text);
		}
		says(&tape, scene->expect);
	}
}

static void
gives_messages_whole_and_in_order(void **state)
{
	static const struct scene scenes[] = {
		{ "TEXT 5 hello;", { { 0x81, "hello" } } },
		{ "BINARY 5 hello;", { { 0x82, "hello" } } },
		{ "TEXT 0 ;BINARY 0 ;", { { 0x81, "" }, { 0x82, "" } } },
		{ "BINARY 2 \xff\xc0;", { { 0x82, "\xff\xc0" } } },
		{ "TEXT 6 a\xe2\x82\xac\xc3\xa9;",
		    { { 0x81, "a\xe2\x82\xac\xc3\xa9" } } },
		{ "PING 0 ;PONG 2 ab;", { { 0x89, "" }, { 0x8a, "ab" } } },
		{ "TEXT 1 a;PING 1 b;BINARY 20 12345678901234567890;TEXT 1 c;",
		    { { 0x81, "a" }, { 0x89, "b" },
		        { 0x82, "12345678901234567890" }, { 0x81, "c" } } },
	};

	(void)state;
	play_scenes(scenes, ARRAY_LEN(scenes));
}

static void
puts_fragments_together_around_control_frames(void **state)
{
	static const struct scene scenes[] = {
		{ "TEXT 5 hello;", { { 0x01, "hel" }, { 0x80, "lo" } } },
		{ "BINARY 3 abc;TEXT 1 d;",
		    { { 0x02, "a" }, { 0x00, "b" }, { 0x80, "c" },
		        { 0x81, "d" } } },
		{ "PING 1 x;PONG 0 ;TEXT 2 ab;PING 1 y;",
		    { { 0x01, "a" }, { 0x89, "x" }, { 0x8a, "" }, { 0x80, "b" },
		        { 0x89, "y" } } },
		{ "TEXT 0 ;", { { 0x01, "" }, { 0x00, "" }, { 0x80, "" } } },
		{ "TEXT 1 a;", { { 0x01, "" }, { 0x00, "" }, { 0x80, "a" } } },
		{ "TEXT 1 a;", { { 0x01, "a" }, { 0x00, "" }, { 0x80, "" } } },
		{ "TEXT 3 \xe2\x82\xac;",
		    { { 0x01, "\xe2" }, { 0x00, "\x82" }, { 0x80, "\xac" } } },
		{ "CLOSE 1000 ;",
		    { { 0x01, "a" }, { 0x88, "\x03\xe8" }, { 0x80, "b" } } },
	};

	(void)state;
	play_scenes(scenes, ARRAY_LEN(scenes));
}

static void
refuses_what_breaks_the_protocol_with_1002(void **state)
{
	static const struct scene scenes[] = {
		{ "ERROR 1002;", { { 0xc1, "a" }, { 0x81, "b" } } },
		{ "ERROR 1002;", { { 0xa1, "a" } } },
		{ "ERROR 1002;", { { 0x91, "a" } } },
		{ "ERROR 1002;", { { 0xc9, "" } } },
		{ "ERROR 1002;", { { 0x83, "a" } } },
		{ "ERROR 1002;", { { 0x87, "a" } } },
		{ "ERROR 1002;", { { 0x8b, "a" } } },
		{ "ERROR 1002;", { { 0x8f, "a" } } },
		{ "ERROR 1002;", { { 0x09, "" } } },
		{ "ERROR 1002;", { { 0x0a, "a" } } },
		{ "ERROR 1002;", { { 0x08, "" } } },
		{ "ERROR 1002;", { { 0x80, "a" } } },
		{ "ERROR 1002;", { { 0x00, "a" } } },
		{ "TEXT 1 a;ERROR 1002;", { { 0x81, "a" }, { 0x80, "b" } } },
		{ "ERROR 1002;", { { 0x01, "a" }, { 0x81, "b" } } },
		{ "ERROR 1002;", { { 0x01, "a" }, { 0x02, "b" } } },
		{ "TEXT 2 ab;ERROR 1002;",
		    { { 0x01, "a" }, { 0x80, "b" }, { 0x80, "c" } } },
		{ "PING 1 p;ERROR 1002;",
		    { { 0x01, "a" }, { 0x89, "p" }, { 0xb0, "c" } } },
	};

	(void)state;
	play_scenes(scenes, ARRAY_LEN(scenes));
}

static void
refuses_a_mask_that_is_missing_and_one_too_many(void **state)
{
	struct tape tape;

	(void)state;
	tape_init(&tape, FRAME_CLIENT);
	tape_text(&tape, 0x81, "hello");
	tape.role = FRAME_SERVER;
	says(&tape, "ERROR 1002;");
	tape_init(&tape, FRAME_SERVER);
	tape_text(&tape, 0x81, "hello");
	tape.role = FRAME_CLIENT;
	says(&tape, "ERROR 1002;");
	tape_init(&tape, FRAME_CLIENT);
	tape_text(&tape, 0x89, "");
	tape.role = FRAME_SERVER;
	says(&tape, "ERROR 1002;");
	tape_init(&tape, FRAME_SERVER);
	tape_text(&tape, 0x88, "");
	tape.role = FRAME_CLIENT;
	says(&tape, "ERROR 1002;");
}

static void
refuses_lengths_not_in_their_shortest_form_or_of_64_bits(void **state)
{
	static const struct {
		const char *expect;
		uint8_t first;
		uint8_t len;
		uint8_t more[8];
	} heads[] = {
		{ "ERROR 1002;", 0x81, 126, { 0, 125 } },
		{ "ERROR 1002;", 0x82, 126, { 0, 0 } },
		{ "ERROR 1002;", 0x81, 127, { 0, 0, 0, 0, 0, 0, 0xff, 0xff } },
		{ "ERROR 1002;", 0x82, 127, { 0 } },
		{ "ERROR 1002;", 0x02, 127, { 0x80 } },
		{ "ERROR 1002;", 0x82, 127, { 0xff, 255, 255, 255 } },
		{ "ERROR 1009;", 0x82, 127, { 0x7f, 255, 255, 255, 255 } },
		{ "ERROR 1009;", 0x81, 127, { 0, 0, 0, 0, 0x40 } },
		{ "ERROR 1009;", 0x01, 127, { 0, 0, 0, 0, 0, 0x10, 0, 1 } },
		{ "ERROR 1002;", 0x89, 126, { 0, 126 } },
		{ "ERROR 1002;", 0x88, 127, { 0 } },
	};
	struct tape tape;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads) * 2; i++) {
		bool server = i % 2 == 0;
		uint8_t head[2] = { heads[i / 2].first, heads[i / 2].len };

		head[1] |= server ? 0x80 : 0;
		tape_init(&tape, server ? FRAME_SERVER : FRAME_CLIENT);
		tape_raw(&tape, head, 2);
		/* No mask, no payload: the length alone must do. */
		tape_raw(
		    &tape, heads[i / 2].more, head[1] % 128 == 126 ? 2 : 8);
		says(&tape, heads[i / 2].expect);
	}
}

static void
refuses_control_frames_above_125_bytes(void **state)
{
	uint8_t bytes[126];
	uint8_t kinds[] = { 0x88, 0x89, 0x8a };
	struct tape tape;

	(void)state;
	memset(bytes, 'p', sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(kinds) * 2; i++) {
		tape_init(&tape, i % 2 == 0 ? FRAME_SERVER : FRAME_CLIENT);
		tape_frame(&tape, kinds[i / 2], bytes, sizeof(bytes));
		says(&tape, "ERROR 1002;");
	}
}

static void
gives_every_byte_of_the_longest_control_frame(void **state)
{
	char bytes[126];
	char expect[200];
	struct tape tape;

	(void)state;
	for (size_t i = 0; i < 125; i++) {
		bytes[i] = (char)('a' + i % 26);
	}
	bytes[125] = '\0';
	(void)snprintf(expect, sizeof(expect), "PING 125 %s;", bytes);
	for (int i = 0; i < 2; i++) {
		tape_init(&tape, i == 0 ? FRAME_SERVER : FRAME_CLIENT);
		tape_frame(&tape, 0x89, bytes, 125);
		says(&tape, expect);
	}
}

static void
ends_at_a_close_whatever_follows(void **state)
{
	static const struct scene scenes[] = {
		{ "CLOSE 1005 ;", { { 0x88, "" }, { 0x81, "late" } } },
		{ "CLOSE 1000 ;", { { 0x88, "\x03\xe8" }, { 0xff, "bad" } } },
		{ "CLOSE 1001 bye;", { { 0x88, "\x03\xe9"
		                               "bye" },
		                         { 0x88, "" } } },
		{ "CLOSE 4999 \xc3\xa9;", { { 0x88, "\x13\x87\xc3\xa9" } } },
		{ "ERROR 1002;", { { 0x88, "\x03" }, { 0x81, "late" } } },
		{ "ERROR 1002;", { { 0x88, "\x03\xed" } } },
		{ "ERROR 1002;", { { 0x88, "\x03\xee" } } },
		{ "ERROR 1002;", { { 0x88, "\x03\xf7" } } },
		{ "ERROR 1002;", { { 0x88, "\x03\xe7" } } },
		{ "ERROR 1002;", { { 0x88, "\x13\x88" } } },
		{ "ERROR 1002;", { { 0x88, "\xff\xff" } } },
		{ "ERROR 1007;", { { 0x88, "\x03\xe8\xff" } } },
		{ "ERROR 1007;", { { 0x88, "\x03\xe8ok\xe2\x82" } } },
	};

	(void)state;
	play_scenes(scenes, ARRAY_LEN(scenes));
}

static void
knows_which_close_codes_may_travel(void **state)
{
	(void)state;
	for (unsigned code = 0; code <= UINT16_MAX; code++) {
		bool named = (code >= 1000 && code <= 1003) ||
		             (code >= 1007 && code <= 1014);

		assert_int_equal(frame_close_code_is_valid((uint16_t)code),
		    named || (code >= 3000 && code <= 4999));
	}
}

static void
refuses_text_that_is_not_utf8_with_1007(void **state)
{
	static const struct scene scenes[] = {
		{ "ERROR 1007;", { { 0x81, "\xff" }, { 0x81, "b" } } },
		{ "ERROR 1007;", { { 0x81, "ab\xe2\x82" } } },
		{ "ERROR 1007;", { { 0x81, "\xed\xa0\x80 surrogate" } } },
		{ "ERROR 1007;",
		    { { 0x81, "sixteen and more bytes of ASCII \xc0\x80" } } },
		{ "ERROR 1007;", { { 0x01, "a\xff" } } },
		{ "ERROR 1007;", { { 0x01, "\xe2" }, { 0x80, "a" } } },
		{ "ERROR 1007;", { { 0x01, "\xe2" }, { 0x80, "" } } },
		{ "PING 0 ;ERROR 1007;",
		    { { 0x01, "\xf0" }, { 0x89, "" }, { 0x80, "\x80" } } },
	};

	(void)state;
	play_scenes(scenes, ARRAY_LEN(scenes));
}

static void
finds_bad_utf8_at_its_byte_and_not_at_the_end_of_the_frame(void **state)
{
	/* 1000 bytes announced, 5 of them here, the last one is wrong. */
	uint8_t head[] = { 0x01, 126, 0x03, 0xe8, 'a', 'b', 0xf4, 0x8f, 'x' };
	struct tape tape;
	struct buf said;

	(void)state;
	buf_init(&said);
	for (size_t len = 4; len <= sizeof(head); len++) {
		tape_init(&tape, FRAME_CLIENT);
		tape_raw(&tape, head, len);
		play(&tape, 3, 100, &said);
		assert_string_equal((const char *)said.bytes,
		    len == sizeof(head) ? "ERROR 1007;" : "");
		buf_fini(&tape.bytes);
	}
	buf_fini(&said);
}

static void
gives_every_length_form_its_bytes(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 125,
		126, 127, 65535, 65536, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens) * 4; i++) {
		size_t len = lens[i / 4];
		uint8_t *bytes = malloc(len + 1);
		struct buf expect;
		struct tape tape;
		bool text = i % 4 < 2;

		assert_non_null(bytes);
		for (size_t at = 0; at < len; at++) {
			bytes[at] = (uint8_t)(1 + at % 127);
		}
		bytes[len] = '\0';
		buf_init(&expect);
		assert_int_equal(buf_printf(&expect, "%s %zu %s;PONG 0 ;",
		                     text ? "TEXT" : "BINARY", len, bytes),
		    ERR_OK);
		tape_init(&tape, i % 2 == 0 ? FRAME_SERVER : FRAME_CLIENT);
		tape_frame(&tape, text ? 0x81 : 0x82, bytes, len);
		tape_text(&tape, 0x8a, "");
		assert_int_equal(
		    tape.bytes.len, frame_header_len(len, i % 2 == 0) + len +
		                        2 + (i % 2 == 0 ? 4 : 0));
		says(&tape, (const char *)expect.bytes);
		buf_fini(&expect);
		free(bytes);
	}
}

static void
assembles_a_long_message_from_reads_of_any_size(void **state)
{
	static const size_t steps[] = { 1, 4095, 4096, 65536, 262144 };
	size_t len = 200000;
	char *text = malloc(len + 1);
	struct buf said;
	struct tape tape;

	(void)state;
	assert_non_null(text);
	memset(text, 'm', len);
	text[len] = '\0';
	buf_init(&said);
	tape_init(&tape, FRAME_SERVER);
	tape_text(&tape, 0x01, text);
	tape_text(&tape, 0x80, text);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		play(&tape, 0, steps[i], &said);
		assert_int_equal(
		    said.len, strlen("TEXT 400000 ;") + 400000 + 1);
	}
	buf_fini(&said);
	buf_fini(&tape.bytes);
	free(text);
}

static void
refuses_a_sum_of_fragments_above_the_limit_from_the_header(void **state)
{
	uint8_t *bytes = calloc(1, limits.message_max);
	uint8_t head[FRAME_HEADER_MAX];
	struct tape tape;

	(void)state;
	assert_non_null(bytes);
	tape_init(&tape, FRAME_CLIENT);
	tape_frame(&tape, 0x02, bytes, limits.message_max - 1);
	tape_frame(&tape, 0x00, bytes, 1);
	tape_raw(&tape, head,
	    frame_header_write(head, FRAME_OP_CONTINUATION, 1, NULL));
	says(&tape, "ERROR 1009;");
	free(bytes);
}

static void
refuses_too_many_fragments_with_1008(void **state)
{
	static const struct scene scenes[] = {
		{ "TEXT 4 abcd;", { { 0x01, "a" }, { 0x00, "b" }, { 0x00, "c" },
		                      { 0x80, "d" } } },
		{ "ERROR 1008;", { { 0x01, "a" }, { 0x00, "b" }, { 0x00, "c" },
		                     { 0x00, "d" }, { 0x80, "e" } } },
		{ "ERROR 1008;", { { 0x01, "" }, { 0x00, "" }, { 0x00, "" },
		                     { 0x00, "" }, { 0x00, "" } } },
	};

	(void)state;
	play_scenes(scenes, ARRAY_LEN(scenes));
}

static void
writes_headers_in_their_shortest_form(void **state)
{
	static const uint8_t small[] = { 0x89, 125 };
	static const uint8_t mid[] = { 0x81, 126, 0xff, 0xff };
	static const uint8_t big[] = { 0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0x9a,
		0x01, 0xf0, 0x57 };
	uint8_t out[FRAME_HEADER_MAX];

	(void)state;
	assert_int_equal(
	    frame_header_write(out, FRAME_OP_PING, 125, NULL), sizeof(small));
	assert_memory_equal(out, small, sizeof(small));
	assert_int_equal(
	    frame_header_write(out, FRAME_OP_TEXT, 65535, NULL), sizeof(mid));
	assert_memory_equal(out, mid, sizeof(mid));
	assert_int_equal(
	    frame_header_write(out, FRAME_OP_BINARY, 65536, key), sizeof(big));
	assert_memory_equal(out, big, sizeof(big));
	assert_int_equal(frame_header_len(126, true), 8);
	assert_int_equal(frame_header_len(65536, false), 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_messages_whole_and_in_order),
		cmocka_unit_test(puts_fragments_together_around_control_frames),
		cmocka_unit_test(refuses_what_breaks_the_protocol_with_1002),
		cmocka_unit_test(
		    refuses_a_mask_that_is_missing_and_one_too_many),
		cmocka_unit_test(
		    refuses_lengths_not_in_their_shortest_form_or_of_64_bits),
		cmocka_unit_test(refuses_control_frames_above_125_bytes),
		cmocka_unit_test(gives_every_byte_of_the_longest_control_frame),
		cmocka_unit_test(ends_at_a_close_whatever_follows),
		cmocka_unit_test(knows_which_close_codes_may_travel),
		cmocka_unit_test(refuses_text_that_is_not_utf8_with_1007),
		cmocka_unit_test(
		    finds_bad_utf8_at_its_byte_and_not_at_the_end_of_the_frame),
		cmocka_unit_test(gives_every_length_form_its_bytes),
		cmocka_unit_test(
		    assembles_a_long_message_from_reads_of_any_size),
		cmocka_unit_test(
		    refuses_a_sum_of_fragments_above_the_limit_from_the_header),
		cmocka_unit_test(refuses_too_many_fragments_with_1008),
		cmocka_unit_test(writes_headers_in_their_shortest_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
