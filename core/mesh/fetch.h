/* SPDX-License-Identifier: MIT
 * fetch.h - getting what is missing: whom to ask, when, and when to give up
 * (PROTOCOL 9).
 *
 * A message that does not come within FETCH_KEEP_MS of being announced, that
 * nobody announces within FETCH_HOLE_MS, that nobody has any more or can bring
 * within the hop limit, or whose place in a full table is needed, is a gap:
 * told once, counted exactly, and never delivered afterwards.
 *
 * But a rumour is forgotten: more than FETCH_AHEAD_MAX ids beyond what came,
 * and only one link has ever said that they exist.  If they do, others will say
 * so, or what comes after them. */
#ifndef MESH_FETCH_H
#define MESH_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/link.h"
#include "mesh/missing.h"
#include "wire/record_array.h"

#define FETCH_KEEP_MS        60000u /* as long as histories reach */
#define FETCH_HOLE_MS        30000u /* what nobody has announced */
#define FETCH_LINK_MAX       64u    /* not answered, a link */
#define FETCH_AHEAD_MAX      64u    /* ids that one link is believed */
#define FETCH_ADOPTED_MS     75u  /* wait for the first message of an origin */
#define FETCH_TIMEOUT_MS     150u /* at the least */
#define FETCH_TIMEOUT_MAX_MS 1000u
#define FETCH_WAIT_MAX_MS    5000u /* between rounds that brought nothing */

struct tree_copy;

/* How long to wait for an answer of this link. */
uint64_t fetch_timeout_ms(const struct link *link);

/* Something should have come over the link.  If nothing did for `silence_ms`,
 * the trees that it is the parent of do not wait for it, until it does; that
 * is counted in `counter`. */
void fetch_doubt(struct link *link, uint64_t silence_ms, uint64_t *counter);

/* The link has these ids, the last one for run->flags ms: those that are not
 * here become missing.  Returns the run of the last one, NULL: it is here.
 * Asks for nothing yet: fetch_due does. */
struct missing_run *fetch_note(
    struct link *link, struct origin *origin, const struct record_run *run);
/* Ids seq .. end - 1 exist, and nobody has announced them. */
void fetch_note_holes(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end);
/* What was noted of seq .. end - 1 exists: it is no rumour, as a lone
 * announcement may be. */
void fetch_believe(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end);
/* Ask for what is due, give up what has been for too long, and ask to be woken
 * for the next. */
void fetch_due(struct mesh *mesh);

/* A first copy came.  True: it was missing, and what was known of it is in
 * `copy`. */
bool fetch_on_first(
    struct mesh *mesh, struct origin *origin, struct tree_copy *copy);
/* A list of this link names `count` ids: may the missing runs of the origin be
 * looked at for them?  False: more than in a second (limit.h), counted. */
bool fetch_may_look(
    struct link *link, const struct origin *origin, uint32_t count);
/* IHAVE, GONE came, within limits. */
void fetch_on_ihave(struct link *link, struct record_array *list);
void fetch_on_gone(struct link *link, struct record_array *list);
/* A message that was asked for came over more links than are allowed: so it
 * would every time. */
void fetch_on_far(struct link *link, const struct record_data *data);

/* There was no link, now there is one: holes may be filled again. */
void fetch_on_first_up(struct mesh *mesh);
void fetch_on_down(const struct link *link);
/* Before the window of a new boot begins: what was promised of the last one
 * and is not here stays in the table, and is all that is taken of it. */
void fetch_on_boot(struct mesh *mesh, struct origin *origin, uint64_t seq);
/* Ids seq .. end - 1 exist, of a boot smaller than the newest.  What was not
 * heard of it before is missing from now on, with all up to it.  True: that is
 * news. */
bool fetch_expect_old(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end);
/* The same of `seq` alone, by the word of one who may hold nothing: of a boot
 * of which nothing is known here it is no loss, but kept to be passed on. */
bool fetch_hear_old(struct mesh *mesh, struct origin *origin, uint64_t seq);
/* The newest number known of that smaller boot; 0: none is. */
uint64_t fetch_old_end(struct mesh *mesh, struct origin *origin, uint64_t seq);
/* The origin is about to be freed: what it still misses is a gap. */
void fetch_on_origin_gone(struct mesh *mesh, struct origin *origin);
/* These will never be taken.  `ctx` is the mesh: an event of origin.h. */
void fetch_forget(
    void *ctx, struct origin *origin, uint64_t first, uint64_t count);

#endif
