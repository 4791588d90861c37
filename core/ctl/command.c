/* SPDX-License-Identifier: MIT
 * command.c - see command.h. */

#include "ctl/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <grapevine/plugin.h>

#include "base/err.h"

static const struct command command_table[] = {
	{ "sim", "try a mesh of many nodes in virtual time", sim_command },
};

static int
command_usage(FILE *out, int code)
{
	(void)fprintf(out, "usage: gvctl COMMAND [OPTION...]\n"
	                   "       gvctl --version [--json]\n");
	for (size_t i = 0; i < ARRAY_LEN(command_table); i++) {
		(void)fprintf(out, "  %-8s %s\n", command_table[i].name,
		    command_table[i].help);
	}
	(void)fprintf(out, "'gvctl COMMAND --help' says more.\n");
	return code;
}

/* As grapevine --version does. */
static int
command_version(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

	if (argc > (json ? 2 : 1)) {
		(void)fprintf(stderr,
		    "gvctl: found '%s' behind %s, expected --json or "
		    "nothing\n",
		    argv[argc - 1], argv[0]);
		return COMMAND_USAGE;
	}
	(void)printf(json ? "{\"gvctl\":\"%s\",\"plugin_abi\":\"%d.%d\"}\n"
	                  : "gvctl %s (plugin ABI %d.%d)\n",
	    GV_VERSION, GV_ABI_MAJOR, GV_ABI_MINOR);
	return COMMAND_OK;
}

static int
command_run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	for (size_t i = 0; i < ARRAY_LEN(command_table); i++) {
		if (strcmp(name, command_table[i].name) == 0) {
			return command_table[i].run(argc - 1, argv + 1);
		}
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		return command_version(argc - 1, argv + 1);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		return command_usage(stdout, COMMAND_OK);
	}
	(void)fprintf(stderr,
	    "gvctl: found the command '%s', expected one of these:\n", name);
	return command_usage(stderr, COMMAND_USAGE);
}

int
command_main(int argc, char **argv)
{
	int code = command_run(argc, argv);

	/* A report that nobody can read is none. */
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		(void)fprintf(stderr, "gvctl: stdout cannot be written\n");
		return code == COMMAND_OK ? COMMAND_FAILED : code;
	}
	return code;
}
