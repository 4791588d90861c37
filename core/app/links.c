/* SPDX-License-Identifier: MIT
 * links.c - the mesh's actions as net's calls, and net's events as the
 * mesh's.  A peer's connection carries its link as `user`, and the other way
 * round. */

#include <stddef.h>
#include <stdlib.h>

#include "app/node.h"
#include "base/clock.h"

static void
links_spread(void *ctx, uint64_t slots, const struct range *record)
{
	struct node *node = ctx;

	net_share_record(node->net, mesh_users(node->mesh), slots, record);
}

static void
links_send(void *ctx, struct link *link, const uint8_t *records, size_t len,
    bool control)
{
	(void)ctx;
	if (control) {
		conn_send_control(link_user(link), records, len);
	} else {
		conn_send_records(link_user(link), records, len);
	}
}

static void
links_ping(void *ctx, struct link *link, uint64_t stamp)
{
	(void)ctx;
	conn_ping(link_user(link), stamp);
}

static void
links_close(void *ctx, struct link *link, uint16_t code, const char *reason)
{
	struct node *node = ctx;
	struct conn *conn = link_user(link);

	if (conn == NULL) {
		net_cancel_dial(node->net, link);
	} else if (code == 0) {
		conn_drop(conn);
	} else {
		conn_close(conn, code, reason, true);
	}
}

static void
links_dial(void *ctx, struct link *link, const char *url)
{
	struct node *node = ctx;

	if (net_dial(node->net, url, link) == NULL) {
		/* The mesh hears of it at the end of the turn; it dials each
		 * address once at a time, so there is room. */
		node->lost_dials[node->lost_dial_count++] = link;
	}
}

void
links_report_lost_dials(struct node *node)
{
	while (node->lost_dial_count > 0) {
		struct link *link = node->lost_dials[--node->lost_dial_count];

		mesh_on_closed(
		    node->mesh, link, net_now_ms(node->net), MESH_DIAL_FAILED);
	}
}

static size_t
links_queued(void *ctx, const struct link *link)
{
	const struct node *node = ctx;
	struct conn *conn = link_user(link);
	size_t queued = conn_queued(conn);

	return queued > node->config->queue_soft ? conn_relieve(conn) : queued;
}

static void
links_pressed(void *ctx, struct link *link)
{
	(void)ctx;
	(void)conn_press(link_user(link));
}

static uint64_t
links_now_us(void *ctx)
{
	(void)ctx;
	return clock_now_ns() / 1000;
}

static uint32_t
links_wall_s(void *ctx)
{
	(void)ctx;
	return (uint32_t)(clock_wall_ns() / UINT64_C(1000000000));
}

static bool
links_listens(void *ctx)
{
	const struct node *node = ctx;

	return hub_has_topics(node->hub) || host_wants_messages(node->host);
}

static void
links_deliver(void *ctx, const struct message_view *view)
{
	struct node *node = ctx;

	if ((view->flags & MESSAGE_REPLY) == 0) {
		(void)hub_deliver(node->hub, net_now_ms(node->net), view, NULL);
	}
	node_tell_plugins(node, view, -1);
}

static void
links_peer(void *ctx, const struct mesh_peer *peer)
{
	struct node *node = ctx;

	host_on_peer(
	    node->host, peer->conn, &peer->node_id, peer->name, peer->up);
}

static void
links_gap(
    void *ctx, const struct nodeid *origin, uint64_t first, uint64_t count)
{
	struct node *node = ctx;

	host_on_gap(node->host, origin, first, count);
}

static void
links_renamed(void *ctx, const struct nodeid *id)
{
	struct node *node = ctx;

	node->id = *id;
	host_set_node_id(node->host, id);
}

enum err
links_init(struct node *node)
{
	/* Twice as many as there are at a time: within one turn this node may
	 * take a new id, end its dials and begin others. */
	node->lost_dials = calloc(
	    2 * (node->config->peers.count + MESH_DIALS_MAX),
	    sizeof(struct link *));
	node->mesh_io = (struct mesh_io){
		.ctx = node,
		.spread = links_spread,
		.send = links_send,
		.ping = links_ping,
		.close = links_close,
		.dial = links_dial,
		.queued = links_queued,
		.pressed = links_pressed,
		.now_us = links_now_us,
		.wall_s = links_wall_s,
		.listens = links_listens,
		.deliver = links_deliver,
		.peer = links_peer,
		.gap = links_gap,
		.renamed = links_renamed,
	};
	return node->lost_dials == NULL ? ERR_NOMEM : ERR_OK;
}

bool
links_on_open(struct node *node, struct conn *conn)
{
	struct link *link = conn_user(conn);
	uint64_t now = net_now_ms(node->net);
	char remote[NET_ADDR_LEN];

	(void)conn_remote(conn, remote);
	if (link != NULL) { /* we dialled */
		mesh_on_opened(
		    node->mesh, link, now, conn_id(conn), remote, conn);
		return true;
	}
	if (node->drain != DRAIN_NOT) {
		return false;
	}
	link = mesh_on_accepted(node->mesh, now, conn_id(conn), remote, conn);
	conn_set_user(conn, link);
	return link != NULL;
}

void
links_on_bytes(void *ctx, struct conn *conn)
{
	const struct node *node = ctx;

	if (conn_is_peer(conn)) {
		mesh_on_activity(conn_user(conn), net_now_ms(node->net));
	}
}

void
links_on_closed(struct node *node, struct conn *conn, enum net_closed how)
{
	static const enum mesh_closed closed[] = {
		[NET_CLOSED] = MESH_CLOSED,
		[NET_FAILED] = MESH_DIAL_FAILED,
		[NET_NOT_A_PEER] = MESH_DIAL_NOT_A_PEER,
		[NET_BAD_URL] = MESH_DIAL_BAD_URL,
	};

	mesh_on_closed(
	    node->mesh, conn_user(conn), net_now_ms(node->net), closed[how]);
}
