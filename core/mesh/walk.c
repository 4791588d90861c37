/* SPDX-License-Identifier: MIT
 * walk.c - see views.h: newcomers are carried to random places. */

#include <string.h>

#include "mesh/inside.h"
#include "mesh/views.h"

enum {
	WALK_LEARN_TTL = 3, /* who meets it here remembers the newcomer */
};

/* Hand it to a random link that has not had too many, not back to `except` nor
 * to the newcomer itself.  False: there is none. */
static bool
walk_pass(const struct link *except, const struct record_walk *walk)
{
	struct mesh *mesh = except->mesh;
	struct link *pick = NULL;
	struct link *link;
	uint64_t seen = 0;

	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		if (link != except &&
		    !nodeid_equal(&link->node_id, &walk->peer.node_id) &&
		    limit_room(link, LIMIT_WALK_SENT) > 0 &&
		    rng_below(mesh->rng, ++seen) == 0) {
			pick = link;
		}
	}
	if (pick == NULL) {
		return false;
	}
	if (limit_takes(pick, LIMIT_WALK_SENT, 1) &&
	    link_send(pick, record_walk_encode(mesh_scratch(mesh), walk))) {
		mesh->stats.walks++;
	}
	return true;
}

void
walk_begin(struct link *link)
{
	const struct record_walk walk = {
		.ttl = VIEWS_WALK_TTL,
		.peer = views_peer(&link->node_id, link->addr),
	};
	struct mesh *mesh = link->mesh;

	if (!mesh->views.is_auto || link->is_leaf || walk.peer.addr.len == 0) {
		return;
	}
	if (mesh->up_slots != 0 && !walk_pass(link, &walk)) {
		mesh->stats.walk_busy++;
	}
}

/* Here it ends: a link with the newcomer, or at least its address. */
static void
walk_end(struct mesh *mesh, const struct view *view)
{
	mesh->stats.walk_ends++;
	if (mesh->stats.links_up + link_count_dials(mesh, UINT64_MAX) >=
	        mesh->views.links_max ||
	    !seek_dial(mesh, view, 0)) {
		views_store(mesh, &view->id, view->addr);
	}
}

static void
walk_on(struct link *link, struct record_walk *walk)
{
	struct mesh *mesh = link->mesh;
	struct view view = { .id = walk->peer.node_id };

	if (walk->ttl > VIEWS_WALK_TTL) {
		walk->ttl = VIEWS_WALK_TTL;
	}
	if (nodeid_equal(&view.id, &mesh->node_id) ||
	    !views_take_addr(link, &walk->peer, view.addr)) {
		return;
	}
	if (walk->ttl == WALK_LEARN_TTL) {
		views_store(mesh, &view.id, view.addr);
	}
	if (walk->ttl == 0) {
		walk_end(mesh, &view);
		return;
	}
	walk->ttl--;
	if (!walk_pass(link, walk)) {
		walk_end(mesh, &view);
	}
}

void
walk_on_record(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_walk walk;

	if (record_walk_decode(record, &walk) != ERR_OK) {
		link_violate(link, 1002, "malformed WALK");
	} else if (!limit_takes(link, LIMIT_WALK, 1)) {
		mesh->stats.walk_limit++;
	} else if (!mesh->views.is_auto) {
		mesh->stats.ignored++;
	} else {
		walk_on(link, &walk);
	}
}
