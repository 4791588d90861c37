/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/err.h"
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
reads_what_it_writes_and_nothing_else(void **state)
{
	static const char *const others[] = {
		"",
		"009fa0ff00000000000000000000000",
		"009fa0ff0000000000000000000000g0",
		"009fa0ff0000000000000000000000F0",
		"009fa0ff 00000000000000000000000",
	};
	struct nodeid id = { .bytes = { 1 } };
	char hex[NODEID_HEX_LEN + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_false(nodeid_read(&id, others[i]));
		assert_int_equal(id.bytes[0], 1);
	}
	assert_true(nodeid_read(&id, "009fa0ff0000000000000000000000fe,"));
	nodeid_hex(&id, hex);
	assert_string_equal(hex, "009fa0ff0000000000000000000000fe");
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

enum { PLACES = 4096 };

/* Of ids that differ in two bytes, the most that share a place of a table. */
static unsigned
most_in_one_place(size_t first_byte, size_t second_byte, uint64_t salt)
{
	uint16_t places[PLACES] = { 0 };
	struct nodeid id = { .bytes = { 1, 2, 3 } };
	unsigned most = 0;

	for (unsigned n = 0; n < PLACES; n++) {
		uint16_t *place;

		/* Their high bits: those reach the least in a product. */
		id.bytes[first_byte] = (uint8_t)(n << 2);
		id.bytes[second_byte] = (uint8_t)(n >> 4);
		place = &places[nodeid_hash(&id, salt) % PLACES];
		most = ++*place > most ? *place : most;
	}
	return most;
}

static void
spreads_chosen_ids_over_a_table(void **state)
{
	static const uint64_t salts[] = { UINT64_C(0x243f6a8885a308d3),
		UINT64_C(0x13198a2e03707345) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(salts); i++) {
		for (size_t a = 0; a < sizeof(struct nodeid); a++) {
			for (size_t b = 0; b < sizeof(struct nodeid); b++) {
				if (a != b) {
					assert_true(most_in_one_place(
					                a, b, salts[i]) < 24);
				}
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_an_id_as_lower_case_hex),
		cmocka_unit_test(reads_what_it_writes_and_nothing_else),
		cmocka_unit_test(orders_ids_as_unsigned_bytes),
		cmocka_unit_test(spreads_chosen_ids_over_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
