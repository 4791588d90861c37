/* SPDX-License-Identifier: MIT
 * timers.h - the running timers of one plugin instance: a min-heap of absolute
 * deadlines. */
#ifndef HOST_TIMERS_H
#define HOST_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TIMERS_MAX 1024u

struct timer {
	uint64_t deadline_ns;
	uint64_t id; /* the plugin's number */
};

struct timers {
	struct timer *heap; /* the earliest first */
	size_t count, cap;
};

void timers_init(struct timers *timers);
void timers_fini(struct timers *timers);

/* Start `id`, or move it.  ERR_FULL: TIMERS_MAX are running; ERR_NOMEM. */
NODISCARD enum err timers_start(
    struct timers *timers, uint64_t id, uint64_t deadline_ns);

/* ERR_NOTFOUND: it is not running. */
NODISCARD enum err timers_cancel(struct timers *timers, uint64_t id);

/* The earliest deadline; UINT64_MAX: none is running. */
uint64_t timers_next(const struct timers *timers);

/* Take the earliest timer out if it is due; false: none is. */
bool timers_take(struct timers *timers, uint64_t now_ns, struct timer *timer);

#endif
