/* SPDX-License-Identifier: MIT
 * outq.h - what one connection still has to send, in order.
 *
 * A ring of ranges of shared chunks.  The stream they spell is a sequence of
 * whole WebSocket frames (RFC 6455 section 5.2), so frame boundaries are read
 * off the bytes, and only when something is stuck.  [loop] only. */
#ifndef BASE_OUTQ_H
#define BASE_OUTQ_H

#include <stdbool.h>
#include <sys/uio.h>

#include "base/chunk.h"

struct outq {
	struct range *ranges; /* ring of `cap`, a power of two */
	uint32_t first, count, cap;
	uint32_t settled;  /* ranges that outq_settle has been over */
	size_t bytes;      /* sum of all ranges */
	size_t frame_left; /* bytes of a frame that is partly sent */
};

void outq_init(struct outq *outq);
/* Drops whatever is inside. */
void outq_fini(struct outq *outq);

/* Queue `range`, taking a reference.  ERR_NOMEM: nothing was queued. */
NODISCARD enum err outq_push_slow(struct outq *outq, const struct range *range);

static inline struct range *
outq_at(const struct outq *outq, uint32_t index)
{
	return &outq->ranges[(outq->first + index) & (outq->cap - 1)];
}

NODISCARD static inline enum err
outq_push(struct outq *outq, const struct range *range)
{
	/* The usual case by far: the next bytes of the log I already hold. */
	if (LIKELY(outq->count > outq->settled)) {
		struct range *last = outq_at(outq, outq->count - 1);

		if (LIKELY(last->chunk == range->chunk &&
		           last->off + last->len == range->off)) {
			last->len += range->len;
			outq->bytes += range->len;
			return ERR_OK;
		}
	}
	return outq_push_slow(outq, range);
}

/* Copy `len` bytes into a chunk of this queue's own and queue them. */
NODISCARD enum err outq_copy(
    struct outq *outq, struct chunk_pool *pool, const void *bytes, size_t len);

/* Forget the ranges from `index` on, the newest ones. */
void outq_truncate(struct outq *outq, uint32_t index);

/* Fill `iov` with up to `max` pieces, skipping the first `skip` bytes and
 * stopping after `limit` more; returns how many. */
size_t outq_iov(const struct outq *outq, struct iovec *iov, size_t max,
    size_t skip, size_t limit);

/* The first `sent` bytes are gone. */
void outq_consume(struct outq *outq, size_t sent);

/* At the end of a turn, for what could not be sent: copy small pieces out of
 * shared chunks, so that a slow reader pins at most four times its bytes.
 * Out of memory: leaves them where they are. */
void outq_settle(struct outq *outq, struct chunk_pool *pool);

/* Drop whole unsent frames, oldest first, until at most `keep` bytes are left
 * or nothing droppable is; returns how many.  Every frame must lie inside one
 * range, as outq_push of whole frames makes them. */
size_t outq_drop_oldest(struct outq *outq, size_t keep);

#endif
