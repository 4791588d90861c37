/* SPDX-License-Identifier: MIT
 * test_ctl.c - gvctl, as people and programs call it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/daemon.h"
#include "support/test.h"

/* gvctl with up to two arguments: its exit code; its words are in `run`. */
static int
ctl_run(struct daemon *run, const char *first, const char *second)
{
	char *argv[] = { GV_CTL, (char *)(uintptr_t)first,
		(char *)(uintptr_t)second, NULL };

	return daemon_run_program(run, argv);
}

/* What the node says behind its own name. */
static char *
node_version(void)
{
	struct daemon *run = daemon_create();
	char *text;

	assert_int_equal(daemon_run(run, "--version"), 0);
	text = daemon_text(run, "stdout");
	assert_memory_equal(text, "grapevine ", 10);
	memmove(text, text + 10, strlen(text + 10) + 1);
	return text;
}

static void
says_its_version_as_the_node_does(void **state)
{
	static const char *const flags[] = { "--version", "-V" };
	char *expected = node_version();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		struct daemon *run = daemon_create();
		char *text;

		assert_int_equal(ctl_run(run, flags[i], NULL), 0);
		text = daemon_text(run, "stdout");
		assert_memory_equal(text, "gvctl ", 6);
		assert_string_equal(text + 6, expected);
		assert_int_equal(daemon_count_lines(run, "stderr", ""), 0);
		free(text);
	}
	free(expected);
}

static void
says_its_version_to_programs(void **state)
{
	struct daemon *run = daemon_create();
	char *expected = node_version();
	char line[128];
	char *text;
	cJSON *json;

	(void)state;
	assert_int_equal(ctl_run(run, "--version", "--json"), 0);
	text = daemon_text(run, "stdout");
	json = cJSON_Parse(text);
	(void)snprintf(line, sizeof(line), "%s (plugin ABI %s)\n",
	    cJSON_GetStringValue(
	        cJSON_GetObjectItemCaseSensitive(json, "gvctl")),
	    cJSON_GetStringValue(
	        cJSON_GetObjectItemCaseSensitive(json, "plugin_abi")));
	assert_string_equal(line, expected);
	cJSON_Delete(json);
	free(text);
	free(expected);
}

static void
tells_usage_errors_with_exit_2(void **state)
{
	static const struct {
		const char *first, *second;
	} cases[] = {
		{ "nosuch", NULL },
		{ "--json", NULL },
		{ "--version", "nosuch" },
		{ "sim", "nosuch" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct daemon *run = daemon_create();
		const char *wrong = cases[i].second != NULL ? cases[i].second
		                                            : cases[i].first;

		assert_int_equal(
		    ctl_run(run, cases[i].first, cases[i].second), 2);
		assert_true(daemon_count_lines(run, "stderr", wrong) > 0);
		assert_int_equal(daemon_count_lines(run, "stdout", ""), 0);
	}
}

static void
fails_when_nobody_can_read_what_it_says(void **state)
{
	static const struct {
		const char *first, *second;
	} cases[] = {
		{ "--help", NULL },
		{ "--version", NULL },
		{ "sim", "--nodes=2" },
		{ "sim", "--help" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct daemon *run = daemon_create();

		run->out_is_full = true;
		assert_int_equal(
		    ctl_run(run, cases[i].first, cases[i].second), 1);
		assert_int_equal(
		    daemon_count_lines(run, "stderr", "stdout"), 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    says_its_version_as_the_node_does, daemon_teardown),
		cmocka_unit_test_teardown(
		    says_its_version_to_programs, daemon_teardown),
		cmocka_unit_test_teardown(
		    tells_usage_errors_with_exit_2, daemon_teardown),
		cmocka_unit_test_teardown(
		    fails_when_nobody_can_read_what_it_says, daemon_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
