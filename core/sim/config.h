/* SPDX-License-Identifier: MIT
 * config.h - what a simulated run is: the nodes, the network between them,
 * the traffic, the faults.  A run is a pure function of this. */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng;

/* Of a mesh whose links are given.  In all but a ring one node that is gone
 * cuts others off. */
enum shape {
	SHAPE_RING, /* each dials the next one, and others at random */
	SHAPE_LINE,
	SHAPE_STAR, /* around the last node */
	SHAPE_TREE,
	SHAPE_COUNT,
};

/*       0 .. join_s   the nodes join, one by one
 *      .. settle_s    quiet; the idle figures are taken in its second half
 *  5 s                traffic begins: warm-up
 *  steady_s           the row `steady`
 *  event_s            the fault strikes, the row `event` (from 1 s before)
 *  healed_s           the row `healed`; no new faults
 *  drain_s            no traffic any more */
struct sim_config {
	uint64_t seed;

	uint32_t nodes;
	bool is_static;   /* links that are given, instead of a membership */
	enum shape shape; /* static */
	uint32_t degree;  /* static, a ring: links that a node dials */
	uint32_t entries; /* addresses that a node knows when it joins */

	double latency_min_ms, latency_max_ms; /* one way, fixed for a pair */
	double jitter_ms;                      /* more, for each packet */
	double uplink_mbps;                    /* of a node; 0: no limit */
	uint32_t window;                       /* bytes the kernels take */

	uint32_t senders;
	double rate; /* messages a second of each sender */
	uint32_t payload;
	bool mortal; /* senders crash, leave and come back like others */
	uint32_t unicast_percent; /* of the messages: for one node alone */
	uint32_t small_percent;   /* of the nodes take only half a payload, and
	                             as many messages have no more */

	double join_s, settle_s, warm_s, steady_s, event_s, healed_s, drain_s;

	/* Once, when the event begins. */
	uint32_t crash_percent;
	bool silent; /* crashed hosts vanish; otherwise peers see a reset */
	double partition_s;

	/* While the event lasts. */
	double loss_percent;  /* of the links reset, a minute */
	double churn_per_s;   /* leaves, and as many joins */
	double restart_per_s; /* same id, at once */
	double pause_per_s;   /* stopped for 1 s .. */
	double pause_max_s;   /* .. this */
	double silence_s;     /* > 0: by then all has struck, and the senders
	                         have fallen silent, every other one for good */
	double starve_per_s;  /* one allocation in some fails for 1 s .. 5 */
	double clock_step_percent; /* of restarts with a wall clock gone back */
	uint32_t slow_nodes;       /* of them, so many */
	double slow_kib;           /* take so much a second */
	uint32_t liars;            /* of all, so many tell lies (lies.h) */
	bool forges;   /* also under the ids of others: nothing is promised */
	bool imitates; /* they join under the id of one that is there; no node
	                  keeps its id whatever comes */

	/* All the time: so many know another key, or none (roles.h). */
	uint32_t strangers;

	uint32_t ping_ms;
	size_t soft, hard; /* out queue of a link */
	uint32_t max_hops; /* of a message */
	size_t history;    /* bytes of the history of a node; 0: default */
	uint32_t view_min, view_max; /* 0: default */
	bool presence;
	bool floods; /* no trees: each message over every link */
	bool has_psk;

	/* 0: nothing is asserted; 1: the whole network each five seconds;
	 * 2: also the node after each event. */
	unsigned check;
	bool promises; /* published = delivered + gaps, at the end */
	/* Each five seconds, if not NULL: how many meshes there are, and bytes
	 * that their tombstones take. */
	void (*watch)(
	    void *ctx, double now_s, uint32_t meshes, size_t tombstones);
	void *watch_ctx;
	/* From now on one in so many allocations of the meshes fails, 0: none.
	 * Needed for starve_per_s: here nothing is known of the heap. */
	void (*starve)(uint32_t one_in, struct rng *rng);
	bool progress; /* on stderr, each second */
};

void sim_config_init(struct sim_config *config);

/* A small random scenario, all faults mixed: a function of `seed` alone. */
void sim_config_random(struct sim_config *config, uint64_t seed);

#endif
