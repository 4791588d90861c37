/* SPDX-License-Identifier: MIT
 * check.c - see check.h. */

#include "sim/check.h"

#include "sim/inspect.h"
#include "sim/overlay.h"
#include "sim/shape.h"
#include "sim/vnet.h"
#include "sim/world.h"

enum { CHECK_YOUNG_S = 2 }; /* a connection whose ends may differ */

/* The peers of one node so far. */
struct check_peers {
	const struct vnode *node;
	struct nodeid ids[MESH_LINKS_MAX];
	unsigned count;
};

static void
check_peer(void *ctx, const struct mesh_peer *peer)
{
	struct check_peers *peers = ctx;
	const struct vnode *node = peers->node;

	if (nodeid_equal(&peer->node_id, &node->id)) {
		world_violation(
		    node->world, "node %u has a link to itself", node->index);
	}
	for (unsigned i = 0; i < peers->count; i++) {
		if (nodeid_equal(&peer->node_id, &peers->ids[i])) {
			world_violation(node->world,
			    "node %u has two links to one peer", node->index);
		}
	}
	if (peers->count < MESH_LINKS_MAX) {
		peers->ids[peers->count++] = peer->node_id;
	}
}

void
check_node(const struct vnode *node)
{
	struct check_peers peers = { .node = node };
	bool is_static = node->world->config.is_static;
	const char *wrong = inspect_check(node->mesh);

	if (wrong != NULL) {
		world_violation(node->world, "node %u: %s", node->index, wrong);
	}
	mesh_each_peer(node->mesh, check_peer, &peers);
	if (vnode_is_stranger(node) && mesh_stats(node->mesh)->received > 0) {
		world_violation(node->world,
		    "node %u has not the key, and got "
		    "a message",
		    node->index);
	}
	if (!is_static && peers.count > MESH_LINKS_CAP) {
		world_violation(node->world, "node %u has %u links",
		    node->index, peers.count);
	}
}

/* True if nothing is on its way that could still change an end. */
static bool
check_is_calm(const struct vconn *conn)
{
	const struct world *world = conn->world;

	if (world->now_us - conn->began_us < CHECK_YOUNG_S * US_PER_S) {
		return false;
	}
	for (int i = 0; i < 2; i++) {
		const struct vend *end = &conn->end[i];

		if (end->flight.first != NULL || end->queued > 0 ||
		    end->state == VEND_CLOSING || end->state == VEND_DROPPED ||
		    end->node->is_paused) {
			return false;
		}
	}
	return true;
}

static bool
vend_is_up(const struct vend *end)
{
	return end->state == VEND_OPEN && link_is_up(end->link);
}

static bool
check_is_whole(const struct vconn *conn)
{
	return conn->end[0].state == VEND_OPEN &&
	       conn->end[1].state == VEND_OPEN;
}

/* While hosts vanish one end may not know yet; of a connection that is whole
 * both do. */
static void
check_symmetry(struct world *world, bool is_over)
{
	const struct vconn *conn;

	LIST_FOREACH (conn, &world->conns, conn_entry) {
		if ((is_over || check_is_whole(conn)) && check_is_calm(conn) &&
		    vend_is_up(&conn->end[0]) != vend_is_up(&conn->end[1])) {
			world_violation(world,
			    "the link of nodes %u and %u is up at one end",
			    conn->end[0].node->index, conn->end[1].node->index);
		}
	}
}

void
check_world(struct world *world)
{
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		if (world->nodes[i].mesh != NULL) {
			check_node(&world->nodes[i]);
		}
	}
	check_symmetry(world, false);
}

static bool
check_are_linked(const struct world *world, const struct vnode *one,
    const struct vnode *other)
{
	const struct vconn *conn;

	LIST_FOREACH (conn, &world->conns, conn_entry) {
		const struct vnode *dialler = conn->end[0].node;
		const struct vnode *listener = conn->end[1].node;

		if (vnet_is_up(conn) &&
		    ((dialler == one && listener == other) ||
		        (dialler == other && listener == one))) {
			return true;
		}
	}
	return false;
}

/* Every link that is given is there again. */
static void
check_given(struct world *world)
{
	uint32_t given[SHAPE_GIVEN_MAX];

	for (uint32_t i = 0; i < world->config.nodes; i++) {
		const struct vnode *node = &world->nodes[i];
		size_t count = shape_given(&world->config, i, given);

		for (size_t j = 0; j < count; j++) {
			const struct vnode *to = &world->nodes[given[j]];

			if (to != node && vnode_is_on(node) &&
			    vnode_is_on(to) &&
			    !check_are_linked(world, node, to)) {
				world_violation(world,
				    "node %u is not linked to node %u, which "
				    "it was given",
				    i, given[j]);
			}
		}
	}
}

void
check_end(struct world *world)
{
	const struct sim_result *result = world->result;

	check_world(world);
	check_symmetry(world, true);
	if (world->config.is_static && world->config.promises) {
		check_given(world);
	}
	if (!overlay_may_part(world) && result->parts > 1) {
		world_violation(world, "%u parts at the end", result->parts);
	}
	for (int i = 0;
	     i < ROW_COUNT && world->config.promises && !world->config.forges;
	     i++) {
		if (result->rows[i].missing > 0) {
			world_violation(world,
			    "%llu messages neither delivered nor reported "
			    "as gaps; the first is of node %u at %.6f s, for "
			    "node %u",
			    (unsigned long long)result->rows[i].missing,
			    result->lost_source, result->lost_s,
			    result->lost_node);
		}
	}
}
