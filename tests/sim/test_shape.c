/* SPDX-License-Identifier: MIT */
#include "support/test.h"

#include "sim/shape.h"

enum { SEEDS = 40 };

/* What is given in one mesh: links, and how many of them a node has. */
struct given {
	struct sim_config config;
	uint32_t links, both; /* both: of the links, given to both ends */
	bool is_linked[65][65];
	uint32_t of[65];
	uint32_t group[65]; /* nodes with a way to each other have one */
	uint32_t groups;
};

static void
given_add(struct given *given, uint32_t from, uint32_t to)
{
	uint32_t old = given->group[from];

	assert_true(from != to && to < given->config.nodes);
	if (given->is_linked[to][from]) {
		given->both++;
		return;
	}
	assert_true(old != given->group[to]); /* else there are two ways */
	given->is_linked[from][to] = true;
	given->links++;
	given->of[from]++;
	given->of[to]++;
	given->groups--;
	for (uint32_t i = 0; i < given->config.nodes; i++) {
		if (given->group[i] == old) {
			given->group[i] = given->group[to];
		}
	}
}

static void
given_make(struct given *given, enum shape shape, uint32_t nodes, uint64_t seed)
{
	uint32_t to[SHAPE_GIVEN_MAX];
	uint32_t again[SHAPE_GIVEN_MAX];

	*given = (struct given){
		.config = { .is_static = true,
		    .shape = shape,
		    .nodes = nodes,
		    .seed = seed },
		.groups = nodes,
	};
	for (uint32_t i = 0; i < nodes; i++) {
		given->group[i] = i;
	}
	for (uint32_t i = 0; i < nodes; i++) {
		size_t count = shape_given(&given->config, i, to);

		assert_int_equal(shape_given(&given->config, i, again), count);
		assert_memory_equal(to, again, count * sizeof(*to));
		for (size_t j = 0; j < count; j++) {
			given_add(given, i, to[j]);
		}
	}
}

static void
but_for_rings_there_is_one_way_between_any_two(void **state)
{
	struct given given;
	uint32_t both = 0;
	uint32_t links = 0;

	(void)state;
	for (int shape = SHAPE_LINE; shape < SHAPE_COUNT; shape++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			uint32_t nodes = 2 + (uint32_t)seed;

			given_make(&given, (enum shape)shape, nodes, seed);
			assert_int_equal(given.groups, 1);
			assert_int_equal(given.links, nodes - 1);
			assert_true(given.both <= given.links);
			both += given.both;
			links += given.links;
		}
	}
	/* A third is given to both ends. */
	assert_in_range(both * 100 / links, 25, 42);
}

static void
a_line_has_two_ends(void **state)
{
	struct given given;

	(void)state;
	given_make(&given, SHAPE_LINE, 40, 3);
	assert_int_equal(given.of[0], 1);
	assert_int_equal(given.of[39], 1);
	for (uint32_t i = 1; i < 39; i++) {
		assert_int_equal(given.of[i], 2);
	}
}

static void
a_star_has_one_middle(void **state)
{
	struct given given;
	struct diag diag;

	(void)state;
	given_make(&given, SHAPE_STAR, 65, 3);
	assert_true(shape_is_possible(&given.config, &diag));
	assert_int_equal(given.of[64], 64);
	for (uint32_t i = 0; i < 64; i++) {
		assert_int_equal(given.of[i], 1);
	}
	given.config.nodes = 66;
	assert_false(shape_is_possible(&given.config, &diag));
	given.config.shape = SHAPE_TREE;
	assert_true(shape_is_possible(&given.config, &diag));
}

static void
no_two_trees_are_alike(void **state)
{
	struct given first;
	struct given other;

	(void)state;
	given_make(&first, SHAPE_TREE, 40, 1);
	given_make(&other, SHAPE_TREE, 40, 2);
	assert_true(memcmp(first.of, other.of, sizeof(first.of)) != 0);
}

static void
who_is_in_a_ring_dials_the_next_one_and_others(void **state)
{
	struct sim_config config = { .nodes = 5, .degree = 3 };
	uint32_t given[SHAPE_GIVEN_MAX];

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(shape_given(&config, i, given), 3);
		assert_int_equal(given[0], (i + 1) % 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    but_for_rings_there_is_one_way_between_any_two),
		cmocka_unit_test(a_line_has_two_ends),
		cmocka_unit_test(a_star_has_one_middle),
		cmocka_unit_test(no_two_trees_are_alike),
		cmocka_unit_test(
		    who_is_in_a_ring_dials_the_next_one_and_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
