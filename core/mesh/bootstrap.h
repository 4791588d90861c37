/* SPDX-License-Identifier: MIT
 * bootstrap.h - the addresses of --peers: kept linked (static), or the way in
 * (auto).
 *
 * A failed dial is tried again after a random time that grows to a minute; no
 * address is dialled more than once a second.  An address whose node has a
 * link by another way, or must not have one now, is satisfied: it is looked at
 * again each second.
 *
 * A mesh that finds its own links dials them only while it has too few, or to
 * heal a network that was cut (PROTOCOL 6). */
#ifndef MESH_BOOTSTRAP_H
#define MESH_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/mesh.h"

#define BOOTSTRAP_EVERY_MS 1000u   /* a dial of one address at the most */
#define BOOTSTRAP_LONG_MS  60000u  /* refused for a lasting reason */
#define BOOTSTRAP_SELF_MS  600000u /* the address is our own */

struct seed {
	char *url;
	struct nodeid node_id; /* who answered last */
	bool is_known;         /* node_id is */
	bool is_open;      /* its last connection is not reported closed yet */
	struct link *link; /* the dial, or what became of it */
	uint64_t earliest_ms; /* of the next dial, whoever asks for it */
	uint64_t next_ms;     /* while there is no link */
	unsigned failures;    /* in a row */
};

struct bootstrap {
	struct seed *seeds;
	size_t count;
};

/* Copies the addresses.  ERR_NOMEM; ERR_INVALID: `diag` says which. */
NODISCARD enum err bootstrap_init(struct bootstrap *bootstrap,
    const char *const *urls, size_t count, struct diag *diag);
void bootstrap_fini(struct bootstrap *bootstrap);

/* Everything is due now. */
void bootstrap_start(struct mesh *mesh);
/* Dial what is due, and ask to be woken for the next. */
void bootstrap_on_tick(struct mesh *mesh);

/* Is this one of them? */
bool bootstrap_has(const struct bootstrap *bootstrap, const char *addr);
/* Those without a link whose last dial failed, or that never answered. */
size_t bootstrap_lost_count(const struct mesh *mesh);
/* Dial a random one of those, or of the others without a link (they work, and
 * know whom this node does not), with these flags of HELLO.  False: there is
 * none, or it is too soon. */
bool bootstrap_dial_any(struct mesh *mesh, bool lost, uint16_t flags);

/* The dialled link has said who it is. */
void bootstrap_on_identity(const struct link *link);
/* A link has ended. */
void bootstrap_on_end(const struct link *link, enum mesh_closed how);
/* Its connection is reported closed: only now the address may be dialled
 * again, so that connections that take long to close do not pile up. */
void bootstrap_on_closed(const struct link *link);

#endif
