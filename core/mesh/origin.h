/* SPDX-License-Identifier: MIT
 * origin.h - the nodes that messages come from, and what was seen of each.
 *
 * ORIGINS_MAX at the most.  Full: the one idle longest goes, but none that was
 * active in the last two minutes; else the new one is refused.  Idle for ten
 * minutes: freed.  Who goes leaves a tombstone, and what it still missed is a
 * gap.
 *
 * Those that are only named, by lists of ids, anybody can make up: they are
 * ORIGINS_NAMED_MAX at the most, then the one named first goes; and so it does
 * before any other if the table is full. */
#ifndef MESH_ORIGIN_H
#define MESH_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/rng.h"
#include "mesh/idcache.h"
#include "mesh/idtable.h"
#include "mesh/window.h"
#include "wire/nodeid.h"

#define ORIGINS_MAX        65536u
#define ORIGINS_NAMED_MAX  16384u /* of which no message has come */
#define ORIGINS_WIDE_MAX   256u   /* with a wide window */
#define TOMBSTONES_MAX     65536u
#define ORIGINS_BURIED_MAX 64u     /* of those, told of */
#define ORIGIN_KEEP_MS     120000u /* never evicted before */
#define ORIGIN_IDLE_MS     600000u /* freed then */
#define ORIGIN_SOFT_IDS    64u     /* below the base, taken but not expected */
#define ORIGIN_NO_SLOT     (-1)

/* The masks have a bit for each slot of a link.  They are of the tree that
 * this origin's messages come by (tree.h). */
struct origin {
	/* First what the next message of a tree that stands looks at, up to the
	 * max of the window: two lines of a cache, if it begins with one. */
	struct nodeid id;           /* first: the table asks for that */
	TAILQ_ENTRY(origin) by_age; /* by seen_ms */
	uint64_t seen_ms;           /* last new message */
	uint64_t base; /* the first number that was promised; 0: none was */
	uint64_t mute; /* links that said PRUNE: announce only */
	uint64_t parent_seq;  /* newest from the parent */
	uint32_t came_ms;     /* when, or when it would have */
	uint32_t quiet_ms;    /* before it */
	uint32_t rate_ms;     /* when counting began; all u32 times wrap */
	uint32_t rate;        /* new messages since then */
	uint32_t held;        /* entries in the history */
	uint16_t runs;        /* in the table of missing ids */
	int8_t parent;        /* a slot, or ORIGIN_NO_SLOT */
	uint8_t late;         /* GRAFTs since the parent pushed */
	bool has_come : 1;    /* a first copy of a message */
	bool is_adopted : 1;  /* it began on the tree of another */
	bool is_named : 1;    /* only: no message of it has come */
	bool has_ends : 1;    /* of boots before that of `last` (ends.h), */
	bool lost_ends : 1;   /* or had some that are not known any more */
	int8_t tried_from;    /* the parent at the last try */
	int8_t grafted;       /* the slot told to push, or none */
	uint8_t backoff;      /* tries in vain */
	uint32_t graft_ms;    /* when last */
	struct window window; /* its max is at the end of them */
	uint64_t last;   /* the newest heard of the boot before; 0: no such */
	uint64_t pruned; /* links that we told PRUNE */
	uint32_t prune_ms, try_ms; /* when last */
};

/* G16: what one origin costs, with its places in the table, which is a third
 * full at the least while it grows. */
_Static_assert(
    sizeof(struct origin) + sizeof(size_t) + 3 * sizeof(struct idtable_place) <=
        448,
    "an origin has grown too large");

/* What the table tells its owner. */
struct origins_events {
	void *ctx;
	/* Numbers that were not taken and never will be. */
	void (*passed)(
	    void *ctx, struct origin *origin, uint64_t first, uint64_t count);
	/* Those of them that were promised; told right after `passed`. */
	void (*gap)(
	    void *ctx, struct origin *origin, uint64_t first, uint64_t count);
	/* `origin` is about to be freed: forget the pointer.  The max of its
	 * window is still to become a tombstone. */
	void (*gone)(void *ctx, struct origin *origin);
};

struct origins {
	struct idtable table;
	/* First those that are only named, then the others; of both the one
	 * idle longest first. */
	TAILQ_HEAD(origin_list, origin) all;
	struct origin *named; /* the last one of those; NULL: there are none */
	/* Of who is forgotten, so that what was old stays old: the newest
	 * number, and the `last` of the boot before; 0: no such. */
	struct idcache tombstones;
	struct nodeid buried[ORIGINS_BURIED_MAX]; /* lately, the last behind */
	size_t buried_count;
	struct origins_events events;
	size_t wide, named_count;
	uint64_t named_lost;      /* to make room for others */
	uint64_t tombstones_lost; /* no memory for one */
	uint64_t window_lost;     /* numbers that fell off a window unseen */
	uint64_t widened;         /* windows, ever */
	uint64_t unwidened;       /* times that there was no room for one */
	uint32_t since_s; /* who begins later is missed from its first word */
};

/* `rng` is borrowed, `events` copied. */
void origins_init(struct origins *origins, struct rng *rng,
    const struct origins_events *events);
/* Frees all, tells nobody. */
void origins_fini(struct origins *origins);

/* The origin, or NULL. */
struct origin *origins_find(
    const struct origins *origins, const struct nodeid *id);

/* Where the origin with this hash in the table is, as far as that can tell
 * without a look at it; or NULL.  Of a table that has had one. */
static inline struct origin *
origins_guess(const struct origins *origins, uint64_t hash)
{
	/* An origin begins with its id. */
	return (struct origin *)(uintptr_t)idtable_guess(&origins->table, hash);
}

/* `seq` of the origin with this hash in the table will be taken soon: have the
 * caches filled.  Returns where it is most likely, or NULL. */
const struct origin *origins_foresee(
    const struct origins *origins, uint64_t hash, uint64_t seq);

/* Did the boot of `seq` begin when this node was there to hear it? */
static inline bool
origins_was_there(const struct origins *origins, uint64_t seq)
{
	return seq >> 32 > origins->since_s;
}

/* Make one in the caller's memory, not in the table: no message was seen. */
void origin_init(
    struct origin *origin, const struct nodeid *id, uint64_t now_ms);

/* Add one that is not in the table; a tombstone is honoured.  ERR_FULL,
 * ERR_NOMEM. */
NODISCARD enum err origins_add(struct origins *origins, const struct nodeid *id,
    uint64_t now_ms, struct origin **origin);

/* If nothing of this boot was seen yet, set the base, the first number that is
 * promised: the first of the boot if that began when this node was there to
 * hear it, or knew the one before; else `seq`, and a few numbers below it are
 * taken if they come, late by another path, and are no gaps if not.  True if
 * there is a new base. */
bool origins_expect(
    struct origins *origins, struct origin *origin, uint64_t seq);

/* Ask about `seq` of this origin and remember it.  The upper half of a number
 * is the boot: a smaller one than known is old, a larger one begins anew; who
 * still wants numbers of the last one keeps them (fetch_on_boot).  The first
 * number ever is the base.
 * A window that would lose numbers still missing is widened first. */
enum window_verdict origins_take(struct origins *origins, struct origin *origin,
    uint64_t seq, uint64_t now_ms);

/* A message of this origin came, if not in its window: it is not only named. */
void origins_on_come(
    struct origins *origins, struct origin *origin, uint64_t now_ms);

/* Never take these numbers any more: those that were not taken are a gap.  Of a
 * smaller boot they are promised and not taken; that is the caller's word. */
void origins_give_up(struct origins *origins, struct origin *origin,
    uint64_t first, uint64_t count);

/* `max` (> 0) and `last` are all that is remembered of `id`, which is the last
 * one that was forgotten; without memory for it, nothing is, and that is
 * counted. */
void origins_bury(struct origins *origins, const struct nodeid *id,
    uint64_t max, uint64_t last);

/* The tombstone of the `nth` of those that were forgotten lately, the last one
 * first; NULL: it is known again, or there are no more. */
const struct idcache_item *origins_buried(
    const struct origins *origins, size_t nth);

/* The newest number known of `id`, 0: none. */
uint64_t origins_newest(const struct origins *origins, const struct nodeid *id);

/* Of who is not in the table: is `seq` old by its tombstone? */
bool origins_is_buried(
    const struct origins *origins, const struct nodeid *id, uint64_t seq);

/* Free what is idle, a bounded number at a time. */
void origins_expire(struct origins *origins, uint64_t now_ms);
/* When origins_expire has something to do; UINT64_MAX: never. */
uint64_t origins_next_ms(const struct origins *origins);

#endif
