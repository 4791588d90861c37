/* SPDX-License-Identifier: MIT
 * fuzz_record_array.c - the input is a type and a body.  What is a list is
 * read, written again, and must be the same bytes. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire/record_array.h"

enum { FUZZ_RUNS = 4096 };

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct record_run runs[FUZZ_RUNS];
	struct record record = { .len = len > 0 ? len - 1 : 0 };
	struct record_array array;
	struct buf buf = { 0 };
	size_t entry;
	size_t count = 0;
	uint8_t *copy;

	if (len == 0 || len > 65536) {
		return 0;
	}
	record.type = bytes[0];
	/* A block of its own size: a sanitizer sees a read behind it. */
	copy = malloc(record.len > 0 ? record.len : 1);
	if (copy == NULL) {
		return 0;
	}
	memcpy(copy, bytes + 1, record.len);
	record.body = copy;
	entry = record_array_entry_len(record.type);
	if (record_array_decode(&record, &array) != ERR_OK) {
		assert(
		    entry == 0 || record.len == 0 || record.len % entry != 0);
		free(copy);
		return 0;
	}
	assert(record_array_count(&array) == record.len / entry);
	while (record_array_next(&array, &runs[count])) {
		count++;
	}
	assert(count == record.len / entry);
	if (record_array_encode(
	        &buf, (enum record_type)record.type, runs, count) == ERR_OK) {
		assert(buf.len == RECORD_HEADER_LEN + record.len);
		assert(memcmp(buf.bytes + RECORD_HEADER_LEN, copy,
		           record.len) == 0);
	}
	buf_fini(&buf);
	free(copy);
	return 0;
}
