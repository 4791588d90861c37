/* SPDX-License-Identifier: MIT
 * main.c - the grapevine node: read the command line, do what it says. */

#include <stdio.h>
#include <unistd.h>

#include "app/actions.h"
#include "app/limits.h"
#include "app/node.h"
#include "app/options.h"
#include "base/log.h"

static enum exit_code
main_serve(const struct config *config)
{
	struct node node;
	struct diag diag;
	enum exit_code code = action_open_log(config);

	if (code != EXIT_STOPPED) {
		return code;
	}
	code = node_init(&node, config, &diag);
	if (code == EXIT_STOPPED) {
		code = node_run(&node);
	}
	if (!node_fini(&node)) {
		_exit((int)code);
	}
	log_close();
	return code;
}

int
main(int argc, char **argv)
{
	struct config config;
	struct diag diag;
	enum exit_code code;

	if (limits_fill_descriptors() != ERR_OK) {
		return EXIT_RUNTIME;
	}
	if (options_parse(argc, argv, &config, &diag) != ERR_OK) {
		(void)fprintf(stderr, "grapevine: %s\n", diag.text);
		code = EXIT_USAGE;
	} else if (config.action == CONFIG_RUN) {
		code = main_serve(&config);
	} else {
		code = action_run(&config);
	}
	config_fini(&config);
	return (int)code;
}
