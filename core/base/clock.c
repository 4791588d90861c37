/* SPDX-License-Identifier: MIT
 * clock.c - see clock.h. */

#include "base/clock.h"

#include <time.h>

static uint64_t
clock_read_ns(clockid_t id)
{
	struct timespec now;

	/* Cannot fail: both clocks exist on every Linux. */
	(void)clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)now.tv_nsec;
}

uint64_t
clock_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t
clock_now_ms(void)
{
	return clock_now_ns() / 1000000;
}

uint64_t
clock_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}
