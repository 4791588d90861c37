/* SPDX-License-Identifier: MIT
 * fetch_inside.h - what fetch.c, fetch_note.c and fetch_gap.c share. */
#ifndef MESH_FETCH_INSIDE_H
#define MESH_FETCH_INSIDE_H

#include "mesh/fetch.h"
#include "mesh/inside.h"

/* Who announced these at `now_ms`, pushing, would have brought the last one when
 * it came to him, and the way from there: that is now, less the time that the
 * announcement has waited.  Nobody waits longer than LAZY_LATE_MS. */
static inline uint64_t
fetch_would_ms(const struct record_run *said, uint64_t now_ms)
{
	return now_ms -
	       (said->flags < LAZY_LATE_MS ? said->flags : LAZY_LATE_MS);
}

/* A boot before that of `last` ended with `seq`. */
void fetch_put_end(struct mesh *mesh, struct origin *origin, uint64_t seq);

/* `seq` is the newest heard of the boot before that of the window.  If the
 * `last` until now is of another boot, more will be told than the origin
 * knows. */
static inline void
fetch_set_last(struct mesh *mesh, struct origin *origin, uint64_t seq)
{
	/* A boot without messages has no end. */
	if ((uint32_t)origin->last != 0 && origin->last >> 32 != seq >> 32) {
		fetch_put_end(mesh, origin, origin->last);
	}
	origin->last = seq;
}

/* Look at it again at `due_ms`, or when it is to be given up. */
void fetch_set_due(struct mesh *mesh, struct missing_run *run, uint64_t due_ms);

/* Out of the table. */
void fetch_remove(struct mesh *mesh, struct missing_run *run);

/* As missing_split; the fetch counts for both. */
NODISCARD enum err fetch_split(struct mesh *mesh, struct missing_run *run,
    uint64_t seq, struct missing_run **tail);

/* Ids seq .. end - 1, which are in no run, will not come: a gap.  If they lie
 * ahead of the window, what it skips are holes from now on. */
void fetch_give_up_ids(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end);

/* The same with a run. */
void fetch_give_up(struct mesh *mesh, struct missing_run *run);

/* Oldest out, until one event finds room. */
void fetch_make_room(struct mesh *mesh);

/* The link was waited for in vain, and nothing at all has come since. */
bool fetch_is_suspect(const struct link *link);

/* The first of what is missing within *seq .. end - 1, as a run of its own
 * (without memory for that, all of its run); *seq is moved behind it.  NULL:
 * nothing is. */
struct missing_run *fetch_next(
    struct mesh *mesh, struct origin *origin, uint64_t *seq, uint64_t end);

#endif
