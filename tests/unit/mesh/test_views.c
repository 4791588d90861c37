/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "unit/mesh/named.h"

#include "mesh/views.h"

static const struct mesh_stats *
stats(const struct lab *lab)
{
	return mesh_stats(lab->mesh);
}

static unsigned
count_sent(const struct lab_link *at, uint8_t type)
{
	const uint8_t *p = at->sent.bytes;
	const uint8_t *end = p + at->sent.len;
	struct record record;
	unsigned count = 0;

	while (p != end && record_next(&p, end, &record) == ERR_OK) {
		count += record.type == type ? 1 : 0;
	}
	return count;
}

static void
dials_what_it_learns_while_it_has_too_few_links(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	named_shuffle(lab, at, false, 10, 19);
	assert_int_equal(stats(lab)->passive, 10);
	lab_pass(lab, 1300);
	/* One link and four dials make five. */
	assert_int_equal(lab->dials, 4);
	for (size_t i = 1; i < 5; i++) {
		assert_memory_equal(lab->links[i].url, "ws://h1", 7);
		for (size_t k = 1; k < i; k++) {
			assert_string_not_equal(
			    lab->links[i].url, lab->links[k].url);
		}
	}
}

static void
enough_links_are_enough(void **state)
{
	struct lab *lab = *state;

	for (uint8_t n = 1; n <= 5; n++) {
		struct lab_link *at = named_hello(lab, n, 0);

		named_shuffle(lab, at, false, 10, 20);
	}
	lab_pass_alive(lab, 8000);
	assert_int_equal(lab->dials, 0);
}

static void
an_address_is_dialled_once_in_ten_seconds(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);
	struct lab_link *dial;

	named_shuffle(lab, at, false, 10, 10);
	lab_pass_alive(lab, 1300);
	assert_int_equal(lab->dials, 1);
	dial = lab_open(lab);
	named_full(lab, dial, 11, 10);
	lab_closed(lab, dial, MESH_CLOSED);
	assert_int_equal(stats(lab)->denied, 1);
	assert_int_equal(stats(lab)->passive, 1); /* denied: kept */
	lab_pass_alive(lab, 8600);
	assert_int_equal(lab->dials, 1);
	lab_pass_alive(lab, 1600);
	assert_int_equal(lab->dials, 2);
}

static void
eight_dials_at_a_time_at_the_most(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;

	mesh_destroy(lab->mesh);
	lab->config.links_min = 16;
	lab->config.links_max = 16;
	lab_make(lab);
	at = named_hello(lab, 1, 0);
	named_shuffle(lab, at, false, 10, 25);
	lab_pass_alive(lab, 3000);
	assert_int_equal(lab->dials, 8);
}

static void
a_failed_address_is_lost_and_dialled_to_rewire(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	named_shuffle(lab, at, false, 10, 10);
	lab_pass_alive(lab, 1300);
	assert_int_equal(lab->dials, 1);
	lab_closed(lab, lab_last(lab), MESH_DIAL_FAILED);
	assert_int_equal(stats(lab)->passive, 0);
	assert_int_equal(stats(lab)->lost, 1);
	lab_pass_alive(lab, 60000);
	assert_true(lab->dials > 1);
	assert_true(stats(lab)->rewires > 0);
	(void)lab_open(lab);
	assert_int_equal(named_flags(lab_last(lab)), HELLO_REWIRE);
}

static void
asks_urgently_when_nobody_has_room(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	named_shuffle(lab, at, false, 10, 12);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 200);
	assert_int_equal(lab->dials, 3);
	for (size_t i = 1; i <= 3; i++) {
		struct lab_link *dial = &lab->links[i];

		mesh_on_opened(
		    lab->mesh, dial->link, lab->now, 40 + i, "127.0.0.1", lab);
		assert_int_equal(named_flags(dial), HELLO_ORPHAN);
		named_full(lab, dial, 20, 21);
		lab_closed(lab, dial, MESH_CLOSED);
	}
	lab_pass(lab, 400);
	assert_true(lab->dials > 3);
	(void)lab_open(lab);
	assert_int_equal(named_flags(lab_last(lab)), HELLO_ORPHAN | HELLO_HIGH);
	/* Until somebody had room. */
	at = named_hello(lab, 0x40, 0);
	named_shuffle(lab, at, false, 30, 33);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 200);
	(void)lab_open(lab);
	assert_int_equal(named_flags(lab_last(lab)), HELLO_ORPHAN);
}

static void
only_who_leaves_or_has_no_room_names_others(void **state)
{
	struct lab *lab = *state;

	for (uint8_t reason = BYE_LEAVING; reason <= BYE_ABUSE; reason++) {
		struct lab_link *at = named_hello(
		    lab, (uint8_t)(1 + reason), HELLO_LEAF);
		uint64_t before = stats(lab)->passive;
		uint8_t first = (uint8_t)(20 + 2 * reason);

		named_bye(lab, at, reason, first, (uint8_t)(first + 1));
		assert_int_equal(stats(lab)->passive - before,
		    reason <= BYE_EVICTED ? 2 : 0);
		lab_closed(lab, at, MESH_CLOSED);
	}
}

static void
who_is_denied_hears_of_others_and_is_remembered(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;
	struct record record;
	struct record_peers peers;

	for (uint8_t n = 1; n <= 8; n++) {
		assert_true(link_is_up(named_hello(lab, n, 0)->link));
	}
	at = named_hello(lab, 9, 0);
	assert_int_equal(lab_welcome_flags(at), 0);
	assert_int_equal(lab_bye(at), BYE_FULL);
	assert_true(lab_find(at, RECORD_PEERS, &record));
	assert_int_equal(record_peers_decode(&record, &peers), ERR_OK);
	assert_int_equal(peers.count, 3);
	assert_int_equal(stats(lab)->denied, 0); /* it was not we */
	for (size_t i = 0; i < peers.count; i++) {
		assert_true(peers.peers[i].node_id.bytes[0] <= 8);
	}
	assert_int_equal(stats(lab)->passive, 1);

	/* One that cannot be dialled is of no use. */
	at = named_hello(lab, 10, HELLO_LEAF);
	assert_int_equal(lab_bye(at), BYE_FULL);
	assert_int_equal(stats(lab)->passive, 1);
}

static void
room_is_made_for_the_urgent_but_once_a_second(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;

	for (uint8_t n = 1; n <= 8; n++) {
		(void)named_hello(lab, n, 0);
	}
	at = named_hello(lab, 9, HELLO_HIGH);
	assert_true(link_is_up(at->link));
	assert_int_equal(stats(lab)->links_up, 8);
	assert_int_equal(stats(lab)->evicted, 1);
	at = named_hello(lab, 10, HELLO_REWIRE);
	assert_int_equal(lab_bye(at), BYE_FULL);
	lab_pass(lab, 1000);
	at = named_hello(lab, 11, HELLO_REWIRE);
	assert_true(link_is_up(at->link));
	assert_int_equal(stats(lab)->evicted, 2);
	assert_int_equal(stats(lab)->links_up, 8);
	for (size_t i = 0; i < 8; i++) {
		if (lab->links[i].close_code != -1) {
			assert_int_equal(lab_bye(&lab->links[i]), BYE_EVICTED);
			assert_true(lab_has_sent(&lab->links[i], RECORD_PEERS));
		}
	}
}

/* Each link brings the messages of two trees, the sixth but one. */
static void
the_link_that_fewest_trees_use_makes_room(void **state)
{
	struct lab *lab = *state;

	for (uint8_t n = 1; n <= 8; n++) {
		(void)named_hello(lab, n, 0);
	}
	for (uint8_t i = 0; i < 16; i++) {
		uint8_t n = (uint8_t)(0x40 + i);
		struct nodeid id = lab_id(n);

		if (i == 13) {
			continue;
		}
		lab_say_data(lab, &lab->links[i % 8], n, 1);
		for (uint8_t l = 0; l < 8; l++) {
			if (l != i % 8) {
				lab_record(lab, &lab->links[l], RECORD_PRUNE,
				    id.bytes, sizeof(id.bytes));
			}
		}
	}
	(void)named_hello(lab, 9, HELLO_HIGH);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(
		    lab_bye(&lab->links[i]), i == 5 ? (int)BYE_EVICTED : -1);
	}
}

static void
a_rewired_link_replaces_another(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;
	struct record_welcome welcome = lab_welcome(0x30);

	for (uint8_t n = 1; n <= 5; n++) {
		at = named_hello(lab, n, 0);
	}
	named_shuffle(lab, at, false, 10, 10);
	for (unsigned i = 0; i < 100 && lab->dials == 0; i++) {
		lab_pass_alive(lab, 1000);
	}
	at = lab_open(lab);
	assert_int_equal(named_flags(at), HELLO_REWIRE);
	lab_say_welcome(lab, at, &welcome);
	lab_say_welcome2(lab, at, 0);
	assert_true(link_is_up(at->link));
	assert_int_equal(stats(lab)->links_up, 5);
	assert_int_equal(stats(lab)->evicted, 1);
}

static void
a_newcomer_is_walked_to_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *first = named_hello(lab, 1, HELLO_ORPHAN);
	struct record record;
	struct record_walk walk;

	/* There was nobody to walk to. */
	assert_int_equal(count_sent(first, RECORD_WALK), 0);
	assert_int_equal(stats(lab)->walk_busy, 0);
	(void)named_hello(lab, 2, HELLO_ORPHAN);
	assert_true(lab_find(first, RECORD_WALK, &record));
	assert_int_equal(record_walk_decode(&record, &walk), ERR_OK);
	assert_int_equal(walk.ttl, 5);
	assert_int_equal(walk.peer.node_id.bytes[0], 2);
	assert_memory_equal(walk.peer.addr.text, "ws://h2:1", 9);

	(void)named_hello(lab, 3, 0);
	(void)named_hello(lab, 4, HELLO_ORPHAN | HELLO_LEAF);
	assert_int_equal(stats(lab)->walks, 1);
}

static void
too_many_newcomers_are_walked_nowhere(void **state)
{
	struct lab *lab = *state;
	struct lab_link *first = named_hello(lab, 1, 0);

	for (uint8_t n = 10; n < 22; n++) {
		struct lab_link *at = named_hello(lab, n, HELLO_ORPHAN);

		lab_closed(lab, at, MESH_CLOSED);
	}
	assert_int_equal(count_sent(first, RECORD_WALK), 10);
	assert_int_equal(stats(lab)->walk_busy, 2);
}

static void
a_walk_goes_on_and_ends_with_a_dial(void **state)
{
	struct lab *lab = *state;
	struct lab_link *from = named_hello(lab, 1, 0);
	struct lab_link *to = named_hello(lab, 2, 0);
	struct record record;
	struct record_walk walk;

	named_walk(lab, from, 255, 0x40);
	assert_true(lab_find(to, RECORD_WALK, &record));
	assert_int_equal(record_walk_decode(&record, &walk), ERR_OK);
	assert_int_equal(walk.ttl, 4); /* nobody makes walks longer */
	assert_int_equal(count_sent(from, RECORD_WALK), 0);
	assert_int_equal(stats(lab)->passive, 0);

	named_walk(lab, from, 3, 0x41);
	assert_int_equal(stats(lab)->passive, 1);
	assert_int_equal(lab->dials, 0);

	named_walk(lab, from, 0, 0x42);
	assert_int_equal(lab->dials, 1);
	assert_string_equal(lab_last(lab)->url, "ws://h66:1");

	/* Of ourselves we need not be told. */
	named_walk(lab, from, 0, 0x80);
	assert_int_equal(lab->dials, 1);
}

static void
a_walk_that_finds_us_full_leaves_an_address(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = NULL;

	for (uint8_t n = 1; n <= 8; n++) {
		at = named_hello(lab, n, 0);
	}
	named_walk(lab, at, 0, 0x40);
	assert_int_equal(lab->dials, 0);
	assert_int_equal(stats(lab)->passive, 1);
}

static void
too_many_walks_are_ignored_and_ten_times_that_is_abuse(void **state)
{
	struct lab *lab = *state;
	struct lab_link *from = named_hello(lab, 1, 0);
	struct lab_link *to = named_hello(lab, 2, 0);

	for (unsigned i = 0; i < 100; i++) {
		named_walk(lab, from, 5, (uint8_t)(0x90 + i % 16));
	}
	assert_int_equal(stats(lab)->walk_limit, 90);
	assert_int_equal(count_sent(to, RECORD_WALK), 10);
	assert_int_equal(from->close_code, -1);
	named_walk(lab, from, 5, 0x40);
	assert_int_equal(lab_bye(from), BYE_ABUSE);
	assert_int_equal(from->close_code, 1008);
	assert_int_equal(stats(lab)->abuse, 1);
}

static void
never_walks_more_over_a_link_than_it_may_bring(void **state)
{
	struct lab *lab = *state;
	struct lab_link *from = named_hello(lab, 1, 0);
	struct lab_link *other = named_hello(lab, 2, 0);
	struct lab_link *to = named_hello(lab, 3, 0);

	for (unsigned i = 0; i < 9; i++) {
		named_walk(lab, from, 5, (uint8_t)(0x90 + i));
		named_walk(lab, other, 5, (uint8_t)(0xa0 + i));
	}
	assert_true(count_sent(to, RECORD_WALK) <= 10);
	assert_true(count_sent(from, RECORD_WALK) <= 10);
	lab_pass(lab, 1000);
	named_walk(lab, from, 5, 0xb0);
	assert_true(stats(lab)->walks > 10);
}

static void
samples_are_exchanged_every_ten_seconds(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);
	struct record record;
	struct record_shuffle shuffle;

	lab_pass_alive(lab, 12000);
	assert_int_equal(stats(lab)->shuffles, count_sent(at, RECORD_SHUFFLE));
	assert_true(stats(lab)->shuffles >= 1 && stats(lab)->shuffles <= 3);
	assert_true(lab_find(at, RECORD_SHUFFLE, &record));
	assert_int_equal(record_shuffle_decode(&record, &shuffle), ERR_OK);
	assert_false(shuffle.is_reply);
	/* Only we are there: the peer is not told of itself. */
	assert_int_equal(shuffle.peers.count, 1);
	assert_int_equal(shuffle.peers.peers[0].node_id.bytes[0], 0x80);
	named_shuffle(lab, at, true, 10, 12);
	assert_int_equal(stats(lab)->passive, 3);

	/* A second reply was not asked for. */
	named_shuffle(lab, at, true, 20, 22);
	assert_int_equal(stats(lab)->passive, 3);
	assert_int_equal(stats(lab)->ignored, 1);
}

static void
in_time_every_neighbour_is_sent_one(void **state)
{
	struct lab *lab = *state;

	for (uint8_t n = 1; n <= 5; n++) {
		(void)named_hello(lab, n, 0);
	}
	lab_pass_alive(lab, 600000);
	for (size_t i = 0; i < 5; i++) {
		assert_true(count_sent(&lab->links[i], RECORD_SHUFFLE) > 1);
	}
}

static void
a_sample_is_answered_with_one(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);
	struct record record;
	struct record_shuffle shuffle;

	for (uint8_t n = 2; n <= 7; n++) {
		(void)named_hello(lab, n, 0);
	}
	named_shuffle(lab, at, false, 10, 19);
	named_shuffle(lab, at, false, 10, 19);
	buf_clear(&at->sent);
	lab_pass(lab, 1000);
	lab_keep_alive(lab);
	named_shuffle(lab, at, false, 20, 25);
	assert_true(lab_find(at, RECORD_SHUFFLE, &record));
	assert_int_equal(record_shuffle_decode(&record, &shuffle), ERR_OK);
	assert_true(shuffle.is_reply);
	assert_int_equal(shuffle.peers.count, 1 + 3 + 4);
	for (size_t i = 0; i < shuffle.peers.count; i++) {
		/* Not itself, and nobody twice. */
		assert_int_not_equal(
		    shuffle.peers.peers[i].node_id.bytes[0], 1);
		for (size_t k = 0; k < i; k++) {
			assert_false(
			    nodeid_equal(&shuffle.peers.peers[i].node_id,
			        &shuffle.peers.peers[k].node_id));
		}
	}
}

static void
too_many_samples_are_ignored_and_ten_times_that_is_abuse(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	for (unsigned i = 0; i < 20; i++) {
		named_shuffle(lab, at, false, 10, 10);
	}
	assert_int_equal(count_sent(at, RECORD_SHUFFLE), 2);
	assert_int_equal(stats(lab)->shuffle_limit, 18);
	named_shuffle(lab, at, false, 10, 10);
	assert_int_equal(lab_bye(at), BYE_ABUSE);
}

static void
malformed_samples_and_walks_close(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	lab_record(lab, at, RECORD_SHUFFLE, (uint8_t[]){ 0, 1 }, 2);
	assert_int_equal(at->close_code, 1002);
	at = named_hello(lab, 2, 0);
	lab_record(lab, at, RECORD_WALK, (uint8_t[]){ 5, 1 }, 2);
	assert_int_equal(at->close_code, 1002);
}

static void
the_passive_view_is_bounded(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	for (uint8_t n = 0x90; n < 0xf0; n = (uint8_t)(n + 16)) {
		named_shuffle(lab, at, false, n, (uint8_t)(n + 15));
		lab_keep_alive(lab);
		lab_pass(lab, 1000);
	}
	assert_int_equal(
	    stats(lab)->passive + stats(lab)->lost, VIEWS_PASSIVE_MAX);
}

static void
addresses_that_are_none_or_local_are_not_learned(void **state)
{
	static const char *const bad[] = { "http://a:1", "ws://a", "ws://:1",
		"ws://127.0.0.1:1", "ws://localhost:1", "ws://[::1]:9",
		"wss://127.9.9.9:1" };
	struct lab *lab = *state;
	struct link *link = mesh_on_accepted(
	    lab->mesh, lab->now, 77, "10.1.2.3", lab);
	struct lab_link *at = lab_add(lab, link);
	struct record_hello hello = lab_hello(lab, 1);
	struct record_shuffle shuffle = { 0 };
	struct buf buf = { 0 };

	lab_say_hello(lab, at, &hello);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		shuffle.peers.peers[i].node_id = lab_id((uint8_t)(0x20 + i));
		shuffle.peers.peers[i].addr = (struct str8){ .text = bad[i],
			.len = (uint8_t)strlen(bad[i]) };
		shuffle.peers.count++;
	}
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_int_equal(stats(lab)->passive, 0);
	assert_int_equal(stats(lab)->bad_addr, 3);
	assert_int_equal(stats(lab)->local_addr, 4);
}

static void
nobody_is_told_of_itself(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);
	struct record_shuffle shuffle = { .peers.count = 2 };
	struct buf buf = { 0 };

	shuffle.peers.peers[0].node_id = lab_id(0x80);
	shuffle.peers.peers[0].addr = (struct str8){ "ws://other:1", 12 };
	shuffle.peers.peers[1].node_id = lab_id(0x81);
	shuffle.peers.peers[1].addr = (struct str8){ "ws://lab:1", 10 };
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_int_equal(stats(lab)->passive, 0);
	assert_int_equal(stats(lab)->learned, 0);
}

static void
a_missing_host_is_that_of_the_speaker(void **state)
{
	struct lab *lab = *state;
	struct link *link = mesh_on_accepted(
	    lab->mesh, lab->now, 77, "fe80::7", lab);
	struct lab_link *at = lab_add(lab, link);
	struct record_hello hello = lab_hello(lab, 1);

	hello.addr = (struct str8){ .text = "ws://:9/p", .len = 9 };
	lab_say_hello(lab, at, &hello);
	assert_string_equal(lab->peer_addr, "ws://[fe80::7]:9/p");
	lab_say_bye(lab, at, BYE_EVICTED);
	assert_int_equal(stats(lab)->passive, 1);
	lab_pass_alive(lab, 11500);
	assert_string_equal(lab_last(lab)->url, "ws://[fe80::7]:9/p");
}

static void
who_goes_in_peace_is_remembered_who_vanishes_is_lost(void **state)
{
	struct lab *lab = *state;

	lab_say_bye(lab, named_hello(lab, 1, 0), BYE_LEAVING);
	lab_say_bye(lab, named_hello(lab, 2, 0), BYE_EVICTED);
	assert_int_equal(stats(lab)->passive, 2);
	assert_int_equal(stats(lab)->lost, 0);
	lab_closed(lab, named_hello(lab, 3, 0), MESH_CLOSED);
	assert_int_equal(stats(lab)->lost, 1);
	lab_say_bye(lab, named_hello(lab, 4, 0), BYE_SLOW);
	assert_int_equal(stats(lab)->lost, 2);
	/* Enemies are forgotten. */
	lab_say_bye(lab, named_hello(lab, 5, 0), BYE_ABUSE);
	lab_say_bye(lab, named_hello(lab, 6, 0), 200);
	lab_say_bye(lab, named_hello(lab, 7, 0), 255);
	assert_int_equal(stats(lab)->passive, 2);
	assert_int_equal(stats(lab)->lost, 2);
	/* Whoever comes back is not lost any more. */
	(void)named_hello(lab, 3, 0);
	assert_int_equal(stats(lab)->lost, 1);
}

/* The only node that is known is dialled, and answers HELLO with a BYE. */
static void
refuse_dial(struct lab *lab, struct lab_link *at, uint8_t reason)
{
	struct lab_link *dial;

	named_shuffle(lab, at, false, 10, 10);
	lab_pass_alive(lab, 1300);
	dial = lab_open(lab);
	lab_say_bye(lab, dial, reason);
	lab_closed(lab, dial, MESH_CLOSED);
	assert_int_equal(stats(lab)->passive, 0);
}

static void
who_refuses_for_good_is_left_alone(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	refuse_dial(lab, at, BYE_NETWORK);
	assert_int_equal(stats(lab)->lost, 0);
	named_shuffle(lab, at, false, 10, 10);
	lab_pass_alive(lab, 50000);
	assert_int_equal(lab->dials, 1);
}

static void
who_refuses_for_a_reason_that_is_not_known_is_left_alone(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	refuse_dial(lab, at, 200);
	assert_int_equal(stats(lab)->lost, 0);
	named_shuffle(lab, at, false, 10, 10);
	lab_pass_alive(lab, 50000);
	assert_int_equal(lab->dials, 1);
}

static void
who_finds_us_too_slow_is_left_alone_for_a_minute(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	refuse_dial(lab, at, BYE_SLOW);
	assert_int_equal(stats(lab)->lost, 1);
	named_shuffle(lab, at, false, 10, 10);
	lab_pass_alive(lab, 50000);
	assert_int_equal(lab->dials, 1);
	lab_pass_alive(lab, 20000);
	assert_true(lab->dials > 1);
}

static void
sixteen_links_are_the_cap(void **state)
{
	struct lab *lab = *state;

	mesh_destroy(lab->mesh);
	lab->config.links_min = 1;
	lab->config.links_max = 99;
	lab_make(lab);
	for (uint8_t n = 1; n <= 20; n++) {
		(void)named_hello(lab, n, HELLO_REWIRE);
	}
	assert_int_equal(stats(lab)->links_up, MESH_LINKS_CAP);
}

static void
silent_links_are_not_waited_for(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = NULL;

	for (uint8_t n = 1; n <= 5; n++) {
		at = named_hello(lab, n, 0);
	}
	named_shuffle(lab, at, false, 10, 19);
	lab_pass(lab, 3900);
	assert_int_equal(lab->dials, 0);
	lab_pass(lab, 1400);
	assert_int_equal(stats(lab)->isolated, 1);
	assert_int_equal(lab->dials, VIEWS_MIN);
	for (size_t i = 0; i < VIEWS_MIN; i++) {
		struct lab_link *dial = &lab->links[5 + i];

		mesh_on_opened(
		    lab->mesh, dial->link, lab->now, 40 + i, "127.0.0.1", lab);
		assert_int_equal(named_flags(dial),
		    i < VIEWS_ISOLATED_DIALS ? HELLO_HIGH : 0);
	}
}

/* The first `lively` links are heard each second. */
static void
pass_lively(struct lab *lab, size_t lively, uint64_t ms)
{
	for (; ms >= 1000; ms -= 1000) {
		lab_pass(lab, 1000);
		for (size_t i = 0; i < lively; i++) {
			mesh_on_activity(lab->links[i].link, lab->now);
		}
	}
}

/* Five links that are UP: `lively` of them are heard of, ten addresses. */
static void
five_links(struct lab *lab, size_t lively)
{
	struct lab_link *at = NULL;

	for (uint8_t n = 1; n <= 5; n++) {
		at = named_hello(lab, n, 0);
	}
	named_shuffle(lab, at, false, 10, 19);
	pass_lively(lab, lively, 4000);
}

static void
a_link_that_is_silent_is_replaced_before_it_is_dead(void **state)
{
	struct lab *lab = *state;

	five_links(lab, 3);
	pass_lively(lab, 3, 1000);
	lab_pass(lab, 200);
	assert_int_equal(stats(lab)->isolated, 0);
	assert_int_equal(stats(lab)->links_up, 5);
	assert_int_equal(lab->dials, 2);
	(void)lab_open(lab);
	assert_int_equal(named_flags(lab_last(lab)), 0);
}

static void
a_dial_that_is_not_answered_is_not_waited_for(void **state)
{
	struct lab *lab = *state;

	five_links(lab, 3);
	pass_lively(lab, 3, 1000);
	lab_pass(lab, 200);
	assert_int_equal(lab->dials, 2);
	pass_lively(lab, 3, 2000);
	lab_pass(lab, 300);
	/* The first two are still dialling. */
	assert_int_equal(lab->links[5].close_code, -1);
	assert_true(lab->dials >= 4);
}

static void
silent_links_leave_room_for_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;

	for (uint8_t n = 1; n <= 8; n++) {
		(void)named_hello(lab, n, 0);
	}
	at = named_hello(lab, 9, 0);
	assert_false(link_is_up(at->link));
	lab_pass(lab, 4000);
	at = named_hello(lab, 10, 0);
	assert_true(link_is_up(at->link));
	/* All are back: one too many. */
	lab_pass_alive(lab, 2500);
	assert_int_equal(stats(lab)->links_up, 8);
	assert_int_equal(stats(lab)->evicted, 1);
}

static void
silent_links_make_room_before_lively_ones(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;

	for (uint8_t n = 1; n <= 8; n++) {
		(void)named_hello(lab, n, 0);
	}
	/* Two of them are silent: two more, and eight that are lively. */
	pass_lively(lab, 6, 4000);
	(void)named_hello(lab, 9, 0);
	(void)named_hello(lab, 10, 0);
	assert_int_equal(stats(lab)->links_up, 10);
	assert_int_equal(stats(lab)->evicted, 0);
	at = named_hello(lab, 11, HELLO_HIGH);
	assert_true(link_is_up(at->link));
	assert_int_equal(stats(lab)->evicted, 1);
	/* Nine are lively, one too many: it is not one of them that goes. */
	lab_pass(lab, 1200);
	assert_int_equal(lab_bye(&lab->links[6]), BYE_EVICTED);
	assert_int_equal(lab_bye(&lab->links[7]), BYE_EVICTED);
}

static const char *const seeds[] = { "ws://s1:1", "ws://s2:1", "ws://s3:1",
	"ws://s4:1", "ws://s5:1", "ws://s6:1", "ws://s7:1" };

static void
bootstrap_addresses_are_dialled_while_links_are_few(void **state)
{
	struct lab *lab = *state;

	mesh_destroy(lab->mesh);
	lab_set_peers(lab, seeds, 7);
	lab_make(lab);
	assert_int_equal(lab->dials, 5);

	lab_unmake(lab);
	lab->dials = 0;
	lab->config.peer_count = 5;
	lab_make(lab);
	for (size_t i = 0; i < 5; i++) {
		struct record_welcome welcome = lab_welcome((uint8_t)(i + 1));

		mesh_on_opened(lab->mesh, lab->links[i].link, lab->now, i + 50,
		    "127.0.0.1", lab);
		lab_say_welcome(lab, &lab->links[i], &welcome);
		lab_say_welcome2(lab, &lab->links[i], 0);
	}
	assert_int_equal(stats(lab)->links_up, 5);
	lab_pass_alive(lab, 9000);
	assert_int_equal(lab->dials, 5);
	lab_closed(lab, &lab->links[0], MESH_CLOSED);
	lab_pass_alive(lab, 1500);
	assert_int_equal(lab->dials, 6);
}

static void
bootstrap_addresses_are_never_forgotten(void **state)
{
	struct lab *lab = *state;

	mesh_destroy(lab->mesh);
	lab_set_peers(lab, seeds, 1);
	lab_make(lab);
	for (unsigned i = 0; i < 20; i++) {
		unsigned dials = lab->dials;

		lab_closed(lab, lab_last(lab), MESH_DIAL_FAILED);
		for (unsigned s = 0; s < 61 && lab->dials == dials; s++) {
			lab_pass(lab, 1000);
		}
		assert_int_equal(lab->dials, dials + 1);
	}
	/* They are no news to others. */
	assert_int_equal(stats(lab)->passive, 0);
	assert_int_equal(stats(lab)->lost, 0);
}

static void
a_static_mesh_learns_nothing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *first;
	struct lab_link *at;

	mesh_destroy(lab->mesh);
	lab->config.is_auto = false;
	lab_make(lab);
	first = named_hello(lab, 1, HELLO_ORPHAN);
	at = named_hello(lab, 2, HELLO_ORPHAN);
	named_shuffle(lab, at, false, 10, 19);
	named_walk(lab, at, 0, 0x40);
	lab_pass_alive(lab, 130000);
	assert_int_equal(stats(lab)->passive, 0);
	assert_int_equal(lab->dials, 0);
	assert_int_equal(count_sent(first, RECORD_WALK), 0);
	assert_int_equal(count_sent(at, RECORD_SHUFFLE), 0);
	assert_int_equal(stats(lab)->ignored, 2);
}

static void
who_leaves_names_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	(void)named_hello(lab, 2, 0);
	mesh_stop(lab->mesh, lab->now);
	assert_int_equal(lab_bye(at), BYE_LEAVING);
	assert_true(lab_has_sent(at, RECORD_PEERS));
	lab_pass(lab, 60000);
	assert_int_equal(lab->dials, 0);
	assert_true(mesh_next_ms(lab->mesh) == UINT64_MAX);
}

static void
a_dial_without_memory_is_tried_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	named_shuffle(lab, at, false, 10, 12);
	fault_fail_from(1);
	lab_pass(lab, 1300);
	assert_true(fault_off());
	assert_int_equal(lab->dials, 0);
	assert_true(stats(lab)->nomem > 0);
	lab_pass_alive(lab, 11500);
	assert_int_equal(lab->dials, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup_auto, lab_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(dials_what_it_learns_while_it_has_too_few_links),
		TEST(enough_links_are_enough),
		TEST(an_address_is_dialled_once_in_ten_seconds),
		TEST(eight_dials_at_a_time_at_the_most),
		TEST(a_failed_address_is_lost_and_dialled_to_rewire),
		TEST(asks_urgently_when_nobody_has_room),
		TEST(only_who_leaves_or_has_no_room_names_others),
		TEST(who_is_denied_hears_of_others_and_is_remembered),
		TEST(room_is_made_for_the_urgent_but_once_a_second),
		TEST(the_link_that_fewest_trees_use_makes_room),
		TEST(a_rewired_link_replaces_another),
		TEST(a_newcomer_is_walked_to_others),
		TEST(too_many_newcomers_are_walked_nowhere),
		TEST(a_walk_goes_on_and_ends_with_a_dial),
		TEST(a_walk_that_finds_us_full_leaves_an_address),
		TEST(too_many_walks_are_ignored_and_ten_times_that_is_abuse),
		TEST(never_walks_more_over_a_link_than_it_may_bring),
		TEST(samples_are_exchanged_every_ten_seconds),
		TEST(in_time_every_neighbour_is_sent_one),
		TEST(a_sample_is_answered_with_one),
		TEST(too_many_samples_are_ignored_and_ten_times_that_is_abuse),
		TEST(malformed_samples_and_walks_close),
		TEST(the_passive_view_is_bounded),
		TEST(addresses_that_are_none_or_local_are_not_learned),
		TEST(nobody_is_told_of_itself),
		TEST(a_missing_host_is_that_of_the_speaker),
		TEST(who_goes_in_peace_is_remembered_who_vanishes_is_lost),
		TEST(who_refuses_for_good_is_left_alone),
		TEST(who_refuses_for_a_reason_that_is_not_known_is_left_alone),
		TEST(who_finds_us_too_slow_is_left_alone_for_a_minute),
		TEST(sixteen_links_are_the_cap),
		TEST(silent_links_are_not_waited_for),
		TEST(a_link_that_is_silent_is_replaced_before_it_is_dead),
		TEST(a_dial_that_is_not_answered_is_not_waited_for),
		TEST(silent_links_leave_room_for_others),
		TEST(silent_links_make_room_before_lively_ones),
		TEST(bootstrap_addresses_are_dialled_while_links_are_few),
		TEST(bootstrap_addresses_are_never_forgotten),
		TEST(a_static_mesh_learns_nothing),
		TEST(who_leaves_names_others),
		TEST(a_dial_without_memory_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
