/* SPDX-License-Identifier: MIT
 * plugin.c - the header and GV_PLUGIN in C, as an author uses them. */

#include <grapevine/plugin.h>

static int32_t
plugin_create(const struct gv_host *host, void **self)
{
	host->log(host, GV_LOG_INFO, host->node(host)->name);
	*self = NULL;
	return GV_OK;
}

static const struct gv_option plugin_options[] = {
	{ "wait", "10s", "how long", NULL, GV_DURATION, 0 },
};

GV_PLUGIN("in-c", "1.0", GV_FILTER, "a plugin in C", .option_count = 1,
    .options = plugin_options, .create = plugin_create);
