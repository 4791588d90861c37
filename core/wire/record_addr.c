/* SPDX-License-Identifier: MIT
 * record_addr.c - which addresses may travel: record_addr_is_valid. */

#include <string.h>

#include "wire/record.h"

static bool
record_addr_is_host_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
	       byte == '_';
}

static bool
record_addr_is_v6_byte(char byte)
{
	return (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F') ||
	       (byte >= '0' && byte <= '9') || byte == ':' || byte == '.';
}

/* Behind the host, which is a name, an IPv4 address or an IPv6 address in
 * brackets; NULL: there is none. */
static const char *
record_addr_host_end(const char *at, const char *end)
{
	const char *first;

	if (at < end && *at == '[') {
		first = ++at;
		while (at < end && record_addr_is_v6_byte(*at)) {
			at++;
		}
		/* The shortest is "::". */
		return at - first >= 2 && at < end && *at == ']' ? at + 1
		                                                 : NULL;
	}
	first = at;
	while (at < end && record_addr_is_host_byte(*at)) {
		at++;
	}
	return at > first ? at : NULL;
}

/* Behind a port of 1..65535; NULL: there is none. */
static const char *
record_addr_port_end(const char *at, const char *end)
{
	unsigned long port = 0;
	const char *first = at;

	while (at < end && *at >= '0' && *at <= '9' && at - first < 5) {
		port = port * 10 + (unsigned long)(*at - '0');
		at++;
	}
	return port >= 1 && port <= 65535 ? at : NULL;
}

bool
record_addr_is_valid(const char *addr, size_t len)
{
	const char *at = addr;
	const char *end = addr + len;

	if (len > RECORD_ADDR_MAX) {
		return false;
	}
	if (len > 5 && memcmp(at, "ws://", 5) == 0) {
		at += 5;
	} else if (len > 6 && memcmp(at, "wss://", 6) == 0) {
		at += 6;
	} else {
		return false;
	}
	at = record_addr_host_end(at, end);
	if (at == NULL || at == end || *at != ':') {
		return false;
	}
	at = record_addr_port_end(at + 1, end);
	if (at == NULL || (at < end && *at != '/')) {
		return false;
	}
	/* The path: printable, no space, no fragment. */
	for (; at < end; at++) {
		if (*at <= ' ' || *at > '~' || *at == '#') {
			return false;
		}
	}
	return true;
}
