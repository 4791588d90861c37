/* SPDX-License-Identifier: MIT
 * stats.c - see stats.h. */

#include "mesh/stats.h"

#include "base/err.h"

#define STAT(name) { #name, offsetof(struct mesh_stats, name) },
#define STAT_BYE(name, reason)                                                 \
	{ "byes_sent_" name, offsetof(struct mesh_stats, byes_sent[reason]) }, \
	{                                                                      \
		"byes_received_" name,                                         \
		    offsetof(struct mesh_stats, byes_received[reason])         \
	}

/* clang-format off */
const struct counter mesh_counters[] = {
	MESH_STATS(STAT)
	STAT_BYE("leaving", 0),
	STAT_BYE("full", 1),
	STAT_BYE("evicted", 2),
	STAT_BYE("duplicate", 3),
	STAT_BYE("self", 4),
	STAT_BYE("network", 5),
	STAT_BYE("version", 6),
	STAT_BYE("auth", 7),
	STAT_BYE("slow", 8),
	STAT_BYE("abuse", 9),
};
/* clang-format on */

const size_t mesh_counter_count = ARRAY_LEN(mesh_counters);
