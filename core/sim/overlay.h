/* SPDX-License-Identifier: MIT
 * overlay.h - the graph of links that are up at both ends. */
#ifndef SIM_OVERLAY_H
#define SIM_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

struct world;

/* Connected components among the nodes that run, and in each of its nodes
 * which one is its own; how many run to `live`. */
uint32_t overlay_parts(const struct world *world, uint32_t *live);
/* May there be more than one for good?  Where links are given nobody finds
 * others: who crashed may have been the only way. */
bool overlay_may_part(const struct world *world);
/* Links of a node, now: into world->result. */
void overlay_measure(const struct world *world);
/* Is it whole?  Noted in world->result; asked again later if not. */
void overlay_sample(struct world *world);

#endif
