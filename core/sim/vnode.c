/* SPDX-License-Identifier: MIT
 * vnode.c - see vnode.h. */

#include "sim/vnode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/actions.h"
#include "sim/check.h"
#include "sim/lane.h"
#include "sim/roles.h"
#include "sim/shape.h"
#include "sim/vnet.h"
#include "sim/world.h"

enum {
	VNODE_PORT = 7000,
	VNODE_LATE_MS = 500,      /* a stop that the node's clock leaves out */
	VNODE_FLUSH_MS = 1000,    /* a node that leaves may take */
	VNODE_TICKS_MAX = 10000,  /* in one millisecond */
	VNODE_MESSAGE_MIN = 2048, /* presence */
};

void
vnode_addr(uint32_t index, char addr[VNODE_ADDR_LEN])
{
	(void)snprintf(addr, VNODE_ADDR_LEN, "ws://10.%u.%u.%u:%d",
	    index >> 16 & 0xff, index >> 8 & 0xff, index & 0xff, VNODE_PORT);
}

uint32_t
vnode_of_addr(const char *addr, uint32_t count)
{
	static const char prefix[] = "ws://10";
	const char *at = addr + strlen(prefix);
	unsigned long index = 0;

	if (strncmp(addr, prefix, strlen(prefix)) != 0) {
		return UINT32_MAX;
	}
	for (int i = 0; i < 3; i++) {
		char *end;

		if (*at != '.') {
			return UINT32_MAX;
		}
		index = index << 8 | (strtoul(at + 1, &end, 10) & 0xff);
		at = end;
	}
	return index < count ? (uint32_t)index : UINT32_MAX;
}

bool
vnode_is_on(const struct vnode *node)
{
	return node->state == VNODE_ON;
}

bool
vnode_is_honest(const struct vnode *node)
{
	return node->role == VNODE_HONEST;
}

bool
vnode_is_stranger(const struct vnode *node)
{
	return node->role == VNODE_OTHER_KEY || node->role == VNODE_NO_KEY;
}

uint64_t
vnode_now_ms(const struct vnode *node)
{
	return (node->world->now_us - node->skew_us) / US_PER_MS;
}

/* Random, but for the last six bytes: they say who it is. */
static void
vnode_make_id(struct vnode *node)
{
	uint32_t tail[2] = { node->incarnation, node->index };

	rng_fill(&node->world->rng, node->id.bytes, sizeof(node->id.bytes));
	memcpy(node->id.bytes + 8, tail, sizeof(tail));
}

/* The addresses that `node` is given: entries of the mesh, or its links. */
static size_t
vnode_peers(struct vnode *node, char (*addrs)[VNODE_ADDR_LEN])
{
	const struct sim_config *config = &node->world->config;
	uint32_t given[SHAPE_GIVEN_MAX];
	size_t count = 0;

	if (config->is_static) {
		count = shape_given(config, node->index, given);
		for (size_t i = 0; i < count; i++) {
			vnode_addr(given[i], addrs[i]);
		}
		return count;
	}
	for (uint32_t i = 0; i < config->entries && count < SHAPE_GIVEN_MAX;
	     i++) {
		if (i != node->index && i < config->nodes) {
			vnode_addr(i, addrs[count++]);
		}
	}
	return count;
}

size_t
vnode_message_max(const struct sim_config *config)
{
	return config->payload > VNODE_MESSAGE_MIN ? config->payload
	                                           : VNODE_MESSAGE_MIN;
}

size_t
vnode_takes(const struct vnode *node)
{
	const struct sim_config *config = &node->world->config;

	return node->is_small ? traffic_small(config)
	                      : vnode_message_max(config);
}

static enum err
vnode_create_mesh(struct vnode *node)
{
	static const char psk[] = "a key of the simulated nodes";
	static const char other_psk[] = "a key that nobody else knows";
	const struct sim_config *config = &node->world->config;
	const char *key = node->role == VNODE_OTHER_KEY ? other_psk : psk;
	bool has_psk = config->has_psk && node->role != VNODE_NO_KEY;
	char addrs[SHAPE_GIVEN_MAX][VNODE_ADDR_LEN];
	const char *peers[SHAPE_GIVEN_MAX];
	char self[VNODE_ADDR_LEN];
	char name[16];
	struct mesh_config mesh = {
		.node_id = node->id,
		.keeps_id = !config->imitates, /* life after life */
		.boot = node->boot,
		.now_ms = vnode_now_ms(node),
		.name = name,
		.network = "sim",
		.advertise = self,
		.peers = peers,
		.peer_count = vnode_peers(node, addrs),
		.max_message = vnode_takes(node),
		.max_hops = (uint8_t)config->max_hops,
		.ping_ms = config->ping_ms,
		.soft = config->soft,
		.hard = config->hard,
		.is_auto = !config->is_static,
		.links_min = config->view_min,
		.links_max = config->view_max,
		.psk = has_psk ? (const uint8_t *)key : NULL,
		.psk_len = has_psk ? strlen(key) + 1 : 0,
		.presence = config->presence,
		.floods = config->floods,
		.history_bytes = config->history,
		.pool = &node->world->pool,
	};

	for (size_t i = 0; i < mesh.peer_count; i++) {
		peers[i] = addrs[i];
	}
	vnode_addr(node->index, self);
	(void)snprintf(name, sizeof(name), "n%u", node->index);
	return mesh_create(&node->mesh, &mesh, &node->io, &node->rng, NULL);
}

void
vnode_start(struct vnode *node, bool again)
{
	struct world *world = node->world;
	uint32_t wall_s = SIM_EPOCH_S + (uint32_t)(world->now_us / US_PER_S);
	enum err err;

	if (node->mesh != NULL) {
		return;
	}
	node->incarnation++;
	if (!again) {
		vnode_make_id(node);
		if (node->role == VNODE_LIAR) {
			roles_imitate(node);
		}
	} else if (node->saved.len > 0 &&
	           world_chance(world, world->config.clock_step_percent)) {
		/* What was saved says that it was further. */
		wall_s -= (uint32_t)rng_below(&world->rng, 7200);
		world->result->seen[SEEN_CLOCK_STEP]++;
	} else if (wall_s <= node->boot) {
		wall_s = node->boot + 1;
	}
	node->boot = wall_s;
	node->state = VNODE_ON;
	node->is_paused = false;
	node->since_us = world->now_us;
	node->skew_us = 0;
	node->starved_us = 0;
	node->tick_us = UINT64_MAX;
	rng_init(&node->rng, rng_next(&world->rng));
	actions_init(node);
	err = vnode_create_mesh(node);
	if (err == ERR_OK && again && node->saved.len > 0) {
		err = mesh_restore(
		    node->mesh, node->saved.bytes, node->saved.len);
	}
	if (err != ERR_OK) {
		world->err = err;
		return;
	}
	world->result->seen[SEEN_JOIN] += !again && node->incarnation > 1 ? 1
	                                                                  : 0;
	tally_on_start(&world->tally, world, node);
	mesh_start(vnode_enter(node), vnode_now_ms(node));
	vnode_settle(node);
}

void
vnode_save(struct vnode *node)
{
	buf_clear(&node->saved);
	if (mesh_snapshot(node->mesh, &node->saved) != ERR_OK) {
		node->world->err = ERR_NOMEM;
	}
}

void
vnode_forget(struct vnode *node)
{
	buf_fini(&node->saved);
}

void
vnode_leave(struct vnode *node)
{
	struct world *world = node->world;

	if (!vnode_is_on(node) || node->is_paused) {
		return;
	}
	node->state = VNODE_LEAVING;
	mesh_stop(vnode_enter(node), vnode_now_ms(node));
	vnode_settle(node);
	world_at(world, world->now_us + VNODE_FLUSH_MS * US_PER_MS, EVENT_LEFT,
	    node, node->incarnation);
}

void
vnode_kill(struct vnode *node, bool silent)
{
	if (node->mesh == NULL) {
		return;
	}
	/* What this turn has queued is still sent. */
	lane_flush_dirty(node->world);
	tally_on_stop(&node->world->tally, node);
	vnet_abandon(node, silent);
	mesh_destroy(node->mesh);
	node->mesh = NULL;
	node->state = silent ? VNODE_GONE : VNODE_OFF;
	node->is_paused = false;
	node->tick_us = UINT64_MAX;
	node->cursor = NULL;
	node->input = NULL;
}

void
vnode_pause(struct vnode *node, uint64_t for_us)
{
	struct world *world = node->world;

	if (!vnode_is_on(node) || node->is_paused) {
		return;
	}
	node->is_paused = true;
	node->resume_us = world->now_us + for_us;
	if (for_us > VNODE_LATE_MS * US_PER_MS) {
		node->skew_us += for_us / US_PER_MS * US_PER_MS;
	}
	world_at(world, node->resume_us, EVENT_RESUME, node, node->incarnation);
}

void
vnode_resume(struct vnode *node)
{
	if (!node->is_paused) {
		return;
	}
	node->is_paused = false;
	node->read_us = node->world->now_us;
	vnet_wake_reader(node);
	vnode_settle(node);
}

/* Have a tick when the mesh wants one. */
static void
vnode_set_timer(struct vnode *node)
{
	struct world *world = node->world;
	uint64_t next_ms = mesh_next_ms(node->mesh);
	uint64_t at_us;

	if (next_ms == UINT64_MAX) {
		return;
	}
	at_us = next_ms * US_PER_MS + node->skew_us;
	if (at_us < world->now_us) {
		at_us = world->now_us;
	}
	if (at_us < node->tick_us) {
		node->tick_us = at_us;
		world_at(world, at_us, EVENT_TICK, node, 0);
	}
}

void
vnode_on_tick(struct vnode *node)
{
	struct world *world = node->world;
	uint64_t now_ms = world->now_us / US_PER_MS;

	/* Set anew since, or of an earlier life. */
	if (node->mesh == NULL || world->now_us != node->tick_us) {
		return;
	}
	node->tick_us = UINT64_MAX;
	if (node->is_paused) {
		return; /* vnode_resume sets the timer again */
	}
	node->ticked = node->ticked_ms == now_ms ? node->ticked + 1 : 0;
	node->ticked_ms = now_ms;
	if (node->ticked > VNODE_TICKS_MAX) {
		world_violation(world, "node %u spins: %u ticks in one ms",
		    node->index, node->ticked);
		return;
	}
	mesh_on_tick(vnode_enter(node), vnode_now_ms(node));
	vnode_settle(node);
}

struct mesh *
vnode_enter(struct vnode *node)
{
	struct world *world = node->world;

	if (world->now_us < node->starved_us) {
		world->config.starve(node->starve_one_in, &world->rng);
	}
	return node->mesh;
}

void
vnode_settle(struct vnode *node)
{
	if (node->world->config.starve != NULL) {
		node->world->config.starve(0, NULL);
	}
	lane_flush_dirty(node->world);
	if (node->mesh == NULL) {
		return;
	}
	vnode_set_timer(node);
	if (node->world->config.check > 1) {
		check_node(node);
	}
}
