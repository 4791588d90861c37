/* SPDX-License-Identifier: MIT
 * actions.h - what the command line can ask for besides running a node. */
#ifndef APP_ACTIONS_H
#define APP_ACTIONS_H

#include "app/config.h"
#include "app/options.h"

/* --help, --version, --list-plugins, --plugin-help: print to stdout. */
enum exit_code action_run(const struct config *config);

/* Set the log up as `config` says.  EXIT_USAGE: said on stderr why not. */
enum exit_code action_open_log(const struct config *config);

#endif
