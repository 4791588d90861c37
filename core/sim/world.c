/* SPDX-License-Identifier: MIT
 * world.c - see world.h. */

#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>

uint64_t
world_us(double seconds)
{
	return (uint64_t)(seconds * 1e6);
}

void
world_at(struct world *world, uint64_t at_us, enum event_kind kind, void *what,
    uint32_t number)
{
	struct event event = {
		.at_us = at_us > world->now_us ? at_us : world->now_us,
		.what = what,
		.number = number,
		.kind = (uint8_t)kind,
	};

	if (heap_push(&world->heap, event) != ERR_OK) {
		world->err = ERR_NOMEM;
	}
}

void
world_violation(struct world *world, const char *format, ...)
{
	struct sim_result *result = world->result;
	char text[sizeof(result->violation) - 32];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (result->violation[0] == '\0' && world->config.check > 0) {
		(void)snprintf(result->violation, sizeof(result->violation),
		    "at %.6f s: %s", (double)world->now_us / (double)US_PER_S,
		    text);
	}
}

bool
world_chance(struct world *world, double percent)
{
	return percent > 0 &&
	       (double)rng_below(&world->rng, 1000000000) < percent * 1e7;
}
