/* SPDX-License-Identifier: MIT
 * flow.c - see flow.h. */

#include "mesh/flow.h"

#include "mesh/inside.h"

/* Pauses have had their time; or they are not enough, and HARD comes near: one
 * message alone says nothing of the link. */
static bool
flow_is_congested(const struct link *link, size_t queued)
{
	const struct mesh *mesh = link->mesh;
	size_t way = (mesh->hard - mesh->soft) / FLOW_NEAR;
	size_t one = mesh->max_message + RECORD_DATA_OVERHEAD;

	return queued > mesh->soft + (way > one ? way : one) ||
	       mesh->now_ms - link->over_ms >= FLOW_PRESS_MS;
}

static void
flow_check_link(struct link *link)
{
	struct mesh *mesh = link->mesh;
	uint64_t bit = link_bit(link);
	size_t queued = mesh->io->queued(mesh->io->ctx, link);

	if (queued > mesh->hard) {
		link_too_slow(link);
		return;
	}
	if (queued <= mesh->soft / 2) {
		mesh->spread.congested &= ~bit;
	}
	if (queued <= mesh->soft) {
		link->is_over = false;
		return;
	}
	if (!link->is_over) {
		link->is_over = true;
		link->over_ms = mesh->now_ms;
	}
	mesh->io->pressed(mesh->io->ctx, link);
	if ((mesh->spread.congested & bit) == 0 &&
	    flow_is_congested(link, queued)) {
		mesh->spread.congested |= bit;
		mesh->stats.congested++;
	}
}

void
flow_look(struct mesh *mesh)
{
	struct spread *spread = &mesh->spread;
	bool again = false;
	struct link *link;

	mesh->unchecked = 0;
	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		flow_check_link(link);
		again |= link->state == LINK_UP && link->is_over;
	}
	again |= spread->congested != 0;
	spread->flow_ms = again ? mesh->now_ms + FLOW_LOOK_MS : UINT64_MAX;
	mesh_wake_at(mesh, spread->flow_ms);
}
