/* SPDX-License-Identifier: MIT
 * members.h - the nodes that have told of themselves (PROTOCOL 11).
 *
 * Each node does so soon after it has joined and then every five minutes,
 * more rarely where many stay; above MEMBERS_QUIET it stays silent.  Who is
 * not heard of for three such times is forgotten.  MEMBERS_MAX at the most;
 * then the one heard of longest ago goes.
 *
 * Who has told but once does not make that time longer: where nodes come and
 * vanish all the time, list and time would lengthen each other without end. */
#ifndef MESH_MEMBERS_H
#define MESH_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "mesh/mesh.h"

#define MEMBERS_MAX      8192u
#define MEMBERS_QUIET    5000u
#define MEMBERS_EVERY_MS 300000u /* at the most, and */
#define MEMBERS_EACH_MS  6000u   /* so much for each that has stayed */
#define MEMBERS_LIVES    3u
#define MEMBERS_JOIN_MS  2000u /* after the first link, and up to 3 s more */

struct member {
	struct mesh_member told; /* its strings are in `text` */
	bool is_new;             /* has told but once */
	UT_hash_handle hh;
	char text[];
};

struct members {
	struct member *table; /* the one heard of longest ago first */
	uint64_t salt;        /* of its hash: ids are chosen by others */
	uint64_t stayed;      /* of them, those that are not new */
	char *version;        /* of this node's program */
	bool is_on;           /* this node tells of itself */
	/* When it told last, and after which part of the interval it does again,
	 * in 1024ths.  0: it never did, and does so first at told_ms, which is
	 * UINT64_MAX until it has joined. */
	uint64_t told_ms, part;
};

NODISCARD enum err members_init(
    struct members *members, const struct mesh_config *config, uint64_t salt);
void members_fini(struct members *members);

/* A message came.  True if it was one of these: nobody else needs it. */
bool members_on_message(struct mesh *mesh, const struct message_view *view);
/* A link is UP. */
void members_on_up(struct mesh *mesh);
/* This node is a new one: it has not joined yet. */
void members_begin(struct members *members);
/* This node leaves in good order. */
void members_on_leave(struct mesh *mesh, const struct nodeid *id);
/* Tell, forget, and ask to be woken for the next. */
void members_on_tick(struct mesh *mesh);

#endif
