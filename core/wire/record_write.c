/* SPDX-License-Identifier: MIT
 * record_write.c - see record.h: what is written. */

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "wire/record.h"

static uint8_t *
record_write_uint(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = len; i > 0; i--) {
		at[i - 1] = (uint8_t)value;
		value >>= 8;
	}
	return at + len;
}

static uint8_t *
record_write_bytes(uint8_t *at, const void *bytes, size_t len)
{
	if (len > 0) {
		memcpy(at, bytes, len);
	}
	return at + len;
}

static uint8_t *
record_write_str8(uint8_t *at, const struct str8 *str)
{
	*at++ = str->len;
	return record_write_bytes(at, str->text, str->len);
}

static uint8_t *
record_write_header(uint8_t *at, enum record_type type, size_t len)
{
	uint32_t header = htobe32((uint32_t)type << 24 | (uint32_t)len);

	assert(len <= RECORD_BODY_MAX);
	memcpy(at, &header, sizeof(header));
	return at + sizeof(header);
}

static size_t
record_caps_len(uint32_t max_message, const struct str8 *name)
{
	return (max_message != 0 ? 2u + 4u : 0u) +
	       (name != NULL && name->len > 0 ? 2u + name->len : 0u);
}

static uint8_t *
record_write_caps(uint8_t *at, uint32_t max_message, const struct str8 *name)
{
	if (max_message != 0) {
		*at++ = RECORD_CAP_MAX_MESSAGE;
		*at++ = 4;
		at = record_write_uint(at, max_message, 4);
	}
	if (name != NULL && name->len > 0) {
		*at++ = RECORD_CAP_NAME;
		at = record_write_str8(at, name);
	}
	return at;
}

static size_t
record_peers_len(const struct record_peers *peers)
{
	size_t len = 1;

	for (size_t i = 0; i < peers->count; i++) {
		len += sizeof(struct nodeid) + 1 + peers->peers[i].addr.len;
	}
	return len;
}

static uint8_t *
record_write_peer(uint8_t *at, const struct record_peer *peer)
{
	at = record_write_bytes(at, &peer->node_id, sizeof(peer->node_id));
	return record_write_str8(at, &peer->addr);
}

static uint8_t *
record_write_peers(uint8_t *at, const struct record_peers *peers)
{
	*at++ = peers->count;
	for (size_t i = 0; i < peers->count; i++) {
		at = record_write_peer(at, &peers->peers[i]);
	}
	return at;
}

/* Room for a record of `len` body bytes; its header is written, `*at` is where
 * the body goes. */
static enum err
record_begin(struct buf *out, enum record_type type, size_t len, uint8_t **at)
{
	enum err err = buf_reserve(out, RECORD_HEADER_LEN + len);

	if (err == ERR_OK) {
		*at = record_write_header(out->bytes + out->len, type, len);
	}
	return err;
}

/* The body ends at `at`. */
static enum err
record_end(struct buf *out, const uint8_t *at)
{
	out->len = (size_t)(at - out->bytes);
	assert(out->len <= out->cap);
	return ERR_OK;
}

enum err
record_hello_encode(struct buf *out, const struct record_hello *hello)
{
	size_t len = 1 + 1 + 2 + sizeof(hello->node_id) + 4 +
	             sizeof(hello->net) + sizeof(hello->nonce) + 1 +
	             hello->addr.len + 1 + hello->name.len +
	             record_caps_len(hello->max_message, NULL);
	uint8_t *at;
	enum err err = record_begin(out, RECORD_HELLO, len, &at);

	if (err != ERR_OK) {
		return err;
	}
	*at++ = hello->ver_min;
	*at++ = hello->ver_max;
	at = record_write_uint(at, hello->flags, 2);
	at = record_write_bytes(at, &hello->node_id, sizeof(hello->node_id));
	at = record_write_uint(at, hello->boot, 4);
	at = record_write_bytes(at, hello->net, sizeof(hello->net));
	at = record_write_bytes(at, hello->nonce, sizeof(hello->nonce));
	at = record_write_str8(at, &hello->addr);
	at = record_write_str8(at, &hello->name);
	at = record_write_caps(at, hello->max_message, NULL);
	return record_end(out, at);
}

enum err
record_welcome_encode(struct buf *out, const struct record_welcome *welcome)
{
	size_t len = 1 + 2 + sizeof(welcome->node_id) + 4 +
	             sizeof(welcome->nonce) + 1 + welcome->seen_addr.len +
	             sizeof(welcome->proof) +
	             record_caps_len(welcome->max_message, &welcome->name);
	uint8_t *at;
	enum err err = record_begin(out, RECORD_WELCOME, len, &at);

	if (err != ERR_OK) {
		return err;
	}
	*at++ = welcome->version;
	at = record_write_uint(at, welcome->flags, 2);
	at = record_write_bytes(
	    at, &welcome->node_id, sizeof(welcome->node_id));
	at = record_write_uint(at, welcome->boot, 4);
	at = record_write_bytes(at, welcome->nonce, sizeof(welcome->nonce));
	at = record_write_str8(at, &welcome->seen_addr);
	at = record_write_bytes(at, welcome->proof, sizeof(welcome->proof));
	at = record_write_caps(at, welcome->max_message, &welcome->name);
	return record_end(out, at);
}

enum err
record_bye_encode(struct buf *out, const struct record_bye *bye)
{
	uint8_t *at;
	enum err err = record_begin(out, RECORD_BYE, 2u + bye->text.len, &at);

	if (err != ERR_OK) {
		return err;
	}
	*at++ = bye->reason;
	return record_end(out, record_write_str8(at, &bye->text));
}

enum err
record_peers_encode(struct buf *out, const struct record_peers *peers)
{
	uint8_t *at;
	enum err err = record_begin(
	    out, RECORD_PEERS, record_peers_len(peers), &at);

	if (err != ERR_OK) {
		return err;
	}
	return record_end(out, record_write_peers(at, peers));
}

enum err
record_welcome2_encode(struct buf *out, const struct record_welcome2 *welcome2)
{
	size_t len = 8 + record_peers_len(&welcome2->peers);
	uint8_t *at;
	enum err err = record_begin(out, RECORD_WELCOME2, len, &at);

	if (err != ERR_OK) {
		return err;
	}
	at = record_write_uint(at, welcome2->last_seq, 8);
	return record_end(out, record_write_peers(at, &welcome2->peers));
}

enum err
record_auth_encode(struct buf *out, const struct record_auth *auth)
{
	uint8_t *at;
	enum err err = record_begin(out, RECORD_AUTH, sizeof(auth->proof), &at);

	if (err != ERR_OK) {
		return err;
	}
	return record_end(
	    out, record_write_bytes(at, auth->proof, sizeof(auth->proof)));
}

enum err
record_walk_encode(struct buf *out, const struct record_walk *walk)
{
	size_t len = 1 + sizeof(walk->peer.node_id) + 1 + walk->peer.addr.len;
	uint8_t *at;
	enum err err = record_begin(out, RECORD_WALK, len, &at);

	if (err != ERR_OK) {
		return err;
	}
	*at++ = walk->ttl;
	return record_end(out, record_write_peer(at, &walk->peer));
}

enum err
record_shuffle_encode(struct buf *out, const struct record_shuffle *shuffle)
{
	size_t len = 1 + record_peers_len(&shuffle->peers);
	uint8_t *at;
	enum err err = record_begin(out, RECORD_SHUFFLE, len, &at);

	if (err != ERR_OK) {
		return err;
	}
	*at++ = shuffle->is_reply ? 1 : 0;
	return record_end(out, record_write_peers(at, &shuffle->peers));
}

size_t
record_data_head(
    uint8_t out[RECORD_DATA_HEAD_MAX], const struct record_data *data)
{
	bool unicast = (data->flags & DATA_UNICAST) != 0;
	uint64_t seq = htobe64(data->seq);
	uint8_t *at = record_write_header(
	    out, RECORD_DATA, record_data_size(data) - RECORD_HEADER_LEN);

	*at++ = data->flags;
	*at++ = data->hops;
	at = record_write_str8(at, &data->topic);
	at = record_write_bytes(at, &data->origin, sizeof(data->origin));
	memcpy(at, &seq, sizeof(seq));
	at += sizeof(seq);
	if (unicast) {
		at = record_write_bytes(at, &data->dest, sizeof(data->dest));
	}
	return (size_t)(at - out);
}

void
record_data_write(uint8_t *out, const struct record_data *data)
{
	size_t len = record_data_size(data) - RECORD_HEADER_LEN;
	uint8_t *at;

	if (data->body != NULL) {
		at = record_write_header(out, RECORD_DATA, len);
		memcpy(at, data->body, len);
		at[0] = data->flags;
		at[1] = data->hops;
		return;
	}
	at = out + record_data_head(out, data);
	if (data->payload_len > 0) {
		memcpy(at, data->payload, data->payload_len);
	}
}
