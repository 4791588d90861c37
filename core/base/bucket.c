/* SPDX-License-Identifier: MIT
 * bucket.c - see bucket.h. */

#include "base/bucket.h"

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct bucket_rate
bucket_rate(uint32_t per_s, uint32_t depth)
{
	/* Rounded up: never more than was said. */
	uint64_t token_ns = (NS_PER_S + (uint64_t)per_s - 1) / per_s;

	return (struct bucket_rate){ token_ns, token_ns * depth };
}

bool
bucket_has_token(const struct bucket *bucket, const struct bucket_rate *rate,
    uint64_t now_ms)
{
	return bucket->full_ns + rate->token_ns <=
	       now_ms * NS_PER_MS + rate->depth_ns;
}

void
bucket_take(
    struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms)
{
	uint64_t now_ns = now_ms * NS_PER_MS;

	if (bucket->full_ns < now_ns) {
		bucket->full_ns = now_ns;
	}
	bucket->full_ns += rate->token_ns;
}

uint32_t
bucket_wait_ms(const struct bucket_rate *rate)
{
	return (uint32_t)((rate->token_ns + NS_PER_MS - 1) / NS_PER_MS);
}
