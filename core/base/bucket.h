/* SPDX-License-Identifier: MIT
 * bucket.h - token buckets: so many a second in the mean, so many at once.
 *
 * A bucket is one number: when it will be full again, if nobody takes from it.
 * The fuller, the sooner; a full one lies in the past.  So idle buckets cost
 * nothing, and nobody has to fill them.  sans-I/O. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_rate {       /* of many buckets */
	uint64_t token_ns; /* from one token to the next */
	uint64_t depth_ns; /* from empty to full */
};

struct bucket { /* zeros: full */
	uint64_t full_ns;
};

/* At most `per_s` tokens a second, and `depth` when full; 1 to 1 000 000 each.
 */
struct bucket_rate bucket_rate(uint32_t per_s, uint32_t depth);

bool bucket_has_token(const struct bucket *bucket,
    const struct bucket_rate *rate, uint64_t now_ms);

/* Take one, also one that is not there yet. */
void bucket_take(
    struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms);

/* How long an empty bucket has no token, in whole ms. */
uint32_t bucket_wait_ms(const struct bucket_rate *rate);

#endif
