/* SPDX-License-Identifier: MIT
 * actions.h - what a mesh asks of its owner, done on the virtual network. */
#ifndef SIM_ACTIONS_H
#define SIM_ACTIONS_H

#include "sim/vnode.h"

/* Fill in node->io. */
void actions_init(struct vnode *node);

#endif
