/* SPDX-License-Identifier: MIT
 * missing.c - see missing.h. */

#include "mesh/missing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Which of two origins stands first does not matter, only that it always is the
 * same one: nothing is ever done in this order.  What overlaps is equal, as a
 * number is to the run that holds it. */
static int
missing_compare_ids(const struct missing_run *a, const struct missing_run *b)
{
	if (a->origin != b->origin) {
		return (uintptr_t)a->origin < (uintptr_t)b->origin ? -1 : 1;
	}
	return a->seq + a->count <= b->seq   ? -1
	       : b->seq + b->count <= a->seq ? 1
	                                     : 0;
}

static int
missing_compare_dues(const struct missing_run *a, const struct missing_run *b)
{
	if (a->due_ms != b->due_ms) {
		return a->due_ms < b->due_ms ? -1 : 1;
	}
	return a->serial < b->serial ? -1 : a->serial > b->serial;
}

/* RB_GENERATE_STATIC needs a macro that libbsd leaves out on Linux. */
RB_GENERATE_INTERNAL(missing_ids, missing_run, by_id, missing_compare_ids,
    __attribute__((unused)) static)
RB_GENERATE_INTERNAL(missing_dues, missing_run, by_due, missing_compare_dues,
    __attribute__((unused)) static)

void
missing_init(struct missing *missing)
{
	memset(missing, 0, sizeof(*missing));
	TAILQ_INIT(&missing->runs);
}

void
missing_fini(struct missing *missing)
{
	struct missing_run *run;

	while ((run = TAILQ_FIRST(&missing->runs)) != NULL) {
		TAILQ_REMOVE(&missing->runs, run, by_age);
		free(run);
	}
	missing_init(missing);
}

/* Looked at only: neither the table nor the origin is changed. */
struct missing_run *
missing_find(
    const struct missing *missing, const struct origin *origin, uint64_t seq)
{
	struct missing_ids *ids = (struct missing_ids *)(uintptr_t)&missing
	                              ->ids;
	struct missing_run key = {
		.origin = (struct origin *)(uintptr_t)origin,
		.seq = seq,
		.count = 1,
	};
	struct missing_run *run = NULL;

	if (origin->runs > 0) {
		run = RB_NFIND(missing_ids, ids, &key);
	}
	return run != NULL && run->origin == origin ? run : NULL;
}

void
missing_set_due(
    struct missing *missing, struct missing_run *run, uint64_t due_ms)
{
	RB_REMOVE(missing_dues, &missing->dues, run);
	run->due_ms = due_ms;
	RB_INSERT(missing_dues, &missing->dues, run);
}

struct missing_run *
missing_first(struct missing *missing)
{
	return RB_MIN(missing_dues, &missing->dues);
}

/* A copy of `run`, as one more, behind `older` (NULL: behind all). */
static enum err
missing_insert(struct missing *missing, const struct missing_run *run,
    struct missing_run *older, struct missing_run **out)
{
	struct missing_run *more;
	const struct missing_run *same;

	if (missing->count == MISSING_MAX) {
		return ERR_FULL;
	}
	more = malloc(sizeof(*more));
	if (more == NULL) {
		return ERR_NOMEM;
	}
	*more = *run;
	more->serial = ++missing->serial;
	if (older != NULL) {
		TAILQ_INSERT_AFTER(&missing->runs, older, more, by_age);
	} else {
		TAILQ_INSERT_TAIL(&missing->runs, more, by_age);
	}
	if (more->is_plain) { /* split off one that is */
		missing->plain++;
	} else if (missing->unsure == NULL) {
		missing->unsure = more;
	}
	same = RB_INSERT(missing_ids, &missing->ids, more);
	assert(same == NULL);
	RB_INSERT(missing_dues, &missing->dues, more);
	missing->count++;
	more->origin->runs++;
	*out = more;
	return ERR_OK;
}

enum err
missing_add(struct missing *missing, struct origin *origin, uint64_t seq,
    uint32_t count, uint64_t now_ms, struct missing_run **out)
{
	const struct missing_run run = {
		.origin = origin,
		.seq = seq,
		.count = count,
		.born_ms = now_ms,
		.due_ms = UINT64_MAX,
		.first = ORIGIN_NO_SLOT,
		.asked = ORIGIN_NO_SLOT,
	};

	return missing_insert(missing, &run, NULL, out);
}

enum err
missing_split(struct missing *missing, struct missing_run *run, uint64_t seq,
    struct missing_run **out)
{
	struct missing_run tail = *run;
	uint32_t count = run->count;
	enum err err;

	assert(run->seq < seq && seq < run->seq + count);
	run->count = (uint32_t)(seq - run->seq);
	tail.seq = seq;
	tail.count = count - run->count;
	err = missing_insert(missing, &tail, run, out);
	if (err != ERR_OK) {
		run->count = count;
	}
	return err;
}

void
missing_shift(struct missing_run *run, uint32_t count)
{
	assert(count < run->count);
	run->seq += count;
	run->count -= count;
}

void
missing_cut(struct missing_run *run, uint32_t count)
{
	assert(count > 0 && count <= run->count);
	run->count = count;
}

void
missing_pass(struct missing *missing)
{
	missing->unsure->is_plain = true;
	missing->unsure = TAILQ_NEXT(missing->unsure, by_age);
	missing->plain++;
}

void
missing_remove(struct missing *missing, struct missing_run *run)
{
	if (run->is_plain) {
		missing->plain--;
	} else if (missing->unsure == run) {
		missing->unsure = TAILQ_NEXT(run, by_age);
	}
	TAILQ_REMOVE(&missing->runs, run, by_age);
	RB_REMOVE(missing_ids, &missing->ids, run);
	RB_REMOVE(missing_dues, &missing->dues, run);
	missing->count--;
	run->origin->runs--;
	free(run);
}
