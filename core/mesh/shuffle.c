/* SPDX-License-Identifier: MIT
 * shuffle.c - see views.h: neighbours tell each other whom they know. */

#include "mesh/inside.h"
#include "mesh/views.h"

static void
shuffle_send(struct link *link, bool is_reply)
{
	struct mesh *mesh = link->mesh;
	struct record_shuffle shuffle = { .is_reply = is_reply };

	views_sample(link, true, &shuffle.peers);
	if (link_send(
	        link, record_shuffle_encode(mesh_scratch(mesh), &shuffle))) {
		link->is_asked = link->is_asked || !is_reply;
	}
}

void
shuffle_begin(struct mesh *mesh)
{
	struct link *pick = NULL;
	struct link *link;
	uint64_t seen = 0;

	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		if (rng_below(mesh->rng, ++seen) == 0) {
			pick = link;
		}
	}
	if (pick != NULL) {
		mesh->stats.shuffles++;
		shuffle_send(pick, false);
	}
}

void
shuffle_on_record(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_shuffle shuffle;

	if (record_shuffle_decode(record, &shuffle) != ERR_OK) {
		link_violate(link, 1002, "malformed SHUFFLE");
		return;
	}
	if (!shuffle.is_reply && !limit_takes(link, LIMIT_SHUFFLE, 1)) {
		mesh->stats.shuffle_limit++;
		return;
	}
	if (!mesh->views.is_auto || (shuffle.is_reply && !link->is_asked)) {
		mesh->stats.ignored++;
		return;
	}
	if (shuffle.is_reply) {
		link->is_asked = false;
	} else {
		shuffle_send(link, true);
	}
	views_learn(link, &shuffle.peers);
}
