/* SPDX-License-Identifier: MIT
 * lies.c - see lies.h. */

#include "sim/lies.h"

#include <stdio.h>
#include <string.h>

#include "sim/actions.h"
#include "sim/vnet.h"
#include "sim/world.h"
#include "wire/record_array.h"

enum {
	LIES_RUNS = 40,     /* of a list */
	LIES_BACK = 30,     /* ids of a run */
	LIES_AHEAD = 70000, /* of what was published, when ids are forged */
	LIES_FLOOD = 260,   /* lists at once: ten times what a second allows */
	LIES_FLOOD_ONE_IN = 100,
	LIES_ABUSE = 650, /* records at once: more than 300 s allow */
	LIES_ABUSE_ONE_IN = 30,
	LIES_BREAK_ONE_IN = 100,
	LIES_NEW_PERCENT = 30, /* of the messages; the others are repeated */
	LIES_ORIGINS = 8,      /* that exist nowhere, and a few more */
	LIES_COUNTERS = 200,
	LIES_FUTURE_S = 2 * 86400,
	LIES_HOPS = 70,
	LIES_DEAD = 1000, /* addresses where nobody is */
};

/* One liar speaks to one neighbour. */
struct telling {
	struct world *world;
	struct vnode *liar, *to;
	struct buf out;
};

static uint32_t
lies_below(const struct telling *telling, uint32_t limit)
{
	return (uint32_t)rng_below(&telling->world->rng, limit);
}

static void
lies_note(const struct telling *telling, enum err err)
{
	if (err != ERR_OK) {
		telling->world->err = err;
	}
}

static void
lies_make_id(const struct telling *telling, struct nodeid *id)
{
	/* The end of an id says which node it is (vnode.c): none. */
	memset(id->bytes, 0xff, sizeof(id->bytes));
	if (lies_below(telling, 32) == 0) {
		rng_fill(&telling->world->rng, id->bytes, 8);
	} else {
		id->bytes[0] = (uint8_t)lies_below(telling, LIES_ORIGINS);
	}
}

/* Some ids: if possible of messages that were published, so that those who
 * want them ask here. */
static struct record_run
lies_run(const struct telling *telling)
{
	struct world *world = telling->world;
	const struct sent *sent = traffic_some(world);
	struct record_run run = { .count = 1 };
	uint32_t back = lies_below(telling, LIES_BACK);

	run.flags = (uint8_t)lies_below(telling, 256);
	if (sent == NULL) {
		lies_make_id(telling, &run.origin);
		run.seq = (uint64_t)SIM_EPOCH_S << 32 | (back + 1);
		return run;
	}
	run.origin = world->nodes[sent->source].id;
	if (back > (uint32_t)sent->seq - 1) {
		back = (uint32_t)sent->seq - 1;
	}
	run.seq = sent->seq - back;
	run.count = back + 1;
	if (world->config.forges && lies_below(telling, 4) == 0) {
		run.seq += lies_below(telling, LIES_AHEAD);
		world->result->seen[SEEN_FORGERY]++;
	}
	return run;
}

static void
lies_list(
    struct telling *telling, enum record_type type, uint8_t flags, size_t count)
{
	struct record_run runs[LIES_RUNS];

	for (size_t i = 0; i < count; i++) {
		runs[i] = lies_run(telling);
		runs[i].flags &= flags;
	}
	lies_note(
	    telling, record_array_encode(&telling->out, type, runs, count));
}

static void
lies_some(struct telling *telling, enum record_type type, uint8_t flags)
{
	lies_list(telling, type, flags, 1 + lies_below(telling, LIES_RUNS));
}

/* ---- lies, one a function */

static void
lies_ihave(struct telling *telling)
{
	lies_some(telling, RECORD_IHAVE, 255);
}

static void
lies_gone(struct telling *telling)
{
	lies_some(telling, RECORD_GONE, 0);
}

static void
lies_sync(struct telling *telling)
{
	lies_some(telling, RECORD_SYNC, 0);
}

static void
lies_graft(struct telling *telling)
{
	const uint8_t flags = GRAFT_EAGER | GRAFT_NODATA;

	if (lies_below(telling, LIES_FLOOD_ONE_IN) > 0) {
		lies_some(telling, RECORD_GRAFT, flags);
		return;
	}
	for (int i = 0; i < LIES_FLOOD; i++) {
		lies_list(telling, RECORD_GRAFT, flags, LIES_RUNS);
	}
}

/* Of all nodes. */
static void
lies_prune(struct telling *telling)
{
	const struct world *world = telling->world;

	for (uint32_t i = 0; i < world->config.nodes; i++) {
		struct record_run run = { .origin = world->nodes[i].id };

		lies_note(telling,
		    record_array_encode(&telling->out, RECORD_PRUNE, &run, 1));
	}
}

/* Where nobody is; where somebody else is; what is no address. */
static struct str8
lies_addr(const struct telling *telling, char addr[VNODE_ADDR_LEN])
{
	static const char *const odd[] = { "ws://:7000", "ws://127.0.0.1:7000",
		"ws://", "http://10.0.0.1:7000" };
	uint32_t nodes = telling->world->config.nodes;

	switch (lies_below(telling, 4)) {
	case 0:
		(void)snprintf(addr, VNODE_ADDR_LEN, "%s",
		    odd[lies_below(telling, ARRAY_LEN(odd))]);
		break;
	case 1:
		vnode_addr(lies_below(telling, nodes), addr);
		break;
	default:
		vnode_addr(nodes + lies_below(telling, LIES_DEAD), addr);
		break;
	}
	return (struct str8){ .text = addr, .len = (uint8_t)strlen(addr) };
}

static struct record_peer
lies_peer(const struct telling *telling, char addr[VNODE_ADDR_LEN])
{
	const struct world *world = telling->world;
	struct record_peer peer = { .addr = lies_addr(telling, addr) };

	if (lies_below(telling, 4) == 0) {
		peer.node_id =
		    world->nodes[lies_below(telling, world->config.nodes)].id;
	} else {
		rng_fill(&telling->world->rng, peer.node_id.bytes,
		    sizeof(peer.node_id.bytes));
	}
	return peer;
}

static void
lies_shuffle(struct telling *telling)
{
	char addrs[RECORD_PEERS_MAX][VNODE_ADDR_LEN];
	struct record_shuffle shuffle = {
		.is_reply = lies_below(telling, 2) == 0,
		.peers.count = RECORD_PEERS_MAX,
	};
	const struct record_shuffle empty = { .is_reply = false };

	for (int i = 0; i < RECORD_PEERS_MAX; i++) {
		shuffle.peers.peers[i] = lies_peer(telling, addrs[i]);
	}
	lies_note(telling, record_shuffle_encode(&telling->out, &shuffle));
	if (lies_below(telling, LIES_ABUSE_ONE_IN) == 0) {
		for (int i = 0; i < LIES_ABUSE; i++) {
			lies_note(telling,
			    record_shuffle_encode(&telling->out, &empty));
		}
	}
}

static void
lies_walk(struct telling *telling)
{
	char addr[VNODE_ADDR_LEN];
	struct record_walk walk = { .ttl = (uint8_t)lies_below(telling, 256) };

	walk.peer = lies_peer(telling, addr);
	lies_note(telling, record_walk_encode(&telling->out, &walk));
}

static uint64_t
lies_seq(const struct telling *telling)
{
	uint64_t boot = SIM_EPOCH_S + telling->world->now_us / US_PER_S -
	                lies_below(telling, 3);
	uint64_t counter = 1 + lies_below(telling, LIES_COUNTERS);

	switch (lies_below(telling, 16)) {
	case 0:
		return (boot + LIES_FUTURE_S) << 32 | counter;
	case 1:
		return boot << 32 | (UINT32_MAX - counter);
	default:
		return boot << 32 | counter;
	}
}

static void
lies_make_up(struct telling *telling, struct lie *lie)
{
	struct world *world = telling->world;

	lies_make_id(telling, &lie->origin);
	lie->seq = lies_seq(telling);
	lie->flags = (uint8_t)lies_below(telling, 256) & RECORD_DATA_FLAGS;
	if ((lie->flags & DATA_UNICAST) == 0) {
		lie->flags &=
		    (uint8_t)~DATA_FLOOD; /* that would be malformed */
	}
	if (world->config.forges && lies_below(telling, 2) == 0) {
		struct record_run run = lies_run(telling);

		lie->origin = run.origin;
		lie->seq = run.seq;
		world->result->seen[SEEN_FORGERY]++;
	}
	lie->len = traffic_make_up(world, telling->liar, lie->payload);
}

/* A message that was never published; the neighbour's own id, now and then. */
static void
lies_data(struct telling *telling)
{
	static const struct str8 topics[] = { { "t", 1 }, { "$node", 5 } };
	struct world *world = telling->world;
	struct lie *lie = &world->lies.kept[lies_below(telling, LIES_KEPT)];
	struct lie own;
	struct record_data data;
	uint8_t head[RECORD_DATA_HEAD_MAX];

	if (lie->seq == 0 || lies_below(telling, 100) < LIES_NEW_PERCENT) {
		lies_make_up(telling, lie);
	}
	if (lies_below(telling, 16) == 0) {
		own = *lie;
		lie = &own;
		lie->origin = telling->to->id;
		lie->seq = (uint64_t)(telling->to->boot + 1) << 32 | 1;
		/* It may have another id by now, and take this. */
		lie->len = traffic_make_up(world, telling->liar, lie->payload);
	}
	data = (struct record_data){
		.flags = lie->flags,
		.hops = (uint8_t)(1 + lies_below(telling, LIES_HOPS)),
		.topic = topics[lies_below(telling, 8) == 0],
		.origin = lie->origin,
		.seq = lie->seq,
		.dest = telling->to->id,
		.payload_len = lie->len,
	};
	lies_note(telling,
	    buf_append(&telling->out, head, record_data_head(head, &data)));
	lies_note(telling, buf_append(&telling->out, lie->payload, lie->len));
}

/* What is no record of this version; at times what must close the link. */
static void
lies_noise(struct telling *telling)
{
	static const uint8_t unknown[] = { 0x7e, 0, 0, 2, 1, 2 };
	static const uint8_t broken[][9] = {
		{ 0x99, 0, 0, 0 },               /* unknown and critical */
		{ RECORD_IHAVE, 0, 0, 5, 1, 2 }, /* no whole entry */
		{ RECORD_HELLO, 0, 0, 1, 1 },    /* UP already */
		{ RECORD_SHUFFLE, 0, 0, 2, 0, 200 },
		{ RECORD_DATA, 0, 0, 3, 8, 1, 0 },
	};
	const uint8_t *bytes = unknown;

	if (lies_below(telling, LIES_BREAK_ONE_IN) == 0) {
		bytes = broken[lies_below(telling, ARRAY_LEN(broken))];
	}
	lies_note(telling,
	    buf_append(&telling->out, bytes, RECORD_HEADER_LEN + bytes[3]));
}

static void (*const lies_all[])(struct telling *telling) = {
	lies_data,
	lies_data,
	lies_data,
	lies_ihave,
	lies_ihave,
	lies_ihave,
	lies_graft,
	lies_graft,
	lies_prune,
	lies_gone,
	lies_sync,
	lies_shuffle,
	lies_walk,
	lies_noise,
};

/* ---- */

static void
lies_to(struct vend *end)
{
	struct telling telling = {
		.world = end->conn->world,
		.liar = end->node,
		.to = end->other->node,
	};
	const uint8_t *at;
	const uint8_t *from;
	struct record record;

	buf_init(&telling.out);
	lies_all[lies_below(&telling, ARRAY_LEN(lies_all))](&telling);
	at = telling.out.bytes;
	from = at;
	while (telling.out.len > 0 &&
	       record_next(&at, telling.out.bytes + telling.out.len, &record) ==
	           ERR_OK) {
		actions_say(end, from, (size_t)(at - from), false);
		telling.world->result->seen[SEEN_LIE]++;
		from = at;
	}
	buf_fini(&telling.out);
}

void
lies_tell(struct world *world)
{
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		struct vnode *node = &world->nodes[i];
		struct vend *end;

		if (node->role != VNODE_LIAR || !vnode_is_on(node) ||
		    node->is_paused) {
			continue;
		}
		LIST_FOREACH (end, &node->ends, end_entry) {
			if (end->state == VEND_OPEN && link_is_up(end->link)) {
				lies_to(end);
			}
		}
		vnode_settle(node);
	}
}
