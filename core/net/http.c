/* SPDX-License-Identifier: MIT
 * http.c - see http.h. */

#include "net/http.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

bool
http_list_has(const char *list, const char *token, bool nocase)
{
	size_t want = strlen(token);

	while (*list != '\0') {
		size_t len;

		list += strspn(list, ", \t");
		len = strcspn(list, ", \t");
		if (len == want && (nocase ? strncasecmp(list, token, len)
		                           : strncmp(list, token, len)) == 0) {
			return true;
		}
		list += len;
	}
	return false;
}

/* A key is 16 bytes in base64: 22 digits and "==". */
static bool
http_key_is_valid(const char *key)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(key) == 24 && strspn(key, digits) == 22 &&
	       strcmp(key + 22, "==") == 0;
}

/* Without --allow-origin: the page came from this very host and port. */
static bool
http_origin_is_host(const char *origin, const char *host)
{
	const char *authority = strstr(origin, "://");

	if (authority == NULL || *host == '\0') {
		return false;
	}
	if (strncasecmp(origin, "http://", 7) != 0 &&
	    strncasecmp(origin, "https://", 8) != 0) {
		return false;
	}
	return strcasecmp(authority + 3, host) == 0;
}

static bool
http_origin_is_allowed(
    const struct http_request *request, char *const *origins, size_t count)
{
	if (*request->origin == '\0') {
		return true; /* no browser */
	}
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(origins[i], request->origin) == 0) {
			return true;
		}
	}
	return http_origin_is_host(request->origin, request->host);
}

static struct http_verdict
http_refuse(int status, const char *why, const char *text)
{
	return (struct http_verdict){ status, HTTP_PLAIN, why, text };
}

static struct http_verdict
http_check_upgrade(const struct http_request *request)
{
	if (!request->is_get) {
		return http_refuse(405, "method",
		    "method not allowed; a WebSocket begins with GET");
	}
	if (request->body) {
		return http_refuse(
		    400, "body", "a WebSocket handshake has no body");
	}
	if (*request->upgrade == '\0') {
		return http_refuse(426, "no_upgrade",
		    "this is a grapevine node; talk to it over WebSocket, as "
		    "in: wscat -c ws://HOST:PORT/topic");
	}
	if (strcasecmp(request->upgrade, "websocket") != 0) {
		return http_refuse(
		    400, "upgrade", "unknown Upgrade; expected: websocket");
	}
	if (!http_list_has(request->connection, "upgrade", true)) {
		return http_refuse(400, "connection",
		    "no Connection: Upgrade beside the Upgrade header");
	}
	if (strcmp(request->version, "13") != 0) {
		return http_refuse(426, "version",
		    "unknown Sec-WebSocket-Version; expected: 13");
	}
	if (!http_key_is_valid(request->key)) {
		return http_refuse(400, "key",
		    "bad Sec-WebSocket-Key; expected: 16 bytes in base64");
	}
	return http_refuse(0, "ok", "");
}

struct http_verdict
http_check(const struct http_request *request, char *const *origins,
    size_t origin_count)
{
	struct http_verdict verdict = http_check_upgrade(request);

	if (verdict.status != 0) {
		return verdict;
	}
	if (!http_origin_is_allowed(request, origins, origin_count)) {
		return http_refuse(403, "origin",
		    "this Origin may not connect; the node's operator can add "
		    "it with --allow-origin");
	}
	if (*request->protocols == '\0') {
		return verdict;
	}
	if (http_list_has(request->protocols, HTTP_PEER_PROTOCOL, false)) {
		verdict.role = HTTP_PEER;
		return verdict;
	}
	return http_refuse(400, "subprotocol",
	    "unknown subprotocol; known: " HTTP_PEER_PROTOCOL
	    ", or none for a plain client");
}

static const char *
http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 405, "Method Not Allowed" },
		{ 426, "Upgrade Required" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].status == status) {
			return texts[i].text;
		}
	}
	return "Error";
}

/* Headers that tell the client what to do instead (RFC 9110 15.5.6, 15.5.22). */
static const char *
http_status_headers(int status)
{
	switch (status) {
	case 405:
		return "Allow: GET\r\n";
	case 426:
		return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
	case 503:
		return "Retry-After: 1\r\n";
	default:
		return "";
	}
}

size_t
http_response(char *out, size_t cap, int status, const char *text)
{
	int len = snprintf(out, cap,
	    "HTTP/1.1 %d %s\r\n"
	    "%s"
	    "Connection: %sclose\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Content-Length: %zu\r\n"
	    "\r\n"
	    "%s\n",
	    status, http_status_text(status), http_status_headers(status),
	    status == 426 ? "Upgrade, " : "", strlen(text) + 1, text);

	if (len < 0) {
		return 0;
	}
	return (size_t)len < cap ? (size_t)len : cap - 1;
}
