/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/rng.h"

static void
repeats_itself_for_the_same_seed(void **state)
{
	struct rng a, b, c;
	bool differs = false;

	(void)state;
	rng_init(&a, 0);
	rng_init(&b, 0);
	rng_init(&c, 1);
	for (int i = 0; i < 100; i++) {
		uint64_t value = rng_next(&a);

		assert_true(value == rng_next(&b));
		differs = differs || value != rng_next(&c);
	}
	assert_true(differs);
}

/* The reference sequence of xoshiro256** from the state 1, 2, 3, 4. */
static void
is_xoshiro256starstar(void **state)
{
	static const uint64_t expected[] = { UINT64_C(11520), UINT64_C(0),
		UINT64_C(1509978240), UINT64_C(1215971899390074240) };
	struct rng rng = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_true(rng_next(&rng) == expected[i]);
	}
}

static void
stays_below_the_limit_and_reaches_all_of_it(void **state)
{
	struct rng rng;
	unsigned seen[6] = { 0 };

	(void)state;
	rng_init(&rng, 7);
	for (int i = 0; i < 6000; i++) {
		uint64_t value = rng_below(&rng, 6);

		assert_true(value < 6);
		seen[value]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		assert_in_range(seen[i], 800, 1200);
	}
	assert_int_equal(rng_below(&rng, 0), 0);
	assert_int_equal(rng_below(&rng, 1), 0);
	assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void
jitters_within_its_percent(void **state)
{
	struct rng rng;
	uint64_t low = UINT64_MAX, high = 0;

	(void)state;
	rng_init(&rng, 7);
	for (int i = 0; i < 10000; i++) {
		uint64_t value = rng_around(&rng, 1000, 20);

		low = value < low ? value : low;
		high = value > high ? value : high;
	}
	assert_int_equal(low, 800);
	assert_int_equal(high, 1200);
	assert_int_equal(rng_around(&rng, 1000, 0), 1000);
	assert_int_equal(rng_around(&rng, 0, 50), 0);
}

static void
jitters_large_values_without_wrapping(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 7);
	for (int i = 0; i < 1000; i++) {
		uint64_t big = UINT64_C(1) << 61;
		uint64_t value = rng_around(&rng, big, 50);

		assert_true(value >= big / 2 && value <= big / 2 * 3);
		assert_true(rng_around(&rng, 10, 400) <= 20);
	}
}

static void
fills_every_byte(void **state)
{
	struct rng rng;
	uint8_t or_of[37] = { 0 };

	(void)state;
	rng_init(&rng, 7);
	for (int i = 0; i < 100; i++) {
		uint8_t bytes[38];

		bytes[37] = 0xa5;
		rng_fill(&rng, bytes, 37);
		assert_int_equal(bytes[37], 0xa5);
		for (size_t k = 0; k < sizeof(or_of); k++) {
			or_of[k] |= bytes[k];
		}
	}
	for (size_t k = 0; k < sizeof(or_of); k++) {
		assert_int_equal(or_of[k], 0xff);
	}
}

static void
secrets_differ(void **state)
{
	uint8_t a[16], b[16];
	struct rng rng;

	(void)state;
	assert_int_equal(rng_secret(a, sizeof(a)), ERR_OK);
	assert_int_equal(rng_secret(b, sizeof(b)), ERR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(rng_init_random(&rng), ERR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats_itself_for_the_same_seed),
		cmocka_unit_test(is_xoshiro256starstar),
		cmocka_unit_test(stays_below_the_limit_and_reaches_all_of_it),
		cmocka_unit_test(jitters_within_its_percent),
		cmocka_unit_test(jitters_large_values_without_wrapping),
		cmocka_unit_test(fills_every_byte),
		cmocka_unit_test(secrets_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
