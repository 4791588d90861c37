/* SPDX-License-Identifier: MIT
 * turn.c - the end of a turn of the loop: what was queued is written, what has
 * ended is buried. */

#include "net/private.h"

/* A doomed connection lets go of lws, then of its owner, then of memory. */
static void
net_bury(struct net *net, struct conn *conn)
{
	bool dialled = conn->dial != NULL;

	conn_release(conn);
	if (conn->wsi != NULL) {
		struct lws *wsi = conn->wsi;

		conn->wsi = NULL;
		lws_set_opaque_user_data(wsi, NULL);
		lws_set_timeout(
		    wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
	}
	if (dialled && !conn->opened && conn->how == NET_FAILED &&
	    !net->stopping) {
		conn->doomed = false;
		if (dial_next(conn)) {
			return;
		}
	}
	if (dialled && !conn->opened) {
		net->stats.dial_failures++;
	}
	if (dialled || conn->opened) {
		net->handler->on_closed(
		    net->handler->ctx, conn, (enum net_closed)conn->how);
	}
	conn_destroy(conn);
}

static void
net_bury_all(struct net *net)
{
	while (net->doomed != NULL) {
		struct conn *conn = net->doomed;

		net->doomed = conn->next_doomed;
		conn->next_doomed = NULL;
		if (conn->dirty) { /* the dirty list still names it */
			conn->next_doomed = net->doomed;
			net->doomed = conn;
			return;
		}
		net_bury(net, conn);
	}
}

static void
net_flush_all(struct net *net)
{
	share_settle(net);
	while (net->dirty != NULL) {
		struct conn *conn = net->dirty;

		net->dirty = conn->next_dirty;
		conn->next_dirty = NULL;
		conn->dirty = false;
		conn_flush(conn);
	}
}

/* The connection in `state` that holds most, if any holds anything. */
static struct conn *
net_find_largest(struct net *net, enum conn_state state)
{
	struct conn *largest = NULL;
	size_t most = 0;

	for (uint32_t i = 0; i < net->conn_cap; i++) {
		struct conn *conn = net->conns[i];

		if (conn != NULL && conn->state == state &&
		    conn_queued(conn) > most) {
			largest = conn;
			most = conn_queued(conn);
		}
	}
	return largest;
}

/* Over the cap of the pool: the largest connection is treated as at HARD,
 * but first those go that were closed already and still hold something. */
static void
net_enforce_cap(struct net *net)
{
	struct conn *largest;

	if (LIKELY(net->pool->bytes <= net->config.buffers_max)) {
		return;
	}
	largest = net_find_largest(net, CONN_CLOSING);
	if (largest != NULL) {
		conn_drop(largest);
		return;
	}
	largest = net_find_largest(net, CONN_OPEN);
	if (largest != NULL) {
		net->stats.closed_slow++;
		net->handler->on_stalled(net->handler->ctx, largest);
	}
}

/* Whose message was begun first, of those that take memory. */
static struct conn *
net_find_slowest(struct net *net)
{
	struct conn *slowest = NULL;

	for (uint32_t i = 0; i < net->conn_cap; i++) {
		struct conn *conn = net->conns[i];

		if (conn != NULL && conn->held > 0 &&
		    (slowest == NULL || conn->began_ms < slowest->began_ms)) {
			slowest = conn;
		}
	}
	return slowest;
}

/* Many who begin messages and do not end them must not take what others need:
 * the slowest go, before their time is over. */
static void
net_enforce_assembly(struct net *net)
{
	while (UNLIKELY(net->assembled > net->config.assembly_max)) {
		conn_give_up_message(net_find_slowest(net));
	}
}

void
net_settle(struct net *net)
{
	/* Burying tells handlers, who may send: so until nothing is left. */
	do {
		net_flush_all(net);
		net_bury_all(net);
	} while (net->dirty != NULL || net->doomed != NULL);
}

void
net_end_turn(struct net *net)
{
	net->handler->on_turn(net->handler->ctx);
	net_settle(net);
	net_enforce_cap(net);
	net_enforce_assembly(net);
}
