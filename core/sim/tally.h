/* SPDX-License-Identifier: MIT
 * tally.h - what is counted while the run goes on, and made into rows. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include <stdint.h>

#include "sim/phase.h"
#include "sim/result.h"

#define TALLY_BINS 60000 /* of a millisecond */

struct world;
struct vnode;
struct sent;

/* Sums over all nodes and lives. */
struct tally_sums {
	uint64_t bytes[CLASS_COUNT];
	uint64_t received, delivered; /* DATA records */
};

struct tally {
	uint32_t *bins[ROW_COUNT];
	uint64_t delivered[ROW_COUNT], disordered[ROW_COUNT];
	uint32_t *newest; /* [node][sender]: number of the newest message */
	uint32_t senders;
	struct tally_sums past;                   /* of lives that have ended */
	struct tally_sums marks[PHASE_COUNT + 1]; /* when a phase began */
	uint32_t live[PHASE_COUNT + 1];
};

/* ERR_NOMEM in world. */
void tally_init(struct tally *tally, struct world *world);
void tally_fini(struct tally *tally);

/* The row of a message that is sent at `at_us`, -1: none. */
int tally_row(const struct world *world, uint64_t at_us);
void tally_on_start(
    struct tally *tally, struct world *world, struct vnode *node);
void tally_on_stop(struct tally *tally, const struct vnode *node);
void tally_on_deliver(struct tally *tally, struct world *world,
    const struct vnode *node, struct sent *sent, uint32_t hops);
/* A phase begins (PHASE_COUNT: the end). */
void tally_mark(struct tally *tally, const struct world *world, int phase);
/* Fill in rows and sums of world->result. */
void tally_finish(struct tally *tally, const struct world *world);

#endif
