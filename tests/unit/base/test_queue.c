/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "base/clock.h"
#include "base/queue.h"

struct entry {
	struct queue_item item;
	unsigned number;
};

static size_t
chain_count(const struct queue_item *chain)
{
	size_t count = 0;

	for (; chain != NULL; chain = chain->next) {
		count++;
	}
	return count;
}

static void
keeps_the_order(void **state)
{
	struct entry entries[3] = { 0 };
	struct queue queue;
	struct queue_item *chain;
	bool was_empty;

	(void)state;
	queue_init(&queue, 10, 100);
	for (unsigned i = 0; i < 3; i++) {
		entries[i].number = i;
		assert_int_equal(
		    queue_put(&queue, &entries[i].item, &was_empty), ERR_OK);
		assert_int_equal(was_empty, i == 0);
	}
	assert_int_equal(queue_count(&queue), 3);
	chain = queue_take(&queue);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(chain, &entries[i].item);
		chain = chain->next;
	}
	assert_null(chain);
	assert_null(queue_take(&queue));
	assert_int_equal(queue_count(&queue), 0);
	queue_fini(&queue);
}

static void
refuses_more_items_than_its_limit(void **state)
{
	struct entry entries[3] = { 0 };
	struct queue queue;

	(void)state;
	queue_init(&queue, 2, 100);
	assert_int_equal(queue_put(&queue, &entries[0].item, NULL), ERR_OK);
	assert_int_equal(queue_put(&queue, &entries[1].item, NULL), ERR_OK);
	assert_int_equal(queue_put(&queue, &entries[2].item, NULL), ERR_FULL);
	assert_int_equal(chain_count(queue_take(&queue)), 2);
	assert_int_equal(queue_put(&queue, &entries[2].item, NULL), ERR_OK);
	assert_int_equal(chain_count(queue_take(&queue)), 1);
	queue_fini(&queue);
}

static void
refuses_more_bytes_than_its_limit(void **state)
{
	struct entry entries[3] = { 0 };
	struct queue queue;

	(void)state;
	queue_init(&queue, 10, 100);
	entries[0].item.bytes = 60;
	entries[1].item.bytes = 41;
	entries[2].item.bytes = SIZE_MAX;
	assert_int_equal(queue_put(&queue, &entries[0].item, NULL), ERR_OK);
	assert_int_equal(queue_put(&queue, &entries[1].item, NULL), ERR_FULL);
	assert_int_equal(queue_put(&queue, &entries[2].item, NULL), ERR_FULL);
	entries[1].item.bytes = 40;
	assert_int_equal(queue_put(&queue, &entries[1].item, NULL), ERR_OK);
	assert_int_equal(chain_count(queue_take(&queue)), 2);
	queue_fini(&queue);
}

static void
takes_of_a_chain_what_fits(void **state)
{
	struct entry entries[4] = { 0 };
	struct queue queue;

	(void)state;
	queue_init(&queue, 3, 100);
	for (unsigned i = 0; i < 3; i++) {
		entries[i].item.next = &entries[i + 1].item;
	}
	assert_ptr_equal(
	    queue_put_chain(&queue, &entries[0].item), &entries[3].item);
	assert_ptr_equal(
	    queue_put_chain(&queue, &entries[3].item), &entries[3].item);
	assert_int_equal(chain_count(queue_take(&queue)), 3);
	assert_null(queue_put_chain(&queue, &entries[3].item));
	assert_int_equal(chain_count(queue_take(&queue)), 1);
	queue_fini(&queue);
}

static void
takes_no_more_once_closed_but_gives_what_it_has(void **state)
{
	struct entry entries[2] = { 0 };
	struct queue queue;

	(void)state;
	queue_init(&queue, 10, 100);
	assert_int_equal(queue_put(&queue, &entries[0].item, NULL), ERR_OK);
	assert_false(queue_is_closed(&queue));
	queue_close(&queue);
	assert_true(queue_is_closed(&queue));
	assert_int_equal(queue_put(&queue, &entries[1].item, NULL), ERR_CLOSED);
	assert_ptr_equal(
	    queue_put_chain(&queue, &entries[1].item), &entries[1].item);
	assert_int_equal(chain_count(queue_wait(&queue, UINT64_MAX)), 1);
	assert_null(queue_wait(&queue, UINT64_MAX)); /* does not sleep */
	queue_fini(&queue);
}

static void
a_wait_ends_at_its_time_and_not_before(void **state)
{
	struct queue queue;
	uint64_t until_ns = clock_now_ns() + 1000000;

	(void)state;
	queue_init(&queue, 10, 100);
	assert_null(queue_wait(&queue, until_ns));
	assert_true(clock_now_ns() >= until_ns);
	assert_null(queue_wait(&queue, 0)); /* long past */
	queue_fini(&queue);
}

static void
a_wake_ends_the_next_wait_once(void **state)
{
	struct queue queue;

	(void)state;
	queue_init(&queue, 10, 100);
	queue_wake(&queue);
	assert_null(queue_wait(&queue, UINT64_MAX)); /* returns at all */
	assert_null(queue_wait(&queue, clock_now_ns()));
	queue_fini(&queue);
}

enum { NUMBERS = 20000, PUTTERS = 2 };

struct pipe_test {
	struct queue queue;
	struct entry entries[PUTTERS][NUMBERS];
};

struct putter {
	struct pipe_test *test;
	struct entry *entries;
};

static void *
put_all(void *arg)
{
	struct putter *putter = arg;

	for (unsigned i = 0; i < NUMBERS; i++) {
		putter->entries[i].number = i;
		while (queue_put(&putter->test->queue, &putter->entries[i].item,
		           NULL) != ERR_OK) {
			(void)sched_yield();
		}
	}
	return NULL;
}

static void
carries_everything_between_threads_in_order(void **state)
{
	static struct pipe_test test;
	struct putter putters[PUTTERS];
	pthread_t threads[PUTTERS];
	unsigned next[PUTTERS] = { 0 };
	size_t got = 0;

	(void)state;
	queue_init(&test.queue, 64, SIZE_MAX);
	for (int i = 0; i < PUTTERS; i++) {
		putters[i] = (struct putter){ &test, test.entries[i] };
		assert_int_equal(
		    pthread_create(&threads[i], NULL, put_all, &putters[i]), 0);
	}
	while (got < (size_t)PUTTERS * NUMBERS) {
		struct queue_item *chain = queue_wait(&test.queue, UINT64_MAX);

		for (; chain != NULL; chain = chain->next, got++) {
			struct entry *entry = (struct entry *)chain;
			int from = entry >= test.entries[1] ? 1 : 0;

			assert_int_equal(entry->number, next[from]);
			next[from]++;
		}
	}
	for (int i = 0; i < PUTTERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_null(queue_take(&test.queue));
	queue_fini(&test.queue);
}

static void *
wait_for_end(void *arg)
{
	return queue_wait(arg, UINT64_MAX);
}

static void
closing_wakes_every_waiter(void **state)
{
	struct queue queue;
	pthread_t threads[2];
	void *got;

	(void)state;
	queue_init(&queue, 10, 100);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		assert_int_equal(
		    pthread_create(&threads[i], NULL, wait_for_end, &queue), 0);
	}
	queue_close(&queue);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &got), 0);
		assert_null(got);
	}
	queue_fini(&queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(refuses_more_items_than_its_limit),
		cmocka_unit_test(refuses_more_bytes_than_its_limit),
		cmocka_unit_test(takes_of_a_chain_what_fits),
		cmocka_unit_test(
		    takes_no_more_once_closed_but_gives_what_it_has),
		cmocka_unit_test(a_wait_ends_at_its_time_and_not_before),
		cmocka_unit_test(a_wake_ends_the_next_wait_once),
		cmocka_unit_test(carries_everything_between_threads_in_order),
		cmocka_unit_test(closing_wakes_every_waiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
