/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "wire/presence.h"

static enum err
decode(const char *json, struct presence *presence)
{
	return presence_decode(json, strlen(json), presence);
}

static void
comes_back_as_it_was(void **state)
{
	const struct presence presence = { .name = "a\"b\\c\xc3\xa9",
		.addr = "ws://[::1]:1/x",
		.version = "1.0",
		.links = UINT32_MAX,
		.is_new = true };
	struct presence again;
	struct buf buf = { 0 };

	(void)state;
	assert_int_equal(presence_encode(&buf, &presence), ERR_OK);
	assert_int_equal(presence_decode(buf.bytes, buf.len, &again), ERR_OK);
	assert_string_equal(again.name, presence.name);
	assert_string_equal(again.addr, presence.addr);
	assert_string_equal(again.version, presence.version);
	assert_true(again.links == UINT32_MAX);
	assert_true(again.is_new);
	buf_fini(&buf);
}

static void
what_is_missing_is_empty_and_what_is_unknown_ignored(void **state)
{
	struct presence presence;

	(void)state;
	assert_int_equal(decode("{\"x\":[{}]}", &presence), ERR_OK);
	assert_string_equal(presence.name, "");
	assert_string_equal(presence.addr, "");
	assert_string_equal(presence.version, "");
	assert_int_equal(presence.links, 0);
	assert_false(presence.is_new);
}

static void
control_characters_reach_no_terminal(void **state)
{
	struct presence presence;

	(void)state;
	assert_int_equal(
	    decode("{\"name\":\"a\\u001b[2Jb\\n\\u007f\"}", &presence), ERR_OK);
	assert_string_equal(presence.name, "a?[2Jb??");
}

static void
other_kinds_and_lengths_are_refused(void **state)
{
	struct presence presence;
	char text[PRESENCE_MAX + 8];

	(void)state;
	assert_int_equal(decode("null", &presence), ERR_INVALID);
	assert_int_equal(decode("{\"addr\":{}}", &presence), ERR_INVALID);
	assert_int_equal(
	    decode("{\"links\":4294967296}", &presence), ERR_INVALID);
	assert_int_equal(decode("{\"new\":1}", &presence), ERR_INVALID);
	assert_int_equal(decode("{\"new\":false}", &presence), ERR_OK);
	assert_false(presence.is_new);
	memcpy(text, "{\"name\":\"", 9);
	memset(text + 9, 'a', 256);
	(void)stpncpy(text + 9 + 256, "\"}", 3);
	assert_int_equal(decode(text, &presence), ERR_INVALID);
	(void)stpncpy(text + 9 + 255, "\"}", 3);
	assert_int_equal(decode(text, &presence), ERR_OK);
	memset(text, ' ', sizeof(text));
	memcpy(text, "{}", 2);
	assert_int_equal(
	    presence_decode(text, PRESENCE_MAX, &presence), ERR_OK);
	assert_int_equal(
	    presence_decode(text, PRESENCE_MAX + 1, &presence), ERR_INVALID);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(
		    what_is_missing_is_empty_and_what_is_unknown_ignored),
		cmocka_unit_test(control_characters_reach_no_terminal),
		cmocka_unit_test(other_kinds_and_lengths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
