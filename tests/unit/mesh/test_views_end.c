/* SPDX-License-Identifier: MIT
 * What becomes of an address, and of the search, when a dial or link ends. */

#include "unit/mesh/named.h"

#include "mesh/views.h"

static const char *const seeds[] = { "ws://s:1" };

static const struct mesh_stats *
stats(const struct lab *lab)
{
	return mesh_stats(lab->mesh);
}

/* The mesh begins anew with one address of --peers, which is dialled. */
static struct lab_link *
begin_with_seed(struct lab *lab)
{
	lab_unmake(lab);
	lab_set_peers(lab, seeds, ARRAY_LEN(seeds));
	lab_make(lab);
	return lab_last(lab);
}

/* Links enough, of nodes 1 to 5. */
static void
enough_links(struct lab *lab)
{
	for (uint8_t n = 1; n <= VIEWS_MIN; n++) {
		(void)named_hello(lab, n, 0);
	}
}

/* Seconds until it dials again; at most `max_s`. */
static unsigned
until_it_dials(struct lab *lab, unsigned max_s)
{
	unsigned dials = lab->dials;
	unsigned s = 0;

	for (; s < max_s && lab->dials == dials; s++) {
		lab_pass_alive(lab, 1000);
	}
	return s;
}

static void
a_dial_that_fails_is_followed_by_another_at_once(void **state)
{
	struct lab *lab = *state;

	named_shuffle(lab, named_hello(lab, 1, 0), false, 10, 19);
	lab_pass(lab, 200);
	assert_int_equal(lab->dials, 4);
	lab_closed(lab, lab_last(lab), MESH_DIAL_FAILED);
	assert_int_equal(stats(lab)->dial_failures, 1);
	lab_pass(lab, VIEWS_LOSS_MS);
	assert_int_equal(lab->dials, 5);
}

static void
a_link_that_is_lost_is_replaced_at_once(void **state)
{
	struct lab *lab = *state;

	enough_links(lab);
	named_shuffle(lab, lab_last(lab), false, 10, 10);
	lab_pass_alive(lab, 2000);
	assert_int_equal(lab->dials, 0);
	lab_say_bye(lab, lab_last(lab), BYE_DUPLICATE);
	lab_pass(lab, VIEWS_LOSS_MS);
	assert_int_equal(lab->dials, 1);
}

static void
who_throws_us_out_for_a_better_one_is_not_asked_again_at_once(void **state)
{
	struct lab *lab = *state;

	lab_say_bye(lab, named_hello(lab, 1, 0), BYE_EVICTED);
	assert_int_equal(stats(lab)->passive, 1);
	lab_pass(lab, VIEWS_AGAIN_MS - 1);
	assert_int_equal(lab->dials, 0);
	lab_pass(lab, 1200);
	assert_int_equal(lab->dials, 1);
	/* Who left may be back. */
	lab_say_bye(lab, named_hello(lab, 2, 0), BYE_LEAVING);
	lab_pass(lab, VIEWS_LOSS_MS);
	assert_int_equal(lab->dials, 2);
}

/* Of an address that a dial has found another node at, while its own node has
 * moved away. */
static void
who_has_moved_is_not_mistaken_for_who_lives_there_now(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);
	struct record_shuffle shuffle = { .peers = { .count = 1 } };
	struct record_welcome welcome = lab_welcome(0x33);
	struct buf buf = { 0 };
	struct record record;

	named_shuffle(lab, at, false, 10, 10);
	lab_pass(lab, 200);
	assert_int_equal(lab->dials, 1);
	shuffle.peers.peers[0].node_id = lab_id(10);
	shuffle.peers.peers[0].addr = str8_of("ws://moved:1");
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	lab_say_buf(lab, at, &buf);
	welcome.flags = 0;
	lab_say_welcome(lab, lab_open(lab), &welcome);

	lab_pass(lab, 1000);
	buf_clear(&at->sent);
	named_shuffle(lab, at, false, 10, 9);
	assert_true(lab_find(at, RECORD_SHUFFLE, &record));
	assert_int_equal(record_shuffle_decode(&record, &shuffle), ERR_OK);
	assert_int_equal(shuffle.peers.count, 2);
	assert_int_equal(shuffle.peers.peers[1].node_id.bytes[0], 10);
	assert_memory_equal(
	    shuffle.peers.peers[1].addr.text, "ws://moved:1", 12);
}

/* A walk ends here, and what it named says that it is this node. */
static void
walk_to_self(struct lab *lab, struct lab_link *at, uint8_t n)
{
	struct record_welcome welcome = lab_welcome(0x80);
	unsigned dials = lab->dials;

	named_walk(lab, at, 0, n);
	assert_int_equal(lab->dials, dials + 1);
	lab_say_welcome(lab, lab_open(lab), &welcome);
	assert_int_equal(lab_bye(lab_last(lab)), BYE_SELF);
	lab_closed(lab, lab_last(lab), MESH_CLOSED);
	lab_pass_alive(lab, 100);
}

/* Else whoever names them cuts this node off, once its links are lost. */
static void
however_many_are_this_node_others_are_dialled(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = named_hello(lab, 1, 0);

	for (unsigned n = 0; n < 140; n++) {
		walk_to_self(lab, at, (uint8_t)(n < 100 ? 10 + n : 50 + n));
	}
	assert_true(stats(lab)->recent_full > 0);
	named_walk(lab, at, 0, 2);
	assert_string_equal(lab_last(lab)->url, "ws://h2:1");
}

static void
a_dial_of_a_bootstrap_address_that_fails_counts_once(void **state)
{
	struct lab *lab = *state;

	lab_closed(lab, begin_with_seed(lab), MESH_DIAL_FAILED);
	assert_int_equal(stats(lab)->dial_failures, 1);
}

/* The other part of a network that was cut in two may be known only so. */
static void
a_bootstrap_address_that_failed_is_tried_though_links_are_enough(void **state)
{
	struct lab *lab = *state;

	lab_closed(lab, begin_with_seed(lab), MESH_DIAL_FAILED);
	enough_links(lab);
	assert_true(until_it_dials(lab, 300) < 300);
	assert_string_equal(lab_last(lab)->url, seeds[0]);
	assert_int_equal(named_flags(lab_open(lab)), HELLO_REWIRE);
}

static void
one_that_works_is_tried_now_and_then(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin_with_seed(lab);

	lab_open_up(lab, 0x30);
	enough_links(lab);
	lab_closed(lab, at, MESH_CLOSED);
	assert_int_equal(stats(lab)->links_up, VIEWS_MIN);
	assert_in_range(until_it_dials(lab, 1800), 10, 1799);
	assert_string_equal(lab_last(lab)->url, seeds[0]);
	assert_int_equal(named_flags(lab_open(lab)), 0);
}

static void
a_dial_that_is_answered_late_is_waited_for(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at, *dial;

	lab_unmake(lab);
	lab->config.links_min = 2;
	lab_make(lab);
	at = named_hello(lab, 1, 0);
	named_shuffle(lab, at, false, 10, 10);
	lab_pass_alive(lab, 200);
	dial = lab_last(lab);
	assert_int_equal(lab->dials, 1);
	lab_pass_alive(lab, VIEWS_HOPE_MS);
	mesh_on_opened(lab->mesh, dial->link, lab->now, 9, "127.0.0.1", lab);
	named_shuffle(lab, at, false, 11, 11);
	lab_pass_alive(lab, VIEWS_HOPE_MS - 1);
	assert_int_equal(lab->dials, 1);
	lab_pass_alive(lab, VIEWS_FILL_MS + 201);
	assert_int_equal(lab->dials, 2);
}

static void
fewer_links_than_wanted_at_least_are_allowed(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = NULL;

	lab_unmake(lab);
	lab->config.links_min = 10;
	lab->config.links_max = 3;
	lab_make(lab);
	for (uint8_t n = 1; n <= 3; n++) {
		at = named_hello(lab, n, 0);
	}
	named_shuffle(lab, at, false, 10, 19);
	lab_pass_alive(lab, 5000);
	assert_int_equal(lab->dials, 0);
}

/* Node 10 is dialled, and WELCOME says that `n` is there. */
static struct lab_link *
dial_finds(struct lab *lab, uint8_t n)
{
	struct lab_link *at = named_hello(lab, 1, 0);
	struct record_welcome welcome = lab_welcome(n);

	named_shuffle(lab, at, false, 10, 10);
	lab_pass(lab, 200);
	assert_int_equal(lab->dials, 1);
	welcome.flags = 0;
	lab_say_welcome(lab, lab_open(lab), &welcome);
	return lab_last(lab);
}

static void
its_own_address_is_left_alone_for_a_minute(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = dial_finds(lab, 0x80);

	assert_int_equal(lab_bye(at), BYE_SELF);
	assert_int_equal(stats(lab)->passive, 0);
	named_shuffle(lab, &lab->links[0], false, 10, 10);
	assert_in_range(until_it_dials(lab, 700), 59, 62);
}

static void
another_address_of_a_neighbour_is_known_no_more(void **state)
{
	struct lab *lab = *state;

	lab_say_bye(lab, dial_finds(lab, 1), BYE_DUPLICATE);
	assert_int_equal(stats(lab)->passive, 0);
	assert_int_equal(stats(lab)->lost, 0);
	assert_int_equal(stats(lab)->dial_failures, 0);
}

static void
who_says_its_name_and_is_gone_is_lost(void **state)
{
	struct lab *lab = *state;

	lab_closed(lab, dial_finds(lab, 0x33), MESH_CLOSED);
	assert_int_equal(stats(lab)->passive, 0);
	assert_int_equal(stats(lab)->lost, 1);
	assert_int_equal(stats(lab)->dial_failures, 1);
}

/* A lost address, or one that is known: not both at a time. */
static void
one_dial_rewires(void **state)
{
	struct lab *lab = *state;
	unsigned dials = 0;

	lab_closed(lab, named_hello(lab, 0x20, 0), MESH_CLOSED);
	enough_links(lab);
	named_shuffle(lab, lab_last(lab), false, 10, 25);
	while (dials < 20 && until_it_dials(lab, 120) < 120) {
		dials++;
		assert_int_equal(lab->dials, dials);
		named_full(lab, lab_open(lab), 11, 10);
		lab_closed(lab, lab_last(lab), MESH_CLOSED);
	}
	assert_int_equal(dials, 20);
	assert_int_equal(stats(lab)->rewires, 20);
}

static void
a_bootstrap_address_that_is_full_is_asked_again_soon(void **state)
{
	struct lab *lab = *state;

	for (uint64_t links = 0; links < 2; links++) {
		struct lab_link *at = begin_with_seed(lab);
		uint64_t most_ms = links == 0 ? 1200 : 12000;
		unsigned dials = lab->dials;

		if (links > 0) {
			(void)named_hello(lab, 1, 0);
		}
		mesh_on_opened(
		    lab->mesh, at->link, lab->now, 9, "127.0.0.1", lab);
		lab_say_bye(lab, at, BYE_FULL);
		lab_closed(lab, at, MESH_CLOSED);
		lab_pass_alive(lab, most_ms / 2);
		assert_int_equal(lab->dials, dials);
		lab_pass_alive(lab, most_ms / 2 + 1);
		assert_int_equal(lab->dials, dials + 1);
	}
}

static void
a_dialler_is_told_of_others(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin_with_seed(lab);
	struct record_welcome welcome = lab_welcome(0x30);
	struct record_welcome2 welcome2 = { .last_seq = 0 };
	struct named named[RECORD_PEERS_MAX];
	struct buf buf = { 0 };

	lab_say_welcome(lab, lab_open(lab), &welcome);
	named_list(&welcome2.peers, named, 10, 14);
	assert_int_equal(record_welcome2_encode(&buf, &welcome2), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_true(link_is_up(at->link));
	assert_int_equal(stats(lab)->passive, 5);
}

static void
a_newcomer_is_told_of_others(void **state)
{
	struct lab *lab = *state;
	struct record record;
	struct record_welcome2 welcome2;

	(void)named_hello(lab, 1, 0);
	assert_true(lab_find(named_hello(lab, 2, 0), RECORD_WELCOME2, &record));
	assert_int_equal(record_welcome2_decode(&record, &welcome2), ERR_OK);
	assert_int_equal(welcome2.peers.count, 1);
	assert_int_equal(welcome2.peers.peers[0].node_id.bytes[0], 1);
}

/* A listener, too, may advertise no host, or live on this host only. */
static void
of_who_was_dialled_the_host_is_known(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin_with_seed(lab);
	struct record_shuffle shuffle = { .peers = { .count = 2 } };
	struct buf buf = { 0 };
	struct buf known = { 0 };

	lab_open_up(lab, 0x30);
	shuffle.peers.peers[0].node_id = lab_id(0x31);
	shuffle.peers.peers[0].addr = str8_of("ws://127.0.0.1:7");
	shuffle.peers.peers[1].node_id = lab_id(0x30);
	shuffle.peers.peers[1].addr = str8_of("ws://:8");
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_int_equal(stats(lab)->passive, 1);
	assert_int_equal(stats(lab)->learned, 1);
	assert_int_equal(stats(lab)->local_addr + stats(lab)->bad_addr, 0);
	assert_int_equal(mesh_snapshot(lab->mesh, &known), ERR_OK);
	assert_int_equal(buf_append(&known, "", 1), ERR_OK);
	assert_non_null(strstr((char *)known.bytes, " ws://127.0.0.1:7\n"));
	buf_fini(&known);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup_auto, lab_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_dial_that_fails_is_followed_by_another_at_once),
		TEST(a_link_that_is_lost_is_replaced_at_once),
		TEST(
		    who_throws_us_out_for_a_better_one_is_not_asked_again_at_once),
		TEST(who_has_moved_is_not_mistaken_for_who_lives_there_now),
		TEST(however_many_are_this_node_others_are_dialled),
		TEST(a_dial_of_a_bootstrap_address_that_fails_counts_once),
		TEST(
		    a_bootstrap_address_that_failed_is_tried_though_links_are_enough),
		TEST(one_that_works_is_tried_now_and_then),
		TEST(a_dial_that_is_answered_late_is_waited_for),
		TEST(fewer_links_than_wanted_at_least_are_allowed),
		TEST(its_own_address_is_left_alone_for_a_minute),
		TEST(another_address_of_a_neighbour_is_known_no_more),
		TEST(who_says_its_name_and_is_gone_is_lost),
		TEST(one_dial_rewires),
		TEST(a_bootstrap_address_that_is_full_is_asked_again_soon),
		TEST(a_dialler_is_told_of_others),
		TEST(a_newcomer_is_told_of_others),
		TEST(of_who_was_dialled_the_host_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
