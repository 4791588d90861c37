/* SPDX-License-Identifier: MIT
 * sync.c - see sync.h. */

#include "mesh/sync.h"

#include <stdlib.h>

#include "mesh/fetch.h"
#include "mesh/handshake.h"
#include "mesh/inside.h"

enum {
	SYNC_ROOM_MIN = 64,
	SYNC_LOOK_BACK = 32, /* ids told of that a later one may replace */
	SYNC_PART_MS = 1000, /* from one part, or try, to the next */
};

/* The entries of one part, in the order they are sent. */
struct sync {
	struct record_run *runs;
	size_t count, room;
	size_t empty;  /* of them, without ids */
	size_t left;   /* of the origin in the history, and not found yet */
	size_t misses; /* ids looked for in vain, in all parts */
	bool is_full;  /* there was more, */
	bool is_short; /* but no memory for it */
	bool is_cut;   /* there was more, and it will not be told */
};

static struct record_run *
sync_add(struct sync *sync)
{
	if (sync->count == sync->room) {
		size_t room = sync->room == 0 ? SYNC_ROOM_MIN : sync->room * 2;
		struct record_run *more = realloc(
		    sync->runs, room * sizeof(*more));

		if (more == NULL) {
			sync->is_full = true;
			sync->is_short = true;
			return NULL;
		}
		sync->runs = more;
		sync->room = room;
	}
	if (sync->count == SYNC_RUNS_MAX) {
		sync->is_full = true;
		return NULL;
	}
	return &sync->runs[sync->count++];
}

/* Lowest first: the first one is the base of who knows nothing yet. */
static void
sync_reverse(struct record_run *runs, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct record_run run = runs[i];

		runs[i] = runs[count - 1 - i];
		runs[count - 1 - i] = run;
	}
}

/* `max` is the highest, and not held. */
static void
sync_add_empty(struct sync *sync, const struct nodeid *id, uint64_t max)
{
	struct record_run *run;

	if (sync->empty == SYNC_EMPTY_MAX) {
		sync->is_full = true;
		return;
	}
	run = sync_add(sync);
	if (run != NULL) {
		sync->empty++;
		*run = (struct record_run){ .origin = *id, .seq = max + 1 };
	}
}

/* One more id is not there: is that enough for this link? */
static bool
sync_has_searched(struct sync *sync)
{
	bool is_enough = sync->misses == SYNC_MISSES_MAX;

	sync->misses += is_enough ? 0 : 1;
	sync->is_cut = sync->is_cut || is_enough;
	return is_enough;
}

/* The ids of the boot of `max`, which is the highest, newest first. */
static void
sync_add_boot(struct sync *sync, const struct history *history,
    const struct origin *origin, uint64_t max)
{
	uint64_t counter = (uint32_t)max;
	uint64_t ids = counter < SYNC_IDS_MAX ? counter : SYNC_IDS_MAX;
	struct record_run *run = NULL;

	/* It is sent behind what is held, which is known then. */
	if (history_find(history, origin, max) == NULL) {
		sync_add_empty(sync, &origin->id, max);
	}
	for (uint64_t seq = max; sync->left > 0 && seq > max - ids; seq--) {
		if (history_find(history, origin, seq) == NULL) {
			run = NULL;
			if (sync_has_searched(sync)) {
				break;
			}
			continue;
		}
		sync->left--;
		if (run == NULL) {
			run = sync_add(sync);
			if (run == NULL) {
				return;
			}
			*run = (struct record_run){ .origin = origin->id };
		}
		run->seq = seq;
		run->count++;
	}
}

/* The boots before that of `max`, which is 0 if there is none, come first: who
 * has not heard of them would not take them later. */
static void
sync_add_origin(struct sync *sync, const struct mesh *mesh,
    const struct origin *origin, uint64_t max)
{
	const struct history *history = &mesh->spread.history;
	size_t begin = sync->count;
	uint64_t end = origin->last;

	sync->left = origin->held;
	if (max != 0) {
		sync_add_boot(sync, history, origin, max);
	}
	while (end != 0) {
		sync_add_boot(sync, history, origin, end);
		end = origin->has_ends
		          ? ends_before(&mesh->spread.ends, &origin->id, end)
		          : 0;
	}
	if (sync->count > begin) { /* else there may be no memory at all */
		sync_reverse(sync->runs + begin, sync->count - begin);
	}
}

/* Of who is forgotten here nobody else may be left that could tell. */
static void
sync_add_buried(struct sync *sync, const struct origins *origins)
{
	for (size_t nth = 0; nth < ORIGINS_BURIED_MAX; nth++) {
		const struct idcache_item *of = origins_buried(origins, nth);

		if (of != NULL && of->last != 0) {
			sync_add_empty(sync, &of->id, of->last);
		}
		if (of != NULL) {
			sync_add_empty(sync, &of->id, of->max);
		}
	}
}

/* Boots of an origin that are only heard of, from that of `seq` on. */
static void
sync_add_heard_of(struct sync *sync, const struct mesh *mesh,
    const struct nodeid *id, uint64_t seq)
{
	for (; seq != 0; seq = ends_after(&mesh->spread.heard, id, seq)) {
		sync_add_empty(sync, id, seq);
	}
}

/* Those of all others, the oldest of each origin first; for some time, else they
 * would be passed on among newcomers for ever. */
static void
sync_add_heard(struct sync *sync, const struct mesh *mesh)
{
	const struct ends *heard = &mesh->spread.heard;

	for (size_t i = 0; i < ENDS_MAX; i++) {
		const struct ends_item *item = &heard->items[i];

		if (mesh->now_ms - item->put_ms < ENDS_KEEP_MS &&
		    ends_before(heard, &item->id, item->seq) == 0 &&
		    !nodeid_equal(&item->id, &mesh->node_id)) {
			sync_add_heard_of(sync, mesh, &item->id, item->seq);
		}
	}
}

/* Of its former lives nobody else may be left that could tell all. */
static void
sync_add_self(struct sync *sync, const struct mesh *mesh)
{
	const struct spread *spread = &mesh->spread;

	sync_add_heard_of(sync, mesh, &mesh->node_id,
	    ends_after(&spread->heard, &mesh->node_id, 0));
	sync_add_origin(
	    sync, mesh, &spread->self, spread->has_published ? mesh->seq : 0);
}

/* All that there is to tell, step by step: this node, each place of the table,
 * who was forgotten or never known.  An origin keeps its place, but that it may
 * move up in a row of them if one goes.  Returns whether no row goes on behind
 * this step. */
static bool
sync_add_step(struct sync *sync, const struct mesh *mesh, size_t step)
{
	const struct idtable *table = &mesh->origins.table;
	const struct origin *origin;

	if (step == 0) {
		sync_add_self(sync, mesh);
		return true;
	}
	if (step > table->room) {
		sync_add_buried(sync, &mesh->origins);
		sync_add_heard(sync, mesh);
		return true;
	}
	/* An origin begins with its id. */
	origin = (const struct origin *)table->places[step - 1].item;
	if (origin != NULL && origin->base != 0) {
		sync_add_origin(sync, mesh, origin, origin->window.max);
	}
	return origin == NULL;
}

/* So much of it, from step *next on, as one part holds; *next is where the
 * other one begins, 0: that was all. */
static void
sync_gather(struct sync *sync, const struct mesh *mesh, size_t *next)
{
	size_t end = mesh->origins.table.room + 2;
	size_t edge = 0;
	size_t whole = 0; /* entries before that */

	for (size_t step = *next; step < end; step++) {
		size_t before = sync->count;
		bool is_edge = sync_add_step(sync, mesh, step);

		if (sync->is_full && whole > 0) {
			sync->count = whole;
			*next = edge;
			return;
		}
		if (sync->is_full) {
			/* More than a part of one origin: its newest ids. */
			bool is_one = before == 0 && !sync->is_short;

			sync->is_cut = sync->is_cut || is_one;
			sync->count = is_one ? sync->count : before;
			*next = is_one ? step + 1 : step;
			return;
		}
		if (is_edge) {
			edge = step + 1;
			whole = sync->count;
		}
	}
	*next = 0;
}

static void
sync_wake_at(struct mesh *mesh, uint64_t ms)
{
	if (ms < mesh->spread.sync_ms) {
		mesh->spread.sync_ms = ms;
	}
	mesh_wake_at(mesh, ms);
}

static void
sync_set_due(struct link *link, uint64_t due_ms)
{
	link->sync.due_ms = due_ms;
	sync_wake_at(link->mesh, due_ms);
}

void
sync_send(struct link *link)
{
	struct mesh *mesh = link->mesh;
	struct link_sync *rest = &link->sync;
	struct sync sync = { .misses = rest->misses };

	rest->due_ms = UINT64_MAX;
	if (link->is_fresh) {
		return;
	}
	(void)history_expire(&mesh->spread.history, mesh->now_ms);
	if (rest->room != mesh->origins.table.room) {
		rest->room = mesh->origins.table.room;
		rest->next = 0; /* all places have changed */
	}
	sync_gather(&sync, mesh, &rest->next);
	mesh->stats.sync_cut += sync.is_full || sync.is_cut ? 1 : 0;
	mesh->stats.nomem += sync.is_short ? 1 : 0;
	rest->misses = sync.is_full ? sync.misses : 0;
	if (sync.count > 0) {
		mesh->stats.syncs++;
		rest->sent_ms = mesh->now_ms;
		spread_send_runs(link, RECORD_SYNC, sync.runs, sync.count);
	}
	if (sync.is_full || rest->is_again) {
		rest->is_again = sync.is_full && rest->is_again;
		sync_set_due(link, mesh->now_ms + SYNC_PART_MS);
	}
	free(sync.runs);
}

void
sync_again(struct link *link)
{
	struct link_sync *rest = &link->sync;
	uint64_t due_ms = rest->sent_ms + SYNC_PART_MS;

	if (rest->next != 0) {
		rest->is_again = true;
	} else if (!link->is_fresh) {
		sync_set_due(link,
		    due_ms > link->mesh->now_ms ? due_ms : link->mesh->now_ms);
	}
}

/* Nothing was ever heard of it, and it did not begin when this node was there to
 * hear it. */
static bool
sync_is_no_loss(const struct mesh *mesh, const struct nodeid *id, uint64_t max)
{
	return origins_newest(&mesh->origins, id) == 0 &&
	       (!origins_was_there(&mesh->origins, max) || (uint32_t)max == 0);
}

/* What was heard of and is a loss had no room: is there any now? */
static void
sync_try(struct mesh *mesh)
{
	const struct ends *heard = &mesh->spread.heard;

	for (size_t i = 0; i < ENDS_MAX; i++) {
		const struct ends_item item = heard->items[i];
		struct origin *origin;

		if (item.seq == 0 || spread_find(mesh, &item.id) != NULL ||
		    sync_is_no_loss(mesh, &item.id, item.seq) ||
		    origins_is_buried(&mesh->origins, &item.id, item.seq)) {
			continue;
		}
		if (spread_add_origin(mesh, &item.id, &origin) != ERR_OK) {
			sync_wake_at(mesh, mesh->now_ms + SYNC_PART_MS);
			return;
		}
		sync_recall(mesh, origin);
	}
}

void
sync_due(struct mesh *mesh)
{
	struct link *link;

	if (LIKELY(mesh->now_ms < mesh->spread.sync_ms)) {
		mesh_wake_at(mesh, mesh->spread.sync_ms);
		return;
	}
	mesh->spread.sync_ms = UINT64_MAX;
	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		if (link->sync.due_ms <= mesh->now_ms) {
			sync_send(link);
		} else {
			sync_set_due(link, link->sync.due_ms);
		}
	}
	sync_try(mesh);
}

/* The origin has come as far as `max`, and nobody may hold anything of it.
 * Returns true if this is news. */
static bool
sync_on_empty(struct mesh *mesh, struct origin *origin, uint64_t max)
{
	uint64_t known = origin->window.max;

	if (max >> 32 < known >> 32) {
		return fetch_hear_old(mesh, origin, max);
	}
	if (max >> 32 > known >> 32 && (uint32_t)max != 0) {
		/* A whole boot that nobody may be able to bring. */
		fetch_on_boot(mesh, origin, max);
		(void)origins_expect(&mesh->origins, origin, max);
		known = origin->window.max;
	}
	if (origin->base == 0 || max <= known || max >> 32 != known >> 32 ||
	    missing_get(&mesh->spread.missing, origin, max) != NULL) {
		return false;
	}
	fetch_note_holes(mesh, origin, known + 1, max + 1);
	return true;
}

/* Returns up to where the origin has come in a boot, if that is news to those
 * that have this node's word only; else 0. */
static uint64_t
sync_on_run(struct link *link, struct origin *origin, struct record_run *run)
{
	struct mesh *mesh = link->mesh;
	uint64_t last = origin->last;
	uint64_t end = fetch_old_end(mesh, origin, run->seq);

	if (run->count == 0) {
		uint64_t max = run->seq - 1;

		return sync_on_empty(mesh, origin, max) ? max : 0;
	}
	if (run->count > SYNC_IDS_MAX) {
		run->seq += run->count - SYNC_IDS_MAX;
		run->count = SYNC_IDS_MAX;
	}
	(void)fetch_note(link, origin, run);
	fetch_believe(mesh, origin, run->seq, run->seq + run->count);
	if (end != fetch_old_end(mesh, origin, run->seq)) {
		return run->seq + run->count - 1;
	}
	return origin->last != last ? origin->last : 0;
}

void
sync_hear(struct link *link, const struct nodeid *id, uint64_t max)
{
	struct mesh *mesh = link->mesh;

	if (ends_hear(&mesh->spread.heard, id, max, mesh->now_ms)) {
		sync_tell(mesh, id, max, mesh->up_slots & ~link_up_bit(link));
	}
	if (!sync_is_no_loss(mesh, id, max)) {
		sync_wake_at(mesh, mesh->now_ms + SYNC_PART_MS);
	}
}

/* `said` is the last word of the link on this origin: it may know less of it
 * than was heard here, maybe long ago. */
static void
sync_answer(struct link *link, const struct record_run *said)
{
	struct mesh *mesh = link->mesh;
	const struct ends *heard = &mesh->spread.heard;
	uint64_t end = 0;

	/* Mostly nothing was heard of it, as it is known. */
	while (said->count == 0 &&
	       (end = ends_after(heard, &said->origin, end)) != 0) {
		if (end > said->seq - 1) {
			sync_tell(mesh, &said->origin, end, link_up_bit(link));
		}
	}
}

void
sync_recall(struct mesh *mesh, struct origin *origin)
{
	struct ends *heard = &mesh->spread.heard;
	uint64_t end = 0;

	while ((end = ends_after(heard, &origin->id, end)) != 0) {
		bool is_before = origin->base == 0 ||
		                 end >> 32 < origin->window.max >> 32;

		if (is_before && !origins_was_there(&mesh->origins, end)) {
			continue; /* no loss: still only heard of */
		}
		*ends_find(heard, &origin->id, end) = 0;
		if (sync_on_empty(mesh, origin, end)) {
			sync_tell(mesh, &origin->id, end, mesh->up_slots);
		}
	}
}

/* The origin of a run, NULL: nothing to do. */
static struct origin *
sync_origin(struct link *link, const struct record_run *run)
{
	struct mesh *mesh = link->mesh;
	bool is_early = mesh->now_ms - link->up_ms < SYNC_EARLY_MS;
	struct record_run told = *run;

	if (nodeid_equal(&run->origin, &mesh->node_id)) {
		handshake_pass(link, run->seq + run->count - 1);
		return NULL;
	}
	if (run->count == 0) {
		told.seq--;
		told.count = 1;
	}
	if (!spread_run_is_fit(mesh, &told)) {
		return NULL;
	}
	if (run->count == 0 && sync_is_no_loss(mesh, &run->origin, told.seq)) {
		sync_hear(link, &run->origin, told.seq);
		return NULL;
	}
	return spread_origin(
	    link, &run->origin, told.seq + told.count - 1, is_early);
}

/* The last ones told of are searched for one that this is the next of. */
static struct lazy_item *
sync_last(const struct lazy *told, const struct nodeid *id, uint64_t seq,
    uint64_t slots)
{
	size_t stop = told->count > SYNC_LOOK_BACK
	                  ? told->count - SYNC_LOOK_BACK
	                  : 0;

	for (size_t i = told->count; i > stop; i--) {
		struct lazy_item *item = &told->items[i - 1];

		if (item->seq >> 32 == seq >> 32 && item->slots == slots &&
		    nodeid_equal(&item->origin, id)) {
			return item;
		}
	}
	return NULL;
}

void
sync_tell(
    struct mesh *mesh, const struct nodeid *id, uint64_t seq, uint64_t slots)
{
	struct lazy *told = &mesh->spread.lazies[SPREAD_TOLD];
	struct lazy_item *last = sync_last(told, id, seq, slots);
	const struct lazy_item item = {
		.origin = *id,
		.seq = seq,
		.slots = slots,
		.put_ms = mesh->now_ms,
	};

	if (slots == 0) {
		return;
	}
	if (last != NULL) {
		last->seq = seq > last->seq ? seq : last->seq;
	} else if (told->count == SYNC_EMPTY_MAX) {
		spread_untold(mesh, &mesh->stats.sync_cut);
	} else if (lazy_put(told, &item) != ERR_OK) {
		spread_untold(mesh, &mesh->stats.nomem);
	}
	mesh_wake_at(mesh, told->due_ms);
}

void
sync_on_own(const struct link *link, uint64_t seq)
{
	struct mesh *mesh = link->mesh;

	if (seq >> 32 < mesh_boot(mesh) &&
	    fetch_old_end(mesh, &mesh->spread.self, seq) < seq &&
	    ends_hear(&mesh->spread.heard, &mesh->node_id, seq, mesh->now_ms)) {
		sync_tell(mesh, &mesh->node_id, seq,
		    mesh->up_slots & ~link_up_bit(link));
	}
}

void
sync_on_record(struct link *link, struct record_array *list)
{
	struct mesh *mesh = link->mesh;
	struct record_run said = { .seq = 0 };
	struct record_run run;

	while (record_array_next(list, &run)) {
		struct origin *origin = sync_origin(link, &run);
		uint64_t max = 0;

		if (!nodeid_equal(&said.origin, &run.origin)) {
			sync_answer(link, &said);
		}
		said = run;
		if (origin != NULL &&
		    fetch_may_look(link, origin,
		        run.count == 0 ? UINT32_MAX : run.count)) {
			max = sync_on_run(link, origin, &run);
		}
		if (max != 0) {
			sync_tell(mesh, &run.origin, max,
			    mesh->up_slots & ~link_bit(link));
		}
	}
	sync_answer(link, &said);
	fetch_due(mesh);
}
