/* SPDX-License-Identifier: MIT
 * fetch_note.c - fetch.h: what is known of and not here becomes missing. */

#include "mesh/fetch_inside.h"
#include "mesh/sync.h"

static uint64_t
fetch_first_due_ms(const struct link *link, const struct origin *origin)
{
	if (origin->parent == ORIGIN_NO_SLOT) {
		/* A new one may still come by the tree it adopted. */
		return origin->is_adopted && !origin->has_come
		           ? link->mesh->now_ms + FETCH_ADOPTED_MS
		           : link->mesh->now_ms;
	}
	return fetch_is_suspect(link->mesh->up[origin->parent])
	           ? link->mesh->now_ms
	           : link->mesh->now_ms + fetch_timeout_ms(link);
}

/* The whole run is known to the link too. */
static void
fetch_know(struct link *link, struct missing_run *run)
{
	uint64_t bit = link_bit(link);
	bool was_known = run->known != 0;

	run->is_sure |= (run->known & ~bit) != 0;
	run->known |= bit;
	if (!was_known) {
		/* It may be asked for anew for as long as histories reach. */
		run->born_ms = link->mesh->now_ms;
		run->tries = 0;
		run->tried = 0;
		fetch_set_due(
		    link->mesh, run, fetch_first_due_ms(link, run->origin));
	}
}

/* Numbers that cannot be noted.  Only what the window has passed can be given up
 * without making holes; without memory what is sure is a gap, too, and who
 * announces the rest is asked at once. */
static void
fetch_unnoted(struct mesh *mesh, struct link *link, struct origin *origin,
    const struct record_run *run, enum err why)
{
	bool is_full = why == ERR_FULL;

	*(is_full ? &mesh->stats.missing_full : &mesh->stats.nomem) += 1;
	if (run->seq <= origin->window.max || (!is_full && link == NULL)) {
		fetch_give_up_ids(
		    mesh, origin, run->seq, run->seq + run->count);
	} else if (!is_full && limit_takes(link, LIMIT_GRAFT_SENT, 1)) {
		spread_send_runs(link, RECORD_GRAFT, run, 1);
	}
}

/* Numbers seq .. end - 1, of which none is in the table. */
static void
fetch_add(struct mesh *mesh, struct link *link, struct origin *origin,
    uint64_t seq, uint64_t end)
{
	struct missing_run *run;

	while (seq < end) {
		uint32_t count = end - seq < UINT16_MAX ? (uint32_t)(end - seq)
		                                        : UINT16_MAX;
		enum err err = missing_add(&mesh->spread.missing, origin, seq,
		    count, mesh->now_ms, &run);

		if (err == ERR_OK && link != NULL) {
			fetch_know(link, run);
		} else if (err == ERR_OK) {
			run->is_sure = true;
			fetch_set_due(mesh, run, UINT64_MAX);
		} else {
			const struct record_run lost = {
				.origin = origin->id,
				.seq = seq,
				.count = count,
			};

			fetch_unnoted(mesh, link, origin, &lost, err);
		}
		seq += count;
	}
}

/* The part of `run` within seq .. end - 1. */
static struct missing_run *
fetch_isolate(
    struct mesh *mesh, struct missing_run *run, uint64_t seq, uint64_t end)
{
	struct missing_run *tail;

	if (run->seq < seq && fetch_split(mesh, run, seq, &tail) == ERR_OK) {
		run = tail;
	}
	if (run->seq + run->count > end &&
	    fetch_split(mesh, run, end, &tail) != ERR_OK) {
		mesh->stats.missing_full++;
	}
	return run;
}

struct missing_run *
fetch_next(
    struct mesh *mesh, struct origin *origin, uint64_t *seq, uint64_t end)
{
	struct missing_run *run = missing_find(
	    &mesh->spread.missing, origin, *seq);

	if (*seq >= end || run == NULL || run->seq >= end) {
		return NULL;
	}
	run = fetch_isolate(mesh, run, *seq, end);
	*seq = run->seq + run->count;
	return run;
}

/* Numbers seq .. end - 1, of which the window has none. */
static void
fetch_note_unset(struct mesh *mesh, struct link *link, struct origin *origin,
    uint64_t seq, uint64_t end)
{
	while (seq < end) {
		struct missing_run *run = missing_find(
		    &mesh->spread.missing, origin, seq);
		uint64_t stop = end;

		if (run == NULL || run->seq > seq) {
			stop = run != NULL && run->seq < end ? run->seq : end;
			fetch_add(mesh, link, origin, seq, stop);
		} else {
			if (link != NULL) {
				run = fetch_isolate(mesh, run, seq, end);
				fetch_know(link, run);
			} else {
				run->is_sure = true;
			}
			stop = run->seq + run->count;
		}
		seq = stop;
	}
}

/* Numbers seq .. end - 1, as far as the window has them not. */
static void
fetch_note_range(struct mesh *mesh, struct link *link, struct origin *origin,
    uint64_t seq, uint64_t end)
{
	uint64_t count;

	fetch_make_room(mesh);
	while (seq < end &&
	       window_next_unset(&origin->window, &seq, end - 1, &count)) {
		fetch_note_unset(mesh, link, origin, seq, seq + count);
		seq += count;
	}
}

/* From where on seq .. end - 1 are looked for: more than WINDOW_IDS_WIDE is a
 * lie, or more than anybody holds. */
static uint64_t
fetch_clip(struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end)
{
	if (end - seq <= WINDOW_IDS_WIDE) {
		return seq;
	}
	fetch_give_up_ids(mesh, origin, seq, end - WINDOW_IDS_WIDE);
	return end - WINDOW_IDS_WIDE;
}

/* How far the boot of `seq`, smaller than the newest, is known; NULL: nothing
 * of it is. */
static uint64_t *
fetch_old(struct mesh *mesh, struct origin *origin, uint64_t seq)
{
	if (origin->last >> 32 == seq >> 32) {
		return &origin->last;
	}
	return origin->has_ends
	           ? ends_find(&mesh->spread.ends, &origin->id, seq)
	           : NULL;
}

uint64_t
fetch_old_end(struct mesh *mesh, struct origin *origin, uint64_t seq)
{
	const uint64_t *known = fetch_old(mesh, origin, seq);

	return known != NULL ? *known : 0;
}

void
fetch_put_end(struct mesh *mesh, struct origin *origin, uint64_t seq)
{
	struct origin *loser;
	struct nodeid lost;

	origin->has_ends = true;
	if (ends_put(&mesh->spread.ends, &origin->id, seq, &lost)) {
		loser = spread_find(mesh, &lost);
		if (loser != NULL) {
			loser->lost_ends = true;
		}
	}
}

/* Did this boot, of which nothing is known, begin when this node was there to
 * hear it?  Not if it may have been known. */
static bool
fetch_was_there(
    const struct mesh *mesh, const struct origin *origin, uint64_t seq)
{
	return !origin->lost_ends && origins_was_there(&mesh->origins, seq);
}

/* The first that is promised of a smaller boot of which nothing is known but
 * `seq`; 0: it is old. */
static uint64_t
fetch_begin_old(struct mesh *mesh, struct origin *origin, uint64_t seq)
{
	uint64_t boot = seq >> 32 << 32;
	bool is_whole = boot > origin->last ||
	                fetch_was_there(mesh, origin, seq) ||
	                (origin->has_ends && ends_before(&mesh->spread.ends,
	                                         &origin->id, seq) != 0);

	return is_whole ? boot + 1 : 0;
}

bool
fetch_expect_old(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end)
{
	uint64_t *known;
	uint64_t next;

	if (origin->last == 0 && !fetch_was_there(mesh, origin, seq)) {
		/* Nothing is known of any: what lies below it is old. */
		fetch_set_last(
		    mesh, origin, (uint32_t)seq != 0 ? seq - 1 : seq);
	}
	known = fetch_old(mesh, origin, seq);
	next = known != NULL ? *known + 1 : fetch_begin_old(mesh, origin, seq);
	if (next == 0 || end <= next) {
		return false;
	}
	if (known != NULL) {
		*known = end - 1;
	} else if (seq > origin->last) {
		fetch_set_last(mesh, origin, end - 1);
	} else {
		fetch_put_end(mesh, origin, end - 1);
	}
	next = fetch_clip(mesh, origin, next, end);
	fetch_make_room(mesh);
	fetch_add(mesh, NULL, origin, next, end);
	return true;
}

bool
fetch_hear_old(struct mesh *mesh, struct origin *origin, uint64_t seq)
{
	bool is_promised = origin->last != 0 ||
	                   fetch_was_there(mesh, origin, seq);

	if (is_promised && fetch_expect_old(mesh, origin, seq, seq + 1)) {
		return true;
	}
	return fetch_old(mesh, origin, seq) == NULL &&
	       ends_hear(&mesh->spread.heard, &origin->id, seq, mesh->now_ms);
}

/* Of a smaller boot the table tells what is not here. */
static void
fetch_note_old(
    struct link *link, struct origin *origin, uint64_t seq, uint64_t end)
{
	struct missing_run *run;

	(void)fetch_expect_old(link->mesh, origin, seq, end);
	while ((run = fetch_next(link->mesh, origin, &seq, end)) != NULL) {
		fetch_know(link, run);
	}
}

struct missing_run *
fetch_note(
    struct link *link, struct origin *origin, const struct record_run *run)
{
	struct mesh *mesh = link->mesh;
	uint64_t would_ms = fetch_would_ms(run, mesh->now_ms);
	uint64_t end = run->seq + run->count;
	bool is_first = origin->base == 0;
	struct missing_run *last;

	fetch_on_boot(mesh, origin, run->seq);
	if (origins_expect(&mesh->origins, origin, run->seq)) {
		fetch_note_holes(mesh, origin, origin->base, run->seq);
	}
	if (run->seq >> 32 < origin->window.max >> 32) {
		fetch_note_old(link, origin, run->seq, end);
	} else {
		fetch_note_range(mesh, link, origin, run->seq, end);
	}
	if (UNLIKELY(is_first)) {
		sync_recall(mesh, origin);
	}
	last = missing_get(&mesh->spread.missing, origin, end - 1);
	if (last != NULL &&
	    (last->first == ORIGIN_NO_SLOT || would_ms < last->first_ms)) {
		last->first = link->slot;
		last->first_ms = would_ms;
	}
	return last;
}

void
fetch_believe(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end)
{
	struct missing_run *run;

	/* Below the base nothing was promised. */
	seq = seq < origin->base ? origin->base : seq;
	while (
	    (run = missing_find(&mesh->spread.missing, origin, seq)) != NULL &&
	    run->seq < end) {
		run->is_sure = true;
		seq = run->seq + run->count;
	}
}

void
fetch_note_holes(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end)
{
	/* Below the base nothing was promised. */
	seq = seq < origin->base ? origin->base : seq;
	if (seq < end) {
		seq = fetch_clip(mesh, origin, seq, end);
		fetch_note_range(mesh, NULL, origin, seq, end);
	}
}
