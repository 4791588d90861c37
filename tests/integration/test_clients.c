/* SPDX-License-Identifier: MIT
 * test_clients.c - plain clients: paths, topics, kinds, echoes (PROTOCOL 1). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

static void
joins_path_and_topic(void **state)
{
	/* Each pair is one topic, and no two pairs are the same. */
	static const char *const same[][2] = {
		{ "/", "/public" },
		{ "/a/b", "/a/b/" },
		{ "/a", "/%61" },
		{ "/a_b-1", "/a%5Fb%2d1?x=1" },
		{ "/A", "/A/?y" },
		{ "/a/c", "/a/c?echo=0" },
	};
	struct daemon *node = daemon_start("--name n");
	struct client *left[ARRAY_LEN(same)], *right[ARRAY_LEN(same)];
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		left[i] = client_open(node->port, same[i][0]);
		right[i] = client_open(node->port, same[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		client_sync(right[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		snprintf(text, sizeof(text), "pair %zu", i);
		client_text(left[i], text);
		client_expect_text(right[i], text);
	}
	/* Not one of them went astray, nor back to its author. */
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		client_expect_nothing(left[i]);
		client_expect_nothing(right[i]);
	}
}

static void
echoes_only_to_who_asked(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *asked = client_open(node->port, "/e?echo=1");
	struct client *also = client_open(node->port, "/e?x=2&echo=1");
	struct client *not = client_open(node->port, "/e?echo=0");
	struct client *nor = client_open(node->port, "/e?xecho=1");

	(void)state;
	client_sync(nor);
	client_text(asked, "one");
	client_expect_text(asked, "one");
	client_expect_text(also, "one");
	client_expect_text(not, "one");
	client_expect_text(nor, "one");
	client_text(also, "two");
	client_expect_text(also, "two");
	client_text(not, "three");
	client_expect_text(nor, "two");
	client_expect_text(nor, "three");
	client_text(nor, "four");
	client_expect_nothing(nor);
	client_expect_text(not, "two");
	client_expect_text(not, "four");
	client_expect_nothing(not );
}

static void
keeps_text_text_and_binary_binary_through_two_nodes(void **state)
{
	struct daemon *one = daemon_start("--name one");
	struct daemon *two = daemon_start(
	    "--name two --peers ws://127.0.0.1:%u", (unsigned)one->port);
	struct client *from, *to, *near;
	char zeros[1000] = { 0 };

	(void)state;
	daemon_wait_links(one, 1);
	daemon_wait_links(two, 1);
	from = client_open(one->port, "/k");
	near = client_open(one->port, "/k");
	to = client_open(two->port, "/k");
	client_sync(near);
	client_sync(to);
	client_text(from, "gr\xc3\xbc\xc3\x9f dich");
	client_frame(from, CLIENT_BINARY, "plain", 5);
	client_frame(from, CLIENT_BINARY, "\xff\x00\xfe", 3);
	client_frame(from, CLIENT_BINARY, zeros, sizeof(zeros));
	client_text(from, "");
	client_frame(from, CLIENT_TEXT, "nul\0inside", 10);
	for (int i = 0; i < 2; i++) {
		struct client *reader = i == 0 ? near : to;

		client_expect_text(reader, "gr\xc3\xbc\xc3\x9f dich");
		client_expect(reader, CLIENT_BINARY, "plain", 5);
		client_expect(reader, CLIENT_BINARY, "\xff\x00\xfe", 3);
		client_expect(reader, CLIENT_BINARY, zeros, sizeof(zeros));
		client_expect_text(reader, "");
		client_expect(reader, CLIENT_TEXT, "nul\0inside", 10);
	}
	/* And the other way. */
	client_text(to, "back");
	client_expect_text(from, "back");
}

static void
carries_a_mebibyte_through_two_nodes(void **state)
{
	enum { SIZE = 1 << 20 };
	struct daemon *one = daemon_start("--name one");
	struct daemon *two = daemon_start(
	    "--name two --peers ws://127.0.0.1:%u", (unsigned)one->port);
	struct client *from, *to;
	uint8_t *bytes = malloc(SIZE);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < SIZE; i++) {
		bytes[i] = (uint8_t)(i * i >> 7);
	}
	daemon_wait_links(one, 1);
	daemon_wait_links(two, 1);
	from = client_open(one->port, "/big");
	to = client_open(two->port, "/big");
	client_sync(to);
	for (int i = 0; i < 3; i++) {
		client_frame(from, CLIENT_BINARY, bytes, SIZE);
		client_expect(to, CLIENT_BINARY, bytes, SIZE);
	}
	free(bytes);
}

static void
does_not_send_a_peer_more_than_it_takes(void **state)
{
	struct daemon *one = daemon_start("--name one");
	struct daemon *two = daemon_start("--name two --max-message 1K "
	                                  "--peers ws://127.0.0.1:%u",
	    (unsigned)one->port);
	struct client *from, *to;
	uint8_t bytes[1025] = { 0 };

	(void)state;
	daemon_wait_links(one, 1);
	daemon_wait_links(two, 1);
	from = client_open(one->port, "/l");
	to = client_open(two->port, "/l");
	client_sync(to);
	client_frame(from, CLIENT_BINARY, bytes, 1025);
	client_frame(from, CLIENT_BINARY, bytes, 1024);
	client_expect(to, CLIENT_BINARY, bytes, 1024);
	assert_int_equal(daemon_counter(one, "mesh.peer_limit"), 1);
	assert_int_equal(daemon_counter(one, "mesh.links_up"), 1);
}

/* What a client sent before its Close is published, all of it. */
static void
publishes_what_came_before_the_close(void **state)
{
	enum { MESSAGES = 500 };
	struct daemon *node = daemon_start("--name n");
	struct client *to = client_open(node->port, "/c");
	struct client *from = client_open(node->port, "/c");
	char text[32];

	(void)state;
	client_sync(to);
	for (int i = 0; i < MESSAGES; i++) {
		snprintf(text, sizeof(text), "message %d", i);
		client_text(from, text);
	}
	client_frame(from, CLIENT_CLOSE, "\x03\xe8", 2);
	for (int i = 0; i < MESSAGES; i++) {
		snprintf(text, sizeof(text), "message %d", i);
		client_expect_text(to, text);
	}
	client_expect_close(from, 1000);
}

static void
says_goodbye_with_1001(void **state)
{
	struct daemon *node = daemon_start("--name n");
	struct client *client = client_open(node->port, "/c");
	struct client_frame frame;

	(void)state;
	client_sync(client);
	daemon_signal(node, SIGTERM);
	assert_true(client_read_frame(client, &frame));
	assert_int_equal(frame.first, CLIENT_CLOSE);
	assert_true(frame.len > 2);
	assert_memory_equal(frame.bytes, "\x03\xe9", 2);
	/* UX: a retry hint, in JSON. */
	assert_non_null(strstr((char *)frame.bytes + 2, "{\"retry_ms\":"));
	client_frame(client, CLIENT_CLOSE, frame.bytes, 2);
	client_frame_free(&frame);
	client_expect_silent_eof(client);
	assert_int_equal(daemon_wait_exit(node), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(joins_path_and_topic),
		TEST(echoes_only_to_who_asked),
		TEST(keeps_text_text_and_binary_binary_through_two_nodes),
		TEST(carries_a_mebibyte_through_two_nodes),
		TEST(does_not_send_a_peer_more_than_it_takes),
		TEST(publishes_what_came_before_the_close),
		TEST(says_goodbye_with_1001),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
