/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "host/option.h"

static const char *
checked(uint32_t type, const char *text)
{
	static struct option_value value;
	const struct gv_option option = { "key", NULL, "", "red|green", type,
		0 };

	if (option_check(&option, text, &value, NULL) != ERR_OK) {
		return "(refused)";
	}
	return value.text;
}

static void
puts_values_into_one_form(void **state)
{
	(void)state;
	assert_string_equal(checked(GV_STRING, ""), "");
	assert_string_equal(checked(GV_STRING, "any\n"), "any\n");
	assert_string_equal(checked(GV_BOOL, "yes"), "1");
	assert_string_equal(checked(GV_BOOL, "off"), "0");
	assert_string_equal(checked(GV_U64, "0018"), "18");
	assert_string_equal(
	    checked(GV_U64, "18446744073709551615"), "18446744073709551615");
	assert_string_equal(checked(GV_DURATION, "10s"), "10000000000");
	assert_string_equal(checked(GV_DURATION, "500ms"), "500000000");
	assert_string_equal(checked(GV_DURATION, "1h"), "3600000000000");
	assert_string_equal(checked(GV_SIZE, "512"), "512");
	assert_string_equal(checked(GV_SIZE, "64K"), "65536");
	assert_string_equal(checked(GV_SIZE, "2G"), "2147483648");
	assert_string_equal(checked(GV_CHOICE, "green"), "green");
	assert_string_equal(checked(GV_TOPIC, "a.b"), "a.b");
}

static void
refuses_what_its_type_does_not_allow(void **state)
{
	static const struct {
		uint32_t type;
		const char *text;
	} table[] = {
		{ GV_BOOL, "" },
		{ GV_BOOL, "TRUE" },
		{ GV_U64, "" },
		{ GV_U64, "-1" },
		{ GV_U64, " 1" },
		{ GV_U64, "1x" },
		{ GV_U64, "18446744073709551616" },
		{ GV_DURATION, "10" },
		{ GV_DURATION, "s" },
		{ GV_DURATION, "1.5s" },
		{ GV_DURATION, "9999999999999h" },
		{ GV_SIZE, "1k" },
		{ GV_SIZE, "99999999999999999G" },
		{ GV_CHOICE, "" },
		{ GV_CHOICE, "red|green" },
		{ GV_CHOICE, "gree" },
		{ GV_TOPIC, "a..b" },
		{ GV_TOPIC, "$node" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (strcmp(checked(table[i].type, table[i].text),
		        "(refused)") != 0) {
			fail_msg("%s", table[i].text);
		}
	}
}

static void
says_what_it_found_and_expected(void **state)
{
	const struct gv_option option = { "wait", NULL, "", NULL, GV_DURATION,
		0 };
	struct option_value value;
	struct diag diag;

	(void)state;
	assert_int_equal(
	    option_check(&option, "soon", &value, &diag), ERR_INVALID);
	assert_string_equal(diag.text,
	    "wait=soon, expected a duration such as 500ms, 10s, 2m, 1h");
}

static void
finds_flaws_in_tables(void **state)
{
	static const struct {
		struct gv_option option;
		const char *flaw;
	} table[] = {
		{ { NULL, "", "", NULL, GV_STRING, 0 }, "a name" },
		{ { "", "", "", NULL, GV_STRING, 0 }, "a name" },
		{ { "A", "", "", NULL, GV_STRING, 0 }, "a name" },
		{ { "ok", "", "", NULL, 99, 0 }, "a type" },
		{ { "ok", "", "", NULL, GV_STRING, 4 }, "flags" },
		{ { "ok", "a", "", NULL, GV_CHOICE, 0 }, "no choices" },
		{ { "ok", "x", "", NULL, GV_U64, 0 }, "a default" },
	};
	const struct gv_option same[] = {
		{ "a", "", "", NULL, GV_STRING, 0 },
		{ "a", "", "", NULL, GV_STRING, 0 },
	};
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_int_equal(
		    option_check_table(&table[i].option, 1, &diag), ERR_PLUGIN);
		assert_non_null(strstr(diag.text, table[i].flaw));
	}
	assert_int_equal(option_check_table(same, 2, &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "option 2 has the name of another"));
	assert_int_equal(option_check_table(same, 1, &diag), ERR_OK);
}

static void
names_all_options(void **state)
{
	const struct gv_option table[] = {
		{ "a", "", "", NULL, GV_STRING, 0 },
		{ "b", "", "", NULL, GV_STRING, 0 },
	};
	struct buf out;

	(void)state;
	buf_init(&out);
	assert_int_equal(option_names(&out, table, 2), ERR_OK);
	assert_string_equal((const char *)out.bytes, "a, b");
	buf_clear(&out);
	assert_int_equal(option_names(&out, NULL, 0), ERR_OK);
	assert_string_equal((const char *)out.bytes, "none");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_values_into_one_form),
		cmocka_unit_test(refuses_what_its_type_does_not_allow),
		cmocka_unit_test(says_what_it_found_and_expected),
		cmocka_unit_test(finds_flaws_in_tables),
		cmocka_unit_test(names_all_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
