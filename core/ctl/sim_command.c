/* SPDX-License-Identifier: MIT
 * sim_command.c - gvctl sim: plan a mesh before there is one. */

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/command.h"
#include "ctl/sim_option.h"
#include "sim/report.h"
#include "sim/sim.h"

static int
sim_command_run(struct sim_options *options, struct diag *diag)
{
	struct sim_result result;
	struct buf out;
	enum err err;
	int code = COMMAND_FAILED;

	options->config.progress = isatty(STDERR_FILENO) == 1;
	err = sim_run(&options->config, &result, diag);
	if (err != ERR_OK) {
		return err == ERR_INVALID ? COMMAND_USAGE : COMMAND_FAILED;
	}
	buf_init(&out);
	err = options->json ? report_json(&out, &options->config, &result)
	                    : report_text(&out, &options->config, &result);
	if (err != ERR_OK) {
		diag_set(diag, "%s", err_text(err));
	} else {
		(void)fwrite(out.bytes, 1, out.len, stdout);
		code = result.violation[0] == '\0' ? COMMAND_OK
		                                   : COMMAND_FAILED;
	}
	buf_fini(&out);
	return code;
}

int
sim_command(int argc, char **argv)
{
	struct sim_options options;
	struct diag diag = { "" };
	int code = COMMAND_USAGE;

	if (sim_options_parse(&options, argc, argv, &diag) == ERR_OK) {
		if (options.help) {
			sim_options_help();
			return COMMAND_OK;
		}
		if (log_open(&(struct log_config){ .filter = options.log },
		        &diag) == ERR_OK) {
			code = sim_command_run(&options, &diag);
			log_close();
		}
	}
	if (diag.text[0] != '\0') {
		(void)fprintf(stderr, "gvctl: %s\n", diag.text);
	}
	return code;
}
