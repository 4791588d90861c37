/* SPDX-License-Identifier: MIT
 * world.h - what the files of this floor share: virtual time, the nodes, who
 * is cut off from whom.  Out of memory is noted in `err` and ends the run
 * after the event at hand. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/rng.h"
#include "sim/config.h"
#include "sim/faults.h"
#include "sim/heap.h"
#include "sim/lies.h"
#include "sim/result.h"
#include "sim/tally.h"
#include "sim/traffic.h"
#include "sim/vnode.h"

#define US_PER_MS   UINT64_C(1000)
#define US_PER_S    UINT64_C(1000000)
#define SIM_EPOCH_S 1700000000u /* the wall clock at time 0 */

struct world {
	struct sim_config config;
	struct heap heap;
	struct rng rng;         /* of faults, jitter and choices */
	struct chunk_pool pool; /* of all nodes' messages */
	uint64_t now_us;
	uint64_t event_count;
	uint64_t hash; /* FNV-1a over every event, in words */
	enum err err;

	struct vnode *nodes;
	bool is_parted;           /* nodes of different sides cannot talk */
	uint64_t cut_us;          /* since when */
	LIST_HEAD(, vconn) conns; /* all */
	uint64_t conn_count;      /* made so far: their ids */
	struct vend *dirty;       /* ends with something to send, this turn */

	struct traffic traffic;
	struct tally tally;
	struct faults faults;
	struct lies lies;
	enum phase phase;
	uint64_t begins_us[PHASE_COUNT + 1]; /* the end is the last */

	struct sim_result *result;
};

/* Seconds as microseconds. */
uint64_t world_us(double seconds);

/* Schedule `kind` at `at_us`, not before now. */
void world_at(struct world *world, uint64_t at_us, enum event_kind kind,
    void *what, uint32_t number);

/* Mix a word into the hash of the run. */
static inline void
world_note(struct world *world, uint64_t word)
{
	world->hash = (world->hash ^ word) * UINT64_C(0x100000001b3);
}

/* Something happened that must not: remembered once, ends the run. */
void world_violation(struct world *world, const char *format, ...) PRINTF(2, 3);

/* True with probability `percent` in a hundred. */
bool world_chance(struct world *world, double percent);

#endif
