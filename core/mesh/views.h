/* SPDX-License-Identifier: MIT
 * views.h - whom this node knows, and with whom it keeps links (PROTOCOL 6).
 *
 * Of the addresses that others name, VIEWS_PASSIVE_MAX are kept to be dialled,
 * and VIEWS_LOST_MAX that failed are remembered: they heal a network that was
 * cut in two.  A full table replaces an entry at random.  While there are
 * fewer links than `links_min`, entries are dialled; now and then one is
 * dialled in exchange for a link, so that the graph stays random.
 *
 * A static mesh (not is_auto) does none of this. */
#ifndef MESH_VIEWS_H
#define MESH_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/link.h"
#include "wire/record.h"

#define VIEWS_MIN          5u /* links, unless the config says otherwise */
#define VIEWS_MAX          8u
#define VIEWS_PASSIVE_MAX  32u
#define VIEWS_LOST_MAX     16u
#define VIEWS_WALK_TTL     5u
#define VIEWS_SAMPLE_LINKS 3u /* of each sample that is given to others */
#define VIEWS_SAMPLE_KNOWN 4u

#define VIEWS_FILL_MS        1000u
#define VIEWS_ALARM_MS       60000u /* after a loss: lost addresses are tried */
#define VIEWS_LOSS_MS        100u   /* fill within, after a loss */
#define VIEWS_DENIED_MS      300u   /* fill after a refusal */
#define VIEWS_SHUFFLE_MS     10000u
#define VIEWS_REWIRE_MS      120000u
#define VIEWS_EVICT_MS       1000u  /* one for newcomers at the most */
#define VIEWS_AGAIN_MS       10000u /* dials of one learned address */
#define VIEWS_SHUN_MS        60000u /* after a lasting refusal */
#define VIEWS_SILENT_MS      1000u  /* beyond the ping time: not counted on */
#define VIEWS_HOPE_MS        1000u  /* a dial is counted on for so long */
#define VIEWS_ISOLATED_DIALS 3u
#define VIEWS_LIVELY_PART    4u /* fewer than one link in four is heard */

struct view { /* an address, and who is thought to be there */
	struct nodeid id;
	char addr[RECORD_ADDR_MAX + 1];
};

struct view_list {
	struct view *views;
	size_t count, max;
};

struct views {
	bool is_auto;
	unsigned links_min, links_max;
	unsigned denied; /* since the last link came up */
	struct view_list passive, lost;
	struct view places[VIEWS_PASSIVE_MAX + VIEWS_LOST_MAX]; /* of both */
	uint64_t down_ms; /* a link that was UP ended; 0: none yet */
	uint64_t fill_ms, shuffle_ms;   /* when next */
	uint64_t rewire_ms;             /* of the last */
	uint64_t rewire_part;           /* of the interval, in 1024ths */
	uint64_t evict_ms, isolated_ms; /* not before */
	uint64_t version;               /* of what a snapshot holds */
};

static inline struct record_peer
views_peer(const struct nodeid *id, const char *addr)
{
	return (struct record_peer){ .node_id = *id, .addr = str8_of(addr) };
}

void views_init(struct mesh *mesh, const struct mesh_config *config);

/* Was it heard of when a ping should have been answered? */
bool views_is_lively(const struct link *link);
/* Links that were. */
unsigned views_lively(const struct mesh *mesh);
/* Is there a use for another link?  Silent links and dials that nobody answers
 * are not counted on, but stay. */
bool views_are_low(const struct mesh *mesh);
/* Links that may be UP at a time. */
unsigned views_cap(const struct mesh *mesh);
/* May the link that has said HELLO come up?  Ends another one for it if that is
 * what it takes, and its flags ask for it. */
bool views_make_room(struct link *link);
/* End a link that is silent, else one that is used least, but not `keep` (may
 * be NULL). */
void views_evict(struct mesh *mesh, const struct link *keep);

/* The dialled link has said who it is. */
void views_on_identity(struct link *link);
void views_on_up(struct link *link);
/* A link has ended, whatever it was. */
void views_on_end(struct link *link, enum mesh_closed how);

/* `id` is at this valid address ("": at none): it may be dialled. */
void views_store(struct mesh *mesh, const struct nodeid *id, const char *addr);
/* The peer of this link named others. */
void views_learn(const struct link *from, const struct record_peers *peers);
/* Some addresses for `to`: links and known ones at random, and this node
 * itself if `with_self`.  They live until the next change. */
void views_sample(
    const struct link *to, bool with_self, struct record_peers *peers);

/* seek.c: the dials, each in its time. */
void seek_start(struct mesh *mesh);
/* Dial, shuffle, rewire what is due, and ask to be woken for the next. */
void seek_on_tick(struct mesh *mesh);
/* With which flags of HELLO to dial: HIGH if there is no link and others
 * refused. */
uint16_t seek_urgency(const struct mesh *mesh);
/* Dial an address somebody named.  False: known, linked, too soon, too many. */
bool seek_dial(struct mesh *mesh, const struct view *view, uint16_t flags);

/* walk.c: a newcomer is carried to a random place of the network. */
void walk_begin(struct link *link);
void walk_on_record(struct link *link, const struct record *record);

/* shuffle.c: neighbours exchange samples. */
void shuffle_begin(struct mesh *mesh);
void shuffle_on_record(struct link *link, const struct record *record);

/* An address heard over `from`, as this node stores them: a missing host is the
 * one that `from` has, if it is `peer` itself.  False: it is none, or a loopback
 * address from elsewhere; counted. */
bool views_take_addr(const struct link *from, const struct record_peer *peer,
    char out[RECORD_ADDR_MAX + 1]);

#endif
