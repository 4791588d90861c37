/* SPDX-License-Identifier: MIT
 * ahead.h - have memory fetched that will be used a message from now. */
#ifndef MESH_AHEAD_H
#define MESH_AHEAD_H

/* Any address is fine.  A function that does nothing but this has no effect
 * that gcc knows of, and calls of it are removed: the empty asm keeps them. */
static inline void
ahead_fetch(const void *at)
{
	__builtin_prefetch(at, 1);
	__asm__ volatile("");
}

#endif
