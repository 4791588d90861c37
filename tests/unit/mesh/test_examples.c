/* SPDX-License-Identifier: MIT
 * test_examples.c - the records that docs/PROTOCOL.md shows, read from that
 * page: they decode to what it says, and are what is encoded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#include "base/buf.h"
#include "mesh/auth.h"
#include "wire/record.h"

static const uint8_t psk[] = "0123456789abcdef";

struct example {
	uint8_t bytes[256];
	size_t len;
};

/* The bytes of one line, up to its comment. */
static void
example_read_line(struct example *example, const char *line)
{
	unsigned byte;
	int used;

	while (sscanf(line, " %2x%n", &byte, &used) == 1) {
		assert_true(example->len < sizeof(example->bytes));
		example->bytes[example->len++] = (uint8_t)byte;
		line += used;
	}
}

/* The block ```hex NAME. */
static struct example
example_of(const char *name)
{
	struct example example = { .len = 0 };
	char head[32];
	char line[8192];
	bool inside = false;
	FILE *file = fopen(GV_DOCS "/PROTOCOL.md", "r");

	assert_non_null(file);
	snprintf(head, sizeof(head), "```hex %s\n", name);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strcmp(line, head) == 0) {
			inside = true;
		} else if (strncmp(line, "```", 3) == 0) {
			inside = false;
		} else if (inside) {
			line[strcspn(line, "#\n")] = '\0';
			example_read_line(&example, line);
		}
	}
	assert_int_equal(fclose(file), 0);
	assert_true(example.len > 0);
	return example;
}

static struct record
record_of(const struct example *example)
{
	const uint8_t *at = example->bytes;
	struct record record;

	assert_int_equal(
	    record_next(&at, example->bytes + example->len, &record), ERR_OK);
	assert_ptr_equal(at, example->bytes + example->len);
	return record;
}

static void
assert_encoded(struct buf *out, const struct example *example)
{
	assert_int_equal(out->len, example->len);
	assert_memory_equal(out->bytes, example->bytes, example->len);
	buf_fini(out);
}

static void
assert_str8(struct str8 str, const char *text)
{
	assert_int_equal(str.len, strlen(text));
	assert_memory_equal(str.text, text, str.len);
}

static void
the_hello_is_ours(void **state)
{
	struct example example = example_of("HELLO");
	struct record record = record_of(&example);
	struct record_hello hello;
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(record_hello_decode(&record, &hello), ERR_OK);
	assert_int_equal(hello.flags, HELLO_ORPHAN);
	assert_int_equal(hello.boot, 0x6a000001);
	assert_str8(hello.addr, "ws://:8080");
	assert_str8(hello.name, "left");
	assert_int_equal(hello.max_message, 1 << 20);
	assert_int_equal(record_hello_encode(&out, &hello), ERR_OK);
	assert_encoded(&out, &example);
}

static void
the_welcome_is_ours(void **state)
{
	struct example example = example_of("WELCOME");
	struct record record = record_of(&example);
	struct record_welcome welcome;
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(record_welcome_decode(&record, &welcome), ERR_OK);
	assert_int_equal(welcome.flags, WELCOME_AUTH);
	assert_str8(welcome.seen_addr, "127.0.0.1");
	assert_str8(welcome.name, "right");
	assert_int_equal(record_welcome_encode(&out, &welcome), ERR_OK);
	/* The proof is written later. */
	memcpy(
	    out.bytes + RECORD_HEADER_LEN + record_welcome_proof_at(&welcome),
	    welcome.proof, sizeof(welcome.proof));
	assert_encoded(&out, &example);
}

static void
the_data_is_ours(void **state)
{
	struct example example = example_of("DATA");
	struct record record = record_of(&example);
	struct record_data data;
	uint8_t head[RECORD_DATA_HEAD_MAX];
	size_t len;

	(void)state;
	assert_int_equal(record_data_decode(&record, &data), ERR_OK);
	assert_int_equal(data.flags, DATA_TEXT);
	assert_int_equal(data.hops, 1);
	assert_str8(data.topic, "a.b");
	assert_int_equal(data.seq, 0x6a00000100000001);
	assert_int_equal(data.payload_len, 5);
	assert_memory_equal(data.payload, "hello", 5);
	len = record_data_head(head, &data);
	assert_int_equal(len + data.payload_len, example.len);
	assert_memory_equal(head, example.bytes, len);
}

static void
the_proofs_are_ours(void **state)
{
	struct example hello_bytes = example_of("HELLO");
	struct example welcome_bytes = example_of("WELCOME");
	struct example auth_bytes = example_of("AUTH");
	struct example key_bytes = example_of("K");
	struct record hello = record_of(&hello_bytes);
	struct record welcome = record_of(&welcome_bytes);
	struct record record = record_of(&auth_bytes);
	struct record_welcome decoded;
	struct record_auth auth;
	uint8_t key[AUTH_KEY_LEN];
	uint8_t proof[RECORD_PROOF_LEN];
	size_t at;

	(void)state;
	assert_int_equal(record_welcome_decode(&welcome, &decoded), ERR_OK);
	assert_int_equal(record_auth_decode(&record, &auth), ERR_OK);
	at = record_welcome_proof_at(&decoded);
	assert_int_equal(auth_derive(key, psk, sizeof(psk) - 1), ERR_OK);
	assert_int_equal(key_bytes.len, sizeof(key));
	assert_memory_equal(key, key_bytes.bytes, sizeof(key));
	assert_int_equal(
	    auth_prove(proof, key, AUTH_LISTENER, &hello, &welcome, at),
	    ERR_OK);
	assert_memory_equal(proof, decoded.proof, sizeof(proof));
	assert_int_equal(
	    auth_prove(proof, key, AUTH_DIALLER, &hello, &welcome, at), ERR_OK);
	assert_memory_equal(proof, auth.proof, sizeof(proof));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hello_is_ours),
		cmocka_unit_test(the_welcome_is_ours),
		cmocka_unit_test(the_data_is_ours),
		cmocka_unit_test(the_proofs_are_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
