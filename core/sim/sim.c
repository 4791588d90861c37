/* SPDX-License-Identifier: MIT
 * sim.c - see sim.h: the loop over events. */

#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "sim/check.h"
#include "sim/flood.h"
#include "sim/inspect.h"
#include "sim/overlay.h"
#include "sim/roles.h"
#include "sim/shape.h"
#include "sim/vnet.h"
#include "sim/world.h"

enum {
	SIM_HEAL_S = 20, /* a cut is followed by so much of the event */
	SIM_NODES_MAX = 1000000,
	SIM_PROGRESS_EVENTS = 1 << 16,
	SIM_CHECK_S = 5,
};

/* ---- events */

static void
sim_on_phase(struct world *world, enum phase phase)
{
	world->phase = phase;
	tally_mark(&world->tally, world, (int)phase);
	switch (phase) {
	case PHASE_WARM:
		overlay_measure(world);
		flood_measure(world);
		break;
	case PHASE_EVENT:
		faults_begin(world);
		break;
	case PHASE_HEALED:
		faults_end(world);
		break;
	case PHASE_JOIN:
	case PHASE_IDLE:
	case PHASE_STEADY:
	case PHASE_DRAIN:
	case PHASE_COUNT:
		break;
	}
}

static void
sim_on_node(struct world *world, const struct event *event)
{
	struct vnode *node = event->what;

	world_note(world, node->index);
	switch ((int)event->kind) {
	case EVENT_TICK:
		vnode_on_tick(node);
		break;
	case EVENT_READER:
		vnet_on_reader(node);
		break;
	case EVENT_JOIN:
		vnode_start(node, false);
		break;
	case EVENT_LEFT:
		if (node->incarnation == event->number) {
			vnode_kill(node, false);
		}
		break;
	case EVENT_RESUME:
		if (node->incarnation == event->number) {
			vnode_resume(node);
		}
		break;
	default:
		break;
	}
}

static void
sim_on_conn(struct world *world, const struct event *event)
{
	struct vconn *conn = event->what;

	world_note(world, conn->id);
	switch ((int)event->kind) {
	case EVENT_ACCEPT:
		vnet_on_accept(conn);
		break;
	case EVENT_OPENED:
		vnet_on_opened(conn);
		break;
	case EVENT_DIAL_FAILED:
		vnet_on_dial_failed(conn);
		break;
	default:
		break;
	}
	vconn_unref(conn);
}

static void
sim_on_end(struct world *world, const struct event *event)
{
	struct vend *end = event->what;
	struct vconn *conn = end->conn;

	world_note(world, conn->id << 1 | end->dialled);
	switch ((int)event->kind) {
	case EVENT_CLOSED:
		vnet_on_closed(end);
		break;
	case EVENT_CLOSE_LATE:
		vnet_on_close_late(end);
		break;
	case EVENT_STALL:
		vnet_on_stall(end);
		break;
	case EVENT_REOPEN:
		vnet_on_reopen(end);
		break;
	default:
		break;
	}
	vconn_unref(conn);
}

static void
sim_watch(const struct world *world)
{
	const struct sim_config *config = &world->config;
	uint32_t meshes = 0;
	size_t tombstones = 0;

	for (uint32_t i = 0; i < config->nodes; i++) {
		const struct mesh *mesh = world->nodes[i].mesh;

		if (mesh != NULL) {
			tombstones += inspect_tombstone_bytes(mesh);
			meshes++;
		}
	}
	config->watch(
	    config->watch_ctx, (double)world->now_us / 1e6, meshes, tombstones);
}

static void
sim_on_check(struct world *world)
{
	check_world(world);
	if (world->config.watch != NULL) {
		sim_watch(world);
	}
	world_at(world, world->now_us + SIM_CHECK_S * US_PER_S, EVENT_CHECK,
	    NULL, 0);
}

static void
sim_dispatch(struct world *world, const struct event *event)
{
	struct vend *end = event->what;

	switch ((enum event_kind)event->kind) {
	case EVENT_ARRIVE:
		world_note(world, end->conn->id << 1 | end->dialled);
		vnet_on_arrive(end);
		break;
	case EVENT_TICK:
	case EVENT_READER:
	case EVENT_JOIN:
	case EVENT_LEFT:
	case EVENT_RESUME:
		sim_on_node(world, event);
		break;
	case EVENT_ACCEPT:
	case EVENT_OPENED:
	case EVENT_DIAL_FAILED:
		sim_on_conn(world, event);
		break;
	case EVENT_CLOSED:
	case EVENT_CLOSE_LATE:
	case EVENT_STALL:
	case EVENT_REOPEN:
		sim_on_end(world, event);
		break;
	case EVENT_PUBLISH:
		traffic_publish(world, event->number);
		break;
	case EVENT_FAULT:
		faults_on_event(world, (enum fault_kind)event->number);
		break;
	case EVENT_PHASE:
		sim_on_phase(world, (enum phase)event->number);
		break;
	case EVENT_SAMPLE:
		if (event->number == world->faults.samples) {
			overlay_sample(world);
		}
		break;
	case EVENT_CHECK:
		sim_on_check(world);
		break;
	case EVENT_KINDS:
		break;
	}
}

/* ---- a run */

/* As a node asks it of --queue: one that could not take a message on top of
 * SOFT would end the links that bring one. */
static enum err
sim_validate_queue(const struct sim_config *config, struct diag *diag)
{
	size_t message = vnode_message_max(config);
	size_t needed = config->soft + message;

	if (config->hard >= needed) {
		return ERR_OK;
	}
	diag_set(diag,
	    "--hard: found %zu, expected %zu or more: --soft and a message of "
	    "%zu bytes. Try --hard %zu, or a smaller --soft or --payload.",
	    config->hard, needed, message, needed);
	return ERR_INVALID;
}

static enum err
sim_validate(const struct sim_config *config, struct diag *diag)
{
	if (config->nodes < 2 || config->nodes > SIM_NODES_MAX) {
		diag_set(diag, "%u nodes; expected 2 to %d", config->nodes,
		    SIM_NODES_MAX);
		return ERR_INVALID;
	}
	if (config->senders > config->nodes) {
		diag_set(diag, "%u senders of %u nodes; expected not more",
		    config->senders, config->nodes);
		return ERR_INVALID;
	}
	if (!roles_are_possible(config, diag) ||
	    !shape_is_possible(config, diag)) {
		return ERR_INVALID;
	}
	if (config->starve_per_s > 0 && config->starve == NULL) {
		diag_set(diag, "here no allocation can be made to fail; the "
		               "test sim_random can: sim_random SEED 1");
		return ERR_INVALID;
	}
	if (config->latency_min_ms > config->latency_max_ms) {
		diag_set(diag, "the least latency is larger than the largest");
		return ERR_INVALID;
	}
	return sim_validate_queue(config, diag);
}

static void
sim_plan(struct world *world)
{
	const struct sim_config *config = &world->config;
	double event_s = config->partition_s > 0 &&
	                         config->event_s <
	                             config->partition_s + SIM_HEAL_S
	                     ? config->partition_s + SIM_HEAL_S
	                     : config->event_s;
	double idle_s = (config->join_s + config->settle_s) / 2;
	const double begins_s[PHASE_COUNT + 1] = {
		0,
		idle_s,
		config->settle_s,
		config->warm_s,
		config->steady_s,
		event_s,
		config->healed_s,
		config->drain_s,
	};
	double at_s = config->settle_s;

	for (int i = 0; i <= PHASE_COUNT; i++) {
		at_s = i <= PHASE_WARM ? begins_s[i] : at_s + begins_s[i];
		world->begins_us[i] = world_us(at_s);
		if (i < PHASE_COUNT) {
			world_at(world, world->begins_us[i], EVENT_PHASE, NULL,
			    (uint32_t)i);
		}
	}
	roles_plan(world);
	traffic_start(
	    world, world->begins_us[PHASE_WARM], world->begins_us[PHASE_DRAIN]);
	faults_plan(world);
	for (uint32_t i = 0; i < config->nodes; i++) {
		world_at(world, world_us(config->join_s * i / config->nodes),
		    EVENT_JOIN, &world->nodes[i], 0);
	}
	world_at(world, world_us(config->join_s), EVENT_SAMPLE, NULL, 0);
	world_at(world, SIM_CHECK_S * US_PER_S, EVENT_CHECK, NULL, 0);
}

static enum err
sim_init(struct world *world, const struct sim_config *config,
    struct sim_result *result)
{
	*world = (struct world){
		.config = *config, .hash = HASH_BEGIN, .result = result
	};
	*result = (struct sim_result){ .joined_s = -1, .whole_s = -1 };
	heap_init(&world->heap);
	rng_init(&world->rng, config->seed);
	chunk_pool_init(&world->pool);
	world->nodes = calloc(config->nodes, sizeof(*world->nodes));
	if (world->nodes == NULL) {
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < config->nodes; i++) {
		world->nodes[i].world = world;
		world->nodes[i].index = i;
		world->nodes[i].tick_us = UINT64_MAX;
	}
	tally_init(&world->tally, world);
	sim_plan(world);
	return world->err;
}

static void
sim_fini(struct world *world)
{
	if (world->nodes != NULL) {
		vnet_fini(world);
		for (uint32_t i = 0; i < world->config.nodes; i++) {
			mesh_destroy(world->nodes[i].mesh);
			vnode_forget(&world->nodes[i]);
		}
	}
	chunk_pool_fini(&world->pool);
	free(world->nodes);
	traffic_fini(&world->traffic);
	tally_fini(&world->tally);
	heap_fini(&world->heap);
}

static void
sim_progress(const struct world *world, uint64_t *told_ns)
{
	uint64_t now_ns = clock_now_ns();

	if (now_ns - *told_ns >= UINT64_C(1000000000)) {
		*told_ns = now_ns;
		(void)fprintf(stderr,
		    "\r%.1f of %.1f virtual seconds, %.1f M events ",
		    (double)world->now_us / 1e6,
		    (double)world->begins_us[PHASE_COUNT] / 1e6,
		    (double)world->event_count / 1e6);
	}
}

static void
sim_loop(struct world *world)
{
	uint64_t end_us = world->begins_us[PHASE_COUNT];
	uint64_t told_ns = clock_now_ns();

	while (world->heap.count > 0 && world->heap.events[0].at_us < end_us &&
	       world->err == ERR_OK && world->result->violation[0] == '\0') {
		struct event event = heap_pop(&world->heap);

		world->now_us = event.at_us;
		world->event_count++;
		world_note(world, event.at_us << 8 | event.kind);
		sim_dispatch(world, &event);
		if (world->config.progress &&
		    world->event_count % SIM_PROGRESS_EVENTS == 0) {
			sim_progress(world, &told_ns);
		}
	}
	if (world->config.progress) {
		(void)fprintf(stderr, "\r%60s\r", "");
	}
}

enum err
sim_run(const struct sim_config *config, struct sim_result *result,
    struct diag *diag)
{
	struct world world;
	clock_t begin = clock();
	enum err err = sim_validate(config, diag);

	if (err != ERR_OK) {
		return err;
	}
	err = sim_init(&world, config, result);
	if (err == ERR_OK) {
		sim_loop(&world);
		err = world.err;
	}
	if (err == ERR_OK) {
		tally_mark(&world.tally, &world, PHASE_COUNT);
		tally_finish(&world.tally, &world);
		check_end(&world);
		result->hash = world.hash;
		result->events = world.event_count;
		result->virtual_s = (double)world.now_us / 1e6;
		result->cpu_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
	} else {
		diag_set(diag, "%s", err_text(err));
	}
	sim_fini(&world);
	return err;
}
