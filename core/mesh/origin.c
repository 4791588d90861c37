/* SPDX-License-Identifier: MIT
 * origin.c - see origin.h. */

#include "mesh/origin.h"

#include <stdlib.h>

#include "mesh/ahead.h"

enum {
	ORIGIN_RATE_MS = 1000,     /* over which the rate is taken */
	ORIGIN_RATE_WIDE = 5000,   /* messages a second: widen above, */
	ORIGIN_RATE_NARROW = 1000, /* narrow below */
	ORIGINS_EXPIRE_MAX = 1024, /* a call */
};

/* These numbers were not taken and never will be.  Returns how many of them
 * are gaps. */
static uint64_t
origins_pass_run(const struct origins *origins, struct origin *origin,
    uint64_t first, uint64_t count)
{
	const struct origins_events *events = &origins->events;
	uint64_t base = origin->base;

	events->passed(events->ctx, origin, first, count);
	/* Below the base nothing was promised. */
	if (first < base) {
		if (base - first >= count) {
			return 0;
		}
		count -= base - first;
		first = base;
	}
	events->gap(events->ctx, origin, first, count);
	return count;
}

/* The window is about to leave all numbers up to `last` behind. */
static uint64_t
origins_pass(
    const struct origins *origins, struct origin *origin, uint64_t last)
{
	uint64_t first = 0;
	uint64_t gaps = 0;
	uint64_t count;

	while (window_next_unset(&origin->window, &first, last, &count)) {
		gaps += origins_pass_run(origins, origin, first, count);
		first += count;
	}
	return gaps;
}

/* As window_take. */
static enum window_verdict
origins_mark(struct origins *origins, struct origin *origin, uint64_t seq)
{
	struct window *window = &origin->window;

	if (window->max != 0 && seq > window->max) {
		origins->window_lost += origins_pass(
		    origins, origin, window_old(window, seq));
	}
	return window_take(window, seq);
}

void
origins_init(struct origins *origins, struct rng *rng,
    const struct origins_events *events)
{
	memset(origins, 0, sizeof(*origins));
	TAILQ_INIT(&origins->all);
	origins->events = *events;
	idcache_init(&origins->tombstones, rng, TOMBSTONES_MAX);
	idtable_init(&origins->table, origins->tombstones.salt);
}

static void
origin_destroy(struct origin *origin)
{
	window_fini(&origin->window);
	free(origin);
}

void
origins_fini(struct origins *origins)
{
	struct origin *origin;

	idtable_fini(&origins->table);
	while ((origin = TAILQ_FIRST(&origins->all)) != NULL) {
		TAILQ_REMOVE(&origins->all, origin, by_age);
		origin_destroy(origin);
	}
	origins->named = NULL;
	origins->named_count = 0;
	idcache_fini(&origins->tombstones);
}

struct origin *
origins_find(const struct origins *origins, const struct nodeid *id)
{
	/* An origin begins with its id. */
	return (struct origin *)(uintptr_t)idtable_find(&origins->table, id);
}

const struct origin *
origins_foresee(const struct origins *origins, uint64_t hash, uint64_t seq)
{
	const struct origin *origin = origins_guess(origins, hash);

	if (origin != NULL) {
		const uint8_t *at = (const uint8_t *)origin;

		ahead_fetch(at);
		ahead_fetch(at + 64);
		/* It need not begin with a line. */
		ahead_fetch(&origin->window.wide);
		ahead_fetch(&origin->window.bits[seq % WINDOW_IDS / 64]);
	}
	return origin;
}

/* It is new, and nothing but its name is known: before all those of which more
 * is. */
static void
origins_link_named(struct origins *origins, struct origin *origin)
{
	if (origins->named != NULL) {
		TAILQ_INSERT_AFTER(
		    &origins->all, origins->named, origin, by_age);
	} else {
		TAILQ_INSERT_HEAD(&origins->all, origin, by_age);
	}
	origin->is_named = true;
	origins->named = origin;
	origins->named_count++;
}

/* It is not one of those any more, and leaves its place in the list. */
__attribute__((noinline)) static void
origins_drop_named(struct origins *origins, struct origin *origin)
{
	origin->is_named = false;
	origins->named_count--;
	if (origins->named == origin) {
		origins->named = TAILQ_PREV(origin, origin_list, by_age);
	}
}

/* The last one of them, wherever it was before. */
static void
origins_note_buried(struct origins *origins, const struct nodeid *id)
{
	struct nodeid *buried = origins->buried;
	size_t at = 0;

	while (at < origins->buried_count && !nodeid_equal(&buried[at], id)) {
		at++;
	}
	if (at == ORIGINS_BURIED_MAX) {
		at = 0;
	} else if (at == origins->buried_count) {
		origins->buried_count++;
	}
	memmove(&buried[at], &buried[at + 1],
	    (origins->buried_count - 1 - at) * sizeof(*buried));
	buried[origins->buried_count - 1] = *id;
}

void
origins_bury(struct origins *origins, const struct nodeid *id, uint64_t max,
    uint64_t last)
{
	struct idcache_item *tombstone = idcache_put(&origins->tombstones, id);

	if (tombstone == NULL) {
		origins->tombstones_lost++;
		return;
	}
	tombstone->max = max;
	tombstone->last = last;
	origins_note_buried(origins, id);
}

const struct idcache_item *
origins_buried(const struct origins *origins, size_t nth)
{
	return nth < origins->buried_count
	           ? idcache_find(&origins->tombstones,
	                 &origins->buried[origins->buried_count - 1 - nth])
	           : NULL;
}

/* Of one that is new in the table: what its tombstone said. */
static void
origins_exhume(struct origins *origins, struct origin *origin)
{
	struct idcache_item *tombstone = idcache_find(
	    &origins->tombstones, &origin->id);

	if (tombstone == NULL) {
		return;
	}
	origin->base = tombstone->max + 1;
	origin->last = tombstone->last;
	origin->lost_ends = true; /* if there were any */
	window_restart(&origin->window, tombstone->max);
	idcache_drop(&origins->tombstones, tombstone);
}

static void
origins_remove(struct origins *origins, struct origin *origin)
{
	(void)origins_pass(origins, origin, origin->window.max);
	origins->events.gone(origins->events.ctx, origin);
	if (origin->window.max != 0) {
		origins_bury(
		    origins, &origin->id, origin->window.max, origin->last);
	}
	idtable_remove(&origins->table, &origin->id);
	if (origin->is_named) {
		origins_drop_named(origins, origin);
	}
	TAILQ_REMOVE(&origins->all, origin, by_age);
	origins->wide -= origin->window.wide != NULL ? 1 : 0;
	origin_destroy(origin);
}

/* Something new came from it. */
static inline void
origins_touch(struct origins *origins, struct origin *origin, uint64_t now_ms)
{
	origin->seen_ms = now_ms;
	if (UNLIKELY(origin->is_named)) {
		origins_drop_named(origins, origin);
	}
	if (TAILQ_NEXT(origin, by_age) != NULL) {
		TAILQ_REMOVE(&origins->all, origin, by_age);
		TAILQ_INSERT_TAIL(&origins->all, origin, by_age);
	}
}

void
origins_on_come(struct origins *origins, struct origin *origin, uint64_t now_ms)
{
	if (origin->is_named) {
		origins_touch(origins, origin, now_ms);
	}
}

/* Of those that are not only named the one idle longest; NULL: none is. */
static struct origin *
origins_oldest(const struct origins *origins)
{
	return origins->named != NULL ? TAILQ_NEXT(origins->named, by_age)
	                              : TAILQ_FIRST(&origins->all);
}

/* The same, if that is `ms` or more; else NULL.  What the history holds of such
 * a one came as part of an old boot: it is not idle, and to forget it the whole
 * history would be searched. */
static struct origin *
origins_idle(struct origins *origins, uint64_t now_ms, uint64_t ms)
{
	struct origin *oldest;

	while ((oldest = origins_oldest(origins)) != NULL &&
	       now_ms - oldest->seen_ms >= ms) {
		if (oldest->held == 0) {
			return oldest;
		}
		origins_touch(origins, oldest, now_ms);
	}
	return NULL;
}

/* Make room for one more. */
static bool
origins_has_room(struct origins *origins, uint64_t now_ms)
{
	bool is_full = origins->table.count >= ORIGINS_MAX;
	struct origin *gone;

	if (origins->named_count >= ORIGINS_NAMED_MAX ||
	    (is_full && origins->named != NULL)) {
		origins->named_lost++;
		gone = TAILQ_FIRST(&origins->all);
	} else if (is_full) {
		gone = origins_idle(origins, now_ms, ORIGIN_KEEP_MS);
	} else {
		return true;
	}
	if (gone != NULL) {
		origins_remove(origins, gone);
	}
	return gone != NULL;
}

void
origin_init(struct origin *origin, const struct nodeid *id, uint64_t now_ms)
{
	uint32_t long_ago = (uint32_t)now_ms - ORIGIN_IDLE_MS;

	memset(origin, 0, sizeof(*origin));
	origin->id = *id;
	window_init(&origin->window);
	origin->seen_ms = now_ms;
	origin->rate_ms = (uint32_t)now_ms;
	origin->graft_ms = long_ago;
	origin->prune_ms = long_ago;
	origin->try_ms = long_ago;
	origin->parent = ORIGIN_NO_SLOT;
	origin->tried_from = ORIGIN_NO_SLOT;
	origin->grafted = ORIGIN_NO_SLOT;
}

enum err
origins_add(struct origins *origins, const struct nodeid *id, uint64_t now_ms,
    struct origin **out)
{
	struct origin *origin;

	if (!origins_has_room(origins, now_ms)) {
		return ERR_FULL;
	}
	origin = malloc(sizeof(*origin));
	if (origin == NULL) {
		return ERR_NOMEM;
	}
	origin_init(origin, id, now_ms);
	if (idtable_add(&origins->table, &origin->id) != ERR_OK) {
		free(origin);
		return ERR_NOMEM;
	}
	origins_exhume(origins, origin);
	origins_link_named(origins, origin);
	*out = origin;
	return ERR_OK;
}

/* Out of memory, or too many: it stays narrow, and is tried again. */
static void
origins_widen(struct origins *origins, struct origin *origin)
{
	if (origins->wide < ORIGINS_WIDE_MAX &&
	    window_widen(&origin->window) == ERR_OK) {
		origins->wide++;
		origins->widened++;
	} else {
		origins->unwidened++;
	}
}

/* Unless numbers that may still come would fall out. */
static void
origins_narrow(struct origins *origins, struct origin *origin)
{
	struct window *window = &origin->window;
	uint64_t last = window->max < WINDOW_IDS ? 0 : window->max - WINDOW_IDS;
	uint64_t first = origin->base;
	uint64_t count;

	if (window_next_unset(window, &first, last, &count)) {
		return;
	}
	(void)origins_pass(origins, origin, last);
	window_narrow(window);
	origins->wide--;
}

/* Widen the window of a fast origin, narrow that of one no longer fast. */
static void
origins_measure(struct origins *origins, struct origin *origin, uint64_t now_ms)
{
	uint32_t past_ms = (uint32_t)now_ms - origin->rate_ms;
	uint64_t rate;

	origin->rate++;
	if (past_ms < ORIGIN_RATE_MS) {
		return;
	}
	rate = (uint64_t)origin->rate * 1000 / past_ms;
	origin->rate = 0;
	origin->rate_ms = (uint32_t)now_ms;
	if (origin->window.wide == NULL) {
		if (rate > ORIGIN_RATE_WIDE) {
			origins_widen(origins, origin);
		}
	} else if (rate < ORIGIN_RATE_NARROW) {
		origins_narrow(origins, origin);
	}
}

/* Numbers that are missing must not fall off, if memory can help it. */
static void
origins_keep_missing(
    struct origins *origins, struct origin *origin, uint64_t seq)
{
	struct window *window = &origin->window;
	uint64_t first = origin->base;
	uint64_t count;

	if (window->wide != NULL || seq - window->max >= WINDOW_IDS_WIDE ||
	    seq < WINDOW_IDS) {
		return;
	}
	if (window_next_unset(window, &first, seq - WINDOW_IDS, &count)) {
		origins_widen(origins, origin);
	}
}

/* A boot that was not seen before. */
static bool
origin_is_new_boot(const struct origin *origin, uint64_t seq)
{
	return seq >> 32 > origin->window.max >> 32;
}

bool
origins_expect(struct origins *origins, struct origin *origin, uint64_t seq)
{
	bool is_known = origin->base != 0;
	uint64_t floor = seq >> 32 << 32;

	if (is_known && !origin_is_new_boot(origin, seq)) {
		return false;
	}
	origin->base = floor + 1;
	origin->parent_seq = 0;
	if (!is_known && !origins_was_there(origins, seq)) {
		origin->base = seq;
		floor = seq - floor > ORIGIN_SOFT_IDS
		            ? seq - ORIGIN_SOFT_IDS - 1
		            : floor;
	}
	window_restart(&origin->window, floor);
	return true;
}

/* It may be early, late, the first of all or of a boot. */
static enum window_verdict
origins_take_any(struct origins *origins, struct origin *origin, uint64_t seq)
{
	struct window *window = &origin->window;

	if (origin->base == 0 || origin_is_new_boot(origin, seq)) {
		(void)origins_expect(origins, origin, seq);
	} else if (seq >> 32 < window->max >> 32) {
		return WINDOW_OLD;
	}
	if (seq > window->max + 1 || (origin->runs > 0 && seq > window->max)) {
		origins_keep_missing(origins, origin, seq);
	}
	return origins_mark(origins, origin, seq);
}

enum window_verdict
origins_take(struct origins *origins, struct origin *origin, uint64_t seq,
    uint64_t now_ms)
{
	enum window_verdict verdict = WINDOW_NEW;

	if (UNLIKELY(origin->runs > 0 || origin->base == 0 ||
	             origin_is_new_boot(origin, seq) ||
	             !window_take_next(&origin->window, seq))) {
		verdict = origins_take_any(origins, origin, seq);
	}
	if (LIKELY(verdict == WINDOW_NEW)) {
		origins_touch(origins, origin, now_ms);
		origins_measure(origins, origin, now_ms);
	}
	return verdict;
}

/* `count` numbers from `first` on, of which the window has none. */
static void
origins_give_up_run(const struct origins *origins, struct origin *origin,
    uint64_t first, uint64_t count)
{
	struct window *window = &origin->window;
	uint64_t last = first + count - 1;

	if (window->max != 0 && last > window->max) {
		/* What lies below them and falls off. */
		uint64_t old = window_old(window, last);

		(void)origins_pass(
		    origins, origin, old < first ? old : first - 1);
	}
	window_fill(window, first, last);
	(void)origins_pass_run(origins, origin, first, count);
}

void
origins_give_up(struct origins *origins, struct origin *origin, uint64_t first,
    uint64_t count)
{
	uint64_t end = first + count;
	uint64_t run;

	if (count == 0) {
		return;
	}
	if (first >> 32 < origin->window.max >> 32) {
		origins->events.gap(origins->events.ctx, origin, first, count);
		return;
	}
	(void)origins_expect(origins, origin, first);
	while (first < end &&
	       window_next_unset(&origin->window, &first, end - 1, &run)) {
		origins_give_up_run(origins, origin, first, run);
		first += run;
	}
}

uint64_t
origins_newest(const struct origins *origins, const struct nodeid *id)
{
	const struct origin *origin = origins_find(origins, id);
	const struct idcache_item *tombstone;

	if (origin != NULL) {
		return origin->window.max;
	}
	tombstone = idcache_find(&origins->tombstones, id);
	return tombstone != NULL ? tombstone->max : 0;
}

bool
origins_is_buried(
    const struct origins *origins, const struct nodeid *id, uint64_t seq)
{
	const struct idcache_item *tombstone = idcache_find(
	    &origins->tombstones, id);
	bool is_before = tombstone != NULL && tombstone->last != 0 &&
	                 seq >> 32 < tombstone->max >> 32;

	return tombstone != NULL &&
	       seq <= (is_before ? tombstone->last : tombstone->max);
}

void
origins_expire(struct origins *origins, uint64_t now_ms)
{
	for (size_t i = 0; i < ORIGINS_EXPIRE_MAX; i++) {
		struct origin *idle = TAILQ_FIRST(&origins->all);

		if (origins->named == NULL ||
		    now_ms - idle->seen_ms < ORIGIN_IDLE_MS) {
			idle = origins_idle(origins, now_ms, ORIGIN_IDLE_MS);
		}
		if (idle == NULL) {
			return;
		}
		origins_remove(origins, idle);
	}
}

static uint64_t
origin_idle_ms(const struct origin *origin)
{
	return origin != NULL ? origin->seen_ms + ORIGIN_IDLE_MS : UINT64_MAX;
}

uint64_t
origins_next_ms(const struct origins *origins)
{
	uint64_t named_ms = origin_idle_ms(TAILQ_FIRST(&origins->all));
	uint64_t ms = origin_idle_ms(origins_oldest(origins));

	return named_ms < ms ? named_ms : ms;
}
