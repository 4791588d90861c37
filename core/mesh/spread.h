/* SPDX-License-Identifier: MIT
 * spread.h - messages: each reaches every node once, along a tree of its
 * origin, with announcements over the other links (PROTOCOL 9).
 *
 *     tree.h      which links payload takes
 *     lazy.h      announcements on their way out
 *     missing.h   ids that are known and not here; fetch.h gets them
 *     history.h   what others may ask for; repair.h answers
 *     sync.h      what a new link is told
 *     flow.h      links that do not keep up
 *     unicast.h   messages for one node */
#ifndef MESH_SPREAD_H
#define MESH_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/ends.h"
#include "mesh/history.h"
#include "mesh/lazy.h"
#include "mesh/link.h"
#include "mesh/missing.h"
#include "mesh/origin.h"
#include "mesh/unicast.h"
#include "wire/record.h"
#include "wire/record_array.h"

#define SPREAD_AHEAD 4u  /* records looked at, the first one taken next */
#define SPREAD_MIXED 16u /* messages that looking ahead goes on for */

/* A record, and what was seen of it before it is taken. */
struct spread_next {
	struct record record;
	uint64_t hash; /* of its origin in the table */
	uint64_t seq;  /* 0: it was not looked at, or is no DATA */
};

/* What waits to be told. */
enum spread_lazy {
	SPREAD_EARLY, /* announcements; see spread_announce */
	SPREAD_LATE,
	SPREAD_TOLD, /* ends of origins; see sync_tell */
	SPREAD_LAZIES,
};

struct spread {
	struct origin self; /* of this node's own messages; not in the table */
	bool has_published;
	struct history history;
	struct chunk_log passing; /* records that are not kept */
	uint64_t fan;             /* slots of the last record queued */
	uint32_t fan_count;       /* so many bits */
	struct missing missing;
	struct lazy lazies[SPREAD_LAZIES];
	struct ends ends;  /* of origins that are known; see fetch_set_last */
	struct ends heard; /* of boots that are not; see sync_hear */
	uint64_t second;   /* slots of links whose other end has a lower id */
	struct unicast unicast;
	const struct origin *model; /* whose tree new origins start on */
	uint64_t model_ms;          /* not searched again before */
	uint64_t congested;         /* slots that get announcements only */
	uint64_t flow_ms;           /* when queues are looked at again */
	uint64_t sync_ms; /* more is told by SYNC, or origins are tried */
};

void spread_init(
    struct mesh *mesh, struct chunk_pool *pool, size_t history_bytes);
void spread_fini(struct mesh *mesh);

/* A DATA record of a link that is, or was, UP.  Allocates nothing, unless its
 * origin is new or a table grows; the payload goes into the history. */
void spread_on_data(struct link *link, const struct record *record);
/* This record comes soon over this link: have the caches filled for it.  While
 * link->mixed > 0 only: the messages of one origin find them warm. */
void spread_foresee(struct link *link, struct spread_next *next);
/* The second step, one message later: of what has a seq. */
void spread_foresee_more(
    const struct link *link, const struct spread_next *next);
/* The third, when its turn has come: its origin is most likely the link's last
 * one now. */
void spread_recall(struct link *link, const struct spread_next *next);
/* IHAVE, GRAFT, PRUNE, SYNC, GONE of a link that is UP. */
void spread_on_record(struct link *link, const struct record *record);

/* A link has got its slot; is about to lose it. */
void spread_on_up(struct link *link);
void spread_on_down(struct link *link);

/* Do what is due, and ask to be woken for the next. */
void spread_on_tick(struct mesh *mesh);

/* The origin with this id, this node included; or NULL. */
struct origin *spread_find(struct mesh *mesh, const struct nodeid *id);
/* Make one that is not there.  ERR_FULL, ERR_NOMEM: see origins_add. */
NODISCARD enum err spread_add_origin(
    struct mesh *mesh, const struct nodeid *id, struct origin **origin);
/* The one with this id, made if it is new, or was forgotten and `seq` is not
 * old; NULL: not now, counted, or old.  `is_free`: does not count for the link's
 * limit of new ones. */
struct origin *spread_origin(
    struct link *link, const struct nodeid *id, uint64_t seq, bool is_free);

/* The link has this node's own ids up to `seq`.  False: that was never
 * published, so it is another's; a neighbour that heard both pushes those of
 * one only. */
bool spread_on_own(struct link *link, uint64_t seq);

/* This node's numbers go on in another boot: what was the last one of this? */
void spread_leave_boot(struct mesh *mesh);

/* Is this run of ids one that may exist?  False: counted. */
bool spread_run_is_fit(struct mesh *mesh, const struct record_run *run);

/* Queue `data` on the links of `slots`, with the hops it has.  False, and
 * counted: no memory. */
bool spread_to(
    struct mesh *mesh, uint64_t slots, const struct record_data *data);
/* There is no memory, or no room, to tell of something: everything will be told
 * to all links again (sync_again).  `why` counts it. */
void spread_untold(struct mesh *mesh, uint64_t *why);
/* Send a list, if it is not empty, over a link that is UP, ahead of messages:
 * one record for each io.send, as that is all that any node takes.  By way of
 * mesh_scratch. */
void spread_send_runs(struct link *link, enum record_type type,
    const struct record_run *runs, size_t count);
/* To this node's clients and plugins. */
void spread_deliver(struct link *link, const struct record_data *data);

/* Tell the links of `slots` of the message that the history took last, soon. */
void spread_announce(struct mesh *mesh, struct origin *origin, uint64_t slots,
    const struct record_data *data);

/* Keep it for those who miss it, and send or announce it to all links but those
 * of `from`. */
void spread_relay(struct mesh *mesh, struct origin *origin, uint64_t from,
    struct record_data *data);

/* Send the announcements, and the ends of origins, whose time has come, and ask
 * to be woken for the next. */
void spread_announce_due(struct mesh *mesh);
/* Send all that wait, now. */
void spread_announce_all(struct mesh *mesh);

/* What origin.h's events become; see fetch_forget for the other one. */
void spread_on_gap(
    void *ctx, struct origin *origin, uint64_t first, uint64_t count);
void spread_on_gone(void *ctx, struct origin *origin);

/* This node's `view` as a record with these flags; seq and dest are missing. */
struct record_data spread_data(
    const struct mesh *mesh, const struct message_view *view, uint8_t flags);
/* As mesh_publish; for `dest` alone, but through everybody, if not NULL. */
NODISCARD enum err spread_publish(
    struct mesh *mesh, struct message_view *view, const struct nodeid *dest);

#endif
