/* SPDX-License-Identifier: MIT
 * node.h - one running node: the floors below, tied together.
 *
 * mesh, hub and host never see each other; whatever goes from one to another
 * goes through here.  links.c ties mesh and net, clients.c hub and net,
 * plugins.c host and the rest, drain.c ends it all in order. */
#ifndef APP_NODE_H
#define APP_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"
#include "app/options.h"
#include "app/psk.h"
#include "app/statefile.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "host/host.h"
#include "hub/hub.h"
#include "mesh/mesh.h"
#include "net/net.h"

enum drain_step {
	DRAIN_NOT,
	DRAIN_PLUGINS, /* the dispatcher finishes its inbox */
	DRAIN_CONNS,   /* queues are flushed, connections closed */
	DRAIN_DONE,
};

/* Counters of what passes between the floors. */
struct node_stats {
	uint64_t published_clients, published_plugins;
	uint64_t publish_failed; /* too big for the mesh, or no memory */
	uint64_t sends;          /* plugins' answers handed on */
	uint64_t send_gone;      /* the connection was gone */
	uint64_t send_failed;    /* closing, too big, or no memory */
	/* Not handed to plugins: they had been told to stop. */
	uint64_t dropped_stopping;
};

struct node {
	const struct config *config;
	struct rng rng;
	struct chunk_pool pool; /* of all out buffers, and the history */
	struct nodeid id;
	char *name;
	char *advertise; /* "": nothing listens */
	struct net *net;
	struct mesh *mesh;
	struct hub *hub;
	struct host *host;
	struct node_stats stats;
	struct statefile state;
	struct psk psk;           /* until the mesh has it */
	struct link **lost_dials; /* of this turn */
	size_t lost_dial_count;
	struct net_handler net_handler;
	struct mesh_io mesh_io;
	struct hub_io hub_io;
	uint64_t hub_tick_ms;
	uint64_t drain_from_ms, drain_until_ms;
	enum drain_step drain;
	enum exit_code exit_code;
};

extern const struct counter node_counters[];
extern const size_t node_counter_count;

/* Build and start everything that `config` asks for, up to `ready`.  Any
 * other code than EXIT_STOPPED: it did not come up, `diag` says why, and
 * node_fini is still due. */
enum exit_code node_init(
    struct node *node, const struct config *config, struct diag *diag);
/* Serve until a signal ends it. */
enum exit_code node_run(struct node *node);
/* Free it all.  False: a thread did not come back, only _exit is safe. */
NODISCARD bool node_fini(struct node *node);

/* The config's view of the host: also for --list-plugins, --plugin-help. */
NODISCARD enum err node_create_host(struct node *node, struct diag *diag);

/* A message of this node goes out: to the mesh, to local clients, and to all
 * plugins but number `except`.  `author`: the client it came from, or NULL. */
void node_publish(struct node *node, struct message_view *view,
    struct session *author, int32_t except);

/* A message from anywhere, for all plugins but number `except` (-1: none). */
void node_tell_plugins(
    struct node *node, const struct message_view *view, int32_t except);

/* links.c */
NODISCARD enum err links_init(struct node *node);
/* Dials that found no memory: tell the mesh, outside its own calls. */
void links_report_lost_dials(struct node *node);
bool links_on_open(struct node *node, struct conn *conn);
void links_on_bytes(void *ctx, struct conn *conn);
void links_on_closed(struct node *node, struct conn *conn, enum net_closed how);

/* clients.c */
void clients_init(struct node *node);
enum err clients_on_path(void *ctx, const char *path, struct diag *diag);
bool clients_on_open(
    struct node *node, struct conn *conn, const char *path, const char *query);
void clients_on_message(struct node *node, struct conn *conn, bool text,
    const uint8_t *bytes, size_t len);

/* plugins.c */
void plugins_on_wake(struct node *node);

/* drain.c */
/* SIGTERM, SIGINT: begin to stop; a second time: stop now. */
void drain_begin(struct node *node);
/* Something moved: go on if that was it. */
void drain_step(struct node *node);

/* state.c */
/* Log every counter, and the links, as one event (SIGUSR2). */
void state_log(struct node *node);
/* Write `HOST PORT` lines to `path`, under a temporary name first. */
NODISCARD enum err ports_write(
    const struct net *net, const char *path, struct diag *diag);

#endif
