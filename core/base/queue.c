/* SPDX-License-Identifier: MIT
 * queue.c - see queue.h. */

#include "base/queue.h"

#include <string.h>
#include <time.h>

void
queue_init(struct queue *queue, size_t items_max, size_t bytes_max)
{
	pthread_condattr_t attr;

	memset(queue, 0, sizeof(*queue));
	queue->last = &queue->first;
	queue->items_max = items_max;
	queue->bytes_max = bytes_max;
	(void)pthread_mutex_init(&queue->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&queue->filled, &attr);
	(void)pthread_condattr_destroy(&attr);
}

void
queue_fini(struct queue *queue)
{
	(void)pthread_cond_destroy(&queue->filled);
	(void)pthread_mutex_destroy(&queue->lock);
}

static bool
queue_has_room(const struct queue *queue, const struct queue_item *item)
{
	return !queue->closed && queue->items < queue->items_max &&
	       item->bytes <= queue->bytes_max - queue->bytes;
}

static void
queue_append(struct queue *queue, struct queue_item *item)
{
	item->next = NULL;
	*queue->last = item;
	queue->last = &item->next;
	queue->items++;
	queue->bytes += item->bytes;
}

enum err
queue_put(struct queue *queue, struct queue_item *item, bool *was_empty)
{
	enum err err = ERR_OK;

	(void)pthread_mutex_lock(&queue->lock);
	if (was_empty != NULL) {
		*was_empty = queue->items == 0;
	}
	if (queue_has_room(queue, item)) {
		queue_append(queue, item);
	} else {
		err = queue->closed ? ERR_CLOSED : ERR_FULL;
	}
	(void)pthread_cond_signal(&queue->filled);
	(void)pthread_mutex_unlock(&queue->lock);
	return err;
}

struct queue_item *
queue_put_chain(struct queue *queue, struct queue_item *chain)
{
	(void)pthread_mutex_lock(&queue->lock);
	while (chain != NULL && queue_has_room(queue, chain)) {
		struct queue_item *next = chain->next;

		queue_append(queue, chain);
		chain = next;
	}
	(void)pthread_cond_signal(&queue->filled);
	(void)pthread_mutex_unlock(&queue->lock);
	return chain;
}

static struct queue_item *
queue_empty(struct queue *queue)
{
	struct queue_item *chain = queue->first;

	queue->first = NULL;
	queue->last = &queue->first;
	queue->items = 0;
	queue->bytes = 0;
	return chain;
}

struct queue_item *
queue_take(struct queue *queue)
{
	struct queue_item *chain;

	(void)pthread_mutex_lock(&queue->lock);
	chain = queue_empty(queue);
	(void)pthread_mutex_unlock(&queue->lock);
	return chain;
}

/* False when the time is up. */
static bool
queue_sleep(struct queue *queue, uint64_t until_ns)
{
	struct timespec until;

	if (until_ns == UINT64_MAX) {
		return pthread_cond_wait(&queue->filled, &queue->lock) == 0;
	}
	until.tv_sec = (time_t)(until_ns / UINT64_C(1000000000));
	until.tv_nsec = (long)(until_ns % UINT64_C(1000000000));
	return pthread_cond_timedwait(&queue->filled, &queue->lock, &until) ==
	       0;
}

struct queue_item *
queue_wait(struct queue *queue, uint64_t until_ns)
{
	struct queue_item *chain;

	(void)pthread_mutex_lock(&queue->lock);
	while (queue->items == 0 && !queue->closed && !queue->woken) {
		if (!queue_sleep(queue, until_ns)) {
			break;
		}
	}
	queue->woken = false;
	chain = queue_empty(queue);
	(void)pthread_mutex_unlock(&queue->lock);
	return chain;
}

void
queue_wake(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->woken = true;
	(void)pthread_cond_signal(&queue->filled);
	(void)pthread_mutex_unlock(&queue->lock);
}

void
queue_close(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	(void)pthread_cond_broadcast(&queue->filled);
	(void)pthread_mutex_unlock(&queue->lock);
}

bool
queue_is_closed(struct queue *queue)
{
	bool closed;

	(void)pthread_mutex_lock(&queue->lock);
	closed = queue->closed;
	(void)pthread_mutex_unlock(&queue->lock);
	return closed;
}

size_t
queue_count(struct queue *queue)
{
	size_t count;

	(void)pthread_mutex_lock(&queue->lock);
	count = queue->items;
	(void)pthread_mutex_unlock(&queue->lock);
	return count;
}
