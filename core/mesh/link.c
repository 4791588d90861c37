/* SPDX-License-Identifier: MIT
 * link.c - see link.h. */

#include "mesh/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mesh/inside.h"

static const struct {
	uint16_t code;
	const char *text;
} link_byes[] = {
	[BYE_LEAVING] = { 1001, "leaving" },
	[BYE_FULL] = { 1000, "full" },
	[BYE_EVICTED] = { 1000, "evicted" },
	[BYE_DUPLICATE] = { 4001, "duplicate link" },
	[BYE_SELF] = { 4001, "this is you" },
	[BYE_NETWORK] = { 1008, "another network" },
	[BYE_VERSION] = { 4003, "no common version" },
	[BYE_AUTH] = { 1008, "authentication" },
	[BYE_SLOW] = { 4002, "too slow" },
	[BYE_ABUSE] = { 1008, "abuse" },
};

/* The close code that goes with a reason. */
static uint16_t
link_bye_code(uint8_t reason)
{
	return reason < ARRAY_LEN(link_byes) ? link_byes[reason].code : 1000;
}

const char *
link_bye_text(uint8_t reason)
{
	return reason < ARRAY_LEN(link_byes) ? link_byes[reason].text
	                                     : "no reason";
}

bool
link_is_final(const struct link *link, enum mesh_closed how)
{
	return how == MESH_DIAL_NOT_A_PEER || how == MESH_DIAL_BAD_URL ||
	       (link->bye >= BYE_SELF && link->bye != BYE_SLOW &&
	           link->bye != LINK_BYE_NONE);
}

struct link *
link_create(struct mesh *mesh, bool dialled)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL) {
		mesh->stats.nomem++;
		return NULL;
	}
	link->mesh = mesh;
	link->state = dialled ? LINK_DIALING : LINK_ACCEPTED;
	link->dialled = dialled;
	link->reading = true;
	link->bye = LINK_BYE_NONE;
	link->is_proven = !mesh->has_key;
	link->heard_ms = mesh->now_ms;
	link->next = mesh->links;
	if (link->next != NULL) {
		link->next->prev = link;
	}
	mesh->links = link;
	return link;
}

struct link *
link_dial(struct mesh *mesh, const char *addr, uint16_t flags)
{
	struct link *link = link_create(mesh, true);

	if (link != NULL) {
		link->hello_flags = flags;
		(void)stpncpy(link->addr, addr, sizeof(link->addr) - 1);
		mesh->stats.dials++;
		mesh->io->dial(mesh->io->ctx, link, link->addr);
	}
	return link;
}

bool
link_send(struct link *link, enum err err)
{
	struct mesh *mesh = link->mesh;

	if (err != ERR_OK) {
		mesh->stats.nomem++;
		return false;
	}
	mesh->io->send(
	    mesh->io->ctx, link, mesh->scratch.bytes, mesh->scratch.len, true);
	return true;
}

/* The smallest message size that some link that is UP still takes. */
static void
link_count_smallest(struct mesh *mesh)
{
	const struct link *link;

	mesh->smallest_max = UINT32_MAX;
	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		if (link->max_message < mesh->smallest_max) {
			mesh->smallest_max = link->max_message;
		}
	}
}

static void
link_tell(const struct link *link)
{
	struct mesh *mesh = link->mesh;
	struct mesh_peer peer = mesh_peer_of(link);
	char hex[NODEID_HEX_LEN + 1];

	nodeid_hex(&link->node_id, hex);
	if (peer.up) {
		log_info("mesh", "peer_up", "peer up",
		    LOG_STR("name", link->name), LOG_STR("id", hex),
		    LOG_STR("addr", link->addr),
		    LOG_STR("dir", link->dialled ? "out" : "in"));
	} else {
		log_info("mesh", "peer_down", "peer down",
		    LOG_STR("name", link->name), LOG_STR("id", hex),
		    LOG_STR("addr", link->addr),
		    LOG_STR("dir", link->dialled ? "out" : "in"),
		    LOG_STR("why", peer.bye == LINK_BYE_NONE
		                       ? "lost"
		                       : link_bye_text(peer.bye)));
	}
	mesh->io->peer(mesh->io->ctx, &peer);
}

static void
link_ping(struct link *link)
{
	struct mesh *mesh = link->mesh;

	link->stamp = mesh_now_us(mesh);
	link->is_pinged = true;
	link->pinged_ms = mesh->now_ms;
	mesh->io->ping(mesh->io->ctx, link, link->stamp);
}

void
link_up(struct link *link)
{
	struct mesh *mesh = link->mesh;

	assert(mesh->up_slots != UINT64_MAX);
	link->slot = (int8_t)__builtin_ctzll(~mesh->up_slots);
	link->state = LINK_UP;
	link->was_up = true;
	mesh->up[link->slot] = link;
	mesh->users[link->slot] = link->user;
	mesh->up_slots |= UINT64_C(1) << link->slot;
	mesh->stats.links_up++;
	link_count_smallest(mesh);
	buf_fini(&link->hello); /* nobody needs to be convinced */
	mesh_wake_links_at(mesh, mesh->now_ms + mesh->ping_ms);
	link_tell(link);
	/* Under load there is no silence, and timeouts need a round trip. */
	link_ping(link);
	spread_on_up(link);
	members_on_up(mesh);
	/* Last: it may end another link in exchange. */
	views_on_up(link);
}

static void
link_down(struct link *link)
{
	struct mesh *mesh = link->mesh;

	spread_on_down(link);
	identity_on_down(link);
	mesh->up[link->slot] = NULL;
	mesh->users[link->slot] = NULL;
	mesh->up_slots &= ~(UINT64_C(1) << link->slot);
	mesh->stats.links_up--;
	link_count_smallest(mesh);
	link_tell(link);
}

/* To CLOSING; the caller sees to the connection. */
static void
link_leave(struct link *link, enum mesh_closed how)
{
	enum link_state before = (enum link_state)link->state;

	link->state = LINK_CLOSING;
	if (before == LINK_UP) {
		link_down(link);
	}
	bootstrap_on_end(link, how);
	views_on_end(link, how);
}

void
link_end(struct link *link, uint16_t code, const char *why)
{
	struct mesh *mesh = link->mesh;

	if (link->state == LINK_CLOSING) {
		return;
	}
	link_leave(link, MESH_CLOSED);
	mesh->io->close(mesh->io->ctx, link, code, why);
}

void
link_lost(struct link *link, enum mesh_closed how)
{
	struct mesh *mesh = link->mesh;

	if (link->state != LINK_CLOSING) {
		link_leave(link, how);
	}
	bootstrap_on_closed(link);
	*(link->prev != NULL ? &link->prev->next : &mesh->links) = link->next;
	if (link->next != NULL) {
		link->next->prev = link->prev;
	}
	buf_fini(&link->hello);
	free(link);
}

/* Others that a peer may try instead, behind its BYE. */
static void
link_name_others(const struct link *link, enum bye_reason reason)
{
	struct mesh *mesh = link->mesh;
	struct record_peers peers;

	if (reason > BYE_EVICTED || !link->is_proven) {
		return;
	}
	views_sample(link, false, &peers);
	/* Without memory for it, the BYE goes alone. */
	if (peers.count > 0 &&
	    record_peers_encode(&mesh->scratch, &peers) != ERR_OK) {
		mesh->stats.nomem++;
	}
}

/* The same on both sides: somebody has to look at the key files. */
static void
link_count_auth(struct link *link)
{
	link->mesh->stats.auth_failed++;
	log_warn("mesh", "auth_failed",
	    "not the same pre-shared key; expected one --psk-file on all nodes "
	    "of a network",
	    LOG_STR("remote", link->remote), LOG_STR("name", link->name),
	    LOG_STR("dir", link->dialled ? "out" : "in"));
}

void
link_bye_behind(struct link *link, enum bye_reason reason)
{
	struct mesh *mesh = link->mesh;
	const char *text = link_bye_text((uint8_t)reason);
	struct record_bye bye = {
		.reason = (uint8_t)reason,
		.text = str8_of(text),
	};

	if (link->state == LINK_CLOSING) {
		return;
	}
	link->bye = (uint8_t)reason;
	mesh->stats.byes_sent[reason]++;
	if (!link->dialled && link->state != LINK_UP) {
		mesh->stats.refused++;
		if (reason != BYE_AUTH) {
			log_info("mesh", "link_refused", "link refused",
			    LOG_STR("remote", link->remote),
			    LOG_STR("name", link->name), LOG_STR("why", text));
		}
	}
	if (reason == BYE_AUTH) {
		link_count_auth(link);
	}
	/* It fits what mesh_create has reserved; without, Close must do. */
	if (record_bye_encode(&mesh->scratch, &bye) == ERR_OK) {
		link_name_others(link, reason);
		mesh->io->send(mesh->io->ctx, link, mesh->scratch.bytes,
		    mesh->scratch.len, false);
	}
	link_end(link, link_bye_code((uint8_t)reason), text);
}

void
link_bye(struct link *link, enum bye_reason reason)
{
	(void)mesh_scratch(link->mesh);
	link_bye_behind(link, reason);
}

void
link_violate(struct link *link, uint16_t code, const char *why)
{
	struct mesh *mesh = link->mesh;

	link->is_deaf = true;
	if (link->state == LINK_CLOSING) {
		return;
	}
	if (code == 1009) {
		mesh->stats.too_long++;
	} else {
		mesh->stats.malformed++;
	}
	log_warn("mesh", "record_malformed", "a peer breaks the protocol",
	    LOG_STR("remote", link->remote), LOG_STR("name", link->name),
	    LOG_STR("why", why), LOG_U64("code", code));
	/* Before HELLO a listener sends nothing, not even a Close. */
	if (link->state == LINK_ACCEPTED) {
		mesh->stats.refused++;
		code = link->has_spoken ? code : 0;
	}
	link_end(link, code, why);
}

void
link_on_bye(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_bye bye;

	if (record_bye_decode(record, &bye) != ERR_OK) {
		link_violate(link, 1002, "malformed BYE");
		return;
	}
	if (bye.reason < ARRAY_LEN(mesh->stats.byes_received)) {
		mesh->stats.byes_received[bye.reason]++;
	}
	/* This node itself would have shown the key first. */
	if (bye.reason == BYE_SELF && !link->is_proven) {
		bye.reason = BYE_AUTH;
	}
	/* Of those that are not known one is like the other. */
	link->bye = bye.reason == LINK_BYE_NONE ? LINK_BYE_NONE - 1
	                                        : bye.reason;
	/* A refusal must not be answered with one: it would never end. */
	if (bye.reason == BYE_SLOW && link->was_up) {
		mesh_refuse(mesh, &link->node_id);
	}
	if (bye.reason == BYE_DUPLICATE) {
		identity_on_duplicate(link);
	}
	if (bye.reason == BYE_AUTH) {
		mesh->stats.refused += link->state == LINK_AUTH_WAIT ? 1 : 0;
		link_count_auth(link);
	}
	if (bye.reason == BYE_LEAVING && link->was_up) {
		members_on_leave(mesh, &link->node_id);
	}
	link->has_bye = true;
	link_end(link, link_bye_code(bye.reason), link_bye_text(bye.reason));
}

void
link_too_slow(struct link *link)
{
	link->mesh->stats.slow++;
	mesh_refuse(link->mesh, &link->node_id);
	link_bye(link, BYE_SLOW);
}

uint64_t
link_silence_ms(const struct link *link)
{
	if (!link->reading) {
		return link->silent_ms;
	}
	return link->mesh->now_ms > link->heard_ms
	           ? link->mesh->now_ms - link->heard_ms
	           : 0;
}

bool
link_is_dial(const struct link *link)
{
	return link->dialled && !link->was_up && link->state != LINK_CLOSING;
}

size_t
link_count_dials(const struct mesh *mesh, uint64_t silent_ms)
{
	size_t count = 0;

	for (const struct link *link = mesh->links; link != NULL;
	     link = link->next) {
		count += link_is_dial(link) && link_silence_ms(link) < silent_ms
		             ? 1
		             : 0;
	}
	return count;
}

struct link *
link_find(
    const struct mesh *mesh, const struct nodeid *id, const struct link *except)
{
	for (struct link *link = mesh->links; link != NULL; link = link->next) {
		if ((link->state == LINK_UP || link->state == LINK_WELCOMED) &&
		    link != except && nodeid_equal(&link->node_id, id)) {
			return link;
		}
	}
	return NULL;
}

static void
link_keep_alive(struct link *link)
{
	struct mesh *mesh = link->mesh;
	uint64_t dead_ms = 3 * (uint64_t)mesh->ping_ms;
	uint64_t since;

	if (!link->reading) {
		return;
	}
	if (link_silence_ms(link) >= dead_ms) {
		mesh->stats.dead++;
		link_end(link, 0, "silent");
		return;
	}
	since = link->heard_ms > link->pinged_ms ? link->heard_ms
	                                         : link->pinged_ms;
	if (mesh->now_ms >= since + mesh->ping_ms) {
		link_ping(link);
		since = mesh->now_ms;
	}
	mesh_wake_links_at(mesh, since + mesh->ping_ms);
	mesh_wake_links_at(mesh, link->heard_ms + dead_ms);
}

void
link_on_tick(struct link *link)
{
	if (link->state == LINK_UP) {
		link_keep_alive(link);
	} else if (link->state == LINK_DIALING || link->state == LINK_CLOSING) {
		return; /* the caller has deadlines for these */
	} else if (link->mesh->now_ms < link->deadline_ms) {
		mesh_wake_links_at(link->mesh, link->deadline_ms);
	} else {
		link->mesh->stats.timeouts++;
		link->mesh->stats.refused += link->dialled ? 0 : 1;
		link_end(link, 0, "handshake timeout");
	}
}

void *
link_user(const struct link *link)
{
	return link->user;
}

bool
link_is_up(const struct link *link)
{
	return link->state == LINK_UP;
}
