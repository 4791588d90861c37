/* SPDX-License-Identifier: MIT
 * lane.h - what an end has to send: records of a turn into one message,
 * frames into the kernel while it takes them, bytes counted by kind. */
#ifndef SIM_LANE_H
#define SIM_LANE_H

#include "sim/vnet.h"

struct blob {
	uint32_t refs;
	uint32_t len;
	uint8_t bytes[];
};

/* A copy of these bytes with one reference, NULL: no memory. */
struct blob *blob_create(const void *bytes, size_t len);
void blob_unref(struct blob *blob);

/* What a record of this type counts as. */
enum class lane_class(uint8_t type);

/* Queue records to share a message with the others of this turn. */
void lane_records(struct vend *end, struct blob *blob, enum class class);
/* Queue records as a message of their own, ahead of data. */
void lane_control(struct vend *end, const void *records, size_t len);
/* Queue a frame without records; a Close goes behind everything. */
void lane_frame(struct vend *end, enum packet_kind kind, uint64_t stamp);
/* Send a reset now, ahead of nothing: it follows what is in flight. */
void lane_reset(struct vend *end);

/* Send what the kernel takes. */
void lane_flush(struct vend *end);
/* The turn is over: the same for every end that has something new. */
void lane_flush_dirty(struct world *world);
/* Drop what waits. */
void lane_clear(struct vend *end);

/* The next packet that reaches the other end; owned by the caller. */
struct packet *lane_take(struct vend *from);
void packet_destroy(struct packet *packet);

#endif
