/* SPDX-License-Identifier: MIT
 * lies.h - what liars (roles.h) tell: ids that they have not, floods of
 * requests, PRUNE for everything, dead addresses, messages of nobody, and, if
 * the scenario says so, of others.  No more than PROTOCOL 14 allows, but now
 * and then ten times that, or more than it ever does. */
#ifndef SIM_LIES_H
#define SIM_LIES_H

#include <stdint.h>

#include "wire/nodeid.h"

#define LIES_KEPT 8

struct world;

/* A message that was made up; it is told more than once. */
struct lie {
	struct nodeid origin;
	uint64_t seq; /* 0: none yet */
	uint8_t flags;
	uint8_t payload[8];
	size_t len;
};

struct lies {
	struct lie kept[LIES_KEPT];
};

/* Each liar tells each of its links one lie. */
void lies_tell(struct world *world);

#endif
