/* SPDX-License-Identifier: MIT
 * Each invariant can fail: a mesh is broken by hand, and it is seen. */

#include "mesh/fetch.h"
#include "mesh/inside.h"
#include "mesh/sync.h"
#include "unit/mesh/runs.h"

enum { SLOT_NONE = 63 }; /* of no link */

/* A mesh with a link of node 1, a tree of node 9, an id that is asked for of
 * node 8, and a member. */
static struct missing_run *
begin(struct lab *lab)
{
	struct lab_link *at = runs_up(lab, 1);
	struct record_data data = lab_data(9, 2);

	lab_say_data(lab, at, 9, 1);
	data.topic = (struct str8){ .text = "$node", .len = 5 };
	data.payload = (const uint8_t *)"{}";
	data.payload_len = 2;
	lab_say(lab, at, &data);
	runs_say(lab, at, RECORD_IHAVE, 8, 7, 1, 0);
	lab_pass(lab, 200);
	assert_int_equal(lab->mesh->spread.missing.count, 1);
	assert_int_equal(at->link->fetches, 1);
	assert_int_equal(mesh_stats(lab->mesh)->members, 1);
	return TAILQ_FIRST(&lab->mesh->spread.missing.runs);
}

static struct origin *
origin_of(struct mesh *mesh, uint8_t n)
{
	struct nodeid id = lab_id(n);

	return origins_find(&mesh->origins, &id);
}

static void
bits_of_links_that_are_not_up_are_seen(void **state)
{
	struct lab *lab = *state;
	struct missing_run *run = begin(lab);
	struct origin *self = &lab->mesh->spread.self;
	struct origin *origin = origin_of(lab->mesh, 9);
	uint64_t bit = UINT64_C(1) << SLOT_NONE;
	int8_t slot = origin->parent;

	self->mute |= bit;
	assert_non_null(inspect_check(lab->mesh));
	self->mute = 0;
	origin->pruned |= bit;
	assert_non_null(inspect_check(lab->mesh));
	origin->pruned = UINT64_C(1) << slot;
	assert_string_equal(
	    inspect_check(lab->mesh), "a parent that is pruned");
	origin->pruned = 0;
	origin->parent = SLOT_NONE;
	assert_string_equal(
	    inspect_check(lab->mesh), "a parent that is not UP");
	origin->parent = slot;
	assert_null(inspect_check(lab->mesh));
	run->known |= bit;
	assert_non_null(inspect_check(lab->mesh));
	run->known &= ~bit;
	run->tried |= bit;
	assert_non_null(inspect_check(lab->mesh));
	run->tried &= ~bit;
	run->asked = SLOT_NONE;
	assert_string_equal(
	    inspect_check(lab->mesh), "a fetch from a link that is not UP");
	run->asked = 0;
	assert_null(inspect_check(lab->mesh));
}

static void
an_id_that_is_missing_and_here_is_seen(void **state)
{
	struct lab *lab = *state;
	struct missing_run *run = begin(lab);

	(void)window_take(&run->origin->window, run->seq);
	assert_string_equal(
	    inspect_check(lab->mesh), "a missing id that was taken");
}

static void
fetches_that_are_counted_wrongly_are_seen(void **state)
{
	struct lab *lab = *state;
	struct missing_run *run = begin(lab);
	struct link *link = inspect_link(lab->mesh, 0);

	link->fetches++;
	assert_non_null(inspect_check(lab->mesh));
	link->fetches--;
	assert_null(inspect_check(lab->mesh));
	run->asked = ORIGIN_NO_SLOT;
	assert_non_null(inspect_check(lab->mesh));
	run->asked = 0;
}

static void
who_is_shut_out_twice_or_for_too_long_is_seen(void **state)
{
	struct lab *lab = *state;
	struct mesh *mesh = lab->mesh;
	struct nodeid id = lab_id(5);

	(void)begin(lab);
	mesh_refuse(mesh, &id);
	assert_null(inspect_check(mesh));
	mesh->recent[RECENT_SLOW][9] = mesh->recent[RECENT_SLOW][0];
	assert_string_equal(inspect_check(mesh), "a node shut out twice");
	/* One is over. */
	mesh->recent[RECENT_SLOW][9].until_ms = mesh->now_ms;
	assert_null(inspect_check(mesh));
	mesh->recent[RECENT_SLOW][0].until_ms++;
	assert_string_equal(
	    inspect_check(mesh), "a node shut out for too long");
}

static void
only_what_a_new_message_has_shown_may_be_waited_for(void **state)
{
	struct lab *lab = *state;
	struct mesh *mesh = lab->mesh;
	struct missing_run *run = begin(lab);
	struct nodeid id = run->origin->id;
	struct nodeid other = lab_id(5);

	assert_false(inspect_waits(mesh, &id, run->seq)); /* only named */
	lab_say_data(lab, &lab->links[0], 8, 8);
	assert_true(inspect_waits(mesh, &id, run->seq));
	assert_false(inspect_waits(mesh, &other, run->seq));
	assert_false(inspect_waits(mesh, &id, run->seq + run->count));
	mesh->now_ms += FETCH_KEEP_MS;
	assert_false(inspect_waits(mesh, &id, run->seq));
}

/* What a table counts is `value` for a moment. */
static bool
is_seen(const struct mesh *mesh, size_t *count, size_t value)
{
	size_t before = *count;
	const char *wrong;

	*count = value;
	wrong = inspect_check(mesh);
	*count = before;
	return wrong != NULL && strcmp(wrong, "a table over its limit") == 0;
}

static void
a_table_over_its_limit_is_seen(void **state)
{
	struct lab *lab = *state;
	struct mesh *mesh = lab->mesh;
	struct spread *spread = &mesh->spread;
	unsigned *members;

	(void)begin(lab);
	assert_false(is_seen(mesh, &mesh->origins.table.count, ORIGINS_MAX));
	assert_true(is_seen(mesh, &mesh->origins.table.count, ORIGINS_MAX + 1));
	assert_true(is_seen(mesh, &mesh->origins.wide, ORIGINS_WIDE_MAX + 1));
	assert_true(
	    is_seen(mesh, &mesh->origins.tombstones.count, TOMBSTONES_MAX + 1));
	assert_true(
	    is_seen(mesh, &spread->history.bytes, spread->history.limit + 1));
	assert_true(is_seen(mesh, &spread->missing.count, MISSING_MAX + 1));
	assert_true(is_seen(
	    mesh, &spread->lazies[SPREAD_EARLY].count, 2 * LAZY_MAX + 1));
	assert_true(is_seen(
	    mesh, &spread->lazies[SPREAD_TOLD].count, SYNC_EMPTY_MAX + 1));
	assert_true(is_seen(mesh, &spread->unicast.windows.count,
	    UNICAST_MAX + IDCACHE_BUCKETS + 1));
	members = &mesh->members.tables[true]->hh.tbl->num_items;
	*members = MEMBERS_MAX;
	assert_null(inspect_check(mesh));
	*members = MEMBERS_MAX + 1;
	assert_non_null(inspect_check(mesh));
	*members = 1;
	assert_null(inspect_check(mesh));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bits_of_links_that_are_not_up_are_seen),
		TEST(an_id_that_is_missing_and_here_is_seen),
		TEST(fetches_that_are_counted_wrongly_are_seen),
		TEST(who_is_shut_out_twice_or_for_too_long_is_seen),
		TEST(only_what_a_new_message_has_shown_may_be_waited_for),
		TEST(a_table_over_its_limit_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
