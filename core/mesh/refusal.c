/* SPDX-License-Identifier: MIT
 * refusal.c - nodes that were too slow, left alone for a minute. */

#include "mesh/inside.h"

void
mesh_refuse(struct mesh *mesh, const struct nodeid *id)
{
	struct mesh_refusal *place = &mesh->refusals[0];

	/* The one of this id, else the one that ends first. */
	for (size_t i = 0; i < MESH_REFUSALS_MAX; i++) {
		struct mesh_refusal *refusal = &mesh->refusals[i];

		if (nodeid_equal(&refusal->id, id)) {
			place = refusal;
			break;
		}
		if (refusal->until_ms < place->until_ms) {
			place = refusal;
		}
	}
	mesh->stats.refusals_lost += place->until_ms > mesh->now_ms &&
	                                     !nodeid_equal(&place->id, id)
	                                 ? 1
	                                 : 0;
	place->id = *id;
	place->until_ms = mesh->now_ms + MESH_REFUSAL_MS;
}

bool
mesh_is_refused(const struct mesh *mesh, const struct nodeid *id)
{
	for (size_t i = 0; i < MESH_REFUSALS_MAX; i++) {
		if (mesh->now_ms < mesh->refusals[i].until_ms &&
		    nodeid_equal(&mesh->refusals[i].id, id)) {
			return true;
		}
	}
	return false;
}
