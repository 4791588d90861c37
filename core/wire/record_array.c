/* SPDX-License-Identifier: MIT
 * record_array.c - see record_array.h. */

#include "wire/record_array.h"

#include <assert.h>
#include <string.h>

/* How an entry looks behind its origin, in bytes; 0: it has none of these. */
struct record_shape {
	uint8_t seq, count, flags;
};

static const struct record_shape record_shapes[] = {
	[RECORD_IHAVE] = { 8, 2, 1 },
	[RECORD_GRAFT] = { 8, 2, 1 },
	[RECORD_PRUNE] = { 0, 0, 0 },
	[RECORD_SYNC] = { 8, 4, 0 },
	[RECORD_GONE] = { 8, 2, 1 },
};

size_t
record_array_entry_len(uint8_t type)
{
	const struct record_shape *shape;

	if (type < RECORD_IHAVE || type >= ARRAY_LEN(record_shapes)) {
		return 0;
	}
	shape = &record_shapes[type];
	return sizeof(struct nodeid) + shape->seq + shape->count + shape->flags;
}

enum err
record_array_decode(const struct record *record, struct record_array *array)
{
	size_t entry = record_array_entry_len(record->type);

	if (entry == 0 || record->len == 0 || record->len % entry != 0) {
		return ERR_INVALID;
	}
	array->at = record->body;
	array->end = record->body + record->len;
	array->type = record->type;
	return ERR_OK;
}

static uint64_t
record_array_uint(struct record_array *array, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		value = value << 8 | array->at[i];
	}
	array->at += len;
	return value;
}

bool
record_array_next(struct record_array *array, struct record_run *run)
{
	const struct record_shape *shape = &record_shapes[array->type];

	if (array->at == array->end) {
		return false;
	}
	memcpy(&run->origin, array->at, sizeof(run->origin));
	array->at += sizeof(run->origin);
	run->seq = record_array_uint(array, shape->seq);
	run->count = (uint32_t)record_array_uint(array, shape->count);
	run->flags = (uint8_t)record_array_uint(array, shape->flags);
	return true;
}

size_t
record_array_count(const struct record_array *array)
{
	size_t entry = record_array_entry_len(array->type);

	assert(entry != 0); /* record_array_decode has seen to it */
	return (size_t)(array->end - array->at) / entry;
}

static uint8_t *
record_array_put(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = len; i > 0; i--) {
		at[i - 1] = (uint8_t)value;
		value >>= 8;
	}
	return at + len;
}

static uint8_t *
record_array_write(
    uint8_t *at, enum record_type type, const struct record_run *run)
{
	const struct record_shape *shape = &record_shapes[type];

	assert(shape->count != 2 || run->count <= UINT16_MAX);
	memcpy(at, &run->origin, sizeof(run->origin));
	at += sizeof(run->origin);
	at = record_array_put(at, run->seq, shape->seq);
	at = record_array_put(at, run->count, shape->count);
	return record_array_put(at, run->flags, shape->flags);
}

enum err
record_array_encode(struct buf *out, enum record_type type,
    const struct record_run *runs, size_t count)
{
	size_t entry = record_array_entry_len((uint8_t)type);
	size_t each;
	size_t records;
	enum err err;
	uint8_t *at;

	assert(entry != 0);
	each = RECORD_ARRAY_MAX / entry;
	records = (count + each - 1) / each;
	err = buf_reserve(out, records * RECORD_HEADER_LEN + count * entry);
	if (err != ERR_OK) {
		return err;
	}
	at = out->bytes + out->len;
	while (count > 0) {
		size_t n = count < each ? count : each;

		*at++ = (uint8_t)type;
		at = record_array_put(at, n * entry, 3);
		for (size_t i = 0; i < n; i++) {
			at = record_array_write(at, type, &runs[i]);
		}
		runs += n;
		count -= n;
	}
	out->len = (size_t)(at - out->bytes);
	return ERR_OK;
}
