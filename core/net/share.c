/* SPDX-License-Identifier: MIT
 * share.c - records that several links get: written once, queued in runs.
 *
 * Messages in a row mostly go to the same links, and their records lie behind
 * each other in the log.  They are queued together when the run ends: before
 * anybody looks at these queues or changes them, and with the turn. */

#include "net/private.h"

static void
share_begin(struct net *net, void *const *conns, uint64_t which,
    const struct range *range)
{
	struct share *share = &net->share;

	share->which = which;
	share->range = *range;
	share->records = 1;
	share->count = 0;
	chunk_ref(range->chunk);
	for (; which != 0; which &= which - 1) {
		share->conns[share->count++] = conns[__builtin_ctzll(which)];
	}
}

void
net_share_record(struct net *net, void *const *conns, uint64_t which,
    const struct range *record)
{
	struct share *share = &net->share;

	/* The run is one message; a chunk may be longer. */
	if (LIKELY(which == share->which &&
	           record->chunk == share->range.chunk &&
	           record->off == share->range.off + share->range.len &&
	           share->range.len + record->len <= NET_BATCH_BYTES)) {
		share->range.len += record->len;
		share->records++;
		return;
	}
	share_settle(net);
	share_begin(net, conns, which, record);
}

void
share_settle(struct net *net)
{
	struct share *share = &net->share;

	if (share->which == 0) {
		return;
	}
	share->which = 0; /* what follows may come here again */
	for (size_t i = 0; i < share->count; i++) {
		if (share->conns[i]->state == CONN_OPEN) {
			conn_append_record(share->conns[i], &share->range);
		} else {
			net->stats.dropped_closing += share->records;
		}
	}
	chunk_unref(share->range.chunk);
}
