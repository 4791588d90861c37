/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <stdio.h>

#include "host/spec.h"
#include "support/fault.h"

static void
expect_refusal(const char *text, const char *part)
{
	struct spec spec;
	struct diag diag = { "" };

	assert_int_equal(spec_parse(&spec, text, &diag), ERR_INVALID);
	if (strstr(diag.text, part) == NULL) {
		fail_msg("%s: %s", text, diag.text);
	}
	spec_fini(&spec);
}

static void
takes_a_name_and_options_in_order(void **state)
{
	struct spec spec;

	(void)state;
	assert_int_equal(
	    spec_parse(&spec, "logger,format=json,file=/a=b,text=", NULL),
	    ERR_OK);
	assert_string_equal(spec.plugin, "logger");
	assert_false(spec.is_path);
	assert_int_equal(spec.option_count, 3);
	assert_string_equal(spec.options[0].key, "format");
	assert_string_equal(spec.options[0].value, "json");
	assert_string_equal(spec.options[1].value, "/a=b");
	assert_string_equal(spec.options[2].value, "");
	spec_fini(&spec);
}

static void
escapes_commas_and_backslashes_only(void **state)
{
	struct spec spec;

	(void)state;
	assert_int_equal(
	    spec_parse(&spec, "./a\\,b.so,text=x\\,y\\\\z\\n", NULL), ERR_OK);
	assert_string_equal(spec.plugin, "./a,b.so");
	assert_true(spec.is_path);
	assert_int_equal(spec.option_count, 1);
	assert_string_equal(spec.options[0].value, "x,y\\z\\n");
	spec_fini(&spec);
}

static void
keeps_the_nodes_keys_from_the_plugin(void **state)
{
	struct spec spec;

	(void)state;
	assert_int_equal(spec_parse(&spec,
	                     "a,@optional,@topics=x.>;y,k=v,@topics=z.*", NULL),
	    ERR_OK);
	assert_true(spec.optional);
	assert_int_equal(spec.topic_count, 3);
	assert_int_equal(spec.option_count, 1);
	assert_true(spec_wants(&spec, "x.y"));
	assert_true(spec_wants(&spec, "y"));
	assert_true(spec_wants(&spec, "z.y"));
	assert_false(spec_wants(&spec, "z"));
	spec_fini(&spec);
	assert_int_equal(spec_parse(&spec, "a,@optional=false", NULL), ERR_OK);
	assert_false(spec.optional);
	assert_true(spec_wants(&spec, "anything"));
	spec_fini(&spec);
}

static void
says_what_is_wrong(void **state)
{
	(void)state;
	expect_refusal("", "expected NAME or PATH");
	expect_refusal(",a=b", "expected NAME or PATH");
	expect_refusal("a,b", "expected key=value");
	expect_refusal("a,=b", "expected key=value");
	expect_refusal("a,b=1,b=2", "b is given twice");
	expect_refusal("a,@isolate=process", "comes with a later version");
	expect_refusal("a,@nice=1", "known are @optional and @topics");
	expect_refusal("a,@topics", "known are @optional and @topics");
	expect_refusal("a,@topics=a..b", "@topics has \"a..b\"");
	expect_refusal("a,@optional=maybe", "expected true or false");
}

static void
has_limits(void **state)
{
	char text[4096] = "a";
	size_t len = 1;

	(void)state;
	for (int i = 0; i <= SPEC_OPTIONS_MAX; i++) {
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, ",k%d=v", i);
	}
	expect_refusal(text, "more than 64 options");
	len = 1;
	for (int i = 0; i <= SPEC_TOPICS_MAX; i++) {
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, ",@topics=t%d", i);
	}
	expect_refusal(text, "more than 32 @topics");
}

static void
survives_having_no_memory(void **state)
{
	struct spec spec;

	(void)state;
	fault_fail_nth(1);
	assert_int_equal(spec_parse(&spec, "a", NULL), ERR_NOMEM);
	assert_true(fault_off());
	spec_fini(&spec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_name_and_options_in_order),
		cmocka_unit_test(escapes_commas_and_backslashes_only),
		cmocka_unit_test(keeps_the_nodes_keys_from_the_plugin),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(has_limits),
		cmocka_unit_test(survives_having_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
