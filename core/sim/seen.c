/* SPDX-License-Identifier: MIT
 * seen.c - see seen.h. */

#include "sim/seen.h"

#include "sim/world.h"
#include "wire/record.h"

const char *const seen_names[SEEN_COUNT] = {
	[SEEN_LATENCY] = "latency",
	[SEEN_JITTER] = "jitter",
	[SEEN_LOSS] = "links lost",
	[SEEN_CUT] = "partition",
	[SEEN_CRASH_RESET] = "crash, peers see a reset",
	[SEEN_CRASH_SILENT] = "crash, peers see nothing",
	[SEEN_LEAVE] = "leave",
	[SEEN_JOIN] = "late join",
	[SEEN_RESTART_SAVED] = "restart, same id and state",
	[SEEN_RESTART_FORGOT] = "restart, same id, no state",
	[SEEN_CLOCK_STEP] = "clock stepped back",
	[SEEN_PAUSE] = "pause",
	[SEEN_SILENT] = "author falls silent",
	[SEEN_SLOW] = "slow node",
	[SEEN_SOFT] = "queue over SOFT: announced",
	[SEEN_HARD] = "queue over HARD: BYE 8",
	[SEEN_HISTORY] = "history full",
	[SEEN_GONE] = "gone from all histories",
	[SEEN_WINDOW] = "window widened",
	[SEEN_WINDOW_LOST] = "window overflow",
	[SEEN_GAP] = "gap told",
	[SEEN_AUTH] = "AUTH",
	[SEEN_OTHER_KEY] = "another key: BYE 7",
	[SEEN_NO_KEY] = "no key: BYE 7",
	[SEEN_LIE] = "lie",
	[SEEN_FORGERY] = "lie under another's id",
	[SEEN_BELIEVED] = "lie delivered",
	[SEEN_ABUSE] = "lies without end: BYE 9",
	[SEEN_IMITATION] = "join under another's id",
	[SEEN_TWIN] = "two of one id: BYE 3",
	[SEEN_RENAMED] = "new id because of it",
	[SEEN_PRESENCE] = "presence",
	[SEEN_RING] = "ring: links dialled again",
	[SEEN_LINE] = "line: links dialled again",
	[SEEN_STAR] = "star: links dialled again",
	[SEEN_TREE] = "tree: links dialled again",
	[SEEN_STARVE] = "allocations fail",
	[SEEN_NOMEM] = "dropped: out of memory",
	[SEEN_SMALL] = "too large for a link",
	[SEEN_UNICAST] = "unicast on its way",
	[SEEN_UNICAST_FLOOD] = "unicast through everybody",
	[SEEN_UNICAST_LOST] = "unicast without a way on",
};

void
seen_add(uint64_t seen[SEEN_COUNT], const struct vnode *node)
{
	const struct mesh_stats *stats = mesh_stats(node->mesh);

	if (vnode_is_stranger(node)) {
		seen[node->role == VNODE_NO_KEY ? SEEN_NO_KEY
		                                : SEEN_OTHER_KEY] +=
		    stats->byes_sent[BYE_AUTH] + stats->byes_received[BYE_AUTH];
	}
	if (!vnode_is_honest(node)) {
		return;
	}
	seen[SEEN_ABUSE] += stats->abuse;
	seen[SEEN_TWIN] += stats->twins;
	seen[SEEN_SOFT] += stats->congested;
	seen[SEEN_HARD] += stats->byes_sent[BYE_SLOW];
	seen[SEEN_HISTORY] += stats->history_evicted;
	seen[SEEN_GONE] += stats->gone;
	seen[SEEN_WINDOW] += stats->window_widened;
	seen[SEEN_WINDOW_LOST] += stats->window_lost;
	seen[SEEN_GAP] += stats->gaps;
	seen[SEEN_PRESENCE] += stats->presence_sent;
	seen[SEEN_NOMEM] += stats->nomem;
	seen[SEEN_SMALL] += stats->peer_limit;
	seen[SEEN_UNICAST_LOST] += stats->unicast_lost;
}
