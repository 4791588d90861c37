/* SPDX-License-Identifier: MIT
 * limit.h - how much of a kind one link may bring in a second (PROTOCOL 14).
 *
 * What is over the limit is ignored and counted; over by nine times the limit
 * more, the link is closed with BYE 9.  Of what a peer may send, seconds that
 * were not used are saved: a link that was slow brings at once what was sent
 * long before. */
#ifndef MESH_LIMIT_H
#define MESH_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct link;

#define LIMIT_SAVED_S 300u /* seconds' worth at the most */

enum limit_kind {
	LIMIT_WALK,     /* 10 records */
	LIMIT_SHUFFLE,  /* 2 records that ask */
	LIMIT_ANNOUNCE, /* 5000 runs of IHAVE */
	LIMIT_GRAFT,    /* 1000 runs */
	LIMIT_SYNC,     /* 10 records, not in the first 10 s after UP */
	LIMIT_SYNC_RUN, /* 16384 runs of them */
	/* What their lists make us look for: nothing is saved. */
	LIMIT_GONE,    /* 2^20 ids of GRAFT that are answered with GONE */
	LIMIT_MISSING, /* 2^16 runs of missing ids, looked at for lists */
	LIMIT_MARK,    /* 2^17 ids of IHAVE, looked for in the history */
	LIMIT_REPAIR,  /* 2^25 bytes that are sent again for GRAFT */
	/* What we send never is too much for the other.  Its seconds begin at
	 * other times: half of what it takes, where it is a loss. */
	LIMIT_WALK_SENT,     /* 10 records */
	LIMIT_ANNOUNCE_SENT, /* 2500 runs of IHAVE; the rest is told by SYNC */
	LIMIT_GRAFT_SENT,    /* 500 runs; the rest waits */
	LIMIT_KINDS,
	LIMIT_SAVED_KINDS = LIMIT_GONE,
};

struct limits {             /* of one link */
	uint64_t second_ms; /* when this second began; the first one at UP */
	uint32_t counts[LIMIT_KINDS];
	uint32_t saved[LIMIT_SAVED_KINDS];
};

/* `count` more of `kind` came over `link`: true if they may be used.  False:
 * ignore them and count; the link may be closing. */
bool limit_takes(struct link *link, enum limit_kind kind, uint32_t count);

/* The same of a kind that is not saved and no abuse: true if there is room for
 * one.  What is begun is ended: the last one may take more. */
bool limit_spend(struct link *link, enum limit_kind kind, uint32_t count);

/* How many more would be taken now, of a kind that is not saved? */
uint32_t limit_room(const struct link *link, enum limit_kind kind);

#endif
