/* SPDX-License-Identifier: MIT
 * mesh_rig.h - one mesh, and what it does to its links watched: no action on a
 * link that was closed or is gone, nothing to nor from those who have not shown
 * the key, no message twice, none that was told as a gap, no gap told twice or
 * of what came, tables within their limits, ticks come to rest. */
#ifndef TESTS_FUZZ_MESH_RIG_H
#define TESTS_FUZZ_MESH_RIG_H

#include "mesh/mesh.h"
#include "wire/record.h"

enum {
	FUZZ_LINKS = 48, /* ops reach the first 16 */
	FUZZ_TOLD = 1024,
	FUZZ_QUEUED = 16,
	FUZZ_RECORD_MAX = 4608, /* what a handshake allows, PEERS included */
	FUZZ_BOOT = 1700000000,
	FUZZ_NOW = 1000000, /* at the start, milliseconds */
	FUZZ_OWN = 0x80,    /* the mesh's id is fuzz_id of it */
};

struct fuzz_said { /* the body of a record */
	uint8_t bytes[1024];
	size_t len;
};

struct fuzz_link {
	struct link *link;
	bool closed, opened;
	bool is_proven;                     /* we have shown the key, */
	uint8_t expected[RECORD_PROOF_LEN]; /* and what we are shown then */
	struct fuzz_said hello, welcome;    /* of either side */
};

/* Ids whose fate is known: delivered, or told as a gap. */
struct fuzz_told {
	struct nodeid origin;
	uint64_t first, count;
};

/* A record that was to be sent, as a slow link holds it. */
struct fuzz_queued {
	struct range range;
	uint64_t sum; /* of its bytes, when it was queued */
};

struct fuzz {
	struct mesh *mesh;
	struct mesh_io io;
	struct rng rng;
	struct chunk_pool pool;
	struct fuzz_queued records[FUZZ_QUEUED]; /* the last so many */
	size_t record_count;
	uint64_t now;
	uint32_t set_s; /* the wall clock was set forward */
	const uint8_t *at, *end;
	struct fuzz_link links[FUZZ_LINKS];
	struct fuzz_told told[FUZZ_TOLD]; /* the first so many */
	size_t told_count;
	size_t queued;
	uint64_t stamp;
	uint64_t conn; /* of the last one that was accepted */
	bool stopped, has_key;
	uint32_t boot; /* of the origins (fuzz_mesh_spread.c); their counters */
	bool wraps;    /* are about to */
};

/* A run on `bytes`: nothing was read of them yet.  False: no memory. */
bool fuzz_begin(struct fuzz *fuzz, const uint8_t *bytes, size_t len);
/* Make and start its mesh.  `config` says what differs from what both have:
 * name, limits, times.  `wraps`: its counter is about to.  False: no memory. */
bool fuzz_start(struct fuzz *fuzz, struct mesh_config *config, bool wraps);
/* One step after the other until the bytes end, and a check after each; the
 * mesh is destroyed then. */
void fuzz_run(struct fuzz *fuzz, void (*step)(struct fuzz *fuzz));

/* The next byte of the input, 0 behind its end. */
uint8_t fuzz_byte(struct fuzz *fuzz);

struct nodeid fuzz_id(uint8_t n);

/* A place for a link, or NULL. */
struct fuzz_link *fuzz_free_place(struct fuzz *fuzz);
/* Places are short: report the closed links as gone. */
void fuzz_reap(struct fuzz *fuzz);

/* Hand in bytes; those of a buf, which is freed. */
void fuzz_message(
    struct fuzz *fuzz, struct fuzz_link *at, const uint8_t *bytes, size_t len);
void fuzz_message_of(struct fuzz *fuzz, struct fuzz_link *at, struct buf *buf);
/* Operands: a type (`raw`: none, and no header), a length, bytes. */
void fuzz_op_record(struct fuzz *fuzz, struct fuzz_link *at, bool raw);

/* A connection comes to a free place. */
void fuzz_accept(struct fuzz *fuzz, struct fuzz_link *place);
/* The HELLO of a node, with no flags and no address. */
struct record_hello fuzz_hello(uint8_t node, uint32_t boot);

/* `ms` pass, each tick at its time. */
void fuzz_pass(struct fuzz *fuzz, uint64_t ms);
/* Nobody looked at the mesh for long (`how` & 0xf); with 0x10 the wall clock was
 * set forward meanwhile, up to a month. */
void fuzz_jump(struct fuzz *fuzz, uint8_t how);
/* Two ticks at one time. */
void fuzz_twice(struct fuzz *fuzz);

#endif
