/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "unit/mesh/lab.h"

static struct lab *
dialling(void **state, const char *const *peers, size_t count)
{
	struct lab *lab = *state;

	lab_set_peers(lab, peers, count);
	lab_make(lab);
	return lab;
}

static const char *const one[] = { "ws://a:1" };
static const char *const two[] = { "ws://a:1", "ws://b:2" };

static void
dials_every_address_at_once(void **state)
{
	struct lab *lab = dialling(state, two, 2);

	assert_int_equal(lab->dials, 2);
	assert_string_equal(lab->links[0].url, "ws://a:1");
	assert_string_equal(lab->links[1].url, "ws://b:2");
}

static void
dials_at_most_eight_at_a_time(void **state)
{
	static const char *const many[] = { "ws://a:1", "ws://a:2", "ws://a:3",
		"ws://a:4", "ws://a:5", "ws://a:6", "ws://a:7", "ws://a:8",
		"ws://a:9", "ws://a:10" };
	struct lab *lab = dialling(state, many, 10);

	assert_int_equal(lab->dials, 8);
	lab_closed(lab, &lab->links[2], MESH_DIAL_FAILED);
	lab_pass(lab, 0);
	assert_int_equal(lab->dials, 9);
	assert_string_equal(lab_last(lab)->url, "ws://a:9");
}

static void
refuses_an_address_that_is_none(void **state)
{
	static const char *const bad[] = { "ws://a:1", "http://b" };
	struct lab *lab = *state;
	struct diag diag = { .text = "" };

	lab_set_peers(lab, bad, 2);
	assert_int_equal(
	    mesh_create(&lab->mesh, &lab->config, &lab->io, &lab->rng, &diag),
	    ERR_INVALID);
	assert_non_null(strstr(diag.text, "http://b"));
	assert_null(lab->mesh);
}

static void
creation_survives_every_allocation_that_fails(void **state)
{
	struct lab *lab = *state;
	unsigned n;

	lab_set_peers(lab, two, 2);
	for (n = 1;; n++) {
		enum err err;

		fault_fail_nth(n);
		err = mesh_create(
		    &lab->mesh, &lab->config, &lab->io, &lab->rng, NULL);
		if (!fault_off()) {
			assert_int_equal(err, ERR_OK);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
		assert_null(lab->mesh);
	}
	assert_true(n > 5);

	/* A dial without memory is tried again. */
	fault_fail_nth(1);
	mesh_start(lab->mesh, lab->now);
	assert_true(fault_off());
	assert_int_equal(lab->dials, 1);
	lab_pass(lab, 1000);
	assert_int_equal(lab->dials, 2);
}

static void
a_dead_address_is_tried_for_ever_but_never_twice_a_second(void **state)
{
	struct lab *lab = dialling(state, one, 1);
	uint64_t last = lab->now;
	uint64_t sum = 0;
	uint64_t end = lab->now + 10 * 60000;
	unsigned same = 0;
	uint64_t before = 0;

	while (lab->now < end) {
		unsigned dials = lab->dials;

		lab_closed(lab, lab_last(lab), MESH_DIAL_FAILED);
		for (unsigned i = 0; i < 60100 && lab->dials == dials; i++) {
			lab_pass(lab, 1);
		}
		/* At most a minute, at least a second, and never in step. */
		assert_int_equal(lab->dials, dials + 1);
		assert_true(lab_last(lab)->dialled_ms >= last + 1000);
		assert_true(lab_last(lab)->dialled_ms <= last + 60000);
		same += lab_last(lab)->dialled_ms - last == before ? 1 : 0;
		before = lab_last(lab)->dialled_ms - last;
		sum += before;
		last = lab_last(lab)->dialled_ms;
	}
	assert_true(lab->dials >= 12 && lab->dials <= 60);
	assert_true(sum / (lab->dials - 1) >= 10000);
	assert_true(same <= 2);
	assert_int_equal(mesh_stats(lab->mesh)->dial_failures, lab->dials - 1);
}

static void
a_link_that_is_lost_is_dialled_again_soon(void **state)
{
	struct lab *lab = dialling(state, one, 1);
	struct lab_link *at = lab_open_up(lab, 1);

	lab_pass(lab, 2000);
	lab_closed(lab, at, MESH_CLOSED);
	assert_int_equal(lab->downs, 1);
	assert_int_equal(lab->peer.bye, 0xff);
	lab_pass(lab, 1000);
	assert_int_equal(lab->dials, 2);
}

/* An address that was never reached has no id yet: it is all zeros, too. */
static void
an_id_of_zeros_keeps_nobody_from_dialling(void **state)
{
	struct lab *lab = dialling(state, one, 1);

	(void)lab_accept_up(lab, 0);
	lab_closed(lab, &lab->links[0], MESH_DIAL_FAILED);
	lab_pass_alive(lab, 3000);
	assert_int_equal(lab->dials, 2);
}

static void
a_connection_that_takes_long_to_close_is_waited_for(void **state)
{
	struct lab *lab = dialling(state, one, 1);
	struct lab_link *at = lab_open_up(lab, 1);

	lab_say_bye(lab, at, BYE_LEAVING);
	assert_int_equal(at->close_code, 1001);
	lab_pass(lab, 10000);
	assert_int_equal(lab->dials, 1);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 0);
	assert_int_equal(lab->dials, 2);
}

static void
an_address_whose_node_is_linked_is_left_alone(void **state)
{
	struct lab *lab = dialling(state, two, 2);
	struct lab_link *in = lab_accept_up(lab, 1);
	struct record_welcome welcome = lab_welcome(1);
	struct lab_link *b = &lab->links[1];

	welcome.flags = 0;
	mesh_on_opened(lab->mesh, b->link, lab->now, 77, "::1", lab);
	lab_say_welcome(lab, b, &welcome);
	lab_say_bye(lab, b, BYE_DUPLICATE);
	assert_int_equal(b->close_code, 4001);
	lab_closed(lab, b, MESH_CLOSED);
	for (unsigned i = 0; i < 100; i++) {
		mesh_on_activity(in->link, lab->now);
		lab_pass(lab, 1000);
	}
	assert_int_equal(lab->dials, 2);
	assert_int_equal(mesh_stats(lab->mesh)->dial_failures, 0);
	/* Until that link is gone. */
	lab_closed(lab, in, MESH_CLOSED);
	lab_pass(lab, 1000);
	assert_int_equal(lab->dials, 3);
	assert_string_equal(lab_last(lab)->url, "ws://b:2");
}

static void
both_addresses_of_a_node_that_is_another_now_are_tried(void **state)
{
	struct lab *lab = dialling(state, two, 2);
	struct record_welcome welcome = lab_welcome(1);

	for (unsigned i = 0; i < 2; i++) {
		struct lab_link *at = &lab->links[i];

		mesh_on_opened(lab->mesh, at->link, lab->now, i, "::1", lab);
		lab_say_welcome(lab, at, &welcome);
		lab_closed(lab, at, MESH_CLOSED);
	}
	/* One of them at a time: the other dial would be its duplicate. */
	lab_pass(lab, 2500);
	assert_int_equal(lab->dials, 3);
	(void)lab_open_up(lab, 2);
	lab_pass(lab, 1000);
	assert_int_equal(lab->dials, 4);
	assert_true(strcmp(lab->links[2].url, lab->links[3].url) != 0);
}

static void
reasons_decide_how_long_an_address_is_left_alone(void **state)
{
	static const struct {
		uint8_t reason;
		unsigned min_ms, max_ms;
		int code;
	} rows[] = {
		{ BYE_LEAVING, 0, 64000, 1001 },
		{ BYE_FULL, 60000, 66000, 1000 },
		{ BYE_EVICTED, 0, 64000, 1000 },
		{ BYE_DUPLICATE, 0, 1000, 4001 },
		{ BYE_SELF, 600000, 600000, 4001 },
		{ BYE_NETWORK, 60000, 66000, 1008 },
		{ BYE_VERSION, 60000, 66000, 4003 },
		{ BYE_AUTH, 60000, 66000, 1008 },
		/* What is left of the minute that began when it was UP. */
		{ BYE_SLOW, 8000, 12000, 4002 },
		{ BYE_ABUSE, 60000, 66000, 1008 },
		{ 200, 60000, 66000, 1000 }, /* whatever it means */
	};
	struct lab *lab = dialling(state, one, 1);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lab_link *at = lab_open(lab);
		unsigned dials = lab->dials;
		uint64_t since = lab->now;

		lab_say_bye(lab, at, rows[i].reason);
		assert_int_equal(at->close_code, rows[i].code);
		lab_closed(lab, at, MESH_CLOSED);
		if (rows[i].min_ms > 0) {
			lab_pass(lab, rows[i].min_ms - 1);
			assert_int_equal(lab->dials, dials);
		}
		lab_pass(lab, since + rows[i].max_ms + 1 - lab->now);
		assert_int_equal(lab->dials, dials + 1);
		if (rows[i].reason < 10) {
			assert_int_equal(mesh_stats(lab->mesh)
			                     ->byes_received[rows[i].reason],
			    1);
		}
	}
}

static void
what_is_not_a_peer_is_left_alone_for_a_minute(void **state)
{
	struct lab *lab = dialling(state, one, 1);

	lab_closed(lab, lab_last(lab), MESH_DIAL_NOT_A_PEER);
	lab_pass(lab, 59999);
	assert_int_equal(lab->dials, 1);
	lab_pass(lab, 6001);
	assert_int_equal(lab->dials, 2);
}

static void
nobody_redials_a_link_that_was_too_slow(void **state)
{
	struct lab *lab = dialling(state, one, 1);
	struct lab_link *at = lab_open_up(lab, 1);
	struct lab_link *in;
	struct record_hello hello = lab_hello(lab, 1);

	lab_pass(lab, 2000);
	mesh_on_stalled(lab->mesh, at->link, lab->now);
	assert_int_equal(lab_bye(at), BYE_SLOW);
	assert_int_equal(at->close_code, 4002);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 59000);
	assert_int_equal(lab->dials, 1);
	in = lab_accept(lab);
	lab_say_hello(lab, in, &hello);
	assert_int_equal(lab_bye(in), BYE_SLOW);
	lab_pass(lab, 7001);
	assert_int_equal(lab->dials, 2);

	/* The side that was told does the same, */
	at = lab_open_up(lab, 1);
	lab_say_bye(lab, at, BYE_SLOW);
	in = lab_accept(lab);
	lab_say_hello(lab, in, &hello);
	assert_int_equal(lab_bye(in), BYE_SLOW);
	/* but a refusal is not answered with a longer one. */
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 66000);
	at = lab_open(lab);
	lab_say_bye(lab, at, BYE_SLOW);
	(void)lab_accept_up(lab, 1);
}

static void
a_dial_under_way_to_a_node_that_was_too_slow_is_ended(void **state)
{
	struct lab *lab = dialling(state, one, 1);
	struct lab_link *at = lab_open(lab);
	struct lab_link *in = lab_accept_up(lab, 1);
	struct record_welcome welcome = lab_welcome(1);

	mesh_on_stalled(lab->mesh, in->link, lab->now);
	lab_say_welcome(lab, at, &welcome);
	assert_int_equal(lab_bye(at), BYE_SLOW);
}

static void
a_name_that_is_too_long_is_refused(void **state)
{
	struct lab *lab = *state;
	struct diag diag = { .text = "" };
	char name[257] = { 0 };

	memset(name, 'n', sizeof(name) - 1);
	lab->config.name = name;
	assert_int_equal(
	    mesh_create(&lab->mesh, &lab->config, &lab->io, &lab->rng, &diag),
	    ERR_INVALID);
	assert_non_null(strstr(diag.text, "longer than 255"));
	name[255] = '\0';
	lab_make(lab);
}

static void
who_is_full_dials_nobody(void **state)
{
	struct lab *lab = dialling(state, one, 1);

	lab_closed(lab, lab_last(lab), MESH_DIAL_FAILED);
	for (uint8_t n = 0; n < 64; n++) {
		(void)lab_accept_up(lab, n);
	}
	lab_pass_alive(lab, 50000);
	assert_int_equal(lab->dials, 1);
	lab_closed(lab, lab_last(lab), MESH_CLOSED);
	lab_pass_alive(lab, 70000);
	assert_int_equal(lab->dials, 2);
}

static void
a_stopped_mesh_says_goodbye_and_dials_no_more(void **state)
{
	struct lab *lab = dialling(state, two, 2);
	struct lab_link *in = lab_accept_up(lab, 1);
	struct lab_link *early = lab_accept(lab);

	mesh_on_opened(lab->mesh, lab->links[0].link, lab->now, 5, "::1", lab);
	mesh_stop(lab->mesh, lab->now);
	assert_int_equal(lab_bye(in), BYE_LEAVING);
	assert_int_equal(in->close_code, 1001);
	assert_int_equal(early->close_code, 0);
	assert_int_equal(early->sent.len, 0);
	assert_int_equal(lab->links[0].close_code, 1001);
	assert_int_equal(lab->links[1].close_code, 0);
	/* A dial that succeeds now says nothing. */
	mesh_on_opened(lab->mesh, lab->links[1].link, lab->now, 6, "::1", lab);
	assert_int_equal(lab->links[1].sent.len, 0);
	for (size_t i = 0; i < 4; i++) {
		lab_closed(lab, &lab->links[i], MESH_CLOSED);
	}
	/* It was not the others who failed. */
	assert_int_equal(mesh_stats(lab->mesh)->dial_failures, 0);
	lab_pass(lab, 600000);
	assert_int_equal(lab->dials, 2);
	assert_null(lab_accept(lab));
	assert_int_equal(mesh_stats(lab->mesh)->refused, 1);
	assert_true(mesh_next_ms(lab->mesh) == UINT64_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dials_every_address_at_once),
		TEST(dials_at_most_eight_at_a_time),
		TEST(refuses_an_address_that_is_none),
		TEST(creation_survives_every_allocation_that_fails),
		TEST(a_dead_address_is_tried_for_ever_but_never_twice_a_second),
		TEST(a_link_that_is_lost_is_dialled_again_soon),
		TEST(an_id_of_zeros_keeps_nobody_from_dialling),
		TEST(a_connection_that_takes_long_to_close_is_waited_for),
		TEST(an_address_whose_node_is_linked_is_left_alone),
		TEST(both_addresses_of_a_node_that_is_another_now_are_tried),
		TEST(reasons_decide_how_long_an_address_is_left_alone),
		TEST(what_is_not_a_peer_is_left_alone_for_a_minute),
		TEST(nobody_redials_a_link_that_was_too_slow),
		TEST(a_dial_under_way_to_a_node_that_was_too_slow_is_ended),
		TEST(a_name_that_is_too_long_is_refused),
		TEST(who_is_full_dials_nobody),
		TEST(a_stopped_mesh_says_goodbye_and_dials_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
