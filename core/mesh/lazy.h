/* SPDX-License-Identifier: MIT
 * lazy.h - announcements that wait a little, so that one record tells many and
 * nobody is told what he knows by then (PROTOCOL 9).
 *
 * One queue for all links: an id is put once, with the links that are to hear
 * of it. */
#ifndef MESH_LAZY_H
#define MESH_LAZY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mesh/history.h"
#include "wire/record_array.h"

#define LAZY_MS       25u   /* from the first id to the flush */
#define LAZY_QUIET_MS 10u   /* the same, if nothing came for LAZY_GAP_MS: */
#define LAZY_GAP_MS   40u   /* there is nothing to wait for */
#define LAZY_LATE_MS  100u  /* the same, where the other end goes first */
#define LAZY_TOLD_MS  200u  /* the same, of SYNC: ten a second are too many */
#define LAZY_MAX      4096u /* ids that wait */

struct lazy_item {
	struct nodeid origin;
	uint64_t seq;
	uint64_t place; /* in the history */
	uint64_t slots; /* who is to hear of it: not none */
	uint64_t put_ms;
};

struct lazy {
	enum record_type type; /* IHAVE of the ids, or SYNC of their ends */
	struct lazy_item *items;
	struct record_run *runs;    /* of the record being made */
	size_t count, room;         /* `room`: of both */
	uint64_t wait_ms, quiet_ms; /* from the first id to the flush */
	uint64_t put_ms;            /* the last id came */
	uint64_t due_ms;            /* UINT64_MAX: nothing waits */
};

/* `wait_ms` from the first id to the flush, `quiet_ms` if it is alone. */
void lazy_init(struct lazy *lazy, enum record_type type, uint64_t wait_ms,
    uint64_t quiet_ms);
void lazy_fini(struct lazy *lazy);

/* Announce `item`, now.  ERR_FULL: flush first.  ERR_NOMEM. */
NODISCARD enum err lazy_put(struct lazy *lazy, const struct lazy_item *item);

/* The links of `slots` are gone. */
void lazy_forget_slots(struct lazy *lazy, uint64_t slots);

/* Take out of every id the links that have it by now; what links remain. */
uint64_t lazy_settle(struct lazy *lazy, const struct history *history);
/* What the link with this bit is to hear of, in `lazy->runs`: ranges of ids, each
 * with how long its last one has waited, or for SYNC the end behind each id;
 * returns how many. */
size_t lazy_gather(struct lazy *lazy, uint64_t bit, uint64_t now_ms);
/* All were told. */
void lazy_clear(struct lazy *lazy);

#endif
