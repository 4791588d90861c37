/* SPDX-License-Identifier: MIT
 * spread.h - messages: each goes to every link but the one it came over, and
 * to this node once (PROTOCOL 9, without trees). */
#ifndef MESH_SPREAD_H
#define MESH_SPREAD_H

#include <stdint.h>

#include "mesh/link.h"
#include "wire/record.h"

/* A DATA record of a link that is, or was, UP.  Allocates nothing, unless its
 * origin is new; the payload is not copied here. */
void spread_on_data(
    struct link *link, uint64_t now_ms, const struct record *record);

/* Once enough was queued since the last time: whoever does not keep up is
 * pressed (SOFT), or goes (HARD). */
void spread_check_queues(struct mesh *mesh, uint64_t now_ms);

/* What origins.h's events become. */
void spread_on_gap(
    void *ctx, const struct nodeid *id, uint64_t first, uint64_t count);
void spread_on_gone(void *ctx, const struct origin *origin);

#endif
