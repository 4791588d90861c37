/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include <stdlib.h>

#include "wire/record.h"

#define STR8(s)                                              \
	{                                                    \
		.text = (s), .len = (uint8_t)(sizeof(s) - 1) \
	}

static struct nodeid
id_of(uint8_t n)
{
	struct nodeid id;

	memset(id.bytes, n, sizeof(id.bytes));
	return id;
}

static void
assert_str8(const struct str8 *str, const char *text)
{
	assert_int_equal(str->len, strlen(text));
	assert_memory_equal(str->text, text, str->len);
}

static struct record
only_record(const struct buf *buf)
{
	const uint8_t *at = buf->bytes;
	struct record record;

	assert_int_equal(
	    record_next(&at, buf->bytes + buf->len, &record), ERR_OK);
	assert_int_equal(
	    record_next(&at, buf->bytes + buf->len, &record), ERR_NOTFOUND);
	return record;
}

static enum err
decode_hello(const struct record *record)
{
	struct record_hello out;

	return record_hello_decode(record, &out);
}

static enum err
decode_welcome(const struct record *record)
{
	struct record_welcome out;

	return record_welcome_decode(record, &out);
}

static enum err
decode_bye(const struct record *record)
{
	struct record_bye out;

	return record_bye_decode(record, &out);
}

static enum err
decode_peers(const struct record *record)
{
	struct record_peers out;

	return record_peers_decode(record, &out);
}

static enum err
decode_welcome2(const struct record *record)
{
	struct record_welcome2 out;

	return record_welcome2_decode(record, &out);
}

/* Every shorter body is malformed, in a block of its own size; `from` bytes
 * and more are whole again where the caps or the end are optional. */
static void
assert_cuts(const struct record *record,
    enum err (*decode)(const struct record *), size_t from)
{
	assert_int_equal(decode(record), ERR_OK);
	for (size_t len = 0; len < from; len++) {
		uint8_t *copy = malloc(len > 0 ? len : 1);
		struct record cut = {
			.type = record->type, .body = copy, .len = len
		};

		assert_non_null(copy);
		memcpy(copy, record->body, len);
		assert_int_equal(decode(&cut), ERR_INVALID);
		free(copy);
	}
}

static void
takes_records_off_a_message_one_by_one(void **state)
{
	static const uint8_t bytes[] = { 0x70, 0, 0, 2, 'a', 'b', 0x71, 0, 0,
		0 };
	const uint8_t *at = bytes;
	const uint8_t *end = bytes + sizeof(bytes);
	struct record record;

	(void)state;
	assert_int_equal(record_next(&at, end, &record), ERR_OK);
	assert_int_equal(record.type, 0x70);
	assert_int_equal(record.len, 2);
	assert_memory_equal(record.body, "ab", 2);
	assert_int_equal(record_next(&at, end, &record), ERR_OK);
	assert_int_equal(record.type, 0x71);
	assert_int_equal(record.len, 0);
	assert_int_equal(record_next(&at, end, &record), ERR_NOTFOUND);
	/* Whatever is cut off the end, it is no whole record any more. */
	for (size_t len = 1; len < 10; len++) {
		at = bytes;
		while (record_next(&at, bytes + len, &record) == ERR_OK) {
		}
		if (len != 6) {
			assert_int_equal(record_next(&at, bytes + len, &record),
			    ERR_INVALID);
		}
	}
	at = (const uint8_t *)"\x01\xff\xff\xff";
	assert_int_equal(record_next(&at, at + 4, &record), ERR_INVALID);
}

static void
hello_survives_the_wire(void **state)
{
	struct record_hello in = {
		.ver_min = 1,
		.ver_max = 2,
		.flags = HELLO_LEAF | HELLO_ORPHAN,
		.node_id = id_of(7),
		.boot = 0x01020304,
		.net = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.nonce = { 9 },
		.addr = STR8("ws://h:1"),
		.name = STR8("edge"),
		.max_message = 0xa0b0c0d0,
	};
	struct record_hello out;
	struct buf buf = { 0 };
	struct record record;
	size_t fixed = 1 + 1 + 2 + 16 + 4 + 8 + 16 + 9 + 5;

	(void)state;
	assert_int_equal(record_hello_encode(&buf, &in), ERR_OK);
	record = only_record(&buf);
	assert_int_equal(record.type, RECORD_HELLO);
	assert_int_equal(record_hello_decode(&record, &out), ERR_OK);
	assert_int_equal(out.ver_max, 2);
	assert_int_equal(out.flags, HELLO_LEAF | HELLO_ORPHAN);
	assert_true(nodeid_equal(&out.node_id, &in.node_id));
	assert_int_equal(out.boot, 0x01020304);
	assert_memory_equal(out.net, in.net, 8);
	assert_memory_equal(out.nonce, in.nonce, 16);
	assert_str8(&out.addr, "ws://h:1");
	assert_str8(&out.name, "edge");
	assert_int_equal(out.max_message, 0xa0b0c0d0);
	assert_cuts(&record, decode_hello, fixed);
	/* Without caps it is whole; inside of them it is not. */
	for (size_t len = fixed; len < record.len; len++) {
		struct record cut = record;

		cut.len = len;
		assert_int_equal(
		    decode_hello(&cut), len == fixed ? ERR_OK : ERR_INVALID);
	}
	buf_fini(&buf);
}

static void
caps_that_are_not_known_are_skipped(void **state)
{
	uint8_t body[50 + 16] = { 1, 1 };
	static const uint8_t caps[] = { 99, 3, 'x', 'y', 'z', 1, 4, 0, 0, 1, 0,
		2, 1, 'n', 7, 0 };
	struct record record = {
		.type = RECORD_HELLO, .body = body, .len = sizeof(body)
	};
	struct record_hello hello;

	(void)state;
	memcpy(body + 50, caps, sizeof(caps));
	assert_int_equal(record_hello_decode(&record, &hello), ERR_OK);
	assert_int_equal(hello.max_message, 256);
	body[50 + 6] = 3; /* the length of max_message */
	assert_int_equal(record_hello_decode(&record, &hello), ERR_INVALID);
}

static void
welcome_survives_the_wire(void **state)
{
	struct record_welcome in = {
		.version = 1,
		.flags = WELCOME_ACCEPT,
		.node_id = id_of(7),
		.boot = 5,
		.nonce = { 9 },
		.seen_addr = STR8("127.0.0.1"),
		.proof = { 3 },
		.max_message = 1024,
		.name = STR8("w"),
	};
	struct record_welcome out;
	struct buf buf = { 0 };
	struct record record;

	(void)state;
	assert_int_equal(record_welcome_encode(&buf, &in), ERR_OK);
	record = only_record(&buf);
	assert_int_equal(record_welcome_decode(&record, &out), ERR_OK);
	assert_int_equal(out.version, 1);
	assert_int_equal(out.flags, WELCOME_ACCEPT);
	assert_true(nodeid_equal(&out.node_id, &in.node_id));
	assert_int_equal(out.boot, 5);
	assert_str8(&out.seen_addr, "127.0.0.1");
	assert_memory_equal(out.proof, in.proof, 32);
	assert_int_equal(out.max_message, 1024);
	assert_str8(&out.name, "w");
	assert_cuts(&record, decode_welcome, 1 + 2 + 16 + 4 + 16 + 10 + 32);
	buf_fini(&buf);
}

static void
bye_and_peers_survive_the_wire_and_may_grow(void **state)
{
	struct record_bye bye = { .reason = 9, .text = STR8("no") };
	struct record_peers peers = {
		.count = 2,
		.peers = { { id_of(1), STR8("ws://a:1") },
		    { id_of(2), STR8("") } },
	};
	struct record_welcome2 welcome2 = { .last_seq = 77, .peers = peers };
	struct record_bye bye_out;
	struct record_peers peers_out;
	struct record_welcome2 welcome2_out;
	struct buf buf = { 0 };
	struct record record;

	(void)state;
	assert_int_equal(record_bye_encode(&buf, &bye), ERR_OK);
	record = only_record(&buf);
	assert_cuts(&record, decode_bye, record.len);
	assert_int_equal(record_bye_decode(&record, &bye_out), ERR_OK);
	assert_int_equal(bye_out.reason, 9);
	assert_str8(&bye_out.text, "no");
	buf_clear(&buf);

	assert_int_equal(record_peers_encode(&buf, &peers), ERR_OK);
	record = only_record(&buf);
	assert_cuts(&record, decode_peers, record.len);
	assert_int_equal(record_peers_decode(&record, &peers_out), ERR_OK);
	assert_int_equal(peers_out.count, 2);
	assert_str8(&peers_out.peers[0].addr, "ws://a:1");
	assert_str8(&peers_out.peers[1].addr, "");
	buf_clear(&buf);

	assert_int_equal(record_welcome2_encode(&buf, &welcome2), ERR_OK);
	record = only_record(&buf);
	assert_cuts(&record, decode_welcome2, record.len);
	assert_int_equal(buf_append(&buf, "more", 4), ERR_OK);
	record.body = buf.bytes + RECORD_HEADER_LEN;
	record.len += 4;
	assert_int_equal(
	    record_welcome2_decode(&record, &welcome2_out), ERR_OK);
	assert_int_equal(welcome2_out.last_seq, 77);
	assert_int_equal(welcome2_out.peers.count, 2);
	buf_fini(&buf);
}

static void
more_than_sixteen_peers_are_malformed(void **state)
{
	uint8_t body[1 + 17 * 17] = { 16 };
	struct record record = { RECORD_PEERS, body, sizeof(body) };

	(void)state;
	assert_int_equal(decode_peers(&record), ERR_OK);
	body[0] = 17;
	assert_int_equal(decode_peers(&record), ERR_INVALID);
}

static struct record_data
some_data(void)
{
	return (struct record_data){
		.flags = DATA_TEXT,
		.hops = 3,
		.topic = STR8("chat.a"),
		.origin = id_of(5),
		.seq = UINT64_C(0x0102030405060708),
		.dest = id_of(6),
		.payload = (const uint8_t *)"hello",
		.payload_len = 5,
	};
}

static void
data_survives_the_wire(void **state)
{
	static const uint8_t flags[] = { 0, DATA_TEXT, DATA_REPAIR,
		DATA_UNICAST, DATA_REPLY | DATA_TEXT };

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct record_data in = some_data();
		struct record_data out;
		uint8_t bytes[RECORD_DATA_HEAD_MAX + 5];
		const uint8_t *at = bytes;
		struct record record;
		size_t len;

		in.flags = flags[i];
		len = record_data_head(bytes, &in);
		memcpy(bytes + len, "hello", 5);
		assert_int_equal(
		    record_next(&at, bytes + len + 5, &record), ERR_OK);
		assert_ptr_equal(at, bytes + len + 5);
		assert_int_equal(record_data_decode(&record, &out), ERR_OK);
		assert_int_equal(out.flags, flags[i]);
		assert_int_equal(out.hops, 3);
		assert_str8(&out.topic, "chat.a");
		assert_true(nodeid_equal(&out.origin, &in.origin));
		assert_int_equal(out.seq, in.seq);
		assert_int_equal(out.payload_len, 5);
		assert_ptr_equal(out.payload, bytes + len);
		if ((flags[i] & DATA_UNICAST) != 0) {
			assert_true(nodeid_equal(&out.dest, &in.dest));
		}
		for (size_t cut = 0; cut < len - 4; cut++) {
			record.len = cut;
			assert_int_equal(
			    record_data_decode(&record, &out), ERR_INVALID);
		}
		record.len = len - 4;
		assert_int_equal(record_data_decode(&record, &out), ERR_OK);
		assert_int_equal(out.payload_len, 0);
	}
}

static void
data_with_a_bad_topic_flag_or_number_is_malformed(void **state)
{
	struct record_data in = some_data();
	struct record_data out;
	uint8_t bytes[RECORD_DATA_HEAD_MAX];
	size_t len = record_data_head(bytes, &in);
	struct record record = { RECORD_DATA, bytes + 4, len - 4 };

	(void)state;
	assert_int_equal(record_data_decode(&record, &out), ERR_OK);
	for (unsigned flag = 1; flag < 256; flag *= 2) {
		bytes[4] = (uint8_t)flag;
		assert_int_equal(record_data_decode(&record, &out),
		    (flag & 0xe8) != 0 || flag == DATA_UNICAST ? ERR_INVALID
		                                               : ERR_OK);
	}
	bytes[4] = 0;
	bytes[7] = '.';
	assert_int_equal(record_data_decode(&record, &out), ERR_INVALID);
	bytes[7] = '$';
	assert_int_equal(record_data_decode(&record, &out), ERR_OK);
	memset(bytes + 4 + 2 + 1 + 6 + 16, 0, 8);
	assert_int_equal(record_data_decode(&record, &out), ERR_INVALID);
}

static void
the_longest_head_fits(void **state)
{
	struct record_data in = some_data();
	uint8_t bytes[RECORD_DATA_HEAD_MAX];
	char topic[255];

	(void)state;
	memset(topic, 'a', sizeof(topic));
	in.topic = (struct str8){ .text = topic, .len = 255 };
	in.flags = DATA_UNICAST;
	assert_int_equal(record_data_head(bytes, &in), RECORD_DATA_HEAD_MAX);
}

static void
encoders_without_memory_append_nothing(void **state)
{
	struct record_hello hello = { .ver_min = 1 };
	struct record_welcome welcome = { .version = 1 };
	struct record_bye bye = { .reason = 1 };
	struct record_peers peers = { .count = 0 };
	struct record_welcome2 welcome2 = { .last_seq = 1 };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct buf buf = { 0 };
		enum err err;

		fault_fail_nth(1);
		err = i == 0   ? record_hello_encode(&buf, &hello)
		      : i == 1 ? record_welcome_encode(&buf, &welcome)
		      : i == 2 ? record_bye_encode(&buf, &bye)
		      : i == 3 ? record_peers_encode(&buf, &peers)
		               : record_welcome2_encode(&buf, &welcome2);
		assert_true(fault_off());
		assert_int_equal(err, ERR_NOMEM);
		assert_int_equal(buf.len, 0);
	}
}

static void
knows_an_address_that_may_travel(void **state)
{
	static const struct {
		const char *addr;
		bool valid;
	} rows[] = {
		{ "ws://localhost:8080", true },
		{ "wss://a.b-c_d:1/path?x=1", true },
		{ "ws://127.0.0.1:65535/", true },
		{ "ws://[::1]:80", true },
		{ "ws://[fe80::1.2.3.4]:80/x", true },
		{ "", false },
		{ "ws://", false },
		{ "ws://:80", false },
		{ "ws://h", false },
		{ "ws://h:", false },
		{ "ws://h:0", false },
		{ "ws://h:65536", false },
		{ "ws://h:123456", false },
		{ "ws://h:8x", false },
		{ "ws://h:80?x", false },
		{ "ws://u@h:80", false },
		{ "ws://u:p@h:80", false },
		{ "ws://[::1:80", false },
		{ "ws://[]:80", false },
		{ "ws://[x]:80", false },
		{ "ws://::1:80", false },
		{ "http://h:80", false },
		{ "WS://h:80", false },
		{ "ws://h:80/a b", false },
		{ "ws://h:80/a#b", false },
		{ "ws://h:80/\x7f", false },
		{ "ws://h:80/\xc3\xa4", false },
		{ " ws://h:80", false },
	};
	char longest[257] = "ws://h:80/";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
		    record_addr_is_valid(rows[i].addr, strlen(rows[i].addr)),
		    rows[i].valid);
	}
	memset(longest + 10, 'a', 246);
	assert_true(record_addr_is_valid(longest, 255));
	assert_false(record_addr_is_valid(longest, 256));
	assert_false(record_addr_is_valid("ws://h:80/\0", 11));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_records_off_a_message_one_by_one),
		cmocka_unit_test(hello_survives_the_wire),
		cmocka_unit_test(caps_that_are_not_known_are_skipped),
		cmocka_unit_test(welcome_survives_the_wire),
		cmocka_unit_test(bye_and_peers_survive_the_wire_and_may_grow),
		cmocka_unit_test(more_than_sixteen_peers_are_malformed),
		cmocka_unit_test(data_survives_the_wire),
		cmocka_unit_test(
		    data_with_a_bad_topic_flag_or_number_is_malformed),
		cmocka_unit_test(the_longest_head_fits),
		cmocka_unit_test(encoders_without_memory_append_nothing),
		cmocka_unit_test(knows_an_address_that_may_travel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
