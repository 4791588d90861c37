/* SPDX-License-Identifier: MIT
 * window.h - which sequence numbers of one origin have been seen.
 *
 * A bitmap over the newest numbers, as in RFC 4303 section 3.4.3
 * (anti-replay).  Numbers below it are old for ever, so nothing is delivered
 * twice however late it comes; a number that leaves it unseen is a gap.  Which
 * ones will is asked with window_next_unset, before what makes them leave. */
#ifndef MESH_WINDOW_H
#define MESH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define WINDOW_IDS      2048u  /* of a usual origin */
#define WINDOW_IDS_WIDE 65536u /* of a fast one */

enum window_verdict {
	WINDOW_NEW,  /* first time: deliver */
	WINDOW_SEEN, /* a duplicate: count */
	WINDOW_OLD,  /* below the window: drop, count */
};

struct window {
	uint64_t max;   /* newest number seen; 0: none yet */
	uint64_t *wide; /* WINDOW_IDS_WIDE bits; NULL: `bits` is used */
	uint64_t bits[WINDOW_IDS / 64]; /* bit of n is n % WINDOW_IDS */
};

/* Make an empty window in the caller's memory.  Cannot fail. */
void window_init(struct window *window);
void window_fini(struct window *window);

/* Ask about `seq` (> 0) and remember it.  The first number ever seen is the
 * base: what is below it counts as seen. */
enum window_verdict window_take(struct window *window, uint64_t seq);

/* The usual case by far: `seq` is the next one, and its slot is set, for the
 * number that falls off.  False: it is not so, ask window_take. */
static inline bool
window_take_next(struct window *window, uint64_t seq)
{
	uint64_t word = window->wide != NULL
	                    ? window->wide[seq % WINDOW_IDS_WIDE / 64]
	                    : window->bits[seq % WINDOW_IDS / 64];

	if (seq != window->max + 1 || (word >> (seq % 64) & 1) == 0) {
		return false;
	}
	window->max = seq;
	return true;
}

/* Take first .. last, the ones that were taken before and those that are old
 * too: as window_take for each, but in the time of one. */
void window_fill(struct window *window, uint64_t first, uint64_t last);

/* Start again behind `max`: it and all below it count as seen. */
void window_restart(struct window *window, uint64_t max);

/* True if `seq` was taken and is still inside the window. */
bool window_has(const struct window *window, uint64_t seq);

/* The highest number that is old when `max` is the newest; 0: none. */
uint64_t window_old(const struct window *window, uint64_t max);

/* The next run of numbers within `*first` .. `last` that may still come: not
 * taken, not old; those above `max` count.  True: it begins at `*first` and has
 * `*count` numbers. */
bool window_next_unset(const struct window *window, uint64_t *first,
    uint64_t last, uint64_t *count);

/* Remember more.  ERR_NOMEM: it stays as it is. */
NODISCARD enum err window_widen(struct window *window);
/* Remember WINDOW_IDS again. */
void window_narrow(struct window *window);

#endif
