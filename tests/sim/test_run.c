/* SPDX-License-Identifier: MIT */
#include "support/test.h"

#include "base/log.h"
#include "heap_count.h"
#include "sim/report.h"
#include "sim/sim.h"

/* Twelve nodes whose links are given. */
static struct sim_config
small(void)
{
	struct sim_config config;

	sim_config_init(&config);
	config.is_static = true;
	config.nodes = 12;
	config.join_s = 2;
	config.settle_s = 8;
	config.check = 2;
	return config;
}

/* Twelve that find their own. */
static struct sim_config
small_auto(void)
{
	struct sim_config config = small();

	config.is_static = false;
	config.promises = true;
	return config;
}

/* For a while nodes restart, links end, and the mesh is cut in two. */
static struct sim_config
restless(void)
{
	struct sim_config config = small();

	config.promises = true;
	config.restart_per_s = 0.5;
	config.churn_per_s = 0.5;
	config.partition_s = 30;
	config.drain_s = 140;
	return config;
}

static void
run(const struct sim_config *config, struct sim_result *result)
{
	struct diag diag;

	assert_int_equal(sim_run(config, result, &diag), ERR_OK);
	assert_string_equal(result->violation, "");
}

static void
is_refused(const struct sim_config *config, struct diag *diag)
{
	struct sim_result result;

	assert_int_equal(sim_run(config, &result, diag), ERR_INVALID);
}

static void
all_arrived(const struct sim_row *row)
{
	assert_true(row->delivered == row->expected);
}

/* Nothing is lost without a word. */
static void
all_arrived_or_was_told_as_a_gap(const struct sim_row *row)
{
	assert_true(row->delivered + row->gaps + row->unheard == row->expected);
}

/* So many nodes, and a way from each to each. */
static void
is_one_mesh_of(const struct sim_result *result, unsigned nodes)
{
	assert_int_equal(result->live, nodes);
	assert_int_equal(result->parts, 1);
}

static void
the_same_seed_gives_the_same_run(void **state)
{
	struct sim_config config;
	struct sim_result first;
	struct sim_result again;
	struct buf text[2];

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		sim_config_random(&config, seed);
		config.is_static = true;
		config.check = 1;
		config.starve = heap_count_starve;
		run(&config, &first);
		run(&config, &again);
		assert_true(first.hash == again.hash);
		assert_true(first.events == again.events);
		first.cpu_s = 0;
		again.cpu_s = 0;
		buf_init(&text[0]);
		buf_init(&text[1]);
		assert_int_equal(
		    report_json(&text[0], &config, &first), ERR_OK);
		assert_int_equal(
		    report_json(&text[1], &config, &again), ERR_OK);
		assert_int_equal(text[0].len, text[1].len);
		assert_memory_equal(text[0].bytes, text[1].bytes, text[0].len);
		buf_fini(&text[0]);
		buf_fini(&text[1]);
	}
}

static void
another_seed_gives_another_run(void **state)
{
	struct sim_config config = small();
	struct sim_result first;
	struct sim_result other;

	(void)state;
	run(&config, &first);
	config.seed = 2;
	run(&config, &other);
	assert_true(first.hash != other.hash);
}

static void
everything_arrives_once_when_nothing_fails(void **state)
{
	struct sim_config config = small();
	struct sim_result result;

	(void)state;
	run(&config, &result);
	for (int i = 0; i < ROW_COUNT; i++) {
		const struct sim_row *row = &result.rows[i];

		assert_true(row->messages > 0);
		assert_true(row->expected == row->messages * 11);
		all_arrived(row);
		assert_true(row->soon == row->expected);
		assert_true(row->missing == 0 && row->gaps == 0);
		assert_true(row->p99_ms <= result.flood_p99_ms + 2);
	}
	assert_true(result.duplicates == 0);
	is_one_mesh_of(&result, 12);
}

static void
every_byte_of_a_message_is_counted(void **state)
{
	/* 4 + 2 + 1 + 1 + 16 + 8 + 256, and a header of 4 bytes; the dialler
	 * masks with 4 more. */
	const double plain = (292 + 0) / 2.0;
	const double masked = (292 + 4) / 2.0;
	struct sim_config config = small();
	struct sim_result result;

	(void)state;
	config.nodes = 2;
	config.degree = 1;
	run(&config, &result);
	assert_true(result.rows[ROW_STEADY].rmr == 0);
	assert_true(result.rows[ROW_STEADY].bytes[CLASS_DATA] == plain ||
	            result.rows[ROW_STEADY].bytes[CLASS_DATA] == masked);
}

static void
a_crash_with_resets_leaves_the_survivors(void **state)
{
	struct sim_config config = small();
	struct sim_result result;

	(void)state;
	config.crash_percent = 50;
	run(&config, &result);
	assert_int_equal(result.live, 6);
	assert_true(result.rows[ROW_EVENT].expected ==
	            result.rows[ROW_EVENT].messages * 5);
}

static void
a_cut_loses_messages_until_it_heals(void **state)
{
	struct sim_config config = small();
	struct sim_result result;

	(void)state;
	config.partition_s = 20;
	run(&config, &result);
	assert_true(
	    result.rows[ROW_EVENT].soon < result.rows[ROW_EVENT].expected);
	assert_true(
	    result.rows[ROW_STEADY].soon == result.rows[ROW_STEADY].expected);
	all_arrived(&result.rows[ROW_HEALED]);
	assert_int_equal(result.parts, 1);
	assert_true(result.whole_s >= 0);
}

static void
a_short_cut_only_delays(void **state)
{
	struct sim_config config = small();
	struct sim_result result;

	(void)state;
	config.partition_s = 4; /* nobody is dead before nine */
	run(&config, &result);
	assert_true(
	    result.rows[ROW_EVENT].soon < result.rows[ROW_EVENT].expected);
	all_arrived(&result.rows[ROW_EVENT]);
}

static void
what_a_small_history_forgets_is_told_as_gaps(void **state)
{
	struct sim_config config = small_auto();
	struct sim_result result;
	const struct sim_row *row = &result.rows[ROW_EVENT];

	(void)state;
	config.partition_s = 25;
	config.history = 8192;
	config.drain_s = 66;
	run(&config, &result);
	assert_true(row->gaps > 0);
	all_arrived_or_was_told_as_a_gap(row);
	assert_true(result.seen[SEEN_HISTORY] > 0);
	assert_true(result.seen[SEEN_CUT] > 0);
	assert_true(result.seen[SEEN_GAP] > 0);
	assert_true(result.seen[SEEN_PAUSE] == 0);
}

static void
who_has_not_the_key_gets_nothing_and_harms_nobody(void **state)
{
	struct sim_config config = small_auto();
	struct sim_result result;
	const struct sim_row *row = &result.rows[ROW_EVENT];

	(void)state;
	config.has_psk = true;
	config.strangers = 2;
	run(&config, &result);
	assert_true(result.seen[SEEN_OTHER_KEY] > 0);
	assert_true(result.seen[SEEN_NO_KEY] > 0);
	assert_int_equal(result.seen[SEEN_TWIN], 0); /* whatever they say */
	assert_true(row->expected == row->messages * 9);
	all_arrived(row);
	is_one_mesh_of(&result, 10);
	assert_true(result.joined_s >= 0);
}

/* All are known to each other by what they told of themselves.  Where links are
 * renewed all the time, a way may end until its node speaks again. */
static void
in_a_calm_mesh_what_is_for_one_node_reaches_it(void **state)
{
	struct sim_config config = small();
	struct sim_result result;

	(void)state;
	config.presence = true;
	config.nodes = 40;
	config.senders = 40;
	config.settle_s = 15;
	config.unicast_percent = 100;
	run(&config, &result);
	assert_true(result.seen[SEEN_UNICAST] > 0);
	assert_true(result.unicasts == result.seen[SEEN_UNICAST]);
	config.is_static = false;
	run(&config, &result);
	assert_true(result.unicasts + result.seen[SEEN_UNICAST_LOST] ==
	            result.seen[SEEN_UNICAST]);
	assert_true(
	    result.seen[SEEN_UNICAST_LOST] * 100 < result.seen[SEEN_UNICAST]);
}

/* Nobody knows a way to who has never spoken. */
static void
without_a_way_what_is_for_one_node_goes_through_all(void **state)
{
	struct sim_config config = small();
	struct sim_result result;

	(void)state;
	config.unicast_percent = 100;
	run(&config, &result);
	assert_true(result.seen[SEEN_UNICAST_FLOOD] > 0);
	assert_true(result.rows[ROW_STEADY].messages > 0);
	all_arrived(&result.rows[ROW_STEADY]);
}

/* Half of the nodes take only half of a message. */
static void
what_is_too_large_for_some_is_told_to_them_as_a_gap(void **state)
{
	struct sim_config config = small();
	struct sim_result result;
	const struct sim_row *row = &result.rows[ROW_HEALED];

	(void)state;
	config.promises = true;
	config.degree = 2;
	config.senders = 3;
	config.rate = 100;
	config.small_percent = 50;
	config.drain_s = 40;
	run(&config, &result);
	assert_true(result.seen[SEEN_SMALL] > 0);
	assert_true(row->gaps > 0 && row->delivered > 0);
	all_arrived_or_was_told_as_a_gap(row);
	assert_int_equal(result.parts, 1);
}

static void
who_has_no_memory_for_a_while_loses_nothing_silently(void **state)
{
	struct sim_config config = small();
	struct sim_result result;
	const struct sim_row *row = &result.rows[ROW_EVENT];

	(void)state;
	config.promises = true;
	config.has_psk = true;
	config.starve_per_s = 5;
	config.restart_per_s = 0.5;
	config.loss_percent = 200;
	config.drain_s = 66;
	config.starve = heap_count_starve;
	run(&config, &result);
	assert_true(result.seen[SEEN_STARVE] > 0);
	assert_true(result.seen[SEEN_NOMEM] > 0);
	all_arrived_or_was_told_as_a_gap(row);
}

static void
given_links_are_dialled_until_they_are_there_again(void **state)
{
	struct sim_config config = restless();
	struct sim_result result;

	(void)state;
	config.degree = 1; /* a ring */
	run(&config, &result);
	assert_true(result.seen[SEEN_RING] > 0);
	is_one_mesh_of(&result, 12);
}

/* Behind who is gone for good nobody can be told of anything. */
static void
who_was_the_only_way_leaves_parts_that_miss_nothing_of_their_own(void **state)
{
	struct sim_config config = small();
	struct sim_result result;
	const struct sim_row *row = &result.rows[ROW_HEALED];

	(void)state;
	config.promises = true;
	config.shape = SHAPE_LINE;
	config.senders = 4;
	config.crash_percent = 30;
	run(&config, &result);
	assert_int_equal(result.live, 9);
	assert_true(result.parts > 1);
	assert_true(row->delivered > 0 && row->delivered < row->expected);
	assert_true(row->missing == 0);
}

/* Who is between two others forgets all, and they are as far apart as they can
 * be. */
static void
in_every_shape_who_comes_back_is_the_way_to_all_others_again(void **state)
{
	struct sim_config config = restless();
	struct sim_result result;

	(void)state;
	config.senders = 3;
	config.entries = 0;
	for (int shape = SHAPE_LINE; shape < SHAPE_COUNT; shape++) {
		config.shape = (enum shape)shape;
		run(&config, &result);
		assert_true(result.seen[SEEN_RING + shape] > 0);
		is_one_mesh_of(&result, 12);
	}
}

static struct sim_config
with_liars(void)
{
	struct sim_config config = small_auto();

	config.nodes = 16;
	config.senders = 4;
	config.liars = 2;
	config.event_s = 60;
	config.drain_s = 66;
	return config;
}

static void
what_liars_tell_costs_nobody_a_message(void **state)
{
	struct sim_config config = with_liars();
	struct sim_result result;

	(void)state;
	run(&config, &result);
	for (int i = 0; i < ROW_COUNT; i++) {
		const struct sim_row *row = &result.rows[i];

		assert_true(row->expected == row->messages * 13);
		all_arrived(row);
	}
	assert_true(result.seen[SEEN_LIE] > 0);
	assert_true(result.seen[SEEN_FORGERY] == 0);
	assert_true(result.seen[SEEN_BELIEVED] > 0);
	assert_true(result.seen[SEEN_ABUSE] > 0);
	is_one_mesh_of(&result, 14);
}

/* Nobody signs (PROTOCOL 15): messages may be lost, but nothing else. */
static void
who_speaks_under_the_ids_of_others_breaks_nothing_else(void **state)
{
	struct sim_config config = with_liars();
	struct sim_result result;

	(void)state;
	config.forges = true;
	config.check = 1; /* with full tables a look takes long */
	run(&config, &result);
	assert_true(result.seen[SEEN_FORGERY] > 0);
	assert_true(result.duplicates == 0);
	assert_int_equal(result.parts, 1);
}

/* In a small mesh the liar is linked to all who knew the other one. */
static void
who_joins_under_the_id_of_another_shuts_nobody_out(void **state)
{
	struct sim_config config = with_liars();
	struct sim_result result;

	(void)state;
	config.nodes = 8;
	config.imitates = true;
	run(&config, &result);
	assert_true(result.seen[SEEN_IMITATION] == 2);
	assert_true(result.seen[SEEN_TWIN] > 0);
	assert_true(result.seen[SEEN_RENAMED] > 0);
	assert_true(result.duplicates == 0);
	is_one_mesh_of(&result, 6);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	struct sim_config config = small();
	struct diag diag;

	(void)state;
	config.nodes = 1;
	is_refused(&config, &diag);
	config = small();
	config.senders = 13;
	is_refused(&config, &diag);
	config = small();
	config.latency_min_ms = 60;
	is_refused(&config, &diag);
	config = small();
	config.strangers = 1; /* to no key */
	is_refused(&config, &diag);
	config.has_psk = true;
	config.strangers = 3;
	is_refused(&config, &diag);
	config = small();
	config.starve_per_s = 1; /* by nobody */
	is_refused(&config, &diag);
	config = small();
	config.liars = 12;
	is_refused(&config, &diag);
	config = small();
	config.shape = SHAPE_STAR;
	config.nodes = 66;
	is_refused(&config, &diag);
	assert_string_equal(diag.text,
	    "a star of 66 nodes; expected 65 at the most: a node has room for "
	    "64 links");
}

static void
a_queue_without_room_for_a_message_is_refused(void **state)
{
	struct sim_config config = small();
	struct sim_result result;
	struct diag diag;

	(void)state;
	config.soft = 4096;
	config.payload = 10000;
	config.hard = 14095;
	is_refused(&config, &diag);
	assert_string_equal(diag.text,
	    "--hard: found 14095, expected 14096 or more: --soft and a message "
	    "of 10000 bytes. Try --hard 14096, or a smaller --soft or "
	    "--payload.");
	config.hard = 14096;
	run(&config, &result);
	config.hard = 1024; /* below soft */
	is_refused(&config, &diag);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_run),
		cmocka_unit_test(another_seed_gives_another_run),
		cmocka_unit_test(everything_arrives_once_when_nothing_fails),
		cmocka_unit_test(every_byte_of_a_message_is_counted),
		cmocka_unit_test(a_crash_with_resets_leaves_the_survivors),
		cmocka_unit_test(a_cut_loses_messages_until_it_heals),
		cmocka_unit_test(a_short_cut_only_delays),
		cmocka_unit_test(what_a_small_history_forgets_is_told_as_gaps),
		cmocka_unit_test(
		    who_has_not_the_key_gets_nothing_and_harms_nobody),
		cmocka_unit_test(
		    in_a_calm_mesh_what_is_for_one_node_reaches_it),
		cmocka_unit_test(
		    without_a_way_what_is_for_one_node_goes_through_all),
		cmocka_unit_test(
		    what_is_too_large_for_some_is_told_to_them_as_a_gap),
		cmocka_unit_test(
		    who_has_no_memory_for_a_while_loses_nothing_silently),
		cmocka_unit_test(
		    given_links_are_dialled_until_they_are_there_again),
		cmocka_unit_test(
		    who_was_the_only_way_leaves_parts_that_miss_nothing_of_their_own),
		cmocka_unit_test(
		    in_every_shape_who_comes_back_is_the_way_to_all_others_again),
		cmocka_unit_test(what_liars_tell_costs_nobody_a_message),
		cmocka_unit_test(
		    who_speaks_under_the_ids_of_others_breaks_nothing_else),
		cmocka_unit_test(
		    who_joins_under_the_id_of_another_shuts_nobody_out),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_queue_without_room_for_a_message_is_refused),
	};
	struct diag diag;

	if (log_open(&(struct log_config){ .filter = "error" }, &diag) !=
	    ERR_OK) {
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
