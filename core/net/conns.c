/* SPDX-License-Identifier: MIT
 * conns.c - all connections of a node, by id: the generation of a slot in the
 * upper half, the slot in the lower. */

#include <stdlib.h>

#include "net/private.h"

static enum err
net_grow_conns(struct net *net)
{
	uint32_t cap = net->conn_cap == 0 ? 64 : net->conn_cap * 2;
	struct conn **conns = realloc(net->conns, cap * sizeof(struct conn *));
	uint32_t *generations;
	uint32_t *free_slots;

	if (conns == NULL) {
		return ERR_NOMEM;
	}
	net->conns = conns;
	generations = realloc(net->generations, cap * sizeof(*generations));
	if (generations == NULL) {
		return ERR_NOMEM;
	}
	net->generations = generations;
	free_slots = realloc(net->free_slots, cap * sizeof(*free_slots));
	if (free_slots == NULL) {
		return ERR_NOMEM;
	}
	net->free_slots = free_slots;
	for (uint32_t i = cap; i-- > net->conn_cap;) {
		conns[i] = NULL;
		generations[i] = 0;
		free_slots[net->free_count++] = i;
	}
	net->conn_cap = cap;
	return ERR_OK;
}

enum err
net_add_conn(struct net *net, struct conn *conn)
{
	uint32_t slot;

	if (net->free_count == 0 && net_grow_conns(net) != ERR_OK) {
		return ERR_NOMEM;
	}
	slot = net->free_slots[--net->free_count];
	net->conns[slot] = conn;
	conn->slot = slot;
	conn->id = (uint64_t)++net->generations[slot] << 32 | slot;
	net->conn_count++;
	return ERR_OK;
}

void
net_remove_conn(struct net *net, struct conn *conn)
{
	net->conns[conn->slot] = NULL;
	/* A slot whose generations are used up is never given out again. */
	if (net->generations[conn->slot] != UINT32_MAX) {
		net->free_slots[net->free_count++] = conn->slot;
	}
	net->conn_count--;
}

struct conn *
net_find(const struct net *net, uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	struct conn *conn = slot < net->conn_cap ? net->conns[slot] : NULL;

	return conn != NULL && conn->id == id ? conn : NULL;
}

size_t
net_conn_count(const struct net *net)
{
	return net->conn_count;
}

size_t
net_undelivered(struct net *net)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < net->conn_cap; i++) {
		if (net->conns[i] != NULL) {
			bytes += conn_queued(net->conns[i]) +
			         conn_unsent(net->conns[i]);
		}
	}
	return bytes;
}

void
net_close_clients(struct net *net, const char *reason)
{
	for (uint32_t i = 0; i < net->conn_cap; i++) {
		struct conn *conn = net->conns[i];

		if (conn == NULL) {
			continue;
		}
		if (conn->state == CONN_OPEN && !conn->peer) {
			conn_end(conn, 1001, reason, true);
		} else if (conn->state == CONN_HANDSHAKE) {
			conn_drop(conn);
		}
	}
}
