/* SPDX-License-Identifier: MIT
 * result.h - what a run has shown. */
#ifndef SIM_RESULT_H
#define SIM_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/phase.h"
#include "sim/seen.h"

/* The messages sent in one part of a run.  Expected is each message at each
 * node that is there at the end, and was when it was sent (or joined at the
 * beginning), but its source. */
struct sim_row {
	uint64_t messages;
	uint64_t expected, delivered, soon; /* soon: within a second */
	uint64_t gaps;                      /* of expected: reported as lost */
	uint64_t unheard; /* of expected: sent before what the node first heard
	                     of the source; promised to nobody */
	uint64_t missing; /* of expected: none of these, the source lives, and
	                     no message of it (presence) has come in the last
	                     minute, so that it may still be told */
	double worst;     /* share delivered of the least spread message */
	double rmr;       /* copies too many for each delivery */
	double hops_mean, ldh_mean; /* ldh: hops of the last delivery */
	uint32_t ldh_max;
	double p50_ms, p99_ms;
	double last_mean_ms, last_max_ms; /* until the last node had it */
	double out_of_order;              /* share of deliveries */
	double bytes[CLASS_COUNT];        /* a node and message */
	double seconds;
};

struct sim_result {
	struct sim_row rows[ROW_COUNT];
	uint64_t hash, events;
	double virtual_s, cpu_s;

	uint32_t live;                 /* nodes at the end */
	uint32_t parts;                /* components then */
	uint32_t links_min, links_max; /* when traffic begins */
	double links_mean;
	double flood_p99_ms; /* of flooding, on these links */
	double idle_bps;     /* bytes a node and second, before traffic */
	double joined_s;     /* one component since the start; < 0: never */
	double whole_s;      /* the same, after the crash or the healed cut */
	double delivery_s;   /* after the event began: the last message that not
	                      all had within a second was sent */
	uint64_t duplicates, strangers, late, gaps; /* at the plugins */
	uint64_t unicasts; /* delivered, of those on a way known */
	uint32_t lost_source, lost_node; /* of the first message missing, */
	double lost_s;                   /* sent then */
	uint64_t seen[SEEN_COUNT];       /* how often it struck */
	char violation[256];             /* "": all invariants held */
};

static inline double
sim_ratio(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part / (double)whole;
}

#endif
