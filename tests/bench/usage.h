/* SPDX-License-Identifier: MIT
 * usage.h - what other processes have used, read from /proc; what time it
 * is. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

#define USAGE_SECOND_NS UINT64_C(1000000000)

uint64_t usage_now_ns(void);

/* CPU time of all threads that `pid` has, user and system, in nanoseconds. */
uint64_t usage_cpu_ns(pid_t pid);

/* Resident memory in bytes. */
uint64_t usage_rss_bytes(pid_t pid);

#endif
