/* SPDX-License-Identifier: MIT
 * fuzz_record.c - the input is one message of a peer.  What decodes is encoded
 * again, and must decode to the same. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire/record.h"
#include "wire/topic.h"

static int
fuzz_str8_differ(const struct str8 *a, const struct str8 *b)
{
	return a->len != b->len ||
	       (a->len > 0 && memcmp(a->text, b->text, a->len) != 0);
}

static struct record
fuzz_again(const struct buf *buf)
{
	const uint8_t *at = buf->bytes;
	struct record record;
	enum err err = record_next(&at, buf->bytes + buf->len, &record);

	assert(err == ERR_OK && at == buf->bytes + buf->len);
	(void)err;
	return record;
}

static void
fuzz_hello(const struct record *record, struct buf *buf)
{
	struct record_hello a;
	struct record_hello b;
	struct record again;

	if (record_hello_decode(record, &a) != ERR_OK ||
	    record_hello_encode(buf, &a) != ERR_OK) {
		return;
	}
	again = fuzz_again(buf);
	assert(record_hello_decode(&again, &b) == ERR_OK);
	assert(a.boot == b.boot && a.max_message == b.max_message);
	assert(!fuzz_str8_differ(&a.addr, &b.addr));
	assert(!fuzz_str8_differ(&a.name, &b.name));
}

static void
fuzz_welcome(const struct record *record, struct buf *buf)
{
	struct record_welcome a;
	struct record_welcome b;
	struct record again;

	if (record_welcome_decode(record, &a) != ERR_OK ||
	    record_welcome_encode(buf, &a) != ERR_OK) {
		return;
	}
	again = fuzz_again(buf);
	assert(record_welcome_decode(&again, &b) == ERR_OK);
	assert(a.flags == b.flags && a.max_message == b.max_message);
	assert(!fuzz_str8_differ(&a.seen_addr, &b.seen_addr));
	assert(!fuzz_str8_differ(&a.name, &b.name));
}

static void
fuzz_lists(const struct record *record, struct buf *buf)
{
	struct record_welcome2 welcome2;
	struct record_peers peers;
	struct record_bye bye;
	struct record again;

	if (record_bye_decode(record, &bye) == ERR_OK &&
	    record_bye_encode(buf, &bye) == ERR_OK) {
		/* The same, but for what it had grown by. */
		again = fuzz_again(buf);
		assert(again.len <= record->len);
		assert(memcmp(again.body, record->body, again.len) == 0);
	}
	buf_clear(buf);
	if (record_peers_decode(record, &peers) == ERR_OK &&
	    record_peers_encode(buf, &peers) == ERR_OK) {
		again = fuzz_again(buf);
		assert(again.len <= record->len);
		assert(memcmp(again.body, record->body, again.len) == 0);
	}
	buf_clear(buf);
	if (record_welcome2_decode(record, &welcome2) == ERR_OK &&
	    record_welcome2_encode(buf, &welcome2) == ERR_OK) {
		again = fuzz_again(buf);
		assert(again.len <= record->len);
		assert(memcmp(again.body, record->body, again.len) == 0);
	}
	buf_clear(buf);
}

/* As it came, and made anew, it is the same but for hops. */
static void
fuzz_write(const struct record *record, struct record_data *data)
{
	size_t len = record_data_size(data);
	uint8_t *out = malloc(2 * len);

	assert(len == RECORD_HEADER_LEN + record->len);
	if (out == NULL) {
		return;
	}
	data->hops++;
	record_data_write(out, data);
	data->body = NULL;
	record_data_write(out + len, data);
	assert(memcmp(out, out + len, len) == 0);
	assert(out[RECORD_HEADER_LEN + 1] == data->hops);
	out[RECORD_HEADER_LEN + 1]--;
	assert(memcmp(out + RECORD_HEADER_LEN, record->body, record->len) == 0);
	free(out);
}

static void
fuzz_data(const struct record *record)
{
	uint8_t head[RECORD_DATA_HEAD_MAX];
	struct record_data data;
	size_t len;

	if (record_data_decode(record, &data) != ERR_OK) {
		return;
	}
	len = record_data_head(head, &data);
	assert(len - RECORD_HEADER_LEN + data.payload_len == record->len);
	assert(memcmp(head + RECORD_HEADER_LEN, record->body,
	           len - RECORD_HEADER_LEN) == 0);
	assert(topic_is_valid_from_peer(data.topic.text, data.topic.len));
	fuzz_write(record, &data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const uint8_t *at = bytes;
	struct record record;
	struct buf buf;

	buf_init(&buf);
	(void)record_addr_is_valid((const char *)bytes, len);
	while (record_next(&at, bytes + len, &record) == ERR_OK) {
		/* Each decoder sees each body: they must not trust the type. */
		fuzz_hello(&record, &buf);
		buf_clear(&buf);
		fuzz_welcome(&record, &buf);
		buf_clear(&buf);
		fuzz_lists(&record, &buf);
		fuzz_data(&record);
	}
	buf_fini(&buf);
	return 0;
}
