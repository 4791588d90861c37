/* SPDX-License-Identifier: MIT */

#include "mesh/inside.h"
#include "unit/mesh/runs.h"

static const struct mesh_stats *
stats(struct lab *lab)
{
	return mesh_stats(lab->mesh);
}

static void
says_what_is_kept_now_and_why_the_rest_is_not(void **state)
{
	struct lab *lab = *state;

	lab->config.history_bytes = 10000;
	lab_make(lab);
	lab_publish_zeros(lab, 900);
	assert_int_equal(stats(lab)->history, 1);
	assert_in_range(stats(lab)->history_bytes, 900, 1000);
	for (unsigned i = 1; i < 30; i++) {
		lab_publish_zeros(lab, 900);
	}
	assert_in_range(stats(lab)->history, 5, 11);
	assert_int_equal(stats(lab)->history + stats(lab)->history_evicted, 30);
	assert_int_equal(stats(lab)->history_expired, 0);
	lab_pass(lab, 60000);
	assert_int_equal(stats(lab)->history, 0);
	assert_int_equal(stats(lab)->history_bytes, 0);
	assert_int_equal(
	    stats(lab)->history_expired + stats(lab)->history_evicted, 30);
}

static void
says_how_many_runs_are_missing_now(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a;

	lab_make(lab);
	a = runs_up(lab, 1);
	runs_say(lab, a, RECORD_IHAVE, 9, 2, 3, 0);
	runs_say(lab, a, RECORD_IHAVE, 9, 10, 3, 0);
	assert_int_equal(stats(lab)->missing, 2);
	runs_say(lab, a, RECORD_GONE, 9, 2, 3, 0);
	assert_int_equal(stats(lab)->missing, 1);
}

/* Both ends of a link that is in no tree have the message, and it was the
 * other one's turn to announce it. */
static void
a_quiet_link_is_no_parent_that_fell_silent(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a, *b;
	struct nodeid id = lab_id(8);

	lab_make(lab);
	a = runs_up(lab, 1);
	b = runs_up(lab, 2);
	lab_say_data(lab, a, 8, 1);
	lab_record(lab, b, RECORD_PRUNE, &id, sizeof(id));
	lab_pass(lab, 200);
	runs_forget(lab);
	lab_say_data(lab, a, 8, 2);
	assert_int_equal(b->spreads, 0);
	lab_pass(lab, 99);
	assert_int_equal(stats(lab)->quiet, 0);
	lab_pass(lab, 1);
	assert_int_equal(runs_count(b, RECORD_IHAVE), 1);
	assert_int_equal(stats(lab)->quiet, 1);
	assert_int_equal(stats(lab)->suspects, 0);
	/* Until its next word. */
	lab_say_data(lab, a, 8, 3);
	lab_pass(lab, 100);
	assert_int_equal(stats(lab)->quiet, 1);
}

/* Lists of ids: records, without what carries them. */
static void
counts_the_bytes_of_lists_as_they_are_sent(void **state)
{
	struct lab *lab = *state;
	struct lab_link *a;
	uint64_t before;

	lab_make(lab);
	a = runs_up(lab, 1);
	before = stats(lab)->control_bytes;
	runs_say(lab, a, RECORD_IHAVE, 9, 5, 1, 0);
	assert_int_equal(runs_count(a, RECORD_GRAFT), 1);
	assert_int_equal(stats(lab)->control_bytes - before, a->sent.len);
}

/* Each of them where it belongs. */
static void
says_what_tables_count(void **state)
{
	struct lab *lab = *state;

	lab_make(lab);
	lab->mesh->origins.named_lost = 1;
	lab->mesh->origins.window_lost = 2;
	lab->mesh->origins.widened = 3;
	lab->mesh->origins.unwidened = 4;
	lab->mesh->spread.ends.lost = 5;
	assert_int_equal(stats(lab)->origins_named, 1);
	assert_int_equal(stats(lab)->window_lost, 2);
	assert_int_equal(stats(lab)->window_widened, 3);
	assert_int_equal(stats(lab)->window_limit, 4);
	assert_int_equal(stats(lab)->ends_lost, 5);
}

static void
counts_the_origins_that_lost_their_tombstone(void **state)
{
	struct lab *lab = *state;
	const uint32_t buried = 2 * TOMBSTONES_MAX;
	struct inspect_tables tables;

	lab_make(lab);
	for (uint32_t n = 1; n <= buried; n++) {
		struct nodeid id = { .bytes = { 0 } };

		memcpy(id.bytes, &n, sizeof(n));
		origins_bury(&lab->mesh->origins, &id, n, 0);
	}
	inspect_tables(lab->mesh, &tables);
	assert_in_range(tables.tombstones, 1, TOMBSTONES_MAX);
	assert_int_equal(
	    tables.tombstones + stats(lab)->tombstones_lost, buried);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(says_what_is_kept_now_and_why_the_rest_is_not),
		TEST(says_how_many_runs_are_missing_now),
		TEST(a_quiet_link_is_no_parent_that_fell_silent),
		TEST(counts_the_bytes_of_lists_as_they_are_sent),
		TEST(says_what_tables_count),
		TEST(counts_the_origins_that_lost_their_tombstone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
