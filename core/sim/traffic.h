/* SPDX-License-Identifier: MIT
 * traffic.h - the messages of a run: who sends when, and which is which when
 * it arrives.  The first bytes of a payload number the message. */
#ifndef SIM_TRAFFIC_H
#define SIM_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/phase.h"
#include "wire/message.h"

#define TRAFFIC_ALL UINT32_MAX

struct world;
struct vnode;
struct sim_config;

/* One message, and what became of it. */
struct sent {
	uint64_t at_us;
	uint64_t seq;
	uint32_t source;      /* node */
	uint32_t sender;      /* its number among the senders */
	uint16_t incarnation; /* of the source */
	struct nodeid id;     /* of the source then */
	uint32_t dest;        /* node, TRAFFIC_ALL */
	struct nodeid dest_id;
	bool is_direct; /* with a number of its own, promised to nobody */
	bool is_recent; /* at the end: tally_mark_recent */
	int8_t row;     /* enum row, -1: none */
	uint8_t hops_max;
	uint64_t hops_sum, hops_count;
	uint64_t last_us; /* when the last node had it */
	uint64_t *got;    /* a bit a node: delivered, */
	uint64_t *soon;   /* within a second, */
	uint64_t *gap;    /* given up; NULL: by none */
	uint64_t *below; /* came below the base, promised to nobody; the same */
};

struct traffic {
	uint32_t *senders;   /* nodes */
	uint64_t *silent_us; /* of each, since when; NULL: none falls silent */
	uint64_t gap_us;     /* between two messages of one */
	uint64_t end_us;
	uint8_t *payload;
	struct sent *sent;
	size_t count, cap;
	size_t words;                         /* of a bitmap */
	uint64_t duplicates, strangers, late; /* at the plugin */
	uint64_t gaps;                        /* ids of ours given up */
};

/* Payload bytes that each node takes, and so a message of those for all. */
uint32_t traffic_small(const struct sim_config *config);

/* Choose the senders, schedule the first messages.  ERR_NOMEM in world. */
void traffic_start(struct world *world, uint64_t begin_us, uint64_t end_us);
void traffic_fini(struct traffic *traffic);

/* A message that `liar` makes up: numbered as others are, so that it is known
 * when it comes twice, but expected nowhere.  Writes its payload, returns the
 * length; 0: no memory (in world). */
size_t traffic_make_up(
    struct world *world, const struct vnode *liar, uint8_t payload[8]);
/* Some message that was published lately, NULL: none. */
const struct sent *traffic_some(struct world *world);

void traffic_publish(struct world *world, uint32_t sender);
void traffic_on_deliver(
    struct world *world, struct vnode *node, const struct message_view *view);
void traffic_on_gap(struct world *world, struct vnode *node,
    const struct nodeid *origin, uint64_t first, uint64_t count);
/* A new life of `node`: it has seen nothing. */
void traffic_forget(struct world *world, const struct vnode *node);

static inline bool
bit_get(const uint64_t *bits, uint32_t at)
{
	return (bits[at / 64] >> at % 64 & 1) != 0;
}

static inline void
bit_set(uint64_t *bits, uint32_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

#endif
