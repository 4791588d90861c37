/* SPDX-License-Identifier: MIT
 * phase.h - the parts of a run (config.h), and the kinds of bytes. */
#ifndef SIM_PHASE_H
#define SIM_PHASE_H

enum phase {
	PHASE_JOIN,
	PHASE_IDLE, /* the second half of settling */
	PHASE_WARM,
	PHASE_STEADY,
	PHASE_EVENT,
	PHASE_HEALED,
	PHASE_DRAIN,
	PHASE_COUNT,
};

enum row {
	ROW_STEADY,
	ROW_EVENT,
	ROW_HEALED,
	ROW_COUNT,
};

enum class {
	CLASS_DATA,       /* DATA records */
	CLASS_CONTROL,    /* IHAVE, GRAFT, PRUNE, SYNC, GONE */
	CLASS_BACKGROUND, /* the others, pings, dials, presence */
	CLASS_COUNT,
};

#endif
