/* SPDX-License-Identifier: MIT
 * host.h - plugins: found, checked, loaded, configured, run and stopped.
 *
 * The loop calls everything here; the plugins' own callbacks run on the
 * dispatcher thread.  Two bounded queues join the two: messages and events in
 * (the inbox), publishes and sends out (the requests).  All functions [loop]
 * unless they say otherwise. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/counter.h"
#include "base/err.h"
#include "base/queue.h"
#include "wire/message.h"
#include "wire/nodeid.h"

struct host;

struct host_config {
	const char *const *dirs; /* --plugin-dir, in order */
	size_t dir_count;
	size_t max_message; /* payload bytes a plugin may publish */
	struct nodeid node_id;
	const char *node_name;
	const char *node_bind; /* first --bind, as written */
	const char *node_version;
	/* Wake the loop: host_take_requests has something, or the host has
	 * stopped.  [any] */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

struct host_stats {
	uint64_t inbox_put, inbox_dropped; /* messages for the dispatcher */
	uint64_t dispatched;               /* messages that went through */
	uint64_t requests, requests_full;  /* publishes and sends */
	uint64_t gap_events, peer_events;  /* told to host_on_gap, _on_peer */
	uint64_t peer_events_dropped;      /* over 1024 untold, or no memory */
	uint64_t errors;                   /* callbacks that returned < 0 */
	uint64_t slow_calls;               /* over 100 ms */
};

/* Names every member of struct host_stats. */
extern const struct counter host_counters[];
extern const size_t host_counter_count;

/* Copies `config`.  Loads nothing yet.  ERR_NOMEM. */
NODISCARD enum err host_create(
    struct host **host, const struct host_config *config);
/* After host_has_stopped, or without host_start: destroys the plugins in
 * reverse order and closes their files.  NULL is fine. */
void host_destroy(struct host *host);

/* The plugin ABI that this host speaks.  [any] */
void host_abi(unsigned *major, unsigned *minor);

/* Topic of what plugins send over one connection: gv_host.send has none. */
#define HOST_REPLY_TOPIC "reply"

/* Enable a plugin: `spec` is NAME or PATH, then ,key=value...; `\,` and `\\`
 * escape; keys that begin with @ are the host's own.  Reads its note, loads,
 * creates and configures it; the order of calls is the dispatch order.  A file
 * may be loaded several times: each is an instance of its own.  One that has
 * @optional and cannot be loaded is logged, and ERR_OK.
 * ERR_PLUGIN, ERR_NOTFOUND, ERR_INVALID, ERR_NOMEM: `diag` says what was
 * found, what was expected and what mends it. */
NODISCARD enum err host_load(
    struct host *host, const char *spec, struct diag *diag);
size_t host_plugin_count(const struct host *host);

/* The search path after the configured dirs: GRAPEVINE_PLUGIN_PATH, the folder
 * that was installed with the binary, `plugins` beside it.  Discovers, runs
 * nothing: appends a table, or JSON, of what is there to `out`. */
NODISCARD enum err host_list(
    const struct host *host, bool json, struct buf *out);
/* The options of plugin `name`, as text for a person.  Loads the file. */
NODISCARD enum err host_help(
    struct host *host, const char *name, struct buf *out, struct diag *diag);

/* Call every plugin's start, in order, then run the dispatcher thread.
 * ERR_PLUGIN: one failed, those started before it were stopped again. */
NODISCARD enum err host_start(struct host *host, struct diag *diag);

/* True if some plugin has on_message: else host_deliver need not be called. */
bool host_wants_messages(const struct host *host);

/* Queue a message for every plugin but the one numbered `except` (its author,
 * from host_request; -1: none).  Copies; received_ns is now.  Never blocks:
 * when the inbox is full the message is dropped, counted, and becomes a gap
 * event. */
void host_deliver(
    struct host *host, const struct message_view *view, int32_t except);

/* This node has a new id from now on.  What plugins were shown of it before
 * stays as it was until 64 more have come, which takes an hour; then it shows
 * a later one (struct gv_node: do not keep it). */
void host_set_node_id(struct host *host, const struct nodeid *id);

/* A neighbour came up or went down; `name` is copied. */
void host_on_peer(struct host *host, uint64_t conn,
    const struct nodeid *node_id, const char *name, bool up);
/* Messages of `origin` that never come. */
void host_on_gap(struct host *host, const struct nodeid *origin, uint64_t first,
    uint64_t count);

/* End of a loop turn: hand over what host_deliver collected, with one wake of
 * the dispatcher at the most. */
void host_flush(struct host *host);

/* What a plugin asked for. */
struct host_request {
	struct queue_item item; /* item.next: the next request */
	int32_t plugin;         /* its number, for host_deliver's `except` */
	uint64_t to;            /* send: connection id; 0: publish */
	struct message
	    *message; /* topic, payload, flags; the request owns it */
};

/* All requests so far, a chain in order, or NULL.  The caller frees each with
 * host_request_destroy. */
struct host_request *host_take_requests(struct host *host);
void host_request_destroy(struct host_request *request);

/* Close the inbox: the dispatcher finishes what is inside, calls every stop in
 * reverse order and ends.  Returns at once; `wake` tells.  */
void host_stop(struct host *host);
bool host_has_stopped(struct host *host);
/* Messages still inside, for the count of what an aborted drain lost, and the
 * name of the plugin that is being called, NULL if none. */
size_t host_pending(struct host *host);
const char *host_busy_plugin(struct host *host);
/* The dispatcher does not come back: give the thread up.  After it, only
 * process exit is safe; host_destroy does nothing. */
void host_abandon(struct host *host);

/* A consistent copy. */
void host_stats(struct host *host, struct host_stats *stats);
/* Append `"plugins":{...}` of every plugin's counters as JSON text. */
NODISCARD enum err host_stats_json(struct host *host, struct buf *out);

#endif
