/* SPDX-License-Identifier: MIT
 * main.c - gvctl, the companion of the node. */

#include "ctl/command.h"

int
main(int argc, char **argv)
{
	return command_main(argc, argv);
}
