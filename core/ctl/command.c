/* SPDX-License-Identifier: MIT
 * command.c - see command.h. */

#include "ctl/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const struct command command_table[] = {
	{ "sim", "try a mesh of many nodes in virtual time", sim_command },
};

static int
command_usage(FILE *out, int code)
{
	(void)fprintf(out, "usage: gvctl COMMAND [OPTION...]\n");
	for (size_t i = 0; i < ARRAY_LEN(command_table); i++) {
		(void)fprintf(out, "  %-8s %s\n", command_table[i].name,
		    command_table[i].help);
	}
	(void)fprintf(out, "'gvctl COMMAND --help' says more.\n");
	return code;
}

int
command_main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	for (size_t i = 0; i < ARRAY_LEN(command_table); i++) {
		if (strcmp(name, command_table[i].name) == 0) {
			return command_table[i].run(argc - 1, argv + 1);
		}
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		return command_usage(stdout, COMMAND_OK);
	}
	(void)fprintf(stderr,
	    "gvctl: found the command '%s', expected one of these:\n", name);
	return command_usage(stderr, COMMAND_USAGE);
}
