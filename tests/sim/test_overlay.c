/* SPDX-License-Identifier: MIT
 * Small networks that find their own links. */
#include "support/test.h"

#include "base/log.h"
#include "sim/sim.h"

enum { SEEDS = 60, LINKS_MIN = 4, LINKS_MAX = 10 };

static void
run(const struct sim_config *config, struct sim_result *result)
{
	struct diag diag;

	assert_int_equal(sim_run(config, result, &diag), ERR_OK);
	if (result->violation[0] != '\0' || result->parts != 1) {
		fail_msg("seed %llu, %u nodes: %u parts, %s",
		    (unsigned long long)config->seed, config->nodes,
		    result->parts, result->violation);
	}
}

/* No self or double links, never more than 16: check 2 asserts it after every
 * event. */
static void
quiet(struct sim_config *config, uint64_t seed)
{
	sim_config_init(config);
	config->seed = seed;
	config->nodes = 2 + (uint32_t)(seed * 7 % 60);
	config->join_s = (double)(seed % 4);
	config->settle_s = config->join_s + 20;
	config->steady_s = 1;
	config->event_s = 1;
	config->healed_s = 1;
	config->drain_s = 2;
	config->check = 2;
}

static void
everybody_finds_enough_links_and_not_too_many(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sim_config config;
		struct sim_result result;
		uint32_t least;

		quiet(&config, seed);
		config.has_psk = seed % 3 == 0;
		run(&config, &result);
		least = config.nodes - 1 < LINKS_MIN ? config.nodes - 1
		                                     : LINKS_MIN;
		assert_true(result.links_min >= least);
		assert_true(result.links_max <= LINKS_MAX);
	}
}

static void
a_network_that_was_cut_becomes_one_again(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim_config config;
		struct sim_result result;

		quiet(&config, seed);
		config.nodes += 4;
		config.partition_s = 60 * (double)seed;
		config.event_s = config.partition_s + 30;
		config.senders = 0;
		config.check = 1;
		run(&config, &result);
		assert_true(result.whole_s >= 0);
	}
}

static void
three_addresses_are_enough_for_a_crowd(void **state)
{
	struct sim_config config;
	struct sim_result result;

	(void)state;
	quiet(&config, 1);
	config.nodes = 300;
	config.join_s = 1;
	config.settle_s = 10;
	config.check = 1;
	run(&config, &result);
	assert_true(result.joined_s >= 0 && result.joined_s < 5);
	assert_true(result.links_min >= LINKS_MIN);
	assert_true(result.links_max <= LINKS_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_finds_enough_links_and_not_too_many),
		cmocka_unit_test(a_network_that_was_cut_becomes_one_again),
		cmocka_unit_test(three_addresses_are_enough_for_a_crowd),
	};

	if (log_open(&(struct log_config){ .filter = "error" }, NULL) !=
	    ERR_OK) {
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
