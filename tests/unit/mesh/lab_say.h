/* SPDX-License-Identifier: MIT
 * lab_say.h - what the other ends of the lab's links say (a part of lab.h). */
#ifndef TESTS_UNIT_MESH_LAB_SAY_H
#define TESTS_UNIT_MESH_LAB_SAY_H

static inline struct nodeid
lab_id(uint8_t n)
{
	struct nodeid id;

	memset(id.bytes, n, sizeof(id.bytes));
	return id;
}

static inline struct nodeid
lab_nth_id(uint32_t n)
{
	struct nodeid id = lab_id(9);

	memcpy(id.bytes, &n, sizeof(n));
	return id;
}

static inline uint64_t
lab_seq(int64_t boots, uint32_t count)
{
	return (uint64_t)(LAB_BOOT + boots) << 32 | count;
}

static inline struct record_hello
lab_hello(const struct lab *lab, uint8_t n)
{
	struct record_hello hello = {
		.ver_min = 1,
		.ver_max = 1,
		.node_id = lab_id(n),
		.boot = LAB_BOOT,
		/* SHA-256 of "grapevine", computed by sha256sum. */
		.net = { 0x22, 0xbd, 0x79, 0x0e, 0x02, 0xa8, 0x0f, 0x57 },
		.addr = { .text = "ws://x:1", .len = 8 },
		.name = { .text = "x", .len = 1 },
		.max_message = 500,
	};

	(void)lab;
	return hello;
}

static inline struct record_welcome
lab_welcome(uint8_t n)
{
	return (struct record_welcome){
		.version = 1,
		.flags = WELCOME_ACCEPT,
		.node_id = lab_id(n),
		.boot = LAB_BOOT,
		.seen_addr = { .text = "127.0.0.1", .len = 9 },
		.max_message = 500,
		.name = { .text = "w", .len = 1 },
	};
}

static inline void
lab_message(struct lab *lab, struct lab_link *at, const void *bytes, size_t len)
{
	/* A block of its own size: a sanitizer sees a read behind it. */
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	if (len > 0) {
		memcpy(copy, bytes, len);
	}
	mesh_on_message(lab->mesh, at->link, lab->now, copy, len);
	free(copy);
}

static inline void
lab_record(struct lab *lab, struct lab_link *at, uint8_t type, const void *body,
    size_t len)
{
	uint8_t *bytes = malloc(4 + len);

	assert_non_null(bytes);
	bytes[0] = type;
	bytes[1] = (uint8_t)(len >> 16);
	bytes[2] = (uint8_t)(len >> 8);
	bytes[3] = (uint8_t)len;
	if (len > 0) {
		memcpy(bytes + 4, body, len);
	}
	lab_message(lab, at, bytes, 4 + len);
	free(bytes);
}

static inline void
lab_say_buf(struct lab *lab, struct lab_link *at, struct buf *buf)
{
	lab_message(lab, at, buf->bytes, buf->len);
	buf_fini(buf);
}

static inline void
lab_say_hello(
    struct lab *lab, struct lab_link *at, const struct record_hello *hello)
{
	struct buf buf = { 0 };

	assert_int_equal(record_hello_encode(&buf, hello), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

static inline void
lab_say_welcome(
    struct lab *lab, struct lab_link *at, const struct record_welcome *welcome)
{
	struct buf buf = { 0 };

	assert_int_equal(record_welcome_encode(&buf, welcome), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

static inline void
lab_say_welcome2(struct lab *lab, struct lab_link *at, uint64_t seq)
{
	struct buf buf = { 0 };
	struct record_welcome2 welcome2 = { .last_seq = seq };

	assert_int_equal(record_welcome2_encode(&buf, &welcome2), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

static inline void
lab_say_bye(struct lab *lab, struct lab_link *at, uint8_t reason)
{
	lab_record(lab, at, RECORD_BYE, (uint8_t[]){ reason, 0 }, 2);
}

static inline struct record_data
lab_data(uint8_t n, uint32_t count)
{
	return (struct record_data){
		.flags = DATA_TEXT,
		.hops = 1,
		.topic = { .text = "public", .len = 6 },
		.origin = lab_id(n),
		.seq = lab_seq(0, count),
		.payload = (const uint8_t *)"hello",
		.payload_len = 5,
	};
}

static inline struct buf
lab_encoded(const struct record_data *data)
{
	uint8_t head[RECORD_DATA_HEAD_MAX];
	size_t len = record_data_head(head, data);
	struct buf buf = { 0 };

	assert_int_equal(buf_append(&buf, head, len), ERR_OK);
	assert_int_equal(
	    buf_append(&buf, data->payload, data->payload_len), ERR_OK);
	return buf;
}

static inline void
lab_hand_in(struct lab *lab, struct lab_link *at, const struct buf *records)
{
	mesh_on_message(
	    lab->mesh, at->link, lab->now, records->bytes, records->len);
}

static inline void
lab_say(struct lab *lab, struct lab_link *at, const struct record_data *data)
{
	struct buf buf = lab_encoded(data);

	lab_say_buf(lab, at, &buf);
}

static inline void
lab_say_data(struct lab *lab, struct lab_link *at, uint8_t n, uint32_t count)
{
	struct record_data data = lab_data(n, count);

	lab_say(lab, at, &data);
}

#endif
