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

/* For tables.  Ids are chosen by others: nobody may know the salt, and the
 * high bits of a product, which reach no low ones, are folded back twice. */
static inline uint64_t
nodeid_hash(const struct nodeid *id, uint64_t salt)
{
	uint64_t words[2];
	uint64_t hash;

	memcpy(words, id->bytes, sizeof(words));
	hash = (words[0] ^ salt) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ (hash >> 32) ^ words[1]) * (salt | 1);
	hash = (hash ^ (hash >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ (hash >> 32);
}

/* 32 lower-case hex digits and a NUL; returns `hex`. */
const char *nodeid_hex(const struct nodeid *id, char hex[NODEID_HEX_LEN + 1]);
/* Back, of what begins with 32 such digits; false: it does not. */
bool nodeid_read(struct nodeid *id, const char *hex);

#endif
