/* SPDX-License-Identifier: MIT
 * rng.h - random numbers that a seed makes repeatable.
 *
 * xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64 or by getrandom.
 * For jitter, choices and mask keys; secrets (ids, nonces) come from
 * rng_secret. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rng {
	uint64_t state[4];
};

/* The same seed gives the same sequence. */
void rng_init(struct rng *rng, uint64_t seed);

/* Seed from the kernel.  ERR_SYSTEM if it will not. */
NODISCARD enum err rng_init_random(struct rng *rng);

uint64_t rng_next(struct rng *rng);

/* Evenly from 0 .. limit - 1; 0 for limit 0. */
uint64_t rng_below(struct rng *rng, uint64_t limit);

/* `value` (< 2^62) give or take `percent` (at most 100) %: jitter. */
uint64_t rng_around(struct rng *rng, uint64_t value, unsigned percent);

void rng_fill(struct rng *rng, void *bytes, size_t len);

/* Bytes that nobody can guess (getrandom), `len` <= 256. */
NODISCARD enum err rng_secret(void *bytes, size_t len);

#endif
