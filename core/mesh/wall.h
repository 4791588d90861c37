/* SPDX-License-Identifier: MIT
 * wall.h - boots that are ahead of the wall clock (PROTOCOL 2).
 *
 * The mesh does not read a clock: what it knows of the time outside is that of
 * its start and what has passed since, without the stops that its own time
 * leaves out.  Only when a boot seems to be from the future its owner is asked
 * (mesh_io.wall_s): the host may have slept, or the clock was wrong and is
 * right now.  The time that is known never goes back. */
#ifndef MESH_WALL_H
#define MESH_WALL_H

#include "mesh/inside.h"

/* What wall_is_ahead calls. */
bool wall_refuses(struct mesh *mesh, const struct nodeid *id, uint64_t boot,
    uint32_t ahead_s);

/* Is this boot of `id` more than `ahead_s` from now?  Then it was counted and
 * logged. */
static inline bool
wall_is_ahead(
    struct mesh *mesh, const struct nodeid *id, uint64_t boot, uint32_t ahead_s)
{
	return UNLIKELY(boot > (uint64_t)mesh_wall_s(mesh) + ahead_s) &&
	       wall_refuses(mesh, id, boot, ahead_s);
}

/* Something was refused: has the clock been set since? */
void wall_on_tick(struct mesh *mesh);

#endif
