/* SPDX-License-Identifier: MIT
 * sync.h - what a new link is told: every id in the history, so that what was
 * missed is fetched, and how far each origin has come (PROTOCOL 9). */
#ifndef MESH_SYNC_H
#define MESH_SYNC_H

#include <stdint.h>

#include "mesh/link.h"
#include "mesh/origin.h"
#include "wire/record_array.h"

/* Entries of a part: two records.  Two parts, and what else is told (sync_tell)
 * are within the limits of the other end, whenever its second begins. */
#define SYNC_RUNS_MAX  (2 * (RECORD_ARRAY_MAX / (16 + 8 + 4)))
#define SYNC_EMPTY_MAX 1024u  /* of them, of ids that are not held */
#define SYNC_IDS_MAX   65536u /* of a run; older ones are not looked at */
#define SYNC_EARLY_MS  10000u /* after UP: no limits */
/* Ids looked for in vain for one link; of each origin what comes before the
 * next of them is told. */
#define SYNC_MISSES_MAX ((size_t)1 << 20)

/* Tell the link the next part; the first, if it has just come UP.  If there are
 * more, they follow, one a second. */
void sync_send(struct link *link);
/* Something was not told to the link, so all is told again: now, but a second
 * after the last part at the earliest. */
void sync_again(struct link *link);
/* Send the parts whose time has come, and ask to be woken for the next. */
void sync_due(struct mesh *mesh);
/* SYNC came, within limits.  How far an origin has come whose messages nobody
 * holds is passed on, if that is news. */
void sync_on_record(struct link *link, struct record_array *list);

/* `seq` of this node's own is known to the link.  If it is of a life before this
 * one, or of a boot that this one has left, and higher than all known of that
 * boot, that was the end of it as far as can be said: the other links are told,
 * and more when they come UP.  Who had it on the way only has lost it. */
void sync_on_own(const struct link *link, uint64_t seq);

/* By this link's word the origin, of which nothing is known here, has come as
 * far as `max`: the others are told, if that is news, and those to come.  If it
 * is a loss here, but there is no room for the origin, that is tried again. */
void sync_hear(struct link *link, const struct nodeid *id, uint64_t max);
/* The first number of an origin is known: if neighbours have spoken of it
 * before, what they said of boots that are a loss now is true of it. */
void sync_recall(struct mesh *mesh, struct origin *origin);

/* Soon tell the links of `slots` that the origin has come as far as `seq`: it
 * is not sent to them, nor announced, and nobody else may tell them. */
void sync_tell(
    struct mesh *mesh, const struct nodeid *id, uint64_t seq, uint64_t slots);

#endif
