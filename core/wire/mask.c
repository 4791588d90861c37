/* SPDX-License-Identifier: MIT
 * mask.c - see mask.h.
 *
 * The last lane overlaps the one before it, instead of leaving single bytes
 * over.  It is read before anything is written, so that `out` may be `in`. */

#include "wire/mask.h"

#define MASK_HIGH_BITS UINT64_C(0x8080808080808080)

typedef uint64_t mask_lane __attribute__((vector_size(16)));

uint64_t
mask_turn(uint64_t mask, size_t by)
{
	unsigned bits = (unsigned)(by % MASK_LEN) * 8;

	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) {
		bits = 64 - bits;
	}
	return mask >> (bits & 63) | mask << (-bits & 63);
}

/* Four at once, as most bytes of long payloads go. */
static inline mask_lane
mask_xor_four(uint8_t *out, const uint8_t *in, mask_lane key)
{
	const size_t lane = sizeof(mask_lane);
	mask_lane a, b, c, d;

	memcpy(&a, in, lane);
	memcpy(&b, in + lane, lane);
	memcpy(&c, in + 2 * lane, lane);
	memcpy(&d, in + 3 * lane, lane);
	a ^= key;
	b ^= key;
	c ^= key;
	d ^= key;
	memcpy(out, &a, lane);
	memcpy(out + lane, &b, lane);
	memcpy(out + 2 * lane, &c, lane);
	memcpy(out + 3 * lane, &d, lane);
	return a | b | c | d;
}

/* len >= 16 */
static uint64_t
mask_xor_lanes(uint8_t *out, const uint8_t *in, size_t len, uint64_t mask)
{
	uint64_t turned = mask_turn(mask, len);
	mask_lane key = { mask, mask };
	mask_lane last_key = { turned, turned };
	size_t last_at = len - sizeof(mask_lane);
	size_t at = 0;
	mask_lane lane, last, seen;

	memcpy(&last, in + last_at, sizeof(last));
	last ^= last_key;
	seen = last;
	for (; at + 4 * sizeof(lane) <= last_at; at += 4 * sizeof(lane)) {
		seen |= mask_xor_four(out + at, in + at, key);
	}
	for (; at < last_at; at += sizeof(lane)) {
		memcpy(&lane, in + at, sizeof(lane));
		lane ^= key;
		seen |= lane;
		memcpy(out + at, &lane, sizeof(lane));
	}
	memcpy(out + last_at, &last, sizeof(last));
	return seen[0] | seen[1];
}

/* 8 <= len <= 16 */
static uint64_t
mask_xor_words(uint8_t *out, const uint8_t *in, size_t len, uint64_t mask)
{
	size_t last_at = len - sizeof(uint64_t);
	uint64_t first, last;

	memcpy(&first, in, sizeof(first));
	memcpy(&last, in + last_at, sizeof(last));
	first ^= mask;
	last ^= mask_turn(mask, len);
	memcpy(out, &first, sizeof(first));
	memcpy(out + last_at, &last, sizeof(last));
	return first | last;
}

static uint64_t
mask_xor_bytes(uint8_t *out, const uint8_t *in, size_t len, uint64_t mask)
{
	uint8_t seen = 0;
	uint8_t key;

	for (size_t at = 0; at < len; at++) {
		memcpy(&key, &mask, sizeof(key));
		out[at] = in[at] ^ key;
		seen |= out[at];
		mask = mask_turn(mask, 1);
	}
	return seen;
}

bool
mask_xor(uint8_t *out, const uint8_t *in, size_t len, uint64_t mask)
{
	uint64_t seen;

	if (len >= sizeof(mask_lane)) {
		seen = mask_xor_lanes(out, in, len, mask);
	} else if (len >= sizeof(uint64_t)) {
		seen = mask_xor_words(out, in, len, mask);
	} else {
		seen = mask_xor_bytes(out, in, len, mask);
	}
	return (seen & MASK_HIGH_BITS) == 0;
}
