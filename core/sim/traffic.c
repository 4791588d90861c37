/* SPDX-License-Identifier: MIT
 * traffic.c - see traffic.h. */

#include "sim/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "sim/inspect.h"
#include "sim/world.h"

enum {
	TRAFFIC_MARK = 0x67767369, /* in front of a message's number */
	TRAFFIC_HEAD = 8,
};

static bool
traffic_is_sender(const struct traffic *traffic, uint32_t count, uint32_t node)
{
	for (uint32_t i = 0; i < count; i++) {
		if (traffic->senders[i] == node) {
			return true;
		}
	}
	return false;
}

/* Distinct, and no entry of the mesh as long as there are others. */
static void
traffic_choose(struct world *world)
{
	struct traffic *traffic = &world->traffic;
	const struct sim_config *config = &world->config;
	bool spare = config->senders + config->entries + config->strangers +
	                 config->liars <
	             config->nodes;

	for (uint32_t i = 0; i < config->senders; i++) {
		uint32_t node;

		do {
			node = (uint32_t)rng_below(&world->rng, config->nodes);
		} while (traffic_is_sender(traffic, i, node) ||
		         !vnode_is_honest(&world->nodes[node]) ||
		         (spare && node < config->entries));
		traffic->senders[i] = node;
		world->nodes[node].is_steady = !config->mortal;
	}
}

/* When each falls silent. */
static void
traffic_hush(struct world *world)
{
	struct traffic *traffic = &world->traffic;
	const struct sim_config *config = &world->config;

	if (config->silence_s <= 0) {
		return;
	}
	traffic->silent_us = calloc(config->senders, sizeof(uint64_t));
	if (traffic->silent_us == NULL) {
		world->err = ERR_NOMEM;
		return;
	}
	for (uint32_t i = 0; i < config->senders; i++) {
		traffic->silent_us[i] = world->begins_us[PHASE_EVENT] +
		                        rng_below(&world->rng,
		                            world_us(config->silence_s) + 1);
	}
}

/* The odd ones speak again when the event is over. */
static bool
traffic_is_silent(const struct world *world, uint32_t sender)
{
	const uint64_t *silent_us = world->traffic.silent_us;

	return silent_us != NULL && world->now_us >= silent_us[sender] &&
	       (sender % 2 == 0 || world->phase < PHASE_HEALED);
}

void
traffic_start(struct world *world, uint64_t begin_us, uint64_t end_us)
{
	struct traffic *traffic = &world->traffic;
	const struct sim_config *config = &world->config;

	traffic->words = (config->nodes + 63) / 64;
	traffic->end_us = end_us;
	if (config->senders == 0 || config->rate <= 0) {
		return;
	}
	traffic->senders = calloc(config->senders, sizeof(uint32_t));
	traffic->payload = calloc(1, config->payload + TRAFFIC_HEAD);
	if (traffic->senders == NULL || traffic->payload == NULL) {
		world->err = ERR_NOMEM;
		return;
	}
	traffic_choose(world);
	traffic_hush(world);
	traffic->gap_us = world_us(1 / config->rate);
	for (uint32_t i = 0; i < config->senders; i++) {
		world_at(world,
		    begin_us + traffic->gap_us * i / config->senders,
		    EVENT_PUBLISH, NULL, i);
	}
}

void
traffic_fini(struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->count; i++) {
		free(traffic->sent[i].got);
		free(traffic->sent[i].gap);
		free(traffic->sent[i].below);
	}
	free(traffic->sent);
	free(traffic->senders);
	free(traffic->silent_us);
	free(traffic->payload);
}

/* NULL: no memory. */
static struct sent *
traffic_add(struct world *world)
{
	struct traffic *traffic = &world->traffic;
	struct sent *sent;

	if (traffic->count == traffic->cap) {
		size_t cap = traffic->cap == 0 ? 1024 : traffic->cap * 2;
		struct sent *more = realloc(traffic->sent, cap * sizeof(*more));

		if (more == NULL) {
			world->err = ERR_NOMEM;
			return NULL;
		}
		traffic->sent = more;
		traffic->cap = cap;
	}
	sent = &traffic->sent[traffic->count];
	*sent = (struct sent){ 0 };
	sent->got = calloc(2 * traffic->words, sizeof(uint64_t));
	if (sent->got == NULL) {
		world->err = ERR_NOMEM;
		return NULL;
	}
	sent->soon = sent->got + traffic->words;
	traffic->count++;
	return sent;
}

/* Some honest node that was there before, TRAFFIC_ALL: for everybody. */
static uint32_t
traffic_dest(struct world *world, const struct vnode *source)
{
	const struct sim_config *config = &world->config;
	const struct vnode *node;

	if (!world_chance(world, config->unicast_percent)) {
		return TRAFFIC_ALL;
	}
	node = &world->nodes[rng_below(&world->rng, config->nodes)];
	return node->incarnation == 0 || !vnode_is_honest(node) ||
	               nodeid_equal(&node->id, &source->id)
	           ? TRAFFIC_ALL
	           : node->index;
}

uint32_t
traffic_small(const struct sim_config *config)
{
	return config->payload < 2 * TRAFFIC_HEAD ? TRAFFIC_HEAD
	                                          : config->payload / 2;
}

static uint32_t
traffic_len(struct world *world, const struct vnode *node)
{
	const struct sim_config *config = &world->config;

	if (node->is_small || world_chance(world, config->small_percent)) {
		return traffic_small(config);
	}
	return config->payload < TRAFFIC_HEAD ? TRAFFIC_HEAD : config->payload;
}

static enum err
traffic_hand_in(struct world *world, struct vnode *node, struct sent *sent,
    struct message_view *view)
{
	const struct mesh_stats *stats = mesh_stats(node->mesh);
	uint64_t direct = stats->unicasts_sent;
	enum err err;

	if (sent->dest == TRAFFIC_ALL) {
		return mesh_publish(
		    vnode_enter(node), vnode_now_ms(node), view);
	}
	sent->dest_id = world->nodes[sent->dest].id;
	err = mesh_send(
	    vnode_enter(node), vnode_now_ms(node), &sent->dest_id, view);
	sent->is_direct = stats->unicasts_sent > direct;
	sent->row = sent->is_direct ? -1 : sent->row;
	world->result
	    ->seen[sent->is_direct ? SEEN_UNICAST : SEEN_UNICAST_FLOOD]++;
	return err;
}

static void
traffic_send(struct world *world, struct vnode *node, uint32_t sender)
{
	struct traffic *traffic = &world->traffic;
	uint32_t head[2] = { TRAFFIC_MARK, (uint32_t)traffic->count };
	struct sent *sent = traffic_add(world);
	struct message_view view = {
		.topic = "t",
		.topic_len = 1,
		.payload = traffic->payload,
	};

	if (sent == NULL) {
		return;
	}
	memcpy(traffic->payload, head, sizeof(head));
	sent->at_us = world->now_us;
	sent->last_us = world->now_us;
	sent->source = node->index;
	sent->sender = sender;
	sent->incarnation = node->incarnation;
	sent->id = node->id;
	sent->row = (int8_t)tally_row(world, world->now_us);
	bit_set(sent->got, node->index);
	bit_set(sent->soon, node->index);
	sent->dest = traffic_dest(world, node);
	view.payload_len = traffic_len(world, node);
	if (traffic_hand_in(world, node, sent, &view) != ERR_OK) {
		world_violation(world, "node %u cannot publish", node->index);
		return;
	}
	sent->seq = view.seq;
	vnode_settle(node);
}

size_t
traffic_make_up(
    struct world *world, const struct vnode *liar, uint8_t payload[8])
{
	uint32_t head[2] = { TRAFFIC_MARK, (uint32_t)world->traffic.count };
	struct sent *sent = traffic_add(world);

	if (sent == NULL) {
		return 0;
	}
	sent->at_us = world->now_us;
	sent->source = liar->index;
	sent->dest = TRAFFIC_ALL;
	sent->row = -1;
	memcpy(payload, head, sizeof(head));
	return sizeof(head);
}

const struct sent *
traffic_some(struct world *world)
{
	enum { LATE = 256, TRIES = 8 };
	const struct traffic *traffic = &world->traffic;
	uint64_t span = traffic->count < LATE ? traffic->count : LATE;

	for (int i = 0; i < TRIES && span > 0; i++) {
		const struct sent
		    *sent = &traffic->sent[traffic->count - 1 -
		                           rng_below(&world->rng, span)];

		if (vnode_is_honest(&world->nodes[sent->source]) &&
		    !sent->is_direct) {
			return sent;
		}
	}
	return NULL;
}

void
traffic_publish(struct world *world, uint32_t sender)
{
	struct traffic *traffic = &world->traffic;
	struct vnode *node = &world->nodes[traffic->senders[sender]];
	uint64_t next_us = world->now_us + traffic->gap_us;

	if (traffic_is_silent(world, sender)) {
		world->result->seen[SEEN_SILENT]++;
	} else if (vnode_is_on(node) && !node->is_paused) {
		traffic_send(world, node, sender);
	}
	if (next_us < traffic->end_us) {
		world_at(world, next_us, EVENT_PUBLISH, NULL, sender);
	}
}

/* One more bitmap of a message, if there is none yet. */
static uint64_t *
traffic_bits(struct world *world, uint64_t **bits)
{
	if (*bits == NULL) {
		*bits = calloc(world->traffic.words, sizeof(uint64_t));
	}
	if (*bits == NULL) {
		world->err = ERR_NOMEM;
	}
	return *bits;
}

/* Nothing before it was promised, then. */
static void
traffic_mark_below(
    struct world *world, const struct vnode *node, struct sent *sent)
{
	struct inspect_origin origin;

	if (inspect_find(node->mesh, &sent->id, &origin) &&
	    sent->seq >> 32 == origin.base >> 32 && sent->seq < origin.base &&
	    traffic_bits(world, &sent->below) != NULL) {
		bit_set(sent->below, node->index);
	}
}

void
traffic_on_deliver(
    struct world *world, struct vnode *node, const struct message_view *view)
{
	struct traffic *traffic = &world->traffic;
	struct sent *sent;
	uint32_t head[2] = { 0, 0 };

	if (view->topic_len > 0 && view->topic[0] == '$') {
		return;
	}
	if (view->payload_len >= sizeof(head)) {
		memcpy(head, view->payload, sizeof(head));
	}
	if (head[0] != TRAFFIC_MARK || head[1] >= traffic->count) {
		traffic->strangers++;
		world_violation(
		    world, "node %u got a message nobody sent", node->index);
		return;
	}
	sent = &traffic->sent[head[1]];
	world_note(world, (uint64_t)head[1] << 32 | node->index);
	if (world->nodes[sent->source].role == VNODE_LIAR) {
		world->result->seen[SEEN_BELIEVED]++;
	}
	/* An answer of a liar, told as the one that it says it is. */
	if ((view->flags & MESSAGE_REPLY) != 0 && world->config.imitates) {
		return;
	}
	if (sent->dest != TRAFFIC_ALL &&
	    !nodeid_equal(&sent->dest_id, &node->id)) {
		world_violation(world, "node %u got message %u for node %u",
		    node->index, head[1], sent->dest);
	}
	if (bit_get(sent->got, node->index)) {
		traffic->duplicates++;
		world_violation(world,
		    "node %u got message %u of node %u twice", node->index,
		    head[1], sent->source);
		return;
	}
	if (sent->gap != NULL && bit_get(sent->gap, node->index)) {
		traffic->late++;
		world_violation(world,
		    "node %u got message %u of node %u, told as a gap",
		    node->index, head[1], sent->source);
	}
	bit_set(sent->got, node->index);
	world->result->unicasts += sent->is_direct ? 1 : 0;
	if (world->now_us - sent->at_us <= US_PER_S) {
		bit_set(sent->soon, node->index);
	}
	if (world->config.promises) {
		traffic_mark_below(world, node, sent);
	}
	tally_on_deliver(&world->tally, world, node, sent, view->hops);
}

static void
traffic_mark_gap(struct world *world, struct vnode *node, struct sent *sent)
{
	struct traffic *traffic = &world->traffic;
	uint32_t number = (uint32_t)(sent - traffic->sent);

	if (bit_get(sent->got, node->index)) {
		world_violation(world,
		    "node %u was told of a gap of what it has, message %u of "
		    "node %u",
		    node->index, number, sent->source);
	}
	if (traffic_bits(world, &sent->gap) == NULL) {
		return;
	}
	if (bit_get(sent->gap, node->index)) {
		world_violation(world,
		    "node %u was told twice of a gap, message %u of node %u",
		    node->index, number, sent->source);
	}
	bit_set(sent->gap, node->index);
	traffic->gaps++;
}

/* Where gaps are many, the next one lies behind the last. */
void
traffic_on_gap(struct world *world, struct vnode *node,
    const struct nodeid *origin, uint64_t first, uint64_t count)
{
	struct traffic *traffic = &world->traffic;
	size_t at = node->gap_at;
	uint64_t found = 0;

	node->gaps += count;
	world_note(world, first ^ count << 32 ^ node->index);
	for (size_t i = 0; i < traffic->count && found < count; i++, at++) {
		struct sent *sent;

		at = at < traffic->count ? at : 0;
		sent = &traffic->sent[at];
		if (nodeid_equal(&sent->id, origin) && !sent->is_direct &&
		    sent->seq >= first && sent->seq - first < count) {
			traffic_mark_gap(world, node, sent);
			node->gap_at = at;
			found++;
		}
	}
}

void
traffic_forget(struct world *world, const struct vnode *node)
{
	struct traffic *traffic = &world->traffic;
	uint64_t keep = ~(UINT64_C(1) << node->index % 64);
	size_t word = node->index / 64;

	for (size_t i = 0; i < traffic->count; i++) {
		struct sent *sent = &traffic->sent[i];

		sent->got[word] &= keep;
		sent->soon[word] &= keep;
		if (sent->gap != NULL) {
			sent->gap[word] &= keep;
		}
		if (sent->below != NULL) {
			sent->below[word] &= keep;
		}
	}
}
