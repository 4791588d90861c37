/* SPDX-License-Identifier: MIT
 * fuzz_mesh.c - the input is a stream of events for one mesh: connections that
 * come and go, records, pongs, time.  Asserted: no action on a link that was
 * closed or is gone, only links that are UP are spread to, no message is
 * delivered twice, tables stay within their limits, ticks come to rest.
 *
 * With a key: only who has shown it comes up, or is told of others.
 *
 * The first byte says what kind of node it is (FUZZ_AUTO ...).  Then come ops:
 * one byte, `op | link << 4`, and its operands. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz/mesh_rig.h"
#include "mesh/auth.h"

enum {
	FUZZ_ACCEPTED = 13,
};

enum fuzz_kind {
	FUZZ_AUTO = 1,
	FUZZ_PSK = 2,
	FUZZ_PRESENCE = 4,
	FUZZ_KEEPS_ID = 8,
	FUZZ_FLOODS = 16,
	FUZZ_WRAPS = 32, /* its counter is about to */
};

enum fuzz_op {
	OP_ACCEPT,
	OP_OPEN,    /* a dial succeeds */
	OP_CLOSED,  /* a link ends; operand: how */
	OP_RAW,     /* operand: length, bytes */
	OP_RECORD,  /* operand: type, length, body */
	OP_HELLO,   /* operand: node, boot */
	OP_WELCOME, /* operand: node, flags */
	OP_DATA,    /* operand: origin, counter, flags, hops */
	OP_PASS,    /* operand: time */
	OP_PUBLISH, /* operand: length */
	OP_REPLY,
	OP_PONG,
	OP_READING, /* operand: on */
	OP_STALLED,
	OP_QUEUED, /* operand: what io.queued says */
	OP_MORE,   /* of link 0: stop.  Else the link says which of fuzz_more */
};

enum fuzz_more { /* operands: a link, and */
	MORE_STOP,
	MORE_LISTEN,   /* node, enum fuzz_proof: a WELCOME with AUTH */
	MORE_AUTH,     /* enum fuzz_proof */
	MORE_WELCOME2, /* count, first: addresses */
	MORE_SHUFFLE,  /* the same, and is_reply */
	MORE_WALK,     /* ttl, address */
	MORE_BYE,      /* reason, count, first */
	MORE_JUMP,     /* how: no tick for seconds, or hours */
	MORE_TWICE,    /* no operand: two ticks at one time */
};

enum fuzz_proof {
	PROOF_RIGHT,
	PROOF_WRONG,  /* one bit of it */
	PROOF_OTHER,  /* of another key */
	PROOF_MIRROR, /* what the other side has to show */
	PROOF_KINDS,
};

static const uint8_t fuzz_psk[] = "a key of sixteen bytes and more";

/* What `side` shows in the exchange on this link.  False: there was none. */
static bool
fuzz_prove(uint8_t proof[RECORD_PROOF_LEN], const struct fuzz_link *at,
    enum auth_side side, enum fuzz_proof how)
{
	const struct record hello = { RECORD_HELLO, at->hello.bytes,
		at->hello.len };
	const struct record welcome = { RECORD_WELCOME, at->welcome.bytes,
		at->welcome.len };
	struct record_welcome decoded;
	uint8_t key[AUTH_KEY_LEN];

	if (how == PROOF_MIRROR) {
		side = side == AUTH_DIALLER ? AUTH_LISTENER : AUTH_DIALLER;
	}
	if (hello.len == 0 || welcome.len == 0 ||
	    record_welcome_decode(&welcome, &decoded) != ERR_OK ||
	    auth_derive(key, fuzz_psk,
	        sizeof(fuzz_psk) - (how == PROOF_OTHER ? 2 : 0)) != ERR_OK ||
	    auth_prove(proof, key, side, &hello, &welcome,
	        record_welcome_proof_at(&decoded)) != ERR_OK) {
		return false;
	}
	proof[0] ^= how == PROOF_WRONG ? 1 : 0;
	return true;
}

static void
fuzz_op_auth(struct fuzz *fuzz, struct fuzz_link *at, enum fuzz_proof how)
{
	struct record_auth auth;
	struct buf buf = { 0 };

	if (fuzz_prove(auth.proof, at, AUTH_DIALLER, how) &&
	    record_auth_encode(&buf, &auth) == ERR_OK) {
		at->is_proven |= how == PROOF_RIGHT;
		fuzz_message_of(fuzz, at, &buf);
	}
}

/* Of a whole record. */
static void
fuzz_keep(struct fuzz_said *said, const struct buf *record)
{
	said->len = record->len - RECORD_HEADER_LEN;
	assert(said->len <= sizeof(said->bytes));
	memcpy(said->bytes, record->bytes + RECORD_HEADER_LEN, said->len);
}

static void
fuzz_op_hello(struct fuzz *fuzz, struct fuzz_link *at)
{
	uint8_t node = fuzz_byte(fuzz);
	struct record_hello hello = fuzz_hello(
	    node, (uint32_t)FUZZ_BOOT + fuzz_byte(fuzz));
	struct buf buf = { 0 };

	hello.addr = (struct str8){ .text = "ws://:1", .len = 7 };
	hello.max_message = 300;
	if (record_hello_encode(&buf, &hello) == ERR_OK) {
		fuzz_keep(&at->hello, &buf);
		at->welcome.len = 0;
		fuzz_message_of(fuzz, at, &buf);
		/* An odd boot says nothing yet (MORE_AUTH). */
		if (fuzz->has_key && (hello.boot & 1) == 0) {
			fuzz_op_auth(fuzz, at, PROOF_RIGHT);
		}
	}
}

static void
fuzz_op_welcome(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_welcome welcome = { .version = 1, .boot = FUZZ_BOOT };
	struct record_welcome2 welcome2 = { .last_seq = 0 };
	struct buf buf = { 0 };

	welcome.node_id = fuzz_id(fuzz_byte(fuzz));
	welcome.flags = fuzz_byte(fuzz);
	if (record_welcome_encode(&buf, &welcome) == ERR_OK &&
	    record_welcome2_encode(&buf, &welcome2) == ERR_OK) {
		fuzz_message_of(fuzz, at, &buf);
	}
}

/* A listener that has a key, whichever. */
static void
fuzz_op_listen(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_welcome welcome = {
		.version = 1,
		.flags = WELCOME_AUTH,
		.boot = FUZZ_BOOT,
	};
	enum fuzz_proof how;
	struct buf buf = { 0 };

	welcome.node_id = fuzz_id(fuzz_byte(fuzz));
	how = (enum fuzz_proof)(fuzz_byte(fuzz) % PROOF_KINDS);
	if (record_welcome_encode(&buf, &welcome) != ERR_OK) {
		return;
	}
	fuzz_keep(&at->welcome, &buf);
	if (fuzz_prove(welcome.proof, at, AUTH_LISTENER, how) &&
	    fuzz_prove(at->expected, at, AUTH_DIALLER, PROOF_RIGHT)) {
		buf_clear(&buf);
		at->is_proven |= how == PROOF_RIGHT;
		if (record_welcome_encode(&buf, &welcome) == ERR_OK) {
			fuzz_message(fuzz, at, buf.bytes, buf.len);
		}
	}
	buf_fini(&buf);
}

/* Addresses that differ; up to all that a table holds, in two records. */
static void
fuzz_peers(struct fuzz *fuzz, struct record_peers *peers)
{
	static char addrs[RECORD_PEERS_MAX][32];
	uint8_t first;

	peers->count = fuzz_byte(fuzz) % (RECORD_PEERS_MAX + 1);
	first = fuzz_byte(fuzz);
	for (unsigned i = 0; i < peers->count; i++) {
		struct record_peer *peer = &peers->peers[i];
		int len = snprintf(addrs[i], sizeof(addrs[i]),
		    "ws://10.0.0.%u:1", (first + i) & 0xff);

		peer->node_id = fuzz_id((uint8_t)(first + i));
		peer->addr = (struct str8){ addrs[i], (uint8_t)len };
	}
}

static void
fuzz_op_peers(struct fuzz *fuzz, struct fuzz_link *at, enum fuzz_more op)
{
	struct record_welcome2 welcome2 = { .last_seq = 0 };
	struct record_shuffle shuffle = { .is_reply = false };
	struct record_bye bye = { .reason = 0 };
	struct buf buf = { 0 };
	enum err err;

	if (op == MORE_BYE) {
		bye.reason = fuzz_byte(fuzz);
	}
	fuzz_peers(fuzz, &welcome2.peers);
	if (op == MORE_WELCOME2) {
		err = record_welcome2_encode(&buf, &welcome2);
	} else if (op == MORE_SHUFFLE) {
		shuffle.peers = welcome2.peers;
		shuffle.is_reply = (fuzz_byte(fuzz) & 1) != 0;
		err = record_shuffle_encode(&buf, &shuffle);
	} else {
		err = record_bye_encode(&buf, &bye);
		if (err == ERR_OK) {
			err = record_peers_encode(&buf, &welcome2.peers);
		}
	}
	if (err == ERR_OK) {
		fuzz_message(fuzz, at, buf.bytes, buf.len);
	}
	buf_fini(&buf);
}

static void
fuzz_op_walk(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_walk walk = { .ttl = fuzz_byte(fuzz) };
	char addr[32];
	uint8_t n = fuzz_byte(fuzz);
	struct buf buf = { 0 };

	walk.peer.node_id = fuzz_id(n);
	walk.peer.addr.len = (uint8_t)snprintf(
	    addr, sizeof(addr), "ws://10.0.0.%u:1", n);
	walk.peer.addr.text = addr;
	if (record_walk_encode(&buf, &walk) == ERR_OK) {
		fuzz_message_of(fuzz, at, &buf);
	}
}

static void
fuzz_op_data(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_data data = { .topic = { .text = "a", .len = 1 },
		.payload_len = 0 };
	uint8_t head[RECORD_DATA_HEAD_MAX];
	uint64_t count;

	data.origin = fuzz_id(fuzz_byte(fuzz));
	count = fuzz_byte(fuzz);
	/* Near steps, and a few that jump over a whole window. */
	count = count < 200 ? count + 1 : (count - 199) * 1000;
	data.seq = (uint64_t)FUZZ_BOOT << 32 | count;
	data.flags = fuzz_byte(fuzz);
	data.hops = fuzz_byte(fuzz);
	fuzz_message(fuzz, at, head, record_data_head(head, &data));
}

static void
fuzz_op_accept(struct fuzz *fuzz)
{
	struct fuzz_link *place = NULL;
	size_t used = 0;

	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		used += fuzz->links[i].link != NULL ? 1 : 0;
	}
	if (used < FUZZ_ACCEPTED) {
		place = fuzz_free_place(fuzz);
	}
	if (place != NULL) {
		fuzz_accept(fuzz, place);
	}
}

static void
fuzz_op_publish(struct fuzz *fuzz, struct fuzz_link *at)
{
	static const uint8_t payload[1024];
	struct message_view view = { .topic = "a",
		.topic_len = 1,
		.payload = payload,
		.payload_len = (size_t)fuzz_byte(fuzz) * 4 };
	enum err err = at != NULL
	                   ? mesh_reply(fuzz->mesh, at->link, fuzz->now, &view)
	                   : mesh_publish(fuzz->mesh, fuzz->now, &view);

	assert(err == ERR_OK || err == ERR_TOOBIG || err == ERR_CLOSED);
	(void)err;
}

static void
fuzz_op_pong(struct fuzz *fuzz, struct fuzz_link *at)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(fuzz->stamp >> (8 * (7 - i)));
	}
	mesh_on_pong(fuzz->mesh, at->link, fuzz->now, bytes, 8);
}

static void
fuzz_op_closed(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct link *link = at->link;
	enum mesh_closed how = at->opened
	                           ? MESH_CLOSED
	                           : (enum mesh_closed)(fuzz_byte(fuzz) % 4);

	mesh_on_closed(fuzz->mesh, link, fuzz->now, how);
	at->link = NULL;
}

static void
fuzz_op_on_link(struct fuzz *fuzz, enum fuzz_op op, struct fuzz_link *at)
{
	switch (op) {
	case OP_CLOSED:
		fuzz_op_closed(fuzz, at);
		return;
	case OP_OPEN:
		if (!at->opened) {
			at->opened = true;
			mesh_on_opened(fuzz->mesh, at->link, fuzz->now, 99,
			    "127.0.0.1", fuzz);
		}
		return;
	case OP_STALLED:
		if (!at->closed) {
			mesh_on_stalled(fuzz->mesh, at->link, fuzz->now);
		}
		return;
	case OP_READING:
		mesh_on_reading(
		    at->link, fuzz->now, (fuzz_byte(fuzz) & 1) != 0);
		return;
	case OP_REPLY:
		fuzz_op_publish(fuzz, at);
		return;
	case OP_RAW:
	case OP_RECORD:
		fuzz_op_record(fuzz, at, op == OP_RAW);
		return;
	case OP_HELLO:
		fuzz_op_hello(fuzz, at);
		return;
	case OP_WELCOME:
		fuzz_op_welcome(fuzz, at);
		return;
	case OP_DATA:
		fuzz_op_data(fuzz, at);
		return;
	case OP_PONG:
		fuzz_op_pong(fuzz, at);
		return;
	case OP_ACCEPT:
	case OP_PASS:
	case OP_PUBLISH:
	case OP_QUEUED:
	case OP_MORE:
		return;
	}
}

static void
fuzz_more_on_link(struct fuzz *fuzz, enum fuzz_more op, struct fuzz_link *at)
{
	if (op == MORE_LISTEN) {
		fuzz_op_listen(fuzz, at);
	} else if (op == MORE_AUTH) {
		fuzz_op_auth(
		    fuzz, at, (enum fuzz_proof)(fuzz_byte(fuzz) % PROOF_KINDS));
	} else if (op == MORE_WALK) {
		fuzz_op_walk(fuzz, at);
	} else if (op <= MORE_BYE) {
		fuzz_op_peers(fuzz, at, op);
	}
}

static void
fuzz_more(struct fuzz *fuzz, enum fuzz_more op)
{
	struct fuzz_link *at;

	if (op == MORE_STOP) {
		if (!fuzz->stopped) {
			fuzz->stopped = true;
			mesh_stop(fuzz->mesh, fuzz->now);
		}
	} else if (op == MORE_JUMP) {
		fuzz_jump(fuzz, fuzz_byte(fuzz));
	} else if (op == MORE_TWICE) {
		fuzz_twice(fuzz);
	} else {
		at = &fuzz->links[fuzz_byte(fuzz) & 0xf];
		if (at->link != NULL && at->opened) {
			fuzz_more_on_link(fuzz, op, at);
		}
	}
}

static void
fuzz_step(struct fuzz *fuzz)
{
	uint8_t byte = fuzz_byte(fuzz);
	enum fuzz_op op = (enum fuzz_op)(byte & 0xf);
	struct fuzz_link *at = &fuzz->links[byte >> 4];

	fuzz_reap(fuzz);
	if (op == OP_ACCEPT) {
		fuzz_op_accept(fuzz);
	} else if (op == OP_PASS) {
		fuzz_pass(fuzz, (uint64_t)fuzz_byte(fuzz) * 257);
	} else if (op == OP_PUBLISH) {
		fuzz_op_publish(fuzz, NULL);
	} else if (op == OP_QUEUED) {
		fuzz->queued = (size_t)fuzz_byte(fuzz) * 64;
	} else if (op == OP_MORE) {
		fuzz_more(fuzz, (enum fuzz_more)(byte >> 4));
	} else if (at->link != NULL &&
	           (at->opened || op == OP_OPEN || op == OP_CLOSED)) {
		fuzz_op_on_link(fuzz, op, at);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const peers[] = { "ws://a:1", "ws://b:1",
		"ws://c:1" };
	struct mesh_config config = {
		.advertise = "ws://f:1",
		.peers = peers,
		.peer_count = 3,
		.hard = 8192,
	};
	static struct fuzz fuzz;
	uint8_t kind;

	if (!fuzz_begin(&fuzz, bytes, len)) {
		return 0;
	}
	kind = fuzz_byte(&fuzz);
	fuzz.has_key = (kind & FUZZ_PSK) != 0;
	config.is_auto = (kind & FUZZ_AUTO) != 0;
	config.psk = fuzz.has_key ? fuzz_psk : NULL;
	config.psk_len = sizeof(fuzz_psk);
	config.presence = (kind & FUZZ_PRESENCE) != 0;
	config.floods = (kind & FUZZ_FLOODS) != 0;
	config.keeps_id = (kind & FUZZ_KEEPS_ID) != 0;
	if (fuzz_start(&fuzz, &config, (kind & FUZZ_WRAPS) != 0)) {
		fuzz_run(&fuzz, fuzz_step);
	}
	return 0;
}
