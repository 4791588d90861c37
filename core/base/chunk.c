/* SPDX-License-Identifier: MIT
 * chunk.c - see chunk.h. */

#include "base/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHUNK_SPARES_MAX = 64 };

void
chunk_pool_init(struct chunk_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
}

static struct chunk *
chunk_take_spare(struct chunk_pool *pool)
{
	struct chunk *chunk = pool->spare;

	pool->spare = chunk->next;
	pool->spares--;
	return chunk;
}

void
chunk_pool_fini(struct chunk_pool *pool)
{
	assert(pool->bytes == 0);
	while (pool->spare != NULL) {
		free(chunk_take_spare(pool));
	}
	pool->idle = 0;
}

static struct chunk *
chunk_alloc(struct chunk_pool *pool, size_t size)
{
	struct chunk *chunk;

	if (size == CHUNK_BYTES && pool->spare != NULL) {
		chunk = chunk_take_spare(pool);
		if (pool->idle > pool->spares) {
			pool->idle = pool->spares;
		}
		return chunk;
	}
	return malloc(sizeof(*chunk) + size);
}

/* Amid others, memory that is only freed stays with the process. */
static void
chunk_give_back(struct chunk *chunk)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t skip = page - (uintptr_t)chunk->bytes % page;
	size_t whole = (chunk->size - skip) / page * page;

	(void)madvise(chunk->bytes + skip, whole, MADV_DONTNEED);
	free(chunk);
}

void
chunk_pool_trim(struct chunk_pool *pool)
{
	if (pool->idle > 0) {
		chunk_give_back(chunk_take_spare(pool));
	}
	pool->idle = pool->spares;
}

struct chunk *
chunk_create(struct chunk_pool *pool, size_t size)
{
	struct chunk *chunk = chunk_alloc(pool, size);

	if (chunk == NULL) {
		return NULL;
	}
	chunk->pool = pool;
	chunk->next = NULL;
	chunk->refs = 1;
	chunk->used = 0;
	chunk->size = size;
	pool->bytes += size;
	return chunk;
}

void
chunk_unref(struct chunk *chunk)
{
	struct chunk_pool *pool;

	if (chunk == NULL || --chunk->refs > 0) {
		return;
	}
	pool = chunk->pool;
	pool->bytes -= chunk->size;
	if (chunk->size == CHUNK_BYTES && pool->spares < CHUNK_SPARES_MAX) {
		chunk->next = pool->spare;
		pool->spare = chunk;
		pool->spares++;
		return;
	}
	free(chunk);
}

void
chunk_log_init(struct chunk_log *log, struct chunk_pool *pool, size_t size)
{
	log->pool = pool;
	log->chunk = NULL;
	log->size = size;
}

void
chunk_log_fini(struct chunk_log *log)
{
	chunk_unref(log->chunk);
	log->chunk = NULL;
}

void
chunk_log_trim(struct chunk_log *log)
{
	if (log->chunk != NULL && log->chunk->size > CHUNK_BYTES) {
		chunk_log_fini(log);
	}
}

enum err
chunk_log_make_room(struct chunk_log *log, size_t len)
{
	struct chunk *chunk;

	if (len <= CHUNK_BYTES) {
		chunk_log_trim(log);
	}
	chunk = log->chunk;
	/* Nobody else reads it: start at its front again, while it is warm. */
	if (chunk != NULL && chunk->refs == 1) {
		chunk->used = 0;
	}
	if (chunk == NULL || chunk->size - chunk->used < len) {
		chunk = chunk_create(
		    log->pool, len > log->size ? len : log->size);
		if (chunk == NULL) {
			return ERR_NOMEM;
		}
		log->size = log->size < CHUNK_BYTES ? log->size * 2
		                                    : CHUNK_BYTES;
		chunk_unref(log->chunk);
		log->chunk = chunk;
	}
	return ERR_OK;
}
