/* SPDX-License-Identifier: MIT
 * identity.h - what is done when another node has this node's id, or two
 * neighbours have one id (PROTOCOL 2, 4).
 *
 * It takes three signs within a minute: one alone may be a crossing of links,
 * or an echo of this node's life before.  Of a link that was lost here the
 * other side may not know yet, and hold it for a living one. */
#ifndef MESH_IDENTITY_H
#define MESH_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/link.h"

#define IDENTITY_MS       60000u /* three signs within; done at most so often */
#define IDENTITY_APART_MS 5000u  /* BYE 3 sooner than that is one sign */
#define IDENTITY_LOST_MS  10000u /* a link that was lost is lost on both ends */

/* When the last two were, and when something was done about them; 0: never. */
struct identity_signs {
	uint64_t ms[2];
	uint64_t done_ms;
};

struct identity {
	bool is_kept;                 /* beyond this life: never changed */
	bool must_change;             /* with the next tick */
	struct identity_signs others; /* one has this node's id */
	struct identity_signs twins;
};

/* A message of this node's id came, or was announced, that it has not
 * published. */
void identity_on_spoof(struct link *link, uint64_t seq);

/* A BYE 3 came: is the link that it speaks of another's?  Who hears that again
 * and again from those that have the key, and has too few links left, is shut
 * out. */
void identity_on_duplicate(struct link *link);

/* `link` was UP, and is not. */
void identity_on_down(const struct link *link);

/* `link` is refused, as an older life of who lives on over `other`. */
void identity_on_past(struct link *link, const struct link *other);

/* Take a new id if that is due: all links end, and are looked for anew. */
void identity_on_tick(struct mesh *mesh);

#endif
