/* SPDX-License-Identifier: MIT
 * stats.c - the names of the mesh's counters. */

#include "mesh/mesh.h"

#define STAT(member) COUNTER(struct mesh_stats, member)
#define STAT_BYE(name, reason)                                                 \
	{ "byes_sent_" name, offsetof(struct mesh_stats, byes_sent[reason]) }, \
	{                                                                      \
		"byes_received_" name,                                         \
		    offsetof(struct mesh_stats, byes_received[reason])         \
	}

/* clang-format off */
const struct counter mesh_counters[] = {
	STAT(published),
	STAT(received),
	STAT(delivered),
	STAT(replies),
	STAT(relayed),
	STAT(duplicates),
	STAT(old),
	STAT(hop_limit),
	STAT(bad_utf8),
	STAT(bad_boot),
	STAT(own),
	STAT(spoofed),
	STAT(origins_full),
	STAT(origins_rate),
	STAT(peer_limit),
	STAT(nomem),
	STAT(gaps),
	STAT(unknown),
	STAT(ignored),
	STAT(malformed),
	STAT(too_long),
	STAT(bad_addr),
	STAT(timeouts),
	STAT(dead),
	STAT(slow),
	STAT(dials),
	STAT(dial_failures),
	STAT(accepted),
	STAT(refused),
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
	STAT(links_up),
	STAT(origins),
	STAT(evicted),
	STAT(denied),
	STAT(rewires),
	STAT(isolated),
	STAT(dial_limit),
	STAT(learned),
	STAT(local_addr),
	STAT(walks),
	STAT(walk_ends),
	STAT(walk_busy),
	STAT(walk_limit),
	STAT(shuffles),
	STAT(shuffle_limit),
	STAT(abuse),
	STAT(auth_failed),
	STAT(passive),
	STAT(lost),
	STAT(presence_sent),
	STAT(presence_bad),
	STAT(members_full),
	STAT(members),
};
/* clang-format on */

const size_t mesh_counter_count = ARRAY_LEN(mesh_counters);
