/* SPDX-License-Identifier: MIT
 * recent.h - learned addresses that must not be dialled again yet: each at
 * most once in ten seconds (PROTOCOL 14), one that refused for good later.
 *
 * RECENT_MAX at a time; while the table is full, nothing learned is dialled. */
#ifndef MESH_RECENT_H
#define MESH_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECENT_MAX 128u

struct mesh;

struct recent {
	uint64_t hash; /* of the address */
	uint64_t until_ms;
};

/* Leave `addr` alone for `ms` from now.  False: there is no room. */
bool recent_put(struct mesh *mesh, const char *addr, uint64_t ms);
bool recent_has(const struct mesh *mesh, const char *addr);

#endif
