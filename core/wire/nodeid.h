/* SPDX-License-Identifier: MIT
 * nodeid.h - the 16 random bytes that name a node (PROTOCOL 2). */
#ifndef WIRE_NODEID_H
#define WIRE_NODEID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NODEID_HEX_LEN 32

struct nodeid {
	uint8_t bytes[16];
};

/* memcmp order: decides which of two links between the same nodes stays. */
static inline int
nodeid_compare(const struct nodeid *a, const struct nodeid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static inline bool
nodeid_equal(const struct nodeid *a, const struct nodeid *b)
{
	return nodeid_compare(a, b) == 0;
}

/* 32 lower-case hex digits and a NUL. */
void nodeid_hex(const struct nodeid *id, char hex[NODEID_HEX_LEN + 1]);

#endif
