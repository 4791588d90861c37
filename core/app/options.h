/* SPDX-License-Identifier: MIT
 * options.h - the command line: one table makes the flags, the checks and the
 * help. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "app/config.h"
#include "base/buf.h"
#include "base/err.h"

/* Exit codes of the process, as docs/OPERATIONS.md lists them. */
enum exit_code {
	EXIT_STOPPED = 0,
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 3,
	EXIT_PLUGIN = 4,
	EXIT_BIND = 5,
	EXIT_DRAIN = 6,
	EXIT_CREDENTIALS = 7,
};

/* Read `argv` into `config` (defaults first).  ERR_INVALID: `diag` names the
 * flag, what was found, what was expected, and a near name if there is one.
 * ERR_NOMEM.  The config can be given to config_fini either way. */
NODISCARD enum err options_parse(
    int argc, char *const *argv, struct config *config, struct diag *diag);
void config_fini(struct config *config);

/* Append the --help text. */
NODISCARD enum err options_help(struct buf *out);

#endif
