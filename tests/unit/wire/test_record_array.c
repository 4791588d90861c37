/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include <stdlib.h>

#include "wire/record_array.h"

static const struct record_run sample = {
	.origin = { .bytes = { 1, 2, 3 } },
	.seq = UINT64_C(0x0102030405060708),
	.count = 0x1234,
	.flags = 3,
};

static struct record
first_record(const struct buf *buf)
{
	const uint8_t *at = buf->bytes;
	struct record record;

	assert_int_equal(
	    record_next(&at, buf->bytes + buf->len, &record), ERR_OK);
	return record;
}

static void
entries_have_the_sizes_of_the_protocol(void **state)
{
	(void)state;
	assert_int_equal(record_array_entry_len(RECORD_IHAVE), 27);
	assert_int_equal(record_array_entry_len(RECORD_GRAFT), 27);
	assert_int_equal(record_array_entry_len(RECORD_GONE), 27);
	assert_int_equal(record_array_entry_len(RECORD_SYNC), 28);
	assert_int_equal(record_array_entry_len(RECORD_PRUNE), 16);
	assert_int_equal(record_array_entry_len(RECORD_DATA), 0);
	assert_int_equal(record_array_entry_len(0x16), 0);
	assert_int_equal(record_array_entry_len(0xff), 0);
}

static void
what_is_written_is_read_again(void **state)
{
	static const enum record_type types[] = { RECORD_IHAVE, RECORD_GRAFT,
		RECORD_GONE, RECORD_SYNC };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct record_run runs[2] = { sample, sample };
		struct record_array array;
		struct record_run run;
		struct record record;
		struct buf buf = { 0 };

		runs[1].seq++;
		assert_int_equal(
		    record_array_encode(&buf, types[i], runs, 2), ERR_OK);
		record = first_record(&buf);
		assert_int_equal(record.type, types[i]);
		assert_int_equal(record_array_decode(&record, &array), ERR_OK);
		assert_int_equal(record_array_count(&array), 2);
		for (size_t k = 0; k < 2; k++) {
			assert_true(record_array_next(&array, &run));
			assert_true(nodeid_equal(&run.origin, &sample.origin));
			assert_int_equal(run.seq, sample.seq + k);
			assert_int_equal(run.count, sample.count);
			assert_int_equal(
			    run.flags, types[i] == RECORD_SYNC ? 0 : 3);
		}
		assert_false(record_array_next(&array, &run));
		assert_int_equal(record_array_count(&array), 0);
		buf_fini(&buf);
	}
}

static void
numbers_are_big_endian(void **state)
{
	static const uint8_t bytes[] = { 0x11, 0, 0, 27, 1, 2, 3, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 0x34, 3 };
	struct buf buf = { 0 };

	(void)state;
	assert_int_equal(
	    record_array_encode(&buf, RECORD_IHAVE, &sample, 1), ERR_OK);
	assert_int_equal(buf.len, sizeof(bytes));
	assert_memory_equal(buf.bytes, bytes, sizeof(bytes));
	buf_fini(&buf);
}

static void
a_prune_is_a_list_of_origins(void **state)
{
	struct record_array array;
	struct record_run run = { .seq = 1 };
	struct record record;
	struct buf buf = { 0 };

	(void)state;
	assert_int_equal(
	    record_array_encode(&buf, RECORD_PRUNE, &sample, 1), ERR_OK);
	assert_int_equal(buf.len, 4 + 16);
	record = first_record(&buf);
	assert_int_equal(record_array_decode(&record, &array), ERR_OK);
	assert_true(record_array_next(&array, &run));
	assert_true(nodeid_equal(&run.origin, &sample.origin));
	assert_int_equal(run.seq, 0);
	assert_int_equal(run.count, 0);
	buf_fini(&buf);
}

static void
a_list_that_is_empty_or_cut_is_malformed(void **state)
{
	static const uint8_t zeros[64];
	static const uint8_t types[] = { RECORD_IHAVE, RECORD_GRAFT,
		RECORD_PRUNE, RECORD_SYNC, RECORD_GONE };
	struct record_array array;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t entry = record_array_entry_len(types[i]);

		for (size_t len = 0; len <= 2 * entry; len++) {
			struct record record = {
				.type = types[i],
				.body = zeros,
				.len = len,
			};

			assert_int_equal(record_array_decode(&record, &array),
			    len != 0 && len % entry == 0 ? ERR_OK
			                                 : ERR_INVALID);
		}
	}
	assert_int_equal(
	    record_array_decode(
	        &(struct record){
	            .type = RECORD_DATA, .body = zeros, .len = 27 },
	        &array),
	    ERR_INVALID);
}

static void
a_long_list_becomes_several_records(void **state)
{
	enum { COUNT = 5000 };
	struct record_run *runs = calloc(COUNT, sizeof(*runs));
	struct buf buf = { 0 };
	const uint8_t *at;
	struct record record;
	struct record_run run;
	size_t seen = 0;
	size_t records = 0;

	(void)state;
	assert_non_null(runs);
	for (size_t i = 0; i < COUNT; i++) {
		runs[i].seq = i + 1;
		runs[i].count = 1;
	}
	assert_int_equal(
	    record_array_encode(&buf, RECORD_SYNC, runs, COUNT), ERR_OK);
	for (at = buf.bytes; at != buf.bytes + buf.len; records++) {
		struct record_array array;

		assert_int_equal(
		    record_next(&at, buf.bytes + buf.len, &record), ERR_OK);
		assert_true(record.len + RECORD_HEADER_LEN <= 65536);
		assert_int_equal(record_array_decode(&record, &array), ERR_OK);
		while (record_array_next(&array, &run)) {
			assert_int_equal(run.seq, ++seen);
		}
	}
	assert_int_equal(seen, COUNT);
	assert_int_equal(records, 3);
	buf_fini(&buf);
	free(runs);
}

static void
without_memory_nothing_is_appended(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	fault_fail_nth(1);
	assert_int_equal(
	    record_array_encode(&buf, RECORD_IHAVE, &sample, 1), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(buf.len, 0);
	buf_fini(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_have_the_sizes_of_the_protocol),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(a_prune_is_a_list_of_origins),
		cmocka_unit_test(a_list_that_is_empty_or_cut_is_malformed),
		cmocka_unit_test(a_long_list_becomes_several_records),
		cmocka_unit_test(without_memory_nothing_is_appended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
