/* SPDX-License-Identifier: MIT
 * actions.c - see actions.h. */

#include "sim/actions.h"

#include <string.h>

#include "sim/lane.h"
#include "sim/roles.h"
#include "sim/vnet.h"
#include "sim/world.h"
#include "wire/record.h"

/* DATA that the nodes send for themselves is no payload. */
static enum class actions_class(const uint8_t *head, size_t len) {
	enum { TOPIC_AT = RECORD_HEADER_LEN + 3 };

	return len > TOPIC_AT &&head[TOPIC_AT] == '$' ? CLASS_BACKGROUND
	                                              : CLASS_DATA;
}

static void
actions_spread(void *ctx, uint64_t slots, const struct range *record)
{
	struct vnode *node = ctx;
	const uint8_t *bytes = range_bytes(record);
	enum class class = actions_class(bytes, record->len);
	struct blob *blob;

	if (!vnode_is_honest(node)) {
		return; /* nothing is passed on */
	}
	blob = blob_create(bytes, record->len);
	if (blob == NULL) {
		node->world->err = ERR_NOMEM;
		return;
	}
	for (; slots != 0; slots &= slots - 1) {
		lane_records(mesh_users(node->mesh)[__builtin_ctzll(slots)],
		    blob, class);
	}
	blob_unref(blob);
}

void
actions_say(struct vend *end, const uint8_t *records, size_t len, bool control)
{
	struct blob *blob;

	if (control) {
		lane_control(end, records, len);
		return;
	}
	blob = blob_create(records, len);
	if (blob == NULL) {
		end->conn->world->err = ERR_NOMEM;
		return;
	}
	lane_records(end, blob, lane_class(records[0]));
	blob_unref(blob);
}

static void
actions_send(void *ctx, struct link *link, const uint8_t *records, size_t len,
    bool control)
{
	struct vnode *node = ctx;
	struct vend *end = link_user(link);
	struct buf instead;

	if (len > MESH_SEND_MAX) {
		world_violation(node->world,
		    "node %u sends %zu bytes as one message", node->index, len);
	}
	if (vnode_is_honest(node)) {
		actions_say(end, records, len, control);
		return;
	}
	buf_init(&instead);
	roles_say_instead(end, records, len, &instead);
	if (instead.len > 0) {
		actions_say(end, instead.bytes, instead.len, control);
	}
	buf_fini(&instead);
}

static void
actions_ping(void *ctx, struct link *link, uint64_t stamp)
{
	struct vend *end = link_user(link);

	(void)ctx;
	if (end->state == VEND_OPEN) {
		lane_frame(end, PACKET_PING, stamp);
	}
}

/* With these codes a node throws out who breaks the protocol: no honest node
 * does, whatever it was told by others. */
static void
actions_judge(const struct vend *end, uint16_t code, const char *reason)
{
	static const uint16_t codes[] = { 1002, 1003, 1007, 1008, 1009, 4003,
		4005 };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (code == codes[i] && vnode_is_honest(end->node) &&
		    vnode_is_honest(end->other->node)) {
			world_violation(end->conn->world,
			    "node %u throws out node %u: %s", end->node->index,
			    end->other->node->index, reason);
		}
	}
}

static void
actions_close(void *ctx, struct link *link, uint16_t code, const char *reason)
{
	struct vend *end = link_user(link);

	if (end != NULL) {
		actions_judge(end, code, reason);
	}
	if (end == NULL) {
		vnet_cancel(ctx, link);
	} else {
		vnet_close(end, code);
	}
}

static void
actions_dial(void *ctx, struct link *link, const char *url)
{
	vnet_dial(ctx, link, url);
}

static size_t
actions_queued(void *ctx, const struct link *link)
{
	const struct vend *end = link_user(link);

	(void)ctx;
	return end->queued;
}

static void
actions_pressed(void *ctx, struct link *link)
{
	(void)ctx;
	vnet_press(link_user(link));
}

static uint64_t
actions_now_us(void *ctx)
{
	const struct vnode *node = ctx;

	return node->world->now_us;
}

static enum err
actions_secret(void *ctx, void *bytes, size_t len)
{
	struct vnode *node = ctx;

	rng_fill(&node->rng, bytes, len);
	return ERR_OK;
}

static void
actions_deliver(void *ctx, const struct message_view *view)
{
	struct vnode *node = ctx;

	traffic_on_deliver(node->world, node, view);
}

static void
actions_peer(void *ctx, const struct mesh_peer *peer)
{
	const struct vnode *node = ctx;
	struct world *world = node->world;

	world_note(world, (uint64_t)node->index << 32 | peer->up);
	if (!peer->up || vnode_is_stranger(node)) {
		return; /* without a key it takes whoever comes, until BYE 7 */
	}
	world->result->seen[SEEN_AUTH] += world->config.has_psk ? 1 : 0;
	if (world->config.is_static && world->phase >= PHASE_EVENT) {
		world->result->seen[SEEN_RING + world->config.shape]++;
	}
	for (uint32_t i = 0;
	     world->config.strangers > 0 && i < world->config.nodes; i++) {
		if (vnode_is_stranger(&world->nodes[i]) &&
		    nodeid_equal(&world->nodes[i].id, &peer->node_id)) {
			world_violation(world,
			    "node %u has a link to node %u, which has not the "
			    "key",
			    node->index, i);
		}
	}
}

static void
actions_gap(
    void *ctx, const struct nodeid *origin, uint64_t first, uint64_t count)
{
	struct vnode *node = ctx;

	traffic_on_gap(node->world, node, origin, first, count);
}

static void
actions_renamed(void *ctx, const struct nodeid *id)
{
	struct vnode *node = ctx;

	node->id = *id;
	node->world->result->seen[SEEN_RENAMED] += vnode_is_honest(node) ? 1
	                                                                 : 0;
}

void
actions_init(struct vnode *node)
{
	node->io = (struct mesh_io){
		.ctx = node,
		.spread = actions_spread,
		.send = actions_send,
		.ping = actions_ping,
		.close = actions_close,
		.dial = actions_dial,
		.queued = actions_queued,
		.pressed = actions_pressed,
		.now_us = actions_now_us,
		.secret = actions_secret,
		.deliver = actions_deliver,
		.peer = actions_peer,
		.gap = actions_gap,
		.renamed = actions_renamed,
	};
}
