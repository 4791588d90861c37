/* SPDX-License-Identifier: MIT
 * node.c - see node.h. */

#include "app/node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app/limits.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/topic.h"

enum {
	NODE_HUB_TICK_MS = 1000,
	NODE_NAME_MAX = 64,
	NODE_BUFFERS_MAX = 256 << 20, /* all out buffers together, */
	                              /* and all messages on their way in */
};

const struct counter node_counters[] = {
	COUNTER(struct node_stats, published_clients),
	COUNTER(struct node_stats, published_plugins),
	COUNTER(struct node_stats, publish_failed),
	COUNTER(struct node_stats, sends),
	COUNTER(struct node_stats, send_gone),
	COUNTER(struct node_stats, send_failed),
	COUNTER(struct node_stats, dropped_stopping),
};
const size_t node_counter_count = ARRAY_LEN(node_counters);

void
node_tell_plugins(
    struct node *node, const struct message_view *view, int32_t except)
{
	if (!host_wants_messages(node->host)) {
		return;
	}
	if (node->drain != DRAIN_NOT) { /* their inbox is closed */
		node->stats.dropped_stopping++;
		return;
	}
	host_deliver(node->host, view, except);
}

void
node_publish(struct node *node, struct message_view *view,
    struct session *author, int32_t except)
{
	uint64_t now = net_now_ms(node->net);

	/* Forward before deliver: plugins never slow the backbone. */
	if (mesh_publish(node->mesh, now, view) != ERR_OK) {
		node->stats.publish_failed++;
		return;
	}
	(void)hub_deliver(node->hub, now, view, author);
	node_tell_plugins(node, view, except);
}

/* ---- what net tells */

static bool
node_on_open(void *ctx, struct conn *conn, const char *path, const char *query)
{
	return conn_is_peer(conn) ? links_on_open(ctx, conn)
	                          : clients_on_open(ctx, conn, path, query);
}

static void
node_on_message(
    void *ctx, struct conn *conn, bool text, const uint8_t *bytes, size_t len)
{
	struct node *node = ctx;

	if (conn_is_peer(conn)) {
		mesh_on_message(node->mesh, conn_user(conn),
		    net_now_ms(node->net), bytes, len);
	} else {
		clients_on_message(node, conn, text, bytes, len);
	}
}

static void
node_on_pong(void *ctx, struct conn *conn, const uint8_t *bytes, size_t len)
{
	struct node *node = ctx;

	if (conn_is_peer(conn)) {
		mesh_on_pong(node->mesh, conn_user(conn), net_now_ms(node->net),
		    bytes, len);
	}
}

static void
node_on_reading(void *ctx, struct conn *conn, bool on)
{
	struct node *node = ctx;

	if (conn_is_peer(conn)) {
		mesh_on_reading(conn_user(conn), net_now_ms(node->net), on);
	}
}

/* The mesh needs no word: what it sends on is counted and dropped. */
static void
node_on_closing(void *ctx, struct conn *conn)
{
	struct node *node = ctx;

	if (!conn_is_peer(conn)) {
		hub_on_closing(node->hub, conn_user(conn));
	}
}

static void
node_on_stalled(void *ctx, struct conn *conn)
{
	struct node *node = ctx;

	if (conn_is_peer(conn)) {
		mesh_on_stalled(
		    node->mesh, conn_user(conn), net_now_ms(node->net));
	} else {
		hub_on_stalled(node->hub, conn_user(conn));
	}
}

static void
node_on_closed(void *ctx, struct conn *conn, enum net_closed how)
{
	struct node *node = ctx;

	if (conn_user(conn) == NULL) {
		return; /* refused by on_open: nobody knows it */
	}
	if (conn_is_peer(conn) || how != NET_CLOSED) {
		links_on_closed(node, conn, how);
	} else {
		hub_close(node->hub, conn_user(conn));
	}
}

/* Deadlines may have moved with anything that happened. */
static void
node_set_timer(struct node *node)
{
	uint64_t next = node->mesh != NULL ? mesh_next_ms(node->mesh)
	                                   : UINT64_MAX;

	if (node->hub_tick_ms < next) {
		next = node->hub_tick_ms;
	}
	if (node->drain != DRAIN_NOT && node->drain_until_ms < next) {
		next = node->drain_until_ms;
	}
	net_timer_set(node->net, next);
}

static void
node_on_turn(void *ctx)
{
	struct node *node = ctx;

	links_report_lost_dials(node);
	host_flush(node->host);
	if (node->drain != DRAIN_NOT) {
		drain_step(node);
	}
	node_set_timer(node);
}

static void
node_on_timer(void *ctx)
{
	struct node *node = ctx;
	uint64_t now = net_now_ms(node->net);

	if (node->mesh != NULL && mesh_next_ms(node->mesh) <= now) {
		mesh_on_tick(node->mesh, now);
	}
	if (node->hub_tick_ms <= now) {
		if (node->mesh != NULL) {
			statefile_on_tick(&node->state, node->mesh, now);
		}
		hub_on_tick(node->hub, now);
		chunk_pool_trim(&node->pool);
		node->hub_tick_ms = now + NODE_HUB_TICK_MS;
	}
}

static void
node_on_wake(void *ctx)
{
	plugins_on_wake(ctx);
}

static void
node_on_signal(void *ctx, int signum)
{
	struct node *node = ctx;

	switch (signum) {
	case SIGTERM:
	case SIGINT:
		drain_begin(node);
		break;
	case SIGUSR1:
		log_reopen();
		break;
	case SIGUSR2:
		state_log(node);
		break;
	case SIGHUP:
		log_reopen();
		log_info("app", "reloaded",
		    "log reopened; no other setting can be reloaded");
		break;
	default:
		break;
	}
}

static const struct net_handler node_net_handler = {
	.on_path = clients_on_path,
	.on_open = node_on_open,
	.on_bytes = links_on_bytes,
	.on_message = node_on_message,
	.on_pong = node_on_pong,
	.on_reading = node_on_reading,
	.on_closing = node_on_closing,
	.on_stalled = node_on_stalled,
	.on_closed = node_on_closed,
	.on_turn = node_on_turn,
	.on_timer = node_on_timer,
	.on_wake = node_on_wake,
	.on_signal = node_on_signal,
};

/* ---- start, in the order of docs/ARCHITECTURE.md */

static enum err
node_choose_identity(struct node *node)
{
	const struct config *config = node->config;
	char host[NODE_NAME_MAX] = "node";
	const char *port = strrchr(config->binds.items[0], ':');

	if (config->seeded) {
		rng_init(&node->rng, config->seed);
		rng_fill(&node->rng, node->id.bytes, sizeof(node->id.bytes));
	} else if (rng_init_random(&node->rng) != ERR_OK ||
	           rng_secret(node->id.bytes, sizeof(node->id.bytes)) !=
	               ERR_OK) {
		return ERR_SYSTEM;
	}
	(void)statefile_id(&node->state, &node->id);
	if (config->name != NULL) {
		node->name = strdup(config->name);
	} else {
		(void)gethostname(host, sizeof(host) - 1);
		if (asprintf(&node->name, "%s-%s", host,
		        port != NULL ? port + 1 : "0") < 0) {
			node->name = NULL;
		}
	}
	return node->name == NULL ? ERR_NOMEM : ERR_OK;
}

enum err
node_create_host(struct node *node, struct diag *diag)
{
	const struct config *config = node->config;
	const struct host_config host = {
		.dirs = (const char *const *)config->plugin_dirs.items,
		.dir_count = config->plugin_dirs.count,
		.max_message = config->max_message,
		.node_id = node->id,
		.node_name = node->name != NULL ? node->name : "",
		.node_bind = config->binds.items[0],
		.node_version = GV_VERSION,
		.wake = (void (*)(void *))net_wake,
		.wake_ctx = node->net,
	};
	enum err err = host_create(&node->host, &host);

	if (err != ERR_OK) {
		diag_set(
		    diag, "cannot set up the plugin host: %s", err_text(err));
	}
	return err;
}

static enum err
node_load_plugins(struct node *node, struct diag *diag)
{
	const struct strings *specs = &node->config->plugins;
	enum err err = node_create_host(node, diag);

	for (size_t i = 0; i < specs->count && err == ERR_OK; i++) {
		err = host_load(node->host, specs->items[i], diag);
	}
	return err == ERR_OK ? host_start(node->host, diag) : err;
}

static enum err
node_create_net(struct node *node, struct diag *diag)
{
	const struct config *config = node->config;
	const struct net_config net = {
		.times = net_default_times,
		.max_message = config->max_message,
		.max_clients = config->max_clients,
		.client_rate = config->client_rate,
		.client_burst = config->client_burst,
		.allow_origins = config->allow_origins.items,
		.allow_origin_count = config->allow_origins.count,
		.soft = config->queue_soft,
		.pool = &node->pool,
		/* Chunks of the history may be half empty. */
		.buffers_max = NODE_BUFFERS_MAX + 2 * config->history,
		.assembly_max = NODE_BUFFERS_MAX,
	};
	enum err err;

	node->net_handler = node_net_handler;
	node->net_handler.ctx = node;
	err = net_create(
	    &node->net, &net, &node->net_handler, &node->rng, diag);
	if (err == ERR_OK) {
		clients_init(node);
		err = hub_create(&node->hub,
		    &(const struct hub_config){
		        .soft = config->queue_soft,
		        .hard = config->queue_hard,
		        .overflow = config->overflow_disconnect
		                        ? HUB_DISCONNECT
		                        : HUB_DROP_OLDEST,
		        .salt = rng_next(&node->rng),
		    },
		    &node->hub_io, &node->pool);
	}
	return err;
}

/* What others dial: the first address that is one, else only a port, whose
 * host they fill in. */
static void
node_note_listener(void *ctx, const char *host, uint16_t port)
{
	struct node *node = ctx;
	bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
	bool six = strchr(host, ':') != NULL;

	if (node->advertise != NULL &&
	    (any || strncmp(node->advertise, "ws://:", 6) != 0)) {
		return;
	}
	free(node->advertise);
	if (asprintf(&node->advertise, "ws://%s%s%s:%u", six && !any ? "[" : "",
	        any ? "" : host, six && !any ? "]" : "", port) < 0) {
		node->advertise = NULL;
	}
}

static enum err
node_listen(struct node *node, struct diag *diag)
{
	const struct strings *binds = &node->config->binds;
	enum err err = ERR_OK;

	for (size_t i = 0; i < binds->count && err == ERR_OK; i++) {
		err = net_listen(node->net, binds->items[i], diag);
	}
	if (err != ERR_OK) {
		return err;
	}
	net_each_listener(node->net, node_note_listener, node);
	if (node->config->advertise != NULL) {
		free(node->advertise);
		node->advertise = strdup(node->config->advertise);
	}
	return node->advertise == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err
node_create_mesh(struct node *node, struct diag *diag)
{
	const struct config *config = node->config;
	const struct mesh_config mesh = {
		.node_id = node->id,
		.keeps_id = config->state_dir != NULL,
		.boot = (uint32_t)(clock_wall_ns() / UINT64_C(1000000000)),
		.now_ms = net_now_ms(node->net),
		.name = node->name,
		.network = config->network,
		.advertise = node->advertise,
		.peers = (const char *const *)config->peers.items,
		.peer_count = config->peers.count,
		.max_message = config->max_message,
		.max_hops = config->max_hops,
		.ping_ms = config->ping_s * 1000,
		.soft = config->queue_soft,
		.hard = config->queue_hard,
		.is_auto = config->mesh_auto,
		.links_min = config->view_min,
		.links_max = config->view_max,
		.psk = node->psk.len > 0 ? node->psk.bytes : NULL,
		.psk_len = node->psk.len,
		.presence = config->presence,
		.floods = config->floods,
		.version = GV_VERSION,
		.history_bytes = config->history,
		.pool = &node->pool,
	};
	enum err err;

	if (links_init(node) != ERR_OK) {
		return ERR_NOMEM;
	}
	err = mesh_create(&node->mesh, &mesh, &node->mesh_io, &node->rng, diag);
	psk_forget(&node->psk);
	return err == ERR_OK ? statefile_restore(&node->state, node->mesh)
	                     : err;
}

static enum err
node_catch_signals(struct node *node)
{
	static const int signums[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGUSR2 };
	enum err err = ERR_OK;

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(signums) && err == ERR_OK; i++) {
		err = net_catch_signal(node->net, signums[i]);
	}
	return err;
}

static enum exit_code
node_start_exit(enum err err)
{
	switch ((int)err) {
	case ERR_OK:
		return EXIT_STOPPED;
	case ERR_BIND:
		return EXIT_BIND;
	default:
		return EXIT_RUNTIME;
	}
}

static void
node_say_ready(const struct node *node)
{
	char hex[NODEID_HEX_LEN + 1];

	log_info("app", "ready", "ready", LOG_STR("name", node->name),
	    LOG_STR("id", nodeid_hex(&node->id, hex)),
	    LOG_STR("advertise", node->advertise),
	    LOG_U64("plugins", host_plugin_count(node->host)),
	    LOG_U64("peers", node->config->peers.count));
}

static enum err
node_open_network(struct node *node, struct diag *diag)
{
	enum err err = node_listen(node, diag);

	if (err == ERR_OK) {
		err = node_create_mesh(node, diag);
	}
	if (err == ERR_OK && node->config->ports_file != NULL) {
		err = ports_write(node->net, node->config->ports_file, diag);
	}
	return err;
}

static enum err
node_open_state(struct node *node, struct diag *diag)
{
	const char *dir = node->config->state_dir;
	enum err err = dir != NULL ? statefile_open(&node->state, dir, diag)
	                           : ERR_OK;

	if (err != ERR_OK) {
		log_error("app", "state_refused", diag->text);
	}
	return err;
}

/* All that comes before the plugins run. */
static enum exit_code
node_prepare(struct node *node, struct diag *diag)
{
	const struct config *config = node->config;
	enum err err;

	if (config->psk_file != NULL &&
	    psk_read(&node->psk, config->psk_file, diag) != ERR_OK) {
		log_error("app", "psk_refused", diag->text);
		return EXIT_CREDENTIALS;
	}
	if (node_open_state(node, diag) != ERR_OK) {
		return EXIT_RUNTIME;
	}
	err = node_choose_identity(node);
	if (err == ERR_OK) {
		err = node_create_net(node, diag);
	}
	if (err == ERR_OK) {
		err = node_catch_signals(node);
	}
	if (err != ERR_OK) {
		log_error("app", "start_failed", diag->text);
		return node_start_exit(err);
	}
	if (node_load_plugins(node, diag) != ERR_OK) {
		log_error("host", "plugin_refused", diag->text);
		return EXIT_PLUGIN;
	}
	return EXIT_STOPPED;
}

enum exit_code
node_init(struct node *node, const struct config *config, struct diag *diag)
{
	enum exit_code code;
	enum err err;

	memset(node, 0, sizeof(*node));
	node->config = config;
	chunk_pool_init(&node->pool);
	if (limits_set(config, diag) != ERR_OK) {
		log_error("app", "start_failed", diag->text);
		return EXIT_RUNTIME;
	}
	diag_set(diag, "out of memory");
	log_info("app", "start", "starting", LOG_STR("version", GV_VERSION));
	code = node_prepare(node, diag);
	if (code != EXIT_STOPPED) {
		return code;
	}
	/* Only now: dlopen needs /proc/self/fd, which this takes away. */
	(void)prctl(PR_SET_DUMPABLE, config->allow_core ? 1 : 0, 0, 0, 0);
	err = node_open_network(node, diag);
	if (err != ERR_OK) {
		log_error("app",
		    err == ERR_BIND ? "bind_failed" : "start_failed",
		    diag->text);
		/* The plugins run already: they end as they always do. */
		drain_begin(node);
		net_run(node->net);
		return node_start_exit(err);
	}
	node->hub_tick_ms = net_now_ms(node->net) + NODE_HUB_TICK_MS;
	mesh_start(node->mesh, net_now_ms(node->net));
	node_say_ready(node);
	return EXIT_STOPPED;
}

enum exit_code
node_run(struct node *node)
{
	net_run(node->net);
	log_info("app", "stopped", "stopped",
	    LOG_U64("exit", (uint64_t)node->exit_code));
	return node->exit_code;
}

bool
node_fini(struct node *node)
{
	/* The dispatcher that hangs in a plugin, or the resolver in a name,
	 * would use what is freed here, and nobody can end them. */
	if (node->host != NULL && !host_has_stopped(node->host)) {
		host_abandon(node->host);
		return false;
	}
	if (node->net != NULL && net_is_resolving(node->net)) {
		host_destroy(node->host); /* plugins end all the same */
		return false;
	}
	net_destroy(node->net);
	mesh_destroy(node->mesh);
	statefile_close(&node->state);
	psk_forget(&node->psk);
	hub_destroy(node->hub);
	host_destroy(node->host);
	chunk_pool_fini(&node->pool);
	free(node->lost_dials);
	free(node->name);
	free(node->advertise);
	return true;
}
