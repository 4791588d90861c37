/* SPDX-License-Identifier: MIT
 * config.c - see config.h. */

#include "sim/config.h"

#include "base/rng.h"

enum {
	CONFIG_TIGHT_WINDOW = 4096,
	CONFIG_ROLES_NODES = 8,    /* fewer are all honest */
	CONFIG_DRAIN_S = 66,       /* what is announced is given up after 60 */
	CONFIG_DRAIN_LIARS_S = 96, /* or 30 after who announced it is gone */
	CONFIG_DRAIN_SLOW_S = 140, /* the slow are refused for 60 or 120 */
};

void
sim_config_init(struct sim_config *config)
{
	*config = (struct sim_config){
		.seed = 1,
		.nodes = 100,
		.degree = 3,
		.entries = 3,
		.latency_min_ms = 1,
		.latency_max_ms = 50,
		.uplink_mbps = 100,
		.window = 256 * 1024,
		.senders = 1,
		.rate = 5,
		.payload = 256,
		.join_s = 20,
		.settle_s = 60,
		.warm_s = 5,
		.steady_s = 15,
		.event_s = 15,
		.healed_s = 10,
		.drain_s = 10,
		.slow_kib = 16,
		.pause_max_s = 15,
		.max_hops = 64,
		.ping_ms = 3000,
		.soft = (size_t)1 << 20,
		.hard = (size_t)8 << 20,
		.check = 1,
	};
}

static bool
config_chance(struct rng *rng, unsigned percent)
{
	return rng_below(rng, 100) < percent;
}

/* From `low` to `high`, in thousandths. */
static double
config_between(struct rng *rng, double low, double high)
{
	return low + (high - low) * (double)rng_below(rng, 1001) / 1000;
}

/* Options of the nodes, and loads that overflow what they remember. */
static void
config_random_nodes(struct sim_config *config, struct rng *rng)
{
	config->has_psk = config_chance(rng, 20);
	config->presence = config_chance(rng, 20);
	if (config_chance(rng, 20)) {
		config->history = 4096 + rng_below(rng, 65536);
	}
	if (config_chance(rng, 20)) {
		config->view_min = 3 + (uint32_t)rng_below(rng, 4);
		config->view_max = config->view_min + 2 +
		                   (uint32_t)rng_below(rng, 4);
	}
	if (config_chance(rng, 5)) {
		config->nodes = 3 + (uint32_t)rng_below(rng, 6);
		config->senders = 1;
		config->rate = config_between(rng, 200, 600);
	}
	if (config_chance(rng, 20)) {
		config->soft = 2048 + rng_below(rng, 16384);
		config->hard = config->soft * 8;
		config->window = CONFIG_TIGHT_WINDOW;
	}
}

static void
config_random_faults(struct sim_config *config, struct rng *rng)
{
	if (config_chance(rng, 40)) {
		config->crash_percent = (uint32_t)rng_below(rng, 80);
		config->silent = config_chance(rng, 50);
	}
	if (config_chance(rng, 30)) {
		config->partition_s = config_between(rng, 1, 30);
	}
	if (config_chance(rng, 30)) {
		config->loss_percent = config_between(rng, 1, 200);
	}
	if (config_chance(rng, 30)) {
		config->churn_per_s = config_between(rng, 0.1, 2);
	}
	if (config_chance(rng, 30)) {
		config->restart_per_s = config_between(rng, 0.1, 1);
		config->clock_step_percent = 30;
	}
	if (config_chance(rng, 20)) {
		config->pause_per_s = config_between(rng, 0.05, 0.5);
	}
	if (config_chance(rng, 20)) {
		config->slow_nodes = 1 + (uint32_t)rng_below(rng, 2);
		config->slow_kib = config_between(rng, 1, 64);
	}
}

/* More in a cut than the widest window holds. */
static void
config_random_flood(struct sim_config *config, struct rng *rng)
{
	config->nodes = 3 + (uint32_t)rng_below(rng, 3);
	config->senders = 1;
	config->rate = config_between(rng, 4000, 5000);
	config->payload = 8 + (uint32_t)rng_below(rng, 56);
	config->partition_s = config_between(rng, 18, 22);
	config->window = 256 * 1024;
	config->soft = (size_t)1 << 20;
	config->hard = (size_t)8 << 20;
}

/* A cut that is longer than any history; who speaks in it falls silent soon, so
 * that it is known of nothing but what others remember. */
static void
config_random_absence(struct sim_config *config, struct rng *rng)
{
	config->nodes = 3 + (uint32_t)rng_below(rng, 5);
	config->strangers = 0;
	config->liars = 0;
	config->forges = false;
	config->imitates = false;
	config->senders = 1 + (uint32_t)rng_below(rng, 3);
	config->rate = config_between(rng, 0.1, 1);
	config->silence_s = config_between(rng, 5, 30);
	config->restart_per_s = config_between(rng, 0.05, 0.3);
	config->clock_step_percent = 30;
	config->loss_percent = 0;
	config->churn_per_s = 0;
	config->crash_percent = 0;
	config->partition_s = config_between(rng, 70, 150);
	if (config_chance(rng, 30)) {
		config->partition_s += 550; /* they are forgotten, too */
	}
	config->pause_max_s = 120;
}

/* Nodes that do not belong here, and nodes that lie. */
static void
config_random_roles(struct sim_config *config, struct rng *rng)
{
	uint32_t honest;

	if (config->nodes < CONFIG_ROLES_NODES) {
		return;
	}
	if (config->has_psk && config_chance(rng, 60)) {
		config->strangers = 1 + (uint32_t)rng_below(rng, 2);
	}
	if (config_chance(rng, 15)) {
		config->liars = 1 + (uint32_t)rng_below(rng, 2);
		config->forges = config_chance(rng, 30);
		config->imitates = config_chance(rng, 30);
		if (config->drain_s < CONFIG_DRAIN_LIARS_S) {
			config->drain_s = CONFIG_DRAIN_LIARS_S;
		}
		/* With fewer links some would have liars only. */
		config->view_min = 0;
		config->view_max = 0;
	}
	if (config->imitates) {
		config->restart_per_s = 0; /* under a kept id */
	}
	honest = config->nodes - config->strangers - config->liars;
	if (config->senders > honest) {
		config->senders = honest;
	}
}

/* Links that are given; nobody needs others to join by. */
static void
config_random_static(struct sim_config *config, struct rng *rng)
{
	config->is_static = true;
	config->shape = (enum shape)rng_below(rng, SHAPE_COUNT);
	config->entries = 0;
	config->strangers = 0;
	config->liars = 0;
	config->forges = false;
	config->imitates = false;
	config->drain_s = CONFIG_DRAIN_SLOW_S; /* addresses wait for 60 */
}

void
sim_config_random(struct sim_config *config, uint64_t seed)
{
	struct rng rng;

	sim_config_init(config);
	rng_init(&rng, seed ^ UINT64_C(0x73696d));
	config->seed = seed;
	config->nodes = 3 + (uint32_t)rng_below(&rng, 38);
	config->degree = 2 + (uint32_t)rng_below(&rng, 2);
	config->latency_max_ms = config_between(&rng, 2, 100);
	config->jitter_ms = config_chance(&rng, 50)
	                        ? config_between(&rng, 0, 20)
	                        : 0;
	config->senders = 1 + (uint32_t)rng_below(&rng, config->nodes);
	config->rate = config_between(&rng, 0.2, 20) / config->senders;
	config->payload = 8 + (uint32_t)rng_below(&rng, 1000);
	config->mortal = config_chance(&rng, 30);
	config->join_s = config_between(&rng, 0, 5);
	config->settle_s = config->join_s + 5;
	config->warm_s = 2;
	config->steady_s = 3;
	config->event_s = config_between(&rng, 2, 20);
	config->healed_s = 5;
	config->drain_s = CONFIG_DRAIN_S;
	config_random_nodes(config, &rng);
	config_random_faults(config, &rng);
	config->floods = config_chance(&rng, 5);
	if (config->slow_nodes > 0 || config->pause_per_s > 0 ||
	    config->window == CONFIG_TIGHT_WINDOW) {
		config->drain_s = CONFIG_DRAIN_SLOW_S;
	}
	if (config_chance(&rng, 1)) {
		config_random_flood(config, &rng);
	}
	config_random_roles(config, &rng);
	if (config_chance(&rng, 10)) {
		config_random_absence(config, &rng);
	}
	if (config_chance(&rng, 15)) {
		config_random_static(config, &rng);
	}
	if (config_chance(&rng, 15)) {
		config->unicast_percent = 1 + (uint32_t)rng_below(&rng, 60);
	}
	if (config_chance(&rng, 15)) {
		config->small_percent = 1 + (uint32_t)rng_below(&rng, 80);
		/* Who hears of an author from a history as old as it may be
		 * asks in vain, and gives up what came before. */
		config->drain_s = CONFIG_DRAIN_SLOW_S;
	}
	/* Who has no memory for a tombstone may take its own old id for
	 * another's, and who restarts may know nothing to pass on. */
	if (config_chance(&rng, 12) && !config->imitates &&
	    config->silence_s <= 0) {
		config->starve_per_s = config_between(&rng, 1, 10);
	}
	config->check = 2;
}
