/* SPDX-License-Identifier: MIT
 * meshnet.h - several meshes on a network that exists only here: virtual time,
 * seeded latency, connections that open, end and die.
 *
 * Node i answers at ws://n:<i + 1>.  Connections keep order; a link that was
 * closed still hands in what was on its way.  Every message, peer event, gap,
 * dial and close goes into a hash: the same seed gives the same one. */
#ifndef TESTS_UNIT_MESH_MESHNET_H
#define TESTS_UNIT_MESH_MESHNET_H

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "mesh/mesh.h"
#include "sim/inspect.h"

enum {
	NET_NODES = 10,
	NET_CONNS = 4096,
	NET_GOT = 4096, /* messages a node remembers */
	NET_PEERS = 8,
};

struct net_got {
	struct nodeid origin;
	uint64_t seq;
	uint32_t tag; /* the payload */
};

struct net;

struct net_node {
	struct net *net;
	struct mesh *mesh; /* NULL: not running */
	struct mesh_io io;
	struct rng rng;
	struct nodeid id;
	uint32_t boot;
	const char *network;
	const char *peers[NET_PEERS];
	size_t peer_count;
	struct net_got got[NET_GOT];
	size_t got_count;
	uint64_t last_dial_ms[NET_NODES]; /* by target */
	unsigned dials, gaps;
	bool silent; /* died without notice: connections just hang */
	uint32_t max_hops;
};

struct net_end {
	size_t node;
	struct link *link; /* NULL: not open, or closed */
	uint64_t last_ms;  /* arrival of the last thing sent to this end */
	bool closing;      /* its mesh has called close */
};

struct net_conn {
	struct net_end ends[2]; /* 0 dialled */
	bool dead;              /* nothing arrives any more */
};

enum net_kind {
	NET_OPEN,
	NET_FAIL,
	NET_MESSAGE,
	NET_PING,
	NET_PONG,
	NET_CLOSED
};

struct net_event {
	uint64_t at_ms, order;
	struct net_event *next;
	enum net_kind kind;
	size_t conn;
	unsigned end; /* where it arrives */
	size_t len;
	uint8_t bytes[];
};

struct net {
	struct rng rng;
	struct chunk_pool pool;
	uint64_t now, order, hash;
	uint64_t latency_ms; /* 1 .. this */
	struct net_node nodes[NET_NODES];
	size_t node_count;
	struct net_conn conns[NET_CONNS];
	size_t conn_count;
	struct net_event *events; /* sorted */
	uint32_t tag;
	size_t alias[NET_NODES]; /* which node answers at an address */
	uint64_t queued;         /* what io.queued says */
};

static const char *const net_urls[NET_NODES] = { "ws://n:1", "ws://n:2",
	"ws://n:3", "ws://n:4", "ws://n:5", "ws://n:6", "ws://n:7", "ws://n:8",
	"ws://n:9", "ws://n:10" };

static inline void
net_trace(struct net *net, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t words[] = { net->now, a, b, c };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		net->hash = (net->hash ^ words[i]) * UINT64_C(0x100000001b3);
	}
}

static inline void
net_push(struct net *net, enum net_kind kind, size_t conn, unsigned end,
    const void *bytes, size_t len)
{
	struct net_event *event = malloc(sizeof(*event) + len);
	struct net_end *to = &net->conns[conn].ends[end];
	struct net_event **at = &net->events;

	assert_non_null(event);
	event->at_ms = net->now + 1 + rng_below(&net->rng, net->latency_ms);
	if (event->at_ms < to->last_ms) {
		event->at_ms = to->last_ms; /* a connection keeps order */
	}
	to->last_ms = event->at_ms;
	event->order = net->order++;
	event->kind = kind;
	event->conn = conn;
	event->end = end;
	event->len = len;
	if (len > 0) {
		memcpy(event->bytes, bytes, len);
	}
	while (*at != NULL && (*at)->at_ms <= event->at_ms) {
		at = &(*at)->next;
	}
	event->next = *at;
	*at = event;
}

/* The end of a connection that `link` is. */
static inline size_t
net_conn_of(const struct net *net, const struct link *link, unsigned *end)
{
	for (size_t i = net->conn_count; i > 0; i--) {
		for (*end = 0; *end < 2; ++*end) {
			if (net->conns[i - 1].ends[*end].link == link) {
				return i - 1;
			}
		}
	}
	fail_msg("an action for a link that is gone");
	return 0;
}

static inline void
net_io_send(void *ctx, struct link *link, const uint8_t *records, size_t len,
    bool control)
{
	struct net *net = ((struct net_node *)ctx)->net;
	unsigned end;
	size_t conn = net_conn_of(net, link, &end);

	(void)control;
	assert_false(net->conns[conn].ends[end].closing);
	net_push(net, NET_MESSAGE, conn, !end, records, len);
}

static inline void
net_io_spread(void *ctx, uint64_t slots, const struct range *record)
{
	struct net_node *node = ctx;

	for (; slots != 0; slots &= slots - 1) {
		struct link *link = inspect_link(
		    node->mesh, (unsigned)__builtin_ctzll(slots));

		net_io_send(ctx, link, range_bytes(record), record->len, false);
	}
}

static inline void
net_io_ping(void *ctx, struct link *link, uint64_t stamp)
{
	struct net *net = ((struct net_node *)ctx)->net;
	uint8_t bytes[8];
	unsigned end;
	size_t conn = net_conn_of(net, link, &end);

	for (size_t i = 8; i > 0; i--) {
		bytes[i - 1] = (uint8_t)stamp;
		stamp >>= 8;
	}
	assert_false(net->conns[conn].ends[end].closing);
	net_push(net, NET_PING, conn, !end, bytes, 8);
}

static inline void
net_io_close(void *ctx, struct link *link, uint16_t code, const char *reason)
{
	struct net *net = ((struct net_node *)ctx)->net;
	unsigned end;
	size_t conn = net_conn_of(net, link, &end);
	struct net_conn *c = &net->conns[conn];

	(void)reason;
	assert_false(c->ends[end].closing);
	c->ends[end].closing = true;
	net_trace(net, 1, conn, code);
	net_push(net, NET_CLOSED, conn, !end, NULL, 0);
	/* Nobody there to answer the Close. */
	if (c->dead || c->ends[!end].link == NULL) {
		net_push(net, NET_CLOSED, conn, end, NULL, 0);
	}
}

static inline void
net_io_dial(void *ctx, struct link *link, const char *url)
{
	struct net_node *node = ctx;
	struct net *net = node->net;
	struct net_conn *c = &net->conns[net->conn_count++];
	size_t target = 0;

	assert_true(net->conn_count <= NET_CONNS);
	while (strcmp(net_urls[target], url) != 0) {
		target++;
		assert_true(target < NET_NODES);
	}
	/* M3: never two dials of one address in a second. */
	assert_true(node->last_dial_ms[target] == 0 ||
	            net->now >= node->last_dial_ms[target] + 1000);
	node->last_dial_ms[target] = net->now;
	node->dials++;
	memset(c, 0, sizeof(*c));
	c->ends[0].node = (size_t)(node - net->nodes);
	c->ends[0].link = link;
	c->ends[1].node = net->alias[target];
	net_trace(net, 2, c->ends[0].node, target);
	net_push(net, NET_OPEN, net->conn_count - 1, 1, NULL, 0);
}

static inline size_t
net_io_queued(void *ctx, const struct link *link)
{
	(void)link;
	return ((struct net_node *)ctx)->net->queued;
}

static inline void
net_io_pressed(void *ctx, struct link *link)
{
	(void)ctx;
	(void)link;
}

static inline void
net_io_deliver(void *ctx, const struct message_view *view)
{
	struct net_node *node = ctx;
	struct net_got *got = &node->got[node->got_count];

	assert_true(node->got_count < NET_GOT);
	assert_int_equal(view->payload_len, sizeof(got->tag));
	got->origin = view->origin;
	got->seq = view->seq;
	memcpy(&got->tag, view->payload, sizeof(got->tag));
	/* Never twice, never its own. */
	assert_false(nodeid_equal(&node->id, &view->origin));
	for (size_t i = 0; i < node->got_count; i++) {
		assert_false(node->got[i].seq == got->seq &&
		             nodeid_equal(&node->got[i].origin, &got->origin));
	}
	node->got_count++;
	net_trace(node->net, 3, (uint64_t)(node - node->net->nodes), got->seq);
}

static inline void
net_io_peer(void *ctx, const struct mesh_peer *peer)
{
	struct net_node *node = ctx;

	net_trace(node->net, 4, (uint64_t)(node - node->net->nodes),
	    peer->conn * 2 + peer->up);
}

static inline void
net_io_gap(
    void *ctx, const struct nodeid *origin, uint64_t first, uint64_t count)
{
	struct net_node *node = ctx;

	(void)origin;
	node->gaps++;
	net_trace(node->net, 5, first, count);
}

static inline void
net_start(struct net *net, size_t index)
{
	struct net_node *node = &net->nodes[index];
	struct mesh_config config = {
		.node_id = node->id,
		.boot = node->boot,
		.now_ms = net->now,
		.name = net_urls[index],
		.network = node->network,
		.advertise = net_urls[index],
		.peers = node->peers,
		.peer_count = node->peer_count,
		.max_message = 1024,
		.max_hops = node->max_hops,
		.ping_ms = 3000,
		.soft = 1024 * 1024,
		.hard = 8 * 1024 * 1024,
		.pool = &net->pool,
	};

	node->silent = false;
	node->got_count = 0;
	memset(node->last_dial_ms, 0, sizeof(node->last_dial_ms));
	assert_int_equal(
	    mesh_create(&node->mesh, &config, &node->io, &node->rng, NULL),
	    ERR_OK);
	mesh_start(node->mesh, net->now);
}

/* From now on nothing arrives between these two, until they link anew. */
static inline void
net_break(struct net *net, size_t a, size_t b)
{
	for (size_t i = 0; i < net->conn_count; i++) {
		struct net_conn *c = &net->conns[i];

		c->dead = c->dead ||
		          (c->ends[0].node == a && c->ends[1].node == b) ||
		          (c->ends[0].node == b && c->ends[1].node == a);
	}
}

/* `silent`: its connections hang; else they end at once.  It can be started
 * again, with a larger boot. */
static inline void
net_kill(struct net *net, size_t index, bool silent)
{
	struct net_node *node = &net->nodes[index];

	for (size_t i = 0; i < net->conn_count; i++) {
		struct net_conn *c = &net->conns[i];

		for (unsigned end = 0; end < 2; end++) {
			if (c->ends[end].node != index) {
				continue;
			}
			c->ends[end].link = NULL;
			if (c->dead) {
				continue;
			}
			c->dead = true;
			/* One that waits for the answer to its Close, too. */
			if (!silent || c->ends[!end].closing) {
				net_push(net, NET_CLOSED, i, !end, NULL, 0);
			}
		}
	}
	mesh_destroy(node->mesh);
	node->mesh = NULL;
	node->silent = silent;
	node->boot += 1 + (uint32_t)(net->now / 1000);
}

static inline void
net_init(struct net *net, size_t nodes, uint64_t seed)
{
	assert_int_equal(
	    log_open(&(struct log_config){ .filter = "error" }, NULL), ERR_OK);
	memset(net, 0, sizeof(*net));
	rng_init(&net->rng, seed);
	chunk_pool_init(&net->pool);
	net->now = 1000;
	net->latency_ms = 50;
	net->node_count = nodes;
	for (size_t i = 0; i < NET_NODES; i++) {
		net->alias[i] = i;
	}
	for (size_t i = 0; i < nodes; i++) {
		struct net_node *node = &net->nodes[i];

		node->net = net;
		rng_init(&node->rng, seed * 100 + i);
		rng_fill(&net->rng, &node->id, sizeof(node->id));
		node->boot = 1700000000;
		node->network = "grapevine";
		node->max_hops = 64;
		node->io = (struct mesh_io){
			.ctx = node,
			.spread = net_io_spread,
			.send = net_io_send,
			.ping = net_io_ping,
			.close = net_io_close,
			.dial = net_io_dial,
			.queued = net_io_queued,
			.pressed = net_io_pressed,
			.deliver = net_io_deliver,
			.peer = net_io_peer,
			.gap = net_io_gap,
		};
	}
}

static inline void
net_fini(struct net *net)
{
	while (net->events != NULL) {
		struct net_event *event = net->events;

		net->events = event->next;
		free(event);
	}
	for (size_t i = 0; i < net->node_count; i++) {
		mesh_destroy(net->nodes[i].mesh);
	}
	chunk_pool_fini(&net->pool);
	free(net);
}

/* `a` dials `b` when it is started. */
static inline void
net_peer(struct net *net, size_t a, size_t b)
{
	struct net_node *node = &net->nodes[a];

	assert_true(node->peer_count < NET_PEERS);
	node->peers[node->peer_count++] = net_urls[b];
}

static inline void
net_on_open(struct net *net, const struct net_event *event)
{
	struct net_conn *c = &net->conns[event->conn];
	struct net_node *from = &net->nodes[c->ends[0].node];
	struct net_node *to = &net->nodes[c->ends[1].node];
	uint64_t id = event->conn + 1;

	if (c->dead || c->ends[0].link == NULL || c->ends[0].closing) {
		return;
	}
	if (to->mesh != NULL) {
		c->ends[1].link = mesh_on_accepted(
		    to->mesh, net->now, id, "127.0.0.1", NULL);
	}
	if (c->ends[1].link == NULL) {
		net_push(net, NET_FAIL, event->conn, 0, NULL, 0);
		return;
	}
	mesh_on_opened(
	    from->mesh, c->ends[0].link, net->now, id, "127.0.0.1", NULL);
}

static inline void
net_on_closed(struct net *net, const struct net_event *event)
{
	struct net_conn *c = &net->conns[event->conn];
	struct net_end *end = &c->ends[event->end];
	struct link *link = end->link;

	if (link == NULL) {
		return;
	}
	/* Answer the Close, so that the other side is told too. */
	if (!end->closing && c->ends[!event->end].link != NULL) {
		net_push(net, NET_CLOSED, event->conn, !event->end, NULL, 0);
	}
	end->link = NULL;
	mesh_on_closed(net->nodes[end->node].mesh, link, net->now,
	    event->kind == NET_FAIL ? MESH_DIAL_FAILED : MESH_CLOSED);
}

static inline void
net_happen(struct net *net, const struct net_event *event)
{
	struct net_conn *c = &net->conns[event->conn];
	struct net_end *end = &c->ends[event->end];
	struct mesh *mesh = net->nodes[end->node].mesh;

	if (event->kind == NET_OPEN) {
		net_on_open(net, event);
		return;
	}
	if (event->kind == NET_FAIL || event->kind == NET_CLOSED) {
		net_on_closed(net, event);
		return;
	}
	if (c->dead || end->link == NULL) {
		return;
	}
	if (event->kind == NET_MESSAGE) {
		mesh_on_message(
		    mesh, end->link, net->now, event->bytes, event->len);
	} else if (event->kind == NET_PONG) {
		mesh_on_pong(
		    mesh, end->link, net->now, event->bytes, event->len);
	} else {
		mesh_on_activity(end->link, net->now);
		net_push(net, NET_PONG, event->conn, !event->end, event->bytes,
		    event->len);
	}
}

static inline void
net_run(struct net *net, uint64_t ms)
{
	uint64_t end = net->now + ms;
	unsigned idle = 0;

	for (;;) {
		uint64_t next = net->events != NULL ? net->events->at_ms
		                                    : UINT64_MAX;

		for (size_t i = 0; i < net->node_count; i++) {
			struct mesh *mesh = net->nodes[i].mesh;

			if (mesh != NULL && mesh_next_ms(mesh) < next) {
				next = mesh_next_ms(mesh);
			}
		}
		if (next > end) {
			break;
		}
		idle = next > net->now ? 0 : idle + 1;
		assert_true(idle < 100000);
		net->now = next > net->now ? next : net->now;
		while (net->events != NULL && net->events->at_ms <= net->now) {
			struct net_event *event = net->events;

			net->events = event->next;
			net_happen(net, event);
			free(event);
		}
		for (size_t i = 0; i < net->node_count; i++) {
			struct mesh *mesh = net->nodes[i].mesh;

			if (mesh != NULL && mesh_next_ms(mesh) <= net->now) {
				mesh_on_tick(mesh, net->now);
			}
		}
	}
	net->now = end;
}

/* Publish; returns the number that is its payload. */
static inline uint32_t
net_publish(struct net *net, size_t index)
{
	uint32_t tag = ++net->tag;
	struct message_view view = {
		.topic = "public",
		.topic_len = 6,
		.payload = &tag,
		.payload_len = sizeof(tag),
	};

	assert_int_equal(
	    mesh_publish(net->nodes[index].mesh, net->now, &view), ERR_OK);
	return tag;
}

static inline unsigned
net_count(const struct net *net, size_t index, uint32_t tag)
{
	unsigned count = 0;

	for (size_t i = 0; i < net->nodes[index].got_count; i++) {
		count += net->nodes[index].got[i].tag == tag ? 1 : 0;
	}
	return count;
}

static inline uint64_t
net_links(const struct net *net, size_t index)
{
	return mesh_stats(net->nodes[index].mesh)->links_up;
}

#endif
