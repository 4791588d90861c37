/* SPDX-License-Identifier: MIT
 * clock.h - the two clocks.  Timers and deadlines use the monotonic one only:
 * the wall clock jumps. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds, milliseconds.  [any] */
uint64_t clock_now_ns(void);
uint64_t clock_now_ms(void);

/* CLOCK_REALTIME since 1970 in nanoseconds, for people and boot numbers.
 * [any] */
uint64_t clock_wall_ns(void);

#endif
