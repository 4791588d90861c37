/* SPDX-License-Identifier: MIT
 * fetch.c - see fetch.h. */

#include "mesh/fetch.h"

#include "mesh/fetch_inside.h"
#include "mesh/limit.h"
#include "mesh/tree.h"

enum {
	FETCH_BATCH = 128,    /* runs asked for at a time */
	FETCH_DOUBLINGS = 5,  /* of the wait, round by round */
	FETCH_MARK_MAX = 256, /* ids of a run marked as known */
};

/* What is asked for in one go. */
struct fetch_batch {
	uint64_t slots;
	size_t count;
	int8_t slot[FETCH_BATCH];
	struct record_run runs[FETCH_BATCH];
};

uint64_t
fetch_timeout_ms(const struct link *link)
{
	uint64_t ms = UINT64_C(2) * LAZY_MS + 3 * link->rtt_us / 1000;

	return ms < FETCH_TIMEOUT_MS       ? FETCH_TIMEOUT_MS
	       : ms > FETCH_TIMEOUT_MAX_MS ? FETCH_TIMEOUT_MAX_MS
	                                   : ms;
}

/* When it is given up. */
static uint64_t
fetch_last_ms(const struct missing_run *run)
{
	return run->born_ms + (run->known != 0 ? FETCH_KEEP_MS : FETCH_HOLE_MS);
}

void
fetch_set_due(struct mesh *mesh, struct missing_run *run, uint64_t due_ms)
{
	uint64_t last_ms = fetch_last_ms(run);

	due_ms = due_ms < last_ms ? due_ms : last_ms;
	missing_set_due(&mesh->spread.missing, run, due_ms);
	mesh_wake_at(mesh, due_ms);
}

/* No answer is waited for any more. */
static void
fetch_settle(struct mesh *mesh, struct missing_run *run)
{
	if (run->asked != ORIGIN_NO_SLOT) {
		mesh->up[run->asked]->fetches--;
		run->asked = ORIGIN_NO_SLOT;
	}
}

void
fetch_remove(struct mesh *mesh, struct missing_run *run)
{
	fetch_settle(mesh, run);
	missing_remove(&mesh->spread.missing, run);
}

enum err
fetch_split(struct mesh *mesh, struct missing_run *run, uint64_t seq,
    struct missing_run **tail)
{
	enum err err = missing_split(&mesh->spread.missing, run, seq, tail);

	if (err == ERR_OK && run->asked != ORIGIN_NO_SLOT) {
		mesh->up[run->asked]->fetches++;
	}
	return err;
}

bool
fetch_is_suspect(const struct link *link)
{
	return link->suspect_ms != 0 && link->heard_ms <= link->suspect_ms;
}

void
fetch_doubt(struct link *link, uint64_t silence_ms, uint64_t *counter)
{
	if (!fetch_is_suspect(link) &&
	    link->mesh->now_ms - link->heard_ms >= silence_ms) {
		link->suspect_ms = link->mesh->now_ms;
		++*counter;
	}
}

/* The parent had its time for this run.  If it is silent altogether, it will
 * not be waited for by the other trees that it is the parent of. */
static void
fetch_suspect(struct mesh *mesh, const struct missing_run *run)
{
	if (run->origin->parent != ORIGIN_NO_SLOT && run->tried == 0 &&
	    run->tries == 0) {
		fetch_doubt(mesh->up[run->origin->parent], FETCH_TIMEOUT_MS,
		    &mesh->stats.suspects);
	}
}

/* One of those that have it and were not asked in this round, at random; NULL:
 * none has time. */
static struct link *
fetch_pick(struct mesh *mesh, const struct missing_run *run)
{
	uint64_t left = run->known & ~run->tried;
	uint64_t others = left & ~tree_idle(run->origin);
	uint64_t seen = 0;
	struct link *pick = NULL;
	struct link *link;

	MESH_EACH_UP (mesh, others != 0 ? others : left, link) {
		if (link->fetches < FETCH_LINK_MAX &&
		    limit_room(link, LIMIT_GRAFT_SENT) > 0 &&
		    rng_below(mesh->rng, ++seen) == 0) {
			pick = link;
		}
	}
	return pick;
}

static void
fetch_flush(struct mesh *mesh, struct fetch_batch *batch)
{
	struct link *link;

	MESH_EACH_UP (mesh, batch->slots, link) {
		struct record_run runs[FETCH_BATCH];
		size_t count = 0;

		for (size_t i = 0; i < batch->count; i++) {
			if (batch->slot[i] == link->slot) {
				runs[count++] = batch->runs[i];
			}
		}
		spread_send_runs(link, RECORD_GRAFT, runs, count);
	}
	batch->slots = 0;
	batch->count = 0;
}

static void
fetch_ask(struct link *link, struct fetch_batch *batch, struct missing_run *run)
{
	struct mesh *mesh = link->mesh;
	uint64_t timeout_ms = fetch_timeout_ms(link);
	unsigned doublings = run->tries < FETCH_DOUBLINGS ? run->tries
	                                                  : FETCH_DOUBLINGS;
	uint64_t wait_ms = timeout_ms << doublings;
	uint8_t flags = 0;

	if (tree_graft(link, run->origin, run->seq)) {
		flags = GRAFT_EAGER;
	}
	mesh->stats.fetches++;
	(void)limit_takes(link, LIMIT_GRAFT_SENT, 1);
	fetch_settle(mesh, run);
	link->fetches++;
	run->asked = link->slot;
	run->tried |= link_bit(link);
	fetch_set_due(mesh, run,
	    mesh->now_ms +
	        (wait_ms < FETCH_WAIT_MAX_MS ? wait_ms : FETCH_WAIT_MAX_MS));
	batch->slots |= link_bit(link);
	batch->slot[batch->count] = link->slot;
	batch->runs[batch->count++] = (struct record_run){
		.origin = run->origin->id,
		.seq = run->seq,
		.count = run->count,
		.flags = flags,
	};
}

/* It is due. */
static void
fetch_one(struct mesh *mesh, struct fetch_batch *batch, struct missing_run *run)
{
	struct link *link;

	if (mesh->up_slots == 0) {
		/* Nobody can tell; the clock begins with the next link. */
		run->born_ms = mesh->now_ms;
		fetch_set_due(mesh, run, UINT64_MAX);
		return;
	}
	if (mesh->now_ms >= fetch_last_ms(run)) {
		fetch_give_up(mesh, run);
		return;
	}
	fetch_suspect(mesh, run);
	if (run->known == 0) {
		fetch_settle(mesh, run);
		fetch_set_due(mesh, run, UINT64_MAX);
		return;
	}
	if ((run->known & ~run->tried) == 0) {
		run->tried = 0;
		if (run->tries < UINT8_MAX) {
			run->tries++;
		}
	}
	link = fetch_pick(mesh, run);
	if (link == NULL) {
		mesh->stats.fetch_limit++;
		fetch_set_due(mesh, run, mesh->now_ms + FETCH_TIMEOUT_MS);
		return;
	}
	fetch_ask(link, batch, run);
}

void
fetch_due(struct mesh *mesh)
{
	struct fetch_batch batch;
	struct missing_run *run;

	batch.slots = 0;
	batch.count = 0;
	while ((run = missing_first(&mesh->spread.missing)) != NULL &&
	       run->due_ms <= mesh->now_ms) {
		fetch_one(mesh, &batch, run);
		if (batch.count == FETCH_BATCH) {
			fetch_flush(mesh, &batch);
		}
	}
	fetch_flush(mesh, &batch);
	if (run != NULL) {
		mesh_wake_at(mesh, run->due_ms);
	}
}

/* Take `seq` out of the run it is in. */
static void
fetch_take(struct mesh *mesh, struct missing_run *run, uint64_t seq)
{
	struct missing_run *tail;

	if (seq != run->seq) {
		if (fetch_split(mesh, run, seq, &tail) != ERR_OK) {
			struct origin *origin = run->origin;
			uint64_t end = run->seq + run->count;

			missing_cut(run, (uint32_t)(seq - run->seq));
			mesh->stats.missing_full++;
			fetch_give_up_ids(mesh, origin, seq + 1, end);
			return;
		}
		run = tail;
	}
	if (run->count == 1) {
		fetch_remove(mesh, run);
	} else {
		missing_shift(run, 1);
	}
}

bool
fetch_on_first(struct mesh *mesh, struct origin *origin, struct tree_copy *copy)
{
	struct missing_run *run = missing_get(
	    &mesh->spread.missing, origin, copy->seq);

	if (run == NULL) {
		return false;
	}
	copy->first = (int)run->first;
	copy->first_ms = run->first_ms;
	copy->is_fetched = run->tried != 0 || run->tries != 0;
	if (copy->slot != ORIGIN_NO_SLOT && run->asked == copy->slot) {
		/* The answer is coming: wait for the rest of it. */
		run->tries = 0;
		fetch_set_due(mesh, run,
		    mesh->now_ms + fetch_timeout_ms(mesh->up[copy->slot]));
	}
	fetch_take(mesh, run, copy->seq);
	return true;
}

/* Would the link have had it earlier from here?  Then it is to be told, after
 * all, so that it can change to us. */
static bool
fetch_is_behind(
    const struct link *link, const struct history_entry *entry, uint64_t age_ms)
{
	uint32_t had_ms = (uint32_t)(link->mesh->now_ms - age_ms) - entry->ms;
	uint64_t rtt_ms = link->rtt_us / 1000;

	return age_ms < RECORD_AGE_MAX && link->rtt_us != 0 &&
	       had_ms < INT32_MAX &&
	       had_ms >= rtt_ms + TREE_LEAD_MS + entry->range.len / TREE_WIRE;
}

/* This node has the last id of the run too. */
static void
fetch_compare(
    struct link *link, struct origin *origin, const struct record_run *run)
{
	uint64_t seq = run->seq + run->count - 1;
	struct history_entry *entry = history_find(
	    &link->mesh->spread.history, origin, seq);

	if (entry == NULL) {
		return;
	}
	if (!fetch_is_behind(link, entry, run->flags)) {
		entry->known |= link_bit(link);
	}
	if (origin != &link->mesh->spread.self) {
		tree_on_announced(link, origin, seq, entry->ms,
		    fetch_would_ms(run, link->mesh->now_ms) +
		        entry->range.len / TREE_WIRE);
	}
}

/* The parent would not be much later than who would have brought it at
 * `would_ms`: it is not waited for as long as for an answer. */
static void
fetch_hurry(struct mesh *mesh, struct missing_run *run, uint64_t would_ms)
{
	uint64_t due_ms = would_ms + FETCH_TIMEOUT_MS;

	if (run->tried == 0 && run->tries == 0 &&
	    run->origin->parent != ORIGIN_NO_SLOT && due_ms < run->due_ms) {
		fetch_set_due(mesh, run, due_ms);
	}
}

static bool
fetch_takes(
    struct link *link, enum limit_kind kind, uint32_t count, uint64_t *counter)
{
	bool takes = limit_spend(link, kind, count);

	*counter += takes ? 0 : 1;
	return takes;
}

bool
fetch_may_look(struct link *link, const struct origin *origin, uint32_t count)
{
	uint32_t runs = count < origin->runs ? count : origin->runs;

	return LIKELY(runs == 0) || fetch_takes(link, LIMIT_MISSING, runs,
	                                &link->mesh->stats.missing_limit);
}

/* What this node has, the link has too: it need not be told. */
static void
fetch_mark(struct link *link, const struct origin *origin,
    const struct record_run *run)
{
	uint32_t count = run->count < FETCH_MARK_MAX ? run->count
	                                             : FETCH_MARK_MAX;

	if (count < 2 || origin->held == 0 ||
	    !fetch_takes(
	        link, LIMIT_MARK, count, &link->mesh->stats.mark_limit)) {
		return;
	}
	link->mesh->stats.mark_limit += run->count > FETCH_MARK_MAX ? 1 : 0;
	for (uint32_t i = 0; i + 1 < count; i++) {
		struct history_entry *entry = history_find(
		    &link->mesh->spread.history, origin, run->seq + i);

		if (entry != NULL) {
			entry->known |= link_bit(link);
		}
	}
}

void
fetch_on_ihave(struct link *link, struct record_array *list)
{
	struct mesh *mesh = link->mesh;
	struct record_run run;

	while (record_array_next(list, &run)) {
		struct missing_run *last = NULL;
		struct origin *origin;

		if (!spread_run_is_fit(mesh, &run)) {
			continue;
		}
		origin = spread_origin(
		    link, &run.origin, run.seq + run.count - 1, false);
		if (origin == NULL ||
		    !fetch_may_look(link, origin, run.count)) {
			continue;
		}
		fetch_mark(link, origin, &run);
		fetch_compare(link, origin, &run);
		if (origin != &mesh->spread.self) {
			last = fetch_note(link, origin, &run);
		} else {
			(void)spread_on_own(link, run.seq + run.count - 1);
		}
		if (last != NULL) {
			fetch_hurry(
			    mesh, last, fetch_would_ms(&run, mesh->now_ms));
		}
	}
	fetch_due(mesh);
}

/* As fetch_next, of what the link said that it has: the rest of a run stays as
 * it is. */
static struct missing_run *
fetch_next_of(
    struct link *link, struct origin *origin, uint64_t *seq, uint64_t end)
{
	struct mesh *mesh = link->mesh;
	const struct missing *missing = &mesh->spread.missing;
	const struct missing_run *run;

	while (
	    *seq < end && (run = missing_find(missing, origin, *seq)) != NULL) {
		if ((run->known & link_bit(link)) == 0) {
			*seq = run->seq + run->count;
		} else if (missing->count > MISSING_ROOMY) {
			fetch_make_room(mesh); /* it may be the one that goes */
		} else {
			return fetch_next(mesh, origin, seq, end);
		}
	}
	return NULL;
}

/* The link will not bring these.  `counter`: of runs given up because of it. */
static void
fetch_gone_run(struct link *link, struct origin *origin,
    const struct record_run *gone, uint64_t *counter)
{
	struct mesh *mesh = link->mesh;
	uint64_t seq = gone->seq;
	uint64_t end = seq + gone->count;
	struct missing_run *run;

	while ((run = fetch_next_of(link, origin, &seq, end)) != NULL) {
		run->known &= ~link_bit(link);
		run->tried &= ~link_bit(link);
		if (run->asked == link->slot) {
			fetch_settle(mesh, run);
		}
		if (run->known == 0) {
			++*counter;
			fetch_give_up(mesh, run);
		} else {
			fetch_set_due(mesh, run, mesh->now_ms);
		}
	}
}

void
fetch_on_gone(struct link *link, struct record_array *list)
{
	struct mesh *mesh = link->mesh;
	struct record_run run;

	while (record_array_next(list, &run)) {
		struct origin *origin = origins_find(
		    &mesh->origins, &run.origin);

		if (origin != NULL && fetch_may_look(link, origin, run.count)) {
			fetch_gone_run(link, origin, &run, &mesh->stats.gone);
		}
	}
	fetch_due(mesh);
}

void
fetch_on_far(struct link *link, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin = origins_find(&mesh->origins, &data->origin);
	const struct record_run run = { .seq = data->seq, .count = 1 };

	if (origin != NULL && link->state == LINK_UP) {
		fetch_gone_run(link, origin, &run, &mesh->stats.too_far);
		fetch_due(mesh);
	}
}

void
fetch_on_first_up(struct mesh *mesh)
{
	struct missing_run *run;

	TAILQ_FOREACH (run, &mesh->spread.missing.runs, by_age) {
		run->born_ms = mesh->now_ms;
		fetch_set_due(mesh, run, UINT64_MAX);
	}
}

void
fetch_on_down(const struct link *link)
{
	struct mesh *mesh = link->mesh;
	uint64_t bit = link_bit(link);
	struct missing_run *run;

	TAILQ_FOREACH (run, &mesh->spread.missing.runs, by_age) {
		uint64_t due_ms = run->due_ms;

		if (run->asked == link->slot) {
			fetch_settle(mesh, run);
			due_ms = mesh->now_ms;
		}
		if (run->known == bit) {
			run->born_ms = mesh->now_ms; /* from now on a hole */
		}
		run->known &= ~bit;
		run->tried &= ~bit;
		if (run->first == link->slot) {
			run->first = ORIGIN_NO_SLOT;
		}
		if (run->known == 0) {
			due_ms = UINT64_MAX;
		} else if (run->origin->parent == ORIGIN_NO_SLOT &&
		           run->tried == 0) {
			due_ms = mesh->now_ms;
		}
		fetch_set_due(mesh, run, due_ms);
	}
}
