/* SPDX-License-Identifier: MIT
 * check.h - what must hold at any time; see world_violation. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

struct world;
struct vnode;

/* Cheap: of one node, after each event that touched it. */
void check_node(const struct vnode *node);
/* Every node, and both ends of every connection: each few seconds. */
void check_world(struct world *world);
/* After the last event: quiet, whole, nothing lost that was promised. */
void check_end(struct world *world);

#endif
