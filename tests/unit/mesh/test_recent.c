/* SPDX-License-Identifier: MIT
 * What is left alone for a while: of each kind so much, and none for another. */

#include "mesh/inside.h"
#include "unit/mesh/lab.h"

static void
refuse(struct lab *lab, uint8_t n)
{
	struct nodeid id = lab_id(n);

	lab->mesh->now_ms = lab->now;
	mesh_refuse(lab->mesh, &id);
}

static bool
is_refused(struct lab *lab, uint8_t n)
{
	struct nodeid id = lab_id(n);

	lab->mesh->now_ms = lab->now;
	return mesh_is_refused(lab->mesh, &id);
}

static void
a_minute_long_and_no_longer(void **state)
{
	struct lab *lab = *state;

	refuse(lab, 1);
	lab->now += 30000;
	refuse(lab, 2);
	lab->now += 29999;
	assert_true(is_refused(lab, 1));
	lab->now += 1;
	assert_false(is_refused(lab, 1));
	assert_true(is_refused(lab, 2));
}

/* The one whose minute ends first. */
static void
one_too_many_lets_another_in_early_and_is_counted(void **state)
{
	struct lab *lab = *state;

	for (uint8_t n = 1; n <= RECENT_MAX; n++) {
		refuse(lab, n);
		lab->now++;
	}
	refuse(lab, 1); /* again: its minute begins anew */
	assert_int_equal(mesh_stats(lab->mesh)->recent_full, 0);
	refuse(lab, 200);
	assert_int_equal(mesh_stats(lab->mesh)->recent_full, 1);
	assert_true(is_refused(lab, 1));
	assert_false(is_refused(lab, 2));
	assert_true(is_refused(lab, 200));
	/* A place that is free is no loss. */
	lab->now += MESH_REFUSAL_MS;
	refuse(lab, 201);
	assert_int_equal(mesh_stats(lab->mesh)->recent_full, 1);
}

/* Whoever is thrown out has not lost a link, and may be dialled. */
static void
no_kind_takes_the_place_of_another(void **state)
{
	struct lab *lab = *state;
	struct nodeid id = lab_id(200);

	for (uint8_t n = 1; n <= RECENT_MAX; n++) {
		refuse(lab, n);
	}
	id = lab_id(1);
	assert_false(recent_has(lab->mesh, RECENT_LOST, &id, sizeof(id)));
	assert_false(recent_has(lab->mesh, RECENT_DIALLED, &id, sizeof(id)));
	recent_put(lab->mesh, RECENT_LOST, &id, sizeof(id), 100);
	assert_true(recent_has(lab->mesh, RECENT_LOST, &id, sizeof(id)));
	recent_put(lab->mesh, RECENT_DIALLED, &id, sizeof(id), 100);
	assert_true(recent_has(lab->mesh, RECENT_DIALLED, &id, sizeof(id)));
}

static void
one_address_too_many_takes_the_place_of_any_other(void **state)
{
	struct lab *lab = *state;
	struct mesh *mesh = lab->mesh;
	unsigned count = 0;

	for (uint8_t n = 1; n <= RECENT_MAX; n++) {
		recent_put(mesh, RECENT_DIALLED, &n, 1, 100 + n);
	}
	/* One that waits may have to wait for longer, but not for less. */
	recent_put(mesh, RECENT_DIALLED, "\1", 1, 1000);
	recent_put(mesh, RECENT_DIALLED, "\1", 1, 1);
	assert_int_equal(mesh_stats(mesh)->recent_full, 0);
	recent_put(mesh, RECENT_DIALLED, "", 1, 500);
	assert_int_equal(mesh_stats(mesh)->recent_full, 1);
	assert_true(recent_has(mesh, RECENT_DIALLED, "", 1));
	for (uint8_t n = 1; n <= RECENT_MAX; n++) {
		count += recent_has(mesh, RECENT_DIALLED, &n, 1) ? 1 : 0;
	}
	assert_int_equal(count, RECENT_MAX - 1);
	mesh->now_ms += 499;
	assert_true(recent_has(mesh, RECENT_DIALLED, "", 1));
	mesh->now_ms += 1;
	assert_false(recent_has(mesh, RECENT_DIALLED, "", 1));
	assert_true(recent_has(mesh, RECENT_DIALLED, "\1", 1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_minute_long_and_no_longer),
		TEST(one_too_many_lets_another_in_early_and_is_counted),
		TEST(no_kind_takes_the_place_of_another),
		TEST(one_address_too_many_takes_the_place_of_any_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
