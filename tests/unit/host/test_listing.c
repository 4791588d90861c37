/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <sys/stat.h>

#include "fixtures/box.h"
#include "fixtures/folder.h"

/* The listing as a string, until the next call. */
static const char *
list(const struct box *box, bool json)
{
	static struct buf out;

	buf_fini(&out);
	if (box != NULL) {
		assert_int_equal(host_list(box->host, json, &out), ERR_OK);
		assert_int_equal(buf_append(&out, "", 1), ERR_OK);
	}
	return (const char *)out.bytes;
}

static void
expect_part(const char *text, const char *part)
{
	if (strstr(text, part) == NULL) {
		fail_msg("%s is not in: %s", part, text);
	}
}

static void
lists_the_whole_zoo_and_runs_none_of_it(void **state)
{
	struct box box;
	const char *text;

	(void)state;
	/* `constructor` ends any process that loads it. */
	box_open(&box, GV_ZOO_DIR);
	text = list(&box, false);
	expect_part(text, "NAME             VERSION    ABI    STATUS    FILE");
	expect_part(text, "constructor      1.0        0.1    ok        /");
	expect_part(text, "newer-minor      1.0        0.2    ok        /");
	expect_part(text, "other-major      1.0        9.3    refused   /");
	expect_part(text, "built for plugin ABI 9.3, expected 0.x");
	expect_part(text, "-                -          -      refused   /");
	expect_part(text, "Bad?[2J/Name");
	expect_part(text, "looked in:\n  " GV_ZOO_DIR "\n");
	(void)list(NULL, false);
	box_close(&box);
}

static void
lists_for_programs_too(void **state)
{
	struct box box;
	const char *text;

	(void)state;
	box_open(&box, GV_ZOO_DIR);
	box_load(&box, "probe");
	text = list(&box, true);
	expect_part(text, "{\"plugins\":[{\"status\":\"");
	expect_part(text, "{\"status\":\"enabled\",\"file\":\"" GV_ZOO_DIR
	                  "/probe.so\",\"name\":\"probe\",\"version\":\"1.2\","
	                  "\"abi\":\"0.1\",\"filter\":false}");
	expect_part(text, "\"name\":\"filter\",\"version\":\"1.2\","
	                  "\"abi\":\"0.1\",\"filter\":true}");
	expect_part(text, "{\"status\":\"refused\",\"file\":\"" GV_ZOO_DIR
	                  "/no-note.so\",\"reason\":\"" GV_ZOO_DIR
	                  "/no-note.so: no grapevine note");
	expect_part(text, "],\"dirs\":[\"" GV_ZOO_DIR "\",");
	(void)list(NULL, false);
	box_close(&box);
}

static void
escapes_what_file_names_hold(void **state)
{
	struct folder folder;
	struct box box;

	(void)state;
	folder_open(&folder);
	(void)folder_write(&folder, "a\033\"\xff.so", "");
	box_open(&box, folder.path);
	expect_part(list(&box, true), "/a\\u001b\\\"\\ufffd.so\"");
	expect_part(list(&box, false), "/a\\x1b\"\\xff.so");
	(void)list(NULL, false);
	box_close(&box);
	folder_close(&folder);
}

static void
says_which_files_are_hidden_by_others(void **state)
{
	struct folder folder;
	struct box box;

	(void)state;
	folder_open(&folder);
	(void)folder_copy(&folder, GV_ZOO_DIR "/probe.so", "slow.so", 1L << 30);
	assert_int_equal(setenv("GRAPEVINE_PLUGIN_PATH", GV_ZOO_DIR, 1), 0);
	box_open(&box, folder.path);
	expect_part(list(&box, false),
	    "shadowed  " GV_ZOO_DIR "/slow.so: a folder that comes first has "
	    "slow.so too");
	(void)list(NULL, false);
	box_close(&box);
	assert_int_equal(unsetenv("GRAPEVINE_PLUGIN_PATH"), 0);
	folder_close(&folder);
}

static void
helps_with_the_options_of_a_plugin(void **state)
{
	struct box box;
	struct buf out;
	struct diag diag;

	(void)state;
	buf_init(&out);
	box_open(&box, GV_ZOO_DIR);
	assert_int_equal(host_help(box.host, "probe", &out, &diag), ERR_OK);
	assert_int_equal(buf_append(&out, "", 1), ERR_OK);
	expect_part((const char *)out.bytes, "probe 1.2: tells what is done");
	expect_part((const char *)out.bytes,
	    "  wait             a time\n"
	    "                   a duration such as 500ms, 10s, 2m, 1h; "
	    "default \"10s\"\n");
	expect_part((const char *)out.bytes, "red|green; default \"red\"");
	expect_part((const char *)out.bytes, "@topics=PATTERN");
	buf_clear(&out);
	assert_int_equal(
	    host_help(box.host, GV_ZOO_DIR "/needy.so", &out, &diag), ERR_OK);
	assert_int_equal(buf_append(&out, "", 1), ERR_OK);
	expect_part((const char *)out.bytes, "text; required");
	assert_int_equal(
	    host_help(box.host, "ghost", &out, &diag), ERR_NOTFOUND);
	assert_int_equal(
	    host_help(box.host, "bad-magic", &out, &diag), ERR_PLUGIN);
	assert_int_equal(host_plugin_count(box.host), 0);
	buf_fini(&out);
	box_close(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_the_whole_zoo_and_runs_none_of_it),
		cmocka_unit_test(lists_for_programs_too),
		cmocka_unit_test(escapes_what_file_names_hold),
		cmocka_unit_test(says_which_files_are_hidden_by_others),
		cmocka_unit_test(helps_with_the_options_of_a_plugin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
