/* SPDX-License-Identifier: MIT
 * faults.h - what goes wrong, and when. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <stdint.h>

struct world;

enum fault_kind {
	FAULT_CUT,
	FAULT_HEAL,
	FAULT_LOSS,
	FAULT_CHURN,
	FAULT_RESTART,
	FAULT_PAUSE,
	FAULT_LIE,
	FAULT_STARVE,
};

struct faults {
	uint64_t struck_us; /* the crash, or the end of the cut */
	uint32_t samples;   /* a new question after the overlay: the old end */
};

/* Choose who will crash, and the sides of a cut. */
void faults_plan(struct world *world);
/* The event begins, and ends. */
void faults_begin(struct world *world);
void faults_end(struct world *world);
void faults_on_event(struct world *world, enum fault_kind kind);

#endif
