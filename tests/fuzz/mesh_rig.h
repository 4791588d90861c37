/* SPDX-License-Identifier: MIT
 * mesh_rig.h - one mesh, and what it does to its links watched: no action on a
 * link that was closed or is gone, nothing to nor from those who have not shown
 * the key, no message twice, tables within their limits. */
#ifndef TESTS_FUZZ_MESH_RIG_H
#define TESTS_FUZZ_MESH_RIG_H

#include "mesh/mesh.h"
#include "wire/record.h"

enum {
	FUZZ_LINKS = 48, /* ops reach the first 16 */
	FUZZ_SEEN = 512,
	FUZZ_RECORD_MAX = 4608, /* what a handshake allows, PEERS included */
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

struct fuzz_seen {
	struct nodeid origin;
	uint64_t seq;
};

struct fuzz {
	struct mesh *mesh;
	struct mesh_io io;
	struct rng rng;
	struct chunk_pool pool;
	uint64_t now;
	const uint8_t *at, *end;
	struct fuzz_link links[FUZZ_LINKS];
	struct fuzz_seen seen[FUZZ_SEEN];
	size_t seen_count;
	size_t queued;
	uint64_t stamp;
	bool stopped, has_key;
};

/* The next byte of the input, 0 behind its end. */
uint8_t fuzz_byte(struct fuzz *fuzz);

/* Fill in fuzz->io. */
void fuzz_io(struct fuzz *fuzz);

/* What is kept of a link, which is not closed; a place for one, or NULL. */
struct fuzz_link *fuzz_of(struct fuzz *fuzz, const struct link *link);
struct fuzz_link *fuzz_free_place(struct fuzz *fuzz);
/* Places are short: report the closed links as gone. */
void fuzz_reap(struct fuzz *fuzz);

/* Hand in bytes; those of a buf, which is freed. */
void fuzz_message(
    struct fuzz *fuzz, struct fuzz_link *at, const uint8_t *bytes, size_t len);
void fuzz_message_of(struct fuzz *fuzz, struct fuzz_link *at, struct buf *buf);

void fuzz_id(struct nodeid *id, uint8_t n);

/* After each op. */
void fuzz_check(struct fuzz *fuzz);

#endif
