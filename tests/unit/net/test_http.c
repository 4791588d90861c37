/* SPDX-License-Identifier: MIT
 * May this request become a WebSocket? */
#include "net/http.h"

#include "support/test.h"

/* One that may, as a plain client. */
static struct http_request
good(void)
{
	return (struct http_request){
		.is_get = true,
		.upgrade = "websocket",
		.connection = "Upgrade",
		.version = "13",
		.key = "dGhlIHNhbXBsZSBub25jZQ==",
		.protocols = "",
		.origin = "",
		.host = "node:8080",
	};
}

static void
expect(const struct http_request *request, int status, const char *why)
{
	struct http_verdict verdict = http_check(request, NULL, 0);

	assert_int_equal(verdict.status, status);
	assert_string_equal(verdict.why, why);
}

static void
a_good_request_is_welcome(void **state)
{
	struct http_request request = good();

	(void)state;
	expect(&request, 0, "ok");
	assert_int_equal(http_check(&request, NULL, 0).role, HTTP_PLAIN);
	request.upgrade = "WebSocket";
	request.connection = "keep-alive, UPGRADE";
	expect(&request, 0, "ok");
}

static void
each_broken_header_has_its_answer(void **state)
{
	struct http_request request = good();

	(void)state;
	request.is_get = false;
	expect(&request, 405, "method");
	request = good();
	request.body = true;
	expect(&request, 400, "body");
	request = good();
	request.upgrade = "";
	expect(&request, 426, "no_upgrade");
	request.upgrade = "h2c";
	expect(&request, 400, "upgrade");
	request.upgrade = "websocket,h2c";
	expect(&request, 400, "upgrade");
	request = good();
	request.connection = "";
	expect(&request, 400, "connection");
	request.connection = "upgrades";
	expect(&request, 400, "connection");
	request = good();
	request.version = "";
	expect(&request, 426, "version");
	request.version = "8";
	expect(&request, 426, "version");
	request.version = "13, 8";
	expect(&request, 426, "version");
}

static void
a_key_is_16_bytes_in_base64(void **state)
{
	static const char *const bad[] = { "", "dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQAA",
		"dGhlIHNhbXBsZSBub25j=Q==", "dGhlIHNhbXBsZSBub25jZ\x80==",
		"dGhlIHNhbXBsZSBub25jZQ==,dGhlIHNhbXBsZSBub25jZQ==" };
	struct http_request request = good();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		request.key = bad[i];
		expect(&request, 400, "key");
	}
}

static void
an_origin_is_the_host_or_allowed_or_refused(void **state)
{
	static const char *const refused[] = { "null", "http://evil",
		"http://node", "http://node:8080.evil", "http://evil/node:8080",
		"ftp://node:8080", "node:8080", "http://node:80801", "http://",
		"://node:8080" };
	char page[] = "https://page.example";
	char *origins[] = { page };
	struct http_request request = good();

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		request.origin = refused[i];
		expect(&request, 403, "origin");
	}
	request.origin = "http://NODE:8080";
	expect(&request, 0, "ok");
	request.origin = "https://node:8080";
	expect(&request, 0, "ok");
	request.host = "";
	expect(&request, 403, "origin");
	request.origin = "https://Page.example";
	expect(&request, 403, "origin");
	assert_int_equal(http_check(&request, origins, 1).status, 0);
	request.origin = "https://page.example.evil";
	assert_int_equal(http_check(&request, origins, 1).status, 403);
}

static void
a_known_subprotocol_makes_a_peer_and_no_other_will_do(void **state)
{
	struct http_request request = good();

	(void)state;
	request.protocols = "grapevine.peer.1";
	assert_int_equal(http_check(&request, NULL, 0).status, 0);
	assert_int_equal(http_check(&request, NULL, 0).role, HTTP_PEER);
	request.protocols = "grapevine.peer.2, grapevine.peer.1";
	assert_int_equal(http_check(&request, NULL, 0).role, HTTP_PEER);
	request.protocols = "chat";
	expect(&request, 400, "subprotocol");
	request.protocols = "grapevine.peer.10";
	expect(&request, 400, "subprotocol");
	request.protocols = "Grapevine.Peer.1";
	expect(&request, 400, "subprotocol");
	request.protocols = ",";
	expect(&request, 400, "subprotocol");
}

static void
a_list_is_searched_by_whole_tokens(void **state)
{
	(void)state;
	assert_true(http_list_has("a, b\t,c", "b", false));
	assert_true(http_list_has("A,B", "b", true));
	assert_false(http_list_has("A,B", "b", false));
	assert_false(http_list_has("ab,bc", "b", false));
	assert_false(http_list_has("", "b", false));
	assert_false(http_list_has(" , ,", "b", false));
}

static void
a_response_says_what_to_do_instead(void **state)
{
	char out[512];
	size_t len = http_response(out, sizeof(out), 426, "talk");

	(void)state;
	assert_int_equal(len, strlen(out));
	assert_non_null(strstr(out, "HTTP/1.1 426 Upgrade Required\r\n"));
	assert_non_null(strstr(out, "\r\nSec-WebSocket-Version: 13\r\n"));
	assert_non_null(strstr(out, "\r\nConnection: Upgrade, close\r\n"));
	assert_non_null(strstr(out, "\r\nContent-Length: 5\r\n"));
	assert_string_equal(out + len - 9, "\r\n\r\ntalk\n");
	(void)http_response(out, sizeof(out), 405, "no");
	assert_non_null(strstr(out, "\r\nAllow: GET\r\n"));
	(void)http_response(out, sizeof(out), 503, "later");
	assert_non_null(strstr(out, "\r\nRetry-After: 1\r\n"));
	(void)http_response(out, sizeof(out), 431, "long");
	assert_non_null(
	    strstr(out, " 431 Request Header Fields Too Large\r\n"));
	(void)http_response(out, sizeof(out), 499, "odd");
	assert_non_null(strstr(out, "HTTP/1.1 499 Error\r\n"));
}

static void
a_response_is_cut_at_its_buffer(void **state)
{
	char out[40];

	(void)state;
	memset(out, 'x', sizeof(out));
	assert_int_equal(http_response(out, 32, 400, "no"), 31);
	assert_int_equal(out[31], '\0');
	assert_int_equal(out[32], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_request_is_welcome),
		cmocka_unit_test(each_broken_header_has_its_answer),
		cmocka_unit_test(a_key_is_16_bytes_in_base64),
		cmocka_unit_test(an_origin_is_the_host_or_allowed_or_refused),
		cmocka_unit_test(
		    a_known_subprotocol_makes_a_peer_and_no_other_will_do),
		cmocka_unit_test(a_list_is_searched_by_whole_tokens),
		cmocka_unit_test(a_response_says_what_to_do_instead),
		cmocka_unit_test(a_response_is_cut_at_its_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
