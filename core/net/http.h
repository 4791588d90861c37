/* SPDX-License-Identifier: MIT
 * http.h - may this HTTP request become a WebSocket? (RFC 6455 section 4.2,
 * PROTOCOL 1, SAFETY H1, H2, H4.)  Pure functions of the request's headers. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_PEER_PROTOCOL   "grapevine.peer.1"
#define HTTP_CLIENT_PROTOCOL "grapevine.client.1"

struct http_request { /* "" for a header that is not there */
	bool is_get;
	bool body; /* Content-Length or Transfer-Encoding present */
	const char *upgrade, *connection, *version, *key;
	const char *protocols, *origin, *host;
};

enum http_role { HTTP_PLAIN, HTTP_PEER };

struct http_verdict {
	int status; /* 0: welcome, as `role` */
	enum http_role role;
	const char *why;  /* short static name, for counters and the log */
	const char *text; /* one static line for a person */
};

/* `origins`: what --allow-origin added, exact. */
struct http_verdict http_check(const struct http_request *request,
    char *const *origins, size_t origin_count);

/* True if comma-separated `list` has `token`, ignoring case if `nocase`. */
bool http_list_has(const char *list, const char *token, bool nocase);

/* Write a whole HTTP/1.1 response that closes the connection; returns its
 * length, cut at `cap`. */
size_t http_response(char *out, size_t cap, int status, const char *text);

#endif
