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
	struct missing_run *next;

	for (struct missing_run *run = missing->oldest; run != NULL;
	     run = next) {
		next = run->newer;
		free(run);
	}
	free(missing->heap);
	missing_init(missing);
}

/* ---- by origin and seq
 *
 * A treap: of two runs the one that ranks higher is nearer to the root.  The
 * rank comes from where the run lies in memory, which is known to nobody who
 * chooses ids: so it stays some thirty runs deep, whatever they choose. */

static uint64_t
missing_rank(const struct missing_run *run)
{
	uint64_t rank = (uintptr_t)run;

	rank = (rank ^ rank >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	rank = (rank ^ rank >> 27) * UINT64_C(0x94d049bb133111eb);
	return rank ^ rank >> 31;
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

struct missing_run *
missing_find(
    const struct missing *missing, const struct origin *origin, uint64_t seq)
{
	struct missing_run *at = origin->runs > 0 ? missing->root : NULL;
	struct missing_run *found = NULL;

	while (at != NULL) {
		if (missing_is_before(at, origin, seq)) {
			at = at->right;
		} else {
			found = at;
			at = at->left;
		}
	}
	return found != NULL && found->origin == origin ? found : NULL;
}

/* Where the pointer to `run` is, or to the highest that it outranks and that
 * stands where it belongs. */
static struct missing_run **
missing_link(struct missing *missing, const struct missing_run *run)
{
	uint64_t rank = missing_rank(run);
	struct missing_run **at = &missing->root;

	while (*at != NULL && *at != run && missing_rank(*at) >= rank) {
		at = missing_is_before(*at, run->origin, run->seq)
		         ? &(*at)->right
		         : &(*at)->left;
	}
	return at;
}

/* What it outranks is parted into what stands before and behind it. */
static void
missing_hang(struct missing *missing, struct missing_run *run)
{
	struct missing_run **at = missing_link(missing, run);
	struct missing_run **left = &run->left;
	struct missing_run **right = &run->right;
	struct missing_run *rest = *at;

	*at = run;
	while (rest != NULL) {
		if (missing_is_before(rest, run->origin, run->seq)) {
			*left = rest;
			left = &rest->right;
			rest = rest->right;
		} else {
			*right = rest;
			right = &rest->left;
			rest = rest->left;
		}
	}
	*left = NULL;
	*right = NULL;
}

/* The other way round. */
static void
missing_unhang(struct missing *missing, struct missing_run *run)
{
	struct missing_run **at = missing_link(missing, run);
	struct missing_run *left = run->left;
	struct missing_run *right = run->right;

	assert(*at == run);
	while (left != NULL && right != NULL) {
		if (missing_rank(left) >= missing_rank(right)) {
			*at = left;
			at = &left->right;
			left = left->right;
		} else {
			*at = right;
			at = &right->left;
			right = right->left;
		}
	}
	*at = left != NULL ? left : right;
}

/* ---- by due time */

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
	void *more = realloc(missing->heap, room * sizeof(void *));

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

/* Into the list behind run->older, the treap and the heap. */
static void
missing_insert(struct missing *missing, struct missing_run *run)
{
	*(run->older != NULL ? &run->older->newer : &missing->oldest) = run;
	*(run->newer != NULL ? &run->newer->older : &missing->newest) = run;
	if (run->is_plain) { /* split off one that is */
		missing->plain++;
	} else if (missing->unsure == NULL) {
		missing->unsure = run;
	}
	missing_hang(missing, run);
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
missing_shift(struct missing *missing, struct missing_run *run, uint32_t count)
{
	if (run->count <= count) {
		missing_remove(missing, run);
		return;
	}
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
	missing->unsure = missing->unsure->newer;
	missing->plain++;
}

void
missing_remove(struct missing *missing, struct missing_run *run)
{
	struct missing_run *last = missing->heap[missing->count - 1];

	missing_unhang(missing, run);
	missing->count--;
	if (last != run) {
		missing_place(missing, last, run->at);
		missing_sift(missing, last, missing->count);
	}
	if (run->is_plain) {
		missing->plain--;
	} else if (missing->unsure == run) {
		missing->unsure = run->newer;
	}
	*(run->older != NULL ? &run->older->newer
	                     : &missing->oldest) = run->newer;
	*(run->newer != NULL ? &run->newer->older
	                     : &missing->newest) = run->older;
	run->origin->runs--;
	free(run);
}
