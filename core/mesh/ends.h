/* SPDX-License-Identifier: MIT
 * ends.h - how far origins came in boots that are nowhere else: the newest
 * number of each (PROTOCOL 8).  There are two such tables.
 *
 * Of origins that are known: the origin itself knows its newest boot and the
 * one before.  Who was cut off while an author restarted twice and more is told
 * of the others, so that what it missed is fetched, or a gap.
 *
 * Of boots of which nothing was ever known here, by the word of neighbours that
 * hold nothing of them either; and of this node's own former lives.  That is no
 * loss for this node (or there is no room to note it), but it may be the only
 * way between one who knows more and one who knows less.
 *
 * ENDS_MAX of each. */
#ifndef MESH_ENDS_H
#define MESH_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/nodeid.h"

#define ENDS_MAX     128u
#define ENDS_HEARD   8u /* boots of one origin that are only heard of */
#define ENDS_KEEP_MS 600000u

struct ends_item {
	struct nodeid id;
	uint64_t seq;    /* the newest number heard of its boot; 0: free */
	uint64_t put_ms; /* heard of only: the last news of this origin */
};

/* All zeros: empty. */
struct ends {
	struct ends_item items[ENDS_MAX];
	size_t count;  /* ever put */
	uint64_t lost; /* to make room, or for lack of it */
};

/* A boot that is not here has come as far as `seq`.  Without room the one put
 * first goes, with all of its origin: what is known of that has no holes.  If
 * that is this origin, only the newest of them and it is here afterwards.  True:
 * so it was, `lost` is the origin. */
bool ends_put(struct ends *ends, const struct nodeid *id, uint64_t seq,
    struct nodeid *lost);

/* By another's word a boot has come as far as `seq`.  True: that is news (no
 * number of boot 0 is, nor counter 0).  Those
 * without news for ENDS_KEEP_MS give way, no others: else what one has no room
 * for would go round for ever among those that have not. */
bool ends_hear(
    struct ends *ends, const struct nodeid *id, uint64_t seq, uint64_t now_ms);

/* Of this origin nothing is to be known; how many there were. */
size_t ends_forget(struct ends *ends, const struct nodeid *id);

/* The newest number heard of the boot of `seq`, which may grow; or NULL. */
uint64_t *ends_find(struct ends *ends, const struct nodeid *id, uint64_t seq);

/* The same of the newest boot before that one, of the oldest behind it; 0: none
 * is known. */
uint64_t ends_before(
    const struct ends *ends, const struct nodeid *id, uint64_t seq);
uint64_t ends_after(
    const struct ends *ends, const struct nodeid *id, uint64_t seq);

#endif
