/* SPDX-License-Identifier: MIT */

#include <stdlib.h>

#include "support/fault.h"
#include "support/test.h"

#include "wire/record.h"

static const char addr[] = "ws://host:1/p";

static struct record_peer
peer_of(uint8_t n)
{
	struct record_peer peer = { .addr = { .text = addr,
		                        .len = sizeof(addr) - 1 } };

	memset(peer.node_id.bytes, n, sizeof(peer.node_id.bytes));
	return peer;
}

static struct record
whole(const struct buf *buf)
{
	const uint8_t *at = buf->bytes;
	struct record record;

	assert_int_equal(
	    record_next(&at, buf->bytes + buf->len, &record), ERR_OK);
	assert_ptr_equal(at, buf->bytes + buf->len);
	return record;
}

/* Any decoder of this file, by the type. */
static enum err
decode(const struct record *record)
{
	struct record_auth auth;
	struct record_walk walk;
	struct record_shuffle shuffle;

	switch (record->type) {
	case RECORD_AUTH:
		return record_auth_decode(record, &auth);
	case RECORD_WALK:
		return record_walk_decode(record, &walk);
	default:
		return record_shuffle_decode(record, &shuffle);
	}
}

/* Shorter than it is: malformed.  Longer: what is behind is ignored. */
static void
assert_cut_is_malformed_and_a_tail_is_not(const struct buf *buf)
{
	struct record record = whole(buf);
	size_t len = record.len;
	uint8_t *copy = malloc(len + 3);

	assert_non_null(copy);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + (cut == 0 ? 1 : 0));

		assert_non_null(exact);
		memcpy(exact, record.body, cut);
		assert_int_equal(
		    decode(&(struct record){ record.type, exact, cut }),
		    ERR_INVALID);
		free(exact);
	}
	memcpy(copy, record.body, len);
	memcpy(copy + len, "xyz", 3);
	assert_int_equal(
	    decode(&(struct record){ record.type, copy, len + 3 }), ERR_OK);
	free(copy);
}

static void
auth_comes_back_as_it_was(void **state)
{
	struct record_auth auth;
	struct record_auth again;
	struct buf buf = { 0 };
	struct record record;

	(void)state;
	memset(auth.proof, 0xa7, sizeof(auth.proof));
	assert_int_equal(record_auth_encode(&buf, &auth), ERR_OK);
	record = whole(&buf);
	assert_int_equal(record.type, 0x03);
	assert_int_equal(record.len, 32);
	assert_int_equal(record_auth_decode(&record, &again), ERR_OK);
	assert_memory_equal(auth.proof, again.proof, sizeof(auth.proof));
	assert_cut_is_malformed_and_a_tail_is_not(&buf);
	buf_fini(&buf);
}

static void
walk_comes_back_as_it_was(void **state)
{
	const struct record_walk walk = { .ttl = 5, .peer = peer_of(0x42) };
	struct record_walk again;
	struct buf buf = { 0 };
	struct record record;

	(void)state;
	assert_int_equal(record_walk_encode(&buf, &walk), ERR_OK);
	record = whole(&buf);
	assert_int_equal(record.type, 0x07);
	assert_int_equal(record.len, 1 + 16 + 1 + sizeof(addr) - 1);
	assert_int_equal(record_walk_decode(&record, &again), ERR_OK);
	assert_int_equal(again.ttl, 5);
	assert_int_equal(again.peer.node_id.bytes[15], 0x42);
	assert_int_equal(again.peer.addr.len, sizeof(addr) - 1);
	assert_memory_equal(again.peer.addr.text, addr, sizeof(addr) - 1);
	assert_cut_is_malformed_and_a_tail_is_not(&buf);
	buf_fini(&buf);
}

static void
shuffle_comes_back_as_it_was(void **state)
{
	struct record_shuffle shuffle = { .is_reply = true };
	struct record_shuffle again;
	struct buf buf = { 0 };
	struct record record;

	(void)state;
	for (uint8_t n = 0; n < RECORD_PEERS_MAX; n++) {
		shuffle.peers.peers[shuffle.peers.count++] = peer_of(n);
	}
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	record = whole(&buf);
	assert_int_equal(record.type, 0x08);
	assert_int_equal(record.body[0], 1);
	assert_int_equal(record.body[1], RECORD_PEERS_MAX);
	assert_int_equal(record_shuffle_decode(&record, &again), ERR_OK);
	assert_true(again.is_reply);
	assert_int_equal(again.peers.count, RECORD_PEERS_MAX);
	for (uint8_t n = 0; n < RECORD_PEERS_MAX; n++) {
		assert_int_equal(again.peers.peers[n].node_id.bytes[0], n);
	}
	assert_cut_is_malformed_and_a_tail_is_not(&buf);
	buf_fini(&buf);
}

static void
more_than_sixteen_peers_are_malformed(void **state)
{
	uint8_t body[2 + 17 * 17] = { 0, 17 };
	const struct record record = { RECORD_SHUFFLE, body, sizeof(body) };
	struct record_shuffle shuffle;

	(void)state;
	assert_int_equal(record_shuffle_decode(&record, &shuffle), ERR_INVALID);
	body[1] = 16;
	assert_int_equal(record_shuffle_decode(&record, &shuffle), ERR_OK);
}

static void
the_proof_of_a_welcome_is_where_it_is_said_to_be(void **state)
{
	struct record_welcome welcome = { .version = 1,
		.seen_addr = { .text = "10.0.0.7", .len = 8 },
		.max_message = 7 };
	struct buf buf = { 0 };
	struct record record;

	(void)state;
	memset(welcome.proof, 0xcd, sizeof(welcome.proof));
	assert_int_equal(record_welcome_encode(&buf, &welcome), ERR_OK);
	record = whole(&buf);
	assert_memory_equal(record.body + record_welcome_proof_at(&welcome),
	    welcome.proof, sizeof(welcome.proof));
	buf_fini(&buf);
}

static void
without_memory_nothing_is_appended(void **state)
{
	const struct record_walk walk = { .peer = peer_of(1) };
	const struct record_auth auth = { { 0 } };
	const struct record_shuffle shuffle = { .is_reply = false };
	struct buf buf = { 0 };

	(void)state;
	fault_fail_from(1);
	assert_int_equal(record_walk_encode(&buf, &walk), ERR_NOMEM);
	assert_int_equal(record_auth_encode(&buf, &auth), ERR_NOMEM);
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(buf.len, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(auth_comes_back_as_it_was),
		cmocka_unit_test(walk_comes_back_as_it_was),
		cmocka_unit_test(shuffle_comes_back_as_it_was),
		cmocka_unit_test(more_than_sixteen_peers_are_malformed),
		cmocka_unit_test(
		    the_proof_of_a_welcome_is_where_it_is_said_to_be),
		cmocka_unit_test(without_memory_nothing_is_appended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
