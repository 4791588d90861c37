/* SPDX-License-Identifier: MIT
 * sync.h - what a new link is told: every id in the history, so that what was
 * missed is fetched, and how far each origin has come (PROTOCOL 9). */
#ifndef MESH_SYNC_H
#define MESH_SYNC_H

#include <stdint.h>

#include "mesh/link.h"
#include "wire/record_array.h"

#define SYNC_BYTES_MAX ((size_t)256 * 1024) /* to one link */
#define SYNC_EMPTY_MAX 1024u  /* ids that are told of without being held */
#define SYNC_IDS_MAX   65536u /* of a run; older ones are not looked at */
#define SYNC_EARLY_MS  10000u /* after UP: no limits */
/* Ids looked for in vain for one link; of each origin what comes before the
 * next of them is told. */
#define SYNC_MISSES_MAX ((size_t)1 << 20)

/* Tell the link, which has just come UP. */
void sync_send(struct link *link);
/* SYNC came, within limits.  How far an origin has come whose messages nobody
 * holds is passed on, if that is news. */
void sync_on_record(struct link *link, struct record_array *list);

/* Soon tell the links of `slots` that the origin has come as far as `seq`: it
 * is not sent to them, nor announced, and nobody else may tell them. */
void sync_tell(
    struct mesh *mesh, const struct nodeid *id, uint64_t seq, uint64_t slots);

#endif
