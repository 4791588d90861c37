/* SPDX-License-Identifier: MIT
 * sim_option.h - the command line of gvctl sim, by a table. */
#ifndef CTL_SIM_OPTION_H
#define CTL_SIM_OPTION_H

#include <stdbool.h>

#include "base/err.h"
#include "sim/config.h"

struct sim_options {
	struct sim_config config;
	bool json, help;
	const char *log; /* filter */
};

/* ERR_INVALID: `diag` says what was found and what is expected. */
NODISCARD enum err sim_options_parse(struct sim_options *options, int argc,
    char *const *argv, struct diag *diag);
/* Print them all. */
void sim_options_help(void);

#endif
