/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/counter.h"
#include "support/fault.h"

struct some_stats {
	uint64_t first, second;
};

static const struct counter some_counters[] = {
	COUNTER(struct some_stats, first),
	COUNTER(struct some_stats, second),
};

static void
shows_every_counter_by_name(void **state)
{
	struct some_stats stats = { 7, UINT64_MAX };
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_int_equal(counters_json(&buf, some_counters, 2, &stats), ERR_OK);
	assert_int_equal(buf_append(&buf, "", 1), ERR_OK);
	assert_string_equal(
	    (char *)buf.bytes, "{\"first\":7,\"second\":18446744073709551615}");
	buf_clear(&buf);
	assert_int_equal(counters_json(&buf, some_counters, 0, &stats), ERR_OK);
	assert_int_equal(buf.len, 2);
	buf_fini(&buf);
}

static void
says_so_when_memory_is_short(void **state)
{
	struct some_stats stats = { 7, 8 };
	struct buf buf;

	(void)state;
	buf_init(&buf);
	fault_fail_nth(1);
	assert_int_equal(
	    counters_json(&buf, some_counters, 2, &stats), ERR_NOMEM);
	assert_true(fault_off());
	buf_fini(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_every_counter_by_name),
		cmocka_unit_test(says_so_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
