/* SPDX-License-Identifier: MIT
 * fetch_gap.c - fetch.h: what is given up becomes a gap. */

#include "mesh/fetch_inside.h"
#include "mesh/limit.h"

enum { FETCH_LOOK_MAX = 512 }; /* runs, for one that is a rumour */

void
fetch_give_up_ids(
    struct mesh *mesh, struct origin *origin, uint64_t seq, uint64_t end)
{
	uint64_t max = origin->window.max;

	origins_give_up(&mesh->origins, origin, seq, end - seq);
	if (seq > max + 1 && seq >> 32 == max >> 32) {
		fetch_note_holes(mesh, origin, max + 1, seq);
	}
}

/* The highest id given up is the window's, so that is no measure. */
static bool
fetch_is_rumour(const struct missing_run *run)
{
	const struct origin *origin = run->origin;
	uint64_t came = origin->parent_seq > origin->base ? origin->parent_seq
	                                                  : origin->base;

	return !run->is_sure && run->seq > origin->window.max &&
	       run->seq + run->count - 1 > came + FETCH_AHEAD_MAX;
}

/* Out of the table.  True: that is all, nobody need be told. */
static bool
fetch_end(struct mesh *mesh, struct missing_run *run)
{
	bool is_rumour = fetch_is_rumour(run);

	mesh->stats.rumours += is_rumour ? run->count : 0;
	fetch_remove(mesh, run);
	return is_rumour;
}

void
fetch_give_up(struct mesh *mesh, struct missing_run *run)
{
	struct origin *origin = run->origin;
	uint64_t seq = run->seq;
	uint64_t end = seq + run->count;

	if (!fetch_end(mesh, run)) {
		fetch_give_up_ids(mesh, origin, seq, end);
	}
}

/* What is no rumour does not become one: each run is looked at once. */
static struct missing_run *
fetch_victim(struct missing *missing)
{
	while (missing->unsure != NULL && missing->plain < FETCH_LOOK_MAX) {
		if (fetch_is_rumour(missing->unsure)) {
			return missing->unsure;
		}
		missing_pass(missing);
	}
	return TAILQ_FIRST(&missing->runs);
}

/* A rumour is about to be forgotten: if nobody was asked yet, there is only one
 * to ask, and no other time. */
static void
fetch_ask_last(struct mesh *mesh, const struct missing_run *run)
{
	const struct record_run ask = {
		.origin = run->origin->id,
		.seq = run->seq,
		.count = run->count,
	};
	struct link *link;

	if (run->known == 0 || run->tried != 0 || run->tries != 0 ||
	    !fetch_is_rumour(run)) {
		return;
	}
	link = mesh->up[__builtin_ctzll(run->known)];
	if (limit_spend(link, LIMIT_GRAFT_SENT, 1)) {
		mesh->stats.fetches++;
		spread_send_runs(link, RECORD_GRAFT, &ask, 1);
	}
}

/* Rumours out, then the oldest.  What is given up may leave holes, which are
 * runs again; each time round fewer lie beyond a window, so it ends. */
void
fetch_make_room(struct mesh *mesh)
{
	struct missing *missing = &mesh->spread.missing;

	while (missing->count > MISSING_ROOMY) {
		struct missing_run *victim = fetch_victim(missing);

		mesh->stats.missing_full++;
		fetch_ask_last(mesh, victim);
		fetch_give_up(mesh, victim);
	}
}

void
fetch_on_origin_gone(struct mesh *mesh, struct origin *origin)
{
	struct missing_run *run;

	while ((run = missing_find(&mesh->spread.missing, origin, 0)) != NULL) {
		uint64_t seq = run->seq;
		uint64_t end = seq + run->count;
		bool is_promised = seq >= origin->base ||
		                   seq >> 32 < origin->window.max >> 32;

		/* Below the base it is not; of smaller boots nothing else was
		 * kept. */
		if (fetch_end(mesh, run) || !is_promised) {
			continue;
		}
		if (seq > origin->window.max) {
			/* What was told of is old from now on, with all that
			 * was never heard of below it. */
			seq = origin->window.max + 1 > origin->base
			          ? origin->window.max + 1
			          : origin->base;
			window_restart(&origin->window, end - 1);
		}
		spread_on_gap(mesh, origin, seq, end - seq);
	}
}

void
fetch_on_boot(struct mesh *mesh, struct origin *origin, uint64_t seq)
{
	uint64_t boot = origin->window.max >> 32 << 32;
	uint64_t next = origin->base;
	const struct missing_run *run;

	if (LIKELY(seq >> 32 <= boot >> 32) || origin->base == 0) {
		return;
	}
	/* The window goes, and the base with it. */
	fetch_forget(mesh, origin, boot, origin->base - boot);
	while (
	    (run = missing_find(&mesh->spread.missing, origin, next)) != NULL) {
		uint64_t end = run->seq + run->count;

		fetch_note_holes(mesh, origin, next, end);
		next = end;
	}
	if (next <= origin->window.max) {
		fetch_note_holes(mesh, origin, next, origin->window.max + 1);
		next = origin->window.max + 1;
	}
	fetch_set_last(mesh, origin, next - 1);
}

void
fetch_forget(void *ctx, struct origin *origin, uint64_t first, uint64_t count)
{
	struct mesh *mesh = ctx;
	uint64_t end = first + count;
	struct missing_run *run;

	while (origin->runs > 0 &&
	       (run = missing_find(&mesh->spread.missing, origin, first)) !=
	           NULL &&
	       run->seq < end) {
		struct missing_run *tail;

		if (run->seq >= first && run->seq + run->count <= end) {
			fetch_remove(mesh, run);
		} else if (run->seq >= first) {
			missing_shift(run, (uint32_t)(end - run->seq));
		} else if (fetch_split(mesh, run, first, &tail) != ERR_OK) {
			/* The rest of it stays a hole of the window. */
			missing_cut(run, (uint32_t)(first - run->seq));
		}
	}
}
