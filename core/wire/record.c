/* SPDX-License-Identifier: MIT
 * record.c - see record.h: what is read. */

#include "wire/record.h"

#include <endian.h>
#include <string.h>

#include "wire/topic.h"

/* A body being read; once it was too short, everything read is zeros. */
struct record_reader {
	const uint8_t *at, *end;
	bool is_short;
};

static struct record_reader
record_read(const struct record *record)
{
	return (struct record_reader){
		.at = record->body,
		.end = record->body + record->len,
		.is_short = false,
	};
}

static const uint8_t *
record_read_bytes(struct record_reader *reader, size_t len)
{
	const uint8_t *bytes = reader->at;

	if (reader->is_short || (size_t)(reader->end - bytes) < len) {
		reader->is_short = true;
		return NULL;
	}
	reader->at += len;
	return bytes;
}

static uint64_t
record_read_uint(struct record_reader *reader, size_t len)
{
	const uint8_t *bytes = record_read_bytes(reader, len);
	uint64_t value = 0;

	for (size_t i = 0; bytes != NULL && i < len; i++) {
		value = value << 8 | bytes[i];
	}
	return value;
}

static void
record_read_into(struct record_reader *reader, void *out, size_t len)
{
	const uint8_t *bytes = record_read_bytes(reader, len);

	if (bytes != NULL) {
		memcpy(out, bytes, len);
	} else {
		memset(out, 0, len);
	}
}

static struct str8
record_read_str8(struct record_reader *reader)
{
	struct str8 str = { .text = "", .len = 0 };
	uint8_t len = (uint8_t)record_read_uint(reader, 1);
	const uint8_t *bytes = record_read_bytes(reader, len);

	if (bytes != NULL) {
		str.text = (const char *)bytes;
		str.len = len;
	}
	return str;
}

/* The caps run to the end of the body; unknown tags are skipped. */
static void
record_read_caps(
    struct record_reader *reader, uint32_t *max_message, struct str8 *name)
{
	while (!reader->is_short && reader->at < reader->end) {
		uint8_t tag = (uint8_t)record_read_uint(reader, 1);
		struct str8 value = record_read_str8(reader);
		struct record_reader inner = {
			.at = (const uint8_t *)value.text,
			.end = (const uint8_t *)value.text + value.len,
			.is_short = false,
		};

		if (tag == RECORD_CAP_MAX_MESSAGE) {
			*max_message = (uint32_t)record_read_uint(&inner, 4);
			reader->is_short |= value.len != 4;
		} else if (tag == RECORD_CAP_NAME && name != NULL) {
			*name = value;
		}
	}
}

static void
record_read_peer(struct record_reader *reader, struct record_peer *peer)
{
	record_read_into(reader, &peer->node_id, sizeof(peer->node_id));
	peer->addr = record_read_str8(reader);
}

static void
record_read_peers(struct record_reader *reader, struct record_peers *peers)
{
	peers->count = (uint8_t)record_read_uint(reader, 1);
	if (peers->count > RECORD_PEERS_MAX) {
		reader->is_short = true;
		peers->count = 0;
	}
	for (size_t i = 0; i < peers->count; i++) {
		record_read_peer(reader, &peers->peers[i]);
	}
}

static enum err
record_read_done(const struct record_reader *reader)
{
	return reader->is_short ? ERR_INVALID : ERR_OK;
}

enum err
record_hello_decode(const struct record *record, struct record_hello *hello)
{
	struct record_reader reader = record_read(record);

	hello->ver_min = (uint8_t)record_read_uint(&reader, 1);
	hello->ver_max = (uint8_t)record_read_uint(&reader, 1);
	hello->flags = (uint16_t)record_read_uint(&reader, 2);
	record_read_into(&reader, &hello->node_id, sizeof(hello->node_id));
	hello->boot = (uint32_t)record_read_uint(&reader, 4);
	record_read_into(&reader, hello->net, sizeof(hello->net));
	record_read_into(&reader, hello->nonce, sizeof(hello->nonce));
	hello->addr = record_read_str8(&reader);
	hello->name = record_read_str8(&reader);
	hello->max_message = 0;
	record_read_caps(&reader, &hello->max_message, NULL);
	return record_read_done(&reader);
}

enum err
record_welcome_decode(
    const struct record *record, struct record_welcome *welcome)
{
	struct record_reader reader = record_read(record);

	welcome->version = (uint8_t)record_read_uint(&reader, 1);
	welcome->flags = (uint16_t)record_read_uint(&reader, 2);
	record_read_into(&reader, &welcome->node_id, sizeof(welcome->node_id));
	welcome->boot = (uint32_t)record_read_uint(&reader, 4);
	record_read_into(&reader, welcome->nonce, sizeof(welcome->nonce));
	welcome->seen_addr = record_read_str8(&reader);
	record_read_into(&reader, welcome->proof, sizeof(welcome->proof));
	welcome->max_message = 0;
	welcome->name = (struct str8){ .text = "", .len = 0 };
	record_read_caps(&reader, &welcome->max_message, &welcome->name);
	return record_read_done(&reader);
}

enum err
record_bye_decode(const struct record *record, struct record_bye *bye)
{
	struct record_reader reader = record_read(record);

	bye->reason = (uint8_t)record_read_uint(&reader, 1);
	bye->text = record_read_str8(&reader);
	return record_read_done(&reader);
}

enum err
record_peers_decode(const struct record *record, struct record_peers *peers)
{
	struct record_reader reader = record_read(record);

	record_read_peers(&reader, peers);
	return record_read_done(&reader);
}

enum err
record_welcome2_decode(
    const struct record *record, struct record_welcome2 *welcome2)
{
	struct record_reader reader = record_read(record);

	welcome2->last_seq = record_read_uint(&reader, 8);
	record_read_peers(&reader, &welcome2->peers);
	return record_read_done(&reader);
}

enum err
record_auth_decode(const struct record *record, struct record_auth *auth)
{
	struct record_reader reader = record_read(record);

	record_read_into(&reader, auth->proof, sizeof(auth->proof));
	return record_read_done(&reader);
}

enum err
record_walk_decode(const struct record *record, struct record_walk *walk)
{
	struct record_reader reader = record_read(record);

	walk->ttl = (uint8_t)record_read_uint(&reader, 1);
	record_read_peer(&reader, &walk->peer);
	return record_read_done(&reader);
}

enum err
record_shuffle_decode(
    const struct record *record, struct record_shuffle *shuffle)
{
	struct record_reader reader = record_read(record);

	shuffle->is_reply = record_read_uint(&reader, 1) != 0;
	record_read_peers(&reader, &shuffle->peers);
	return record_read_done(&reader);
}

size_t
record_welcome_proof_at(const struct record_welcome *welcome)
{
	return 1 + 2 + sizeof(welcome->node_id) + 4 + sizeof(welcome->nonce) +
	       1 + welcome->seen_addr.len;
}

/* Once for each message of a link: all lengths are checked in one go. */
enum err
record_data_decode(const struct record *record, struct record_data *data)
{
	const uint8_t *at = record->body;
	size_t dest_len, head_len;
	uint64_t seq;

	if (record->len < 3) {
		return ERR_INVALID;
	}
	data->flags = at[0];
	data->hops = at[1];
	data->topic.len = at[2];
	data->topic.text = (const char *)at + 3;
	dest_len = (data->flags & DATA_UNICAST) != 0 ? sizeof(data->dest) : 0;
	head_len = 3 + (size_t)data->topic.len + sizeof(data->origin) +
	           sizeof(seq) + dest_len;
	if (record->len < head_len) {
		return ERR_INVALID;
	}
	at += 3 + data->topic.len;
	memcpy(&data->origin, at, sizeof(data->origin));
	at += sizeof(data->origin);
	memcpy(&seq, at, sizeof(seq));
	at += sizeof(seq);
	data->seq = be64toh(seq);
	memset(&data->dest, 0, sizeof(data->dest));
	if (UNLIKELY(dest_len > 0)) {
		memcpy(&data->dest, at, sizeof(data->dest));
	}
	if ((data->flags & ~RECORD_DATA_FLAGS) != 0 ||
	    (data->flags & (DATA_FLOOD | DATA_UNICAST)) == DATA_FLOOD ||
	    data->seq == 0 ||
	    !topic_is_valid_from_peer(data->topic.text, data->topic.len)) {
		return ERR_INVALID;
	}
	data->body = record->body;
	data->payload = record->body + head_len;
	data->payload_len = record->len - head_len;
	return ERR_OK;
}
