/* SPDX-License-Identifier: MIT
 * members.h - the nodes that have told of themselves (PROTOCOL 11).
 *
 * Each node does so soon after it has joined and then every five minutes,
 * more rarely where many stay; where MEMBERS_QUIET do it is silent.  Who is not
 * heard of for three such times is forgotten.  MEMBERS_MAX at the most; then
 * one that does not stay goes, the one heard of longest ago.
 *
 * Who has told but once does not make that time longer: where nodes come and
 * vanish all the time, list and time would lengthen each other without end.
 * And no more begin to stay than tell where all keep to that time: whoever
 * makes up many at once silences nobody, and pushes nobody out who stays. */
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
#define MEMBERS_STAY_MS  3000u   /* one begins to stay: twice as often, */
#define MEMBERS_STAY_MAX 128u    /* and so many at once, after a start */
#define MEMBERS_LIVES    3u
#define MEMBERS_JOIN_MS  2000u /* after the first link, and up to 3 s more */

struct member {
	struct mesh_member told; /* its strings are in `text` */
	bool stays;              /* has told more than once */
	UT_hash_handle hh;
	char text[];
};

struct members {
	/* Those that do not stay, those that do; of both the one heard of
	 * longest ago first. */
	struct member *tables[2];
	uint64_t salt;    /* of their hash: ids are chosen by others */
	uint64_t stay_ms; /* until then as many as may have begun to stay */
	char *version;    /* of this node's program */
	bool is_on;       /* this node tells of itself */
	/* When it told last, and after which part of the interval it does again,
	 * in 1024ths.  0: it never did, and does so first at told_ms, which is
	 * UINT64_MAX until it has joined. */
	uint64_t told_ms, part;
};

NODISCARD enum err members_init(
    struct members *members, const struct mesh_config *config, uint64_t salt);
void members_fini(struct members *members);

static inline size_t
members_count(const struct members *members)
{
	return HASH_COUNT(members->tables[false]) +
	       HASH_COUNT(members->tables[true]);
}

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
