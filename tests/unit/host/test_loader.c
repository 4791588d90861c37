/* SPDX-License-Identifier: MIT
 * The zoo, one by one: refused for the right reason, in words that help. */

#include "support/test.h"

#include <dirent.h>

#include "fixtures/folder.h"
#include "host/loader.h"
#include "support/fault.h"

#define ZOO(name) GV_ZOO_DIR "/" name ".so"

static int
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL) {
		count++;
	}
	(void)closedir(dir);
	return count;
}

static void
refuses_the_bad_ones_and_says_why(void **state)
{
	static const struct {
		const char *path, *reason;
	} zoo[] = {
		{ ZOO("bad-magic"), "magic number" },
		{ ZOO("other-major"), "plugin ABI 9.3, expected 0.x" },
		{ ZOO("tiny-struct"), "says it has 16 bytes" },
		{ ZOO("short-object"), "says it has 4096 bytes and has " },
		{ ZOO("boaster"), "says it has 4096 bytes and has " },
		{ ZOO("huge-struct"), "for plugin ABI 0.1" },
		{ ZOO("unknown-flag"), "plugin flags 0x80" },
		{ ZOO("no-name"), "its name is \"\"" },
		{ ZOO("null-name"), "has no name" },
		{ ZOO("bad-name"), "expected [a-z0-9-]{1,32}" },
		{ ZOO("liar"), "its note says honest 1.0" },
		{ ZOO("missing-symbol"), "exports no gv_plugin" },
		{ ZOO("undefined-symbol"), "nobody_has_this_function" },
		{ ZOO("no-note"), "no grapevine note" },
		{ ZOO("bad-default"), "a default that it would refuse" },
		{ ZOO("bad-table"), "the name of another one" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(zoo) / sizeof(*zoo); i++) {
		struct loader *list = NULL;
		struct loader *loader = NULL;
		struct diag diag = { "" };

		assert_int_equal(
		    loader_open(&loader, &list, zoo[i].path, &diag),
		    ERR_PLUGIN);
		if (strstr(diag.text, zoo[i].reason) == NULL ||
		    strstr(diag.text, zoo[i].path) == NULL ||
		    strstr(diag.text, "expected") == NULL) {
			fail_msg("%s", diag.text);
		}
		assert_null(list);
		assert_null(loader);
	}
}

static void
takes_a_plugin_of_a_newer_minor(void **state)
{
	struct loader *list = NULL;
	struct loader *loader;

	(void)state;
	assert_int_equal(
	    loader_open(&loader, &list, ZOO("newer-minor"), NULL), ERR_OK);
	assert_int_equal(loader->manifest.abi_minor, GV_ABI_MINOR + 1);
	assert_string_equal(loader->manifest.name, "newer-minor");
	assert_null(loader->manifest.create);
	loader_close(loader, &list);
	assert_null(list);
}

static void
keeps_two_files_apart(void **state)
{
	struct loader *list = NULL;
	struct loader *probe;
	struct loader *filter;

	(void)state;
	/* glibc knows libraries by name; ours are named after descriptors,
	 * and descriptors are numbers that come back. */
	assert_int_equal(
	    loader_open(&probe, &list, ZOO("probe"), NULL), ERR_OK);
	assert_int_equal(
	    loader_open(&filter, &list, ZOO("filter"), NULL), ERR_OK);
	assert_string_equal(probe->manifest.name, "probe");
	assert_string_equal(filter->manifest.name, "filter");
	assert_int_equal(probe->manifest.option_count, 7);
	assert_string_equal(probe->options[6].choices, "red|green");
	loader_close(probe, &list);
	assert_int_equal(loader_open(&probe, &list, ZOO("slow"), NULL), ERR_OK);
	assert_string_equal(probe->manifest.name, "slow");
	loader_close(filter, &list);
	loader_close(probe, &list);
	assert_null(list);
}

static void
is_not_misled_by_a_library_that_stays(void **state)
{
	struct loader *list = NULL;
	struct loader *loader;

	(void)state;
	assert_int_equal(
	    loader_open(&loader, &list, ZOO("stays"), NULL), ERR_OK);
	loader_close(loader, &list);
	/* Its descriptor's number must not come back. */
	assert_int_equal(
	    loader_open(&loader, &list, ZOO("slow"), NULL), ERR_OK);
	assert_string_equal(loader->manifest.name, "slow");
	loader_close(loader, &list);
}

static void
shares_a_file_that_is_named_twice(void **state)
{
	struct loader *list = NULL;
	struct loader *one;
	struct loader *two;

	(void)state;
	assert_int_equal(loader_open(&one, &list, ZOO("probe"), NULL), ERR_OK);
	assert_int_equal(
	    loader_open(&two, &list, GV_ZOO_DIR "/../zoo/probe.so", NULL),
	    ERR_OK);
	assert_ptr_equal(one, two);
	loader_close(one, &list);
	assert_string_equal(two->manifest.name, "probe");
	loader_close(two, &list);
	assert_null(list);
}

static void
refuses_a_second_file_of_one_name(void **state)
{
	struct loader *list = NULL;
	struct loader *one;
	struct loader *two;
	struct diag diag;

	(void)state;
	assert_int_equal(loader_open(&one, &list, ZOO("twin-a"), NULL), ERR_OK);
	assert_int_equal(
	    loader_open(&two, &list, ZOO("twin-b"), &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "its name twin is taken by "));
	assert_non_null(strstr(diag.text, "twin-a.so"));
	loader_close(one, &list);
	assert_int_equal(loader_open(&two, &list, ZOO("twin-b"), NULL), ERR_OK);
	loader_close(two, &list);
}

static void
looks_at_the_file_before_it_runs_it(void **state)
{
	struct loader *list = NULL;
	struct loader *loader;
	struct folder folder;
	struct diag diag;
	const char *path;

	(void)state;
	/* Its constructor ends the process. */
	folder_open(&folder);
	path = folder_copy(&folder, ZOO("constructor"), "a.so", 1L << 30);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(loader_open(&loader, &list, path, &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "run: chmod o-w "));
	folder_close(&folder);
}

static void
leaks_no_descriptor(void **state)
{
	struct loader *list = NULL;
	struct loader *loader;
	int before = open_descriptors();

	(void)state;
	/* These never get as far as dlopen, which sanitizers do not undo. */
	assert_int_equal(
	    loader_open(&loader, &list, ZOO("other-major"), NULL), ERR_PLUGIN);
	assert_int_equal(
	    loader_open(&loader, &list, ZOO("no-note"), NULL), ERR_PLUGIN);
	assert_int_equal(open_descriptors(), before);
#ifndef GV_SANITIZED
	assert_int_equal(
	    loader_open(&loader, &list, ZOO("bad-magic"), NULL), ERR_PLUGIN);
	assert_int_equal(
	    loader_open(&loader, &list, ZOO("slow"), NULL), ERR_OK);
	loader_close(loader, &list);
	assert_int_equal(open_descriptors(), before);
#endif
}

static void
survives_having_no_memory(void **state)
{
	struct loader *list = NULL;
	struct loader *loader;

	(void)state;
	for (unsigned n = 1;; n++) {
		enum err err;

		fault_fail_nth(n);
		err = loader_open(&loader, &list, ZOO("probe"), NULL);
		if (!fault_off()) {
			assert_int_equal(err, ERR_OK);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
		assert_null(list);
	}
	loader_close(loader, &list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_the_bad_ones_and_says_why),
		cmocka_unit_test(takes_a_plugin_of_a_newer_minor),
		cmocka_unit_test(keeps_two_files_apart),
		cmocka_unit_test(is_not_misled_by_a_library_that_stays),
		cmocka_unit_test(shares_a_file_that_is_named_twice),
		cmocka_unit_test(refuses_a_second_file_of_one_name),
		cmocka_unit_test(looks_at_the_file_before_it_runs_it),
		cmocka_unit_test(leaks_no_descriptor),
		cmocka_unit_test(survives_having_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
