/* SPDX-License-Identifier: MIT
 * chunk.h - shared bytes on their way out.
 *
 * A message is encoded once, at the end of a chunk log; every connection that
 * gets it queues a range of that chunk (outq.h), not a copy.  [loop] only: the
 * reference counts are plain. */
#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CHUNK_BYTES ((size_t)64 * 1024) /* of a standard chunk */
/* The first one of a log that is seldom written to. */
#define CHUNK_SMALL ((size_t)4 * 1024)

/* Where chunks come from: counts what is out, keeps a few to use again. */
struct chunk_pool {
	size_t bytes; /* in chunks that somebody holds */
	struct chunk *spare;
	unsigned spares;
	unsigned idle; /* of them, that nobody took since chunk_pool_trim */
};

struct chunk {
	struct chunk_pool *pool;
	struct chunk *next; /* among the spares */
	uint32_t refs;
	uint32_t used; /* bytes written */
	size_t size;
	uint8_t bytes[];
};

/* `len` bytes of `chunk` from `off`. */
struct range {
	struct chunk *chunk;
	uint32_t off, len;
};

/* An append-only log of encoded bytes. */
struct chunk_log {
	struct chunk_pool *pool;
	struct chunk *chunk; /* being filled, or NULL */
	size_t size;         /* of the next one; doubles up to CHUNK_BYTES */
};

void chunk_pool_init(struct chunk_pool *pool);
/* Every chunk has been given back. */
void chunk_pool_fini(struct chunk_pool *pool);

/* Call it now and then: gives one of the idle spares back to the system, so
 * that what a burst took does not stay for ever. */
void chunk_pool_trim(struct chunk_pool *pool);

/* A chunk of at least `size` bytes with one reference; NULL: no memory. */
struct chunk *chunk_create(struct chunk_pool *pool, size_t size);

static inline void
chunk_ref(struct chunk *chunk)
{
	chunk->refs++;
}

void chunk_unref(struct chunk *chunk); /* NULL is fine */

/* `size` of its first chunk: CHUNK_SMALL to CHUNK_BYTES. */
void chunk_log_init(
    struct chunk_log *log, struct chunk_pool *pool, size_t size);
void chunk_log_fini(struct chunk_log *log);

/* A chunk that was made for a long range is not kept for short ones: the log
 * lets go of it, whoever reads it does not. */
void chunk_log_trim(struct chunk_log *log);

/* See to it that chunk_log_append finds `len` bytes.  ERR_NOMEM. */
NODISCARD enum err chunk_log_make_room(struct chunk_log *log, size_t len);

/* Room for `len` (> 0, < 4 GiB) contiguous bytes at the end of the log: write
 * them at `range->chunk->bytes + range->off`.  The range borrows the log's
 * reference: whoever keeps it beyond the next call takes its own. */
NODISCARD static inline enum err
chunk_log_append(struct chunk_log *log, size_t len, struct range *range)
{
	struct chunk *chunk = log->chunk;

	if (UNLIKELY(chunk == NULL || chunk->refs == 1 ||
	             chunk->size - chunk->used < len)) {
		enum err err = chunk_log_make_room(log, len);

		if (err != ERR_OK) {
			return err;
		}
		chunk = log->chunk;
	}
	range->chunk = chunk;
	range->off = chunk->used;
	range->len = (uint32_t)len;
	chunk->used += (uint32_t)len;
	return ERR_OK;
}

static inline uint8_t *
range_bytes(const struct range *range)
{
	return range->chunk->bytes + range->off;
}

#endif
