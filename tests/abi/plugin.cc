// SPDX-License-Identifier: MIT
// plugin.cc - the header and GV_PLUGIN in C++, as an author uses them.

#include <grapevine/plugin.h>

static int32_t
plugin_create(const gv_host *host, void **self)
{
	host->log(host, GV_LOG_INFO, host->node(host)->name);
	*self = nullptr;
	return GV_OK;
}

static const gv_option plugin_options[] = {
	{ "wait", "10s", "how long", nullptr, GV_DURATION, 0 },
};

GV_PLUGIN("in-cxx", "1.0", GV_FILTER, "a plugin in C++", 1, plugin_options,
    plugin_create, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
    nullptr, nullptr);
