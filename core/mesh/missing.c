/* SPDX-License-Identifier: MIT
 * missing.c - see missing.h. */

#include "mesh/missing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MISSING_ROOM_MIN = 64 };

void
missing_init(struct missing *missing)
{
	memset(missing, 0, sizeof(*missing));
}

void
missing_fini(struct missing *missing)
{
	for (size_t i = 0; i < missing->count; i++) {
		free(missing->sorted[i]);
	}
	free(missing->sorted);
	free(missing->heap);
	missing_init(missing);
}

/* Which of the two origins stands first does not matter, only that it always
 * is the same one: nothing is ever done in this order. */
static bool
missing_is_before(
    const struct missing_run *run, const struct origin *origin, uint64_t seq)
{
	if (run->origin != origin) {
		return (uintptr_t)run->origin < (uintptr_t)origin;
	}
	return run->seq + run->count <= seq;
}

/* Place of the run that holds `seq`, or of the first behind it. */
static size_t
missing_search(
    const struct missing *missing, const struct origin *origin, uint64_t seq)
{
	size_t low = 0;
	size_t high = missing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (missing_is_before(missing->sorted[middle], origin, seq)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

struct missing_run *
missing_find(
    const struct missing *missing, const struct origin *origin, uint64_t seq)
{
	size_t place;

	if (origin->runs == 0) {
		return NULL;
	}
	place = missing_search(missing, origin, seq);
	return place < missing->count &&
	               missing->sorted[place]->origin == origin
	           ? missing->sorted[place]
	           : NULL;
}

static bool
missing_is_sooner(const struct missing_run *a, const struct missing_run *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms
	                              : a->serial < b->serial;
}

static void
missing_place(struct missing *missing, struct missing_run *run, size_t at)
{
	missing->heap[at] = run;
	run->at = (uint16_t)at;
}

static void
missing_sift(struct missing *missing, struct missing_run *run, size_t count)
{
	size_t at = run->at;

	while (at > 0 && missing_is_sooner(run, missing->heap[(at - 1) / 2])) {
		missing_place(missing, missing->heap[(at - 1) / 2], at);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= count) {
			break;
		}
		if (child + 1 < count &&
		    missing_is_sooner(
		        missing->heap[child + 1], missing->heap[child])) {
			child++;
		}
		if (!missing_is_sooner(missing->heap[child], run)) {
			break;
		}
		missing_place(missing, missing->heap[child], at);
		at = child;
	}
	missing_place(missing, run, at);
}

void
missing_set_due(
    struct missing *missing, struct missing_run *run, uint64_t due_ms)
{
	run->due_ms = due_ms;
	missing_sift(missing, run, missing->count);
}

struct missing_run *
missing_first(const struct missing *missing)
{
	return missing->count > 0 ? missing->heap[0] : NULL;
}

static enum err
missing_grow(struct missing *missing)
{
	size_t room = missing->room == 0 ? MISSING_ROOM_MIN : missing->room * 2;
	void *more = realloc(missing->sorted, room * sizeof(void *));

	if (more == NULL) {
		return ERR_NOMEM;
	}
	missing->sorted = more;
	more = realloc(missing->heap, room * sizeof(void *));
	if (more == NULL) {
		return ERR_NOMEM;
	}
	missing->heap = more;
	missing->room = room;
	return ERR_OK;
}

/* `run` copied, and room for the copy. */
static enum err
missing_copy(struct missing *missing, const struct missing_run *run,
    struct missing_run **out)
{
	if (missing->count == MISSING_MAX) {
		return ERR_FULL;
	}
	if (missing->count == missing->room &&
	    missing_grow(missing) != ERR_OK) {
		return ERR_NOMEM;
	}
	*out = malloc(sizeof(**out));
	if (*out == NULL) {
		return ERR_NOMEM;
	}
	**out = *run;
	return ERR_OK;
}

/* Into the list behind run->older, the sorted array and the heap. */
static void
missing_insert(struct missing *missing, struct missing_run *run)
{
	size_t place = missing_search(missing, run->origin, run->seq);

	*(run->older != NULL ? &run->older->newer : &missing->oldest) = run;
	*(run->newer != NULL ? &run->newer->older : &missing->newest) = run;
	memmove(&missing->sorted[place + 1], &missing->sorted[place],
	    (missing->count - place) * sizeof(void *));
	missing->sorted[place] = run;
	run->serial = ++missing->serial;
	missing_place(missing, run, missing->count);
	missing->count++;
	missing_sift(missing, run, missing->count);
	run->origin->runs++;
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
		.older = missing->newest,
	};
	enum err err = missing_copy(missing, &run, out);

	if (err == ERR_OK) {
		missing_insert(missing, *out);
	}
	return err;
}

enum err
missing_split(struct missing *missing, struct missing_run *run, uint64_t seq,
    struct missing_run **out)
{
	uint32_t head = (uint32_t)(seq - run->seq);
	enum err err = missing_copy(missing, run, out);

	assert(head > 0 && head < run->count);
	if (err == ERR_OK) {
		(*out)->seq = seq;
		(*out)->count = run->count - head;
		(*out)->older = run; /* as old as what it was part of */
		run->count = head;
		missing_insert(missing, *out);
	}
	return err;
}

void
missing_shift(struct missing *missing, struct missing_run *run)
{
	if (run->count == 1) {
		missing_remove(missing, run);
		return;
	}
	run->seq++;
	run->count--;
}

void
missing_cut(struct missing_run *run, uint32_t count)
{
	assert(count > 0 && count <= run->count);
	run->count = count;
}

void
missing_remove(struct missing *missing, struct missing_run *run)
{
	size_t place = missing_search(missing, run->origin, run->seq);
	struct missing_run *last = missing->heap[missing->count - 1];

	assert(missing->sorted[place] == run);
	missing->count--;
	memmove(&missing->sorted[place], &missing->sorted[place + 1],
	    (missing->count - place) * sizeof(void *));
	if (last != run) {
		missing_place(missing, last, run->at);
		missing_sift(missing, last, missing->count);
	}
	*(run->older != NULL ? &run->older->newer
	                     : &missing->oldest) = run->newer;
	*(run->newer != NULL ? &run->newer->older
	                     : &missing->newest) = run->older;
	run->origin->runs--;
	free(run);
}
