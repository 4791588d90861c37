/* SPDX-License-Identifier: MIT
 * actions.h - what a mesh asks of its owner, done on the virtual network. */
#ifndef SIM_ACTIONS_H
#define SIM_ACTIONS_H

#include "sim/vnode.h"

/* Fill in node->io. */
void actions_init(struct vnode *node);
/* Queue records on `end`, as a mesh does that asks for it. */
void actions_say(
    struct vend *end, const uint8_t *records, size_t len, bool control);

#endif
