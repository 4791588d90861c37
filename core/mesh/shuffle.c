/* SPDX-License-Identifier: MIT
 * shuffle.c - see views.h: neighbours tell each other whom they know. */

#include "mesh/inside.h"
#include "mesh/views.h"

static void
shuffle_send(struct link *link, bool is_reply)
{
	struct mesh *mesh = link->mesh;
	struct record_shuffle shuffle = { .is_reply = is_reply };

	views_sample(mesh, link, true, &shuffle.peers);
	if (link_send(
	        link, record_shuffle_encode(mesh_scratch(mesh), &shuffle))) {
		link->is_asked = link->is_asked || !is_reply;
	}
}

void
shuffle_begin(struct mesh *mesh)
{
	struct link *link = views_random_link(mesh, NULL);

	if (link != NULL) {
		mesh->stats.shuffles++;
		shuffle_send(link, false);
	}
}

void
shuffle_on_record(
    struct link *link, uint64_t now_ms, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_shuffle shuffle;

	if (record_shuffle_decode(record, &shuffle) != ERR_OK) {
		link_violate(link, now_ms, 1002, "malformed SHUFFLE");
		return;
	}
	if (!shuffle.is_reply && !limit_takes(link, now_ms, LIMIT_SHUFFLE, 1)) {
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
	views_learn_all(mesh, link, &shuffle.peers);
}
