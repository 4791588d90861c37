/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include "mesh/tombstone.h"

static struct nodeid
id_of(uint32_t n)
{
	struct nodeid id = { .bytes = { 0 } };

	memcpy(id.bytes, &n, sizeof(n));
	return id;
}

static void
remembers_until_it_is_taken(void **state)
{
	struct tombstones tombstones;
	struct rng rng;
	struct nodeid id = id_of(7);

	(void)state;
	rng_init(&rng, 1);
	tombstones_init(&tombstones, &rng);
	assert_int_equal(tombstones_find(&tombstones, &id), 0);
	assert_int_equal(tombstones_take(&tombstones, &id), 0);
	assert_int_equal(tombstones_put(&tombstones, &id, 5), ERR_OK);
	assert_int_equal(tombstones_put(&tombstones, &id, 6), ERR_OK);
	assert_int_equal(tombstones.count, 1);
	assert_int_equal(tombstones_find(&tombstones, &id), 6);
	assert_int_equal(tombstones_take(&tombstones, &id), 6);
	assert_int_equal(tombstones_find(&tombstones, &id), 0);
	assert_int_equal(tombstones.count, 0);
	tombstones_fini(&tombstones);
}

static void
never_holds_more_than_its_limit(void **state)
{
	struct tombstones tombstones;
	struct rng rng;
	unsigned found = 0;

	(void)state;
	rng_init(&rng, 1);
	tombstones_init(&tombstones, &rng);
	for (uint32_t n = 0; n < 2 * TOMBSTONES_MAX; n++) {
		struct nodeid id = id_of(n);

		assert_int_equal(tombstones_put(&tombstones, &id, 1), ERR_OK);
		assert_int_equal(tombstones_find(&tombstones, &id), 1);
	}
	for (uint32_t n = 0; n < 2 * TOMBSTONES_MAX; n++) {
		struct nodeid id = id_of(n);

		found += tombstones_find(&tombstones, &id) != 0 ? 1 : 0;
	}
	assert_int_equal(found, tombstones.count);
	assert_true(found <= TOMBSTONES_MAX);
	/* Spread evenly: nearly every place is used. */
	assert_true(found > TOMBSTONES_MAX / 10 * 9);
	tombstones_fini(&tombstones);
}

static void
without_memory_it_says_so(void **state)
{
	struct tombstones tombstones;
	struct rng rng;
	struct nodeid id = id_of(7);

	(void)state;
	rng_init(&rng, 1);
	tombstones_init(&tombstones, &rng);
	fault_fail_nth(1);
	assert_int_equal(tombstones_put(&tombstones, &id, 5), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(tombstones_find(&tombstones, &id), 0);
	tombstones_fini(&tombstones);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_until_it_is_taken),
		cmocka_unit_test(never_holds_more_than_its_limit),
		cmocka_unit_test(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
