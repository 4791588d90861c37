/* SPDX-License-Identifier: MIT
 * tree.h - which links an origin's messages come and go by (PROTOCOL 5, 9).
 *
 * Edges are directed, per origin: payload flows from parent to child.  A link
 * is muted when its peer said PRUNE, or at UP: it gets announcements.  It is
 * pruned when we said PRUNE: nothing new should come over it. */
#ifndef MESH_TREE_H
#define MESH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/link.h"
#include "mesh/origin.h"
#include "wire/record_array.h"

#define TREE_PRUNE_MS 1000u /* before PRUNE is said again */
#define TREE_TRY_MS   1000u /* from a try in vain to the next, doubled */
#define TREE_BACKOFF  6u    /* times at the most */
#define TREE_SWAP_MS  2u    /* earlier: worth a swap, if nothing is in flight */
#define TREE_WIRE     12500u /* bytes a ms: an announcement has no payload */
#define TREE_LEAD_MS  10u    /* earlier: worth a try, with a second copy */
#define TREE_LATE     3u     /* GRAFTs in a row: the parent does not push */

/* A first copy came. */
struct tree_copy {
	int slot; /* ORIGIN_NO_SLOT: of a link that is closing */
	uint64_t seq;
	int first;         /* who announced it before, or ORIGIN_NO_SLOT */
	uint64_t first_ms; /* when it would have come from there */
	bool is_fetched;   /* somebody was asked for it */
	uint64_t quiet_ms; /* since the first copy before it */
};

/* PROTOCOL 5: what a link's coming and going does to every tree. */
void tree_on_up(const struct link *link);
void tree_on_down(const struct link *link);

/* A new origin starts on the tree of another, so that its first message does
 * not flood: a spanning tree serves any root. */
void tree_adopt(struct mesh *mesh, struct origin *origin);

void tree_on_first(
    struct mesh *mesh, struct origin *origin, const struct tree_copy *copy);
/* The parent, of which that was not certain, does push. */
void tree_on_pushed(struct origin *origin);
/* The parent has brought `seq`, or would have, `quiet_ms` after the one
 * before. */
static inline void
tree_brought(
    struct origin *origin, uint64_t came_ms, uint64_t seq, uint64_t quiet_ms)
{
	if (seq > origin->parent_seq) {
		origin->parent_seq = seq;
		origin->came_ms = (uint32_t)came_ms;
		origin->quiet_ms = quiet_ms < UINT32_MAX ? (uint32_t)quiet_ms
		                                         : UINT32_MAX;
	}
}
/* The same for the usual case: the next message, from the parent, `quiet_ms`
 * after the one before. */
static inline void
tree_on_next(
    struct origin *origin, uint64_t now_ms, uint64_t seq, uint64_t quiet_ms)
{
	tree_brought(origin, now_ms, seq, quiet_ms);
	if (UNLIKELY(origin->late != 0)) {
		tree_on_pushed(origin);
	}
}
/* The link announced a message that is here since `here_ms` (wraps): it would
 * have brought it at `would_ms`. */
void tree_on_announced(struct link *link, struct origin *origin, uint64_t seq,
    uint32_t here_ms, uint64_t would_ms);
/* One more copy came over the link; `is_repair`: on demand. */
void tree_on_duplicate(
    struct link *link, struct origin *origin, uint64_t seq, bool is_repair);

/* PRUNE came. */
void tree_on_prune(struct link *link, struct record_array *list);

/* `seq` is asked for over the link.  True: with GRAFT(EAGER), as the parent has
 * sent nothing newer, or there is none, and no other link has been told to push
 * that may still answer. */
bool tree_graft(struct link *link, struct origin *origin, uint64_t seq);
/* The link of a parent that does not push, as a mask: who else has a message
 * is asked first. */
uint64_t tree_idle(const struct origin *origin);

/* How many trees use each link that is UP, by slot. */
void tree_uses(const struct mesh *mesh, size_t uses[MESH_LINKS_MAX]);

#endif
