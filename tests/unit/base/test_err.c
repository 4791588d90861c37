/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/err.h"

static void
has_words_for_every_error(void **state)
{
	(void)state;
	for (int err = ERR_OK; err <= ERR_PLUGIN; err++) {
		assert_non_null(err_text((enum err)err));
		assert_string_not_equal(
		    err_text((enum err)err), "unknown error");
	}
	assert_string_equal(
	    err_text((enum err)(ERR_PLUGIN + 1)), "unknown error");
}

static void
cuts_a_diag_that_is_too_long(void **state)
{
	struct diag diag;

	(void)state;
	diag_set(&diag, "%s %d", "port", 8080);
	assert_string_equal(diag.text, "port 8080");
	diag_set(&diag, "%2000d", 1);
	assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
	diag_set(NULL, "nowhere");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_words_for_every_error),
		cmocka_unit_test(cuts_a_diag_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
