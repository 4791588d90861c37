/* SPDX-License-Identifier: MIT
 * shape.c - see shape.h. */

#include "sim/shape.h"

#include "base/rng.h"

bool
shape_is_possible(const struct sim_config *config, struct diag *diag)
{
	if (config->is_static && config->shape == SHAPE_STAR &&
	    config->nodes > SHAPE_GIVEN_MAX + 1) {
		diag_set(diag,
		    "a star of %u nodes; expected %d at the most: a node has "
		    "room for %d links",
		    config->nodes, SHAPE_GIVEN_MAX + 1, SHAPE_GIVEN_MAX);
		return false;
	}
	return true;
}

/* Which of the two ends of a link are given the other one's address. */
enum shape_side { SHAPE_LOWER, SHAPE_UPPER, SHAPE_BOTH, SHAPE_SIDES };

/* What is random about the links of a node, whoever asks. */
static void
shape_rng(const struct sim_config *config, uint32_t index, struct rng *rng)
{
	rng_init(rng, config->seed ^ (uint64_t)index << 32);
}

/* A way around, and ways across. */
static size_t
shape_ring(const struct sim_config *config, uint32_t index,
    uint32_t given[SHAPE_GIVEN_MAX])
{
	struct rng rng;
	size_t count = 0;

	shape_rng(config, index, &rng);
	while (count < config->degree && count < SHAPE_GIVEN_MAX) {
		uint64_t to = count == 0 ? index + 1
		                         : rng_below(&rng, config->nodes);

		given[count++] = (uint32_t)(to % config->nodes);
	}
	return count;
}

/* The one node above `index`, which is not the last one, that it has a link
 * to: so there is one way to each. */
static uint32_t
shape_above(
    const struct sim_config *config, uint32_t index, enum shape_side *side)
{
	uint32_t last = config->nodes - 1;
	struct rng rng;

	shape_rng(config, index, &rng);
	*side = (enum shape_side)rng_below(&rng, SHAPE_SIDES);
	if (config->shape == SHAPE_TREE) {
		return index + 1 + (uint32_t)rng_below(&rng, last - index);
	}
	return config->shape == SHAPE_STAR ? last : index + 1;
}

size_t
shape_given(const struct sim_config *config, uint32_t index,
    uint32_t given[SHAPE_GIVEN_MAX])
{
	enum shape_side side;
	size_t count = 0;

	if (config->shape == SHAPE_RING) {
		return shape_ring(config, index, given);
	}
	if (index + 1 < config->nodes) {
		uint32_t above = shape_above(config, index, &side);

		if (side != SHAPE_UPPER) {
			given[count++] = above;
		}
	}
	for (uint32_t below = 0; below < index && count < SHAPE_GIVEN_MAX;
	     below++) {
		if (shape_above(config, below, &side) == index &&
		    side != SHAPE_LOWER) {
			given[count++] = below;
		}
	}
	return count;
}
