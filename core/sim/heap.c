/* SPDX-License-Identifier: MIT
 * heap.c - see heap.h: four children to a node, for the cache's sake. */

#include "sim/heap.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum { HEAP_CHILDREN = 4, HEAP_FIRST = 1024 };

void
heap_init(struct heap *heap)
{
	*heap = (struct heap){ 0 };
}

void
heap_fini(struct heap *heap)
{
	free(heap->events);
	heap_init(heap);
}

static bool
event_is_before(const struct event *a, const struct event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

enum err
heap_push(struct heap *heap, struct event event)
{
	size_t at = heap->count;

	if (heap->count == heap->cap) {
		size_t cap = heap->cap == 0 ? HEAP_FIRST : heap->cap * 2;
		struct event *events = realloc(
		    heap->events, cap * sizeof(*events));

		if (events == NULL) {
			return ERR_NOMEM;
		}
		heap->events = events;
		heap->cap = cap;
	}
	event.order = heap->order++;
	while (at > 0) {
		size_t parent = (at - 1) / HEAP_CHILDREN;

		if (!event_is_before(&event, &heap->events[parent])) {
			break;
		}
		heap->events[at] = heap->events[parent];
		at = parent;
	}
	heap->events[at] = event;
	heap->count++;
	return ERR_OK;
}

struct event
heap_pop(struct heap *heap)
{
	struct event top;
	struct event last;
	size_t at = 0;

	assert(heap->count > 0);
	top = heap->events[0];
	last = heap->events[--heap->count];
	for (;;) {
		size_t child = HEAP_CHILDREN * at + 1;
		size_t end = child + HEAP_CHILDREN;
		size_t least = child;

		if (child >= heap->count) {
			break;
		}
		end = end < heap->count ? end : heap->count;
		while (++child < end) {
			if (event_is_before(
			        &heap->events[child], &heap->events[least])) {
				least = child;
			}
		}
		if (!event_is_before(&heap->events[least], &last)) {
			break;
		}
		heap->events[at] = heap->events[least];
		at = least;
	}
	heap->events[at] = last;
	return top;
}
