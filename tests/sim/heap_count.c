/* SPDX-License-Identifier: MIT
 * heap_count.c - see heap_count.h. */

#include "heap_count.h"

#include <malloc.h>
#include <stdbool.h>

#include "base/rng.h"

static size_t heap_count;
static uint32_t heap_one_in; /* fails; 0: none */
static struct rng *heap_rng;

static void *
heap_count_add(void *at)
{
	heap_count += malloc_usable_size(at);
	return at;
}

static bool
heap_count_fails(void)
{
	return heap_one_in > 0 && rng_below(heap_rng, heap_one_in) == 0;
}

void
heap_count_starve(uint32_t one_in, struct rng *rng)
{
	heap_one_in = one_in;
	heap_rng = rng;
}

size_t
heap_count_bytes(void)
{
	return heap_count;
}

void *
heap_count_malloc(size_t size)
{
	return heap_count_fails() ? NULL : heap_count_add(malloc(size));
}

void *
heap_count_calloc(size_t count, size_t size)
{
	return heap_count_fails() ? NULL : heap_count_add(calloc(count, size));
}

void *
heap_count_realloc(void *at, size_t size)
{
	size_t before = malloc_usable_size(at);
	void *more = heap_count_fails() ? NULL : realloc(at, size);

	if (more != NULL) {
		heap_count -= before;
		(void)heap_count_add(more);
	}
	return more;
}

char *
heap_count_strdup(const char *text)
{
	return heap_count_fails() ? NULL : heap_count_add(strdup(text));
}

void
heap_count_free(void *at)
{
	heap_count -= malloc_usable_size(at);
	free(at);
}
