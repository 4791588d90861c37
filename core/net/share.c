/* SPDX-License-Identifier: MIT
 * share.c - records that several links get: encoded once, queued in runs.
 *
 * Messages in a row mostly go to the same links, and their records lie behind
 * each other in the log.  They are queued together when the run ends: before
 * anybody looks at these queues or changes them, and with the turn. */

#include <string.h>

#include "net/private.h"

/* The hot path of relaying: one record to the end of the log. */
static inline enum err
share_encode(struct net *net, const void *head, size_t head_len,
    const void *payload, size_t payload_len, struct range *range)
{
	enum err err = chunk_log_append(
	    &net->records, head_len + payload_len, range);

	if (UNLIKELY(err != ERR_OK)) {
		net->stats.dropped_nomem++;
		return err;
	}
	memcpy(range_bytes(range), head, head_len);
	if (payload_len > 0) {
		memcpy(range_bytes(range) + head_len, payload, payload_len);
	}
	return ERR_OK;
}

enum err
net_encode_record(struct net *net, const void *head, size_t head_len,
    const void *payload, size_t payload_len, struct range *range)
{
	return share_encode(net, head, head_len, payload, payload_len, range);
}

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
    const void *head, size_t head_len, const void *payload, size_t payload_len)
{
	struct share *share = &net->share;
	struct range range;

	if (share_encode(net, head, head_len, payload, payload_len, &range) !=
	    ERR_OK) {
		return;
	}
	/* The run is one message; a chunk may be longer. */
	if (LIKELY(which == share->which && range.chunk == share->range.chunk &&
	           range.off == share->range.off + share->range.len &&
	           share->range.len + range.len <= NET_BATCH_BYTES)) {
		share->range.len += range.len;
		share->records++;
		return;
	}
	share_settle(net);
	share_begin(net, conns, which, &range);
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
