/* SPDX-License-Identifier: MIT
 * link.h - one connection to a peer: its state, its deadlines, its end.
 *
 *     dialled   DIALING -> HELLO_SENT -> WELCOMED, REFUSED -> UP -> CLOSING
 *     accepted  ACCEPTED -> (AUTH_WAIT) -> UP -> CLOSING
 *
 * CLOSING begins when either side ends the link; io.close has been called, and
 * no other action follows.  mesh_on_closed frees it. */
#ifndef MESH_LINK_H
#define MESH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/buf.h"
#include "mesh/limit.h"
#include "mesh/mesh.h"
#include "mesh/origin.h"
#include "wire/record.h"

#define LINK_ANSWER_MS    5000u /* of the handshake: HELLO, WELCOME, AUTH */
#define LINK_BYE_NONE     0xffu
#define LINK_FRESH_S      500u  /* new origins a second, */
#define LINK_FRESH_BURST  4096u /* and at once */
#define LINK_EARLY_MAX    8192u /* bytes before UP */
#define LINK_RECORD_EARLY 1024u /* bytes of a record before UP, */
#define LINK_PEERS_EARLY  4608u /* of PEERS */

struct seed;

enum link_state {
	LINK_DIALING,    /* TCP, TLS, upgrade: the caller's deadlines */
	LINK_HELLO_SENT, /* dialled: waiting for WELCOME */
	LINK_WELCOMED,   /* dialled: the key shown, waiting for WELCOME2 */
	LINK_REFUSED,    /* dialled: waiting for the BYE that says why */
	LINK_ACCEPTED,   /* waiting for HELLO; nothing may be sent */
	LINK_AUTH_WAIT,  /* accepted: waiting for AUTH */
	LINK_UP,
	LINK_CLOSING,
};

/* What it is still to be told by SYNC (sync.h). */
struct link_sync {
	uint64_t due_ms;  /* UINT64_MAX: nothing */
	uint64_t sent_ms; /* the last part */
	size_t next;      /* step that the next part begins with; 0: all */
	size_t room;      /* places that were counted as steps */
	size_t misses;    /* ids looked for in vain */
	bool is_again;    /* when all was told, begin anew */
};

struct link {
	struct mesh *mesh;
	struct origin *last; /* of the last message, or the next; NULL */
	uint32_t mixed;      /* messages for which it pays to look ahead */
	uint64_t heard_ms;
	uint8_t state;
	int8_t slot; /* while UP */
	uint8_t bye; /* reason, LINK_BYE_NONE */
	bool dialled;
	bool reading;
	bool is_known; /* node_id is */
	bool was_up;
	bool is_deaf;    /* what it still brings is ignored */
	bool has_spoken; /* accepted: its first record is a HELLO */
	bool is_pinged;  /* the pong to `stamp` is not here yet */
	bool has_bye;    /* a BYE came: only PEERS may follow */
	bool is_proven;  /* the peer knows the key, or there is none */
	bool is_asked;   /* a SHUFFLE was sent, no reply has come */
	bool is_orphan;  /* one of both had no links: push, do not announce */
	bool is_fresh;   /* the peer wants no history */
	bool is_leaf;    /* the peer cannot be dialled */

	uint64_t conn;
	void *user;
	struct nodeid node_id;
	uint32_t boot;
	uint32_t max_message; /* what it takes */
	uint64_t silent_ms;   /* while not reading: silence before that */
	uint64_t pinged_ms;
	uint64_t deadline_ms; /* of the handshake */
	uint64_t stamp;       /* of the last ping */
	uint64_t rtt_us;
	uint64_t reply_seq;
	struct bucket fresh;  /* of new origins */
	size_t early;         /* bytes so far, while not UP */
	struct seed *seed;    /* the bootstrap address dialled, or NULL */
	uint16_t hello_flags; /* accepted: of its HELLO; dialled: of ours */
	struct nodeid wanted; /* dialled: who was thought to be there */
	struct buf hello;     /* dialled, until AUTH: the body of ours */
	uint8_t proof[RECORD_PROOF_LEN]; /* AUTH_WAIT: what it has to show */
	struct limits limits;
	struct link_sync sync;
	uint64_t up_ms;   /* since when */
	uint64_t over_ms; /* since when its queue is over SOFT, if is_over */
	bool is_over;
	uint64_t suspect_ms; /* a parent that brought nothing; 0: is none */
	uint16_t fetches;    /* runs that it was asked for and did not send */
	struct link *prev, *next;
	char remote[64];
	char name[256];
	char addr[256];
};

/* A link in the mesh's list.  NULL: no memory. */
struct link *link_create(struct mesh *mesh, bool dialled);
/* One that dials `addr`, with these flags of HELLO.  NULL: no memory. */
struct link *link_dial(struct mesh *mesh, const char *addr, uint16_t flags);

/* Send what was encoded into mesh_scratch, ahead of DATA.  False, and counted:
 * `err` says that there was no memory for it. */
bool link_send(struct link *link, enum err err);

/* Its handshake is done and a slot is free: take it, tell. */
void link_up(struct link *link);

/* End it: Close with `code` (0: drop).  Nothing if it is CLOSING already. */
void link_end(struct link *link, uint16_t code, const char *why);
/* The caller reports its end: as link_end if it has not ended yet, but without
 * io.close.  Then take it out of the list and free it. */
void link_lost(struct link *link, enum mesh_closed how);
/* Send what is in the scratch buffer and a BYE behind it, then end it. */
void link_bye_behind(struct link *link, enum bye_reason reason);
/* Only the BYE, and some addresses if the reason is no fault of the peer. */
void link_bye(struct link *link, enum bye_reason reason);
/* The peer broke the protocol: end it and ignore the rest. */
void link_violate(struct link *link, uint16_t code, const char *why);
/* A BYE came. */
void link_on_bye(struct link *link, const struct record *record);
/* It is UP and does not keep up: BYE 8, and no link with it for a minute. */
void link_too_slow(struct link *link);

/* Of its slot, in masks.  It is UP, or was just now. */
static inline uint64_t
link_bit(const struct link *link)
{
	return UINT64_C(1) << (link->slot & (MESH_LINKS_MAX - 1));
}

/* The same, 0 if it is not UP: the slot may be another's. */
static inline uint64_t
link_up_bit(const struct link *link)
{
	return link->state == LINK_UP ? link_bit(link) : 0;
}

/* Milliseconds since something was heard, while reading. */
uint64_t link_silence_ms(const struct link *link);
/* Was it dialled, and is not UP yet? */
bool link_is_dial(const struct link *link);
/* Those of which something was heard, or that began, within `silent_ms`. */
size_t link_count_dials(const struct mesh *mesh, uint64_t silent_ms);
/* A link to `id` that is UP or about to be, other than `except`; or NULL. */
struct link *link_find(const struct mesh *mesh, const struct nodeid *id,
    const struct link *except);

/* Do what is due, and ask to be woken for the next. */
void link_on_tick(struct link *link);

/* Its end says that the next one would end like this. */
bool link_is_final(const struct link *link, enum mesh_closed how);

const char *link_bye_text(uint8_t reason);

#endif
