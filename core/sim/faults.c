/* SPDX-License-Identifier: MIT
 * faults.c - see faults.h. */

#include "sim/faults.h"

#include <stddef.h>

#include "sim/lies.h"
#include "sim/vnet.h"
#include "sim/world.h"

enum {
	FAULTS_LOSS_MS = 100,    /* links are drawn each */
	FAULTS_REJOIN_MS = 5000, /* after a leave, at the latest */
	FAULTS_PAUSE_MIN_MS = 1000,
	FAULTS_SAVED_PERCENT = 70, /* of restarts have saved their state */
	FAULTS_TRIES = 64,
	FAULTS_STARVE_MIN_MS = 1000,
	FAULTS_STARVE_MORE_MS = 9000,
	FAULTS_STARVE_ONE_IN = 8, /* allocations, at the most */
	FAULTS_LIES_PER_S = 10,   /* of each liar, to each link */
};

void
faults_plan(struct world *world)
{
	const struct sim_config *config = &world->config;
	uint32_t doomed = config->nodes * config->crash_percent / 100;
	bool late = config->churn_per_s > 0 || config->restart_per_s > 0;
	uint32_t spared = (config->mortal ? 0 : config->senders) +
	                  (late ? config->entries : 0);

	if (doomed + spared > config->nodes) {
		doomed = config->nodes > spared ? config->nodes - spared : 0;
	}
	while (doomed > 0) {
		struct vnode *node =
		    &world->nodes[rng_below(&world->rng, config->nodes)];
		/* Whoever joins later needs an entry. */
		bool is_needed = node->is_steady ||
		                 (late && node->index < config->entries);

		if (!is_needed && !node->is_doomed) {
			node->is_doomed = true;
			doomed--;
		}
	}
	for (uint32_t i = 0; i < config->nodes; i++) {
		world->nodes[i].side = rng_below(&world->rng, 2) == 1;
		world->nodes[i].is_small = world_chance(
		    world, config->small_percent);
	}
}

static void
faults_note(struct world *world, enum seen what)
{
	world->result->seen[what]++;
}

static void
faults_watch(struct world *world)
{
	world->faults.struck_us = world->now_us;
	world->result->whole_s = -1;
	world->faults.samples++;
	world_at(
	    world, world->now_us, EVENT_SAMPLE, NULL, world->faults.samples);
}

/* Until when something strikes again and again.  Where authors fall silent it
 * is calm from then on: who restarts late has nothing to miss. */
static uint64_t
faults_until_us(const struct world *world)
{
	double silence_s = world->config.silence_s;

	return silence_s > 0
	           ? world->begins_us[PHASE_EVENT] + world_us(silence_s)
	           : world->begins_us[PHASE_HEALED];
}

/* The next of `per_s` a second, at random. */
static void
faults_next(struct world *world, double per_s, enum fault_kind kind)
{
	uint64_t at_us = world->now_us +
	                 rng_below(&world->rng, world_us(2 / per_s) + 1);

	if (at_us < faults_until_us(world)) {
		world_at(world, at_us, EVENT_FAULT, NULL, kind);
	}
}

static void
faults_crash(struct world *world)
{
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		struct vnode *node = &world->nodes[i];

		if (node->is_doomed) {
			faults_note(world, world->config.silent
			                       ? SEEN_CRASH_SILENT
			                       : SEEN_CRASH_RESET);
			vnode_kill(node, world->config.silent);
		}
	}
	faults_watch(world);
}

/* Somebody whom `steady` nodes are not; NULL: found none. */
static struct vnode *
faults_victim(struct world *world, bool may_be_steady)
{
	for (int i = 0; i < FAULTS_TRIES; i++) {
		struct vnode *node =
		    &world->nodes[rng_below(&world->rng, world->config.nodes)];

		if (vnode_is_on(node) && !node->is_paused &&
		    (may_be_steady || !node->is_steady)) {
			return node;
		}
	}
	return NULL;
}

static void
faults_slow_down(struct world *world)
{
	for (uint32_t i = 0; i < world->config.slow_nodes; i++) {
		struct vnode *node = faults_victim(world, true);

		if (node != NULL) {
			node->slow_bps = world->config.slow_kib * 1024;
			faults_note(world, SEEN_SLOW);
			node->read_us = world->now_us;
		}
	}
}

void
faults_begin(struct world *world)
{
	const struct sim_config *config = &world->config;

	world->faults.struck_us = world->now_us;
	if (config->crash_percent > 0) {
		faults_crash(world);
	}
	if (config->partition_s > 0) {
		faults_on_event(world, FAULT_CUT);
	}
	if (config->loss_percent > 0) {
		faults_on_event(world, FAULT_LOSS);
	}
	if (config->churn_per_s > 0) {
		faults_next(world, config->churn_per_s, FAULT_CHURN);
	}
	if (config->restart_per_s > 0) {
		faults_next(world, config->restart_per_s, FAULT_RESTART);
	}
	if (config->pause_per_s > 0) {
		faults_next(world, config->pause_per_s, FAULT_PAUSE);
	}
	if (config->liars > 0) {
		faults_next(world, FAULTS_LIES_PER_S, FAULT_LIE);
	}
	if (config->starve_per_s > 0) {
		faults_next(world, config->starve_per_s, FAULT_STARVE);
	}
	faults_slow_down(world);
}

void
faults_end(struct world *world)
{
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		struct vnode *node = &world->nodes[i];

		if (node->slow_bps > 0) {
			node->slow_bps = 0;
			node->read_us = world->now_us;
			vnet_wake_reader(node);
		}
	}
}

static void
faults_lose(struct world *world)
{
	double percent = world->config.loss_percent * FAULTS_LOSS_MS / 60000;
	uint64_t next_us = world->now_us + FAULTS_LOSS_MS * US_PER_MS;
	struct vconn *conn;

	LIST_FOREACH (conn, &world->conns, conn_entry) {
		if (world_chance(world, percent)) {
			faults_note(world, SEEN_LOSS);
			vnet_break(conn);
		}
	}
	if (next_us < world->begins_us[PHASE_HEALED]) {
		world_at(world, next_us, EVENT_FAULT, NULL, FAULT_LOSS);
	}
}

/* One leaves, or crashes, and joins again as somebody else. */
static void
faults_churn(struct world *world)
{
	struct vnode *node = faults_victim(world, false);
	uint64_t back_us = world->now_us + 2 * US_PER_S +
	                   rng_below(&world->rng, FAULTS_REJOIN_MS * US_PER_MS);

	if (node != NULL && node->index >= world->config.entries) {
		if (world_chance(world, 50)) {
			faults_note(world, SEEN_LEAVE);
			vnode_leave(node);
		} else {
			vnode_kill(node, world->config.silent);
		}
		world_at(world, back_us, EVENT_JOIN, node, 0);
	}
	faults_next(world, world->config.churn_per_s, FAULT_CHURN);
}

static void
faults_restart(struct world *world)
{
	struct vnode *node = faults_victim(world, true);

	if (node != NULL) {
		bool is_saved = world_chance(world, FAULTS_SAVED_PERCENT);

		vnode_forget(node);
		if (is_saved) {
			vnode_save(node);
		}
		faults_note(
		    world, is_saved ? SEEN_RESTART_SAVED : SEEN_RESTART_FORGOT);
		vnode_kill(node, world_chance(world, 30));
		vnode_start(node, true);
	}
	faults_next(world, world->config.restart_per_s, FAULT_RESTART);
}

static void
faults_pause(struct world *world)
{
	struct vnode *node = faults_victim(world, true);
	uint64_t span_ms = (uint64_t)(world->config.pause_max_s * 1000) -
	                   FAULTS_PAUSE_MIN_MS;
	uint64_t for_us = (FAULTS_PAUSE_MIN_MS +
	                      rng_below(&world->rng, span_ms)) *
	                  US_PER_MS;
	uint64_t left_us = world->begins_us[PHASE_HEALED] - world->now_us;

	if (node != NULL) {
		faults_note(world, SEEN_PAUSE);
		vnode_pause(node, for_us < left_us ? for_us : left_us);
	}
	faults_next(world, world->config.pause_per_s, FAULT_PAUSE);
}

static void
faults_starve(struct world *world)
{
	struct vnode *node = faults_victim(world, true);
	uint64_t for_us = (FAULTS_STARVE_MIN_MS +
	                      rng_below(&world->rng, FAULTS_STARVE_MORE_MS)) *
	                  US_PER_MS;
	uint64_t left_us = world->begins_us[PHASE_HEALED] - world->now_us;

	if (node != NULL && vnode_is_honest(node)) {
		faults_note(world, SEEN_STARVE);
		node->starved_us = world->now_us +
		                   (for_us < left_us ? for_us : left_us);
		node->starve_one_in = 1 + (uint32_t)rng_below(&world->rng,
		                              FAULTS_STARVE_ONE_IN);
	}
	faults_next(world, world->config.starve_per_s, FAULT_STARVE);
}

void
faults_on_event(struct world *world, enum fault_kind kind)
{
	switch (kind) {
	case FAULT_CUT:
		world->is_parted = true;
		world->cut_us = world->now_us;
		world_at(world,
		    world->now_us + world_us(world->config.partition_s),
		    EVENT_FAULT, NULL, FAULT_HEAL);
		return;
	case FAULT_HEAL:
		world->is_parted = false;
		vnet_heal(world);
		faults_watch(world);
		return;
	case FAULT_LOSS:
		faults_lose(world);
		return;
	case FAULT_CHURN:
		faults_churn(world);
		return;
	case FAULT_RESTART:
		faults_restart(world);
		return;
	case FAULT_PAUSE:
		faults_pause(world);
		return;
	case FAULT_STARVE:
		faults_starve(world);
		return;
	case FAULT_LIE:
		lies_tell(world);
		faults_next(world, FAULTS_LIES_PER_S, FAULT_LIE);
		return;
	}
}
