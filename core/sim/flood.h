/* SPDX-License-Identifier: MIT
 * flood.h - how fast flooding would be: nothing beats it, so it is the measure
 * of the trees. */
#ifndef SIM_FLOOD_H
#define SIM_FLOOD_H

struct world;

/* The 99th percentile, over senders and nodes, of the shortest way over the
 * links that are up now; into world->result.  ERR_NOMEM in world. */
void flood_measure(struct world *world);

#endif
