/* SPDX-License-Identifier: MIT */
#include "support/test.h"

#include "wire/mask.h"

static const uint8_t key[MASK_LEN] = { 0x01, 0x82, 0x43, 0xc4 };

static void
masks_every_length_at_every_alignment_and_not_a_byte_more(void **state)
{
	uint8_t in[160];
	uint8_t out[160];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++) {
		in[i] = (uint8_t)(i * 37);
	}
	for (size_t len = 0; len <= 130; len++) {
		for (size_t at = 0; at < 17; at++) {
			memset(out, 0xee, sizeof(out));
			(void)mask_xor(out + at, in + at, len, mask_load(key));
			for (size_t i = 0; i < sizeof(out); i++) {
				bool inside = i >= at && i < at + len;
				uint8_t mine = in[i] ^ key[(i - at) % 4];

				assert_int_equal(out[i], inside ? mine : 0xee);
			}
		}
	}
}

static void
masks_in_place_what_it_masks_elsewhere(void **state)
{
	uint8_t bytes[100];
	uint8_t out[100];

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		for (size_t i = 0; i < len; i++) {
			bytes[i] = (uint8_t)(i * 101 + len);
		}
		(void)mask_xor(out, bytes, len, mask_load(key));
		(void)mask_xor(bytes, bytes, len, mask_load(key));
		assert_memory_equal(out, bytes, len);
	}
}

static void
goes_on_in_the_middle_of_the_mask(void **state)
{
	uint8_t in[50];
	uint8_t whole[50];
	uint8_t parts[50];

	(void)state;
	memset(in, 0x5a, sizeof(in));
	(void)mask_xor(whole, in, sizeof(in), mask_load(key));
	for (size_t cut = 0; cut <= sizeof(in); cut++) {
		uint64_t rest = mask_turn(mask_load(key), cut);

		(void)mask_xor(parts, in, cut, mask_load(key));
		(void)mask_xor(parts + cut, in + cut, sizeof(in) - cut, rest);
		assert_memory_equal(parts, whole, sizeof(in));
	}
}

static void
sees_a_byte_that_is_not_ascii_wherever_it_stands(void **state)
{
	uint8_t in[100];
	uint8_t out[100];

	(void)state;
	memset(out, 'a', sizeof(out));
	for (size_t len = 1; len <= sizeof(in); len++) {
		(void)mask_xor(in, out, len, mask_load(key));
		assert_true(mask_xor(in, in, len, mask_load(key)));
		for (size_t at = 0; at < len; at++) {
			memset(in, 'a', len);
			in[at] = 0x80;
			(void)mask_xor(in, in, len, mask_load(key));
			assert_false(mask_xor(in, in, len, mask_load(key)));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    masks_every_length_at_every_alignment_and_not_a_byte_more),
		cmocka_unit_test(masks_in_place_what_it_masks_elsewhere),
		cmocka_unit_test(goes_on_in_the_middle_of_the_mask),
		cmocka_unit_test(
		    sees_a_byte_that_is_not_ascii_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
