/* SPDX-License-Identifier: MIT
 * Nodes that were too slow, and are left alone for a minute. */

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

	for (uint8_t n = 1; n <= MESH_REFUSALS_MAX; n++) {
		refuse(lab, n);
		lab->now++;
	}
	refuse(lab, 1); /* again: its minute begins anew */
	assert_int_equal(mesh_stats(lab->mesh)->refusals_lost, 0);
	refuse(lab, 200);
	assert_int_equal(mesh_stats(lab->mesh)->refusals_lost, 1);
	assert_true(is_refused(lab, 1));
	assert_false(is_refused(lab, 2));
	assert_true(is_refused(lab, 200));
	/* A place that is free is no loss. */
	lab->now += MESH_REFUSAL_MS;
	refuse(lab, 201);
	assert_int_equal(mesh_stats(lab->mesh)->refusals_lost, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_minute_long_and_no_longer),
		TEST(one_too_many_lets_another_in_early_and_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
