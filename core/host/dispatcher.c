/* SPDX-License-Identifier: MIT
 * dispatcher.c - see dispatcher.h. */

#include "host/dispatcher.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/private.h"

/* One call of a plugin: who, which callback, since when. */
struct dispatcher_call {
	struct plugin *plugin;
	const char *name;
	uint64_t begun_ns;
};

static struct dispatcher_call
dispatcher_begin(struct plugin *plugin, const char *name, uint64_t now_ns)
{
	atomic_store_explicit(
	    &plugin->host->busy, plugin->label, memory_order_relaxed);
	return (struct dispatcher_call){ plugin, name, now_ns };
}

static void
dispatcher_slow(const struct dispatcher_call *call, uint64_t took_ns)
{
	host_count(&call->plugin->counts.slow, 1);
	host_count(&call->plugin->host->counts.slow_calls, 1);
	log_warn("host", "plugin_slow",
	    "a plugin held the dispatcher for over 100 ms",
	    LOG_STR("plugin", call->plugin->label), LOG_STR("call", call->name),
	    LOG_U64("ms", took_ns / 1000000));
}

static void
dispatcher_error(
    const struct dispatcher_call *call, const char *what, int32_t result)
{
	/* The log has unsigned numbers only. */
	bool negative = result < 0;
	uint64_t size = negative ? (uint64_t)(-(int64_t)result)
	                         : (uint64_t)result;

	host_count(&call->plugin->counts.errors, 1);
	host_count(&call->plugin->host->counts.errors, 1);
	log_warn("host", "plugin_error", what,
	    LOG_STR("plugin", call->plugin->label), LOG_STR("call", call->name),
	    LOG_U64(negative ? "minus" : "result", size));
}

/* The call is over: count what there is to count; returns the time. */
static uint64_t
dispatcher_end(const struct dispatcher_call *call, int32_t result)
{
	uint64_t now_ns = clock_now_ns();

	atomic_store_explicit(
	    &call->plugin->host->busy, NULL, memory_order_relaxed);
	if (now_ns - call->begun_ns > HOST_SLOW_NS) {
		dispatcher_slow(call, now_ns - call->begun_ns);
	}
	if (result < 0) {
		dispatcher_error(call, "a plugin's callback failed", result);
	}
	return now_ns;
}

/* One pass, which re-armed timers wait for: those that are always due must
 * not keep messages away. */
static uint64_t
dispatcher_plugin_timers(struct plugin *plugin, uint64_t now_ns)
{
	const struct gv_plugin *manifest = &plugin->loader->manifest;
	uint64_t pass_ns = now_ns;
	struct timer timer;

	for (size_t left = plugin->timers.count;
	     left > 0 && timers_take(&plugin->timers, pass_ns, &timer);
	     left--) {
		if (manifest->on_timer != NULL) {
			struct dispatcher_call call = dispatcher_begin(
			    plugin, "on_timer", now_ns);

			now_ns = dispatcher_end(
			    &call, manifest->on_timer(plugin->self, timer.id,
			               timer.deadline_ns));
		}
	}
	return now_ns;
}

static uint64_t
dispatcher_timers(struct host *host, uint64_t now_ns)
{
	for (size_t i = 0; i < host->plugin_count; i++) {
		struct plugin *plugin = host->plugins[i];

		if (plugin->started && timers_next(&plugin->timers) <= now_ns) {
			now_ns = dispatcher_plugin_timers(plugin, now_ns);
		}
	}
	return now_ns;
}

static uint64_t
dispatcher_next_timer(const struct host *host)
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < host->plugin_count; i++) {
		uint64_t own_ns = host->plugins[i]->started
		                      ? timers_next(&host->plugins[i]->timers)
		                      : UINT64_MAX;

		next_ns = own_ns < next_ns ? own_ns : next_ns;
	}
	return next_ns;
}

/* True if the plugin ended the chain. */
static bool
dispatcher_message_one(
    struct plugin *plugin, const struct gv_message *message, uint64_t *now_ns)
{
	const struct gv_plugin *manifest = &plugin->loader->manifest;
	struct dispatcher_call call = dispatcher_begin(
	    plugin, "on_message", *now_ns);
	int32_t result = manifest->on_message(plugin->self, message);

	*now_ns = dispatcher_end(&call, result);
	host_count(&plugin->counts.messages, 1);
	if (result == GV_STOP && (manifest->flags & GV_FILTER) != 0) {
		host_count(&plugin->counts.stopped, 1);
		return true;
	}
	if (result == GV_STOP) {
		dispatcher_error(&call,
		    "a plugin without GV_FILTER returned GV_STOP", result);
	} else if (result > 0) {
		dispatcher_error(
		    &call, "a plugin returned no known number", result);
	}
	return false;
}

static uint64_t
dispatcher_message(
    struct host *host, const struct host_entry *entry, uint64_t now_ns)
{
	const struct message_view *view = &entry->message->view;
	struct gv_message message = {
		.struct_size = sizeof(message),
		.flags = view->flags,
		.hops = view->hops,
		.topic_len = (uint32_t)view->topic_len,
		.from = view->from,
		.seq = view->seq,
		.topic = view->topic,
		.payload = view->payload,
		.payload_len = view->payload_len,
		.received_ns = view->received_ns,
	};

	memcpy(message.origin, view->origin.bytes, sizeof(message.origin));
	for (size_t i = 0; i < host->plugin_count; i++) {
		struct plugin *plugin = host->plugins[i];

		if (!plugin->started || plugin->number == entry->except ||
		    plugin->loader->manifest.on_message == NULL ||
		    !spec_wants(&plugin->spec, view->topic)) {
			continue;
		}
		if (dispatcher_message_one(plugin, &message, &now_ns)) {
			break;
		}
	}
	host_count(&host->counts.dispatched, 1);
	return now_ns;
}

static void
dispatcher_peer(struct host *host, const struct events_peer *event)
{
	struct gv_peer peer = {
		.struct_size = sizeof(peer),
		.flags = event->up ? GV_PEER_UP : 0,
		.conn = event->conn,
		.name = event->name,
	};

	memcpy(peer.node_id, event->node_id.bytes, sizeof(peer.node_id));
	for (size_t i = 0; i < host->plugin_count; i++) {
		struct plugin *plugin = host->plugins[i];
		const struct gv_plugin *manifest = &plugin->loader->manifest;

		if (plugin->started && manifest->on_peer != NULL) {
			struct dispatcher_call call = dispatcher_begin(
			    plugin, "on_peer", clock_now_ns());

			(void)dispatcher_end(
			    &call, manifest->on_peer(plugin->self, &peer));
		}
	}
}

static void
dispatcher_gap(struct host *host, const struct events_gap *event)
{
	struct gv_gap gap = {
		.struct_size = sizeof(gap),
		.flags = event->is_sum ? GV_GAP_SUM : 0,
		.first = event->first,
		.count = event->count,
	};

	memcpy(gap.origin, event->origin.bytes, sizeof(gap.origin));
	for (size_t i = 0; i < host->plugin_count; i++) {
		struct plugin *plugin = host->plugins[i];
		const struct gv_plugin *manifest = &plugin->loader->manifest;

		if (plugin->started && manifest->on_gap != NULL) {
			struct dispatcher_call call = dispatcher_begin(
			    plugin, "on_gap", clock_now_ns());

			(void)dispatcher_end(
			    &call, manifest->on_gap(plugin->self, &gap));
		}
	}
}

static void
dispatcher_events(struct host *host)
{
	if (!events_take(&host->events, &host->batch)) {
		return;
	}
	for (const struct events_peer *peer = host->batch.peers; peer != NULL;
	     peer = peer->next) {
		dispatcher_peer(host, peer);
	}
	events_free_peers(host->batch.peers);
	for (size_t i = 0; i < host->batch.gap_count; i++) {
		dispatcher_gap(host, &host->batch.gaps[i]);
	}
}

static void
dispatcher_batch(struct host *host, struct queue_item *chain)
{
	uint64_t now_ns = clock_now_ns();

	now_ns = dispatcher_timers(host, now_ns);
	while (chain != NULL) {
		struct host_entry *entry = (struct host_entry *)chain;

		chain = chain->next;
		now_ns = dispatcher_message(host, entry, now_ns);
		host_entry_destroy(entry);
		/* Between messages, so that traffic cannot starve them. */
		now_ns = dispatcher_timers(host, now_ns);
	}
}

static void *
dispatcher_run(void *arg)
{
	struct host *host = arg;
	struct queue_item *chain;
	bool closed;

	do {
		/* Asked before the take: what was put until then is in it. */
		closed = queue_is_closed(&host->inbox);
		chain = queue_wait(
		    &host->inbox, closed ? 0 : dispatcher_next_timer(host));
		dispatcher_events(host);
		dispatcher_batch(host, chain);
	} while (chain != NULL || !closed);
	for (size_t i = host->plugin_count; i > 0; i--) {
		struct dispatcher_call call = dispatcher_begin(
		    host->plugins[i - 1], "stop", clock_now_ns());

		plugin_stop(host->plugins[i - 1]);
		(void)dispatcher_end(&call, GV_OK);
	}
	atomic_store(&host->stopped, true);
	if (host->config.wake != NULL) {
		host->config.wake(host->config.wake_ctx);
	}
	return NULL;
}

enum err
dispatcher_start(struct host *host, struct diag *diag)
{
	sigset_t all;
	sigset_t before;
	int error;

	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&host->thread, NULL, dispatcher_run, host);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		diag_set(diag, "cannot start the dispatcher thread: %s",
		    strerror(error));
		return ERR_SYSTEM;
	}
	(void)pthread_setname_np(host->thread, "gv-dispatch");
	return ERR_OK;
}
