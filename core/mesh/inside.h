/* SPDX-License-Identifier: MIT
 * inside.h - what the files of this floor share: the mesh itself. */
#ifndef MESH_INSIDE_H
#define MESH_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/buf.h"
#include "base/rng.h"
#include "mesh/auth.h"
#include "mesh/bootstrap.h"
#include "mesh/identity.h"
#include "mesh/link.h"
#include "mesh/members.h"
#include "mesh/mesh.h"
#include "mesh/origin.h"
#include "mesh/recent.h"
#include "mesh/spread.h"
#include "mesh/views.h"
#include "wire/record.h"

#define MESH_PENDING_MAX  64 /* accepted connections that wait to be UP */
#define MESH_REFUSAL_MS   60000u
#define MESH_BOOT_AHEAD_S 86400u /* a larger boot is from the future, */
#define MESH_BOOT_OWN_S   43200u /* and one of this node, told by others */
#define MESH_VERSION      1

struct mesh {
	const struct mesh_io *io;
	struct rng *rng;
	uint64_t now_ms; /* of the event that is being taken */

	struct nodeid node_id;
	uint64_t seq;    /* last published: boot << 32 | counter */
	uint32_t wall_s; /* wall-clock seconds at start_ms, see wall.h */
	uint64_t start_ms;
	uint8_t net[8];
	struct str8 name, advertise; /* owned */
	size_t max_message;
	uint32_t max_hops, ping_ms;
	size_t soft, hard;

	struct link *up[MESH_LINKS_MAX]; /* by slot */
	void *users[MESH_LINKS_MAX];     /* their owner's pointers */
	uint64_t up_slots;
	uint32_t smallest_max; /* of the max_message of links that are UP */
	size_t unchecked; /* bytes spread since the queues were looked at */
	size_t check_every;

	struct link *links;    /* all */
	struct bucket accepts; /* links that come UP */
	uint64_t next_ms;      /* nothing is due before */
	uint64_t links_ms;     /* nothing of a link; they may have got later */
	bool stopped;
	bool floods; /* no trees: nobody is pruned, no PRUNE is heeded */

	struct identity identity;
	struct bootstrap bootstrap;
	struct views views;
	struct members members;
	bool has_key; /* a pre-shared key protects the join */
	uint8_t key[AUTH_KEY_LEN];
	struct origins origins;
	struct spread spread;
	struct recent recent[RECENT_KINDS][RECENT_MAX];
	uint64_t recent_salt; /* nobody can aim at the place of another */
	uint64_t ask_ms;      /* when the owner's clock is looked at, as numbers
	                         from the future were refused; 0: none were */
	struct buf scratch;   /* records being made; a handshake always fits */
	struct mesh_stats stats;
};

/* For each link of `slots`, as they are now; all of them are UP. */
#define MESH_EACH_UP(mesh, slots, link)                             \
	for (uint64_t each_ = (slots);                              \
	     each_ != 0 &&                                          \
	     ((link) = (mesh)->up[__builtin_ctzll(each_)]) != NULL; \
	     each_ &= each_ - 1)

/* Ask for a tick at `at_ms` or before. */
static inline void
mesh_wake_at(struct mesh *mesh, uint64_t at_ms)
{
	if (at_ms < mesh->next_ms) {
		mesh->next_ms = at_ms;
	}
}

/* The same, for what a link waits for. */
static inline void
mesh_wake_links_at(struct mesh *mesh, uint64_t at_ms)
{
	if (at_ms < mesh->links_ms) {
		mesh->links_ms = at_ms;
	}
	mesh_wake_at(mesh, at_ms);
}

/* Empty, for what link_send is to send. */
static inline struct buf *
mesh_scratch(struct mesh *mesh)
{
	buf_clear(&mesh->scratch);
	return &mesh->scratch;
}

/* As fine as the owner has it. */
static inline uint64_t
mesh_now_us(const struct mesh *mesh)
{
	return mesh->io->now_us != NULL ? mesh->io->now_us(mesh->io->ctx)
	                                : mesh->now_ms * 1000;
}

/* May be raised, also when the counter behind it wraps. */
static inline uint32_t
mesh_boot(const struct mesh *mesh)
{
	return (uint32_t)(mesh->seq >> 32);
}

/* Wall-clock seconds as far as is known: the start's, and what has passed
 * since.  Nobody is asked. */
static inline uint32_t
mesh_wall_s(const struct mesh *mesh)
{
	return mesh->wall_s +
	       (uint32_t)((mesh->now_ms - mesh->start_ms) / 1000);
}

/* Bytes that nobody can guess.  ERR_SYSTEM: there are none. */
NODISCARD enum err mesh_secret(struct mesh *mesh, void *bytes, size_t len);

/* BYE 0 on every link. */
void mesh_end_links(struct mesh *mesh);

/* What a log line or an event says of a link. */
struct mesh_peer mesh_peer_of(const struct link *link);

/* Remember that `id` is too slow; whether it still is. */
static inline void
mesh_refuse(struct mesh *mesh, const struct nodeid *id)
{
	recent_put(mesh, RECENT_SLOW, id, sizeof(*id), MESH_REFUSAL_MS);
}

static inline bool
mesh_is_refused(const struct mesh *mesh, const struct nodeid *id)
{
	return recent_has(mesh, RECENT_SLOW, id, sizeof(*id));
}

#endif
