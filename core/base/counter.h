/* SPDX-License-Identifier: MIT
 * counter.h - counters by name: each floor keeps its own in a struct of
 * uint64_t and names them in a table, so that one loop can show them all. */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct counter {
	const char *name; /* snake_case, stable: tests and metrics use it */
	size_t offset;    /* of a uint64_t in the struct */
};

/* One row of a table, for a member named as the counter is. */
#define COUNTER(type, member)                   \
	{                                       \
#member, offsetof(type, member) \
	}

/* Append `{"name":value,...}`. */
NODISCARD enum err counters_json(struct buf *out, const struct counter *table,
    size_t count, const void *stats);

#endif
