/* SPDX-License-Identifier: MIT
 * overlay.h - the graph of links that are up at both ends. */
#ifndef SIM_OVERLAY_H
#define SIM_OVERLAY_H

#include <stdint.h>

struct world;

/* Connected components among the nodes that run; how many run to `live`. */
uint32_t overlay_parts(const struct world *world, uint32_t *live);
/* Links of a node, now: into world->result. */
void overlay_measure(const struct world *world);
/* Is it whole?  Noted in world->result; asked again later if not. */
void overlay_sample(struct world *world);

#endif
