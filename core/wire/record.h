/* SPDX-License-Identifier: MIT
 * record.h - the records that peers exchange (PROTOCOL 3).
 *
 * One WebSocket binary message holds one or more records: u8 type, u24 length
 * of the body, body; big-endian.  Decoding borrows from the input; encoding
 * appends to a buf.  sans-I/O, no allocation besides the buf. */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/nodeid.h"

#define RECORD_HEADER_LEN    4
#define RECORD_BODY_MAX      ((size_t)0xffffff)
#define RECORD_ADDR_MAX      255
#define RECORD_PEERS_MAX     16
#define RECORD_PROOF_LEN     32
#define RECORD_DATA_OVERHEAD 512  /* what DATA may add to max_message */
#define RECORD_CRITICAL      0x80 /* unknown types from here on close 4005 */

enum record_type {
	RECORD_HELLO = 0x01,
	RECORD_WELCOME = 0x02,
	RECORD_AUTH = 0x03,
	RECORD_BYE = 0x04,
	RECORD_PEERS = 0x05,
	RECORD_WELCOME2 = 0x06,
	RECORD_WALK = 0x07,
	RECORD_SHUFFLE = 0x08,
	RECORD_DATA = 0x10,
	RECORD_IHAVE = 0x11,
	RECORD_GRAFT = 0x12,
	RECORD_PRUNE = 0x13,
	RECORD_SYNC = 0x14,
	RECORD_GONE = 0x15,
};

enum { /* HELLO.flags */
	HELLO_ORPHAN = 1,
	HELLO_HIGH = 2,
	HELLO_REWIRE = 4,
	HELLO_FRESH = 8,
	HELLO_LEAF = 16,
};

enum { /* WELCOME.flags */
	WELCOME_ACCEPT = 1,
	WELCOME_AUTH = 2,
	WELCOME_ORPHAN = 4,
};

enum { /* DATA.flags */
	DATA_TEXT = 1,
	DATA_REPAIR = 2,
	DATA_UNICAST = 4,
	DATA_SIGNED = 8,
	DATA_REPLY = 16,
	DATA_FLOOD = 32, /* UNICAST that everybody relays: no way is known */
};

enum { /* tags of the caps behind HELLO and WELCOME */
	RECORD_CAP_MAX_MESSAGE = 1,
	RECORD_CAP_NAME = 2, /* WELCOME only */
};

enum bye_reason {
	BYE_LEAVING = 0,
	BYE_FULL = 1,
	BYE_EVICTED = 2,
	BYE_DUPLICATE = 3,
	BYE_SELF = 4,
	BYE_NETWORK = 5,
	BYE_VERSION = 6,
	BYE_AUTH = 7,
	BYE_SLOW = 8,
	BYE_ABUSE = 9,
};

/* A str8: borrowed, not NUL-terminated. */
struct str8 {
	const char *text;
	uint8_t len;
};

/* Of a string of at most 255 bytes. */
static inline struct str8
str8_of(const char *text)
{
	return (struct str8){ .text = text, .len = (uint8_t)strlen(text) };
}

struct record {
	uint8_t type;
	const uint8_t *body;
	size_t len;
};

struct record_hello {
	uint8_t ver_min, ver_max;
	uint16_t flags;
	struct nodeid node_id;
	uint32_t boot;
	uint8_t net[8];
	uint8_t nonce[16];
	struct str8 addr, name;
	uint32_t max_message; /* caps tag 1; 0: not given */
};

struct record_welcome {
	uint8_t version;
	uint16_t flags;
	struct nodeid node_id;
	uint32_t boot;
	uint8_t nonce[16];
	struct str8 seen_addr;
	uint8_t proof[RECORD_PROOF_LEN];
	uint32_t max_message; /* caps tag 1; 0: not given */
	struct str8 name;     /* caps tag 2; empty: not given */
};

struct record_bye {
	uint8_t reason;
	struct str8 text;
};

struct record_peer {
	struct nodeid node_id;
	struct str8 addr;
};

struct record_peers {
	uint8_t count;
	struct record_peer peers[RECORD_PEERS_MAX];
};

struct record_welcome2 {
	uint64_t last_seq;
	struct record_peers peers;
};

struct record_auth {
	uint8_t proof[RECORD_PROOF_LEN];
};

struct record_walk {
	uint8_t ttl;
	struct record_peer peer;
};

struct record_shuffle {
	bool is_reply;
	struct record_peers peers;
};

struct record_data {
	uint8_t flags, hops;
	struct str8 topic;
	struct nodeid origin;
	uint64_t seq;
	struct nodeid dest; /* DATA_UNICAST only */
	const uint8_t *payload;
	size_t payload_len;
	/* As it came, and then only hops and the flags that change no shape may
	 * be set anew; NULL: it was made here. */
	const uint8_t *body;
};

#define RECORD_DATA_FLAGS                                      \
	(DATA_TEXT | DATA_REPAIR | DATA_UNICAST | DATA_REPLY | \
	    DATA_FLOOD) /* of version 1 */

/* Take the next record off `[*at, end)`: ERR_NOTFOUND at the very end,
 * ERR_INVALID if what is left is no whole record.  `*at` moves behind it. */
NODISCARD static inline enum err
record_next(const uint8_t **at, const uint8_t *end, struct record *record)
{
	const uint8_t *p = *at;
	size_t left = (size_t)(end - p);
	size_t len;

	if (left == 0) {
		return ERR_NOTFOUND;
	}
	if (left < RECORD_HEADER_LEN) {
		return ERR_INVALID;
	}
	len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (left - RECORD_HEADER_LEN < len) {
		return ERR_INVALID;
	}
	record->type = p[0];
	record->body = p + RECORD_HEADER_LEN;
	record->len = len;
	*at = record->body + len;
	return ERR_OK;
}

/* Decode a body.  ERR_INVALID: malformed (close 1002); so is DATA with a topic
 * that is none, or with flags that version 1 does not have: they may change
 * what follows them.  Bytes behind HELLO's and WELCOME's caps are none; AUTH,
 * BYE, PEERS, WELCOME2, WALK and SHUFFLE may grow at the end.  The lists of ids
 * are read by record_array.h. */
NODISCARD enum err record_hello_decode(
    const struct record *record, struct record_hello *hello);
NODISCARD enum err record_welcome_decode(
    const struct record *record, struct record_welcome *welcome);
NODISCARD enum err record_bye_decode(
    const struct record *record, struct record_bye *bye);
NODISCARD enum err record_peers_decode(
    const struct record *record, struct record_peers *peers);
NODISCARD enum err record_welcome2_decode(
    const struct record *record, struct record_welcome2 *welcome2);
NODISCARD enum err record_auth_decode(
    const struct record *record, struct record_auth *auth);
NODISCARD enum err record_walk_decode(
    const struct record *record, struct record_walk *walk);
NODISCARD enum err record_shuffle_decode(
    const struct record *record, struct record_shuffle *shuffle);
NODISCARD enum err record_data_decode(
    const struct record *record, struct record_data *data);

/* Where in the body of this WELCOME its proof stands. */
size_t record_welcome_proof_at(const struct record_welcome *welcome);

/* Append a whole record.  ERR_NOMEM: nothing was appended. */
NODISCARD enum err record_hello_encode(
    struct buf *out, const struct record_hello *hello);
NODISCARD enum err record_welcome_encode(
    struct buf *out, const struct record_welcome *welcome);
NODISCARD enum err record_bye_encode(
    struct buf *out, const struct record_bye *bye);
NODISCARD enum err record_peers_encode(
    struct buf *out, const struct record_peers *peers);
NODISCARD enum err record_welcome2_encode(
    struct buf *out, const struct record_welcome2 *welcome2);
NODISCARD enum err record_auth_encode(
    struct buf *out, const struct record_auth *auth);
NODISCARD enum err record_walk_encode(
    struct buf *out, const struct record_walk *walk);
NODISCARD enum err record_shuffle_encode(
    struct buf *out, const struct record_shuffle *shuffle);

#define RECORD_DATA_HEAD_MAX (RECORD_HEADER_LEN + 2 + 1 + 255 + 16 + 8 + 16)

/* Write everything of a DATA record that stands before its payload; returns
 * its length.  The payload goes behind it unchanged. */
size_t record_data_head(
    uint8_t out[RECORD_DATA_HEAD_MAX], const struct record_data *data);

/* Write the whole record, record_data_size bytes.  One that came is passed on
 * byte by byte, but for its flags and hops. */
void record_data_write(uint8_t *out, const struct record_data *data);

static inline size_t
record_data_size(const struct record_data *data)
{
	size_t dest = (data->flags & DATA_UNICAST) != 0 ? sizeof(data->dest)
	                                                : 0;

	return RECORD_HEADER_LEN + 3 + (size_t)data->topic.len +
	       sizeof(data->origin) + sizeof(data->seq) + dest +
	       data->payload_len;
}

/* True if `addr` is ws:// or wss:// HOST:PORT[/PATH] without user info, at
 * most 255 bytes: what PROTOCOL 3 lets travel. */
bool record_addr_is_valid(const char *addr, size_t len);

#endif
