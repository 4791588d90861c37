/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "wire/nodeid.h"

static void
writes_an_id_as_lower_case_hex(void **state)
{
	struct nodeid id = { .bytes = { 0x00, 0x9f, 0xa0, 0xff } };
	char hex[NODEID_HEX_LEN + 1];

	(void)state;
	nodeid_hex(&id, hex);
	assert_string_equal(hex, "009fa0ff000000000000000000000000");
}

static void
orders_ids_as_unsigned_bytes(void **state)
{
	struct nodeid a = { .bytes = { 0x7f } };
	struct nodeid b = { .bytes = { 0x80 } };

	(void)state;
	assert_true(nodeid_compare(&a, &b) < 0);
	assert_true(nodeid_compare(&b, &a) > 0);
	assert_false(nodeid_equal(&a, &b));
	a.bytes[0] = 0x80;
	assert_true(nodeid_equal(&a, &b));
	a.bytes[15] = 1;
	assert_false(nodeid_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_an_id_as_lower_case_hex),
		cmocka_unit_test(orders_ids_as_unsigned_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
