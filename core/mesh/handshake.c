/* SPDX-License-Identifier: MIT
 * handshake.c - see handshake.h. */

#include "mesh/handshake.h"

#include <string.h>

#include "mesh/inside.h"
#include "mesh/sync.h"
#include "mesh/wall.h"
#include "wire/utf8.h"

enum {
	HANDSHAKE_DEAD_MS = 5000, /* of silence: the old link is dead */
	HANDSHAKE_ACCEPTS_S = 20, /* links accepted a second, */
	HANDSHAKE_BURST = 128,    /* and at once */
};

static enum err
handshake_hello(struct link *link)
{
	struct mesh *mesh = link->mesh;
	struct record_hello hello = {
		.ver_min = MESH_VERSION,
		.ver_max = MESH_VERSION,
		.node_id = mesh->node_id,
		.boot = mesh_boot(mesh),
		.addr = mesh->advertise,
		.name = mesh->name,
		.max_message = (uint32_t)mesh->max_message,
	};
	enum err err = mesh_secret(mesh, hello.nonce, sizeof(hello.nonce));

	link->is_orphan = mesh->up_slots == 0;
	link->hello_flags |= (link->is_orphan ? HELLO_ORPHAN : 0) |
	                     (mesh->advertise.len == 0 ? HELLO_LEAF : 0);
	hello.flags = link->hello_flags;
	memcpy(hello.net, mesh->net, sizeof(hello.net));
	if (err == ERR_OK) {
		err = record_hello_encode(mesh_scratch(mesh), &hello);
	}
	if (err == ERR_OK && mesh->has_key) {
		/* To show that we know the key, it will be needed. */
		err = buf_append(&link->hello,
		    mesh->scratch.bytes + RECORD_HEADER_LEN,
		    mesh->scratch.len - RECORD_HEADER_LEN);
	}
	return err;
}

/* Send what is in the scratch buffer; the answer must come in time. */
static void
handshake_ask(struct link *link, enum err err, enum link_state state)
{
	if (!link_send(link, err)) {
		/* Who has said nothing yet goes without a word. */
		link_end(
		    link, state == LINK_HELLO_SENT ? 0 : 1011, "out of memory");
		return;
	}
	link->state = (uint8_t)state;
	link->deadline_ms = link->mesh->now_ms + LINK_ANSWER_MS;
	mesh_wake_links_at(link->mesh, link->deadline_ms);
}

void
handshake_start(struct link *link)
{
	handshake_ask(link, handshake_hello(link), LINK_HELLO_SENT);
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
handshake_contest(struct link *link)
{
	struct link *old;

	while ((old = link_find(link->mesh, &link->node_id, link)) != NULL) {
		if (link->boot > old->boot ||
		    link_silence_ms(old) > HANDSHAKE_DEAD_MS) {
			/* The process behind it is gone: nothing to say. */
			link_end(old, 0, "replaced");
		} else if (handshake_beats(link, old)) {
			link_bye(old, BYE_DUPLICATE);
		} else {
			identity_on_past(link, old);
			return false;
		}
	}
	return true;
}

/* What both sides have to show: the dialler's goes into `link->proof`. */
static enum err
handshake_proofs(struct link *link, uint8_t listener[RECORD_PROOF_LEN],
    const struct record *hello, const struct record *welcome, size_t at)
{
	const uint8_t *key = link->mesh->key;
	enum err err = auth_prove(
	    listener, key, AUTH_LISTENER, hello, welcome, at);

	return err == ERR_OK ? auth_prove(link->proof, key, AUTH_DIALLER, hello,
	                           welcome, at)
	                     : err;
}

/* Write our proof into the WELCOME in the scratch buffer, remember theirs. */
static enum err
handshake_prove(struct link *link, const struct record *hello,
    const struct record_welcome *welcome)
{
	struct mesh *mesh = link->mesh;
	uint8_t *body = mesh->scratch.bytes + RECORD_HEADER_LEN;
	const struct record record = {
		.type = RECORD_WELCOME,
		.body = body,
		.len = mesh->scratch.len - RECORD_HEADER_LEN,
	};
	size_t at = record_welcome_proof_at(welcome);

	/* What is shown is of all but the proof itself. */
	return handshake_proofs(link, body + at, hello, &record, at);
}

/* Put a WELCOME into the scratch buffer. */
static enum err
handshake_welcome(struct link *link, const struct record *hello, bool accept)
{
	struct mesh *mesh = link->mesh;
	struct record_welcome welcome = {
		.version = MESH_VERSION,
		.flags = (uint16_t)((accept ? WELCOME_ACCEPT : 0) |
		                    (mesh->has_key ? WELCOME_AUTH : 0) |
		                    (mesh->up_slots == 0 ? WELCOME_ORPHAN : 0)),
		.node_id = mesh->node_id,
		.boot = mesh_boot(mesh),
		.seen_addr = str8_of(link->remote),
		.max_message = (uint32_t)mesh->max_message,
		.name = mesh->name,
	};
	enum err err = mesh_secret(mesh, welcome.nonce, sizeof(welcome.nonce));

	link->is_orphan = link->is_orphan || mesh->up_slots == 0;
	if (err == ERR_OK) {
		err = record_welcome_encode(mesh_scratch(mesh), &welcome);
	}
	if (err == ERR_OK && mesh->has_key) {
		err = handshake_prove(link, hello, &welcome);
	}
	return err;
}

/* Say who we are, so that the dialler can tell what it reached, and why not.
 * `hello` is NULL if it knows that already. */
static void
handshake_refuse(
    struct link *link, const struct record *hello, enum bye_reason reason)
{
	(void)mesh_scratch(link->mesh);
	if (hello != NULL && handshake_welcome(link, hello, false) != ERR_OK) {
		link->mesh->stats.nomem++;
		link_bye(link, reason);
		return;
	}
	link_bye_behind(link, reason);
}

static void
handshake_accept(struct link *link, const struct record *hello)
{
	struct mesh *mesh = link->mesh;
	struct record_welcome2 welcome2 = {
		.last_seq = origins_newest(&mesh->origins, &link->node_id),
	};
	enum err err = ERR_OK;

	views_sample(link, false, &welcome2.peers);
	(void)mesh_scratch(mesh);
	if (hello != NULL) {
		err = handshake_welcome(link, hello, true);
	}
	if (err == ERR_OK) {
		err = record_welcome2_encode(&mesh->scratch, &welcome2);
	}
	if (link_send(link, err)) {
		link_up(link);
	} else {
		link_end(link, 1011, "out of memory");
	}
}

/* PROTOCOL 4, steps 3 to 6.  `hello` is NULL if WELCOME has been sent, and the
 * dialler has shown that it knows the key. */
static void
handshake_admit(struct link *link, const struct record *hello)
{
	struct mesh *mesh = link->mesh;
	/* Each link that comes or goes costs a look at every origin. */
	const struct bucket_rate rate = bucket_rate(
	    HANDSHAKE_ACCEPTS_S, HANDSHAKE_BURST);
	bool has_room;

	if (mesh_is_refused(mesh, &link->node_id)) {
		link_bye(link, BYE_SLOW);
		return;
	}
	if (!handshake_contest(link)) {
		handshake_refuse(link, hello, BYE_DUPLICATE);
		return;
	}
	has_room = bucket_has_token(&mesh->accepts, &rate, mesh->now_ms);
	mesh->stats.accept_limit += has_room ? 0 : 1;
	has_room = has_room && views_make_room(link);
	if ((link->hello_flags & HELLO_ORPHAN) != 0) {
		walk_begin(link);
	}
	if (has_room) {
		bucket_take(&mesh->accepts, &rate, mesh->now_ms);
		handshake_accept(link, hello);
		return;
	}
	handshake_refuse(link, hello, BYE_FULL);
	if (!link->is_leaf) {
		views_store(mesh, &link->node_id, link->addr);
	}
}

void
handshake_on_auth(struct link *link, const struct record *record)
{
	struct record_auth auth;
	bool is_same;

	if (record_auth_decode(record, &auth) != ERR_OK) {
		link_violate(link, 1002, "malformed AUTH");
		return;
	}
	is_same = auth_is_same(auth.proof, link->proof);
	auth_forget(link->proof, sizeof(link->proof));
	if (!is_same) {
		link_bye(link, BYE_AUTH);
		return;
	}
	link->is_proven = true;
	handshake_admit(link, NULL);
}

/* Words of the peer, with everything odd made '?'. */
static void
handshake_copy_text(char out[256], const struct str8 *text)
{
	bool is_utf8 = utf8_is_valid(text->text, text->len);

	for (size_t i = 0; i < text->len; i++) {
		uint8_t byte = (uint8_t)text->text[i];
		bool odd = byte < 0x20 || byte == 0x7f ||
		           (byte >= 0x80 && !is_utf8);

		out[i] = odd ? '?' : text->text[i];
	}
	out[text->len] = '\0';
}

static void
handshake_take_limits(
    struct link *link, const struct str8 *name, uint32_t max_message)
{
	handshake_copy_text(link->name, name);
	link->max_message = max_message != 0 ? max_message : UINT32_MAX;
}

/* Who it says it is; the address it advertises. */
static void
handshake_take_hello(struct link *link, const struct record_hello *hello)
{
	link->node_id = hello->node_id;
	link->boot = hello->boot;
	link->is_known = true;
	link->hello_flags = hello->flags;
	link->is_orphan = (hello->flags & HELLO_ORPHAN) != 0;
	link->is_fresh = (hello->flags & HELLO_FRESH) != 0;
	link->is_leaf = (hello->flags & HELLO_LEAF) != 0;
	handshake_take_limits(link, &hello->name, hello->max_message);
	if (hello->addr.len > 0) {
		const struct record_peer peer = {
			.node_id = hello->node_id,
			.addr = hello->addr,
		};

		(void)views_take_addr(link, &peer, link->addr);
	}
}

void
handshake_on_hello(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_hello hello;

	/* Of a HELLO of another version only the beginning is known. */
	if (record->len >= 2 && (MESH_VERSION < record->body[0] ||
	                            MESH_VERSION > record->body[1])) {
		link_bye(link, BYE_VERSION);
		return;
	}
	if (record_hello_decode(record, &hello) != ERR_OK) {
		link_violate(link, 1002, "malformed HELLO");
		return;
	}
	if (memcmp(hello.net, mesh->net, sizeof(hello.net)) != 0) {
		link_bye(link, BYE_NETWORK);
		return;
	}
	handshake_take_hello(link, &hello);
	if (nodeid_equal(&hello.node_id, &mesh->node_id)) {
		handshake_refuse(link, record, BYE_SELF);
	} else if (mesh->has_key) {
		/* Nothing but WELCOME before the dialler has shown it. */
		handshake_ask(link, handshake_welcome(link, record, false),
		    LINK_AUTH_WAIT);
	} else {
		handshake_admit(link, record);
	}
}

/* Does the listener know the key?  `link->proof` is then what we show. */
static bool
handshake_check_proof(struct link *link, const struct record *record,
    const struct record_welcome *welcome)
{
	const struct record hello = {
		.type = RECORD_HELLO,
		.body = link->hello.bytes,
		.len = link->hello.len,
	};
	size_t at = record_welcome_proof_at(welcome);
	uint8_t expected[RECORD_PROOF_LEN];
	bool is_good = handshake_proofs(link, expected, &hello, record, at) ==
	                   ERR_OK &&
	               auth_is_same(expected, welcome->proof);

	auth_forget(expected, sizeof(expected));
	buf_fini(&link->hello);
	return is_good;
}

/* The listener has shown that it knows the key: now we. */
static void
handshake_send_auth(struct link *link)
{
	struct record_auth auth;

	memcpy(auth.proof, link->proof, sizeof(auth.proof));
	auth_forget(link->proof, sizeof(link->proof));
	handshake_ask(link, record_auth_encode(mesh_scratch(link->mesh), &auth),
	    LINK_WELCOMED);
}

static void
handshake_take_welcome(struct link *link, const struct record_welcome *welcome)
{
	link->node_id = welcome->node_id;
	link->boot = welcome->boot;
	link->is_known = true;
	link->is_orphan = link->is_orphan ||
	                  (welcome->flags & WELCOME_ORPHAN) != 0;
	handshake_take_limits(link, &welcome->name, welcome->max_message);
}

/* WELCOME is whole: go on, or not. */
static void
handshake_judge(struct link *link, const struct record *record,
    const struct record_welcome *welcome)
{
	struct mesh *mesh = link->mesh;
	bool has_auth = (welcome->flags & WELCOME_AUTH) != 0;

	/* First: who has not the key may say that it is anybody. */
	if (has_auth != mesh->has_key ||
	    (has_auth && !handshake_check_proof(link, record, welcome))) {
		link_bye(link, BYE_AUTH);
		return;
	}
	link->is_proven = true;
	bootstrap_on_identity(link);
	views_on_identity(link);
	if (nodeid_equal(&welcome->node_id, &mesh->node_id)) {
		link_bye(link, BYE_SELF);
	} else if (!has_auth && (welcome->flags & WELCOME_ACCEPT) == 0) {
		link->state = LINK_REFUSED;
	} else if (mesh_is_refused(mesh, &welcome->node_id)) {
		link_bye(link, BYE_SLOW);
	} else if (!handshake_contest(link)) {
		link_bye(link, BYE_DUPLICATE);
	} else {
		link->state = LINK_WELCOMED;
		if (has_auth) {
			handshake_send_auth(link);
		}
	}
}

void
handshake_on_welcome(struct link *link, const struct record *record)
{
	struct record_welcome welcome;

	if (record_welcome_decode(record, &welcome) != ERR_OK) {
		link_violate(link, 1002, "malformed WELCOME");
	} else if (welcome.version != MESH_VERSION) {
		link_bye(link, BYE_VERSION);
	} else {
		handshake_take_welcome(link, &welcome);
		handshake_judge(link, record, &welcome);
	}
}

void
handshake_pass(struct link *link, uint64_t last_seq)
{
	struct mesh *mesh = link->mesh;
	uint64_t boot = (last_seq >> 32) + 1;

	if (last_seq > mesh->seq) {
		/* Half of what others take: their clocks may be behind this
		 * one. */
		if (wall_is_ahead(
		        mesh, &mesh->node_id, boot, MESH_BOOT_OWN_S)) {
			return;
		}
		spread_leave_boot(mesh);
		mesh->seq = boot << 32;
	}
	sync_on_own(link, last_seq);
}

void
handshake_on_welcome2(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_welcome2 welcome2;

	if (record_welcome2_decode(record, &welcome2) != ERR_OK) {
		link_violate(link, 1002, "malformed WELCOME2");
		return;
	}
	if (mesh->stats.links_up >= views_cap(mesh)) {
		link_bye(link, BYE_FULL);
		return;
	}
	handshake_pass(link, welcome2.last_seq);
	link_up(link);
	views_learn(link, &welcome2.peers);
}

bool
handshake_takes(struct link *link, const struct record *record)
{
	bool has_peers = record->type == RECORD_PEERS ||
	                 record->type == RECORD_WELCOME2;

	link->early += RECORD_HEADER_LEN + record->len;
	return record->len <=
	           (has_peers ? LINK_PEERS_EARLY : LINK_RECORD_EARLY) &&
	       link->early <= LINK_EARLY_MAX;
}
