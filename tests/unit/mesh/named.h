/* SPDX-License-Identifier: MIT
 * named.h - nodes with addresses, as they say HELLO, and as others name them to
 * a mesh on the bench (lab.h): node `n` is at ws://h<n>:1. */
#ifndef TESTS_UNIT_MESH_NAMED_H
#define TESTS_UNIT_MESH_NAMED_H

#include <stdio.h>

#include "unit/mesh/lab.h"

struct named {
	char text[32];
	struct str8 str;
};

static inline const struct str8 *
named_addr(struct named *named, uint8_t n)
{
	int len = snprintf(named->text, sizeof(named->text), "ws://h%u:1", n);

	named->str.text = named->text;
	named->str.len = (uint8_t)len;
	return &named->str;
}

/* HELLO of node `n` with these flags. */
static inline struct lab_link *
named_hello(struct lab *lab, uint8_t n, uint16_t flags)
{
	struct lab_link *at = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, n);
	struct named named;

	assert_non_null(at);
	hello.flags = flags;
	hello.addr = *named_addr(&named, n);
	lab_say_hello(lab, at, &hello);
	return at;
}

/* Nodes `first` to `last`. */
static inline void
named_list(struct record_peers *peers, struct named named[RECORD_PEERS_MAX],
    uint8_t first, uint8_t last)
{
	for (uint8_t n = first; n <= last; n++) {
		size_t i = peers->count++;

		peers->peers[i].node_id = lab_id(n);
		peers->peers[i].addr = *named_addr(&named[i], n);
	}
}

static inline void
named_walk(struct lab *lab, struct lab_link *at, uint8_t ttl, uint8_t n)
{
	struct named named;
	const struct record_walk walk = { .ttl = ttl,
		.peer = {
		    .node_id = lab_id(n), .addr = *named_addr(&named, n) } };
	struct buf buf = { 0 };

	assert_int_equal(record_walk_encode(&buf, &walk), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

/* Nodes `first` to `last`, in a SHUFFLE. */
static inline void
named_shuffle(struct lab *lab, struct lab_link *at, bool is_reply,
    uint8_t first, uint8_t last)
{
	struct named named[RECORD_PEERS_MAX];
	struct record_shuffle shuffle = { .is_reply = is_reply };
	struct buf buf = { 0 };

	named_list(&shuffle.peers, named, first, last);
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

/* BYE and behind it PEERS, in one message. */
static inline void
named_bye(struct lab *lab, struct lab_link *at, enum bye_reason reason,
    uint8_t first, uint8_t last)
{
	struct named named[RECORD_PEERS_MAX];
	struct record_peers peers = { 0 };
	const struct record_bye bye = { .reason = (uint8_t)reason };
	struct buf buf = { 0 };

	named_list(&peers, named, first, last);
	assert_int_equal(record_bye_encode(&buf, &bye), ERR_OK);
	assert_int_equal(record_peers_encode(&buf, &peers), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

static inline void
named_full(struct lab *lab, struct lab_link *at, uint8_t first, uint8_t last)
{
	named_bye(lab, at, BYE_FULL, first, last);
}

/* Of the HELLO that was sent. */
static inline uint16_t
named_flags(const struct lab_link *at)
{
	struct record record;
	struct record_hello hello;

	assert_true(lab_find(at, RECORD_HELLO, &record));
	assert_int_equal(record_hello_decode(&record, &hello), ERR_OK);
	return hello.flags;
}

#endif
