/* SPDX-License-Identifier: MIT
 * mask.h - the XOR of RFC 6455 section 5.3, many bytes at a time.
 *
 * A mask is kept as 64 bits that hold the four bytes twice, in memory order,
 * so that nothing here depends on the byte order. */
#ifndef WIRE_MASK_H
#define WIRE_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MASK_LEN 4

static inline uint64_t
mask_load(const uint8_t mask[MASK_LEN])
{
	uint32_t word;

	memcpy(&word, mask, sizeof(word));
	return (uint64_t)word << 32 | word;
}

/* The mask as it falls on the bytes from position `by` on. */
uint64_t mask_turn(uint64_t mask, size_t by);

/* XOR `len` bytes, the mask's position 0 on the first; `out` may be `in`, else
 * they do not overlap.  True if all of `out` is ASCII, which costs nothing to
 * know here. */
bool mask_xor(uint8_t *out, const uint8_t *in, size_t len, uint64_t mask);

#endif
