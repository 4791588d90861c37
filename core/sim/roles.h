/* SPDX-License-Identifier: MIT
 * roles.h - who is not what the others are.  Two kinds of strangers, in a
 * network with a key: one has another key, one has none; both go on where they
 * should stop, or end it with any BYE.  A liar has the key and a real mesh, which keeps its links; but
 * it passes nothing on, announces nothing, answers nothing, and lies (lies.h).
 * It may join under the id of another. */
#ifndef SIM_ROLES_H
#define SIM_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sim/config.h"

struct world;
struct vnode;
struct vend;

/* False: `diag` says why there cannot be as many. */
bool roles_are_possible(const struct sim_config *config, struct diag *diag);
/* Choose them. */
void roles_plan(struct world *world);
/* A liar joins: under the id of one that is there, if the scenario says so. */
void roles_imitate(struct vnode *liar);

/* The mesh of a node that is not honest wants to send `records`: append what
 * it really sends to `instead`. */
void roles_say_instead(
    struct vend *end, const uint8_t *records, size_t len, struct buf *instead);

#endif
