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
	idcache_init(&fixture->cache, &fixture->rng, LIMIT);
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
	struct idcache_item *item;

	assert_null(idcache_find(cache, &id));
	item = idcache_put(cache, &id);
	assert_non_null(item);
	assert_int_equal(item->max, 0);
	assert_int_equal(item->last, 0);
	item->max = 5;
	item->last = 6;
	assert_ptr_equal(idcache_find(cache, &id), item);
	assert_ptr_equal(idcache_put(cache, &id), item);
	assert_int_equal(item->last, 6);
	assert_int_equal(cache->count, 1);
	idcache_drop(cache, item);
	assert_null(idcache_find(cache, &id));
	assert_int_equal(cache->count, 0);
	/* Whoever has the place next finds nothing of it. */
	item = idcache_put(cache, &id);
	assert_non_null(item);
	assert_int_equal(item->last, 0);
}

static void
never_holds_more_than_its_limit(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	unsigned found = 0;

	for (uint32_t n = 0; n < 2 * LIMIT; n++) {
		struct nodeid id = id_of(n);
		struct idcache_item *item = idcache_put(cache, &id);

		assert_non_null(item);
		item->max = 1;
		assert_ptr_equal(idcache_find(cache, &id), item);
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

/* The last of its bucket moves there. */
static void
a_dropped_one_leaves_the_others_where_they_are_found(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	enum { COUNT = 3000 };

	for (uint32_t n = 0; n < COUNT; n++) {
		struct nodeid id = id_of(n);
		struct idcache_item *item = idcache_put(cache, &id);

		assert_non_null(item);
		item->last = n;
	}
	for (uint32_t n = 0; n < COUNT; n += 3) {
		struct nodeid id = id_of(n);

		idcache_drop(cache, idcache_find(cache, &id));
	}
	assert_int_equal(cache->count, COUNT - COUNT / 3);
	for (uint32_t n = 0; n < COUNT; n++) {
		struct nodeid id = id_of(n);
		const struct idcache_item *item = idcache_find(cache, &id);

		assert_int_equal(item == NULL, is_dropped(n));
		assert_true(item == NULL || item->last == n);
	}
}

static void
takes_memory_for_what_it_holds(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	size_t room = 0;

	for (uint32_t n = 0; n < 2000; n++) {
		struct nodeid id = id_of(n);
		struct idcache_item *item = idcache_put(cache, &id);

		assert_non_null(item);
		item->max = n + 1;
		item->last = n;
	}
	for (size_t i = 0; i < IDCACHE_BUCKETS; i++) {
		room += cache->buckets[i].room;
	}
	/* A place in each bucket may be empty. */
	assert_in_range(room, 2000, 2000 + IDCACHE_BUCKETS);
	/* Nothing was lost on the way. */
	assert_int_equal(cache->replaced, 0);
	for (uint32_t n = 0; n < 2000; n++) {
		struct nodeid id = id_of(n);
		const struct idcache_item *item = idcache_find(cache, &id);

		assert_non_null(item);
		assert_int_equal(item->max, n + 1);
		assert_int_equal(item->last, n);
	}
}

static void
without_memory_to_grow_it_replaces(void **state)
{
	struct idcache *cache = &((struct fixture *)*state)->cache;
	enum { BEFORE = 5000, MORE = 2000 };

	for (uint32_t n = 0; n < BEFORE + MORE; n++) {
		struct nodeid id = id_of(n);
		struct idcache_item *item;

		if (n >= BEFORE) {
			fault_fail_from(1);
		}
		item = idcache_put(cache, &id);
		(void)fault_off();
		assert_non_null(item);
		assert_true(nodeid_equal(&item->id, &id));
		assert_ptr_equal(idcache_find(cache, &id), item);
	}
	assert_true(cache->replaced > MORE / 2);
	assert_int_equal(cache->count + cache->replaced, BEFORE + MORE);
}

/* The next id from `n` on whose bucket has some, or none. */
static struct nodeid
id_beside(const struct idcache *cache, uint32_t *n, bool some)
{
	struct nodeid id;
	size_t number;

	do {
		id = id_of((*n)++);
		number = nodeid_hash(&id, cache->salt) % IDCACHE_BUCKETS;
	} while ((cache->buckets[number].count > 0) != some);
	return id;
}

static void
at_the_limit_the_newest_is_kept_although_its_bucket_is_empty(void **state)
{
	enum { FEW = 10 };
	struct fixture *fixture = *state;
	struct idcache *cache = &fixture->cache;
	struct nodeid id = id_of(0);
	uint32_t n = 1;

	cache->limit = FEW;
	assert_non_null(idcache_put(cache, &id));
	while (cache->count < FEW) {
		id = id_beside(cache, &n, true);
		assert_non_null(idcache_put(cache, &id));
	}
	id = id_beside(cache, &n, false);
	assert_non_null(idcache_put(cache, &id));
	assert_int_equal(cache->count, FEW + 1);
	assert_int_equal(cache->replaced, 0);
	for (unsigned i = 0; i < FEW; i++) {
		id = id_beside(cache, &n, true);
		assert_non_null(idcache_put(cache, &id));
		assert_non_null(idcache_find(cache, &id));
	}
	assert_int_equal(cache->count, FEW + 1);
	assert_int_equal(cache->replaced, FEW);
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
		TEST(
		    at_the_limit_the_newest_is_kept_although_its_bucket_is_empty),
		TEST(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
