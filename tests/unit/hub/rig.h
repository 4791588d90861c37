/* SPDX-License-Identifier: MIT
 * rig.h - a hub with a few clients, and what they read. */
#ifndef TESTS_UNIT_HUB_RIG_H
#define TESTS_UNIT_HUB_RIG_H

#include "support/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "hub/hub.h"

enum { RIG_CLIENTS = 16 };

struct client {
	struct outq out;
	struct session *session; /* NULL: not open */
	struct buf wire;         /* what it has read */
	unsigned dirty;
	unsigned pressed;
	unsigned closes;
	uint16_t code;
	const char *reason;
};

struct rig {
	struct chunk_pool pool;
	struct hub *hub;
	struct client clients[RIG_CLIENTS];
	bool slowed; /* the answer of `pressed` */
	uint64_t now_ms;
};

/* One frame of a stream. */
struct seen {
	uint8_t opcode;
	const uint8_t *payload;
	size_t len;
};

static inline void
rig_on_dirty(void *ctx, struct session *session)
{
	struct client *client = session_user(session);

	(void)ctx;
	assert_true(client->out.bytes > 0);
	client->dirty++;
}

static inline bool
rig_on_pressed(void *ctx, struct session *session)
{
	struct client *client = session_user(session);

	client->pressed++;
	return ((struct rig *)ctx)->slowed;
}

static inline void
rig_on_close(
    void *ctx, struct session *session, uint16_t code, const char *reason)
{
	struct client *client = session_user(session);

	(void)ctx;
	client->closes++;
	client->code = code;
	client->reason = reason;
}

static inline void
rig_init(struct rig *rig, size_t soft, size_t hard, enum hub_overflow overflow)
{
	const struct hub_config config = { soft, hard, overflow, 1 };
	struct hub_io io = { NULL, rig_on_dirty, rig_on_pressed, rig_on_close };

	memset(rig, 0, sizeof(*rig));
	io.ctx = rig;
	chunk_pool_init(&rig->pool);
	assert_int_equal(
	    hub_create(&rig->hub, &config, &io, &rig->pool), ERR_OK);
}

static inline void
rig_open(struct rig *rig, int i, const char *topic, bool echo)
{
	struct client *client = &rig->clients[i];

	memset(client, 0, sizeof(*client));
	outq_init(&client->out);
	assert_int_equal(hub_open(rig->hub, topic, echo, &client->out, client,
	                     &client->session),
	    ERR_OK);
}

static inline void
rig_close(struct rig *rig, int i)
{
	struct client *client = &rig->clients[i];

	hub_close(rig->hub, client->session);
	client->session = NULL;
	outq_fini(&client->out);
	buf_fini(&client->wire);
}

/* chunk_pool_fini asserts that no reference was lost. */
static inline void
rig_fini(struct rig *rig)
{
	for (int i = 0; i < RIG_CLIENTS; i++) {
		if (rig->clients[i].session != NULL) {
			rig_close(rig, i);
		}
	}
	assert_int_equal(hub_stats(rig->hub)->sessions, 0);
	assert_int_equal(hub_stats(rig->hub)->topics, 0);
	hub_destroy(rig->hub);
	chunk_pool_fini(&rig->pool);
}

static inline size_t
rig_deliver(struct rig *rig, const char *topic, const void *payload, size_t len,
    uint32_t flags, struct session *author)
{
	const struct message_view view = { .topic = topic,
		.topic_len = strlen(topic),
		.payload = payload,
		.payload_len = len,
		.flags = flags };

	return hub_deliver(rig->hub, rig->now_ms, &view, author);
}

/* A text message for everybody on `topic`. */
static inline size_t
rig_say(struct rig *rig, const char *topic, const char *text)
{
	return rig_deliver(rig, topic, text, strlen(text), MESSAGE_TEXT, NULL);
}

/* The client reads up to `max` bytes; returns how many there were. */
static inline size_t
client_read(struct client *client, size_t max)
{
	size_t sum = 0;

	while (sum < max && client->out.bytes > 0) {
		struct iovec iov;

		assert_int_equal(
		    outq_iov(&client->out, &iov, 1, 0, max - sum), 1);
		assert_int_equal(
		    buf_append(&client->wire, iov.iov_base, iov.iov_len),
		    ERR_OK);
		sum += iov.iov_len;
		outq_consume(&client->out, iov.iov_len);
	}
	return sum;
}

/* The frame at `*at` of what was read; false: no whole one is left.  Fails on
 * what a server must not send. */
static inline bool
client_next(const struct client *client, size_t *at, struct seen *seen)
{
	const uint8_t *bytes = client->wire.bytes + *at;
	size_t left = client->wire.len - *at;
	size_t extra, len = 0;

	if (left < 2) {
		return false;
	}
	assert_int_equal(bytes[0] & 0xf0, 0x80); /* FIN, nothing reserved */
	assert_int_equal(bytes[1] & 0x80, 0);    /* not masked */
	extra = bytes[1] == 127 ? 8 : bytes[1] == 126 ? 2 : 0;
	if (left < 2 + extra) {
		return false;
	}
	for (size_t i = 0; i < extra; i++) {
		len = len << 8 | bytes[2 + i];
	}
	if (extra == 0) {
		len = bytes[1];
	}
	assert_true(extra != 2 || len >= 126);
	assert_true(extra != 8 || len >= 65536);
	if (left < 2 + extra + len) {
		return false;
	}
	seen->opcode = bytes[0] & 0x0f;
	seen->payload = bytes + 2 + extra;
	seen->len = len;
	*at += 2 + extra + len;
	return true;
}

/* All that is queued is these texts, each ended by a `|`. */
static inline void
client_has(struct client *client, const char *texts)
{
	struct seen seen;
	size_t at = 0;

	client_read(client, SIZE_MAX);
	while (client_next(client, &at, &seen)) {
		assert_memory_equal(seen.payload, texts, seen.len);
		assert_int_equal(texts[seen.len], '|');
		texts += seen.len + 1;
	}
	assert_int_equal(at, client->wire.len);
	assert_string_equal(texts, "");
	buf_clear(&client->wire);
}

#endif
