/* SPDX-License-Identifier: MIT
 * roles.c - see roles.h. */

#include "sim/roles.h"

#include "sim/vnet.h"
#include "sim/world.h"
#include "wire/record.h"

enum { ROLES_STRANGERS_MAX = 2 }; /* two without a key would find each other */

bool
roles_are_possible(const struct sim_config *config, struct diag *diag)
{
	uint64_t others = (uint64_t)config->strangers + config->liars;

	if (config->strangers > ROLES_STRANGERS_MAX) {
		diag_set(diag, "%u strangers; expected %d at the most",
		    config->strangers, ROLES_STRANGERS_MAX);
		return false;
	}
	if (config->strangers > 0 && !config->has_psk) {
		diag_set(diag, "strangers, but no key that they do not know");
		return false;
	}
	if (others > 0 && (others + config->entries > config->nodes ||
	                      others + config->senders > config->nodes)) {
		diag_set(diag,
		    "%u nodes; expected room for %u strangers and %u liars",
		    config->nodes, config->strangers, config->liars);
		return false;
	}
	return true;
}

/* One of those that are honest still. */
static struct vnode *
roles_pick(struct world *world, bool may_be_entry)
{
	struct vnode *node;

	do {
		node =
		    &world->nodes[rng_below(&world->rng, world->config.nodes)];
	} while (!vnode_is_honest(node) ||
	         (!may_be_entry && node->index < world->config.entries));
	return node;
}

void
roles_plan(struct world *world)
{
	const struct sim_config *config = &world->config;
	uint32_t kind = config->strangers == 0
	                    ? 0
	                    : (uint32_t)rng_below(&world->rng, 2);

	for (uint32_t i = 0; i < config->strangers; i++) {
		/* One may be among the addresses that all are given. */
		struct vnode *node = roles_pick(world, i == 0);

		node->role = (kind + i) % 2 == 0 ? VNODE_OTHER_KEY
		                                 : VNODE_NO_KEY;
	}
	for (uint32_t i = 0; i < config->liars; i++) {
		roles_pick(world, false)->role = VNODE_LIAR;
	}
}

void
roles_imitate(struct vnode *liar)
{
	struct world *world = liar->world;
	const struct vnode *pick = NULL;
	uint64_t seen = 0;

	for (uint32_t i = 0; world->config.imitates && i < world->config.nodes;
	     i++) {
		const struct vnode *node = &world->nodes[i];

		if (vnode_is_on(node) && vnode_is_honest(node) &&
		    rng_below(&world->rng, ++seen) == 0) {
			pick = node;
		}
	}
	if (pick != NULL) {
		liar->id = pick->id;
		world->result->seen[SEEN_IMITATION]++;
	}
}

/* Some BYE, and addresses behind it: as if it were believed. */
static enum err
roles_say_bye(struct vnode *node, struct buf *instead)
{
	char addr[VNODE_ADDR_LEN];
	const struct record_bye bye = {
		.reason = (uint8_t)rng_below(&node->world->rng, BYE_ABUSE + 1),
	};
	struct record_peers peers = { .count = 1 };
	enum err err = record_bye_encode(instead, &bye);

	vnode_addr(node->world->config.nodes, addr); /* where nobody is */
	peers.peers[0].addr = str8_of(addr);
	return err == ERR_OK ? record_peers_encode(instead, &peers) : err;
}

/* A proof out of thin air, and a message behind it as if it were let in. */
static enum err
roles_push_in(struct vnode *node, struct buf *instead)
{
	struct record_auth auth;
	struct record_data data = {
		.hops = 1,
		.topic = { .text = "t", .len = 1 },
		.origin = node->id,
		.seq = (uint64_t)node->boot << 32 | 1,
	};
	uint8_t head[RECORD_DATA_HEAD_MAX];
	enum err err;

	rng_fill(&node->world->rng, auth.proof, sizeof(auth.proof));
	err = record_auth_encode(instead, &auth);
	return err == ERR_OK
	           ? buf_append(instead, head, record_data_head(head, &data))
	           : err;
}

/* Of a liar's mesh only what makes and keeps its links. */
static bool
roles_is_said(uint8_t type)
{
	switch ((enum record_type)type) {
	case RECORD_HELLO:
	case RECORD_WELCOME:
	case RECORD_AUTH:
	case RECORD_BYE:
	case RECORD_PEERS:
	case RECORD_WELCOME2:
	case RECORD_WALK:
	case RECORD_SHUFFLE:
		return true;
	case RECORD_DATA:
	case RECORD_IHAVE:
	case RECORD_GRAFT:
	case RECORD_PRUNE:
	case RECORD_SYNC:
	case RECORD_GONE:
		break;
	}
	return false;
}

void
roles_say_instead(
    struct vend *end, const uint8_t *records, size_t len, struct buf *instead)
{
	struct vnode *node = end->node;
	const uint8_t *at = records;
	const uint8_t *from = at;
	struct record record;
	enum err err = ERR_OK;

	while (err == ERR_OK &&
	       record_next(&at, records + len, &record) == ERR_OK) {
		if (vnode_is_stranger(node) && end->dialled &&
		    record.type == RECORD_BYE && record.len > 0 &&
		    record.body[0] == BYE_AUTH) {
			err = rng_below(&node->world->rng, 2) == 0
			          ? roles_push_in(node, instead)
			          : roles_say_bye(node, instead);
		} else if (vnode_is_stranger(node) ||
		           roles_is_said(record.type)) {
			err = buf_append(instead, from, (size_t)(at - from));
		}
		from = at;
	}
	if (err != ERR_OK) {
		node->world->err = err;
	}
}
