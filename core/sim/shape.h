/* SPDX-License-Identifier: MIT
 * shape.h - meshes of links that are given: who is given whose address.  But
 * for rings a node is the only way between others. */
#ifndef SIM_SHAPE_H
#define SIM_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mesh/mesh.h"
#include "sim/config.h"

#define SHAPE_GIVEN_MAX MESH_LINKS_MAX

/* False: `diag` says why no such links can be given. */
bool shape_is_possible(const struct sim_config *config, struct diag *diag);

/* The nodes whose addresses node `index` is given, the same in each of its
 * lives.  Returns how many. */
size_t shape_given(const struct sim_config *config, uint32_t index,
    uint32_t given[SHAPE_GIVEN_MAX]);

#endif
