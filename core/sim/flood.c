/* SPDX-License-Identifier: MIT
 * flood.c - see flood.h: Dijkstra over the connections. */

#include "sim/flood.h"

#include <stdlib.h>

#include "sim/vnet.h"
#include "sim/world.h"

/* The graph, as lists of neighbours one behind the other. */
struct flood {
	uint32_t *first; /* of node i: first[i] .. first[i + 1] - 1 */
	uint32_t *to;
	uint64_t *latency_us;
	uint64_t *reached_us;
	uint32_t bins[TALLY_BINS];
	uint64_t count;
};

static void
flood_destroy(struct flood *flood)
{
	if (flood != NULL) {
		free(flood->first);
		free(flood->to);
		free(flood->latency_us);
		free(flood->reached_us);
		free(flood);
	}
}

/* Twice over the connections: count, then fill in from behind. */
static void
flood_link(struct flood *flood, const struct world *world)
{
	uint32_t nodes = world->config.nodes;
	const struct vconn *conn;

	LIST_FOREACH (conn, &world->conns, conn_entry) {
		if (vnet_is_up(conn)) {
			flood->first[conn->end[0].node->index]++;
			flood->first[conn->end[1].node->index]++;
		}
	}
	for (uint32_t i = 1; i <= nodes; i++) {
		flood->first[i] += flood->first[i - 1];
	}
	LIST_FOREACH (conn, &world->conns, conn_entry) {
		for (int i = 0; i < 2 && vnet_is_up(conn); i++) {
			uint32_t from = conn->end[i].node->index;
			uint32_t at = --flood->first[from];

			flood->to[at] = conn->end[!i].node->index;
			flood->latency_us[at] = conn->latency_us;
		}
	}
}

static struct flood *
flood_create(const struct world *world)
{
	struct flood *flood = calloc(1, sizeof(*flood));
	uint32_t nodes = world->config.nodes;
	size_t ends = 2;
	const struct vconn *conn;

	if (flood == NULL) {
		return NULL;
	}
	LIST_FOREACH (conn, &world->conns, conn_entry) {
		ends += 2;
	}
	flood->first = calloc(nodes + 1, sizeof(uint32_t));
	flood->to = calloc(ends, sizeof(uint32_t));
	flood->latency_us = calloc(ends, sizeof(uint64_t));
	flood->reached_us = calloc(nodes, sizeof(uint64_t));
	if (flood->first == NULL || flood->to == NULL ||
	    flood->latency_us == NULL || flood->reached_us == NULL) {
		flood_destroy(flood);
		return NULL;
	}
	flood_link(flood, world);
	return flood;
}

static enum err
flood_from(struct flood *flood, uint32_t nodes, uint32_t source)
{
	struct heap heap;
	enum err err;

	for (uint32_t i = 0; i < nodes; i++) {
		flood->reached_us[i] = UINT64_MAX;
	}
	heap_init(&heap);
	err = heap_push(&heap, (struct event){ .number = source });
	while (heap.count > 0 && err == ERR_OK) {
		struct event event = heap_pop(&heap);
		uint32_t node = event.number;
		uint64_t ms = event.at_us / US_PER_MS;

		if (flood->reached_us[node] <= event.at_us) {
			continue;
		}
		flood->reached_us[node] = event.at_us;
		if (node != source) {
			flood->bins[ms < TALLY_BINS ? ms : TALLY_BINS - 1]++;
			flood->count++;
		}
		for (uint32_t i = flood->first[node];
		     i < flood->first[node + 1] && err == ERR_OK; i++) {
			event.at_us = flood->reached_us[node] +
			              flood->latency_us[i];
			event.number = flood->to[i];
			if (event.at_us < flood->reached_us[event.number]) {
				err = heap_push(&heap, event);
			}
		}
	}
	heap_fini(&heap);
	return err;
}

void
flood_measure(struct world *world)
{
	const struct sim_config *config = &world->config;
	struct flood *flood;
	uint64_t sum = 0;

	if (world->traffic.senders == NULL) {
		return;
	}
	flood = flood_create(world);
	if (flood == NULL) {
		world->err = ERR_NOMEM;
		return;
	}
	for (uint32_t i = 0; i < config->senders; i++) {
		if (flood_from(flood, config->nodes,
		        world->traffic.senders[i]) != ERR_OK) {
			world->err = ERR_NOMEM;
		}
	}
	for (int ms = 0; ms < TALLY_BINS && flood->count > 0; ms++) {
		sum += flood->bins[ms];
		if ((double)sum >= 0.99 * (double)flood->count) {
			world->result->flood_p99_ms = ms;
			break;
		}
	}
	flood_destroy(flood);
}
