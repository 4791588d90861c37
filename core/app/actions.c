/* SPDX-License-Identifier: MIT
 * actions.c - see actions.h. */

#include "app/actions.h"

#include <stdio.h>
#include <string.h>

#include "app/node.h"
#include "base/buf.h"
#include "base/log.h"

static enum err
action_version(const struct config *config, struct buf *out)
{
	unsigned major;
	unsigned minor;

	host_abi(&major, &minor);
	return buf_printf(out,
	    config->json ? "{\"grapevine\":\"%s\",\"plugin_abi\":\"%u.%u\"}\n"
	                 : "grapevine %s (plugin ABI %u.%u)\n",
	    GV_VERSION, major, minor);
}

static enum err
action_plugins(const struct config *config, struct buf *out, struct diag *diag)
{
	struct node node = { .config = config };
	enum err err = node_create_host(&node, diag);

	if (err == ERR_OK) {
		err = config->action == CONFIG_LIST_PLUGINS
		          ? host_list(node.host, config->json, out)
		          : host_help(
		                node.host, config->plugin_help, out, diag);
	}
	host_destroy(node.host);
	return err;
}

enum exit_code
action_run(const struct config *config)
{
	struct diag diag = { .text = "out of memory" };
	struct buf out;
	enum err err;

	buf_init(&out);
	if (config->action == CONFIG_HELP) {
		err = options_help(&out);
	} else if (config->action == CONFIG_VERSION) {
		err = action_version(config, &out);
	} else {
		err = action_plugins(config, &out, &diag);
	}
	if (err == ERR_OK) {
		(void)fwrite(out.bytes, 1, out.len, stdout);
	} else {
		(void)fprintf(stderr, "grapevine: %s\n", diag.text);
	}
	buf_fini(&out);
	if (fflush(stdout) != 0) {
		return EXIT_RUNTIME;
	}
	return err == ERR_OK      ? EXIT_STOPPED
	       : err == ERR_NOMEM ? EXIT_RUNTIME
	                          : EXIT_PLUGIN;
}

enum exit_code
action_open_log(const struct config *config)
{
	static const char *const by_verbosity[] = { "warn", "info", "debug",
		"trace" };
	struct diag diag = { .text = "" };
	struct log_config log = {
		.filter = config->log_filter,
		.format = config->log_format,
		.file = config->log_file,
	};

	if (log.filter == NULL) {
		log.filter = by_verbosity[config->verbosity + 1];
	}
	if (log_open(&log, &diag) != ERR_OK) {
		(void)fprintf(stderr, "grapevine: %s\n", diag.text);
		return EXIT_USAGE;
	}
	return EXIT_STOPPED;
}
