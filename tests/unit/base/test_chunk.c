/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/chunk.h"
#include "support/fault.h"

static void
appends_side_by_side_while_somebody_reads(void **state)
{
	struct chunk_pool pool;
	struct chunk_log log;
	struct range a = { 0 }, b = { 0 };

	(void)state;
	chunk_pool_init(&pool);
	chunk_log_init(&log, &pool, CHUNK_BYTES);
	assert_int_equal(chunk_log_append(&log, 10, &a), ERR_OK);
	chunk_ref(a.chunk);
	assert_int_equal(chunk_log_append(&log, 10, &b), ERR_OK);
	assert_ptr_equal(a.chunk, b.chunk);
	assert_int_equal(b.off, a.off + a.len);
	chunk_unref(a.chunk);
	chunk_log_fini(&log);
	chunk_pool_fini(&pool);
}

static void
starts_at_the_front_when_nobody_reads(void **state)
{
	struct chunk_pool pool;
	struct chunk_log log;
	struct range a = { 0 }, b = { 0 };

	(void)state;
	chunk_pool_init(&pool);
	chunk_log_init(&log, &pool, CHUNK_BYTES);
	assert_int_equal(chunk_log_append(&log, 10, &a), ERR_OK);
	assert_int_equal(chunk_log_append(&log, 10, &b), ERR_OK);
	assert_int_equal(b.off, 0);
	chunk_log_fini(&log);
	chunk_pool_fini(&pool);
}

static void
takes_a_new_chunk_for_what_does_not_fit(void **state)
{
	struct chunk_pool pool;
	struct chunk_log log;
	struct range a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	chunk_pool_init(&pool);
	chunk_log_init(&log, &pool, CHUNK_BYTES);
	assert_int_equal(chunk_log_append(&log, CHUNK_BYTES - 1, &a), ERR_OK);
	chunk_ref(a.chunk);
	assert_int_equal(chunk_log_append(&log, 2, &b), ERR_OK);
	assert_ptr_not_equal(a.chunk, b.chunk);
	chunk_ref(b.chunk);
	assert_int_equal(chunk_log_append(&log, 10 * CHUNK_BYTES, &c), ERR_OK);
	assert_int_equal(c.chunk->size, 10 * CHUNK_BYTES);
	assert_int_equal(pool.bytes, 12 * CHUNK_BYTES);
	chunk_unref(a.chunk);
	chunk_unref(b.chunk);
	chunk_log_fini(&log);
	assert_int_equal(pool.bytes, 0);
	chunk_pool_fini(&pool);
}

static void
uses_standard_chunks_again(void **state)
{
	struct chunk_pool pool;
	struct chunk *chunk, *again;

	(void)state;
	chunk_pool_init(&pool);
	chunk = chunk_create(&pool, CHUNK_BYTES);
	assert_non_null(chunk);
	chunk_unref(chunk);
	fault_fail_from(1);
	again = chunk_create(&pool, CHUNK_BYTES); /* without malloc */
	(void)fault_off();
	assert_ptr_equal(again, chunk);
	assert_int_equal(again->used, 0);
	chunk_unref(again);
	chunk_pool_fini(&pool);
}

/* So many chunks at a time, all given back. */
static void
burst(struct chunk_pool *pool, size_t count)
{
	struct chunk *chunks[200];

	assert_in_range(count, 1, ARRAY_LEN(chunks));
	for (size_t i = 0; i < count; i++) {
		chunks[i] = chunk_create(pool, CHUNK_BYTES);
		assert_non_null(chunks[i]);
	}
	for (size_t i = 0; i < count; i++) {
		chunk_unref(chunks[i]);
	}
}

static void
keeps_a_few_spares_only(void **state)
{
	struct chunk_pool pool;

	(void)state;
	chunk_pool_init(&pool);
	burst(&pool, 200);
	assert_int_equal(pool.bytes, 0);
	assert_int_equal(pool.spares, 64);
	chunk_pool_fini(&pool);
}

/* One at a time, as long as nobody takes it meanwhile. */
static void
gives_idle_spares_back(void **state)
{
	struct chunk_pool pool;

	(void)state;
	chunk_pool_init(&pool);
	burst(&pool, 3);
	chunk_pool_trim(&pool);
	assert_int_equal(pool.spares, 3); /* they have just been used */
	burst(&pool, 2);
	chunk_pool_trim(&pool);
	assert_int_equal(pool.spares, 2); /* one was idle */
	chunk_pool_trim(&pool);
	chunk_pool_trim(&pool);
	assert_int_equal(pool.spares, 0);
	chunk_pool_trim(&pool);
	chunk_pool_fini(&pool);
}

static void
appends_nothing_when_memory_is_short(void **state)
{
	struct chunk_pool pool;
	struct chunk_log log;
	struct range range = { NULL, 7, 7 };

	(void)state;
	chunk_pool_init(&pool);
	chunk_log_init(&log, &pool, CHUNK_BYTES);
	fault_fail_nth(1);
	assert_int_equal(chunk_log_append(&log, 10, &range), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(range.off, 7);
	assert_int_equal(pool.bytes, 0);
	chunk_unref(NULL);
	chunk_log_fini(&log);
	chunk_pool_fini(&pool);
}

static void
a_long_chunk_is_not_kept_for_short_ranges(void **state)
{
	struct chunk_pool pool;
	struct chunk_log log;
	struct range range = { 0 };

	(void)state;
	chunk_pool_init(&pool);
	chunk_log_init(&log, &pool, CHUNK_SMALL);
	assert_int_equal(
	    chunk_log_append(&log, 10 * CHUNK_BYTES, &range), ERR_OK);
	assert_int_equal(pool.bytes, 10 * CHUNK_BYTES);
	assert_int_equal(chunk_log_append(&log, 10, &range), ERR_OK);
	assert_true(pool.bytes <= CHUNK_BYTES);
	chunk_log_fini(&log);
	chunk_pool_fini(&pool);
}

static void
who_reads_a_long_chunk_keeps_it(void **state)
{
	struct chunk_pool pool;
	struct chunk_log log;
	struct range range = { 0 }, other = { 0 };

	(void)state;
	chunk_pool_init(&pool);
	chunk_log_init(&log, &pool, CHUNK_BYTES);
	chunk_log_trim(&log);
	assert_int_equal(chunk_log_append(&log, CHUNK_BYTES, &range), ERR_OK);
	chunk_log_trim(&log);
	assert_int_equal(pool.bytes, CHUNK_BYTES);
	assert_int_equal(
	    chunk_log_append(&log, 2 * CHUNK_BYTES, &range), ERR_OK);
	chunk_ref(range.chunk);
	chunk_log_trim(&log);
	assert_int_equal(pool.bytes, 2 * CHUNK_BYTES);
	assert_int_equal(chunk_log_append(&log, 10, &other), ERR_OK);
	assert_ptr_not_equal(other.chunk, range.chunk);
	chunk_unref(range.chunk);
	assert_int_equal(pool.bytes, CHUNK_BYTES);
	chunk_log_fini(&log);
	chunk_pool_fini(&pool);
}

static void
a_log_begins_small_and_doubles_while_its_chunks_are_held(void **state)
{
	struct chunk_pool pool;
	struct chunk_log log;
	struct range ranges[6] = { 0 };
	size_t size = CHUNK_SMALL;

	(void)state;
	chunk_pool_init(&pool);
	chunk_log_init(&log, &pool, size);
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		assert_int_equal(
		    chunk_log_append(&log, size, &ranges[i]), ERR_OK);
		assert_int_equal(ranges[i].chunk->size, size);
		chunk_ref(ranges[i].chunk);
		size = size < CHUNK_BYTES ? 2 * size : CHUNK_BYTES;
	}
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		chunk_unref(ranges[i].chunk);
	}
	chunk_log_fini(&log);
	chunk_pool_fini(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_side_by_side_while_somebody_reads),
		cmocka_unit_test(starts_at_the_front_when_nobody_reads),
		cmocka_unit_test(takes_a_new_chunk_for_what_does_not_fit),
		cmocka_unit_test(uses_standard_chunks_again),
		cmocka_unit_test(keeps_a_few_spares_only),
		cmocka_unit_test(gives_idle_spares_back),
		cmocka_unit_test(appends_nothing_when_memory_is_short),
		cmocka_unit_test(a_long_chunk_is_not_kept_for_short_ranges),
		cmocka_unit_test(who_reads_a_long_chunk_keeps_it),
		cmocka_unit_test(
		    a_log_begins_small_and_doubles_while_its_chunks_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
