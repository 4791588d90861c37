/* SPDX-License-Identifier: MIT
 * fuzz_mesh_spread.c - the input is a stream of events for one mesh with links
 * that are UP: messages, lists of ids, links that come and go, full queues,
 * time.  Asserted after each: what inspect_check asks for, no message twice,
 * none that was told as a gap, no gap told twice, none of a message that was
 * delivered, ticks come to rest.
 *
 * The first byte says what kind of node it is (FUZZ_FLOODS ...).  Then come
 * ops: one byte (bits 0 to 3 and 6: op, 4 and 5: link), and its operands. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "fuzz.h"
#include "mesh/inside.h"
#include "mesh/inspect.h"
#include "support/fault.h"
#include "wire/record_array.h"

enum {
	FUZZ_LINKS = 4,
	FUZZ_ORIGINS = 4,
	FUZZ_BOOTS = 8,           /* of each origin, and */
	FUZZ_IDS = 4096,          /* of each boot are watched: */
	FUZZ_HALF = FUZZ_IDS / 2, /* the first, and the last before a wrap */
	FUZZ_HISTORY = 2048,
	FUZZ_OWN = 0x80,
};

enum fuzz_kind {
	FUZZ_FLOODS = 1,
	FUZZ_WRAPS = 2, /* its own counter is about to */
};

enum fuzz_op {
	OP_DATA,  /* origin, counter, flags */
	OP_IHAVE, /* origin, counter, count */
	OP_GRAFT, /* the same, and flags */
	OP_PRUNE, /* origin */
	OP_SYNC,
	OP_GONE,
	OP_PUBLISH,
	OP_SEND, /* to whom */
	OP_PASS, /* time */
	OP_DOWN,
	OP_UP,     /* of one that is UP: an allocation fails; which */
	OP_QUEUED, /* what io.queued says */
	OP_RAW,    /* type, length, body */
	OP_READING,
	OP_LATER, /* a long time, the links alive */
	OP_BOOT,  /* the origins restart */
	OP_BACK,  /* to any boot, a smaller one too */
	OP_WRAP,  /* their counters are about to, or not */
	OP_ALL,   /* OP_DATA over all links */
	OP_JUMP,  /* no tick for seconds, or hours */
	OP_TWICE, /* a tick, and another one at the same time */
};

enum fuzz_fate { FATE_NONE, FATE_DELIVERED, FATE_GAP };

struct fuzz_link {
	struct link *link; /* NULL: down */
	bool closed;
};

struct fuzz {
	struct mesh *mesh;
	struct mesh_io io;
	struct rng rng;
	struct chunk_pool pool;
	uint64_t now;
	const uint8_t *at, *end;
	struct fuzz_link links[FUZZ_LINKS];
	uint8_t fates[FUZZ_BOOTS][FUZZ_ORIGINS][FUZZ_IDS];
	size_t queued;
	uint64_t conn;
	uint32_t boot; /* of the origins */
	bool wraps;
};

static const uint32_t fuzz_boot = 1700000000;

static uint8_t
fuzz_byte(struct fuzz *fuzz)
{
	return fuzz->at < fuzz->end ? *fuzz->at++ : 0;
}

static struct fuzz_link *
fuzz_of(struct fuzz *fuzz, const struct link *link)
{
	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		if (fuzz->links[i].link == link) {
			assert(!fuzz->links[i].closed);
			return &fuzz->links[i];
		}
	}
	return NULL; /* one that is being accepted */
}

static void
fuzz_spread(void *ctx, uint64_t slots, const struct range *record)
{
	struct fuzz *fuzz = ctx;

	assert(slots != 0 && record->len > RECORD_HEADER_LEN);
	assert(range_bytes(record)[0] == RECORD_DATA);
	for (; slots != 0; slots &= slots - 1) {
		struct link *link = mesh_link_at(
		    fuzz->mesh, (unsigned)__builtin_ctzll(slots));

		assert(link != NULL && link_is_up(link));
		(void)fuzz_of(fuzz, link);
	}
}

static void
fuzz_send(void *ctx, struct link *link, const uint8_t *records, size_t len,
    bool control)
{
	const uint8_t *at = records;
	struct record record;

	(void)control;
	(void)fuzz_of(ctx, link);
	while (record_next(&at, records + len, &record) == ERR_OK) {
		assert(record.len <= RECORD_ARRAY_MAX);
	}
	assert(at == records + len && len <= (size_t)256 * 1024);
}

static void
fuzz_ping(void *ctx, struct link *link, uint64_t stamp)
{
	(void)stamp;
	(void)fuzz_of(ctx, link);
}

static void
fuzz_close(void *ctx, struct link *link, uint16_t code, const char *reason)
{
	struct fuzz_link *at = fuzz_of(ctx, link);

	(void)code;
	assert(reason != NULL);
	if (at != NULL) {
		at->closed = true;
	}
}

static void
fuzz_dial(void *ctx, struct link *link, const char *url)
{
	(void)ctx;
	(void)link;
	(void)url;
	abort(); /* there are no addresses */
}

static size_t
fuzz_queued(void *ctx, const struct link *link)
{
	(void)link;
	return ((struct fuzz *)ctx)->queued;
}

static void
fuzz_pressed(void *ctx, struct link *link)
{
	(void)fuzz_of(ctx, link);
}

/* Where the fate of an id is kept; NULL: it is not watched, or there was no
 * memory to remember an origin by (counted). */
static uint8_t *
fuzz_fate(struct fuzz *fuzz, const struct nodeid *id, uint64_t seq)
{
	uint64_t boot = (seq >> 32) - fuzz_boot;
	uint32_t count = (uint32_t)seq;
	uint32_t left = UINT32_MAX - count;
	uint8_t n = id->bytes[0];

	if (fuzz->mesh->origins.tombstones_lost > 0) {
		return NULL;
	}
	if (n == 0 || n > FUZZ_ORIGINS || boot >= FUZZ_BOOTS ||
	    (count >= FUZZ_HALF && left >= FUZZ_HALF)) {
		return NULL;
	}
	return &fuzz->fates[boot][n - 1]
	                   [count < FUZZ_HALF ? count : FUZZ_HALF + left];
}

static void
fuzz_deliver(void *ctx, const struct message_view *view)
{
	uint8_t *fate = fuzz_fate(ctx, &view->origin, view->seq);

	if ((view->flags & MESSAGE_REPLY) == 0 && fate != NULL &&
	    view->topic_len == 1) {
		assert(*fate == FATE_NONE);
		*fate = FATE_DELIVERED;
	}
}

static void
fuzz_peer(void *ctx, const struct mesh_peer *peer)
{
	(void)ctx;
	(void)peer;
}

static void
fuzz_gap(void *ctx, const struct nodeid *origin, uint64_t first, uint64_t count)
{
	assert(count > 0 && first + count > first);
	for (uint64_t i = 0; i < count && i < FUZZ_IDS; i++) {
		uint8_t *fate = fuzz_fate(ctx, origin, first + i);

		if (fate != NULL) {
			assert(*fate == FATE_NONE);
			*fate = FATE_GAP;
		}
	}
}

static struct nodeid
fuzz_id(uint8_t n)
{
	struct nodeid id;

	memset(id.bytes, n, sizeof(id.bytes));
	return id;
}

static uint64_t
fuzz_seq(struct fuzz *fuzz)
{
	uint64_t count = fuzz_byte(fuzz);

	/* Near steps, and some that jump over a whole window. */
	count = count < 224 ? count + 1 : (count - 223) * 900;
	if (fuzz->wraps) {
		count = UINT32_MAX - 230 + count; /* the last go over */
	}
	return ((uint64_t)fuzz->boot << 32) + count;
}

/* One of the origins, or the mesh itself. */
static struct nodeid
fuzz_origin(struct fuzz *fuzz)
{
	uint8_t n = fuzz_byte(fuzz);

	return fuzz_id(n == 0xff ? FUZZ_OWN : (uint8_t)(n % FUZZ_ORIGINS + 1));
}

static void
fuzz_message(
    struct fuzz *fuzz, struct fuzz_link *at, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy != NULL) {
		memcpy(copy, bytes, len);
		mesh_on_message(fuzz->mesh, at->link, fuzz->now, copy, len);
		free(copy);
	}
}

/* Over `at`, or (NULL) over all links: so it is among nodes that flood. */
static void
fuzz_op_data(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct record_data data = {
		.hops = 1,
		.topic = { .text = "a", .len = 1 },
		.origin = fuzz_origin(fuzz),
		.seq = fuzz_seq(fuzz),
		.dest = fuzz_id(FUZZ_OWN),
	};
	uint8_t head[RECORD_DATA_HEAD_MAX];

	data.flags = fuzz_byte(fuzz) & RECORD_DATA_FLAGS;
	if ((data.flags & DATA_UNICAST) != 0) {
		data.topic.text = "a.b"; /* numbers of another series */
		data.topic.len = 3;
		data.dest = fuzz_id(fuzz_byte(fuzz));
	}
	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		struct fuzz_link *to = &fuzz->links[i];

		if (to->link != NULL && (at == NULL || at == to)) {
			fuzz_message(
			    fuzz, to, head, record_data_head(head, &data));
		}
	}
}

static void
fuzz_op_list(struct fuzz *fuzz, struct fuzz_link *at, enum record_type type)
{
	struct record_run runs[3];
	struct buf buf = { 0 };
	size_t count = 1 + fuzz_byte(fuzz) % 3;

	for (size_t i = 0; i < count; i++) {
		runs[i].origin = fuzz_origin(fuzz);
		runs[i].seq = fuzz_seq(fuzz);
		runs[i].count = fuzz_byte(fuzz);
		runs[i].flags = fuzz_byte(fuzz) & 3;
		if (runs[i].count > 250) {
			runs[i].count = 65535;
		}
	}
	if (record_array_encode(&buf, type, runs, count) == ERR_OK) {
		fuzz_message(fuzz, at, buf.bytes, buf.len);
	}
	buf_fini(&buf);
}

static void
fuzz_op_raw(struct fuzz *fuzz, struct fuzz_link *at)
{
	uint8_t bytes[4 + 255];
	size_t left;
	size_t len;

	bytes[0] = fuzz_byte(fuzz);
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
	fuzz_message(fuzz, at, bytes, 4 + len);
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

/* Nobody looked at the mesh for long; its owner knows of half of it. */
static void
fuzz_jump(struct fuzz *fuzz, uint8_t how)
{
	uint64_t ms = UINT64_C(1000) << (how & 0xf); /* up to nine hours */

	fuzz->now += ms;
	mesh_on_tick(fuzz->mesh, fuzz->now, (how & 0x10) != 0 ? ms : 0);
}

static void
fuzz_later(struct fuzz *fuzz, uint64_t seconds)
{
	for (uint64_t i = 0; i < seconds; i++) {
		for (size_t k = 0; k < FUZZ_LINKS; k++) {
			if (fuzz->links[k].link != NULL) {
				mesh_on_activity(
				    fuzz->links[k].link, fuzz->now);
			}
		}
		fuzz_pass(fuzz, 1000);
	}
}

static void
fuzz_down(struct fuzz *fuzz, struct fuzz_link *at)
{
	struct link *link = at->link;

	mesh_on_closed(fuzz->mesh, link, fuzz->now, MESH_CLOSED);
	at->link = NULL;
}

static void
fuzz_up(struct fuzz *fuzz, struct fuzz_link *at, uint16_t flags)
{
	struct record_hello hello = {
		.ver_min = 1,
		.ver_max = 1,
		.flags = flags,
		.node_id = fuzz_id((uint8_t)(0x40 + (at - fuzz->links))),
		.boot = fuzz_boot,
		.net = { 0x22, 0xbd, 0x79, 0x0e, 0x02, 0xa8, 0x0f, 0x57 },
	};
	struct buf buf = { 0 };

	at->closed = false;
	at->link = mesh_on_accepted(
	    fuzz->mesh, fuzz->now, ++fuzz->conn, "::1", fuzz);
	if (at->link != NULL && record_hello_encode(&buf, &hello) == ERR_OK) {
		fuzz_message(fuzz, at, buf.bytes, buf.len);
	}
	buf_fini(&buf);
}

static void
fuzz_op_publish(struct fuzz *fuzz, bool unicast)
{
	struct message_view view = { .topic = "a", .topic_len = 1 };
	struct nodeid dest = fuzz_id(fuzz_byte(fuzz));
	enum err err = unicast ? mesh_send(fuzz->mesh, fuzz->now, &dest, &view)
	                       : mesh_publish(fuzz->mesh, fuzz->now, &view);

	assert(err == ERR_OK || (unicast && err == ERR_INVALID) ||
	       (err == ERR_NOMEM && fault_count() > 0));
	(void)err;
}

static void
fuzz_op_on_link(struct fuzz *fuzz, enum fuzz_op op, struct fuzz_link *at)
{
	static const uint8_t types[] = {
		[OP_IHAVE] = RECORD_IHAVE,
		[OP_GRAFT] = RECORD_GRAFT,
		[OP_PRUNE] = RECORD_PRUNE,
		[OP_SYNC] = RECORD_SYNC,
		[OP_GONE] = RECORD_GONE,
	};

	if (op == OP_DATA) {
		fuzz_op_data(fuzz, at);
	} else if (op <= OP_GONE) {
		fuzz_op_list(fuzz, at, (enum record_type)types[op]);
	} else if (op == OP_RAW) {
		fuzz_op_raw(fuzz, at);
	} else if (op == OP_DOWN) {
		fuzz_down(fuzz, at);
	} else if (op == OP_READING) {
		mesh_on_reading(
		    at->link, fuzz->now, (fuzz_byte(fuzz) & 1) != 0);
	}
}

/* Time, and the origins.  False: it is another op. */
static bool
fuzz_step_world(struct fuzz *fuzz, enum fuzz_op op)
{
	if (op == OP_PASS) {
		fuzz_pass(fuzz, (uint64_t)fuzz_byte(fuzz) * 8);
	} else if (op == OP_LATER) {
		fuzz_later(fuzz, fuzz_byte(fuzz) & 0x3f);
	} else if (op == OP_JUMP) {
		fuzz_jump(fuzz, fuzz_byte(fuzz));
	} else if (op == OP_TWICE) {
		mesh_on_tick(fuzz->mesh, fuzz->now, 0);
		mesh_on_tick(fuzz->mesh, fuzz->now, 0);
	} else if (op == OP_BOOT) {
		fuzz->boot += fuzz->boot < fuzz_boot + FUZZ_BOOTS - 1 ? 1 : 0;
	} else if (op == OP_BACK) {
		fuzz->boot = fuzz_boot + fuzz_byte(fuzz) % FUZZ_BOOTS;
	} else if (op == OP_WRAP) {
		fuzz->wraps = !fuzz->wraps;
	} else {
		return false;
	}
	return true;
}

static void
fuzz_step(struct fuzz *fuzz)
{
	uint8_t byte = fuzz_byte(fuzz);
	enum fuzz_op op = (enum fuzz_op)((byte & 0xf) | (byte & 0x40) >> 2);
	struct fuzz_link *at = &fuzz->links[(byte >> 4) % FUZZ_LINKS];

	if (fuzz_step_world(fuzz, op)) {
		return;
	}
	if (op == OP_PUBLISH || op == OP_SEND) {
		fuzz_op_publish(fuzz, op == OP_SEND);
	} else if (op == OP_QUEUED) {
		fuzz->queued = (size_t)fuzz_byte(fuzz) * 64;
	} else if (op == OP_ALL) {
		fuzz_op_data(fuzz, NULL);
	} else if (op == OP_UP && at->link == NULL) {
		fuzz_up(
		    fuzz, at, fuzz_byte(fuzz) & (HELLO_ORPHAN | HELLO_FRESH));
	} else if (op == OP_UP) {
		fault_fail_nth(1 + fuzz_byte(fuzz));
	} else if (at->link != NULL) {
		fuzz_op_on_link(fuzz, op, at);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct fuzz fuzz;
	struct mesh_config config = {
		.node_id = fuzz_id(FUZZ_OWN),
		.boot = fuzz_boot,
		.name = "fuzz",
		.network = "grapevine",
		.advertise = "",
		.max_message = 1000,
		.max_hops = 64,
		.ping_ms = 3000,
		.soft = 4096,
		.hard = 16000,
		.history_bytes = FUZZ_HISTORY,
		.pool = &fuzz.pool,
	};
	uint8_t kind;

	/* Log lines find no bugs. */
	if (log_open(&(struct log_config){ .filter = "error" }, NULL) !=
	    ERR_OK) {
		return 0;
	}
	fuzz = (struct fuzz){ .now = 1000000,
		.at = bytes,
		.end = bytes + len,
		.boot = fuzz_boot };
	kind = fuzz_byte(&fuzz);
	config.floods = (kind & FUZZ_FLOODS) != 0;
	rng_init(&fuzz.rng, 1);
	chunk_pool_init(&fuzz.pool);
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
	};
	if (mesh_create(&fuzz.mesh, &config, &fuzz.io, &fuzz.rng, NULL) !=
	    ERR_OK) {
		return 0;
	}
	mesh_start(fuzz.mesh, fuzz.now);
	if ((kind & FUZZ_WRAPS) != 0) {
		fuzz.mesh->seq |= UINT32_MAX - 3;
	}
	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		fuzz_up(&fuzz, &fuzz.links[i], 0);
	}
	while (fuzz.at < fuzz.end) {
		const char *wrong;

		fuzz_step(&fuzz);
		wrong = inspect_check(fuzz.mesh);
		assert(wrong == NULL);
		(void)wrong;
	}
	(void)fault_off();
	mesh_destroy(fuzz.mesh);
	chunk_pool_fini(&fuzz.pool);
	return 0;
}
