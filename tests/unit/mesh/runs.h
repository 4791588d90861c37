/* SPDX-License-Identifier: MIT
 * runs.h - the lists of ids that a mesh on the bench (lab.h) hears and
 * says. */
#ifndef TESTS_UNIT_MESH_RUNS_H
#define TESTS_UNIT_MESH_RUNS_H

#include "unit/mesh/lab.h"
#include "wire/record_array.h"

#define RUNS_SEQ(count) ((uint64_t)LAB_BOOT << 32 | (count))

/* A list with one entry: ids of node `n`, from counter `count` on. */
static inline void
runs_say(struct lab *lab, struct lab_link *at, enum record_type type, uint8_t n,
    uint32_t count, uint32_t ids, uint8_t flags)
{
	struct record_run run = {
		.origin = lab_id(n),
		.seq = RUNS_SEQ(count),
		.count = ids,
		.flags = flags,
	};
	struct buf buf = { 0 };

	assert_int_equal(record_array_encode(&buf, type, &run, 1), ERR_OK);
	lab_message(lab, at, buf.bytes, buf.len);
	buf_fini(&buf);
	assert_null(inspect_check(lab->mesh));
}

/* All entries of `type` that were sent on this link so far; how many. */
static inline size_t
runs_sent(
    const struct lab_link *at, uint8_t type, struct record_run *out, size_t max)
{
	const uint8_t *p = at->sent.bytes;
	const uint8_t *end = p + at->sent.len;
	struct record_array array;
	struct record record;
	size_t count = 0;

	while (p != end && record_next(&p, end, &record) == ERR_OK) {
		if (record.type != type) {
			continue;
		}
		assert_int_equal(record_array_decode(&record, &array), ERR_OK);
		while (count < max && record_array_next(&array, &out[count])) {
			count++;
		}
	}
	return count;
}

static inline size_t
runs_count(const struct lab_link *at, uint8_t type)
{
	struct record_run runs[256];

	return runs_sent(at, type, runs, ARRAY_LEN(runs));
}

/* The only entry of `type` sent on this link. */
static inline struct record_run
runs_only(const struct lab_link *at, uint8_t type)
{
	struct record_run runs[2] = { { .seq = 0 } };

	assert_int_equal(runs_sent(at, type, runs, 2), 1);
	return runs[0];
}

/* DATA records sent on this link; the last one in `data`. */
static inline size_t
runs_data(const struct lab_link *at, struct record_data *data)
{
	const uint8_t *p = at->sent.bytes;
	const uint8_t *end = p + at->sent.len;
	struct record record;
	size_t count = 0;

	while (p != end && record_next(&p, end, &record) == ERR_OK) {
		if (record.type == RECORD_DATA) {
			assert_int_equal(
			    record_data_decode(&record, data), ERR_OK);
			count++;
		}
	}
	return count;
}

static inline void
runs_forget(struct lab *lab)
{
	for (size_t i = 0; i < lab->link_count; i++) {
		buf_clear(&lab->links[i].sent);
		lab->links[i].spreads = 0;
	}
}

struct runs_look {
	struct nodeid id;
	struct inspect_origin origin;
	bool is_found;
};

static inline void
runs_look_at(void *ctx, const struct inspect_origin *origin)
{
	struct runs_look *look = ctx;

	if (nodeid_equal(&origin->id, &look->id)) {
		look->origin = *origin;
		look->is_found = true;
	}
}

/* What the mesh knows of node `n`. */
static inline struct inspect_origin
runs_origin(const struct lab *lab, uint8_t n)
{
	struct runs_look look = { .id = lab_id(n) };

	inspect_origins(lab->mesh, runs_look_at, &look);
	assert_true(look.is_found);
	return look.origin;
}

static inline uint64_t
runs_bit(const struct lab_link *at)
{
	return UINT64_C(1) << inspect_slot(at->link);
}

/* An accepted link of node `n` that was not alone: no ORPHAN in its HELLO.
 * What was said so far is forgotten. */
static inline struct lab_link *
runs_up(struct lab *lab, uint8_t n)
{
	struct lab_link *at = lab_accept_up(lab, n);

	runs_forget(lab);
	return at;
}

/* The answer to GRAFT. */
static inline void
runs_repair(struct lab *lab, struct lab_link *at, uint8_t n, uint32_t count)
{
	struct record_data data = lab_data(n, count);

	data.flags |= DATA_REPAIR;
	lab_say(lab, at, &data);
}

/* Three seconds later, and a ping over this link took `ms`. */
static inline void
runs_rtt(struct lab *lab, struct lab_link *at, uint64_t ms)
{
	uint8_t bytes[8];

	lab_pass(lab, 3000);
	lab_pass(lab, ms);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(at->stamp >> (56 - 8 * i));
	}
	mesh_on_pong(lab->mesh, at->link, lab->now, bytes, sizeof(bytes));
}

#endif
