/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/buf.h"
#include "support/fault.h"

static void
grows_as_it_is_filled(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_null(buf.bytes);
	for (unsigned i = 0; i < 10000; i++) {
		uint8_t byte = (uint8_t)i;

		assert_int_equal(buf_append(&buf, &byte, 1), ERR_OK);
	}
	assert_int_equal(buf.len, 10000);
	for (unsigned i = 0; i < 10000; i++) {
		assert_int_equal(buf.bytes[i], (uint8_t)i);
	}
	buf_fini(&buf);
	assert_int_equal(buf.len, 0);
}

static void
takes_nothing_without_memory_for_it(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_int_equal(buf_append(&buf, NULL, 0), ERR_OK);
	buf_fini(&buf);
}

static void
prints_behind_what_is_there(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_int_equal(buf_append(&buf, "a=", 2), ERR_OK);
	assert_int_equal(buf_printf(&buf, "%d%s", 42, "!"), ERR_OK);
	assert_int_equal(buf.len, 5);
	assert_string_equal((char *)buf.bytes, "a=42!");
	buf_clear(&buf);
	assert_int_equal(buf_printf(&buf, "%200d", 1), ERR_OK);
	assert_int_equal(buf.len, 200);
	buf_fini(&buf);
}

static void
stays_as_it_was_when_memory_is_short(void **state)
{
	static const char big[5000];
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_int_equal(buf_append(&buf, "abc", 3), ERR_OK);
	fault_fail_from(1);
	assert_int_equal(buf_append(&buf, big, sizeof(big)), ERR_NOMEM);
	assert_int_equal(buf_printf(&buf, "%5000d", 1), ERR_NOMEM);
	assert_int_equal(buf_reserve(&buf, 5000), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.bytes, "abc", 3);
	buf_fini(&buf);
}

static void
refuses_sizes_that_no_memory_has(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_int_equal(buf_reserve(&buf, SIZE_MAX), ERR_NOMEM);
	assert_int_equal(buf_append(&buf, "a", 1), ERR_OK);
	assert_int_equal(buf_reserve(&buf, SIZE_MAX), ERR_NOMEM);
	assert_int_equal(buf_reserve(&buf, SIZE_MAX / 2), ERR_NOMEM);
	assert_int_equal(buf.len, 1);
	buf_fini(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_as_it_is_filled),
		cmocka_unit_test(takes_nothing_without_memory_for_it),
		cmocka_unit_test(prints_behind_what_is_there),
		cmocka_unit_test(stays_as_it_was_when_memory_is_short),
		cmocka_unit_test(refuses_sizes_that_no_memory_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
