/* SPDX-License-Identifier: MIT */

#include <stdlib.h>

#include "support/fault.h"
#include "support/test.h"

#include "mesh/idcache.h"

static struct nodeid
id_of(uint32_t n)
{
	struct nodeid id = { .bytes = { 0 } };

	memcpy(id.bytes, &n, sizeof(n));
	return id;
}

enum { LIMIT = 65536 };

/* More than an item: what follows is the owner's. */
struct thing {
	struct idcache_item item;
	uint64_t more;
};

struct fixture {
	struct rng rng;
	struct idcache cache;
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	rng_init(&fixture->rng, 1);
	idcache_init(
	    &fixture->cache, &fixture->rng, LIMIT, sizeof(struct thing));
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	idcache_fini(&fixture->cache);
	free(fixture);
	return 0;
}

static void
remembers_until_it_is_dropped(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	struct nodeid id = id_of(7);
	struct thing *thing;

	assert_null(idcache_find(cache, &id));
	thing = idcache_put(cache, &id);
	assert_non_null(thing);
	assert_int_equal(thing->item.max, 0);
	assert_int_equal(thing->more, 0);
	thing->item.max = 5;
	thing->more = 6;
	assert_ptr_equal(idcache_find(cache, &id), thing);
	assert_ptr_equal(idcache_put(cache, &id), thing);
	assert_int_equal(thing->more, 6);
	assert_int_equal(cache->count, 1);
	idcache_drop(cache, &thing->item);
	assert_null(idcache_find(cache, &id));
	assert_int_equal(cache->count, 0);
	/* Whoever has the place next finds nothing of it. */
	thing = idcache_put(cache, &id);
	assert_non_null(thing);
	assert_int_equal(thing->more, 0);
}

static void
never_holds_more_than_its_limit(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	unsigned found = 0;

	for (uint32_t n = 0; n < 2 * LIMIT; n++) {
		struct nodeid id = id_of(n);
		struct thing *thing = idcache_put(cache, &id);

		assert_non_null(thing);
		thing->item.max = 1;
		assert_ptr_equal(idcache_find(cache, &id), thing);
	}
	for (uint32_t n = 0; n < 2 * LIMIT; n++) {
		struct nodeid id = id_of(n);

		found += idcache_find(cache, &id) != NULL ? 1 : 0;
	}
	assert_int_equal(found, LIMIT);
	assert_int_equal(cache->count, LIMIT);
	assert_int_equal(cache->replaced, LIMIT);
}

static bool
is_dropped(uint32_t n)
{
	return n % 3 == 0;
}

/* Those behind it move up, in the pages and in the index. */
static void
a_dropped_one_leaves_the_others_where_they_are_found(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	enum { COUNT = 3000 };

	for (uint32_t n = 0; n < COUNT; n++) {
		struct nodeid id = id_of(n);
		struct thing *thing = idcache_put(cache, &id);

		assert_non_null(thing);
		thing->more = n;
	}
	for (uint32_t n = 0; n < COUNT; n += 3) {
		struct nodeid id = id_of(n);

		idcache_drop(cache, idcache_find(cache, &id));
	}
	assert_int_equal(cache->count, COUNT - COUNT / 3);
	for (uint32_t n = 0; n < COUNT; n++) {
		struct nodeid id = id_of(n);
		const struct thing *thing = idcache_find(cache, &id);

		assert_int_equal(thing == NULL, is_dropped(n));
		assert_true(thing == NULL || thing->more == n);
	}
}

static void
takes_memory_for_what_it_holds(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;

	for (uint32_t n = 0; n < 2000; n++) {
		struct nodeid id = id_of(n);
		struct thing *thing = idcache_put(cache, &id);

		assert_non_null(thing);
		thing->item.max = n + 1;
		thing->more = n;
	}
	/* Places that are empty, and the index: less than the items again. */
	assert_in_range(cache->bytes, 2000 * sizeof(struct thing),
	    2 * 2000 * sizeof(struct thing));
	/* Nothing was lost on the way. */
	assert_int_equal(cache->replaced, 0);
	for (uint32_t n = 0; n < 2000; n++) {
		struct nodeid id = id_of(n);
		const struct thing *thing = idcache_find(cache, &id);

		assert_non_null(thing);
		assert_int_equal(thing->item.max, n + 1);
		assert_int_equal(thing->more, n);
	}
}

static void
without_memory_to_grow_it_replaces(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	struct nodeid id = id_of(0);
	struct thing *thing = idcache_put(cache, &id);

	assert_non_null(thing);
	thing->item.max = 1;
	for (uint32_t n = 1; n < 200; n++) {
		id = id_of(n);
		fault_fail_from(1);
		thing = idcache_put(cache, &id);
		(void)fault_off();
		assert_non_null(thing);
		thing->item.max = 1;
	}
	assert_true(cache->replaced > 0);
	assert_int_equal(cache->count + cache->replaced, 200);
}

static void
without_memory_it_says_so(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	struct nodeid id = id_of(7);

	fault_fail_nth(1);
	assert_null(idcache_put(cache, &id));
	assert_true(fault_off());
	assert_null(idcache_find(cache, &id));
	assert_int_equal(cache->count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(remembers_until_it_is_dropped),
		TEST(never_holds_more_than_its_limit),
		TEST(a_dropped_one_leaves_the_others_where_they_are_found),
		TEST(takes_memory_for_what_it_holds),
		TEST(without_memory_to_grow_it_replaces),
		TEST(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
