/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "unit/mesh/lab.h"

static void
a_listener_is_up_with_the_hello_and_answers_it(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);

	assert_int_equal(
	    lab_welcome_flags(at), WELCOME_ACCEPT | WELCOME_ORPHAN);
	assert_true(lab_has_sent(at, RECORD_WELCOME2));
	assert_int_equal(lab->ups, 1);
	assert_string_equal(lab->peer_name, "x");
	assert_string_equal(lab->peer_addr, "ws://x:1");
	assert_false(lab->peer.dialled);
}

static void
a_listener_sends_nothing_before_a_hello(void **state)
{
	static const uint8_t odd[][5] = { { RECORD_BYE, 0, 0, 1, 0 },
		{ RECORD_DATA, 0, 0, 1, 0 }, { RECORD_WELCOME, 0, 0, 1, 0 },
		{ 0x70, 0, 0, 1, 0 }, { 0x90, 0, 0, 1, 0 },
		{ 0xff, 0xff, 0xff, 0xff, 0 } };
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct lab_link *at = lab_accept(lab);

		lab_message(lab, at, odd[i], sizeof(odd[i]));
		assert_int_equal(at->close_code, 0);
		assert_int_equal(at->sent.len, 0);
	}
	struct lab_link *at = lab_accept(lab);

	lab_message(lab, at, "", 0);
	assert_int_equal(at->close_code, 0);
	assert_int_equal(mesh_stats(lab->mesh)->refused, ARRAY_LEN(odd) + 1);
}

static void
drops_who_says_no_hello_for_five_seconds(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept(lab);

	lab_pass(lab, 4999);
	assert_int_equal(at->close_code, -1);
	lab_pass(lab, 1);
	assert_int_equal(at->close_code, 0);
	assert_int_equal(at->sent.len, 0);
	assert_int_equal(mesh_stats(lab->mesh)->timeouts, 1);
	assert_int_equal(mesh_stats(lab->mesh)->refused, 1);
}

static void
a_hello_cut_at_any_byte_is_malformed(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 0x10);
	struct buf buf = { 0 };
	size_t fixed = 1 + 1 + 2 + 16 + 4 + 8 + 16;

	assert_int_equal(record_hello_encode(&buf, &hello), ERR_OK);
	for (size_t len = 1; len < buf.len; len++) {
		struct lab_link *at = lab_accept(lab);

		/* The message is cut: the record's length points behind it. */
		lab_message(lab, at, buf.bytes, len);
		assert_int_equal(at->close_code, 1002);
		lab_closed(lab, at, MESH_CLOSED);
	}
	for (size_t len = 0; len < fixed + 2; len++) {
		struct lab_link *at = lab_accept(lab);

		/* The record is cut: its own length is true. */
		lab_record(lab, at, RECORD_HELLO, buf.bytes + 4, len);
		assert_int_equal(at->close_code, 1002);
		lab_closed(lab, at, MESH_CLOSED);
	}
	buf_fini(&buf);
	assert_int_equal(lab->ups, 0);
}

static void
a_hello_that_is_too_long_closes_1009(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept(lab);
	uint8_t body[1025] = { 1, 1 };

	lab_record(lab, at, RECORD_HELLO, body, sizeof(body));
	assert_int_equal(at->close_code, 1009);
	assert_int_equal(mesh_stats(lab->mesh)->too_long, 1);
}

static void
refuses_other_versions_and_other_networks(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, 0x10);

	hello.ver_min = 2;
	hello.ver_max = 9;
	lab_say_hello(lab, at, &hello);
	assert_int_equal(lab_bye(at), BYE_VERSION);
	assert_int_equal(at->close_code, 4003);

	/* Of another version nothing but its beginning is understood. */
	at = lab_accept(lab);
	lab_record(lab, at, RECORD_HELLO, (uint8_t[]){ 2, 3 }, 2);
	assert_int_equal(lab_bye(at), BYE_VERSION);

	at = lab_accept(lab);
	hello = lab_hello(lab, 0x10);
	hello.net[7] ^= 1;
	lab_say_hello(lab, at, &hello);
	assert_int_equal(lab_bye(at), BYE_NETWORK);
	assert_int_equal(at->close_code, 1008);
	assert_int_equal(lab_welcome_flags(at), -1);
	assert_int_equal(lab->ups, 0);
	assert_int_equal(mesh_stats(lab->mesh)->refused, 3);
}

static void
tells_a_node_that_it_dialled_itself(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, 0x80);

	lab_say_hello(lab, at, &hello);
	assert_int_equal(lab_welcome_flags(at) & WELCOME_ACCEPT, 0);
	assert_int_equal(lab_bye(at), BYE_SELF);
	assert_int_equal(at->close_code, 4001);
}

static void
a_second_hello_is_a_violation(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);
	struct record_hello hello = lab_hello(lab, 0x10);

	lab_say_hello(lab, at, &hello);
	assert_int_equal(at->close_code, 1002);
	assert_int_equal(lab->downs, 1);
	/* What comes after it is ignored. */
	lab_say_data(lab, at, 0x10, 1);
	assert_int_equal(lab->delivered, 0);
}

static void
the_sixty_fifth_link_is_told_that_we_are_full(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 0x70);
	struct lab_link *at;

	for (uint8_t n = 0; n < 64; n++) {
		at = lab_accept_up(lab, n);
		assert_int_equal(inspect_slot(at->link), n);
	}
	at = lab_accept(lab);
	lab_say_hello(lab, at, &hello);
	assert_int_equal(lab_welcome_flags(at) & WELCOME_ACCEPT, 0);
	assert_int_equal(lab_bye(at), BYE_FULL);
	assert_int_equal(at->close_code, 1000);
	lab_closed(lab, at, MESH_CLOSED);
	assert_int_equal(mesh_stats(lab->mesh)->links_up, 64);

	/* A slot that is free again is used again. */
	lab_closed(lab, &lab->links[5], MESH_CLOSED);
	at = lab_accept_up(lab, 0x70);
	assert_int_equal(inspect_slot(at->link), 5);
}

/* How many of the connections so far were ended. */
static unsigned
ended(const struct lab *lab)
{
	unsigned count = 0;

	for (size_t i = 0; i < lab->link_count; i++) {
		count += lab->links[i].close_code == 0 ? 1 : 0;
		/* Nothing may be said before HELLO. */
		assert_int_equal(lab->links[i].sent.len, 0);
	}
	return count;
}

static void
of_too_many_that_wait_any_one_goes_but_not_the_newest(void **state)
{
	struct lab *lab = *state;

	for (unsigned i = 0; i < 64; i++) {
		assert_non_null(lab_accept(lab));
	}
	assert_int_equal(ended(lab), 0);
	for (unsigned i = 1; i <= 100; i++) {
		assert_non_null(lab_accept(lab));
		assert_int_equal(lab_last(lab)->close_code, -1);
		assert_int_equal(ended(lab), i);
	}
	assert_int_equal(mesh_stats(lab->mesh)->accepted, 164);
	assert_int_equal(mesh_stats(lab->mesh)->refused, 100);
	assert_int_equal(mesh_stats(lab->mesh)->waiting_limit, 100);
}

/* What has said its BYE and is not gone yet does not wait. */
static void
who_is_refused_or_up_waits_no_more(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 1);

	for (unsigned i = 0; i < 63; i++) {
		assert_non_null(lab_accept(lab));
	}
	hello.net[0]++;
	for (unsigned i = 0; i < 10; i++) {
		lab_say_hello(lab, lab_accept(lab), &hello);
		assert_int_equal(lab_bye(lab_last(lab)), BYE_NETWORK);
		(void)lab_accept_up(lab, (uint8_t)(i + 1));
	}
	assert_int_equal(mesh_stats(lab->mesh)->waiting_limit, 0);
	assert_non_null(lab_accept(lab));
	assert_non_null(lab_accept(lab));
	assert_int_equal(mesh_stats(lab->mesh)->waiting_limit, 1);
}

static void
a_larger_boot_replaces_the_old_link(void **state)
{
	struct lab *lab = *state;
	struct lab_link *old = lab_accept_up(lab, 0x10);
	struct lab_link *new = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, 0x10);

	hello.boot++;
	lab_say_hello(lab, new, &hello);
	assert_int_equal(old->close_code, 0);
	assert_true(link_is_up(new->link));
	assert_int_equal(lab->ups, 2);
	assert_int_equal(lab->downs, 1);

	/* And a smaller one does not come back. */
	struct lab_link *past = lab_accept(lab);

	hello.boot -= 2;
	lab_say_hello(lab, past, &hello);
	assert_int_equal(lab_bye(past), BYE_DUPLICATE);
	assert_true(link_is_up(new->link));
}

static void
of_two_links_dialled_by_the_same_side_the_newer_stays(void **state)
{
	struct lab *lab = *state;
	struct lab_link *old = lab_accept_up(lab, 0x10);
	struct lab_link *new = lab_accept_up(lab, 0x10);

	assert_int_equal(lab_bye(old), BYE_DUPLICATE);
	assert_int_equal(old->close_code, 4001);
	assert_true(link_is_up(new->link));
	assert_int_equal(mesh_stats(lab->mesh)->links_up, 1);
	/* What it had sent before it knew is not lost; the rest is of no use
	 * any more. */
	lab_record(lab, old, RECORD_PRUNE, "0123456789abcdef", 16);
	lab_say_data(lab, old, 0x10, 1);
	assert_int_equal(lab->delivered, 1);
}

/* The lab is 0x80; the link that the smaller id dialled stays. */
static void
of_two_links_dialled_by_both_the_smaller_ones_stays(void **state)
{
	struct lab *lab = *state;
	struct lab_link *out;
	struct lab_link *in;
	struct record_hello hello = lab_hello(lab, 0x10);
	struct record_welcome welcome = lab_welcome(0x10);

	/* We dialled and are larger: theirs stays. */
	out = lab_open_up(lab, 0x10);
	in = lab_accept_up(lab, 0x10);
	assert_int_equal(lab_bye(out), BYE_DUPLICATE);
	lab_closed(lab, out, MESH_CLOSED);

	/* The other way round: the dialler runs the rule on WELCOME. */
	lab_closed(lab, in, MESH_CLOSED);
	lab_pass(lab, 60000);
	out = lab_open(lab);
	in = lab_accept(lab);
	lab_say_hello(lab, in, &hello);
	assert_true(link_is_up(in->link));
	lab_say_welcome(lab, out, &welcome);
	assert_int_equal(lab_bye(out), BYE_DUPLICATE);
	assert_true(link_is_up(in->link));
}

static void
of_two_links_dialled_by_both_ours_stays_if_we_are_smaller(void **state)
{
	struct lab *lab = *state;
	struct lab_link *out = lab_open_up(lab, 0x90);
	struct lab_link *in = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, 0x90);

	lab_say_hello(lab, in, &hello);
	assert_int_equal(lab_bye(in), BYE_DUPLICATE);
	assert_int_equal(lab_welcome_flags(in) & WELCOME_ACCEPT, 0);
	assert_true(link_is_up(out->link));
	assert_int_equal(mesh_stats(lab->mesh)->twins, 0);

	/* Unless ours has been silent for more than five seconds. */
	lab_pass(lab, 5001);
	in = lab_accept(lab);
	lab_say_hello(lab, in, &hello);
	assert_true(link_is_up(in->link));
	assert_int_equal(out->close_code, 0);
}

static void
a_dialler_is_up_with_welcome2(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_open(lab);
	struct record_welcome welcome = lab_welcome(0x10);

	lab_say_welcome(lab, at, &welcome);
	assert_false(link_is_up(at->link));
	lab_say_welcome2(lab, at, 0);
	assert_true(link_is_up(at->link));
	assert_true(lab->peer.dialled);
	assert_string_equal(lab->peer_name, "w");
	assert_string_equal(lab->peer_addr, "ws://a:1");
}

static void
a_dialler_gives_up_after_five_seconds(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_open(lab);

	lab_pass(lab, 4999);
	assert_int_equal(at->close_code, -1);
	lab_pass(lab, 1);
	assert_int_equal(at->close_code, 0);
	assert_int_equal(mesh_stats(lab->mesh)->dial_failures, 1);
	assert_int_equal(mesh_stats(lab->mesh)->refused, 0);
}

static void
a_malformed_welcome2_breaks_the_protocol(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_open(lab);
	struct record_welcome welcome = lab_welcome(0x10);

	lab_say_welcome(lab, at, &welcome);
	lab_record(lab, at, RECORD_WELCOME2, "abc", 3);
	assert_int_equal(at->close_code, 1002);
}

static void
a_dialler_that_is_full_by_now_says_so(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_open(lab);
	struct record_welcome welcome = lab_welcome(0x70);

	lab_say_welcome(lab, at, &welcome);
	for (uint8_t n = 0; n < 64; n++) {
		(void)lab_accept_up(lab, n);
	}
	lab_say_welcome2(lab, at, 0);
	assert_int_equal(lab_bye(at), BYE_FULL);
	assert_int_equal(lab->downs, 0);
}

static void
a_dialler_accepts_only_the_records_of_a_handshake(void **state)
{
	static const struct {
		uint8_t type;
		int code;
	} rows[] = {
		{ RECORD_HELLO, 1002 },
		{ RECORD_WELCOME, 1002 }, /* malformed */
		{ RECORD_AUTH, 1002 },
		{ RECORD_WELCOME2, 1002 }, /* without WELCOME */
		{ RECORD_WALK, 1002 },
		{ RECORD_DATA, 1002 },
		{ RECORD_SYNC, 1002 },
		{ 0x7f, 1002 },
		{ 0x80, 4005 },
		{ 0xff, 4005 },
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lab_link *at;

		lab_pass(lab, 60000);
		at = lab_open(lab);
		lab_record(lab, at, rows[i].type, "abc", 3);
		assert_int_equal(at->close_code, rows[i].code);
		lab_closed(lab, at, MESH_CLOSED);
	}
	assert_int_equal(lab->ups, 0);
	assert_int_equal(lab->delivered, 0);
}

static void
a_handshake_has_room_for_eight_kib(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_open(lab);
	uint8_t peers[4609] = { 0 };

	lab_record(lab, at, RECORD_PEERS, peers, 4608);
	assert_int_equal(at->close_code, -1);
	lab_record(lab, at, RECORD_PEERS, peers, 4000);
	assert_int_equal(at->close_code, 1009);

	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 60000);
	at = lab_open(lab);
	lab_record(lab, at, RECORD_PEERS, peers, 4609);
	assert_int_equal(at->close_code, 1009);
}

static void
a_welcome_cut_at_any_byte_is_malformed(void **state)
{
	struct lab *lab = *state;
	struct record_welcome welcome = lab_welcome(0x10);
	struct buf buf = { 0 };

	assert_int_equal(record_welcome_encode(&buf, &welcome), ERR_OK);
	for (size_t len = 1; len < buf.len; len++) {
		struct lab_link *at;

		lab_pass(lab, 60000);
		at = lab_open(lab);
		lab_message(lab, at, buf.bytes, len);
		assert_int_equal(at->close_code, 1002);
		lab_closed(lab, at, MESH_CLOSED);
	}
	buf_fini(&buf);
}

static void
a_welcome_of_another_kind_is_refused(void **state)
{
	struct lab *lab = *state;
	struct record_welcome welcome = lab_welcome(0x10);
	struct lab_link *at = lab_open(lab);

	welcome.version = 2;
	lab_say_welcome(lab, at, &welcome);
	assert_int_equal(lab_bye(at), BYE_VERSION);
	lab_closed(lab, at, MESH_CLOSED);

	lab_pass(lab, 70000);
	at = lab_open(lab);
	welcome = lab_welcome(0x10);
	welcome.flags |= WELCOME_AUTH;
	lab_say_welcome(lab, at, &welcome);
	assert_int_equal(lab_bye(at), BYE_AUTH);
	lab_closed(lab, at, MESH_CLOSED);

	lab_pass(lab, 70000);
	at = lab_open(lab);
	welcome = lab_welcome(0x10);
	lab_say_welcome(lab, at, &welcome);
	lab_say_welcome(lab, at, &welcome);
	assert_int_equal(at->close_code, 1002);
	lab_closed(lab, at, MESH_CLOSED);

	lab_pass(lab, 70000);
	at = lab_open(lab);
	welcome = lab_welcome(0x80);
	lab_say_welcome(lab, at, &welcome);
	assert_int_equal(lab_bye(at), BYE_SELF);
}

static void
numbers_behind_what_the_mesh_remembers_of_it(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_open(lab);
	struct record_welcome welcome = lab_welcome(0x10);
	uint64_t last = lab_seq(7, 9);

	lab_say_welcome(lab, at, &welcome);
	lab_say_welcome2(lab, at, last);
	lab_publish(lab);
	assert_int_equal(lab->published.seq, lab_seq(8, 1));

	/* But not into the future, where nobody would take it. */
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 2000);
	at = lab_open(lab);
	lab_say_welcome(lab, at, &welcome);
	lab_say_welcome2(lab, at, lab_seq(90000, 0));
	lab_publish(lab);
	assert_int_equal(lab->published.seq, lab_seq(8, 2));
	assert_int_equal(mesh_stats(lab->mesh)->bad_boot, 1);
}

/* Else whoever tells of such a number makes it unheard of at all whose clocks
 * are behind its own. */
static void
nor_to_the_edge_of_what_others_take(void **state)
{
	static const struct {
		uint32_t ahead_s;
		bool is_taken;
	} rows[] = { { 86390, false }, { 43220, false }, { 43190, true } };
	struct lab *lab = *state;
	struct record_welcome welcome = lab_welcome(0x10);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t boot = LAB_BOOT + rows[i].ahead_s;
		struct lab_link *at = lab_open(lab);

		lab_say_welcome(lab, at, &welcome);
		lab_say_welcome2(lab, at, boot << 32 | 5);
		lab_publish(lab);
		assert_int_equal(lab->published.seq >> 32,
		    rows[i].is_taken ? boot + 1 : LAB_BOOT);
		lab_closed(lab, at, MESH_CLOSED);
		lab_pass(lab, 2000);
	}
	assert_int_equal(mesh_stats(lab->mesh)->bad_boot, 2);
}

static void
tells_the_dialler_its_highest_number(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);
	const uint8_t *p;
	struct record record;
	struct record_welcome2 welcome2;

	lab_say_data(lab, at, 0x10, 5);
	lab_closed(lab, at, MESH_CLOSED);
	at = lab_accept_up(lab, 0x10);
	p = at->sent.bytes;
	assert_int_equal(record_next(&p, p + at->sent.len, &record), ERR_OK);
	assert_int_equal(
	    record_next(&p, at->sent.bytes + at->sent.len, &record), ERR_OK);
	assert_int_equal(record_welcome2_decode(&record, &welcome2), ERR_OK);
	assert_int_equal(welcome2.last_seq, lab_seq(0, 5));
}

static void
an_address_without_host_gets_the_one_we_see(void **state)
{
	static const struct {
		const char *said, *taken;
	} rows[] = {
		{ "ws://:8080", "ws://127.0.0.1:8080" },
		{ "ws://h:8080/x", "ws://h:8080/x" },
		{ "ws://:0", "" },
		{ "ws://u@h:1", "" },
		{ "http://h:1", "" },
		{ "", "" },
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct record_hello hello = lab_hello(lab, 0x10);
		struct lab_link *at = lab_accept(lab);

		hello.addr.text = rows[i].said;
		hello.addr.len = (uint8_t)strlen(rows[i].said);
		memset(lab->peer_addr, 0, sizeof(lab->peer_addr));
		lab_say_hello(lab, at, &hello);
		assert_string_equal(lab->peer_addr, rows[i].taken);
		lab_closed(lab, at, MESH_CLOSED);
	}
	assert_int_equal(mesh_stats(lab->mesh)->bad_addr, 3);
}

static void
a_name_with_odd_bytes_is_made_harmless(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 0x10);
	struct lab_link *at = lab_accept(lab);

	hello.name = (struct str8){ .text = "a\x1b[2J\0\xff", .len = 7 };
	lab_say_hello(lab, at, &hello);
	assert_string_equal(lab->peer_name, "a?[2J??");
}

static void
a_handshake_survives_every_allocation_that_fails(void **state)
{
	struct lab *lab = *state;
	unsigned failed = 0;

	for (unsigned n = 1;; n++) {
		struct lab_link *at;

		fault_fail_nth(n);
		at = lab_accept(lab);
		if (at != NULL) {
			struct link *link = at->link;
			struct record_hello hello = lab_hello(lab, 0x10);
			struct buf buf = { 0 };

			(void)fault_off();
			assert_int_equal(
			    record_hello_encode(&buf, &hello), ERR_OK);
			/* The bench writes down what is sent: room for it. */
			assert_int_equal(buf_reserve(&at->sent, 4096), ERR_OK);
			fault_fail_nth(1);
			mesh_on_message(
			    lab->mesh, link, lab->now, buf.bytes, buf.len);
			/* Nothing behind the accept allocates. */
			assert_false(fault_off());
			assert_true(link_is_up(link));
			buf_fini(&buf);
			break;
		}
		assert_true(fault_off());
		failed++;
	}
	assert_int_equal(failed, 1);
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 1);
}

static int
setup_dialling(void **state)
{
	static const char *const peers[] = { "ws://a:1" };
	struct lab *lab;

	(void)lab_setup_raw(state);
	lab = *state;
	lab_set_peers(lab, peers, 1);
	lab_make(lab);
	assert_int_equal(lab->dials, 1);
	return 0;
}

#define TEST_IN(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)
#define TEST_OUT(f) \
	cmocka_unit_test_setup_teardown(f, setup_dialling, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_IN(a_listener_is_up_with_the_hello_and_answers_it),
		TEST_IN(a_listener_sends_nothing_before_a_hello),
		TEST_IN(drops_who_says_no_hello_for_five_seconds),
		TEST_IN(a_hello_cut_at_any_byte_is_malformed),
		TEST_IN(a_hello_that_is_too_long_closes_1009),
		TEST_IN(refuses_other_versions_and_other_networks),
		TEST_IN(tells_a_node_that_it_dialled_itself),
		TEST_IN(a_second_hello_is_a_violation),
		TEST_IN(the_sixty_fifth_link_is_told_that_we_are_full),
		TEST_IN(of_too_many_that_wait_any_one_goes_but_not_the_newest),
		TEST_IN(who_is_refused_or_up_waits_no_more),
		TEST_IN(a_larger_boot_replaces_the_old_link),
		TEST_IN(of_two_links_dialled_by_the_same_side_the_newer_stays),
		TEST_OUT(of_two_links_dialled_by_both_the_smaller_ones_stays),
		TEST_OUT(
		    of_two_links_dialled_by_both_ours_stays_if_we_are_smaller),
		TEST_OUT(a_dialler_is_up_with_welcome2),
		TEST_OUT(a_dialler_gives_up_after_five_seconds),
		TEST_OUT(a_malformed_welcome2_breaks_the_protocol),
		TEST_OUT(a_dialler_that_is_full_by_now_says_so),
		TEST_OUT(a_dialler_accepts_only_the_records_of_a_handshake),
		TEST_OUT(a_handshake_has_room_for_eight_kib),
		TEST_OUT(a_welcome_cut_at_any_byte_is_malformed),
		TEST_OUT(a_welcome_of_another_kind_is_refused),
		TEST_OUT(numbers_behind_what_the_mesh_remembers_of_it),
		TEST_OUT(nor_to_the_edge_of_what_others_take),
		TEST_IN(tells_the_dialler_its_highest_number),
		TEST_IN(an_address_without_host_gets_the_one_we_see),
		TEST_IN(a_name_with_odd_bytes_is_made_harmless),
		TEST_IN(a_handshake_survives_every_allocation_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
