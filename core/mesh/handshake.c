/* SPDX-License-Identifier: MIT
 * handshake.c - see handshake.h. */

#include "mesh/handshake.h"

#include <stdio.h>
#include <string.h>

#include "mesh/inside.h"

enum { HANDSHAKE_DEAD_MS = 5000 }; /* of silence: the old link is dead */

void
handshake_start(struct link *link, uint64_t now_ms)
{
	struct mesh *mesh = link->mesh;
	struct record_hello hello = {
		.ver_min = MESH_VERSION,
		.ver_max = MESH_VERSION,
		.flags = (uint16_t)((mesh->up_slots == 0 ? HELLO_ORPHAN : 0) |
		                    (mesh->advertise.len == 0 ? HELLO_LEAF
		                                              : 0)),
		.node_id = mesh->node_id,
		.boot = mesh->boot,
		.addr = mesh->advertise,
		.name = mesh->name,
		.max_message = (uint32_t)mesh->max_message,
	};

	memcpy(hello.net, mesh->net, sizeof(hello.net));
	rng_fill(mesh->rng, hello.nonce, sizeof(hello.nonce));
	buf_clear(&mesh->scratch);
	if (record_hello_encode(&mesh->scratch, &hello) != ERR_OK) {
		mesh->stats.nomem++;
		link_end(link, now_ms, 0, "out of memory");
		return;
	}
	link->state = LINK_HELLO_SENT;
	link->deadline_ms = now_ms + LINK_HELLO_MS;
	mesh_wake_at(mesh, link->deadline_ms);
	mesh->io->send(
	    mesh->io->ctx, link, mesh->scratch.bytes, mesh->scratch.len, true);
}

/* Of two living links to one node the one that the smaller id dialled stays;
 * of two that the same side dialled the newer one. */
static bool
handshake_beats(const struct link *link, const struct link *old)
{
	const struct nodeid *mine = &link->mesh->node_id;
	bool i_am_smaller = nodeid_compare(mine, &link->node_id) < 0;

	/* Else it is a clone of the node, or its past. */
	return link->boot == old->boot &&
	       (link->dialled == old->dialled || link->dialled == i_am_smaller);
}

/* Two links to one node: PROTOCOL 4, step 3, run by both sides.  True if this
 * one stays; the other is then ended. */
static bool
handshake_contest(struct link *link, uint64_t now_ms)
{
	struct link *old;

	while ((old = link_find(link->mesh, &link->node_id, link)) != NULL) {
		if (link->boot > old->boot ||
		    link_silence_ms(old, now_ms) > HANDSHAKE_DEAD_MS) {
			/* The process behind it is gone: nothing to say. */
			link_end(old, now_ms, 0, "replaced");
		} else if (handshake_beats(link, old)) {
			link_bye(old, now_ms, BYE_DUPLICATE);
		} else {
			return false;
		}
	}
	return true;
}

/* Put a WELCOME into the scratch buffer. */
static enum err
handshake_welcome(struct link *link, bool accept)
{
	struct mesh *mesh = link->mesh;
	struct record_welcome welcome = {
		.version = MESH_VERSION,
		.flags = (uint16_t)((accept ? WELCOME_ACCEPT : 0) |
		                    (mesh->up_slots == 0 ? WELCOME_ORPHAN : 0)),
		.node_id = mesh->node_id,
		.boot = mesh->boot,
		.seen_addr = { .text = link->remote,
		    .len = (uint8_t)strlen(link->remote) },
		.max_message = (uint32_t)mesh->max_message,
		.name = mesh->name,
	};

	rng_fill(mesh->rng, welcome.nonce, sizeof(welcome.nonce));
	buf_clear(&mesh->scratch);
	return record_welcome_encode(&mesh->scratch, &welcome);
}

/* Say who we are, so that the dialler can tell what it reached, and why not. */
static void
handshake_refuse(struct link *link, uint64_t now_ms, enum bye_reason reason)
{
	if (handshake_welcome(link, false) != ERR_OK) {
		link->mesh->stats.nomem++;
		link_bye(link, now_ms, reason);
		return;
	}
	link_bye_behind(link, now_ms, reason);
}

static void
handshake_accept(struct link *link, uint64_t now_ms)
{
	struct mesh *mesh = link->mesh;
	struct record_welcome2 welcome2 = {
		.last_seq = origins_newest(&mesh->origins, &link->node_id),
	};

	if (handshake_welcome(link, true) != ERR_OK ||
	    record_welcome2_encode(&mesh->scratch, &welcome2) != ERR_OK) {
		mesh->stats.nomem++;
		link_end(link, now_ms, 1011, "out of memory");
		return;
	}
	mesh->io->send(
	    mesh->io->ctx, link, mesh->scratch.bytes, mesh->scratch.len, true);
	link_up(link, now_ms);
}

/* The address it advertises; a missing host is the one we see. */
static void
handshake_take_addr(struct link *link, const struct str8 *addr)
{
	char made[512];
	int len;

	if (addr->len == 0) {
		return;
	}
	if (addr->len > 6 && memcmp(addr->text, "ws://:", 6) == 0) {
		bool is_v6 = strchr(link->remote, ':') != NULL;

		len = snprintf(made, sizeof(made), "ws://%s%s%s%.*s",
		    is_v6 ? "[" : "", link->remote, is_v6 ? "]" : "",
		    addr->len - 5, addr->text + 5);
	} else {
		len = snprintf(
		    made, sizeof(made), "%.*s", addr->len, addr->text);
	}
	/* A NUL inside cuts it short of what was announced, or is no address
	 * byte: either way it is checked as it will be shown. */
	if (len <= 0 || (size_t)len > RECORD_ADDR_MAX ||
	    memchr(addr->text, '\0', addr->len) != NULL ||
	    !record_addr_is_valid(made, (size_t)len)) {
		link->mesh->stats.bad_addr++;
		return;
	}
	memcpy(link->addr, made, (size_t)len + 1);
}

static bool
handshake_versions_meet(uint8_t ver_min, uint8_t ver_max)
{
	return ver_min <= MESH_VERSION && MESH_VERSION <= ver_max;
}

static void
handshake_take_limits(
    struct link *link, const struct str8 *name, uint32_t max_message)
{
	link_copy_text(link->name, name);
	link->max_message = max_message != 0 ? max_message : UINT32_MAX;
}

static void
handshake_on_hello(
    struct link *link, uint64_t now_ms, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_hello hello;

	/* Of a HELLO of another version only the beginning is known. */
	if (record->len >= 2 &&
	    !handshake_versions_meet(record->body[0], record->body[1])) {
		link_bye(link, now_ms, BYE_VERSION);
		return;
	}
	if (record_hello_decode(record, &hello) != ERR_OK) {
		link_violate(link, now_ms, 1002, "malformed HELLO");
		return;
	}
	if (memcmp(hello.net, mesh->net, sizeof(hello.net)) != 0) {
		link_bye(link, now_ms, BYE_NETWORK);
		return;
	}
	link->node_id = hello.node_id;
	link->boot = hello.boot;
	link->is_known = true;
	handshake_take_limits(link, &hello.name, hello.max_message);
	handshake_take_addr(link, &hello.addr);
	if (nodeid_equal(&hello.node_id, &mesh->node_id)) {
		handshake_refuse(link, now_ms, BYE_SELF);
	} else if (mesh_is_refused(mesh, &hello.node_id, now_ms)) {
		link_bye(link, now_ms, BYE_SLOW);
	} else if (!handshake_contest(link, now_ms)) {
		handshake_refuse(link, now_ms, BYE_DUPLICATE);
	} else if (mesh->up_slots == UINT64_MAX) {
		handshake_refuse(link, now_ms, BYE_FULL);
	} else {
		handshake_accept(link, now_ms);
	}
}

static void
handshake_on_welcome(
    struct link *link, uint64_t now_ms, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_welcome welcome;

	if (link->is_welcome || link->is_refused) {
		link_violate(link, now_ms, 1002, "a second WELCOME");
		return;
	}
	if (record_welcome_decode(record, &welcome) != ERR_OK) {
		link_violate(link, now_ms, 1002, "malformed WELCOME");
		return;
	}
	if (welcome.version != MESH_VERSION) {
		link_bye(link, now_ms, BYE_VERSION);
		return;
	}
	link->node_id = welcome.node_id;
	link->boot = welcome.boot;
	link->is_known = true;
	handshake_take_limits(link, &welcome.name, welcome.max_message);
	bootstrap_on_identity(mesh, link);
	if (nodeid_equal(&welcome.node_id, &mesh->node_id)) {
		link_bye(link, now_ms, BYE_SELF);
	} else if ((welcome.flags & WELCOME_ACCEPT) == 0) {
		link->is_refused = true; /* the BYE behind it says why */
	} else if ((welcome.flags & WELCOME_AUTH) != 0) {
		link_bye(link, now_ms, BYE_AUTH);
	} else if (mesh_is_refused(mesh, &welcome.node_id, now_ms)) {
		link_bye(link, now_ms, BYE_SLOW);
	} else if (!handshake_contest(link, now_ms)) {
		link_bye(link, now_ms, BYE_DUPLICATE);
	} else {
		link->is_welcome = true;
	}
}

/* The mesh remembers ids of ours that we do not: from an earlier life with the
 * same node id.  Number behind them, or nobody would take ours. */
static void
handshake_pass(struct mesh *mesh, uint64_t last_seq, uint64_t now_ms)
{
	uint64_t boot = (last_seq >> 32) + 1;

	if (last_seq <= mesh->seq) {
		return;
	}
	if (boot > (uint64_t)mesh_wall_s(mesh, now_ms) + MESH_BOOT_AHEAD_S) {
		mesh->stats.bad_boot++;
		return;
	}
	mesh->boot = (uint32_t)boot;
	mesh->seq = boot << 32;
}

static void
handshake_on_welcome2(
    struct link *link, uint64_t now_ms, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_welcome2 welcome2;

	if (!link->is_welcome) {
		link_violate(link, now_ms, 1002, "WELCOME2 without WELCOME");
		return;
	}
	if (record_welcome2_decode(record, &welcome2) != ERR_OK) {
		link_violate(link, now_ms, 1002, "malformed WELCOME2");
		return;
	}
	if (mesh->up_slots == UINT64_MAX) {
		link_bye(link, now_ms, BYE_FULL);
		return;
	}
	handshake_pass(mesh, welcome2.last_seq, now_ms);
	link_up(link, now_ms);
}

static void
handshake_on_dialled(
    struct link *link, uint64_t now_ms, const struct record *record)
{
	struct record_peers peers;

	switch (record->type) {
	case RECORD_WELCOME:
		handshake_on_welcome(link, now_ms, record);
		return;
	case RECORD_WELCOME2:
		handshake_on_welcome2(link, now_ms, record);
		return;
	case RECORD_BYE:
		link_on_bye(link, now_ms, record);
		return;
	case RECORD_PEERS:
		if (record_peers_decode(record, &peers) != ERR_OK) {
			link_violate(link, now_ms, 1002, "malformed PEERS");
		} else {
			link->mesh->stats.ignored++;
		}
		return;
	default:
		link_violate(link, now_ms, 1002, "a record before UP");
	}
}

void
handshake_on_record(
    struct link *link, uint64_t now_ms, const struct record *record)
{
	size_t limit = record->type == RECORD_PEERS ? LINK_PEERS_EARLY
	                                            : LINK_RECORD_EARLY;

	if (link->state == LINK_DIALING) {
		link_violate(link, now_ms, 1002, "a record before HELLO");
		return;
	}
	if (link->state == LINK_ACCEPTED) {
		link->has_spoken = record->type == RECORD_HELLO;
	}
	link->early += RECORD_HEADER_LEN + record->len;
	if (record->len > limit || link->early > LINK_EARLY_MAX) {
		link_violate(link, now_ms, 1009, "too long before UP");
	} else if (record->type >= RECORD_CRITICAL) {
		link_violate(link, now_ms, 4005, "unknown critical record");
	} else if (link->state == LINK_HELLO_SENT) {
		handshake_on_dialled(link, now_ms, record);
	} else if (record->type == RECORD_HELLO) {
		handshake_on_hello(link, now_ms, record);
	} else {
		link_violate(link, now_ms, 1002, "no HELLO");
	}
}
