/* SPDX-License-Identifier: MIT
 * queue.h - a bounded first-in first-out queue between threads.
 *
 * Intrusive: an item begins with a struct queue_item, the queue never
 * allocates.  Limits are in items and in bytes; a put never blocks, and says
 * ERR_FULL instead.  Takers take all there is at once, so that a busy queue
 * costs one lock per batch. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct queue_item {
	struct queue_item *next;
	size_t bytes; /* what the item counts for, set by the putter */
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled; /* waits on CLOCK_MONOTONIC */
	struct queue_item *first, **last;
	size_t items, items_max;
	size_t bytes, bytes_max;
	bool closed;
	bool woken;
};

/* In the caller's memory. */
void queue_init(struct queue *queue, size_t items_max, size_t bytes_max);
/* The caller has taken everything out. */
void queue_fini(struct queue *queue);

/* Put one item; `*was_empty` (may be NULL) tells whether a taker may sleep.
 * ERR_FULL, ERR_CLOSED: the item stays the caller's.  [any] */
NODISCARD enum err queue_put(
    struct queue *queue, struct queue_item *item, bool *was_empty);

/* Put a chain of items at once, all or as many as fit, in order.  Returns the
 * first item that did not fit (still the caller's), NULL if all did.  [any] */
struct queue_item *queue_put_chain(
    struct queue *queue, struct queue_item *chain);

/* Everything in the queue, as a chain in order, or NULL.  [any] */
struct queue_item *queue_take(struct queue *queue);

/* As queue_take, but sleeps until there is something, queue_wake or
 * queue_close is called, or the monotonic clock reaches `until_ns`
 * (UINT64_MAX: for ever).  [any] */
struct queue_item *queue_wait(struct queue *queue, uint64_t until_ns);

/* End one queue_wait, or the next. */
void queue_wake(struct queue *queue);

/* No more puts; what is inside can still be taken. */
void queue_close(struct queue *queue);
bool queue_is_closed(struct queue *queue);

/* Entries inside, a snapshot. */
size_t queue_count(struct queue *queue);

#endif
