/* SPDX-License-Identifier: MIT */
#include "support/test.h"

#include "base/err.h"
#include "wire/utf8.h"

/* What RFC 3629 says, from its grammar, one byte at a time and with no regard
 * for speed: the length of the character at the front, or 0. */
static size_t
rfc_character(const uint8_t *b, size_t len)
{
	static const struct {
		uint8_t first_low, first_high, second_low, second_high, len;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (b[0] < forms[i].first_low || b[0] > forms[i].first_high) {
			continue;
		}
		if (len < forms[i].len) {
			return 0;
		}
		for (size_t at = 1; at < forms[i].len; at++) {
			uint8_t low = at == 1 ? forms[i].second_low : 0x80;
			uint8_t high = at == 1 ? forms[i].second_high : 0xbf;

			if (b[at] < low || b[at] > high) {
				return 0;
			}
		}
		return forms[i].len;
	}
	return 0;
}

static bool
rfc_is_valid(const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t step = rfc_character(bytes + at, len - at);

		if (step == 0) {
			return false;
		}
		at += step;
	}
	return true;
}

static bool
is_valid(const char *text)
{
	return utf8_is_valid(text, strlen(text));
}

static void
takes_the_first_and_the_last_of_each_length(void **state)
{
	(void)state;
	assert_true(utf8_is_valid("\0", 1));
	assert_true(is_valid(""));
	assert_true(is_valid("\x7f"));
	assert_true(is_valid("\xc2\x80"));
	assert_true(is_valid("\xdf\xbf"));
	assert_true(is_valid("\xe0\xa0\x80"));
	assert_true(is_valid("\xed\x9f\xbf"));
	assert_true(is_valid("\xee\x80\x80"));
	assert_true(is_valid("\xef\xbf\xbf"));
	assert_true(is_valid("\xf0\x90\x80\x80"));
	assert_true(is_valid("\xf4\x8f\xbf\xbf"));
}

static void
refuses_overlong_forms(void **state)
{
	(void)state;
	assert_false(is_valid("\xc0\x80"));
	assert_false(is_valid("\xc1\xbf"));
	assert_false(is_valid("\xe0\x80\x80"));
	assert_false(is_valid("\xe0\x9f\xbf"));
	assert_false(is_valid("\xf0\x80\x80\x80"));
	assert_false(is_valid("\xf0\x8f\xbf\xbf"));
}

static void
refuses_surrogates_and_what_lies_above_10ffff(void **state)
{
	(void)state;
	assert_false(is_valid("\xed\xa0\x80"));
	assert_false(is_valid("\xed\xbf\xbf"));
	assert_false(is_valid("\xf4\x90\x80\x80"));
	assert_false(is_valid("\xf5\x80\x80\x80"));
	assert_false(is_valid("\xfe"));
	assert_false(is_valid("\xff"));
}

static void
refuses_truncated_and_stray_bytes(void **state)
{
	(void)state;
	assert_false(is_valid("\x80"));
	assert_false(is_valid("\xbf"));
	assert_false(is_valid("a\xc3"));
	assert_false(is_valid("a\xe2\x82"));
	assert_false(is_valid("a\xf0\x9f\x98"));
	assert_false(is_valid("\xc3 "));
	assert_false(is_valid("\xe2\x82 "));
	assert_false(is_valid("\xf0\x9f\x98 "));
}

static void
agrees_with_the_grammar_on_every_pair_and_many_longer_ones(void **state)
{
	static const uint8_t marks[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
		0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff };
	uint8_t bytes[4];

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		bytes[0] = (uint8_t)(i >> 8);
		bytes[1] = (uint8_t)i;
		assert_int_equal(
		    utf8_is_valid(bytes, 2), rfc_is_valid(bytes, 2));
	}
	for (unsigned i = 0; i < 256 * 16 * 16 * 16; i++) {
		bytes[0] = (uint8_t)(i >> 12);
		bytes[1] = marks[i >> 8 & 15];
		bytes[2] = marks[i >> 4 & 15];
		bytes[3] = marks[i & 15];
		assert_int_equal(
		    utf8_is_valid(bytes, 3), rfc_is_valid(bytes, 3));
		assert_int_equal(
		    utf8_is_valid(bytes, 4), rfc_is_valid(bytes, 4));
	}
}

static void
says_the_same_however_the_bytes_are_cut(void **state)
{
	static const char text[] =
	    "plain words of more than thirty-two bytes, then \xc3\xa9, "
	    "\xe2\x82\xac, \xf0\x9f\x98\x80 and again ASCII to the end of it.";
	const uint8_t *bytes = (const uint8_t *)text;
	size_t len = sizeof(text) - 1;

	(void)state;
	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b++) {
			uint32_t s = utf8_advance(UTF8_START, bytes, a);

			s = utf8_advance(s, bytes + a, b - a);
			s = utf8_advance(s, bytes + b, len - b);
			assert_int_equal(s, UTF8_START);
		}
		assert_int_equal(
		    utf8_is_valid(bytes, a), rfc_is_valid(bytes, a));
	}
}

static void
finds_a_bad_byte_wherever_it_stands(void **state)
{
	static const uint8_t bad[] = { 0x80, 0xc0, 0xf5, 0xff, 0xc3 };
	uint8_t bytes[100];

	(void)state;
	for (size_t len = 1; len <= sizeof(bytes); len++) {
		for (size_t at = 0; at < len; at++) {
			memset(bytes, 'x', sizeof(bytes));
			bytes[at] = bad[at % ARRAY_LEN(bad)];
			assert_false(utf8_is_valid(bytes, len));
		}
	}
}

static void
rejects_at_the_very_byte_and_for_good(void **state)
{
	uint32_t s;

	(void)state;
	s = utf8_advance(UTF8_START, (const uint8_t *)"\xed", 1);
	assert_int_not_equal(s, UTF8_REJECT);
	s = utf8_advance(s, (const uint8_t *)"\xa0", 1);
	assert_int_equal(s, UTF8_REJECT);
	s = utf8_advance(s, (const uint8_t *)"abc", 3);
	assert_int_equal(s, UTF8_REJECT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_first_and_the_last_of_each_length),
		cmocka_unit_test(refuses_overlong_forms),
		cmocka_unit_test(refuses_surrogates_and_what_lies_above_10ffff),
		cmocka_unit_test(refuses_truncated_and_stray_bytes),
		cmocka_unit_test(
		    agrees_with_the_grammar_on_every_pair_and_many_longer_ones),
		cmocka_unit_test(says_the_same_however_the_bytes_are_cut),
		cmocka_unit_test(finds_a_bad_byte_wherever_it_stands),
		cmocka_unit_test(rejects_at_the_very_byte_and_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
