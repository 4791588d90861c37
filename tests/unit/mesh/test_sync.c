/* SPDX-License-Identifier: MIT */

#include "mesh/inside.h"
#include "mesh/lazy.h"
#include "mesh/sync.h"
#include "mesh/window.h"
#include "support/fault.h"
#include "unit/mesh/runs.h"

static void
who_has_nothing_says_nothing(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(runs_count(runs_up_told(lab, 1), RECORD_SYNC), 0);
}

static void
a_new_link_is_told_every_run_that_is_held(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_run runs[8];

	lab_publish(lab);
	lab_publish(lab);
	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 9, 2);
	lab_say_data(lab, a, 9, 5);
	lab_pass(lab, 10);
	lab_say_data(lab, a, 8, 7);
	assert_int_equal(
	    runs_sent(runs_up_told(lab, 2), RECORD_SYNC, runs, 8), 4);
	assert_int_equal(runs[0].origin.bytes[0], 0x80);
	assert_int_equal(runs[0].seq, RUNS_SEQ(1));
	assert_int_equal(runs[0].count, 2);
	/* The most recent origin first, of each the lowest first. */
	assert_int_equal(runs[1].origin.bytes[0], 8);
	assert_int_equal(runs[2].origin.bytes[0], 9);
	assert_int_equal(runs[2].seq, RUNS_SEQ(1));
	assert_int_equal(runs[2].count, 2);
	assert_int_equal(runs[3].seq, RUNS_SEQ(5));
	assert_int_equal(runs[3].count, 1);
}

static void
of_what_is_no_longer_held_only_the_number_is_told(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_run runs[8];

	lab_publish(lab);
	lab_say_data(lab, a, 9, 7);
	lab_pass_alive(lab, 61000);
	assert_int_equal(
	    runs_sent(runs_up_told(lab, 2), RECORD_SYNC, runs, 8), 2);
	assert_int_equal(runs[0].origin.bytes[0], 0x80);
	assert_int_equal(runs[0].seq, RUNS_SEQ(2));
	assert_int_equal(runs[0].count, 0);
	assert_int_equal(runs[1].seq, RUNS_SEQ(8));
	assert_int_equal(runs[1].count, 0);
}

/* Who hears of the newest boot first would take nothing of the other. */
static void
the_boot_before_is_told_first(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_run runs[8];

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 9, 3);
	runs_say_reborn(lab, a, 9, 1, 1);
	assert_int_equal(
	    runs_sent(runs_up_told(lab, 2), RECORD_SYNC, runs, 8), 3);
	assert_int_equal(runs[0].seq, RUNS_SEQ(1));
	assert_int_equal(runs[1].seq, RUNS_SEQ(3));
	assert_int_equal(runs[1].count, 1);
	assert_int_equal(runs[2].seq, lab_seq(1, 1));
	/* And when nothing of it is held, how far it came. */
	lab_pass_alive(lab, 61000);
	runs_say_reborn(lab, a, 9, 1, 2);
	assert_int_equal(
	    runs_sent(runs_up_told(lab, 3), RECORD_SYNC, runs, 8), 2);
	assert_int_equal(runs[0].seq, RUNS_SEQ(4));
	assert_int_equal(runs[0].count, 0);
	assert_int_equal(runs[1].seq, lab_seq(1, 2));
}

/* Nobody holds them: no message and no announcement will tell the others. */
static void
how_far_an_origin_came_is_passed_on_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);

	lab_say_data(lab, a, 9, 1);
	runs_say_reborn(lab, a, 9, 1, 1);
	runs_forget(lab);
	runs_say(lab, a, RECORD_SYNC, 9, 4, 0, 0); /* it came as far as 3 */
	assert_int_equal(runs_count(b, RECORD_SYNC), 0); /* soon */
	lab_pass(lab, LAZY_TOLD_MS);
	runs_only_end(b, 9, 0, 3);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
	runs_forget(lab);
	runs_say(lab, b, RECORD_SYNC, 9, 4, 0, 0);
	runs_say(lab, a, RECORD_SYNC, 9, 1, 3, 0);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
	assert_int_equal(runs_count(b, RECORD_SYNC), 0);
	/* The same with the boot that goes on, or would if it could. */
	lab_say_data(lab, a, 8, 1);
	runs_say(lab, a, RECORD_SYNC, 8, 4, 0, 0);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_only(b, RECORD_SYNC).seq, RUNS_SEQ(4));
	runs_forget(lab);
	runs_say(lab, b, RECORD_SYNC, 8, 4, 0, 0);
	runs_say(lab, b, RECORD_SYNC, 8, 3, 0, 0);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
}

static void
who_wants_no_history_is_told_nothing(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 1);
	struct lab_link *a = lab_accept(lab);

	lab_publish(lab);
	hello.flags = HELLO_FRESH;
	lab_say_hello(lab, a, &hello);
	assert_true(link_is_up(a->link));
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
}

static void
what_the_other_holds_is_fetched(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	struct record_run run;

	runs_say(lab, a, RECORD_SYNC, 9, 100, 3000, 0);
	run = runs_only(a, RECORD_GRAFT);
	assert_int_equal(run.seq, RUNS_SEQ(100));
	assert_int_equal(run.count, 3000);
	/* A live message first, far ahead: nothing falls off the window. */
	lab_say_data(lab, a, 9, 3200);
	for (uint32_t n = 100; n < 3100; n++) {
		lab_say_data(lab, a, 9, n);
	}
	assert_int_equal(lab->delivered, 3001);
	assert_int_equal(lab->gaps, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 100);
	assert_true(runs_origin(lab, 9).is_wide);
}

static void
what_nobody_holds_any_more_becomes_a_gap(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 10);
	runs_say(lab, a, RECORD_SYNC, 9, 31, 0, 0); /* it came as far as 30 */
	runs_say(lab, a, RECORD_SYNC, 7, 31, 0, 0); /* never heard of */
	assert_int_equal(runs_origin(lab, 9).missing, 20);
	assert_int_equal(runs_count(a, RECORD_GRAFT), 0);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 1);
	lab_pass_alive(lab, 30000);
	runs_only_gap(lab, RUNS_SEQ(11), 20);
}

/* The author said three things in its next boot, and nothing since. */
static void
so_does_a_whole_boot_that_nobody_holds(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b = lab_accept_up(lab, 2);

	lab_say_data(lab, a, 9, 10);
	runs_forget(lab);
	runs_say_end(lab, a, 9, 1, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_only(b, RECORD_SYNC).seq, lab_seq(1, 4));
	assert_int_equal(runs_origin(lab, 9).missing, 3);
	runs_say_end(lab, b, 9, 1, 3);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
	runs_say_reborn(lab, a, 9, 1, 2);
	lab_say_data(lab, a, 9, 11); /* the end of the boot before */
	assert_int_equal(lab->delivered, 3);
	lab_pass_alive(lab, 30000);
	assert_int_equal(lab->gap_first, lab_seq(1, 3));
	assert_int_equal(mesh_stats(lab->mesh)->gaps, 2);
}

/* It was away for longer than an idle origin is kept. */
static void
so_does_what_who_was_forgotten_said_since(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 7);
	runs_authors_forgotten(lab, a);
	a = runs_up(lab, 1);
	runs_say_end(lab, a, 9, 0, 7);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	runs_say_end(lab, a, 9, 0, 9);
	assert_int_equal(runs_origin(lab, 9).missing, 2);
	lab_pass_alive(lab, 30000);
	assert_int_equal(lab->gap_first, RUNS_SEQ(8));
	assert_int_equal(lab->gap_count, 2);
}

/* Nobody else may be left that could tell. */
static void
who_was_forgotten_is_told_of_too(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_say_data(lab, a, 9, 7);
	runs_authors_forgotten(lab, a);
	a = lab_accept_up(lab, 1);
	assert_int_equal(runs_only(a, RECORD_SYNC).seq, RUNS_SEQ(8));
	/* It comes back, and is forgotten anew. */
	lab_say_data(lab, a, 9, 8);
	lab_pass(lab, 600000);
	a = lab_accept_up(lab, 3);
	assert_int_equal(runs_only(a, RECORD_SYNC).seq, RUNS_SEQ(9));
	lab_say_data(lab, a, 8, 1);
	lab_pass(lab, 600000);
	a = lab_accept_up(lab, 4);
	assert_int_equal(runs_count(a, RECORD_SYNC), 2);
}

/* With the end of its boot before. */
static void
of_who_was_forgotten_both_boots_are_told(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_run runs[3];

	lab_say_data(lab, a, 9, 7);
	runs_say_reborn(lab, a, 9, 1, 2);
	lab_closed(lab, a, MESH_CLOSED);
	lab_pass(lab, 660000);
	a = lab_accept_up(lab, 1);
	assert_int_equal(runs_sent(a, RECORD_SYNC, runs, 3), 2);
	assert_int_equal(runs[0].seq, RUNS_SEQ(8));
	assert_int_equal(runs[1].seq, lab_seq(1, 3));
	assert_int_equal(runs[0].count + runs[1].count, 0);
}

/* They may go round among newcomers for ever. */
static void
old_ids_do_not_make_known_again_who_was_forgotten(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 7);
	runs_authors_forgotten(lab, a);
	a = runs_up(lab, 1);
	runs_say(lab, a, RECORD_SYNC, 9, 5, 3, 0);
	runs_say(lab, a, RECORD_IHAVE, 9, 7, 1, 0);
	lab_say_data(lab, a, 9, 6);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	assert_int_equal(mesh_stats(lab->mesh)->old, 1);
	runs_say(lab, a, RECORD_SYNC, 9, 7, 2, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 1);
}

static void
of_the_forgotten_those_of_late_are_told_of(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_run runs[ORIGINS_BURIED_MAX + 1];

	for (unsigned n = 1; n <= ORIGINS_BURIED_MAX + 10; n++) {
		struct record_data data = lab_data(9, n);

		data.origin.bytes[0] = (uint8_t)(n >> 8);
		data.origin.bytes[1] = (uint8_t)n;
		lab_say(lab, a, &data);
	}
	lab_closed(lab, a, MESH_CLOSED);
	lab_pass(lab, 601000);
	a = lab_accept_up(lab, 2);
	assert_int_equal(runs_sent(a, RECORD_SYNC, runs, ARRAY_LEN(runs)),
	    ORIGINS_BURIED_MAX);
	for (unsigned i = 0; i < ORIGINS_BURIED_MAX; i++) {
		assert_true(runs[i].seq > RUNS_SEQ(11));
	}
}

static void
no_boot_far_ahead_begins_by_such_a_word(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	runs_say_end(lab, a, 9, 1, 0); /* it said nothing in that one */
	runs_say_end(lab, a, 9, UINT32_MAX - LAB_BOOT, 3);
	assert_int_equal(runs_origin(lab, 9).missing, 0);
	assert_int_equal(mesh_stats(lab->mesh)->bad_boot, 1);
	lab_say_data(lab, a, 9, 2);
	assert_int_equal(lab->delivered, 2);
	assert_int_equal(runs_origin(lab, 9).max, RUNS_SEQ(2));
}

/* It may be a lie: it must not cost more than what is fetched at all. */
static void
of_an_end_that_is_far_ahead_only_so_much_is_missing(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);
	const uint32_t far = 4000000000;

	lab_say_data(lab, a, 9, 10);
	runs_say(lab, a, RECORD_IHAVE, 9, 12, 2, 0);
	runs_say(lab, a, RECORD_SYNC, 9, far + 1, 0, 0);
	assert_int_equal(runs_origin(lab, 9).missing, WINDOW_IDS_WIDE);
	assert_true(mesh_stats(lab->mesh)->missing <= 4);
	assert_true(mesh_stats(lab->mesh)->gaps == far - 10 - WINDOW_IDS_WIDE);
	lab_say_data(lab, a, 9, far);
	assert_int_equal(lab->delivered, 2);
	lab_pass_alive(lab, 61000);
	assert_true(mesh_stats(lab->mesh)->gaps == far - 11);
	assert_true(lab->gaps <= 8);
	lab_say_data(lab, a, 9, far - 1);
	lab_say_data(lab, a, 9, 11);
	assert_int_equal(lab->delivered, 2);
	lab_say_data(lab, a, 9, far + 1);
	assert_int_equal(lab->delivered, 3);
}

static void
only_the_end_of_a_huge_run_is_looked_at(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	runs_say(lab, a, RECORD_SYNC, 9, 1, UINT32_MAX - 1, 0);
	assert_int_equal(runs_origin(lab, 9).missing, 65536);
	assert_int_equal(
	    runs_origin(lab, 9).base, RUNS_SEQ(UINT32_MAX - 65536));
}

static void
an_own_id_from_an_earlier_life_is_stepped_over(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	runs_say_from(lab, a, RECORD_SYNC, 0x80, lab_seq(7, 3), 2);
	lab_publish(lab);
	assert_int_equal(lab->published.seq, lab_seq(8, 1));
}

/* What is held of it lies far apart. */
static void
hold_two_of(struct lab *lab, struct lab_link *at, uint8_t n)
{
	lab_say_data(lab, at, n, 1);
	lab_say_data(lab, at, n, 65000);
}

static void
only_so_much_is_searched_for_one_link(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	for (uint8_t n = 10; n < 26; n++) {
		hold_two_of(lab, a, n);
	}
	assert_int_equal(runs_count(runs_up_told(lab, 2), RECORD_SYNC), 32);
	assert_int_equal(mesh_stats(lab->mesh)->sync_cut, 0);
	for (uint8_t n = 26; n < 30; n++) {
		hold_two_of(lab, a, n);
	}
	/* The newest of each is told still. */
	assert_int_equal(runs_count(runs_up_told(lab, 3), RECORD_SYNC), 36);
	assert_int_equal(mesh_stats(lab->mesh)->sync_cut, 1);
}

static void
ends_that_are_too_many_follow(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct record_data data = lab_data(9, 1);
	struct lab_link *b;

	for (uint32_t n = 0; n < SYNC_EMPTY_MAX + 100; n++) {
		data.origin = lab_nth_id(n);
		lab_say(lab, a, &data);
	}
	lab_pass_alive(lab, 61000);
	b = runs_up_told(lab, 2);
	lab_pass(lab, 2000);
	assert_int_equal(runs_count(b, RECORD_SYNC), SYNC_EMPTY_MAX + 100);
	assert_int_equal(mesh_stats(lab->mesh)->sync_cut, 1);
	/* What is passed on is as long, and so is what is told for the rest of
	 * it, to both links. */
	runs_forget(lab);
	runs_say_of_many(
	    lab, a, RECORD_SYNC, 0, SYNC_EMPTY_MAX + 100, RUNS_SEQ(3), 0);
	lab_pass(lab, LAZY_TOLD_MS);
	lab_pass(lab, 2000);
	assert_int_equal(
	    runs_count(b, RECORD_SYNC), SYNC_EMPTY_MAX + SYNC_EMPTY_MAX + 100);
	assert_int_equal(mesh_stats(lab->mesh)->sync_cut, 1 + 100 + 2);
	runs_forget(lab);
	runs_say_of_many(lab, a, RECORD_SYNC, 0, 100, RUNS_SEQ(4), 0);
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_count(b, RECORD_SYNC), 100);
	assert_int_equal(mesh_stats(lab->mesh)->sync_cut, 1 + 100 + 2);
}

static void
ten_a_second_are_taken_once_the_link_has_settled(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = runs_up(lab, 1);

	for (unsigned i = 0; i < 10; i++) {
		runs_say(lab, a, RECORD_SYNC, 9, 1, 1, 0);
	}
	assert_int_equal(mesh_stats(lab->mesh)->sync_limit, 0);
	lab_pass_alive(lab, 10000);
	/* Those of ten seconds without any count, too. */
	for (unsigned i = 0; i < 115; i++) {
		runs_say(lab, a, RECORD_SYNC, 9, 1, 1, 0);
	}
	/* The last second may not be over. */
	assert_in_range(mesh_stats(lab->mesh)->sync_limit, 5, 15);
	for (unsigned i = 0; i < 86; i++) {
		runs_say(lab, a, RECORD_SYNC, 9, 1, 1, 0);
	}
	assert_int_equal(lab_bye(a), BYE_ABUSE);
}

/* That node `n` has come as far as `count`. */
static bool
was_told(const struct lab_link *at, uint8_t n, uint32_t count)
{
	struct record_run runs[64];
	size_t told = runs_sent(at, RECORD_SYNC, runs, ARRAY_LEN(runs));

	for (size_t i = 0; i < told; i++) {
		if (runs[i].origin.bytes[0] == n && runs[i].count == 0 &&
		    runs[i].seq == RUNS_SEQ(count) + 1) {
			return true;
		}
	}
	return false;
}

/* A message larger than the history, or given up: who comes has to hear of it
 * although those before it are held. */
static void
an_end_that_is_not_held_is_told_behind_what_is(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct lab_link *b;

	lab_say_data(lab, a, 9, 1);
	runs_say(lab, a, RECORD_SYNC, 9, 4, 0, 0);
	lab_pass_alive(lab, 30000);
	assert_int_equal(lab->gap_count, 2);
	b = runs_up_told(lab, 2);
	assert_int_equal(runs_count(b, RECORD_SYNC), 2);
	assert_true(was_told(b, 9, 3));
}

/* SYNC is all that is needed, and the next second is soon enough. */
static void
what_there_was_no_memory_to_tell_is_told_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_publish(lab);
	runs_forget(lab);
	fault_fail_from(1); /* of which `a` takes only half */
	lab_publish_zeros(lab, LAB_MAX);
	assert_true(fault_off());
	lab_pass(lab, LAZY_TOLD_MS);
	assert_int_equal(runs_only(a, RECORD_SYNC).count, 2);
	lab_pass(lab, 5000);
	assert_int_equal(runs_count(a, RECORD_SYNC), 1);
	/* The same if it fails later. */
	runs_forget(lab);
	buf_fini(&lab->mesh->scratch);
	lab_publish_zeros(lab, LAB_MAX);
	fault_fail_from(1);
	lab->now += LAZY_TOLD_MS;
	mesh_on_tick(lab->mesh, lab->now);
	assert_true(fault_off());
	assert_int_equal(runs_count(a, RECORD_SYNC), 0);
	lab_pass(lab, 1000);
	assert_int_equal(runs_only(a, RECORD_SYNC).count, 3);
}

/* Who asks for it may have had no memory to note that it is missing. */
static void
what_there_is_no_memory_to_send_again_is_told_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	const struct record_run run = {
		.origin = lab_id(9), .seq = RUNS_SEQ(1), .count = 1
	};
	struct buf graft = runs_encoded(RECORD_GRAFT, &run, 1);

	lab_say_data(lab, lab_accept_up(lab, 2), 9, 1);
	runs_forget(lab);
	fault_fail_from(1);
	lab_hand_in(lab, a, &graft);
	assert_true(fault_off());
	buf_fini(&graft);
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 1);
	assert_int_equal(mesh_stats(lab->mesh)->repairs, 0);
	lab_pass(lab, 1000);
	assert_int_equal(runs_only(a, RECORD_SYNC).seq, RUNS_SEQ(1));
	assert_int_equal(runs_only(a, RECORD_SYNC).count, 1);
}

/* One more than there is room for was counted, and never told. */
static void
what_there_was_no_room_to_tell_is_told_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a = lab_accept_up(lab, 1);
	struct nodeid id = lab_id(9);

	lab_publish(lab);
	runs_forget(lab);
	for (unsigned n = 0; n <= SYNC_EMPTY_MAX; n++) {
		id.bytes[1] = (uint8_t)n;
		id.bytes[2] = (uint8_t)(n >> 8);
		sync_tell(lab->mesh, &id, RUNS_SEQ(1), lab->mesh->up_slots);
	}
	assert_int_equal(lab->mesh->stats.sync_cut, 1);
	lab_pass(lab, LAZY_TOLD_MS);
	lab_pass(lab, 1000);
	assert_int_equal(runs_count(a, RECORD_SYNC), SYNC_EMPTY_MAX + 1);
}

/* Else who passes on a liar's flood is thrown out for it. */
static void
no_more_is_passed_on_than_is_taken(void **state)
{
	struct lab *lab = *state;
	struct lab_link *other = lab_accept_up(lab, 2);
	struct lab_link *a = lab_accept_up(lab, 1);

	lab_say_data(lab, a, 9, 1);
	lab_say_data(lab, a, 8, 1);
	runs_forget(lab);
	for (uint32_t n = 0; n < 30; n++) {
		runs_say(lab, a, RECORD_SYNC, 9, 4 + n, 0, 0);
		runs_say(lab, a, RECORD_SYNC, 8, 4 + n, 0, 0);
		lab_pass(lab, 20);
	}
	lab_pass(lab, LAZY_TOLD_MS);
	/* At most five a second, each origin once in each. */
	assert_in_range(runs_count(other, RECORD_SYNC), 4, 8);
	assert_true(was_told(other, 8, 32) && was_told(other, 9, 32));
}

/* A link that has just come up may name as many origins as it likes. */
static void
nodes_that_are_made_up_keep_nobody_out(void **state)
{
	enum { EACH = 14000, ROUNDS = 5 };
	struct lab *lab = *state;
	struct lab_link *liar = lab_accept_up(lab, 1);
	struct lab_link *other = lab_accept_up(lab, 2);

	lab_say_data(lab, other, 9, 1);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		runs_say_of_many(
		    lab, liar, RECORD_SYNC, i * EACH, EACH, RUNS_SEQ(1), 1);
		lab_pass(lab, 1000);
		mesh_on_activity(other->link, lab->now);
	}
	assert_int_equal(mesh_stats(lab->mesh)->sync_limit, 0);
	assert_int_equal(mesh_stats(lab->mesh)->origins, ORIGINS_NAMED_MAX + 1);
	assert_int_equal(mesh_stats(lab->mesh)->origins_named,
	    ROUNDS * EACH - ORIGINS_NAMED_MAX);
	/* One that is new, and one that is not. */
	lab_say_data(lab, other, 7, 1);
	lab_say_data(lab, other, 9, 2);
	assert_int_equal(lab->delivered, 3);
	assert_int_equal(mesh_stats(lab->mesh)->origins_full, 0);
	assert_null(inspect_check(lab->mesh));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_nothing_says_nothing),
		TEST(a_new_link_is_told_every_run_that_is_held),
		TEST(of_what_is_no_longer_held_only_the_number_is_told),
		TEST(the_boot_before_is_told_first),
		TEST(how_far_an_origin_came_is_passed_on_once),
		TEST(who_wants_no_history_is_told_nothing),
		TEST(what_the_other_holds_is_fetched),
		TEST(what_nobody_holds_any_more_becomes_a_gap),
		TEST(so_does_a_whole_boot_that_nobody_holds),
		TEST(so_does_what_who_was_forgotten_said_since),
		TEST(who_was_forgotten_is_told_of_too),
		TEST(of_who_was_forgotten_both_boots_are_told),
		TEST(old_ids_do_not_make_known_again_who_was_forgotten),
		TEST(of_the_forgotten_those_of_late_are_told_of),
		TEST(no_boot_far_ahead_begins_by_such_a_word),
		TEST(of_an_end_that_is_far_ahead_only_so_much_is_missing),
		TEST(only_the_end_of_a_huge_run_is_looked_at),
		TEST(an_own_id_from_an_earlier_life_is_stepped_over),
		TEST(only_so_much_is_searched_for_one_link),
		TEST(ends_that_are_too_many_follow),
		TEST(ten_a_second_are_taken_once_the_link_has_settled),
		TEST(an_end_that_is_not_held_is_told_behind_what_is),
		TEST(what_there_was_no_memory_to_tell_is_told_again),
		TEST(what_there_is_no_memory_to_send_again_is_told_again),
		TEST(what_there_was_no_room_to_tell_is_told_again),
		TEST(no_more_is_passed_on_than_is_taken),
		TEST(nodes_that_are_made_up_keep_nobody_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
