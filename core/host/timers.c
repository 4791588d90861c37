/* SPDX-License-Identifier: MIT
 * timers.c - see timers.h. */

#include "host/timers.h"

#include <stdlib.h>
#include <string.h>

void
timers_init(struct timers *timers)
{
	memset(timers, 0, sizeof(*timers));
}

void
timers_fini(struct timers *timers)
{
	free(timers->heap);
	timers_init(timers);
}

static void
timers_swap(struct timers *timers, size_t a, size_t b)
{
	struct timer held = timers->heap[a];

	timers->heap[a] = timers->heap[b];
	timers->heap[b] = held;
}

static bool
timers_is_earlier(const struct timers *timers, size_t a, size_t b)
{
	return timers->heap[a].deadline_ns < timers->heap[b].deadline_ns;
}

static void
timers_sift_up(struct timers *timers, size_t at)
{
	while (at > 0 && timers_is_earlier(timers, at, (at - 1) / 2)) {
		timers_swap(timers, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void
timers_sift_down(struct timers *timers, size_t at)
{
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
			if (child < timers->count &&
			    timers_is_earlier(timers, child, least)) {
				least = child;
			}
		}
		if (least == at) {
			return;
		}
		timers_swap(timers, at, least);
		at = least;
	}
}

static void
timers_remove(struct timers *timers, size_t at)
{
	timers->heap[at] = timers->heap[--timers->count];
	if (at < timers->count) {
		timers_sift_up(timers, at);
		timers_sift_down(timers, at);
	}
}

/* `count` if it is not running. */
static size_t
timers_find(const struct timers *timers, uint64_t id)
{
	size_t at = 0;

	while (at < timers->count && timers->heap[at].id != id) {
		at++;
	}
	return at;
}

static enum err
timers_grow(struct timers *timers)
{
	size_t cap = timers->cap == 0 ? 8 : timers->cap * 2;
	struct timer *heap;

	if (timers->count < timers->cap) {
		return ERR_OK;
	}
	heap = realloc(timers->heap, cap * sizeof(*heap));
	if (heap == NULL) {
		return ERR_NOMEM;
	}
	timers->heap = heap;
	timers->cap = cap;
	return ERR_OK;
}

enum err
timers_start(struct timers *timers, uint64_t id, uint64_t deadline_ns)
{
	size_t at = timers_find(timers, id);

	if (at == timers->count) {
		enum err err = at < TIMERS_MAX ? timers_grow(timers) : ERR_FULL;

		if (err != ERR_OK) {
			return err;
		}
		timers->count++;
	}
	timers->heap[at].id = id;
	timers->heap[at].deadline_ns = deadline_ns;
	timers_sift_up(timers, at);
	timers_sift_down(timers, at);
	return ERR_OK;
}

enum err
timers_cancel(struct timers *timers, uint64_t id)
{
	size_t at = timers_find(timers, id);

	if (at == timers->count) {
		return ERR_NOTFOUND;
	}
	timers_remove(timers, at);
	return ERR_OK;
}

uint64_t
timers_next(const struct timers *timers)
{
	return timers->count == 0 ? UINT64_MAX : timers->heap[0].deadline_ns;
}

bool
timers_take(struct timers *timers, uint64_t now_ns, struct timer *timer)
{
	if (timers->count == 0 || timers->heap[0].deadline_ns > now_ns) {
		return false;
	}
	*timer = timers->heap[0];
	timers_remove(timers, 0);
	return true;
}
