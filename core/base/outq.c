/* SPDX-License-Identifier: MIT
 * outq.c - see outq.h. */

#include "base/outq.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { OUTQ_FIRST_CAP = 4, OUTQ_KEEP_CAP = 64 };

void
outq_init(struct outq *outq)
{
	memset(outq, 0, sizeof(*outq));
}

static void
outq_clear(struct outq *outq)
{
	for (uint32_t i = 0; i < outq->count; i++) {
		chunk_unref(outq_at(outq, i)->chunk);
	}
	outq->first = 0;
	outq->count = 0;
	outq->settled = 0;
	outq->bytes = 0;
	outq->frame_left = 0;
	if (outq->cap > OUTQ_KEEP_CAP) {
		free(outq->ranges);
		outq->ranges = NULL;
		outq->cap = 0;
	}
}

void
outq_fini(struct outq *outq)
{
	outq_clear(outq);
	free(outq->ranges);
	outq_init(outq);
}

static enum err
outq_grow(struct outq *outq)
{
	uint32_t cap = outq->cap == 0 ? OUTQ_FIRST_CAP : outq->cap * 2;
	struct range *ranges = calloc(cap, sizeof(*ranges));

	if (ranges == NULL) {
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < outq->count; i++) {
		ranges[i] = *outq_at(outq, i);
	}
	free(outq->ranges);
	outq->ranges = ranges;
	outq->cap = cap;
	outq->first = 0;
	return ERR_OK;
}

enum err
outq_push_slow(struct outq *outq, const struct range *range)
{
	if (outq->count == outq->cap && outq_grow(outq) != ERR_OK) {
		return ERR_NOMEM;
	}
	chunk_ref(range->chunk);
	*outq_at(outq, outq->count) = *range;
	outq->count++;
	outq->bytes += range->len;
	return ERR_OK;
}

enum err
outq_copy(
    struct outq *outq, struct chunk_pool *pool, const void *bytes, size_t len)
{
	struct range range = { .len = (uint32_t)len };
	enum err err;

	range.chunk = chunk_create(pool, len);
	if (range.chunk == NULL) {
		return ERR_NOMEM;
	}
	memcpy(range.chunk->bytes, bytes, len);
	range.chunk->used = (uint32_t)len;
	err = outq_push_slow(outq, &range);
	chunk_unref(range.chunk);
	return err;
}

void
outq_truncate(struct outq *outq, uint32_t index)
{
	while (outq->count > index) {
		struct range *last = outq_at(outq, outq->count - 1);

		outq->bytes -= last->len;
		chunk_unref(last->chunk);
		outq->count--;
	}
	if (outq->settled > outq->count) {
		outq->settled = outq->count;
	}
}

size_t
outq_iov(const struct outq *outq, struct iovec *iov, size_t max, size_t skip,
    size_t limit)
{
	size_t n = 0;

	for (uint32_t i = 0; i < outq->count && n < max && limit > 0; i++) {
		const struct range *range = outq_at(outq, i);
		size_t from = skip < range->len ? skip : range->len;
		size_t len = range->len - from;

		skip -= from;
		if (len > limit) {
			len = limit;
		}
		if (len == 0) {
			continue;
		}
		iov[n].iov_base = range_bytes(range) + from;
		iov[n].iov_len = len;
		limit -= len;
		n++;
	}
	return n;
}

/* Whole length of the frame whose header begins at `at`. */
static size_t
outq_frame_len(const uint8_t *at)
{
	size_t mask = (at[1] & 0x80) != 0 ? 4 : 0;
	size_t len = at[1] & 0x7f;

	if (len < 126) {
		return 2 + mask + len;
	}
	if (len == 126) {
		return 4 + mask + ((size_t)at[2] << 8 | at[3]);
	}
	len = 0;
	for (int i = 2; i < 10; i++) {
		len = len << 8 | at[i];
	}
	return 10 + mask + len;
}

static void
outq_pop(struct outq *outq)
{
	chunk_unref(outq_at(outq, 0)->chunk);
	outq->first = (outq->first + 1) & (outq->cap - 1);
	outq->count--;
	if (outq->settled > 0) {
		outq->settled--;
	}
}

/* Walk `len` bytes of the first range's frames.  A header never straddles two
 * ranges, its payload may. */
static void
outq_walk(struct outq *outq, const uint8_t *at, size_t len)
{
	while (len > 0) {
		size_t step;

		if (outq->frame_left == 0) {
			outq->frame_left = outq_frame_len(at);
		}
		step = len < outq->frame_left ? len : outq->frame_left;
		outq->frame_left -= step;
		at += step;
		len -= step;
	}
}

void
outq_consume(struct outq *outq, size_t sent)
{
	assert(sent <= outq->bytes);
	if (sent == outq->bytes) {
		outq_clear(outq);
		return;
	}
	outq->bytes -= sent;
	while (sent > 0) {
		struct range *range = outq_at(outq, 0);
		size_t len = sent < range->len ? sent : range->len;

		outq_walk(outq, range_bytes(range), len);
		sent -= len;
		range->off += (uint32_t)len;
		range->len -= (uint32_t)len;
		if (range->len == 0) {
			outq_pop(outq);
		}
	}
}

/* Is the memory behind this range mostly its own? */
static bool
range_is_dense(const struct range *range)
{
	return range->len >= range->chunk->size / 4;
}

/* Append `range` to the private chunk at the end of the settled ranges. */
static bool
outq_settle_behind(struct outq *outq, uint32_t last, const struct range *range)
{
	struct range *tail = outq_at(outq, last);
	struct chunk *chunk = tail->chunk;

	if (chunk->refs != 1 || tail->off + tail->len != chunk->used ||
	    chunk->size - chunk->used < range->len) {
		return false;
	}
	memcpy(chunk->bytes + chunk->used, range_bytes(range), range->len);
	chunk->used += range->len;
	tail->len += range->len;
	return true;
}

static size_t
outq_settled_size(size_t len)
{
	/* Room for more of the same, without pinning much for a little. */
	return len * 4 < CHUNK_BYTES ? len * 4 : len;
}

/* Give `range` a chunk of its own; out of memory: leave it in the shared. */
static void
outq_move_out(struct range *range, struct chunk_pool *pool)
{
	struct chunk *chunk = chunk_create(pool, outq_settled_size(range->len));

	if (chunk == NULL) {
		return;
	}
	memcpy(chunk->bytes, range_bytes(range), range->len);
	chunk->used = range->len;
	chunk_unref(range->chunk);
	range->chunk = chunk;
	range->off = 0;
}

void
outq_settle(struct outq *outq, struct chunk_pool *pool)
{
	uint32_t keep = outq->settled;

	/* What was sent or dropped since the last time was taken from the first
	 * or, behind a partly sent frame, the second range. */
	for (uint32_t i = 0; i < keep && i < 2; i++) {
		if (!range_is_dense(outq_at(outq, i))) {
			outq_move_out(outq_at(outq, i), pool);
		}
	}
	for (uint32_t i = outq->settled; i < outq->count; i++) {
		struct range range = *outq_at(outq, i);

		if (!range_is_dense(&range)) {
			if (keep > 0 &&
			    outq_settle_behind(outq, keep - 1, &range)) {
				chunk_unref(range.chunk);
				continue;
			}
			outq_move_out(&range, pool);
		}
		*outq_at(outq, keep++) = range;
	}
	outq->count = keep;
	outq->settled = keep;
}

/* Split the partly sent frame off, as a range of its own in front. */
static enum err
outq_split_front(struct outq *outq)
{
	struct range *front = outq_at(outq, 0);
	struct range part = *front;

	if (front->len <= outq->frame_left) {
		return ERR_OK; /* it is already alone */
	}
	if (outq->count == outq->cap && outq_grow(outq) != ERR_OK) {
		return ERR_NOMEM;
	}
	part.len = (uint32_t)outq->frame_left;
	chunk_ref(part.chunk);
	front = outq_at(outq, 0);
	front->off += part.len;
	front->len -= part.len;
	outq->first = (outq->first - 1) & (outq->cap - 1);
	outq->count++;
	outq->settled += outq->settled > 0 ? 1 : 0;
	*outq_at(outq, 0) = part;
	return ERR_OK;
}

size_t
outq_drop_oldest(struct outq *outq, size_t keep)
{
	uint32_t from = outq->frame_left > 0 ? 1 : 0;
	size_t dropped = 0;

	if (outq->bytes <= keep || outq->count == 0 ||
	    (from == 1 && outq_split_front(outq) != ERR_OK)) {
		return 0;
	}
	while (outq->bytes > keep && outq->count > from) {
		struct range *range = outq_at(outq, from);
		size_t len = outq_frame_len(range_bytes(range));

		assert(len <= range->len);
		range->off += (uint32_t)len;
		range->len -= (uint32_t)len;
		outq->bytes -= len;
		dropped++;
		if (range->len > 0) {
			continue;
		}
		if (from == 1) { /* the partial frame moves up */
			struct range gone = *range;

			*range = *outq_at(outq, 0);
			*outq_at(outq, 0) = gone;
		}
		outq_pop(outq);
	}
	return dropped;
}
