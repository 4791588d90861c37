/* SPDX-License-Identifier: MIT
 * heap_count.h - how many bytes the mesh holds: the floors up to mesh are
 * compiled with this in front, and so allocate through the functions below.
 * What the C library really gave counts, not what was asked for.  And here it can
 * be made to give nothing. */
#ifndef TESTS_SIM_HEAP_COUNT_H
#define TESTS_SIM_HEAP_COUNT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rng;

/* Now. */
size_t heap_count_bytes(void);
/* From now on one in so many allocations fails, 0: none. */
void heap_count_starve(uint32_t one_in, struct rng *rng);

void *heap_count_malloc(size_t size);
void *heap_count_calloc(size_t count, size_t size);
void *heap_count_realloc(void *at, size_t size);
char *heap_count_strdup(const char *text);
void heap_count_free(void *at);

#ifdef HEAP_COUNTED
#undef strdup
#define malloc(size)        heap_count_malloc(size)
#define calloc(count, size) heap_count_calloc(count, size)
#define realloc(at, size)   heap_count_realloc(at, size)
#define strdup(text)        heap_count_strdup(text)
#define free(at)            heap_count_free(at)
#endif

#endif
