/* SPDX-License-Identifier: MIT
 * command.h - the commands of gvctl.  Each reads its own arguments, argv[0] is
 * its name, and returns the exit code. */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

enum { /* exit codes */
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,
	COMMAND_USAGE = 2,
};

struct command {
	const char *name;
	const char *help; /* one line */
	int (*run)(int argc, char **argv);
};

/* Find argv[1] and run it.  COMMAND_FAILED too if stdout takes nothing. */
int command_main(int argc, char **argv);

/* A network of many nodes in virtual time (sim_command.c). */
int sim_command(int argc, char **argv);

#endif
