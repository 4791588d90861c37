/* SPDX-License-Identifier: MIT
 * So many at once, so many a second, never more. */
#include "base/bucket.h"

#include "base/err.h"
#include "support/test.h"

#define MONTH_MS UINT64_C(2592000000)

/* Take all there are. */
static uint32_t
drain(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms)
{
	uint32_t count = 0;

	while (bucket_has_token(bucket, rate, now_ms)) {
		bucket_take(bucket, rate, now_ms);
		count++;
	}
	return count;
}

static void
is_full_at_first_and_holds_its_depth(void **state)
{
	static const uint32_t depths[] = { 1, 2, 7, 1000, 1000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
		struct bucket_rate rate = bucket_rate(7, depths[i]);
		struct bucket bucket = { 0 };

		assert_int_equal(drain(&bucket, &rate, 5000), depths[i]);
		assert_int_equal(drain(&bucket, &rate, 5000), 0);
	}
}

static void
gives_a_token_when_its_time_has_come_and_not_before(void **state)
{
	static const uint32_t rates[] = { 1, 3, 7, 100, 999, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct bucket_rate rate = bucket_rate(rates[i], 5);
		struct bucket bucket = { 0 };
		uint32_t wait = bucket_wait_ms(&rate);

		assert_in_range(
		    (uint64_t)wait * rates[i], 1000, 1000 + rates[i]);
		assert_int_equal(drain(&bucket, &rate, 100), 5);
		assert_false(bucket_has_token(&bucket, &rate, 100 + wait - 1));
		assert_int_equal(drain(&bucket, &rate, 100 + wait), 1);
	}
}

static void
is_never_fuller_than_full(void **state)
{
	struct bucket_rate rate = bucket_rate(10, 4);
	struct bucket bucket = { 0 };

	(void)state;
	assert_int_equal(drain(&bucket, &rate, 0), 4);
	assert_int_equal(drain(&bucket, &rate, 200), 2);
	assert_int_equal(drain(&bucket, &rate, 200 + 400), 4);
	assert_int_equal(drain(&bucket, &rate, MONTH_MS), 4);
}

static void
half_a_token_is_not_lost(void **state)
{
	struct bucket_rate rate = bucket_rate(10, 4);
	struct bucket bucket = { 0 };

	(void)state;
	assert_int_equal(drain(&bucket, &rate, 0), 4);
	assert_int_equal(drain(&bucket, &rate, 150), 1);
	assert_int_equal(drain(&bucket, &rate, 200), 1);
}

static void
gives_its_rate_in_the_mean_and_no_more(void **state)
{
	static const uint32_t rates[] = { 1, 3, 7, 100, 999, 700000, 1000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		uint32_t depth = 2 + rates[i] / 50; /* two steps */
		struct bucket_rate rate = bucket_rate(rates[i], depth);
		struct bucket bucket = { 0 };
		uint64_t count = drain(&bucket, &rate, 0) - depth;

		for (uint64_t now = 10; now <= 10000; now += 10) {
			count += drain(&bucket, &rate, now);
		}
		assert_in_range(count, (uint64_t)rates[i] * 9990 / 1000,
		    (uint64_t)rates[i] * 10);
	}
}

static void
one_that_is_overdrawn_waits_longer(void **state)
{
	struct bucket_rate rate = bucket_rate(10, 1);
	struct bucket bucket = { 0 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		bucket_take(&bucket, &rate, 1000);
	}
	assert_false(bucket_has_token(&bucket, &rate, 1299));
	assert_true(bucket_has_token(&bucket, &rate, 1300));
}

static void
counts_for_years(void **state)
{
	struct bucket_rate rate = bucket_rate(1, 1000000);
	struct bucket bucket = { 0 };
	uint64_t now = UINT64_C(1200) * MONTH_MS;

	(void)state;
	assert_int_equal(drain(&bucket, &rate, now), 1000000);
	assert_int_equal(drain(&bucket, &rate, now + 2000), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_full_at_first_and_holds_its_depth),
		cmocka_unit_test(
		    gives_a_token_when_its_time_has_come_and_not_before),
		cmocka_unit_test(is_never_fuller_than_full),
		cmocka_unit_test(half_a_token_is_not_lost),
		cmocka_unit_test(gives_its_rate_in_the_mean_and_no_more),
		cmocka_unit_test(one_that_is_overdrawn_waits_longer),
		cmocka_unit_test(counts_for_years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
