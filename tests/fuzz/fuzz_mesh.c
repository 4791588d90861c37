/* SPDX-License-Identifier: MIT
 * fuzz_mesh.c - the input is a stream of events for one mesh: connections that
 * come and go, records, pongs, time.  Asserted: no action on a link that was
 * closed or is gone, only links that are UP are spread to, no message is
 * delivered twice, tables stay within their limits, ticks come to rest.
 *
 * The first byte says what kind of node it is (FUZZ_AUTO ...).  Then come ops:
 * one byte, `op | link << 4`, and its operands. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "fuzz.h"
#include "mesh/auth.h"
#include "mesh/mesh.h"
#include "wire/record.h"

enum {
	FUZZ_LINKS = 48, /* ops reach the first 16 */
	FUZZ_ACCEPTED = 13,
	FUZZ_SEEN = 512,
	FUZZ_RECORD_MAX = 4608, /* what a handshake allows, PEERS included */
};

enum fuzz_kind {
	FUZZ_AUTO = 1,
	FUZZ_PSK = 2,
	FUZZ_PRESENCE = 4,
	FUZZ_KEEPS_ID = 8,
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
	OP_STOP,
};

struct fuzz_link {
	struct link *link;
	bool closed, opened;
};

struct fuzz_seen {
	struct nodeid origin;
	uint64_t seq;
};

struct fuzz {
	struct mesh *mesh;
	struct mesh_io io;
	struct rng rng;
	uint64_t now;
	const uint8_t *at, *end;
	struct fuzz_link links[FUZZ_LINKS];
	struct fuzz_seen seen[FUZZ_SEEN];
	size_t seen_count;
	size_t queued;
	uint64_t stamp;
	bool stopped;
	uint8_t welcome[1024]; /* the last one that was sent */
	size_t welcome_len;
};

static const uint32_t fuzz_boot = 1700000000;
static const uint8_t fuzz_psk[] = "a key of sixteen bytes and more";

static struct fuzz_link *
fuzz_of(struct fuzz *fuzz, const struct link *link)
{
	assert(link != NULL);
	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		if (fuzz->links[i].link == link) {
			assert(!fuzz->links[i].closed);
			return &fuzz->links[i];
		}
	}
	abort(); /* an action for a link that is gone */
}

static struct fuzz_link *
fuzz_free_place(struct fuzz *fuzz)
{
	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		if (fuzz->links[i].link == NULL) {
			return &fuzz->links[i];
		}
	}
	return NULL;
}

static void
fuzz_spread(void *ctx, uint64_t slots, const uint8_t *head, size_t head_len,
    const void *payload, size_t payload_len)
{
	assert(slots != 0 && head_len >= RECORD_HEADER_LEN);
	assert(payload_len == 0 || payload != NULL);
	assert(head[0] == RECORD_DATA);
	for (; slots != 0; slots &= slots - 1) {
		struct link *link = mesh_link_at(((struct fuzz *)ctx)->mesh,
		    (unsigned)__builtin_ctzll(slots));

		(void)fuzz_of(ctx, link);
		assert(link_is_up(link));
	}
}

static void
fuzz_send(void *ctx, struct link *link, const uint8_t *records, size_t len,
    bool control)
{
	struct fuzz *fuzz = ctx;
	const uint8_t *at = records;
	struct record record;

	(void)control;
	(void)fuzz_of(ctx, link);
	while (record_next(&at, records + len, &record) == ERR_OK) {
		assert(record.len <= FUZZ_RECORD_MAX);
		if (record.type == RECORD_WELCOME &&
		    record.len <= sizeof(fuzz->welcome)) {
			memcpy(fuzz->welcome, record.body, record.len);
			fuzz->welcome_len = record.len;
		}
	}
	assert(at == records + len);
}

static void
fuzz_ping(void *ctx, struct link *link, uint64_t stamp)
{
	(void)fuzz_of(ctx, link);
	assert(link_is_up(link));
	((struct fuzz *)ctx)->stamp = stamp;
}

static void
fuzz_close(void *ctx, struct link *link, uint16_t code, const char *reason)
{
	assert(reason != NULL);
	assert(code == 0 || (code >= 1000 && code < 5000));
	fuzz_of(ctx, link)->closed = true;
}

static void
fuzz_dial(void *ctx, struct link *link, const char *url)
{
	struct fuzz_link *place = fuzz_free_place(ctx);

	assert(place != NULL); /* there are more than links and dials */
	assert(record_addr_is_valid(url, strlen(url)));
	place->link = link;
	place->closed = false;
	place->opened = false;
}

static size_t
fuzz_queued(void *ctx, const struct link *link)
{
	(void)fuzz_of(ctx, link);
	return ((struct fuzz *)ctx)->queued;
}

static void
fuzz_pressed(void *ctx, struct link *link)
{
	(void)fuzz_of(ctx, link);
}

static void
fuzz_deliver(void *ctx, const struct message_view *view)
{
	struct fuzz *fuzz = ctx;

	assert(view->topic_len > 0 && view->topic_len <= 255);
	assert(view->payload_len <= 1000);
	if ((view->flags & MESSAGE_REPLY) != 0) {
		return;
	}
	for (size_t i = 0; i < fuzz->seen_count; i++) {
		assert(fuzz->seen[i].seq != view->seq ||
		       !nodeid_equal(&fuzz->seen[i].origin, &view->origin));
	}
	if (fuzz->seen_count < FUZZ_SEEN) {
		fuzz->seen[fuzz->seen_count].origin = view->origin;
		fuzz->seen[fuzz->seen_count++].seq = view->seq;
	}
}

static void
fuzz_peer(void *ctx, const struct mesh_peer *peer)
{
	(void)ctx;
	assert(strlen(peer->name) <= 255 && strlen(peer->addr) <= 255);
}

static void
fuzz_gap(void *ctx, const struct nodeid *origin, uint64_t first, uint64_t count)
{
	(void)ctx;
	(void)origin;
	assert(count > 0 && first + count > first);
}

static enum err
fuzz_secret(void *ctx, void *bytes, size_t len)
{
	rng_fill(&((struct fuzz *)ctx)->rng, bytes, len);
	return ERR_OK;
}

static uint8_t
fuzz_byte(struct fuzz *fuzz)
{
	return fuzz->at < fuzz->end ? *fuzz->at++ : 0;
}

/* A block of its own size: a sanitizer sees the first read behind it. */
static void
fuzz_message(
    struct fuzz *fuzz, struct fuzz_link *at, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL) {
		return;
	}
	memcpy(copy, bytes, len);
	mesh_on_message(fuzz->mesh, at->link, fuzz->now, copy, len);
	free(copy);
}

static void
fuzz_message_of(struct fuzz *fuzz, struct fuzz_link *at, struct buf *buf)
{
	fuzz_message(fuzz, at, buf->bytes, buf->len);
	buf_fini(buf);
}

static void
fuzz_id(struct nodeid *id, uint8_t n)
{
	memset(id->bytes, n, sizeof(id->bytes));
}

/* Answer the WELCOME with the right proof. */
static void
fuzz_prove(struct fuzz *fuzz, struct fuzz_link *at, const struct buf *hello)
{
	struct record welcome = {
		.type = RECORD_WELCOME,
		.body = fuzz->welcome,
		.len = (uint32_t)fuzz->welcome_len,
	};
	struct record_welcome decoded;
	struct record_auth auth;
	const uint8_t *from = hello->bytes;
	struct buf buf = { 0 };
	struct record record;
	uint8_t key[AUTH_KEY_LEN];

	if (record_next(&from, from + hello->len, &record) == ERR_OK &&
	    record_welcome_decode(&welcome, &decoded) == ERR_OK &&
	    auth_derive(key, fuzz_psk, sizeof(fuzz_psk)) == ERR_OK &&
	    auth_prove(auth.proof, key, AUTH_DIALLER, &record, &welcome,
	        record_welcome_proof_at(&decoded)) == ERR_OK &&
	    record_auth_encode(&buf, &auth) == ERR_OK) {
		fuzz_message_of(fuzz, at, &buf);
	}
	buf_fini(&buf);
}

static void
fuzz_op_hello(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_hello hello = {
		.ver_min = 1,
		.ver_max = 1,
		.net = { 0x22, 0xbd, 0x79, 0x0e, 0x02, 0xa8, 0x0f, 0x57 },
		.addr = { .text = "ws://:1", .len = 7 },
		.max_message = 300,
	};
	struct buf buf = { 0 };

	fuzz_id(&hello.node_id, fuzz_byte(fuzz));
	hello.boot = fuzz_boot + fuzz_byte(fuzz);
	fuzz->welcome_len = 0;
	if (record_hello_encode(&buf, &hello) == ERR_OK) {
		fuzz_message(fuzz, at, buf.bytes, buf.len);
		/* An odd boot has no key, or nobody asked. */
		if (fuzz->welcome_len > 0 && (hello.boot & 1) == 0) {
			fuzz_prove(fuzz, at, &buf);
		}
	}
	buf_fini(&buf);
}

static void
fuzz_op_welcome(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_welcome welcome = { .version = 1, .boot = fuzz_boot };
	struct record_welcome2 welcome2 = { .last_seq = 0 };
	struct buf buf = { 0 };

	fuzz_id(&welcome.node_id, fuzz_byte(fuzz));
	welcome.flags = fuzz_byte(fuzz);
	if (record_welcome_encode(&buf, &welcome) == ERR_OK &&
	    record_welcome2_encode(&buf, &welcome2) == ERR_OK) {
		fuzz_message_of(fuzz, at, &buf);
	}
}

static void
fuzz_op_data(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_data data = { .topic = { .text = "a.b", .len = 3 },
		.payload_len = 0 };
	uint8_t head[RECORD_DATA_HEAD_MAX];
	uint64_t count;

	fuzz_id(&data.origin, fuzz_byte(fuzz));
	count = fuzz_byte(fuzz);
	/* Near steps, and a few that jump over a whole window. */
	count = count < 200 ? count + 1 : (count - 199) * 1000;
	data.seq = (uint64_t)fuzz_boot << 32 | count;
	data.flags = fuzz_byte(fuzz);
	data.hops = fuzz_byte(fuzz);
	fuzz_message(fuzz, at, head, record_data_head(head, &data));
}

static void
fuzz_op_record(struct fuzz *fuzz, struct fuzz_link *at, bool raw)
{
	uint8_t bytes[4 + 255];
	size_t left;
	size_t len;

	bytes[0] = raw ? 0 : fuzz_byte(fuzz);
	len = fuzz_byte(fuzz);
	left = (size_t)(fuzz->end - fuzz->at);
	len = len < left ? len : left;
	bytes[1] = 0;
	bytes[2] = 0;
	bytes[3] = (uint8_t)len;
	if (len > 0) {
		memcpy(bytes + 4, fuzz->at, len);
	}
	fuzz->at += len;
	fuzz_message(fuzz, at, raw ? bytes + 4 : bytes, raw ? len : 4 + len);
}

static void
fuzz_pass(struct fuzz *fuzz, uint64_t ms)
{
	uint64_t end = fuzz->now + ms;
	unsigned idle = 0;

	while (mesh_next_ms(fuzz->mesh) <= end) {
		uint64_t next = mesh_next_ms(fuzz->mesh);

		idle = next <= fuzz->now ? idle + 1 : 0;
		assert(idle < 100);
		fuzz->now = next > fuzz->now ? next : fuzz->now;
		mesh_on_tick(fuzz->mesh, fuzz->now, 0);
	}
	fuzz->now = end;
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
		place->link = mesh_on_accepted(
		    fuzz->mesh, fuzz->now, used + 1, "::1", fuzz);
		place->closed = false;
		place->opened = true;
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
	enum err err = at != NULL ? mesh_reply(fuzz->mesh, at->link, &view)
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
	case OP_STOP:
		return;
	}
}

static void
fuzz_step(struct fuzz *fuzz)
{
	uint8_t byte = fuzz_byte(fuzz);
	enum fuzz_op op = (enum fuzz_op)(byte & 0xf);
	struct fuzz_link *at = &fuzz->links[byte >> 4];

	if (op == OP_ACCEPT) {
		fuzz_op_accept(fuzz);
	} else if (op == OP_PASS) {
		fuzz_pass(fuzz, (uint64_t)fuzz_byte(fuzz) * 257);
	} else if (op == OP_PUBLISH) {
		fuzz_op_publish(fuzz, NULL);
	} else if (op == OP_QUEUED) {
		fuzz->queued = (size_t)fuzz_byte(fuzz) * 64;
	} else if (op == OP_STOP) {
		if (!fuzz->stopped) {
			fuzz->stopped = true;
			mesh_stop(fuzz->mesh, fuzz->now);
		}
	} else if (at->link != NULL &&
	           (at->opened || op == OP_OPEN || op == OP_CLOSED)) {
		fuzz_op_on_link(fuzz, op, at);
	}
}

static void
fuzz_check(struct fuzz *fuzz)
{
	const struct mesh_stats *stats = mesh_stats(fuzz->mesh);
	uint64_t up = 0;

	for (unsigned slot = 0; slot < MESH_LINKS_MAX; slot++) {
		struct link *link = mesh_link_at(fuzz->mesh, slot);

		if (link != NULL) {
			assert(link_slot(link) == slot && link_is_up(link));
			(void)fuzz_of(fuzz, link);
			up++;
		}
	}
	assert(up == stats->links_up && up <= FUZZ_LINKS);
	assert(stats->origins <= 256);
	assert(stats->received >=
	       stats->delivered + stats->duplicates + stats->old);
	(void)stats;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const peers[] = { "ws://a:1", "ws://b:1",
		"ws://c:1" };
	struct mesh_config config = {
		.boot = fuzz_boot,
		.name = "fuzz",
		.network = "grapevine",
		.advertise = "ws://f:1",
		.peers = peers,
		.peer_count = 3,
		.max_message = 1000,
		.max_hops = 64,
		.ping_ms = 3000,
		.soft = 4096,
		.hard = 8192,
	};
	struct fuzz fuzz = { .now = 1000000, .at = bytes, .end = bytes + len };
	uint8_t kind = fuzz_byte(&fuzz);

	/* Log lines find no bugs. */
	if (log_open(&(struct log_config){ .filter = "error" }, NULL) !=
	    ERR_OK) {
		return 0;
	}
	fuzz_id(&config.node_id, 0x80);
	config.is_auto = (kind & FUZZ_AUTO) != 0;
	config.psk = (kind & FUZZ_PSK) != 0 ? fuzz_psk : NULL;
	config.psk_len = sizeof(fuzz_psk);
	config.presence = (kind & FUZZ_PRESENCE) != 0;
	config.keeps_id = (kind & FUZZ_KEEPS_ID) != 0;
	rng_init(&fuzz.rng, 1);
	fuzz.io = (struct mesh_io){
		.ctx = &fuzz,
		.spread = fuzz_spread,
		.send = fuzz_send,
		.ping = fuzz_ping,
		.close = fuzz_close,
		.dial = fuzz_dial,
		.queued = fuzz_queued,
		.pressed = fuzz_pressed,
		.deliver = fuzz_deliver,
		.peer = fuzz_peer,
		.gap = fuzz_gap,
		.secret = fuzz_secret,
	};
	if (mesh_create(&fuzz.mesh, &config, &fuzz.io, &fuzz.rng, NULL) !=
	    ERR_OK) {
		return 0;
	}
	mesh_start(fuzz.mesh, fuzz.now);
	while (fuzz.at < fuzz.end) {
		fuzz_step(&fuzz);
		fuzz_check(&fuzz);
	}
	mesh_destroy(fuzz.mesh);
	return 0;
}
