/* SPDX-License-Identifier: MIT
 * overlay.c - see overlay.h. */

#include "sim/overlay.h"

#include "sim/vnet.h"
#include "sim/world.h"

enum { OVERLAY_SAMPLE_MS = 100 };

/* Union and find, halving the paths. */
static uint32_t
overlay_find(struct vnode *nodes, uint32_t node)
{
	while (nodes[node].part != node) {
		nodes[node].part = nodes[nodes[node].part].part;
		node = nodes[node].part;
	}
	return node;
}

/* Liars pass nothing on, strangers get nothing. */
static bool
overlay_counts(const struct vnode *node)
{
	return vnode_is_on(node) && vnode_is_honest(node);
}

uint32_t
overlay_parts(const struct world *world, uint32_t *live)
{
	struct vnode *nodes = world->nodes;
	uint32_t count = world->config.nodes;
	uint32_t parts;
	const struct vconn *conn;

	*live = 0;
	for (uint32_t i = 0; i < count; i++) {
		nodes[i].part = i;
		*live += overlay_counts(&nodes[i]) ? 1 : 0;
	}
	parts = *live;
	LIST_FOREACH (conn, &world->conns, conn_entry) {
		uint32_t a;
		uint32_t b;

		if (!vnet_is_up(conn) || !overlay_counts(conn->end[0].node) ||
		    !overlay_counts(conn->end[1].node)) {
			continue;
		}
		a = overlay_find(nodes, conn->end[0].node->index);
		b = overlay_find(nodes, conn->end[1].node->index);
		if (a != b) {
			nodes[a].part = b;
			parts--;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		nodes[i].part = overlay_find(nodes, i);
	}
	return parts;
}

bool
overlay_may_part(const struct world *world)
{
	return world->config.is_static && world->config.crash_percent > 0;
}

void
overlay_measure(const struct world *world)
{
	struct sim_result *result = world->result;
	uint64_t sum = 0;
	uint32_t live = 0;

	result->links_min = UINT32_MAX;
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		const struct vnode *node = &world->nodes[i];
		uint32_t links;

		if (node->mesh == NULL) {
			continue;
		}
		links = (uint32_t)mesh_stats(node->mesh)->links_up;
		live++;
		sum += links;
		result->links_min = links < result->links_min
		                        ? links
		                        : result->links_min;
		result->links_max = links > result->links_max
		                        ? links
		                        : result->links_max;
	}
	result->links_mean = sim_ratio(sum, live);
}

void
overlay_sample(struct world *world)
{
	struct sim_result *result = world->result;
	bool is_early = world->now_us < world->begins_us[PHASE_EVENT];
	uint32_t all = world->config.nodes - world->config.strangers -
	               world->config.liars;
	uint32_t live;
	bool is_whole = overlay_parts(world, &live) == 1;

	if (is_early && is_whole && live == all) {
		if (result->joined_s < 0) {
			result->joined_s = (double)world->now_us /
			                   (double)US_PER_S;
		}
		return;
	}
	if (!is_early && is_whole) {
		result->whole_s = (double)(world->now_us -
		                           world->faults.struck_us) /
		                  (double)US_PER_S;
		return;
	}
	world_at(world, world->now_us + OVERLAY_SAMPLE_MS * US_PER_MS,
	    EVENT_SAMPLE, NULL, world->faults.samples);
}
