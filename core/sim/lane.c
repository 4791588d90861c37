/* SPDX-License-Identifier: MIT
 * lane.c - see lane.h. */

#include "sim/lane.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world.h"
#include "wire/frame.h"
#include "wire/record.h"

enum {
	LANE_BATCH_BYTES = 64 * 1024, /* of a message with several records */
	LANE_STALL_MS = 10000,
};

struct blob *
blob_create(const void *bytes, size_t len)
{
	struct blob *blob = malloc(sizeof(*blob) + len);

	if (blob == NULL) {
		return NULL;
	}
	blob->refs = 1;
	blob->len = (uint32_t)len;
	memcpy(blob->bytes, bytes, len);
	return blob;
}

void
blob_unref(struct blob *blob)
{
	if (blob != NULL && --blob->refs == 0) {
		free(blob);
	}
}

void
packet_destroy(struct packet *packet)
{
	blob_unref(packet->blob);
	free(packet);
}

static void
queue_put(struct queue_of *queue, struct packet *packet)
{
	packet->next = NULL;
	*(queue->last != NULL ? &queue->last->next : &queue->first) = packet;
	queue->last = packet;
}

static struct packet *
queue_take(struct queue_of *queue)
{
	struct packet *packet = queue->first;

	if (packet != NULL) {
		queue->first = packet->next;
		queue->last = queue->first == NULL ? NULL : queue->last;
	}
	return packet;
}

static void
queue_clear(struct queue_of *queue)
{
	struct packet *packet;

	while ((packet = queue_take(queue)) != NULL) {
		packet_destroy(packet);
	}
}

static void
lane_dirty(struct vend *end)
{
	struct world *world = end->conn->world;

	if (!end->is_dirty) {
		end->is_dirty = true;
		end->conn->refs++;
		end->next_dirty = world->dirty;
		world->dirty = end;
	}
}

static struct packet *
packet_create(struct vend *end, enum packet_kind kind)
{
	struct packet *packet = calloc(1, sizeof(*packet));

	if (packet == NULL) {
		end->conn->world->err = ERR_NOMEM;
		return NULL;
	}
	packet->kind = (uint8_t)kind;
	return packet;
}

/* The frame's header and mask, charged to what the frame carries. */
static void
packet_frame(
    struct packet *packet, const struct vend *end, size_t len, enum class class)
{
	uint32_t head = (uint32_t)frame_header_len(len, end->dialled);

	packet->bytes[class] += head;
	packet->len = (uint32_t)len + head;
}

void
lane_records(struct vend *end, struct blob *blob, enum class class)
{
	struct packet *packet;

	if (end->state != VEND_OPEN) {
		return;
	}
	packet = packet_create(end, PACKET_RECORDS);
	if (packet == NULL) {
		return;
	}
	blob->refs++;
	packet->blob = blob;
	packet->bytes[class] = blob->len;
	packet->len = blob->len;
	queue_put(&end->turn, packet);
	end->queued += blob->len;
	lane_dirty(end);
}

enum class lane_class(uint8_t type) {
	switch ((enum record_type)type){
		case RECORD_DATA : return CLASS_DATA;
		case RECORD_IHAVE : case RECORD_GRAFT : case RECORD_PRUNE : case
		RECORD_GONE : case RECORD_SYNC : return CLASS_CONTROL;
		case RECORD_HELLO : case RECORD_WELCOME : case
		RECORD_WELCOME2 : case RECORD_AUTH : case RECORD_BYE : case
		RECORD_PEERS : case RECORD_WALK : case
		RECORD_SHUFFLE : default : return CLASS_BACKGROUND;
	}
}

void
lane_control(struct vend *end, const void *records, size_t len)
{
	const uint8_t *at = records;
	const uint8_t *stop = at + len;
	struct record record;
	struct packet *packet;

	if (end->state != VEND_OPEN) {
		return;
	}
	packet = packet_create(end, PACKET_RECORDS);
	if (packet == NULL) {
		return;
	}
	packet->blob = blob_create(records, len);
	if (packet->blob == NULL) {
		end->conn->world->err = ERR_NOMEM;
		free(packet);
		return;
	}
	packet_frame(packet, end, len, lane_class(at[0]));
	while (record_next(&at, stop, &record) == ERR_OK) {
		packet->bytes[lane_class(record.type)] +=
		    (uint32_t)(RECORD_HEADER_LEN + record.len);
	}
	queue_put(&end->control, packet);
	end->queued += packet->len;
	lane_dirty(end);
}

/* All records that wait, up to LANE_BATCH_BYTES, as one message. */
static struct packet *
lane_merge(struct vend *end)
{
	struct packet *whole = queue_take(&end->turn);
	struct packet *next;
	size_t len = whole->blob->len;
	struct blob *blob;

	for (next = end->turn.first;
	     next != NULL && len + next->blob->len <= LANE_BATCH_BYTES;
	     next = next->next) {
		len += next->blob->len;
	}
	if (len == whole->blob->len) {
		return whole;
	}
	blob = malloc(sizeof(*blob) + len);
	if (blob == NULL) {
		end->conn->world->err = ERR_NOMEM;
		return whole;
	}
	blob->refs = 1;
	blob->len = whole->blob->len;
	memcpy(blob->bytes, whole->blob->bytes, blob->len);
	while (blob->len < len) {
		next = queue_take(&end->turn);
		memcpy(blob->bytes + blob->len, next->blob->bytes,
		    next->blob->len);
		blob->len += next->blob->len;
		for (int i = 0; i < CLASS_COUNT; i++) {
			whole->bytes[i] += next->bytes[i];
		}
		packet_destroy(next);
	}
	blob_unref(whole->blob);
	whole->blob = blob;
	return whole;
}

static void
lane_seal(struct vend *end)
{
	while (end->turn.first != NULL) {
		struct packet *packet = lane_merge(end);
		size_t len = packet->blob->len;
		enum class class = packet->bytes[CLASS_DATA] > 0 ? CLASS_DATA
		                   : packet->bytes[CLASS_CONTROL] > 0
		                       ? CLASS_CONTROL
		                       : CLASS_BACKGROUND;

		packet_frame(packet, end, len, class);
		end->queued += packet->len - len;
		queue_put(&end->data, packet);
	}
}

void
lane_frame(struct vend *end, enum packet_kind kind, uint64_t stamp)
{
	struct packet *packet = packet_create(end, kind);
	size_t len = kind == PACKET_CLOSE ? 2 : 8;

	if (packet == NULL) {
		return;
	}
	packet->stamp = stamp;
	packet->bytes[CLASS_BACKGROUND] = (uint32_t)len;
	packet_frame(packet, end, len, CLASS_BACKGROUND);
	if (kind == PACKET_CLOSE) {
		end->is_closed = true;
		lane_seal(end); /* it goes behind the records of this turn */
		queue_put(&end->data, packet);
	} else {
		queue_put(&end->control, packet);
	}
	end->queued += packet->len;
	lane_dirty(end);
}

/* Onto the wire: behind what the node sends already, and in order. */
static void
lane_launch(struct vend *end, struct packet *packet)
{
	struct vconn *conn = end->conn;
	struct world *world = conn->world;
	struct vnode *node = end->node;
	const struct sim_config *config = &world->config;
	uint64_t at = node->uplink_us > world->now_us ? node->uplink_us
	                                              : world->now_us;

	if (config->uplink_mbps > 0) {
		at += (uint64_t)(packet->len * 8 / config->uplink_mbps);
	}
	node->uplink_us = at;
	at += conn->latency_us;
	world->result->seen[SEEN_LATENCY] += conn->latency_us > 0 ? 1 : 0;
	if (config->jitter_ms > 0) {
		at += rng_below(
		    &world->rng, world_us(config->jitter_ms / 1000) + 1);
		world->result->seen[SEEN_JITTER]++;
	}
	if (at < end->last_us) {
		at = end->last_us;
	}
	end->last_us = at;
	end->in_flight += packet->len;
	end->taken_us = world->now_us;
	for (int i = 0; i < CLASS_COUNT; i++) {
		node->bytes[i] += packet->bytes[i];
	}
	queue_put(&end->flight, packet);
	conn->refs++;
	world_at(world, at, EVENT_ARRIVE, end->other, 0);
}

void
lane_reset(struct vend *end)
{
	struct packet *packet = packet_create(end, PACKET_RESET);

	if (packet != NULL) {
		lane_launch(end, packet);
	}
}

void
lane_flush(struct vend *end)
{
	struct world *world = end->conn->world;

	lane_seal(end);
	while (end->in_flight < world->config.window) {
		struct packet *packet = queue_take(&end->control);

		if (packet == NULL) {
			packet = queue_take(&end->data);
		}
		if (packet == NULL) {
			return;
		}
		end->queued -= packet->len;
		lane_launch(end, packet);
	}
	if (!end->is_watched &&
	    (end->control.first != NULL || end->data.first != NULL)) {
		end->is_watched = true;
		end->conn->refs++;
		world_at(world, end->taken_us + LANE_STALL_MS * US_PER_MS,
		    EVENT_STALL, end, 0);
	}
}

void
lane_flush_dirty(struct world *world)
{
	while (world->dirty != NULL) {
		struct vend *end = world->dirty;

		world->dirty = end->next_dirty;
		end->is_dirty = false;
		lane_flush(end);
		vconn_unref(end->conn);
	}
}

void
lane_clear(struct vend *end)
{
	queue_clear(&end->turn);
	queue_clear(&end->control);
	queue_clear(&end->data);
	end->queued = 0;
}

struct packet *
lane_take(struct vend *from)
{
	struct packet *packet = queue_take(&from->flight);

	from->in_flight -= packet->len;
	return packet;
}
