/* SPDX-License-Identifier: MIT
 * missing.h - the messages that this node knows of and does not have: a table
 * of runs of ids (PROTOCOL 8).
 *
 * Every number that a window skipped, and every one that a peer announced and
 * that is not here, is in exactly one run, until it comes or is given up.
 * MISSING_MAX runs at the most; who adds one makes room first.
 *
 * Runs are found by (origin, seq) and by due time, each in a red-black tree.
 * Equal times are told apart by the order of creation, so that the same events
 * always have the same consequences. */
#ifndef MESH_MISSING_H
#define MESH_MISSING_H

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "mesh/origin.h"

#define MISSING_MAX   4096u
#define MISSING_ROOMY (MISSING_MAX - 4) /* with room for what one event adds */

struct missing_run {
	struct origin *origin; /* borrowed; it counts its runs */
	uint64_t seq;
	uint32_t count;
	uint64_t known; /* slots of links that have it */
	uint64_t tried; /* of them, asked in this round */
	uint64_t born_ms, due_ms;
	uint64_t first_ms; /* `first` had it, less the way from there */
	uint64_t serial;
	int8_t first;  /* slot that would have brought it first, or none */
	int8_t asked;  /* slot of the fetch that is not answered, or none */
	uint8_t tries; /* rounds over all that know it */
	bool is_sure;  /* it exists: not one announcement alone says so */
	bool is_plain; /* no rumour, as missing->plain counts them */
	TAILQ_ENTRY(missing_run) by_age;
	RB_ENTRY(missing_run) by_id, by_due;
};

struct missing {
	TAILQ_HEAD(, missing_run) runs;          /* the oldest first */
	RB_HEAD(missing_ids, missing_run) ids;   /* by origin and seq */
	RB_HEAD(missing_dues, missing_run) dues; /* by due_ms and serial */
	/* The oldest `plain` runs are no rumours; the next one, or NULL. */
	struct missing_run *unsure;
	size_t plain;
	size_t count;
	uint64_t serial;
};

/* An empty table; nothing is allocated before the first run. */
void missing_init(struct missing *missing);
void missing_fini(struct missing *missing);

/* The run that holds `seq`, else the first behind it of this origin, or
 * NULL. */
struct missing_run *missing_find(
    const struct missing *missing, const struct origin *origin, uint64_t seq);
/* The run that holds `seq`, or NULL. */
static inline struct missing_run *
missing_get(
    const struct missing *missing, const struct origin *origin, uint64_t seq)
{
	struct missing_run *run = missing_find(missing, origin, seq);

	return run != NULL && run->seq <= seq ? run : NULL;
}

/* Add the run seq .. seq + count - 1, of which nothing is in the table.
 * ERR_FULL, ERR_NOMEM. */
NODISCARD enum err missing_add(struct missing *missing, struct origin *origin,
    uint64_t seq, uint32_t count, uint64_t now_ms, struct missing_run **run);

/* Split `run` so that one begins at `seq`, which is inside it but not its
 * first; returned in `tail`.  The fetch, if there is one, stays with both.
 * ERR_FULL, ERR_NOMEM: it stays whole. */
NODISCARD enum err missing_split(struct missing *missing,
    struct missing_run *run, uint64_t seq, struct missing_run **tail);

/* Shorten it by its first `count` numbers, which are not all. */
void missing_shift(struct missing_run *run, uint32_t count);
/* Only its first `count` (> 0) numbers stay. */
void missing_cut(struct missing_run *run, uint32_t count);
void missing_remove(struct missing *missing, struct missing_run *run);

void missing_set_due(
    struct missing *missing, struct missing_run *run, uint64_t due_ms);
/* missing->unsure is no rumour, and will not become one. */
void missing_pass(struct missing *missing);
/* The run that is due first, or NULL. */
struct missing_run *missing_first(struct missing *missing);

#endif
