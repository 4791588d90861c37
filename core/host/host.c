/* SPDX-License-Identifier: MIT
 * host.c - see host.h. */

#include "host/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/dispatcher.h"
#include "host/private.h"

/* What one turn collects before it goes to the inbox early. */
#define HOST_TURN_ITEMS 4096
#define HOST_TURN_BYTES ((size_t)8 << 20)

const struct counter host_counters[] = {
	COUNTER(struct host_stats, inbox_put),
	COUNTER(struct host_stats, inbox_dropped),
	COUNTER(struct host_stats, dispatched),
	COUNTER(struct host_stats, requests),
	COUNTER(struct host_stats, requests_full),
	COUNTER(struct host_stats, gap_events),
	COUNTER(struct host_stats, peer_events),
	COUNTER(struct host_stats, peer_events_dropped),
	COUNTER(struct host_stats, errors),
	COUNTER(struct host_stats, slow_calls),
};
const size_t host_counter_count = ARRAY_LEN(host_counters);

_Static_assert(
    ARRAY_LEN(host_counters) * sizeof(uint64_t) == sizeof(struct host_stats),
    "every counter has a name");

void
host_abi(unsigned *major, unsigned *minor)
{
	*major = GV_ABI_MAJOR;
	*minor = GV_ABI_MINOR;
}

static char *
host_copy(const char *text)
{
	return strdup(text == NULL ? "" : text);
}

void
host_set_node_id(struct host *host, const struct nodeid *id)
{
	struct gv_node *node = &host->nodes[host->next_node];

	host->next_node = (host->next_node + 1) % HOST_IDS_MAX;
	*node = (struct gv_node){
		.struct_size = sizeof(*node),
		.name = host->config.node_name,
		.bind = host->config.node_bind,
		.version = host->config.node_version,
		.max_message = host->config.max_message,
	};
	memcpy(node->id, id->bytes, sizeof(node->id));
	atomic_store(&host->node, node);
}

/* Strings that live as long as the host. */
static enum err
host_copy_config(struct host *host, const struct host_config *config)
{
	host->config = *config;
	host->config.dirs = NULL;
	host->config.dir_count = 0;
	host->config.node_name = host_copy(config->node_name);
	host->config.node_bind = host_copy(config->node_bind);
	host->config.node_version = host_copy(config->node_version);
	if (host->config.node_name == NULL || host->config.node_bind == NULL ||
	    host->config.node_version == NULL) {
		return ERR_NOMEM;
	}
	host_set_node_id(host, &config->node_id);
	return search_init(&host->search, config->dirs, config->dir_count);
}

enum err
host_create(struct host **host, const struct host_config *config)
{
	struct host *made = calloc(1, sizeof(*made));
	enum err err;

	if (made == NULL) {
		return ERR_NOMEM;
	}
	made->turn_last = &made->turn;
	events_init(&made->events);
	queue_init(&made->inbox, HOST_INBOX_ITEMS, HOST_INBOX_BYTES);
	queue_init(&made->requests, HOST_REQUESTS_ITEMS, HOST_REQUESTS_BYTES);
	err = host_copy_config(made, config);
	if (err != ERR_OK) {
		host_destroy(made);
		return err;
	}
	*host = made;
	return ERR_OK;
}

void
host_entry_destroy(struct host_entry *entry)
{
	message_unref(entry->message);
	free(entry);
}

static void
host_free_entries(struct queue_item *chain)
{
	while (chain != NULL) {
		struct queue_item *next = chain->next;

		host_entry_destroy((struct host_entry *)chain);
		chain = next;
	}
}

static void
host_free_requests(struct host *host)
{
	struct host_request *request = host_take_requests(host);

	while (request != NULL) {
		struct host_request *next = (struct host_request *)
		                                request->item.next;

		host_request_destroy(request);
		request = next;
	}
}

void
host_destroy(struct host *host)
{
	if (host == NULL || host->abandoned) {
		return;
	}
	if (host->started) {
		host_stop(host);
		(void)pthread_join(host->thread, NULL);
	}
	for (size_t i = host->plugin_count; i > 0; i--) {
		plugin_destroy(host->plugins[i - 1]);
	}
	host_free_requests(host);
	host_free_entries(queue_take(&host->inbox));
	host_free_entries(host->turn);
	queue_fini(&host->requests);
	queue_fini(&host->inbox);
	events_fini(&host->events);
	search_fini(&host->search);
	free((void *)(uintptr_t)host->config.node_name);
	free((void *)(uintptr_t)host->config.node_bind);
	free((void *)(uintptr_t)host->config.node_version);
	free(host);
}

static enum err
host_load_file(
    struct host *host, struct spec *spec, const char *path, struct diag *diag)
{
	struct plugin *plugin;
	struct loader *loader;
	enum err err;

	if (host->plugin_count == HOST_PLUGINS_MAX) {
		diag_set(diag, "plugin %s: one more than %d plugins",
		    spec->plugin, HOST_PLUGINS_MAX);
		return ERR_PLUGIN;
	}
	err = loader_open(&loader, &host->loaders, path, diag);
	if (err != ERR_OK) {
		return err;
	}
	err = plugin_create(&plugin, host, loader, spec, diag);
	if (err != ERR_OK) {
		loader_close(loader, &host->loaders);
		return err;
	}
	host->plugins[host->plugin_count++] = plugin;
	log_info("host", "plugin_loaded", "plugin loaded",
	    LOG_STR("plugin", plugin->label),
	    LOG_STR("version", loader->manifest.version),
	    LOG_STR("file", loader->path));
	return ERR_OK;
}

static enum err
host_load_spec(struct host *host, struct spec *spec, struct diag *diag)
{
	char *found = NULL;
	enum err err = ERR_OK;

	if (!spec->is_path) {
		err = search_find(&host->search, &found, spec->plugin, diag);
	}
	if (err == ERR_OK) {
		err = host_load_file(
		    host, spec, found == NULL ? spec->plugin : found, diag);
	}
	free(found);
	return err;
}

static void
host_warn_refused(const char *plugin, const struct diag *diag)
{
	log_warn(
	    "host", "plugin_refused", diag->text, LOG_STR("plugin", plugin));
}

enum err
host_load(struct host *host, const char *spec, struct diag *diag)
{
	struct spec parsed;
	struct diag why = { "" };
	enum err err = spec_parse(&parsed, spec, &why);
	bool optional = false;

	if (err == ERR_OK) {
		optional = parsed.optional;
		err = host_load_spec(host, &parsed, &why);
	}
	if (err != ERR_OK && optional) {
		host_warn_refused(parsed.plugin, &why);
		err = ERR_OK;
	}
	spec_fini(&parsed);
	if (err != ERR_OK && diag != NULL) {
		*diag = why;
	}
	return err;
}

size_t
host_plugin_count(const struct host *host)
{
	return host->plugin_count;
}

enum err
host_start(struct host *host, struct diag *diag)
{
	struct diag why = { "" };
	enum err err = ERR_OK;
	size_t done = 0;

	for (; done < host->plugin_count && err == ERR_OK; done++) {
		struct plugin *plugin = host->plugins[done];

		err = plugin_start(plugin, &why);
		if (err != ERR_OK && plugin->spec.optional) {
			host_warn_refused(plugin->label, &why);
			err = ERR_OK;
		}
	}
	if (err == ERR_OK) {
		err = dispatcher_start(host, &why);
	}
	if (err != ERR_OK) {
		while (done > 0) {
			plugin_stop(host->plugins[--done]);
		}
		if (diag != NULL) {
			*diag = why;
		}
		return err;
	}
	host->started = true;
	return ERR_OK;
}

bool
host_wants_messages(const struct host *host)
{
	for (size_t i = 0; i < host->plugin_count; i++) {
		if (host->plugins[i]->loader->manifest.on_message != NULL) {
			return true;
		}
	}
	return false;
}

/* A message that the plugins will not see.  A reply has no place in its
 * author's numbers, so it leaves no gap there. */
static void
host_lose(struct host *host, const struct message_view *view, const char *why)
{
	host_count(&host->counts.inbox_dropped, 1);
	if ((view->flags & MESSAGE_REPLY) == 0 && view->seq != 0) {
		host_on_gap(host, &view->origin, view->seq, 1);
	}
	log_warn("host", "inbox_full", why,
	    LOG_BYTES("topic", view->topic, view->topic_len),
	    LOG_U64("seq", view->seq));
}

void
host_deliver(struct host *host, const struct message_view *view, int32_t except)
{
	struct host_entry *entry = malloc(sizeof(*entry));
	struct message *message = entry == NULL ? NULL : message_create(view);

	if (message == NULL) {
		free(entry);
		host_lose(host, view, "no memory for a message to plugins");
		return;
	}
	message->view.received_ns = clock_now_ns();
	entry->item.next = NULL;
	entry->item.bytes = sizeof(*entry) + sizeof(*message) +
	                    view->topic_len + view->payload_len;
	entry->except = except;
	entry->message = message;
	*host->turn_last = &entry->item;
	host->turn_last = &entry->item.next;
	host->turn_items++;
	host->turn_bytes += entry->item.bytes;
	if (host->turn_items >= HOST_TURN_ITEMS ||
	    host->turn_bytes >= HOST_TURN_BYTES) {
		host_flush(host);
	}
}

void
host_on_peer(struct host *host, uint64_t conn, const struct nodeid *node_id,
    const char *name, bool up)
{
	host_count(&host->counts.peer_events, 1);
	if (events_add_peer(&host->events, conn, node_id, name, up) != ERR_OK) {
		host_count(&host->counts.peer_events_dropped, 1);
	}
}

void
host_on_gap(struct host *host, const struct nodeid *origin, uint64_t first,
    uint64_t count)
{
	host_count(&host->counts.gap_events, 1);
	events_add_gap(&host->events, origin, first, count);
}

void
host_flush(struct host *host)
{
	struct queue_item *lost = NULL;
	size_t put = host->turn_items;

	if (host->turn != NULL) {
		lost = queue_put_chain(&host->inbox, host->turn);
	}
	for (struct queue_item *at = lost; at != NULL; at = at->next) {
		host_lose(host, &((struct host_entry *)at)->message->view,
		    "the plugins' inbox is full");
		put--;
	}
	host_free_entries(lost);
	host_count(&host->counts.inbox_put, put);
	host->turn = NULL;
	host->turn_last = &host->turn;
	host->turn_items = 0;
	host->turn_bytes = 0;
	/* Also if messages were put: the dispatcher may have looked for events
	 * before the last one was added. */
	if (!events_is_empty(&host->events)) {
		queue_wake(&host->inbox);
	}
}

struct host_request *
host_take_requests(struct host *host)
{
	return (struct host_request *)queue_take(&host->requests);
}

void
host_request_destroy(struct host_request *request)
{
	if (request != NULL) {
		message_unref(request->message);
		free(request);
	}
}

void
host_stop(struct host *host)
{
	host_flush(host);
	queue_close(&host->inbox);
}

bool
host_has_stopped(struct host *host)
{
	return !host->started || atomic_load(&host->stopped);
}

size_t
host_pending(struct host *host)
{
	uint64_t put = atomic_load(&host->counts.inbox_put);
	uint64_t done = atomic_load(&host->counts.dispatched);

	return host->turn_items + (put > done ? (size_t)(put - done) : 0);
}

const char *
host_busy_plugin(struct host *host)
{
	return atomic_load_explicit(&host->busy, memory_order_relaxed);
}

void
host_abandon(struct host *host)
{
	if (host->started && !host->abandoned) {
		host->abandoned = true;
		(void)pthread_detach(host->thread);
	}
}

static uint64_t
host_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void
host_stats(struct host *host, struct host_stats *stats)
{
	const struct host_counts *counts = &host->counts;

	*stats = (struct host_stats){
		.inbox_put = host_read(&counts->inbox_put),
		.inbox_dropped = host_read(&counts->inbox_dropped),
		.dispatched = host_read(&counts->dispatched),
		.requests = host_read(&counts->requests),
		.requests_full = host_read(&counts->requests_full),
		.gap_events = host_read(&counts->gap_events),
		.peer_events = host_read(&counts->peer_events),
		.peer_events_dropped = host_read(&counts->peer_events_dropped),
		.errors = host_read(&counts->errors),
		.slow_calls = host_read(&counts->slow_calls),
	};
}

enum err
host_stats_json(struct host *host, struct buf *out)
{
	enum err err = buf_printf(out, "\"plugins\":{");

	for (size_t i = 0; i < host->plugin_count && err == ERR_OK; i++) {
		err = i > 0 ? buf_append(out, ",", 1) : ERR_OK;
		if (err == ERR_OK) {
			err = plugin_stats_json(host->plugins[i], out);
		}
	}
	return err == ERR_OK ? buf_append(out, "}", 1) : err;
}
