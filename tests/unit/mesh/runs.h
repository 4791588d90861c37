/* SPDX-License-Identifier: MIT
 * runs.h - the lists of ids that a mesh on the bench (lab.h) hears and
 * says. */
#ifndef TESTS_UNIT_MESH_RUNS_H
#define TESTS_UNIT_MESH_RUNS_H

#include "mesh/origin.h"
#include "unit/mesh/lab.h"
#include "wire/record_array.h"

#define RUNS_SEQ(count) lab_seq(0, count)

static inline struct buf
runs_encoded(enum record_type type, const struct record_run *runs, size_t count)
{
	struct buf buf = { 0 };

	assert_int_equal(record_array_encode(&buf, type, runs, count), ERR_OK);
	return buf;
}

static inline void
runs_say_list(struct lab *lab, struct lab_link *at, enum record_type type,
    const struct record_run *runs, size_t count)
{
	struct buf buf = runs_encoded(type, runs, count);

	lab_say_buf(lab, at, &buf);
	assert_null(inspect_check(lab->mesh));
}

/* A list with one entry: ids of node `n`, from counter `count` on. */
static inline void
runs_say(struct lab *lab, struct lab_link *at, enum record_type type, uint8_t n,
    uint32_t count, uint32_t ids, uint8_t flags)
{
	const struct record_run run = {
		.origin = lab_id(n),
		.seq = RUNS_SEQ(count),
		.count = ids,
		.flags = flags,
	};

	runs_say_list(lab, at, type, &run, 1);
}

/* The same of any boot (lab_seq). */
static inline void
runs_say_from(struct lab *lab, struct lab_link *at, enum record_type type,
    uint8_t n, uint64_t seq, uint32_t ids)
{
	const struct record_run run = {
		.origin = lab_id(n),
		.seq = seq,
		.count = ids,
	};

	runs_say_list(lab, at, type, &run, 1);
}

/* Node `n` has come as far as `count`, `boots` lives later; the link holds
 * nothing of it. */
static inline void
runs_say_end(struct lab *lab, struct lab_link *at, uint8_t n, int64_t boots,
    uint32_t count)
{
	runs_say_from(lab, at, RECORD_SYNC, n, lab_seq(boots, count) + 1, 0);
}

/* A list with the same entry for each of `count` nodes (lab_nth_id). */
static inline void
runs_say_of_many(struct lab *lab, struct lab_link *at, enum record_type type,
    uint32_t first, uint32_t count, uint64_t seq, uint32_t ids)
{
	struct record_run *runs = calloc(count, sizeof(*runs));

	assert_non_null(runs);
	for (uint32_t i = 0; i < count; i++) {
		runs[i] = (struct record_run){
			.origin = lab_nth_id(first + i),
			.seq = seq,
			.count = ids,
		};
	}
	runs_say_list(lab, at, type, runs, count);
	free(runs);
}

/* The link holds every second id of node `n`, from counter 5000 on: so many
 * runs that are missing here. */
static inline void
runs_say_every_second(
    struct lab *lab, struct lab_link *at, uint8_t n, uint32_t missing)
{
	struct record_run runs[1000];
	uint32_t count = 0;

	for (uint32_t i = 0; i < missing; i++) {
		runs[count++] = (struct record_run){
			.origin = lab_id(n),
			.seq = RUNS_SEQ(5000 + 2 * i),
			.count = 1,
		};
		if (count == ARRAY_LEN(runs) || i + 1 == missing) {
			runs_say_list(lab, at, RECORD_SYNC, runs, count);
			count = 0;
		}
	}
}

/* DATA of node `n`, `boots` lives later. */
static inline void
runs_say_reborn(struct lab *lab, struct lab_link *at, uint8_t n, int64_t boots,
    uint32_t count)
{
	struct record_data data = lab_data(n, count);

	data.seq = lab_seq(boots, count);
	lab_say(lab, at, &data);
	assert_null(inspect_check(lab->mesh));
}

/* All entries of `type` that were sent on this link so far; how many.  `out` may
 * be NULL. */
static inline size_t
runs_sent(
    const struct lab_link *at, uint8_t type, struct record_run *out, size_t max)
{
	const uint8_t *p = at->sent.bytes;
	const uint8_t *end = p + at->sent.len;
	struct record_array array;
	struct record_run run;
	struct record record;
	size_t count = 0;

	while (p != end && record_next(&p, end, &record) == ERR_OK) {
		if (record.type != type) {
			continue;
		}
		assert_int_equal(record_array_decode(&record, &array), ERR_OK);
		while (count < max && record_array_next(&array, &run)) {
			if (out != NULL) {
				out[count] = run;
			}
			count++;
		}
	}
	return count;
}

static inline size_t
runs_count(const struct lab_link *at, uint8_t type)
{
	return runs_sent(at, type, NULL, SIZE_MAX);
}

/* The only entry of `type` sent on this link. */
static inline struct record_run
runs_only(const struct lab_link *at, uint8_t type)
{
	struct record_run runs[2] = { { .seq = 0 } };

	assert_int_equal(runs_sent(at, type, runs, 2), 1);
	return runs[0];
}

/* SYNC said only that node `n` came as far as this. */
static inline void
runs_only_end(
    const struct lab_link *at, uint8_t n, int64_t boots, uint32_t count)
{
	struct record_run run = runs_only(at, RECORD_SYNC);

	assert_int_equal(run.origin.bytes[0], n);
	assert_int_equal(run.seq, lab_seq(boots, count) + 1);
	assert_int_equal(run.count, 0);
}

/* One gap was told, and it is this one. */
static inline void
runs_only_gap(const struct lab *lab, uint64_t first, uint64_t count)
{
	assert_int_equal(lab->gaps, 1);
	assert_int_equal(lab->gap_first, first);
	assert_int_equal(lab->gap_count, count);
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

/* The same, but what it is told when it comes up is not forgotten. */
static inline struct lab_link *
runs_up_told(struct lab *lab, uint8_t n)
{
	runs_forget(lab);
	return lab_accept_up(lab, n);
}

/* The last link goes, and all authors are idle for too long. */
static inline void
runs_authors_forgotten(struct lab *lab, struct lab_link *last)
{
	lab_closed(lab, last, MESH_CLOSED);
	lab_pass(lab, ORIGIN_IDLE_MS);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
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
