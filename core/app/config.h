/* SPDX-License-Identifier: MIT
 * config.h - everything a user can set, after options.c has read and checked
 * it.  Strings are owned by the config. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct strings { /* in the order they were given */
	char **items;
	size_t count;
};

enum config_action { /* what the command line asks for */
	CONFIG_RUN,
	CONFIG_HELP,
	CONFIG_VERSION,
	CONFIG_LIST_PLUGINS,
	CONFIG_PLUGIN_HELP,
};

struct config {
	enum config_action action;
	bool json;         /* --json: of --version, --list-plugins */
	char *plugin_help; /* NAME of --plugin-help */

	struct strings binds;  /* HOST:PORT, checked; at least one */
	struct strings peers;  /* ws:// URLs, checked, commas split */
	char *advertise;       /* NULL: from the first bind */
	char *name;            /* default: HOSTNAME-PORT of the first bind */
	char *network;         /* default: grapevine */
	size_t max_message;    /* 1M, at most 15M */
	uint32_t max_clients;  /* 1024 */
	uint32_t client_rate;  /* messages a second; 0: any number */
	uint32_t client_burst; /* and at once; its default is N */
	uint32_t max_hops;     /* 64, 1..255 */
	size_t queue_soft, queue_hard; /* 1M..8M */
	bool overflow_disconnect;
	uint32_t ping_s;             /* 3 */
	bool mesh_auto;              /* --mesh; else static */
	uint32_t view_min, view_max; /* 5..8 */
	size_t history;              /* 8M */
	bool presence;
	bool floods;     /* --spread flood; else trees */
	char *state_dir; /* NULL: nothing is kept */
	char *psk_file;  /* NULL: anybody may join */
	struct strings allow_origins;

	struct strings plugins; /* specs for host_load, -P and --plugins mixed,
				 * in command-line order */
	struct strings plugin_dirs;

	int verbosity;    /* -q -1, -v 1, -vv 2 */
	char *log_filter; /* --log, or made from the verbosity */
	enum log_format log_format;
	char *log_file;
	char *ports_file;
	uint32_t drain_s; /* 10 */
	bool seeded;      /* --seed was given */
	uint64_t seed;
	bool allow_core;
};

#endif
