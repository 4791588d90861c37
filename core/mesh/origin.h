/* SPDX-License-Identifier: MIT
 * origin.h - the nodes that messages come from, and what was seen of each.
 *
 * ORIGINS_MAX at the most.  Full: the one idle longest goes, but none that was
 * active in the last two minutes; else the new one is refused.  Idle for ten
 * minutes: freed.  Who goes leaves a tombstone, and what it still missed is a
 * gap. */
#ifndef MESH_ORIGIN_H
#define MESH_ORIGIN_H

#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/err.h"
#include "base/rng.h"
#include "mesh/tombstone.h"
#include "mesh/window.h"
#include "wire/nodeid.h"

#define ORIGINS_MAX      65536u
#define ORIGINS_WIDE_MAX 256u    /* with a wide window */
#define ORIGIN_KEEP_MS   120000u /* never evicted before */
#define ORIGIN_IDLE_MS   600000u /* freed then */

struct origin {
	struct nodeid id;
	struct window window;
	uint64_t seen_ms;             /* last new message */
	struct origin *older, *newer; /* by seen_ms */
	uint64_t rate_ms;             /* when counting began */
	uint32_t rate;                /* new messages since then */
	UT_hash_handle hh;
};

/* What the table tells its owner. */
struct origins_events {
	void *ctx;
	void (*gap)(
	    void *ctx, const struct nodeid *id, uint64_t first, uint64_t count);
	/* `origin` is about to be freed: forget the pointer. */
	void (*gone)(void *ctx, const struct origin *origin);
};

struct origins {
	struct origin *table;
	struct origin *oldest, *newest;
	struct tombstones tombstones;
	struct origins_events events;
	size_t count, wide;
	uint64_t tombstones_lost; /* no memory for one */
};

/* `rng` is borrowed, `events` copied. */
void origins_init(struct origins *origins, struct rng *rng,
    const struct origins_events *events);
/* Frees all, tells nobody. */
void origins_fini(struct origins *origins);

/* The origin, or NULL. */
struct origin *origins_find(
    const struct origins *origins, const struct nodeid *id);

/* Add one that is not in the table; a tombstone is honoured.  ERR_FULL,
 * ERR_NOMEM. */
NODISCARD enum err origins_add(struct origins *origins, const struct nodeid *id,
    uint64_t now_ms, struct origin **origin);

/* Ask about `seq` of this origin and remember it.  The upper half of a number
 * is the boot: a smaller one than known is old, a larger one begins anew, and
 * what the last one still missed is a gap. */
enum window_verdict origins_take(struct origins *origins, struct origin *origin,
    uint64_t seq, uint64_t now_ms);

/* The newest number known of `id`, 0: none. */
uint64_t origins_newest(const struct origins *origins, const struct nodeid *id);

/* Free what is idle, a bounded number at a time. */
void origins_expire(struct origins *origins, uint64_t now_ms);
/* When origins_expire has something to do; UINT64_MAX: never. */
uint64_t origins_next_ms(const struct origins *origins);

#endif
