/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "fixtures/folder.h"
#include "host/search.h"
#include "support/fault.h"

static void
looks_in_the_promised_order(void **state)
{
	const char *const dirs[] = { "/one", "/two", "/one" };
	struct search search;
	size_t last;

	(void)state;
	assert_int_equal(
	    setenv("GRAPEVINE_PLUGIN_PATH", "/three::/two:/four", 1), 0);
	assert_int_equal(search_init(&search, dirs, 3), ERR_OK);
	assert_int_equal(search.count, 6);
	assert_string_equal(search.dirs[0], "/one");
	assert_string_equal(search.dirs[1], "/two");
	assert_string_equal(search.dirs[2], "/three");
	assert_string_equal(search.dirs[3], "/four");
	assert_non_null(strstr(search.dirs[4], "grapevine/plugins"));
	last = strlen(search.dirs[5]);
	assert_string_equal(search.dirs[5] + last - 8, "/plugins");
	search_fini(&search);
	assert_int_equal(unsetenv("GRAPEVINE_PLUGIN_PATH"), 0);
}

static void
takes_the_first_of_two(void **state)
{
	struct folder one;
	struct folder two;
	const char *dirs[2];
	struct search search;
	char *path;

	(void)state;
	folder_open(&one);
	folder_open(&two);
	dirs[0] = one.path;
	dirs[1] = two.path;
	(void)folder_write(&one, "a.so", "");
	(void)folder_write(&two, "a.so", "");
	(void)folder_write(&two, "b.so", "");
	assert_int_equal(search_init(&search, dirs, 2), ERR_OK);
	assert_int_equal(search_find(&search, &path, "a", NULL), ERR_OK);
	assert_non_null(strstr(path, one.path));
	free(path);
	assert_int_equal(search_find(&search, &path, "b", NULL), ERR_OK);
	assert_non_null(strstr(path, two.path));
	free(path);
	search_fini(&search);
	folder_close(&one);
	folder_close(&two);
}

static void
says_where_it_looked(void **state)
{
	const char *const dirs[] = { "/one" };
	struct search search;
	struct diag diag;
	char *path;

	(void)state;
	assert_int_equal(search_init(&search, dirs, 1), ERR_OK);
	assert_int_equal(
	    search_find(&search, &path, "ghost", &diag), ERR_NOTFOUND);
	assert_non_null(strstr(diag.text, "expected ghost.so in one of: /one"));
	assert_non_null(strstr(diag.text, "grapevine --list-plugins"));
	assert_int_equal(search_find(&search, &path, "..", &diag), ERR_INVALID);
	assert_int_equal(
	    search_find(&search, &path, "Logger", &diag), ERR_INVALID);
	assert_non_null(strstr(diag.text, "expected [a-z0-9-]{1,32}"));
	search_fini(&search);
}

static void
lists_plugin_files_sorted(void **state)
{
	struct folder folder;
	char **names;
	size_t count;

	(void)state;
	folder_open(&folder);
	(void)folder_write(&folder, "b.so", "");
	(void)folder_write(&folder, "a.so", "");
	(void)folder_write(&folder, "c.so.1", "");
	(void)folder_write(&folder, ".so", "");
	assert_int_equal(search_scan(folder.path, &names, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_string_equal(names[0], "a.so");
	assert_string_equal(names[1], "b.so");
	free(names[0]);
	free(names[1]);
	free(names);
	folder_close(&folder);
	assert_int_equal(search_scan("/nowhere", &names, &count), ERR_OK);
	assert_int_equal(count, 0);
	free(names);
}

static void
survives_having_no_memory(void **state)
{
	const char *const dirs[] = { "/one" };
	struct search search;

	(void)state;
	for (unsigned n = 1;; n++) {
		enum err err;

		fault_fail_nth(n);
		err = search_init(&search, dirs, 1);
		if (!fault_off()) {
			assert_int_equal(err, ERR_OK);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
	}
	search_fini(&search);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_in_the_promised_order),
		cmocka_unit_test(takes_the_first_of_two),
		cmocka_unit_test(says_where_it_looked),
		cmocka_unit_test(lists_plugin_files_sorted),
		cmocka_unit_test(survives_having_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
