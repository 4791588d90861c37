/* SPDX-License-Identifier: MIT
 * lab.h - one mesh on a bench: events are made by hand, and every action that
 * comes out is written down. */
#ifndef TESTS_UNIT_MESH_LAB_H
#define TESTS_UNIT_MESH_LAB_H

#include "support/test.h"

#include <stdlib.h>

#include "base/log.h"
#include "mesh/mesh.h"
#include "sim/inspect.h"
#include "wire/record.h"

#define LAB_NOW  UINT64_C(1000000)
#define LAB_BOOT 1700000000u
#define LAB_MAX  1000 /* max_message */

struct lab_link { /* what became of one link */
	struct link *link;
	struct buf sent; /* records, in order */
	int close_code;  /* -1: not closed */
	unsigned pings;
	uint64_t stamp;
	size_t queued; /* what io.queued answers */
	unsigned pressed;
	unsigned spreads;
	char url[256]; /* dialled */
	uint64_t dialled_ms;
};

struct lab {
	struct mesh *mesh;
	struct mesh_io io;
	struct mesh_config config;
	struct rng rng;
	struct chunk_pool pool;
	uint64_t now;
	uint64_t conn;
	struct lab_link links[512]; /* in order of creation */
	size_t link_count;
	unsigned dials;

	unsigned delivered, gaps, ups, downs;
	uint64_t gap_first, gap_count;
	struct message_view view; /* last delivered; topic, payload below */
	char topic[256], payload[64];
	struct message_view published; /* last */
	struct mesh_peer peer;         /* last told */
	char peer_name[256], peer_addr[256];
};

/* cmocka fixtures: a mesh with no peers; one that finds its own links; and one
 * that is made by the test, after it has changed `config`, with lab_make. */
static inline int lab_setup(void **state);
static inline int lab_setup_auto(void **state);
static inline int lab_setup_raw(void **state);
static inline int lab_teardown(void **state);
static inline void lab_make(struct lab *lab);
/* The mesh is gone, and what was written down of its links. */
static inline void lab_unmake(struct lab *lab);
/* The one that is made next dials these; they are not copied. */
static inline void lab_set_peers(
    struct lab *lab, const char *const *peers, size_t count);

/* All bytes of the id are `n`; the lab's own is 0x80. */
static inline struct nodeid lab_id(uint8_t n);
/* One of as many nodes as a test likes: `n` in its first bytes. */
static inline struct nodeid lab_nth_id(uint32_t n);
/* Counter `count` of a life `boots` later than LAB_BOOT, or earlier. */
static inline uint64_t lab_seq(int64_t boots, uint32_t count);
static inline struct record_hello lab_hello(const struct lab *lab, uint8_t n);
static inline struct record_welcome lab_welcome(uint8_t n);

/* A connection comes in; NULL: refused. */
static inline struct lab_link *lab_accept(struct lab *lab);
/* The same, with a HELLO of node `n`: UP. */
static inline struct lab_link *lab_accept_up(struct lab *lab, uint8_t n);
/* The newest dial succeeds. */
static inline struct lab_link *lab_open(struct lab *lab);
/* The same, with WELCOME and WELCOME2 of node `n`: UP. */
static inline struct lab_link *lab_open_up(struct lab *lab, uint8_t n);
static inline struct lab_link *lab_last(struct lab *lab);
static inline struct lab_link *lab_of(struct lab *lab, const struct link *link);

static inline void lab_message(
    struct lab *lab, struct lab_link *at, const void *bytes, size_t len);
/* One record with any type and body. */
static inline void lab_record(struct lab *lab, struct lab_link *at,
    uint8_t type, const void *body, size_t len);
static inline void lab_say_hello(
    struct lab *lab, struct lab_link *at, const struct record_hello *hello);
static inline void lab_say_welcome(
    struct lab *lab, struct lab_link *at, const struct record_welcome *welcome);
static inline void lab_say_welcome2(
    struct lab *lab, struct lab_link *at, uint64_t seq);
static inline void lab_say_bye(
    struct lab *lab, struct lab_link *at, uint8_t reason);
/* DATA of node `n`, boot LAB_BOOT, counter `count`. */
static inline void lab_say_data(
    struct lab *lab, struct lab_link *at, uint8_t n, uint32_t count);
static inline void lab_say(
    struct lab *lab, struct lab_link *at, const struct record_data *data);
static inline struct record_data lab_data(uint8_t n, uint32_t count);

/* The same in two steps, for a test in which allocations fail: the second one
 * allocates nothing.  The test frees the record. */
static inline struct buf lab_encoded(const struct record_data *data);
static inline void lab_hand_in(
    struct lab *lab, struct lab_link *at, const struct buf *records);

/* This node publishes, an empty message or `len` zeros; see `published`. */
static inline void lab_publish(struct lab *lab);
static inline void lab_publish_zeros(struct lab *lab, size_t len);

/* The owner reports the end. */
static inline void lab_closed(
    struct lab *lab, struct lab_link *at, enum mesh_closed how);
/* Time passes, ticks come when the mesh asks for them. */
static inline void lab_pass(struct lab *lab, uint64_t ms);
/* All links that are UP are heard: now, and at least each second. */
static inline void lab_keep_alive(struct lab *lab);
static inline void lab_pass_alive(struct lab *lab, uint64_t ms);

/* True if a record of `type` was sent on this link. */
static inline bool lab_has_sent(const struct lab_link *at, uint8_t type);
/* Reason of the BYE that was sent, -1: none. */
static inline int lab_bye(const struct lab_link *at);
/* Flags of the WELCOME that was sent, -1: none. */
static inline int lab_welcome_flags(const struct lab_link *at);

#include "unit/mesh/lab_say.h"

static inline void
lab_spread(void *ctx, uint64_t slots, const struct range *record)
{
	struct lab *lab = ctx;

	assert_true(slots != 0);
	for (; slots != 0; slots &= slots - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(slots);
		struct lab_link *at = lab_of(
		    lab, inspect_link(lab->mesh, slot));

		assert_int_equal(at->close_code, -1);
		assert_int_equal(inspect_slot(at->link), slot);
		at->spreads++;
		assert_int_equal(
		    buf_append(&at->sent, range_bytes(record), record->len),
		    ERR_OK);
	}
}

static inline void
lab_send(void *ctx, struct link *link, const uint8_t *records, size_t len,
    bool control)
{
	struct lab_link *at = lab_of(ctx, link);

	(void)control;
	assert_true(len <= MESH_SEND_MAX);
	assert_int_equal(at->close_code, -1);
	assert_int_equal(buf_append(&at->sent, records, len), ERR_OK);
}

static inline void
lab_ping(void *ctx, struct link *link, uint64_t stamp)
{
	struct lab_link *at = lab_of(ctx, link);

	assert_int_equal(at->close_code, -1);
	at->pings++;
	at->stamp = stamp;
}

static inline void
lab_close(void *ctx, struct link *link, uint16_t code, const char *reason)
{
	struct lab_link *at = lab_of(ctx, link);

	assert_non_null(reason);
	assert_int_equal(at->close_code, -1);
	at->close_code = code;
}

static inline struct lab_link *
lab_add(struct lab *lab, struct link *link)
{
	struct lab_link *at = &lab->links[lab->link_count++];

	assert_true(lab->link_count <= ARRAY_LEN(lab->links));
	at->link = link;
	at->close_code = -1;
	return at;
}

static inline void
lab_dial(void *ctx, struct link *link, const char *url)
{
	struct lab *lab = ctx;
	struct lab_link *at = lab_add(lab, link);

	(void)stpncpy(at->url, url, sizeof(at->url) - 1);
	at->dialled_ms = lab->now;
	lab->dials++;
}

static inline size_t
lab_queued(void *ctx, const struct link *link)
{
	return lab_of(ctx, link)->queued;
}

static inline void
lab_pressed(void *ctx, struct link *link)
{
	lab_of(ctx, link)->pressed++;
}

static inline void
lab_deliver(void *ctx, const struct message_view *view)
{
	struct lab *lab = ctx;
	size_t len = view->payload_len < sizeof(lab->payload)
	                 ? view->payload_len
	                 : sizeof(lab->payload);

	lab->delivered++;
	lab->view = *view;
	memset(lab->topic, 0, sizeof(lab->topic));
	memcpy(lab->topic, view->topic, view->topic_len);
	memcpy(lab->payload, view->payload, len);
}

static inline void
lab_peer(void *ctx, const struct mesh_peer *peer)
{
	struct lab *lab = ctx;

	*(peer->up ? &lab->ups : &lab->downs) += 1;
	lab->peer = *peer;
	(void)stpncpy(lab->peer_name, peer->name, 255);
	(void)stpncpy(lab->peer_addr, peer->addr, 255);
}

static inline void
lab_gap(void *ctx, const struct nodeid *origin, uint64_t first, uint64_t count)
{
	struct lab *lab = ctx;

	(void)origin;
	lab->gaps++;
	lab->gap_first = first;
	lab->gap_count = count;
}

/* An io.secret that has none. */
static inline enum err
lab_no_secret(void *ctx, void *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return ERR_SYSTEM;
}

static inline int
lab_setup_raw(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	assert_int_equal(
	    log_open(&(struct log_config){ .filter = "error" }, NULL), ERR_OK);
	lab->now = LAB_NOW;
	rng_init(&lab->rng, 7);
	lab->io = (struct mesh_io){
		.ctx = lab,
		.spread = lab_spread,
		.send = lab_send,
		.ping = lab_ping,
		.close = lab_close,
		.dial = lab_dial,
		.queued = lab_queued,
		.pressed = lab_pressed,
		.deliver = lab_deliver,
		.peer = lab_peer,
		.gap = lab_gap,
	};
	lab->config = (struct mesh_config){
		.node_id = lab_id(0x80),
		.boot = LAB_BOOT,
		.name = "lab",
		.network = "grapevine",
		.advertise = "ws://lab:1",
		.max_message = LAB_MAX,
		.max_hops = 64,
		.ping_ms = 3000,
		.soft = 1024 * 1024,
		.hard = 8 * 1024 * 1024,
		.pool = &lab->pool,
	};
	chunk_pool_init(&lab->pool);
	*state = lab;
	return 0;
}

static inline void
lab_make(struct lab *lab)
{
	struct diag diag = { .text = "" };

	lab->config.now_ms = lab->now;
	assert_int_equal(
	    mesh_create(&lab->mesh, &lab->config, &lab->io, &lab->rng, &diag),
	    ERR_OK);
	mesh_start(lab->mesh, lab->now);
}

static inline int
lab_setup(void **state)
{
	(void)lab_setup_raw(state);
	lab_make(*state);
	return 0;
}

static inline int
lab_setup_auto(void **state)
{
	struct lab *lab;

	(void)lab_setup_raw(state);
	lab = *state;
	lab->config.is_auto = true;
	lab_make(lab);
	return 0;
}

static inline void
lab_unmake(struct lab *lab)
{
	mesh_destroy(lab->mesh);
	lab->mesh = NULL;
	while (lab->link_count > 0) {
		struct lab_link *at = &lab->links[--lab->link_count];

		buf_fini(&at->sent);
		*at = (struct lab_link){ .link = NULL };
	}
}

static inline int
lab_teardown(void **state)
{
	struct lab *lab = *state;

	lab_unmake(lab);
	chunk_pool_fini(&lab->pool);
	free(lab);
	return 0;
}

static inline void
lab_set_peers(struct lab *lab, const char *const *peers, size_t count)
{
	lab->config.peers = peers;
	lab->config.peer_count = count;
}

static inline void
lab_publish_view(struct lab *lab, const void *payload, size_t len)
{
	lab->published = (struct message_view){ .topic = "a",
		.topic_len = 1,
		.payload = payload,
		.payload_len = len };
	assert_int_equal(
	    mesh_publish(lab->mesh, lab->now, &lab->published), ERR_OK);
}

static inline void
lab_publish(struct lab *lab)
{
	lab_publish_view(lab, NULL, 0);
}

static inline void
lab_publish_zeros(struct lab *lab, size_t len)
{
	static const uint8_t zeros[LAB_MAX];

	assert_true(len <= sizeof(zeros));
	lab_publish_view(lab, zeros, len);
}

static inline struct lab_link *
lab_of(struct lab *lab, const struct link *link)
{
	assert_non_null(link);
	/* The newest first: memory of a freed one may be used again. */
	for (size_t i = lab->link_count; i > 0; i--) {
		if (lab->links[i - 1].link == link) {
			return &lab->links[i - 1];
		}
	}
	fail_msg("an action for a link that is gone");
	return NULL;
}

static inline struct lab_link *
lab_last(struct lab *lab)
{
	assert_true(lab->link_count > 0);
	return &lab->links[lab->link_count - 1];
}

static inline struct lab_link *
lab_accept(struct lab *lab)
{
	struct link *link = mesh_on_accepted(
	    lab->mesh, lab->now, ++lab->conn, "127.0.0.1", lab);

	return link == NULL ? NULL : lab_add(lab, link);
}

static inline struct lab_link *
lab_accept_up(struct lab *lab, uint8_t n)
{
	struct lab_link *at = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, n);

	assert_non_null(at);
	lab_say_hello(lab, at, &hello);
	assert_true(link_is_up(at->link));
	return at;
}

static inline struct lab_link *
lab_open(struct lab *lab)
{
	struct lab_link *at = lab_last(lab);

	mesh_on_opened(
	    lab->mesh, at->link, lab->now, ++lab->conn, "127.0.0.1", lab);
	assert_true(lab_has_sent(at, RECORD_HELLO));
	return at;
}

static inline struct lab_link *
lab_open_up(struct lab *lab, uint8_t n)
{
	struct lab_link *at = lab_open(lab);
	struct record_welcome welcome = lab_welcome(n);

	lab_say_welcome(lab, at, &welcome);
	lab_say_welcome2(lab, at, 0);
	assert_true(link_is_up(at->link));
	return at;
}

static inline void
lab_closed(struct lab *lab, struct lab_link *at, enum mesh_closed how)
{
	struct link *link = at->link;

	mesh_on_closed(lab->mesh, link, lab->now, how);
	at->link = NULL;
}

static inline void
lab_pass(struct lab *lab, uint64_t ms)
{
	uint64_t end = lab->now + ms;
	unsigned idle = 0;

	while (mesh_next_ms(lab->mesh) <= end) {
		uint64_t next = mesh_next_ms(lab->mesh);

		/* A mesh that asks for the same moment again would spin. */
		idle = next <= lab->now ? idle + 1 : 0;
		assert_true(idle < 100);
		lab->now = next > lab->now ? next : lab->now;
		mesh_on_tick(lab->mesh, lab->now);
	}
	lab->now = end;
}

static inline void
lab_keep_alive(struct lab *lab)
{
	for (size_t i = 0; i < lab->link_count; i++) {
		struct lab_link *at = &lab->links[i];

		if (at->link != NULL && link_is_up(at->link)) {
			mesh_on_activity(at->link, lab->now);
		}
	}
}

static inline void
lab_pass_alive(struct lab *lab, uint64_t ms)
{
	while (ms > 0) {
		uint64_t step = ms < 1000 ? ms : 1000;

		lab_keep_alive(lab);
		lab_pass(lab, step);
		assert_null(inspect_check(lab->mesh));
		ms -= step;
	}
	lab_keep_alive(lab);
}

static inline bool
lab_find(const struct lab_link *at, uint8_t type, struct record *record)
{
	const uint8_t *p = at->sent.bytes;
	const uint8_t *end = p + at->sent.len;

	while (p != end && record_next(&p, end, record) == ERR_OK) {
		if (record->type == type) {
			return true;
		}
	}
	return false;
}

static inline bool
lab_has_sent(const struct lab_link *at, uint8_t type)
{
	struct record record;

	return lab_find(at, type, &record);
}

static inline int
lab_bye(const struct lab_link *at)
{
	struct record record;
	struct record_bye bye;

	if (!lab_find(at, RECORD_BYE, &record)) {
		return -1;
	}
	assert_int_equal(record_bye_decode(&record, &bye), ERR_OK);
	return bye.reason;
}

static inline int
lab_welcome_flags(const struct lab_link *at)
{
	struct record record;
	struct record_welcome welcome;

	if (!lab_find(at, RECORD_WELCOME, &record)) {
		return -1;
	}
	assert_int_equal(record_welcome_decode(&record, &welcome), ERR_OK);
	return welcome.flags;
}

#endif
