/* SPDX-License-Identifier: MIT
 * members.c - see members.h. */

#include "mesh/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/inside.h"
#include "wire/presence.h"

enum { MEMBERS_PART = 1024 };

_Static_assert(
    MEMBERS_QUIET < MEMBERS_MAX, "no place for those that do not stay");

enum err
members_init(
    struct members *members, const struct mesh_config *config, uint64_t salt)
{
	members_begin(members);
	members->salt = salt;
	members->is_on = config->presence;
	members->version = strdup(
	    config->version != NULL ? config->version : "");
	return members->version == NULL ? ERR_NOMEM : ERR_OK;
}

void
members_begin(struct members *members)
{
	members->told_ms = UINT64_MAX;
	members->part = 0;
}

static void
members_remove(struct members *members, struct member *member)
{
	HASH_DEL(members->tables[member->stays], member);
	free(member);
}

void
members_fini(struct members *members)
{
	for (size_t i = 0; i < 2; i++) {
		while (members->tables[i] != NULL) {
			members_remove(members, members->tables[i]);
		}
	}
	free(members->version);
	members->version = NULL;
}

static unsigned
members_hash(const struct members *members, const struct nodeid *id)
{
	return (unsigned)nodeid_hash(id, members->salt);
}

static struct member *
members_find(const struct members *members, const struct nodeid *id)
{
	unsigned hash = members_hash(members, id);
	struct member *member = NULL;

	for (size_t i = 0; i < 2 && member == NULL; i++) {
		HASH_FIND_BYHASHVALUE(
		    hh, members->tables[i], id, sizeof(*id), hash, member);
	}
	return member;
}

static struct member *
member_create(
    const struct nodeid *id, uint64_t now_ms, const struct presence *presence)
{
	size_t name = strlen(presence->name) + 1;
	size_t addr = strlen(presence->addr) + 1;
	size_t version = strlen(presence->version) + 1;
	struct member *member = calloc(
	    1, sizeof(*member) + name + addr + version);

	if (member == NULL) {
		return NULL;
	}
	member->told = (struct mesh_member){
		.node_id = *id,
		.name = memcpy(member->text, presence->name, name),
		.addr = memcpy(member->text + name, presence->addr, addr),
		.version = memcpy(
		    member->text + name + addr, presence->version, version),
		.links = presence->links,
		.seen_ms = now_ms,
	};
	return member;
}

static uint64_t
members_stayed(const struct members *members)
{
	return HASH_COUNT(members->tables[true]);
}

/* May one more begin to stay? */
static bool
members_takes(struct members *members, uint64_t now_ms)
{
	uint64_t stay_ms = members->stay_ms > now_ms ? members->stay_ms
	                                             : now_ms;

	if (stay_ms - now_ms >
	        (uint64_t)(MEMBERS_STAY_MAX - 1) * MEMBERS_STAY_MS ||
	    members_stayed(members) >= MEMBERS_QUIET) {
		return false;
	}
	members->stay_ms = stay_ms + MEMBERS_STAY_MS;
	return true;
}

/* Behind all others: it was heard of now. */
static void
members_put(
    struct mesh *mesh, const struct nodeid *id, const struct presence *presence)
{
	struct members *members = &mesh->members;
	struct member *old = members_find(members, id);
	struct member *member;

	member = member_create(id, mesh->now_ms, presence);
	if (member == NULL) {
		mesh->stats.nomem++;
		return;
	}
	member->stays = !presence->is_new &&
	                ((old != NULL && old->stays) ||
	                    members_takes(members, mesh->now_ms));
	if (old == NULL && members_count(members) >= MEMBERS_MAX) {
		mesh->stats.members_full++;
		old = members->tables[false];
	}
	if (old != NULL) {
		members_remove(members, old);
	}
	HASH_ADD_BYHASHVALUE(hh, members->tables[member->stays], told.node_id,
	    sizeof(*id), members_hash(members, id), member);
	if (member->hh.tbl == NULL) {
		mesh->stats.nomem++;
		free(member);
	}
}

bool
members_on_message(struct mesh *mesh, const struct message_view *view)
{
	struct presence presence;

	if (view->topic_len != sizeof(PRESENCE_TOPIC) - 1 ||
	    memcmp(view->topic, PRESENCE_TOPIC, view->topic_len) != 0) {
		return false;
	}
	if ((view->flags & MESSAGE_REPLY) != 0 ||
	    presence_decode(view->payload, view->payload_len, &presence) !=
	        ERR_OK) {
		mesh->stats.presence_bad++;
		return true;
	}
	members_put(mesh, &view->origin, &presence);
	mesh_wake_at(
	    mesh, mesh->now_ms + (uint64_t)MEMBERS_LIVES * MEMBERS_EVERY_MS);
	return true;
}

void
members_on_up(struct mesh *mesh)
{
	struct members *members = &mesh->members;

	if (members->is_on && members->told_ms == UINT64_MAX) {
		/* Not all at once, and when there are trees to go along. */
		members->told_ms = mesh->now_ms + MEMBERS_JOIN_MS +
		                   rng_below(
		                       mesh->rng, MEMBERS_JOIN_MS * 3 / 2);
		mesh_wake_at(mesh, members->told_ms);
	}
}

void
members_on_leave(struct mesh *mesh, const struct nodeid *id)
{
	struct member *member = members_find(&mesh->members, id);

	if (member != NULL) {
		members_remove(&mesh->members, member);
	}
}

static uint64_t
members_every_ms(const struct members *members)
{
	uint64_t each_ms = (members_stayed(members) + 1) * MEMBERS_EACH_MS;

	return each_ms > MEMBERS_EVERY_MS ? each_ms : MEMBERS_EVERY_MS;
}

/* When to tell: as many as stay now, not as did then. */
static uint64_t
members_tell_at(const struct members *members)
{
	return members->told_ms +
	       members_every_ms(members) * members->part / MEMBERS_PART;
}

static void
members_tell(struct mesh *mesh)
{
	struct presence presence = {
		.links = (uint32_t)mesh->stats.links_up,
		.is_new = mesh->members.part == 0,
	};
	struct buf json = { 0 };
	struct message_view view = {
		.flags = MESSAGE_TEXT,
		.topic = PRESENCE_TOPIC,
		.topic_len = sizeof(PRESENCE_TOPIC) - 1,
	};

	(void)stpncpy(presence.name, mesh->name.text, PRESENCE_TEXT_MAX);
	(void)stpncpy(presence.addr, mesh->advertise.text, PRESENCE_TEXT_MAX);
	(void)stpncpy(
	    presence.version, mesh->members.version, PRESENCE_TEXT_MAX);
	if (presence_encode(&json, &presence) == ERR_OK) {
		view.payload = json.bytes;
		view.payload_len = json.len;
		if (mesh_publish(mesh, mesh->now_ms, &view) == ERR_OK) {
			mesh->stats.presence_sent++;
		}
	} else {
		mesh->stats.nomem++;
	}
	buf_fini(&json);
}

/* Who was not heard of for long. */
static void
members_expire(struct mesh *mesh)
{
	struct members *members = &mesh->members;
	uint64_t life_ms = MEMBERS_LIVES * members_every_ms(members);

	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): it takes the member that
	 * HASH_DEL has taken out for one that is still in the table. */
	for (size_t i = 0; i < 2; i++) {
		struct member **first = &members->tables[i];

		while (*first != NULL &&
		       (*first)->told.seen_ms + life_ms <= mesh->now_ms) {
			members_remove(members, *first);
		}
		if (*first != NULL) {
			mesh_wake_at(mesh, (*first)->told.seen_ms + life_ms);
		}
	}
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
}

void
members_on_tick(struct mesh *mesh)
{
	struct members *members = &mesh->members;

	members_expire(mesh);
	if (mesh->stopped) {
		return;
	}
	if (members_tell_at(members) <= mesh->now_ms) {
		if (members_stayed(members) < MEMBERS_QUIET) {
			members_tell(mesh);
		}
		members->told_ms = mesh->now_ms;
		members->part = rng_around(mesh->rng, MEMBERS_PART, 10);
	}
	mesh_wake_at(mesh, members_tell_at(members));
}

void
mesh_each_member(const struct mesh *mesh,
    void (*each)(void *ctx, const struct mesh_member *member), void *ctx)
{
	for (size_t i = 0; i < 2; i++) {
		const struct member *member = mesh->members.tables[i];

		for (; member != NULL; member = member->hh.next) {
			each(ctx, &member->told);
		}
	}
}
