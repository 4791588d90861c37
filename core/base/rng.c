/* SPDX-License-Identifier: MIT
 * rng.c - see rng.h. */

#include "base/rng.h"

#include <string.h>
#include <sys/random.h>

static uint64_t
rng_rotate(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

void
rng_init(struct rng *rng, uint64_t seed)
{
	/* splitmix64: spreads any seed, 0 too, over the whole state. */
	for (size_t i = 0; i < ARRAY_LEN(rng->state); i++) {
		uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		rng->state[i] = z ^ (z >> 31);
	}
}

enum err
rng_init_random(struct rng *rng)
{
	uint64_t seed;
	enum err err = rng_secret(&seed, sizeof(seed));

	if (err == ERR_OK) {
		rng_init(rng, seed);
	}
	return err;
}

uint64_t
rng_next(struct rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rng_rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotate(s[3], 45);
	return result;
}

uint64_t
rng_below(struct rng *rng, uint64_t limit)
{
	uint64_t skip;
	uint64_t value;

	if (limit == 0) {
		return 0;
	}
	/* Values under 2^64 mod limit would make the small results likelier. */
	skip = (0 - limit) % limit;
	do {
		value = rng_next(rng);
	} while (value < skip);
	return value % limit;
}

uint64_t
rng_around(struct rng *rng, uint64_t value, unsigned percent)
{
	uint64_t spread;

	if (percent > 100) {
		percent = 100;
	}
	/* In two parts: the product of a large value would wrap. */
	spread = value / 100 * percent + value % 100 * percent / 100;
	return value - spread + rng_below(rng, 2 * spread + 1);
}

void
rng_fill(struct rng *rng, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	while (len > 0) {
		uint64_t word = rng_next(rng);
		size_t part = len < sizeof(word) ? len : sizeof(word);

		memcpy(at, &word, part);
		at += part;
		len -= part;
	}
}

enum err
rng_secret(void *bytes, size_t len)
{
	/* Up to 256 bytes come whole and without EINTR: getrandom(2). */
	return getrandom(bytes, len, 0) == (ssize_t)len ? ERR_OK : ERR_SYSTEM;
}
