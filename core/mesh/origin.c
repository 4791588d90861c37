/* SPDX-License-Identifier: MIT
 * origin.c - see origin.h. */

#include "mesh/origin.h"

#include <stdlib.h>

enum {
	ORIGIN_RATE_MS = 1000,     /* over which the rate is taken */
	ORIGIN_RATE_WIDE = 5000,   /* messages a second: widen above, */
	ORIGIN_RATE_NARROW = 1000, /* narrow below */
	ORIGINS_EXPIRE_MAX = 1024, /* a call */
};

/* The gaps of one origin's window, on their way to the owner. */
struct origin_gaps {
	struct window_gaps gaps;
	const struct origins *origins;
	const struct origin *origin;
};

static void
origin_on_gap(void *ctx, uint64_t first, uint64_t count)
{
	const struct origin_gaps *gaps = ctx;
	const struct origins_events *events = &gaps->origins->events;

	events->gap(events->ctx, &gaps->origin->id, first, count);
}

static void
origin_gaps_init(struct origin_gaps *gaps, const struct origins *origins,
    const struct origin *origin)
{
	gaps->gaps.gap = origin_on_gap;
	gaps->gaps.ctx = gaps;
	gaps->origins = origins;
	gaps->origin = origin;
}

void
origins_init(struct origins *origins, struct rng *rng,
    const struct origins_events *events)
{
	memset(origins, 0, sizeof(*origins));
	origins->events = *events;
	tombstones_init(&origins->tombstones, rng);
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
	struct origin *origin = origins->oldest;

	HASH_CLEAR(hh, origins->table);
	while (origin != NULL) {
		struct origin *next = origin->newer;

		origin_destroy(origin);
		origin = next;
	}
	origins->oldest = NULL;
	origins->newest = NULL;
	origins->count = 0;
	tombstones_fini(&origins->tombstones);
}

struct origin *
origins_find(const struct origins *origins, const struct nodeid *id)
{
	struct origin *origin;

	HASH_FIND(hh, origins->table, id, sizeof(*id), origin);
	return origin;
}

static void
origins_unlink(struct origins *origins, struct origin *origin)
{
	*(origin->older != NULL ? &origin->older->newer
	                        : &origins->oldest) = origin->newer;
	*(origin->newer != NULL ? &origin->newer->older
	                        : &origins->newest) = origin->older;
}

static void
origins_link_newest(struct origins *origins, struct origin *origin)
{
	origin->older = origins->newest;
	origin->newer = NULL;
	*(origins->newest != NULL ? &origins->newest->newer
	                          : &origins->oldest) = origin;
	origins->newest = origin;
}

static void
origins_remove(struct origins *origins, struct origin *origin)
{
	struct origin_gaps gaps;

	origin_gaps_init(&gaps, origins, origin);
	window_flush(&origin->window, &gaps.gaps);
	if (origin->window.max != 0 &&
	    tombstones_put(&origins->tombstones, &origin->id,
	        origin->window.max) != ERR_OK) {
		origins->tombstones_lost++;
	}
	origins->events.gone(origins->events.ctx, origin);
	HASH_DELETE(hh, origins->table, origin);
	origins_unlink(origins, origin);
	origins->count--;
	origins->wide -= origin->window.wide != NULL ? 1 : 0;
	origin_destroy(origin);
}

/* Make room for one more. */
static bool
origins_has_room(struct origins *origins, uint64_t now_ms)
{
	if (origins->count < ORIGINS_MAX) {
		return true;
	}
	if (now_ms - origins->oldest->seen_ms < ORIGIN_KEEP_MS) {
		return false;
	}
	origins_remove(origins, origins->oldest);
	return true;
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
	origin->id = *id;
	window_init(&origin->window);
	origin->seen_ms = now_ms;
	origin->rate_ms = now_ms;
	origin->rate = 0;
	HASH_ADD(hh, origins->table, id, sizeof(origin->id), origin);
	if (origin->hh.tbl == NULL) {
		free(origin);
		return ERR_NOMEM;
	}
	window_restart(
	    &origin->window, tombstones_take(&origins->tombstones, id));
	origins_link_newest(origins, origin);
	origins->count++;
	*out = origin;
	return ERR_OK;
}

/* Widen the window of a fast origin, narrow that of one no longer fast. */
static void
origins_measure(struct origins *origins, struct origin *origin, uint64_t now_ms)
{
	uint64_t past_ms = now_ms - origin->rate_ms;
	uint64_t rate;
	struct origin_gaps gaps;

	origin->rate++;
	if (past_ms < ORIGIN_RATE_MS) {
		return;
	}
	rate = (uint64_t)origin->rate * 1000 / past_ms;
	origin->rate = 0;
	origin->rate_ms = now_ms;
	if (origin->window.wide == NULL) {
		/* Out of memory: it stays narrow, and is tried again. */
		if (rate > ORIGIN_RATE_WIDE &&
		    origins->wide < ORIGINS_WIDE_MAX &&
		    window_widen(&origin->window) == ERR_OK) {
			origins->wide++;
		}
	} else if (rate < ORIGIN_RATE_NARROW) {
		origin_gaps_init(&gaps, origins, origin);
		window_narrow(&origin->window, &gaps.gaps);
		origins->wide--;
	}
}

enum window_verdict
origins_take(struct origins *origins, struct origin *origin, uint64_t seq,
    uint64_t now_ms)
{
	struct window *window = &origin->window;
	struct origin_gaps gaps;
	enum window_verdict verdict;

	origin_gaps_init(&gaps, origins, origin);
	if (UNLIKELY(seq >> 32 != window->max >> 32) && window->max != 0) {
		if (seq < window->max) {
			return WINDOW_OLD;
		}
		window_flush(window, &gaps.gaps);
		window_restart(window, 0);
	}
	verdict = window_take(window, seq, &gaps.gaps);
	if (verdict == WINDOW_NEW) {
		origin->seen_ms = now_ms;
		if (origins->newest != origin) {
			origins_unlink(origins, origin);
			origins_link_newest(origins, origin);
		}
		origins_measure(origins, origin, now_ms);
	}
	return verdict;
}

uint64_t
origins_newest(const struct origins *origins, const struct nodeid *id)
{
	const struct origin *origin = origins_find(origins, id);

	return origin != NULL ? origin->window.max
	                      : tombstones_find(&origins->tombstones, id);
}

void
origins_expire(struct origins *origins, uint64_t now_ms)
{
	for (size_t i = 0; i < ORIGINS_EXPIRE_MAX; i++) {
		struct origin *oldest = origins->oldest;

		if (oldest == NULL ||
		    now_ms - oldest->seen_ms < ORIGIN_IDLE_MS) {
			return;
		}
		origins_remove(origins, oldest);
	}
}

uint64_t
origins_next_ms(const struct origins *origins)
{
	return origins->oldest == NULL
	           ? UINT64_MAX
	           : origins->oldest->seen_ms + ORIGIN_IDLE_MS;
}
