/* SPDX-License-Identifier: MIT
 * die.h - how a load generator ends when something is wrong: at once. */
#ifndef BENCH_DIE_H
#define BENCH_DIE_H

/* End the program with a message. */
_Noreturn void die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
