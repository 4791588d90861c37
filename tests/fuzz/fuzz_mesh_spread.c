/* SPDX-License-Identifier: MIT
 * fuzz_mesh_spread.c - the input is a stream of events for one mesh with links
 * that are UP: messages, lists of ids, links that come and go, full queues,
 * time.  Asserted: what mesh_rig.h says.
 *
 * The first byte says what kind of node it is (FUZZ_FLOODS ...).  Then come
 * ops: one byte (bits 0 to 3 and 6: op, 4 and 5: link), and its operands. */

#include <assert.h>

#include "fuzz.h"
#include "fuzz/mesh_rig.h"
#include "support/fault.h"
#include "wire/record_array.h"

enum {
	FUZZ_NEIGHBOURS = 4,
	FUZZ_ORIGINS = 4,
	FUZZ_BOOTS = 8, /* of each origin */
	FUZZ_HISTORY = 2048,
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
	for (size_t i = 0; i < FUZZ_NEIGHBOURS; i++) {
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
fuzz_later(struct fuzz *fuzz, uint64_t seconds)
{
	for (uint64_t i = 0; i < seconds; i++) {
		for (size_t k = 0; k < FUZZ_NEIGHBOURS; k++) {
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
	struct record_hello hello = fuzz_hello(
	    (uint8_t)(0x40 + (at - fuzz->links)), FUZZ_BOOT);
	struct buf buf = { 0 };

	hello.flags = flags;
	fuzz_accept(fuzz, at);
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
		fuzz_op_record(fuzz, at, false);
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
		fuzz_twice(fuzz);
	} else if (op == OP_BOOT) {
		fuzz->boot += fuzz->boot < (uint32_t)FUZZ_BOOT + FUZZ_BOOTS - 1
		                  ? 1
		                  : 0;
	} else if (op == OP_BACK) {
		fuzz->boot = (uint32_t)FUZZ_BOOT + fuzz_byte(fuzz) % FUZZ_BOOTS;
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
	struct fuzz_link *at = &fuzz->links[(byte >> 4) % FUZZ_NEIGHBOURS];

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
	struct mesh_config config = {
		.advertise = "",
		.hard = 16000,
		.history_bytes = FUZZ_HISTORY,
	};
	static struct fuzz fuzz;
	uint8_t kind;

	if (!fuzz_begin(&fuzz, bytes, len)) {
		return 0;
	}
	kind = fuzz_byte(&fuzz);
	config.floods = (kind & FUZZ_FLOODS) != 0;
	if (fuzz_start(&fuzz, &config, (kind & FUZZ_WRAPS) != 0)) {
		for (size_t i = 0; i < FUZZ_NEIGHBOURS; i++) {
			fuzz_up(&fuzz, &fuzz.links[i], 0);
		}
		fuzz_run(&fuzz, fuzz_step);
	}
	(void)fault_off();
	return 0;
}
