/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <stdlib.h>

#include "base/outq.h"
#include "base/rng.h"
#include "support/fault.h"

/* The naive queue: the bytes, and where each frame ends. */
struct model {
	uint8_t *bytes;
	size_t len, cap;
	size_t *ends; /* of the frames in `bytes`; the first may be partial */
	size_t count, ends_cap;
	bool partial;
};

static void
model_push(struct model *model, const uint8_t *frame, size_t len)
{
	if (model->cap - model->len < len) {
		model->cap = model->cap * 2 + len;
		model->bytes = realloc(model->bytes, model->cap);
		assert_non_null(model->bytes);
	}
	if (model->count == model->ends_cap) {
		model->ends_cap = model->ends_cap * 2 + 16;
		model->ends = realloc(
		    model->ends, model->ends_cap * sizeof(*model->ends));
		assert_non_null(model->ends);
	}
	memcpy(model->bytes + model->len, frame, len);
	model->len += len;
	model->ends[model->count++] = model->len;
}

/* Cut `len` bytes out at `at`, which no frame's end lies inside but the ends
 * of those that go with it. */
static void
model_cut(struct model *model, size_t at, size_t len)
{
	size_t kept = 0;

	memmove(
	    model->bytes + at, model->bytes + at + len, model->len - at - len);
	model->len -= len;
	for (size_t i = 0; i < model->count; i++) {
		if (model->ends[i] > at && model->ends[i] <= at + len) {
			continue;
		}
		model->ends[kept++] = model->ends[i] -
		                      (model->ends[i] > at ? len : 0);
	}
	model->count = kept;
}

static void
model_consume(struct model *model, size_t len)
{
	bool whole = !model->partial && len == 0;

	if (len == 0) {
		return;
	}
	for (size_t i = 0; i < model->count; i++) {
		whole = whole || model->ends[i] == len;
	}
	model_cut(model, 0, len);
	model->partial = !whole;
}

static size_t
model_drop_oldest(struct model *model, size_t keep)
{
	size_t dropped = 0;

	while (model->len > keep && model->count > (model->partial ? 1u : 0u)) {
		size_t from = model->partial ? model->ends[0] : 0;

		model_cut(
		    model, from, model->ends[model->partial ? 1 : 0] - from);
		dropped++;
	}
	return dropped;
}

static void
model_fini(struct model *model)
{
	free(model->bytes);
	free(model->ends);
}

/* A frame with `len` bytes of random payload at `at`; returns its length. */
static size_t
frame_make(uint8_t *at, size_t len, bool masked, struct rng *rng)
{
	size_t n = 0;

	at[n++] = 0x82;
	if (len < 126) {
		at[n++] = (uint8_t)len;
	} else if (len < 65536) {
		at[n++] = 126;
		at[n++] = (uint8_t)(len >> 8);
		at[n++] = (uint8_t)len;
	} else {
		at[n++] = 127;
		for (int shift = 56; shift >= 0; shift -= 8) {
			at[n++] = (uint8_t)((uint64_t)len >> shift);
		}
	}
	if (masked) {
		at[1] |= 0x80;
		rng_fill(rng, at + n, 4);
		n += 4;
	}
	rng_fill(rng, at + n, len);
	return n + len;
}

static size_t
any_payload_len(struct rng *rng)
{
	static const size_t edges[] = { 0, 1, 125, 126, 127, 65535, 65536 };

	switch (rng_below(rng, 40)) {
	case 0:
		return 50000 + rng_below(rng, 60000);
	case 1:
	case 2:
		return edges[rng_below(rng, ARRAY_LEN(edges))];
	case 3:
	case 4:
	case 5:
		return rng_below(rng, 3000);
	default:
		return rng_below(rng, 200);
	}
}

enum { QUEUES = 3, FRAME_MAX = 128 * 1024 };

struct world {
	struct rng rng;
	struct chunk_pool pool;
	struct chunk_log log;
	struct outq outqs[QUEUES];
	struct model models[QUEUES];
	uint8_t frame[FRAME_MAX];
};

static struct world *
world_create(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	rng_init(&world->rng, seed);
	chunk_pool_init(&world->pool);
	chunk_log_init(&world->log, &world->pool, CHUNK_BYTES);
	for (int i = 0; i < QUEUES; i++) {
		outq_init(&world->outqs[i]);
	}
	return world;
}

static void
world_destroy(struct world *world)
{
	for (int i = 0; i < QUEUES; i++) {
		outq_fini(&world->outqs[i]);
		model_fini(&world->models[i]);
	}
	chunk_log_fini(&world->log);
	assert_int_equal(world->pool.bytes, 0); /* no reference is lost */
	chunk_pool_fini(&world->pool);
	free(world);
}

static void
assert_same(const struct outq *outq, const struct model *model)
{
	struct iovec iov[16];
	size_t at = 0;

	assert_int_equal(outq->bytes, model->len);
	while (at < model->len) {
		size_t n = outq_iov(outq, iov, 16, at, 1 << 20);

		assert_true(n > 0);
		for (size_t i = 0; i < n; i++) {
			assert_true(iov[i].iov_len <= model->len - at);
			assert_memory_equal(
			    iov[i].iov_base, model->bytes + at, iov[i].iov_len);
			at += iov[i].iov_len;
		}
	}
	assert_int_equal(outq_iov(outq, iov, 16, at, 1), 0);
}

/* Every chunk that this queue holds, once. */
static size_t
pinned_bytes(const struct outq *outq)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < outq->count; i++) {
		bool seen = false;

		for (uint32_t k = 0; k < i; k++) {
			seen = seen || outq_at(outq, k)->chunk ==
			                   outq_at(outq, i)->chunk;
		}
		sum += seen ? 0 : outq_at(outq, i)->chunk->size;
	}
	return sum;
}

/* One frame, encoded once, to a random set of the queues. */
static void
do_push(struct world *world)
{
	struct rng *rng = &world->rng;
	size_t len = frame_make(
	    world->frame, any_payload_len(rng), rng_below(rng, 4) == 0, rng);
	struct range range;
	uint64_t to = 1 + rng_below(rng, (1 << QUEUES) - 1);

	assert_int_equal(chunk_log_append(&world->log, len, &range), ERR_OK);
	memcpy(range_bytes(&range), world->frame, len);
	for (int i = 0; i < QUEUES; i++) {
		if ((to >> i & 1) != 0) {
			assert_int_equal(
			    outq_push(&world->outqs[i], &range), ERR_OK);
			model_push(&world->models[i], world->frame, len);
		}
	}
}

static void
do_copy(struct world *world, int i)
{
	size_t len = frame_make(
	    world->frame, rng_below(&world->rng, 126), false, &world->rng);

	assert_int_equal(
	    outq_copy(&world->outqs[i], &world->pool, world->frame, len),
	    ERR_OK);
	model_push(&world->models[i], world->frame, len);
}

static void
do_consume(struct world *world, int i)
{
	size_t len = world->models[i].len;

	if (rng_below(&world->rng, 4) != 0) {
		len = rng_below(&world->rng, len + 1);
	}
	if (rng_below(&world->rng, 3) == 0 && len > 300) {
		len = rng_below(&world->rng, 300);
	}
	outq_consume(&world->outqs[i], len);
	model_consume(&world->models[i], len);
}

static void
do_drop(struct world *world, int i)
{
	size_t keep = rng_below(&world->rng, world->models[i].len + 100);

	assert_int_equal(outq_drop_oldest(&world->outqs[i], keep),
	    model_drop_oldest(&world->models[i], keep));
}

static void
do_settle(struct world *world, int i)
{
	struct outq *outq = &world->outqs[i];

	outq_settle(outq, &world->pool);
	assert_true(
	    pinned_bytes(outq) <= 4 * outq->bytes + 4 * (size_t)outq->count);
}

static void
spells_the_same_bytes_as_a_naive_queue(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world *world = world_create(seed);

		for (int step = 0; step < 600; step++) {
			int i = (int)rng_below(&world->rng, QUEUES);
			uint64_t op = rng_below(&world->rng, 20);

			if (op < 11) {
				do_push(world);
			} else if (op < 12) {
				do_copy(world, i);
			} else if (op < 16) {
				do_consume(world, i);
			} else if (op < 18) {
				do_settle(world, i);
			} else if (op < 19) {
				do_drop(world, i);
			}
			if (step % 7 == 0) {
				assert_same(
				    &world->outqs[i], &world->models[i]);
			}
		}
		for (int i = 0; i < QUEUES; i++) {
			assert_same(&world->outqs[i], &world->models[i]);
		}
		world_destroy(world);
	}
}

/* Append `count` frames of one payload byte each, the value counting up. */
static void
push_small(struct world *world, int i, uint8_t count)
{
	for (uint8_t n = 0; n < count; n++) {
		uint8_t frame[3] = { 0x82, 1, n };
		struct range range;

		assert_int_equal(
		    chunk_log_append(&world->log, 3, &range), ERR_OK);
		memcpy(range_bytes(&range), frame, 3);
		assert_int_equal(outq_push(&world->outqs[i], &range), ERR_OK);
		model_push(&world->models[i], frame, 3);
	}
}

static void
joins_what_lies_side_by_side(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	push_small(world, 0, 100);
	assert_int_equal(world->outqs[0].count, 1);
	world_destroy(world);
}

static void
never_drops_the_frame_that_is_partly_sent(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	push_small(world, 0, 5);
	outq_consume(&world->outqs[0], 4); /* frame 0, a byte of frame 1 */
	model_consume(&world->models[0], 4);
	assert_int_equal(outq_drop_oldest(&world->outqs[0], 0), 3);
	assert_int_equal(model_drop_oldest(&world->models[0], 0), 3);
	assert_int_equal(world->outqs[0].bytes, 2);
	assert_same(&world->outqs[0], &world->models[0]);
	assert_int_equal(outq_drop_oldest(&world->outqs[0], 0), 0);
	world_destroy(world);
}

static void
drops_only_as_much_as_it_must(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	push_small(world, 0, 10);
	assert_int_equal(outq_drop_oldest(&world->outqs[0], 30), 0);
	assert_int_equal(outq_drop_oldest(&world->outqs[0], 29), 1);
	assert_int_equal(outq_drop_oldest(&world->outqs[0], 21), 2);
	assert_int_equal(world->outqs[0].bytes, 21);
	world_destroy(world);
}

static void
settling_frees_the_shared_chunk(void **state)
{
	struct world *world = world_create(1);

	(void)state;
	push_small(world, 0, 5);
	outq_settle(&world->outqs[0], &world->pool);
	assert_same(&world->outqs[0], &world->models[0]);
	chunk_log_fini(&world->log);
	assert_int_equal(world->pool.bytes, 4 * 15);
	world_destroy(world);
}

static void
a_byte_left_of_a_large_message_pins_little(void **state)
{
	struct world *world = world_create(1);
	size_t len = frame_make(world->frame, 100000, false, &world->rng);
	struct range range;

	(void)state;
	assert_int_equal(chunk_log_append(&world->log, len, &range), ERR_OK);
	memcpy(range_bytes(&range), world->frame, len);
	assert_int_equal(outq_push(&world->outqs[0], &range), ERR_OK);
	model_push(&world->models[0], world->frame, len);
	outq_settle(&world->outqs[0], &world->pool);
	outq_consume(&world->outqs[0], len - 1);
	model_consume(&world->models[0], len - 1);
	outq_settle(&world->outqs[0], &world->pool);
	assert_true(pinned_bytes(&world->outqs[0]) <= 4);
	assert_same(&world->outqs[0], &world->models[0]);
	world_destroy(world);
}

static void
loses_nothing_when_memory_is_short(void **state)
{
	struct world *world = world_create(1);
	struct outq *outq = &world->outqs[0];
	struct range range = { NULL, 0, 0 };

	(void)state;
	assert_int_equal(chunk_log_append(&world->log, 3, &range), ERR_OK);
	memcpy(range_bytes(&range), "\x82\x01x", 3);
	fault_fail_nth(1);
	assert_int_equal(outq_push(outq, &range), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(outq->bytes, 0);
	assert_int_equal(range.chunk->refs, 1);
	for (unsigned n = 1; n <= 2; n++) {
		fault_fail_nth(n);
		assert_int_equal(
		    outq_copy(outq, &world->pool, "\x82\x01y", 3), ERR_NOMEM);
		assert_true(fault_off());
		assert_int_equal(outq->bytes, 0);
		assert_int_equal(world->pool.bytes, CHUNK_BYTES);
	}

	push_small(world, 0, 5);
	fault_fail_from(1);
	outq_settle(outq, &world->pool);
	assert_true(fault_off());
	assert_same(outq, &world->models[0]);

	/* Full ring: the partial frame cannot be split off, nothing goes. */
	outq_consume(outq, 1);
	model_consume(&world->models[0], 1);
	while (outq->count < outq->cap) {
		do_copy(world, 0);
	}
	fault_fail_from(1);
	assert_int_equal(outq_drop_oldest(outq, 0), 0);
	assert_true(fault_off());
	assert_same(outq, &world->models[0]);
	world_destroy(world);
}

static void
skips_and_limits_what_it_offers(void **state)
{
	struct world *world = world_create(1);
	struct iovec iov[4];

	(void)state;
	push_small(world, 0, 2);
	assert_int_equal(
	    outq_copy(&world->outqs[0], &world->pool, "\x82\x01z", 3), ERR_OK);
	assert_int_equal(outq_iov(&world->outqs[0], iov, 4, 1, 6), 2);
	assert_int_equal(iov[0].iov_len, 5);
	assert_int_equal(iov[1].iov_len, 1);
	assert_int_equal(outq_iov(&world->outqs[0], iov, 1, 0, 100), 1);
	assert_int_equal(outq_iov(&world->outqs[0], iov, 4, 6, 100), 1);
	assert_int_equal(iov[0].iov_len, 3);
	assert_int_equal(outq_iov(&world->outqs[0], iov, 4, 0, 0), 0);
	world_destroy(world);
}

static void
forgets_the_newest_ranges(void **state)
{
	struct world *world = world_create(1);
	struct outq *outq = &world->outqs[0];
	uint32_t at;

	(void)state;
	push_small(world, 0, 2);
	outq_settle(outq, &world->pool);
	at = outq->count;
	assert_int_equal(outq_copy(outq, &world->pool, "\x82\x01y", 3), ERR_OK);
	assert_int_equal(outq_copy(outq, &world->pool, "\x82\x01z", 3), ERR_OK);
	outq_truncate(outq, at);
	assert_same(outq, &world->models[0]);
	outq_truncate(outq, at); /* nothing left to forget */
	assert_same(outq, &world->models[0]);
	outq_truncate(outq, 0);
	assert_int_equal(outq->bytes, 0);
	push_small(world, 1, 1);
	assert_same(&world->outqs[1], &world->models[1]);
	world_destroy(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spells_the_same_bytes_as_a_naive_queue),
		cmocka_unit_test(joins_what_lies_side_by_side),
		cmocka_unit_test(never_drops_the_frame_that_is_partly_sent),
		cmocka_unit_test(drops_only_as_much_as_it_must),
		cmocka_unit_test(settling_frees_the_shared_chunk),
		cmocka_unit_test(a_byte_left_of_a_large_message_pins_little),
		cmocka_unit_test(loses_nothing_when_memory_is_short),
		cmocka_unit_test(skips_and_limits_what_it_offers),
		cmocka_unit_test(forgets_the_newest_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
