/* SPDX-License-Identifier: MIT
 * fuzz_record_peers.c - the first byte is a type, the rest a body: AUTH, WALK,
 * SHUFFLE, and a presence.  What decodes is encoded again, and is the same but
 * for what it had grown by. */

#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "wire/presence.h"
#include "wire/record.h"

static void
fuzz_same(const struct record *record, const struct buf *buf, size_t from)
{
	size_t len = buf->len - RECORD_HEADER_LEN;

	assert(len <= record->len);
	assert(memcmp(buf->bytes + RECORD_HEADER_LEN + from,
	           record->body + from, len - from) == 0);
	(void)len;
}

static void
fuzz_presence(const struct record *record, struct buf *buf)
{
	struct presence a;
	struct presence b;

	if (presence_decode(record->body, record->len, &a) != ERR_OK ||
	    presence_encode(buf, &a) != ERR_OK || buf->len > PRESENCE_MAX) {
		return;
	}
	assert(presence_decode(buf->bytes, buf->len, &b) == ERR_OK);
	assert(strcmp(a.name, b.name) == 0 && a.links == b.links);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct record record;
	struct record_auth auth;
	struct record_walk walk;
	struct record_shuffle shuffle;
	struct buf buf = { 0 };

	if (len == 0) {
		return 0;
	}
	record = (struct record){ bytes[0], bytes + 1, len - 1 };
	if (record_auth_decode(&record, &auth) == ERR_OK &&
	    record_auth_encode(&buf, &auth) == ERR_OK) {
		fuzz_same(&record, &buf, 0);
	}
	buf_clear(&buf);
	if (record_walk_decode(&record, &walk) == ERR_OK &&
	    record_walk_encode(&buf, &walk) == ERR_OK) {
		fuzz_same(&record, &buf, 0);
	}
	buf_clear(&buf);
	if (record_shuffle_decode(&record, &shuffle) == ERR_OK &&
	    record_shuffle_encode(&buf, &shuffle) == ERR_OK) {
		fuzz_same(&record, &buf, 1); /* any true is a true */
	}
	buf_clear(&buf);
	fuzz_presence(&record, &buf);
	buf_fini(&buf);
	return 0;
}
