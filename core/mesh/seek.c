/* SPDX-License-Identifier: MIT
 * seek.c - see views.h: the dials of a mesh that finds its own links. */

#include <string.h>

#include "mesh/inside.h"
#include "mesh/tree.h"
#include "mesh/views.h"

enum {
	SEEK_PART = 1024,       /* parts of an interval */
	SEEK_LOST_ONE_IN = 4,   /* rewires go to a lost address */
	SEEK_PROBE_ONE_IN = 16, /* to a bootstrap address that works */
	SEEK_DENIED = 2,        /* refusals, then HIGH */
};

void
seek_start(struct mesh *mesh)
{
	struct views *views = &mesh->views;

	if (!views->is_auto) {
		return;
	}
	/* A moment for the bootstrap addresses: what was learned in an earlier
	 * life may be gone. */
	views->fill_ms = mesh->now_ms + VIEWS_LOSS_MS;
	views->shuffle_ms = mesh->now_ms +
	                    rng_below(mesh->rng, VIEWS_SHUFFLE_MS);
	views->rewire_ms = mesh->now_ms;
	views->rewire_part = rng_below(mesh->rng, SEEK_PART);
	mesh_wake_at(mesh, views->fill_ms);
}

/* Linked, or about to be. */
static bool
seek_is_near(const struct mesh *mesh, const struct view *view)
{
	for (const struct link *link = mesh->links; link != NULL;
	     link = link->next) {
		if (link_is_dial(link) &&
		    (strcmp(link->addr, view->addr) == 0 ||
		        nodeid_equal(&link->wanted, &view->id))) {
			return true;
		}
	}
	return link_find(mesh, &view->id, NULL) != NULL;
}

static bool
seek_is_recent(const struct mesh *mesh, const struct view *view)
{
	return recent_has(mesh, RECENT_DIALLED, view->addr, strlen(view->addr));
}

bool
seek_dial(struct mesh *mesh, const struct view *view, uint16_t flags)
{
	struct link *link;

	if (mesh->stopped ||
	    link_count_dials(mesh, UINT64_MAX) >= MESH_DIALS_MAX ||
	    mesh->stats.links_up >= views_cap(mesh) ||
	    seek_is_near(mesh, view)) {
		return false;
	}
	if (seek_is_recent(mesh, view)) {
		mesh->stats.dial_limit++;
		return false;
	}
	recent_put(mesh, RECENT_DIALLED, view->addr, strlen(view->addr),
	    VIEWS_AGAIN_MS);
	link = link_dial(mesh, view->addr, flags);
	if (link != NULL) {
		link->wanted = view->id;
	}
	return link != NULL;
}

/* Dial a random entry that may be dialled.  False: there is none. */
static bool
seek_any(struct mesh *mesh, const struct view_list *list, uint16_t flags)
{
	const struct view *pick = NULL;
	uint64_t seen = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct view *view = &list->views[i];

		if (!seek_is_recent(mesh, view) && !seek_is_near(mesh, view) &&
		    !mesh_is_refused(mesh, &view->id) &&
		    rng_below(mesh->rng, ++seen) == 0) {
			pick = view;
		}
	}
	return pick != NULL && seek_dial(mesh, pick, flags);
}

uint16_t
seek_urgency(const struct mesh *mesh)
{
	return mesh->views.denied >= SEEK_DENIED && views_lively(mesh) == 0
	           ? HELLO_HIGH
	           : 0;
}

static void
seek_fill(struct mesh *mesh)
{
	struct views *views = &mesh->views;

	while (views_are_low(mesh) &&
	       seek_any(mesh, &views->passive, seek_urgency(mesh))) {
	}
	/* Nothing else is left; or others were lost with a link, and who is
	 * cut off with a few may know the rest only as lost. */
	if (link_count_dials(mesh, UINT64_MAX) == 0 &&
	    (mesh->up_slots == 0 ||
	        (views_are_low(mesh) && views->down_ms != 0 &&
	            mesh->now_ms - views->down_ms < VIEWS_ALARM_MS))) {
		(void)seek_any(mesh, &views->lost, seek_urgency(mesh));
	}
	/* Dials and walks that met may have made too many; silent links may
	 * have been replaced, and be back. */
	if (views_lively(mesh) > views->links_max) {
		views_evict(mesh, NULL);
	}
}

/* Nearly all links silent: others must make room. */
static void
seek_company(struct mesh *mesh)
{
	struct views *views = &mesh->views;

	if ((uint64_t)views_lively(mesh) * VIEWS_LIVELY_PART >=
	        mesh->stats.links_up ||
	    mesh->now_ms < views->isolated_ms) {
		return;
	}
	views->isolated_ms = mesh->now_ms + mesh->ping_ms + VIEWS_SILENT_MS;
	mesh->stats.isolated++;
	for (size_t i = 0; i < VIEWS_ISOLATED_DIALS; i++) {
		if (!seek_any(mesh, &views->passive, HELLO_HIGH)) {
			break;
		}
	}
}

/* A small passive view means a small network: be quicker. */
static uint64_t
seek_rewire_at(const struct views *views)
{
	uint64_t fill = views->passive.count > VIEWS_PASSIVE_MAX / 8
	                    ? views->passive.count
	                    : VIEWS_PASSIVE_MAX / 8;
	uint64_t every_ms = VIEWS_REWIRE_MS * fill / VIEWS_PASSIVE_MAX;

	return views->rewire_ms + every_ms * views->rewire_part / SEEK_PART;
}

static void
seek_rewire(struct mesh *mesh)
{
	struct views *views = &mesh->views;
	size_t seeds = bootstrap_lost_count(mesh);
	size_t lost = views->lost.count + seeds;
	bool has_dialled = false;

	views->rewire_ms = mesh->now_ms;
	views->rewire_part = rng_around(mesh->rng, SEEK_PART, 20);
	if (lost > 0 && (views->passive.count == 0 ||
	                    rng_below(mesh->rng, SEEK_LOST_ONE_IN) == 0)) {
		has_dialled = rng_below(mesh->rng, lost) < seeds
		                  ? bootstrap_dial_any(mesh, true, HELLO_REWIRE)
		                  : seek_any(mesh, &views->lost, HELLO_REWIRE);
	} else if (rng_below(mesh->rng, SEEK_PROBE_ONE_IN) == 0) {
		has_dialled = bootstrap_dial_any(mesh, false, 0);
	}
	if (!has_dialled && mesh->stats.links_up >= views->links_min) {
		has_dialled = seek_any(mesh, &views->passive, HELLO_REWIRE);
	}
	mesh->stats.rewires += has_dialled ? 1 : 0;
}

void
seek_on_tick(struct mesh *mesh)
{
	struct views *views = &mesh->views;

	if (!views->is_auto || mesh->stopped) {
		return;
	}
	if (views->fill_ms <= mesh->now_ms) {
		views->fill_ms = mesh->now_ms +
		                 rng_around(mesh->rng, VIEWS_FILL_MS, 20);
		seek_company(mesh);
		seek_fill(mesh);
		if (seek_rewire_at(views) <= mesh->now_ms) {
			seek_rewire(mesh);
		}
	}
	if (views->shuffle_ms <= mesh->now_ms) {
		views->shuffle_ms = mesh->now_ms +
		                    rng_around(mesh->rng, VIEWS_SHUFFLE_MS, 20);
		shuffle_begin(mesh);
	}
	mesh_wake_at(mesh, views->fill_ms);
	mesh_wake_at(mesh, views->shuffle_ms);
}

void
views_evict(struct mesh *mesh, const struct link *keep)
{
	size_t uses[MESH_LINKS_MAX];
	struct link *pick = NULL;
	struct link *link;
	size_t least = SIZE_MAX;
	uint64_t seen = 0;

	tree_uses(mesh, uses);
	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		size_t use;

		if (link == keep) {
			continue;
		}
		use = views_is_lively(link) ? 1 + uses[link->slot] : 0;
		if (use < least) {
			least = use;
			seen = 0;
		}
		if (use == least && rng_below(mesh->rng, ++seen) == 0) {
			pick = link;
		}
	}
	if (pick != NULL) {
		mesh->stats.evicted++;
		link_bye(pick, BYE_EVICTED);
	}
}

bool
views_make_room(struct link *link)
{
	struct mesh *mesh = link->mesh;
	struct views *views = &mesh->views;

	if (!views->is_auto) {
		return mesh->up_slots != UINT64_MAX;
	}
	if (views_lively(mesh) < views->links_max &&
	    mesh->stats.links_up < views_cap(mesh)) {
		return true;
	}
	if ((link->hello_flags & (HELLO_HIGH | HELLO_REWIRE)) == 0 ||
	    mesh->now_ms < views->evict_ms) {
		return false;
	}
	views->evict_ms = mesh->now_ms + VIEWS_EVICT_MS;
	views_evict(mesh, link);
	return mesh->stats.links_up < views_cap(mesh);
}
