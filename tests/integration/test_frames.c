/* SPDX-License-Identifier: MIT
 * test_frames.c - every violation of RFC 6455 over a real socket, and what is
 * none: SAFETY F1 to F4. */
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

#define MASK "\0\0\0\0" /* a mask that changes nothing */

struct bad_frame {
	const char *name;
	const char *bytes;
	size_t len;
	int code;
};

#define BAD(name, bytes, code)                       \
	{                                            \
		name, bytes, sizeof(bytes) - 1, code \
	}

static const struct bad_frame bad_frames[] = {
	BAD("not masked", "\x81\x02hi", 1002),
	BAD("a ping not masked", "\x89\x02hi", 1002),
	BAD("RSV1", "\xc1\x82" MASK "hi", 1002),
	BAD("RSV2", "\xa1\x82" MASK "hi", 1002),
	BAD("RSV3", "\x91\x82" MASK "hi", 1002),
	BAD("RSV1 on a ping", "\xc9\x80" MASK, 1002),
	BAD("opcode 3", "\x83\x80" MASK, 1002),
	BAD("opcode 7", "\x87\x80" MASK, 1002),
	BAD("opcode 11", "\x8b\x80" MASK, 1002),
	BAD("opcode 15", "\x8f\x80" MASK, 1002),
	BAD("a fragmented ping", "\x09\x80" MASK, 1002),
	BAD("a fragmented close", "\x08\x80" MASK, 1002),
	BAD("a ping of 126 bytes", "\x89\xfe\x00\x7e" MASK, 1002),
	BAD("a close of 65536 bytes", "\x88\xff\0\0\0\0\0\1\0\0" MASK, 1002),
	BAD("a continuation of nothing", "\x80\x81" MASK "a", 1002),
	BAD("text inside a message", "\x01\x81" MASK "a\x81\x81" MASK "b",
	    1002),
	BAD("binary inside a message", "\x02\x81" MASK "a\x02\x81" MASK "b",
	    1002),
	BAD("125 in 16 bits", "\x81\xfe\x00\x7d" MASK, 1002),
	BAD("65535 in 64 bits", "\x81\xff\0\0\0\0\0\0\xff\xff" MASK, 1002),
	BAD("a length of 2^63", "\x82\xff\x80\0\0\0\0\0\0\0" MASK, 0),
	BAD("a length of 2^63 - 1",
	    "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK, 1009),
	BAD("a length of 1 GiB", "\x82\xff\0\0\0\0\x40\0\0\0" MASK, 1009),
	BAD("one byte over the limit", "\x82\xff\0\0\0\0\0\x10\0\x01" MASK,
	    1009),
	BAD("a close of one byte", "\x88\x81" MASK "\x03", 1002),
	BAD("close 999", "\x88\x82" MASK "\x03\xe7", 1002),
	BAD("close 1004", "\x88\x82" MASK "\x03\xec", 1002),
	BAD("close 1005", "\x88\x82" MASK "\x03\xed", 1002),
	BAD("close 1006", "\x88\x82" MASK "\x03\xee", 1002),
	BAD("close 1015", "\x88\x82" MASK "\x03\xf7", 1002),
	BAD("close 2999", "\x88\x82" MASK "\x0b\xb7", 1002),
	BAD("close 5000", "\x88\x82" MASK "\x13\x88", 1002),
	BAD("close with a reason that is not UTF-8",
	    "\x88\x84" MASK "\x03\xe8\xff\xfe", 1007),
	BAD("a lone continuation byte", "\x81\x81" MASK "\x80", 1007),
	BAD("an overlong slash", "\x81\x82" MASK "\xc0\xaf", 1007),
	BAD("a surrogate", "\x81\x83" MASK "\xed\xa0\x80", 1007),
	BAD("above U+10FFFF", "\x81\x84" MASK "\xf4\x90\x80\x80", 1007),
	BAD("a character cut at the end", "\x81\x82" MASK "\xe2\x82", 1007),
	BAD("a character cut at the end of the fragments",
	    "\x01\x81" MASK "\xe2\x80\x81" MASK "\x82", 1007),
	/* Found at the byte: the other 99 never come. */
	BAD("the first of 100 bytes", "\x81\xe4" MASK "\xff", 1007),
	BAD("a bad byte in the first fragment", "\x01\x82" MASK "a\xff", 1007),
};

static void
closes_with_the_code_of_each_violation(void **state)
{
	struct daemon *node = daemon_start("--plugins logger,echo");
	size_t fds = daemon_fd_count(node);
	struct client *witness = client_open(node->port, "/f");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_frames); i++) {
		const struct bad_frame *bad = &bad_frames[i];

		for (int bytewise = 0; bytewise < 2; bytewise++) {
			struct client *client = client_open(
			    node->port, "/f?echo=1");

			print_message("%s: %d\n", bad->name, bad->code);
			for (size_t k = 0; bytewise && k < bad->len; k++) {
				client_send(client, bad->bytes + k, 1);
			}
			if (!bytewise) {
				client_send(client, bad->bytes, bad->len);
			}
			client_expect_close(client, bad->code);
		}
	}
	/* Nothing of it was a message: not to clients, not to plugins. */
	client_expect_nothing(witness);
	assert_int_equal(daemon_count_lines(node, "stdout", "topic=f"), 0);
	assert_int_equal(daemon_counter(node, "net.frame_errors"),
	    2 * ARRAY_LEN(bad_frames));
	daemon_wait_event(node, "frame_error", NULL, NULL);
	client_close(witness);
	daemon_wait_fds(node, fds);
	daemon_stop(node);
}

static void
answers_nothing_that_follows_a_violation(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *witness = client_open(node->port, "/f");
	struct client *client = client_open(node->port, "/f");
	uint8_t bytes[64];
	size_t len = 0;

	(void)state;
	client_sync(witness);
	/* A good message before it still counts, a ping after it does not. */
	len += client_frame_build(bytes, CLIENT_TEXT, true, "good", 4);
	len += client_frame_build(bytes + len, 0x83, true, "bad", 3);
	len += client_frame_build(bytes + len, CLIENT_PING, true, "late", 4);
	len += client_frame_build(bytes + len, CLIENT_TEXT, true, "late", 4);
	client_send(client, bytes, len);
	client_expect_close(client, 1002);
	client_expect_text(witness, "good");
	client_expect_nothing(witness);
}

static void
carries_messages_of_every_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536,
		65537, 300000, 1 << 20 };
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/f?echo=1");
	uint8_t *bytes = malloc(1 << 20);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < 1 << 20; i++) {
		bytes[i] = (uint8_t)('a' + i % 23);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		client_frame(client, CLIENT_TEXT, bytes, sizes[i]);
		client_expect(client, CLIENT_TEXT, bytes, sizes[i]);
		client_frame(client, CLIENT_BINARY, bytes, sizes[i]);
		client_expect(client, CLIENT_BINARY, bytes, sizes[i]);
	}
	free(bytes);
}

static void
joins_fragments_with_pings_between_them(void **state)
{
	static const char word[] = "gr\xc3\xbc\xc3\x9f dich";
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/f?echo=1");
	size_t texts = 0, pongs = 0;

	(void)state;
	/* A fragment for each byte cuts every character. */
	for (size_t i = 0; i < sizeof(word) - 1; i++) {
		client_frame(client,
		    (i == 0 ? 1 : 0) | (i == sizeof(word) - 2 ? CLIENT_FIN : 0),
		    word + i, 1);
		client_frame(client, CLIENT_PING, "in between", 10);
	}
	/* Control frames may overtake the message. */
	for (size_t i = 0; i < sizeof(word); i++) {
		struct client_frame frame;

		assert_true(client_read_frame(client, &frame));
		texts += frame.first == CLIENT_TEXT &&
		         frame.len == sizeof(word) - 1 &&
		         memcmp(frame.bytes, word, frame.len) == 0;
		pongs += frame.first == CLIENT_PONG && frame.len == 10;
		client_frame_free(&frame);
	}
	assert_int_equal(texts, 1);
	assert_int_equal(pongs, sizeof(word) - 1);
	client_frame(client, 0x02, "", 0);
	client_frame(client, 0x00, "", 0);
	client_frame(client, 0x80, "", 0);
	client_expect(client, CLIENT_BINARY, "", 0);
}

static void
takes_frames_byte_by_byte(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/f?echo=1");
	char payload[200];
	uint8_t frame[214];
	size_t len;

	(void)state;
	memset(payload, 'z', sizeof(payload));
	len = client_frame_build(
	    frame, CLIENT_TEXT, true, payload, sizeof(payload));
	for (size_t i = 0; i < len; i++) {
		client_send(client, frame + i, 1);
	}
	client_expect(client, CLIENT_TEXT, payload, sizeof(payload));
}

static void
answers_pings_and_ignores_pongs(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/f?echo=1");
	char full[125];

	(void)state;
	memset(full, 'p', sizeof(full));
	client_frame(client, CLIENT_PONG, "nobody asked", 12);
	client_frame(client, CLIENT_PING, "", 0);
	client_expect(client, CLIENT_PONG, "", 0);
	client_frame(client, CLIENT_PING, full, sizeof(full));
	client_expect(client, CLIENT_PONG, full, sizeof(full));
}

static void
answers_a_close_with_its_code(void **state)
{
	static const int codes[] = { 1000, 1001, 1003, 1011, 3000, 4999 };
	struct daemon *node = daemon_start("--name n");
	struct client *client;
	struct client_frame frame;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		uint8_t code[] = { (uint8_t)(codes[i] >> 8), (uint8_t)codes[i],
			'b', 'y', 'e' };

		client = client_open(node->port, "/f");
		client_frame(client, CLIENT_CLOSE, code, sizeof(code));
		client_expect_close(client, codes[i]);
	}
	client = client_open(node->port, "/f");
	client_frame(client, CLIENT_CLOSE, "", 0);
	assert_true(client_read_frame(client, &frame));
	assert_int_equal(frame.first, CLIENT_CLOSE);
	assert_int_equal(frame.len, 0);
	client_frame_free(&frame);
	client_expect_silent_eof(client);
	assert_int_equal(daemon_counter(node, "net.frame_errors"), 0);
}

static void
keeps_its_message_limit(void **state)
{
	enum { LIMIT = 65536 };
	struct daemon *node = daemon_start("--max-message 64K");
	struct client *client = client_open(node->port, "/f?echo=1");
	char *bytes = calloc(1, LIMIT + 1);

	(void)state;
	assert_non_null(bytes);
	client_frame(client, CLIENT_BINARY, bytes, LIMIT);
	client_expect(client, CLIENT_BINARY, bytes, LIMIT);
	client_header(client, CLIENT_BINARY, true, LIMIT + 1);
	client_expect_close(client, 1009);
	/* The sum of fragments counts, from the header that breaks it. */
	client = client_open(node->port, "/f?echo=1");
	client_frame(client, 0x02, bytes, LIMIT);
	client_header(client, 0x80, true, 1);
	client_expect_close(client, 1009);
	free(bytes);
}

#define MIB ((size_t)1 << 20)
#ifdef GV_SANITIZED /* sanitizers keep what was freed */
#define ROOM (2048 * MIB)
#else
#define ROOM (16 * MIB)
#endif

static void
allocates_nothing_for_a_claim(void **state)
{
	enum { CLAIMS = 200 };
	struct daemon *node = daemon_start("--max-message 15M");
	struct client *clients[CLAIMS];
	size_t before;

	(void)state;
	client_close(client_open(node->port, "/f"));
	before = daemon_peak_bytes(node);
	/* 200 times 15 MiB claimed and allowed, ten bytes sent. */
	for (size_t i = 0; i < CLAIMS; i++) {
		clients[i] = client_open(node->port, "/f");
		client_header(clients[i], CLIENT_BINARY, true, 15 * MIB);
		client_send(clients[i], "ten bytes.", 10);
	}
	for (size_t i = 0; i < CLAIMS; i++) {
		struct client *claim = client_open(node->port, "/f");

		client_header(claim, CLIENT_BINARY, true, UINT64_C(1) << 30);
		client_expect_close(claim, 1009);
	}
	daemon_wait_counter(node, "net.bytes_in", CLAIMS * 10);
	print_message("peak: %zu -> %zu KiB\n", before / 1024,
	    daemon_peak_bytes(node) / 1024);
	assert_true(daemon_peak_bytes(node) < before + ROOM);
	for (size_t i = 0; i < CLAIMS; i++) {
		client_reset(clients[i]);
	}
	daemon_stop(node);
}

static void
ends_a_flood_of_fragments(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *witness = client_open(node->port, "/f");
	struct client *client = client_open(node->port, "/f");
	size_t peak = daemon_peak_bytes(node);
	uint8_t frame[14];
	size_t len = client_frame_build(frame, 0x00, true, "", 0);

	(void)state;
	client_sync(witness);
	client_frame(client, 0x01, "", 0);
	for (int i = 0; i < 5000; i++) {
		client_send(client, frame, len);
	}
	/* Its end: were the flood allowed, this would be a message. */
	client_frame(client, 0x80, "", 0);
	client_expect_close_or_reset(client, 1008);
	client_expect_nothing(witness);
	assert_true(daemon_peak_bytes(node) < peak + ROOM);
	assert_int_equal(daemon_counter(node, "net.frame_errors"), 1);
}

static void
allows_4096_fragments(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/f?echo=1");
	char all[4096];

	(void)state;
	memset(all, 'f', sizeof(all));
	for (size_t i = 0; i < sizeof(all); i++) {
		client_frame(client,
		    (i == 0 ? 1 : 0) | (i == sizeof(all) - 1 ? CLIENT_FIN : 0),
		    "f", 1);
	}
	client_expect(client, CLIENT_TEXT, all, sizeof(all));
}

static void
ends_a_message_that_never_ends(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *fragments = client_open(node->port, "/f");
	struct client *claim = client_open(node->port, "/f");

	(void)state;
	client_frame(fragments, 0x01, "a", 1);
	client_header(claim, CLIENT_BINARY, true, 1000);
	/* A byte now and then is no excuse. */
	while (daemon_counter(node, "net.frame_errors") < 2) {
		size_t sent;

		client_frame(fragments, 0x00, "b", 1);
		(void)client_send_some(claim, "\x12", 1, &sent);
		client_sync_new(node->port);
	}
	client_expect_close_or_reset(fragments, 1008);
	client_expect_close_or_reset(claim, 1008);
}

static void
coalesces_the_pongs_of_a_ping_flood(void **state)
{
	enum { PINGS = 900 };
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/f");
	uint8_t *bytes = malloc(PINGS * 140);
	char payload[120] = { 0 };
	size_t len = 0, pongs = 0;
	uint64_t coalesced;
	unsigned last = 0;

	(void)state;
	assert_non_null(bytes);
	for (unsigned i = 0; i < PINGS; i++) {
		snprintf(payload, sizeof(payload), "%u", i);
		len += client_frame_build(
		    bytes + len, CLIENT_PING, true, payload, sizeof(payload));
	}
	client_send(client, bytes, len);
	free(bytes);
	while (last != PINGS - 1) {
		struct client_frame frame;
		unsigned number;

		assert_true(client_read_frame(client, &frame));
		assert_int_equal(frame.first, CLIENT_PONG);
		assert_int_equal(frame.len, sizeof(payload));
		number = (unsigned)strtoul((char *)frame.bytes, NULL, 10);
		assert_true(pongs == 0 || number > last);
		last = number;
		pongs++;
		client_frame_free(&frame);
	}
	print_message("%zu pongs\n", pongs);
	coalesced = daemon_counter(node, "net.pongs_coalesced");
	assert_true(coalesced > 0);
	assert_in_range(pongs, PINGS - coalesced, PINGS - 1);
	client_expect_nothing(client);
}

static void
ends_a_ping_flood_beyond_all_measure(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/f");
	size_t peak = daemon_peak_bytes(node);
	uint8_t flood[1000 * 6];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		(void)client_frame_build(
		    flood + i * 6, CLIENT_PING, true, "", 0);
	}
	for (int i = 0; i < 1000; i++) {
		client_send(client, flood, sizeof(flood));
	}
	client_expect_close_or_reset(client, 1008);
	assert_int_equal(daemon_counter(node, "net.frame_errors"), 1);
	assert_true(daemon_peak_bytes(node) < peak + ROOM);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(closes_with_the_code_of_each_violation),
		TEST(answers_nothing_that_follows_a_violation),
		TEST(carries_messages_of_every_size),
		TEST(joins_fragments_with_pings_between_them),
		TEST(takes_frames_byte_by_byte),
		TEST(answers_pings_and_ignores_pongs),
		TEST(answers_a_close_with_its_code),
		TEST(keeps_its_message_limit),
		TEST(allocates_nothing_for_a_claim),
		TEST(ends_a_flood_of_fragments),
		TEST(allows_4096_fragments),
		TEST(ends_a_message_that_never_ends),
		TEST(coalesces_the_pongs_of_a_ping_flood),
		TEST(ends_a_ping_flood_beyond_all_measure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
