/* SPDX-License-Identifier: MIT
 * tree.c - see tree.h. */

#include "mesh/tree.h"

#include <assert.h>
#include <string.h>

#include "mesh/fetch.h"
#include "mesh/inside.h"

enum {
	TREE_MODEL_MS = 60000,  /* a tree used since then is a good model */
	TREE_SEARCH_MS = 250,   /* between searches for one */
	TREE_SEARCH_MAX = 4096, /* origins looked at */
};

static uint64_t
tree_bit(int slot)
{
	return slot == ORIGIN_NO_SLOT ? 0 : UINT64_C(1) << slot;
}

void
tree_on_up(const struct link *link)
{
	struct origin *origin;

	if (link->is_orphan) {
		return; /* nothing is muted nor pruned since tree_on_down */
	}
	TAILQ_FOREACH (origin, &link->mesh->origins.all, by_age) {
		if (origin->parent != ORIGIN_NO_SLOT) {
			origin->mute |= link_bit(link);
		}
	}
}

static void
tree_down_one(struct origin *origin, const struct link *link)
{
	origin->mute &= ~link_bit(link);
	origin->pruned &= ~link_bit(link);
	if (origin->parent == link->slot) {
		origin->parent = ORIGIN_NO_SLOT;
		origin->late = 0;
	}
	if (origin->tried_from == link->slot) {
		origin->tried_from = ORIGIN_NO_SLOT;
	}
	if (origin->grafted == link->slot) {
		origin->grafted = ORIGIN_NO_SLOT;
	}
}

void
tree_on_down(const struct link *link)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin;

	TAILQ_FOREACH (origin, &mesh->origins.all, by_age) {
		tree_down_one(origin, link);
	}
	tree_down_one(&mesh->spread.self, link);
}

/* The lowest id wins, so that all nodes choose the same tree. */
static bool
tree_is_better(const struct origin *model, const struct origin *than)
{
	return than == NULL || nodeid_compare(&model->id, &than->id) < 0;
}

static bool
tree_is_model(const struct mesh *mesh, const struct origin *origin)
{
	if (mesh->now_ms - origin->seen_ms > TREE_MODEL_MS) {
		return false;
	}
	return origin == &mesh->spread.self ? mesh->spread.has_published
	                                    : origin->parent != ORIGIN_NO_SLOT;
}

static const struct origin *
tree_search(const struct mesh *mesh)
{
	const struct origin *best = NULL;
	const struct origin *origin;
	size_t looked = 0;

	if (tree_is_model(mesh, &mesh->spread.self)) {
		best = &mesh->spread.self;
	}
	TAILQ_FOREACH_REVERSE (
	    origin, &mesh->origins.all, origin_list, by_age) {
		if (looked++ == TREE_SEARCH_MAX ||
		    mesh->now_ms - origin->seen_ms > TREE_MODEL_MS) {
			break;
		}
		if (tree_is_model(mesh, origin) &&
		    tree_is_better(origin, best)) {
			best = origin;
		}
	}
	return best;
}

static const struct origin *
tree_model(struct mesh *mesh)
{
	struct spread *spread = &mesh->spread;

	if (spread->model != NULL && tree_is_model(mesh, spread->model)) {
		return spread->model;
	}
	spread->model = NULL;
	if (mesh->now_ms >= spread->model_ms) {
		spread->model_ms = mesh->now_ms + TREE_SEARCH_MS;
		spread->model = tree_search(mesh);
	}
	return spread->model;
}

void
tree_adopt(struct mesh *mesh, struct origin *origin)
{
	const struct origin *model = tree_model(mesh);

	origin->pruned = 0;
	origin->mute = 0;
	if (model != NULL && model != origin) {
		origin->is_adopted = true;
		origin->mute = model->mute & ~tree_bit(model->parent);
	}
}

static void
tree_failed(struct origin *origin)
{
	if (origin->backoff < TREE_BACKOFF) {
		origin->backoff++;
	}
}

static void
tree_set_parent(struct mesh *mesh, struct origin *origin, int slot)
{
	struct spread *spread = &mesh->spread;

	if (spread->model == NULL) {
		spread->model_ms = 0; /* now there is one to be found */
	} else if (origin->parent == ORIGIN_NO_SLOT &&
	           tree_is_better(origin, spread->model)) {
		spread->model = origin;
	}
	/* The old parent has its messages from elsewhere: none of ours. */
	origin->mute |= tree_bit(origin->parent);
	origin->parent = (int8_t)slot;
	origin->late = 0;
}

/* The parent does not push; who takes its place is not left again soon. */
static void
tree_replace(struct mesh *mesh, struct origin *origin, int slot)
{
	tree_set_parent(mesh, origin, slot);
	origin->tried_from = origin->parent;
	tree_failed(origin);
}

/* Say PRUNE over the link, unless that was just done, or this node floods. */
static void
tree_prune(struct link *link, struct origin *origin)
{
	const struct record_run run = { .origin = origin->id };
	struct mesh *mesh = link->mesh;

	if (mesh->floods) {
		return;
	}
	if ((origin->pruned & link_bit(link)) != 0 &&
	    (uint32_t)mesh->now_ms - origin->prune_ms < TREE_PRUNE_MS) {
		return; /* already said, the rest is in flight */
	}
	origin->pruned |= link_bit(link);
	origin->prune_ms = (uint32_t)mesh->now_ms;
	mesh->stats.prunes++;
	spread_send_runs(link, RECORD_PRUNE, &run, 1);
}

static bool
tree_has_waited(const struct origin *origin, uint64_t now_ms)
{
	return (uint32_t)now_ms - origin->try_ms >= TREE_TRY_MS
	                                                << origin->backoff;
}

static void
tree_tried(struct origin *origin, uint64_t now_ms)
{
	origin->try_ms = (uint32_t)now_ms;
	origin->tried_from = origin->parent;
}

static bool
tree_may_try(struct origin *origin, uint64_t now_ms)
{
	if (!tree_has_waited(origin, now_ms)) {
		return false;
	}
	if (origin->tried_from != origin->parent) {
		origin->backoff = 0;
	} else {
		tree_failed(origin);
	}
	tree_tried(origin, now_ms);
	return true;
}

/* Nothing of the origin is in flight; and the last swap from this parent, if
 * there was one, was not just now: who only announces must not win again and
 * again. */
static bool
tree_may_swap(const struct link *to, const struct origin *origin, uint64_t seq)
{
	return seq == origin->window.max && seq == origin->parent_seq &&
	       origin->quiet_ms >= 3 * fetch_timeout_ms(to) &&
	       (origin->tried_from != origin->parent ||
	           tree_has_waited(origin, to->mesh->now_ms));
}

/* `to` becomes the parent because of what it announced, at `would_ms`. */
static void
tree_swap(const struct link *to, struct origin *origin, uint64_t would_ms)
{
	struct mesh *mesh = to->mesh;
	int8_t old = origin->parent;

	assert(old != ORIGIN_NO_SLOT);
	tree_tried(origin, mesh->now_ms);
	if (origin->late > TREE_LATE) {
		tree_replace(mesh, origin, to->slot);
	} else {
		tree_set_parent(mesh, origin, to->slot);
		origin->late = TREE_LATE; /* it only announced so far */
	}
	origin->came_ms = (uint32_t)would_ms;
	origin->prune_ms = (uint32_t)mesh->now_ms - TREE_PRUNE_MS;
	tree_prune(mesh->up[old], origin);
}

/* GRAFT(EAGER) goes over this link now. */
static void
tree_grafted(struct origin *origin, const struct link *link)
{
	origin->pruned &= ~link_bit(link);
	origin->graft_ms = (uint32_t)link->mesh->now_ms;
	origin->grafted = link->slot;
}

/* What came from the parent would have come from `to` at `would_ms`, `lead_ms`
 * earlier: that path is faster and does not lead through us. */
static void
tree_faster(struct link *to, struct origin *origin, uint64_t seq,
    uint64_t would_ms, uint32_t lead_ms)
{
	struct mesh *mesh = to->mesh;
	const struct record_run run = {
		.origin = origin->id,
		.seq = seq,
		.count = 1,
		.flags = GRAFT_EAGER | GRAFT_NODATA,
	};

	if (lead_ms > INT32_MAX || lead_ms < TREE_SWAP_MS) {
		return;
	}
	if (limit_room(to, LIMIT_GRAFT_SENT) == 0) {
		mesh->stats.fetch_limit++; /* with a later message */
		return;
	}
	if (tree_may_swap(to, origin, seq)) {
		tree_swap(to, origin, would_ms);
	} else if (lead_ms < TREE_LEAD_MS ||
	           !tree_may_try(origin, mesh->now_ms)) {
		return;
	}
	/* Both push now: the next first copy decides, and the loser is pruned
	 * as a duplicate. */
	mesh->stats.tries++;
	(void)limit_takes(to, LIMIT_GRAFT_SENT, 1);
	tree_grafted(origin, to);
	spread_send_runs(to, RECORD_GRAFT, &run, 1);
}

void
tree_on_pushed(struct origin *origin)
{
	if (origin->late >= TREE_LATE) {
		origin->backoff = 0;
	}
	origin->late = 0;
}

/* Of a fetched one it is not known when it would have come; but from a parent
 * that does not push they all come like this. */
static void
tree_on_fetched(
    struct origin *origin, uint64_t now_ms, const struct tree_copy *copy)
{
	bool is_known = copy->first != ORIGIN_NO_SLOT &&
	                origin->late <= TREE_LATE;

	tree_brought(origin, is_known ? copy->first_ms : now_ms, copy->seq,
	    copy->quiet_ms);
}

void
tree_on_first(
    struct mesh *mesh, struct origin *origin, const struct tree_copy *copy)
{
	if (copy->slot == ORIGIN_NO_SLOT) {
		return;
	}
	/* A late copy over a link we just pruned changes nothing. */
	if ((origin->pruned & tree_bit(copy->slot)) == 0 &&
	    origin->parent != copy->slot) {
		if (origin->late >= TREE_LATE) {
			tree_replace(mesh, origin, copy->slot);
		} else {
			tree_set_parent(mesh, origin, copy->slot);
		}
	}
	if (origin->parent != copy->slot) {
		return;
	}
	if (copy->is_fetched) {
		tree_on_fetched(origin, mesh->now_ms, copy);
	} else {
		tree_on_next(origin, mesh->now_ms, copy->seq, copy->quiet_ms);
	}
	if (copy->first != ORIGIN_NO_SLOT && copy->first != copy->slot &&
	    !copy->is_fetched) {
		tree_faster(mesh->up[copy->first], origin, copy->seq,
		    copy->first_ms,
		    (uint32_t)mesh->now_ms - (uint32_t)copy->first_ms);
	}
}

void
tree_on_announced(struct link *link, struct origin *origin, uint64_t seq,
    uint32_t here_ms, uint64_t would_ms)
{
	if (origin->parent == ORIGIN_NO_SLOT || origin->parent == link->slot ||
	    seq > origin->parent_seq) {
		return;
	}
	if (seq == origin->parent_seq) {
		here_ms = origin->came_ms;
	}
	tree_faster(link, origin, seq, would_ms, here_ms - (uint32_t)would_ms);
}

void
tree_on_duplicate(
    struct link *link, struct origin *origin, uint64_t seq, bool is_repair)
{
	struct mesh *mesh = link->mesh;

	if (origin == &mesh->spread.self) {
		if (!is_repair) {
			tree_prune(link, origin);
		}
		return;
	}
	if (origin->parent == ORIGIN_NO_SLOT &&
	    (origin->pruned & link_bit(link)) == 0) {
		tree_set_parent(mesh, origin, link->slot);
	} else if (origin->parent != link->slot && !is_repair) {
		tree_prune(link, origin);
	}
	if (origin->parent == link->slot && seq > origin->parent_seq) {
		origin->parent_seq = seq;
	}
}

void
tree_on_prune(struct link *link, struct record_array *list)
{
	struct record_run run;

	while (record_array_next(list, &run)) {
		struct origin *origin = spread_find(link->mesh, &run.origin);

		if (origin != NULL) {
			origin->mute |= link_bit(link);
		}
	}
}

/* Has another link been told to push, and time to answer? */
static bool
tree_is_grafting(const struct mesh *mesh, const struct origin *origin)
{
	return origin->grafted != ORIGIN_NO_SLOT &&
	       (uint32_t)mesh->now_ms - origin->graft_ms <
	           fetch_timeout_ms(mesh->up[origin->grafted]);
}

bool
tree_graft(struct link *link, struct origin *origin, uint64_t seq)
{
	bool has_parent = origin->parent != ORIGIN_NO_SLOT;

	if ((has_parent && origin->parent_seq >= seq) ||
	    tree_is_grafting(link->mesh, origin)) {
		return false;
	}
	if (has_parent && origin->late <= TREE_LATE) {
		origin->late++;
	}
	tree_grafted(origin, link);
	link->mesh->stats.grafts++;
	return true;
}

uint64_t
tree_idle(const struct origin *origin)
{
	return origin->late >= TREE_LATE ? tree_bit(origin->parent) : 0;
}

void
tree_uses(const struct mesh *mesh, size_t uses[MESH_LINKS_MAX])
{
	const struct origin *origin;

	memset(uses, 0, MESH_LINKS_MAX * sizeof(*uses));
	TAILQ_FOREACH (origin, &mesh->origins.all, by_age) {
		uint64_t left = mesh->up_slots & ~origin->mute;

		if (origin->parent == ORIGIN_NO_SLOT) {
			continue;
		}
		left |= UINT64_C(1) << origin->parent;
		for (; left != 0; left &= left - 1) {
			uses[__builtin_ctzll(left)]++;
		}
	}
}
