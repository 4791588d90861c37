/* SPDX-License-Identifier: MIT
 * private.h - what the files of this floor share; nobody else includes it. */
#ifndef HOST_PRIVATE_H
#define HOST_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/events.h"
#include "host/host.h"
#include "host/plugin.h"
#include "host/search.h"

#define HOST_PLUGINS_MAX    64
#define HOST_INBOX_ITEMS    65536
#define HOST_INBOX_BYTES    ((size_t)64 << 20)
#define HOST_REQUESTS_ITEMS 8192
#define HOST_REQUESTS_BYTES ((size_t)64 << 20)
#define HOST_SLOW_NS        UINT64_C(100000000)
#define HOST_IDS_MAX        64 /* at one a minute: of the last hour */

/* A message in the inbox. */
struct host_entry {
	struct queue_item item;
	int32_t except;
	struct message *message;
};

/* struct host_stats, written by two threads and more. */
struct host_counts {
	_Atomic uint64_t inbox_put, inbox_dropped, dispatched;
	_Atomic uint64_t requests, requests_full;
	_Atomic uint64_t gap_events, peer_events, peer_events_dropped;
	_Atomic uint64_t errors, slow_calls;
};

struct host {
	struct host_config config; /* its strings are ours */
	/* What plugins see of this node, under its last ids: they may still
	 * look at one that they have just asked for. */
	struct gv_node nodes[HOST_IDS_MAX];
	size_t next_node; /* the oldest of them */
	_Atomic(const struct gv_node *) node;
	struct plugin *plugins[HOST_PLUGINS_MAX];
	size_t plugin_count;
	struct search search;
	struct loader *loaders;
	struct queue inbox, requests;
	/* Entries of this turn, not in the inbox yet.  [loop] */
	struct queue_item *turn, **turn_last;
	size_t turn_items, turn_bytes;
	struct events events;
	struct events_batch batch; /* [dispatch] */
	struct host_counts counts;
	pthread_t thread;
	bool started;
	bool abandoned;
	atomic_bool stopped;
	_Atomic(const char *) busy; /* the plugin that is being called */
};

void host_entry_destroy(struct host_entry *entry);

static inline void
host_count(_Atomic uint64_t *counter, uint64_t n)
{
	(void)atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
