/* SPDX-License-Identifier: MIT
 * usage.h - what other processes have used, read from /proc. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

/* CPU time of all threads that `pid` has, user and system, in nanoseconds. */
uint64_t usage_cpu_ns(pid_t pid);

/* Resident memory in bytes. */
uint64_t usage_rss_bytes(pid_t pid);

#endif
