/* SPDX-License-Identifier: MIT
 * test_handshake.c - what may become a WebSocket and what may not: SAFETY H1
 * to H4, over the wire. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

#define WS_HEAD \
	"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define WS_13  "Sec-WebSocket-Version: 13\r\n"
#define WS_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* Send `request` as it is: the status; the connection must end then. */
static int
handshake_status(struct daemon *node, const char *request)
{
	struct client *client = client_connect(node->port);
	int status;

	client_send(client, request, strlen(request));
	status = client_read_status(client);
	if (status != 101) {
		client_expect_eof(client);
	}
	return status;
}

struct bad_request {
	const char *request;
	int status; /* 0: any 4xx, or dropped without a word */
};

static void
handshake_refuse_all(const struct bad_request *bad, size_t count)
{
	struct daemon *node = daemon_start("--name here");
	int wrong = 0;

	for (size_t i = 0; i < count; i++) {
		int status = handshake_status(node, bad[i].request);

		if (bad[i].status != 0
		        ? status != bad[i].status
		        : status != 0 && (status < 400 || status > 499)) {
			print_message("%d, not %d: %s\n", status, bad[i].status,
			    bad[i].request);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	client_expect_served(node->port);
	daemon_wait_event(node, "handshake_rejected", NULL, NULL);
	daemon_wait_counter_is(node, "net.handshakes", 0);
	daemon_stop(node);
}

static void
refuses_malformed_requests(void **state)
{
	static const struct bad_request bad[] = {
		{ "POST / HTTP/1.1\r\n" WS_HEAD WS_13 WS_KEY "\r\n", 405 },
		{ "PUT / HTTP/1.1\r\n" WS_HEAD WS_13 WS_KEY "\r\n", 405 },
		{ "HEAD / HTTP/1.1\r\n" WS_HEAD WS_13 WS_KEY "\r\n", 0 },
		{ "BREW / HTTP/1.1\r\n" WS_HEAD WS_13 WS_KEY "\r\n", 0 },
		{ "GET / HTTP/1.1\r\n" WS_HEAD WS_KEY
		  "Sec-WebSocket-Version: 8\r\n\r\n",
		    426 },
		{ "GET / HTTP/1.1\r\n" WS_HEAD WS_KEY
		  "Sec-WebSocket-Version: 14\r\n\r\n",
		    426 },
		{ "GET / HTTP/1.1\r\n" WS_HEAD WS_KEY "\r\n", 426 },
		{ "GET / HTTP/1.1\r\n" WS_HEAD WS_13 "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" WS_HEAD WS_13
		  "Sec-WebSocket-Key: short\r\n\r\n",
		    400 },
		{ "GET / HTTP/1.1\r\n" WS_HEAD WS_13
		  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE!\r\n\r\n",
		    400 },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\n"
		  "Upgrade: websocket\r\n" WS_13 WS_KEY "\r\n",
		    0 },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\n"
		  "Connection: Upgrade\r\n" WS_13 WS_KEY "\r\n",
		    0 },
		{ "\r\n\r\n\r\n\r\n", 0 },
		{ "GET\r\n\r\n", 0 },
		{ "no such thing\r\n\r\n", 0 },
		{ "\x16\x03\x01\x02\x01\x01\xfc\x03\x03hello\r\n\r\n", 0 },
	};

	(void)state;
	handshake_refuse_all(bad, ARRAY_LEN(bad));
}

static void
refuses_other_protocols(void **state)
{
	static const struct bad_request bad[] = {
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\n"
		  "Connection: Upgrade, HTTP2-Settings\r\n"
		  "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
		    0 },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\n"
		  "Upgrade: h2c, websocket\r\n"
		  "Connection: Upgrade, HTTP2-Settings\r\n"
		  "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" WS_13 WS_KEY
		  "\r\n",
		    0 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0 },
		{ "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n",
		    0 },
		{ "CONNECT / HTTP/1.1\r\n" WS_HEAD WS_13 WS_KEY "\r\n", 0 },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: tls/1.0\r\n"
		  "Connection: Upgrade\r\n\r\n",
		    0 },
		{ "GET / HTTP/1.1\r\nHost: localhost\r\n"
		  "Upgrade: websocketish\r\nConnection: Upgrade\r\n" WS_13
		        WS_KEY "\r\n",
		    0 },
	};

	(void)state;
	handshake_refuse_all(bad, ARRAY_LEN(bad));
}

static void
refuses_unknown_subprotocols_in_words(void **state)
{
	static const char *const offered[] = { "chat", "grapevine.client.1",
		"grapevine.peer.10", "grapevine.peer", "a, b, c" };
	struct daemon *node = daemon_start("--name here");
	char more[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offered); i++) {
		struct client *client = client_connect(node->port);

		snprintf(more, sizeof(more), "Sec-WebSocket-Protocol: %s\r\n",
		    offered[i]);
		assert_int_equal(client_upgrade(client, "/", more), 400);
		client_expect_body(
		    client, "unknown subprotocol; known: grapevine.peer.1");
	}
	/* One known name among unknown ones will do. */
	for (int i = 0; i < 2; i++) {
		struct client *client = client_connect(node->port);

		assert_int_equal(
		    client_upgrade(client, "/some/path",
		        i == 0
		            ? "Sec-WebSocket-Protocol: x, grapevine.peer.1\r\n"
		            : "Sec-WebSocket-Protocol: x\r\n"
		              "Sec-WebSocket-Protocol: grapevine.peer.1\r\n"),
		    101);
		assert_non_null(strcasestr(client->head,
		    "\r\nSec-WebSocket-Protocol: grapevine.peer.1\r\n"));
		client_close(client);
	}
	client_expect_served(node->port);
}

static void
names_no_subprotocol_to_who_offered_none(void **state)
{
	struct daemon *node = daemon_start("--name here");
	struct client *client = client_open(node->port, "/");

	(void)state;
	assert_null(strcasestr(client->head, "Sec-WebSocket-Protocol"));
	assert_null(strcasestr(client->head, "Sec-WebSocket-Extensions"));
	client_close(client);
	/* Nor an extension to who offered one. */
	client = client_connect(node->port);
	assert_int_equal(client_upgrade(client, "/",
	                     "Sec-WebSocket-Extensions: permessage-deflate; "
	                     "client_max_window_bits\r\n"),
	    101);
	assert_null(strcasestr(client->head, "Sec-WebSocket-Extensions"));
}

static void
answers_a_browser_with_one_line(void **state)
{
	static const char *const paths[] = { "/", "/a/b", "/a/*",
		"/index.html" };
	struct daemon *node = daemon_start("--name here");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct client *client = client_connect(node->port);

		client_print(client,
		    "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", paths[i]);
		assert_int_equal(client_read_status(client), 426);
		assert_non_null(
		    strcasestr(client->head, "\r\nUpgrade: websocket\r\n"));
		client_expect_body(client, "grapevine");
	}
}

static void
refuses_paths_that_are_no_topic(void **state)
{
	static const char *const paths[] = { "/$sys", "/a/$b", "/*", "/a/*",
		"/>", "/a/>", "/a/b%2a", "/%24node", "/a%20b", "/a/%00/b",
		"/%c3%a9", "/a%zz", "/a%2", "/a/;b", "/a@b" };
	struct daemon *node = daemon_start("--name here");
	char text[400];
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct client *client = client_connect(node->port);
		int status = client_upgrade(client, paths[i], "");

		/* 403: what libwebsockets says of a broken escape. */
		if (status != 400 && status != 403) {
			print_message("%s: %d, not 400\n", paths[i], status);
			wrong++;
		} else {
			client_expect_eof(client);
		}
	}
	assert_int_equal(wrong, 0);
	/* 255 bytes are a topic, 256 are not. */
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[256] = '\0';
	assert_int_equal(
	    client_upgrade(client_connect(node->port), text, ""), 101);
	text[256] = 'a';
	text[257] = '\0';
	assert_int_equal(
	    client_upgrade(client_connect(node->port), text, ""), 400);
	client_expect_served(node->port);
}

static int
handshake_origin(
    const struct daemon *node, const char *host, const char *origin)
{
	struct client *client = client_connect(node->port);
	int status;

	client_print(client,
	    "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\n" WS_13 WS_KEY "Origin: %s\r\n\r\n",
	    host, origin);
	status = client_read_status(client);
	client_close(client);
	return status;
}

static void
lets_only_pages_of_its_own_host_in(void **state)
{
	static const char *const strangers[] = { "null", "http://evil.example",
		"http://localhost.evil.example:8080", "http://xlocalhost:8080",
		"http://localhost:80801", "http://localhost:808",
		"http://localhost", "http://localhost:8080.evil.example",
		"http://evil.example/localhost:8080",
		"http://evil.example?://localhost:8080", "localhost:8080",
		"http://", "file://", "http://user@localhost:8080",
		"http://localhost:8080\r\nOrigin: http://evil.example" };
	struct daemon *node = daemon_start("--name here");

	(void)state;
	assert_int_equal(
	    handshake_origin(node, "localhost:8080", "http://localhost:8080"),
	    101);
	assert_int_equal(
	    handshake_origin(node, "localhost:8080", "https://localhost:8080"),
	    101);
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		int status = handshake_origin(
		    node, "localhost:8080", strangers[i]);

		if (status != 403) {
			fail_msg("%s: %d, not 403", strangers[i], status);
		}
	}
	client_expect_served(node->port);
}

static void
lets_allowed_origins_in_exactly(void **state)
{
	static const char *const strangers[] = { "null", "http://app.example",
		"https://app.example.evil", "https://app.example:8443",
		"https://app.exampl", "https://xapp.example",
		"https://other.example/" };
	struct daemon *node = daemon_start(
	    "--allow-origin https://app.example "
	    "--allow-origin https://other.example");

	(void)state;
	assert_int_equal(
	    handshake_origin(node, "localhost", "https://app.example"), 101);
	assert_int_equal(
	    handshake_origin(node, "localhost", "https://other.example"), 101);
	assert_int_equal(
	    handshake_origin(node, "localhost", "http://localhost"), 101);
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		int status = handshake_origin(node, "localhost", strangers[i]);

		if (status != 403) {
			fail_msg("%s: %d, not 403", strangers[i], status);
		}
	}
}

static void
lets_null_in_only_when_told_to(void **state)
{
	struct daemon *node = daemon_start("--allow-origin null");

	(void)state;
	assert_int_equal(handshake_origin(node, "localhost", "null"), 101);
	assert_int_equal(
	    handshake_origin(node, "localhost", "http://evil.example"), 403);
}

static void
refuses_huge_headers(void **state)
{
	enum { HUGE = 200000 };
	struct daemon *node = daemon_start("--name here");
	char *pad = malloc(HUGE + 1);

	(void)state;
	assert_non_null(pad);
	memset(pad, 'x', HUGE);
	pad[HUGE] = '\0';
	for (int i = 0; i < 3; i++) {
		struct client *client = client_connect(node->port);
		int status;

		client_print(client, "GET /");
		if (i == 0) { /* the path */
			client_send(client, pad, HUGE);
		}
		client_print(client, " HTTP/1.1\r\n" WS_HEAD WS_13 WS_KEY);
		if (i == 1) { /* one header nobody knows */
			client_print(client, "X-Huge: ");
			client_send(client, pad, HUGE);
			client_print(client, "\r\n");
		}
		for (int k = 0; i == 2 && k < 10000; k++) { /* many */
			client_print(client, "X-Header-%d: of no use\r\n", k);
		}
		client_print(client, "\r\n");
		status = client_read_status_or_reset(client);
		if (status != 0 && status != 431 && status != 400 &&
		    status != 414) {
			fail_msg("huge thing %d: %d", i, status);
		}
	}
	free(pad);
	client_expect_served(node->port);
	daemon_wait_counter_is(node, "net.handshakes", 0);
}

/* One byte of a request now and then, by `count` clients, until all are
 * closed; a healthy client is served meanwhile. */
static void
closes_slow_handshakes_and_serves_others(void **state)
{
	enum { SLOW = 30 };
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n"
	                              "X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct daemon *node = daemon_start("--name here");
	size_t fds = daemon_fd_count(node);
	struct client *slow[SLOW];
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < SLOW; i++) {
		slow[i] = client_connect(node->port);
	}
	daemon_wait_counter(node, "net.rejected_timeout", 0);
	while (daemon_counter(node, "net.rejected_timeout") < SLOW) {
		size_t sent;

		for (size_t i = 0; i < SLOW; i++) {
			(void)client_send_some(slow[i], request + at, 1, &sent);
		}
		if (++at == sizeof(request) - 1) {
			fail_msg("the slow ones may stay");
		}
		client_expect_served(node->port);
	}
	for (size_t i = 0; i < SLOW; i++) {
		client_expect_eof(slow[i]);
	}
	daemon_wait_fds(node, fds);
	daemon_stop(node);
}

static void
closes_silent_connections(void **state)
{
	enum { SILENT = 30 };
	struct daemon *node = daemon_start("--name here");
	size_t fds = daemon_fd_count(node);
	struct client *silent[SILENT];

	(void)state;
	for (size_t i = 0; i < SILENT; i++) {
		silent[i] = client_connect(node->port);
	}
	client_expect_served(node->port);
	for (size_t i = 0; i < SILENT; i++) {
		client_expect_eof(silent[i]);
	}
	daemon_wait_fds(node, fds);
	daemon_wait_counter_is(node, "net.handshakes", 0);
	client_expect_served(node->port);
}

static void
takes_a_request_in_any_pieces(void **state)
{
	static const char request[] = "GET /x?echo=1 HTTP/1.1\r\n" WS_HEAD WS_13
	    WS_KEY "\r\n";
	struct daemon *node = daemon_start("--name here");
	struct client *client = client_connect(node->port);
	uint8_t frame[32];
	size_t len = client_frame_build(frame, CLIENT_TEXT, true, "glued", 5);

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(request); i++) {
		client_send(client, request + i, 1);
	}
	assert_int_equal(client_read_status(client), 101);
	client_send(client, frame, len);
	client_expect_text(client, "glued");
	client_close(client);
	/* A header in mixed case, a list in Connection. */
	client = client_connect(node->port);
	client_print(client,
	    "GET / HTTP/1.1\r\nhost: localhost\r\nUPGRADE: WebSocket\r\n"
	    "connection: keep-alive, Upgrade\r\n"
	    "sec-websocket-version: 13\r\n" WS_KEY "\r\n");
	assert_int_equal(client_read_status(client), 101);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_malformed_requests),
		TEST(refuses_other_protocols),
		TEST(refuses_unknown_subprotocols_in_words),
		TEST(names_no_subprotocol_to_who_offered_none),
		TEST(answers_a_browser_with_one_line),
		TEST(refuses_paths_that_are_no_topic),
		TEST(lets_only_pages_of_its_own_host_in),
		TEST(lets_allowed_origins_in_exactly),
		TEST(lets_null_in_only_when_told_to),
		TEST(refuses_huge_headers),
		TEST(closes_slow_handshakes_and_serves_others),
		TEST(closes_silent_connections),
		TEST(takes_a_request_in_any_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
