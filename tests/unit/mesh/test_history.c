/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "support/test.h"

#include <stdlib.h>

#include "mesh/history.h"

static struct chunk_pool pool;

/* Of the pool, which has nothing out. */
static struct history
a_history(size_t limit)
{
	struct history history;

	chunk_pool_init(&pool);
	history_init(&history, &pool, limit, UINT64_C(0x123456789abcdef));
	return history;
}

/* All its chunks go back. */
static void
end(struct history *history)
{
	history_fini(history);
	chunk_pool_fini(&pool);
}

static struct origin *
an_origin(uint8_t n)
{
	struct origin *origin = calloc(1, sizeof(*origin));
	struct nodeid id = { .bytes = { n } };

	assert_non_null(origin);
	origin_init(origin, &id, 0);
	return origin;
}

static struct record_data
a_message(uint64_t seq, const char *payload)
{
	return (struct record_data){
		.flags = DATA_TEXT,
		.hops = 3,
		.topic = { .text = "a.b", .len = 3 },
		.seq = seq,
		.payload = (const uint8_t *)payload,
		.payload_len = strlen(payload),
	};
}

static enum err
put_data(struct history *history, struct origin *origin,
    const struct record_data *data, uint64_t known, uint64_t now)
{
	struct record_data own = *data;
	struct range range;

	own.origin = origin->id;
	return history_put(history, origin, &own, known, now, &range);
}

static enum err
put(struct history *history, struct origin *origin, uint64_t seq, uint64_t now)
{
	struct record_data data = a_message(seq, "hello");

	return put_data(history, origin, &data, 0, now);
}

static void
what_was_put_is_found_as_it_was(void **state)
{
	struct history history = a_history(10000);
	struct origin *a = an_origin(1);
	struct origin *b = an_origin(2);
	struct record_data data = a_message(7, "hello");
	struct history_entry *entry;

	(void)state;
	assert_null(history_find(&history, a, 7));
	assert_int_equal(put_data(&history, a, &data, 5, 100), ERR_OK);
	assert_null(history_find(&history, b, 7));
	assert_null(history_find(&history, a, 8));
	entry = history_find(&history, a, 7);
	assert_non_null(entry);
	assert_int_equal(entry->known, 5);
	data = history_data(entry);
	assert_int_equal(data.flags, DATA_TEXT);
	assert_int_equal(data.hops, 3);
	assert_int_equal(data.seq, 7);
	assert_true(nodeid_equal(&data.origin, &a->id));
	assert_int_equal(data.topic.len, 3);
	assert_memory_equal(data.topic.text, "a.b", 3);
	assert_int_equal(data.payload_len, 5);
	assert_memory_equal(data.payload, "hello", 5);
	assert_int_equal(a->held, 1);
	end(&history);
	free(a);
	free(b);
}

static void
one_for_a_single_node_keeps_the_id_of_that(void **state)
{
	struct history history = a_history(10000);
	struct origin *a = an_origin(1);
	struct record_data data = a_message(7, "");

	(void)state;
	data.flags = DATA_UNICAST | DATA_FLOOD;
	memset(&data.dest, 9, sizeof(data.dest));
	assert_int_equal(put_data(&history, a, &data, 0, 0), ERR_OK);
	data = history_data(history_find(&history, a, 7));
	assert_int_equal(data.dest.bytes[15], 9);
	assert_int_equal(data.payload_len, 0);
	assert_memory_equal(data.topic.text, "a.b", 3);
	end(&history);
	free(a);
}

static void
messages_leave_after_a_minute(void **state)
{
	struct history history = a_history(100000);
	struct origin *a = an_origin(1);

	(void)state;
	assert_int_equal(history_expire(&history, 5), UINT64_MAX);
	assert_int_equal(put(&history, a, 1, 1000), ERR_OK);
	assert_int_equal(put(&history, a, 2, 2000), ERR_OK);
	assert_int_equal(history_expire(&history, 2000), 61000);
	assert_int_equal(history_expire(&history, 60999), 61000);
	assert_non_null(history_find(&history, a, 1));
	assert_int_equal(history_expire(&history, 61000), 62000);
	assert_null(history_find(&history, a, 1));
	assert_non_null(history_find(&history, a, 2));
	assert_int_equal(history_count(&history), 1);
	assert_int_equal(history_expire(&history, 62000), UINT64_MAX);
	assert_int_equal(history_count(&history), 0);
	assert_int_equal(history.bytes, 0);
	assert_int_equal(history.evicted, 0);
	assert_int_equal(history.expired, 2);
	assert_int_equal(a->held, 0);
	end(&history);
	free(a);
}

static void
the_oldest_leave_when_the_bytes_are_needed(void **state)
{
	struct history history = a_history(10000);
	struct origin *a = an_origin(1);
	size_t each;

	(void)state;
	assert_int_equal(put(&history, a, 1, 0), ERR_OK);
	each = history.bytes;
	for (uint64_t seq = 2; seq <= 1000; seq++) {
		assert_int_equal(put(&history, a, seq, seq), ERR_OK);
		assert_true(history.bytes <= 10000);
	}
	assert_int_equal(history_count(&history), 10000 / each);
	assert_int_equal(history.evicted, 1000 - history_count(&history));
	assert_int_equal(history.expired, 0);
	for (uint64_t seq = 1; seq <= 1000; seq++) {
		assert_int_equal(history_find(&history, a, seq) != NULL,
		    seq > 1000 - history_count(&history));
	}
	end(&history);
	free(a);
}

static void
a_message_larger_than_the_history_is_not_kept(void **state)
{
	struct history history = a_history(80000);
	struct origin *a = an_origin(1);
	static uint8_t big[70000];
	struct record_data data = a_message(2, "");

	(void)state;
	assert_int_equal(put(&history, a, 1, 0), ERR_OK);
	data.payload = big;
	data.payload_len = sizeof(big); /* larger than a chunk */
	assert_int_equal(put_data(&history, a, &data, 0, 0), ERR_OK);
	assert_non_null(history_find(&history, a, 1));
	assert_non_null(history_find(&history, a, 2));
	history.limit = 60000;
	data.seq = 3;
	assert_int_equal(put_data(&history, a, &data, 0, 0), ERR_TOOBIG);
	assert_non_null(history_find(&history, a, 1));
	end(&history);
	free(a);
}

static void
a_full_history_allocates_nothing_more(void **state)
{
	struct history history = a_history(200000);
	struct origin *a = an_origin(1);
	uint64_t seq = 1;

	(void)state;
	for (; seq <= 20000; seq++) {
		assert_int_equal(put(&history, a, seq, 0), ERR_OK);
	}
	fault_fail_from(1);
	for (; seq <= 40000; seq++) {
		assert_int_equal(put(&history, a, seq, 0), ERR_OK);
	}
	assert_false(fault_off());
	end(&history);
	free(a);
}

static void
an_origin_that_goes_takes_its_messages_along(void **state)
{
	struct history history = a_history(1000000);
	struct origin *a = an_origin(1);
	struct origin *b = an_origin(2);

	(void)state;
	for (uint64_t seq = 1; seq <= 500; seq++) {
		assert_int_equal(put(&history, a, seq, 0), ERR_OK);
		assert_int_equal(put(&history, b, seq, 0), ERR_OK);
	}
	history_forget(&history, a);
	assert_int_equal(a->held, 0);
	assert_null(history_find(&history, a, 1));
	free(a);
	assert_non_null(history_find(&history, b, 1));
	history_expire(&history, 60000);
	assert_int_equal(history_count(&history), 0);
	end(&history);
	free(b);
}

/* It has gone round, its oldest have left, and one origin was forgotten. */
static void
it_grows_with_what_is_left_in_it(void **state)
{
	struct history history = a_history(1000000);
	struct origin *a = an_origin(1);
	struct origin *b = an_origin(2);
	uint64_t seq = 1;

	(void)state;
	for (; seq <= 100; seq++) {
		assert_int_equal(put(&history, a, seq, 0), ERR_OK);
	}
	for (; seq <= 150; seq++) {
		assert_int_equal(put(&history, a, seq, 1000), ERR_OK);
		assert_int_equal(put(&history, b, seq, 1000), ERR_OK);
	}
	history_expire(&history, 60000);
	assert_int_equal(history_count(&history), 100);
	history_forget(&history, b);
	/* Another one may come to lie where it lay. */
	origin_init(b, &(struct nodeid){ .bytes = { 3 } }, 0);
	for (; seq <= 600; seq++) {
		assert_int_equal(put(&history, a, seq, 1000), ERR_OK);
	}
	for (uint64_t at = 1; at < seq; at++) {
		assert_int_equal(
		    history_find(&history, a, at) != NULL, at > 100);
		assert_null(history_find(&history, b, at));
	}
	end(&history);
	free(a);
	free(b);
}

static unsigned
longest_chain(const struct history *history)
{
	unsigned longest = 0;

	for (size_t i = 0; i < history->room; i++) {
		uint64_t place = history->newest[i];
		unsigned links = 0;

		while (place >= history->first) {
			uint32_t step = history->ring[place % history->room]
			                    .step;

			place = step != 0 ? place - step : 0;
			links++;
		}
		longest = links > longest ? links : longest;
	}
	return longest;
}

/* Numbers are chosen by others. */
static void
messages_with_numbers_far_apart_are_found_as_quickly(void **state)
{
	struct history history = a_history(1000000);
	struct origin *a = an_origin(1);
	struct origin *b = an_origin(2);

	(void)state;
	for (uint64_t n = 1; n <= 4000; n++) {
		assert_int_equal(put(&history, a, n, 0), ERR_OK);
	}
	assert_in_range(longest_chain(&history), 1, 30);
	for (uint64_t n = 1; n <= 4000; n++) {
		assert_int_equal(put(&history, b, n << 17, 0), ERR_OK);
	}
	assert_in_range(longest_chain(&history), 1, 30);
	end(&history);
	free(a);
	free(b);
}

static void
an_empty_history_gives_back_what_it_has_grown_to(void **state)
{
	struct history history = a_history(1000000);
	struct origin *a = an_origin(1);

	(void)state;
	for (uint64_t seq = 1; seq <= 5000; seq++) {
		assert_int_equal(put(&history, a, seq, 0), ERR_OK);
	}
	history_expire(&history, 60000);
	assert_int_equal(history.bytes, 0);
	assert_int_equal(history.room, 0);
	assert_int_equal(pool.bytes, 0);
	assert_int_equal(put(&history, a, 5001, 60000), ERR_OK);
	assert_non_null(history_find(&history, a, 5001));
	end(&history);
	free(a);
}

/* Also of a few messages: one alone may have been larger than all limits of
 * chunks and rings. */
static void
an_empty_history_keeps_no_long_chunk(void **state)
{
	struct history history = a_history(1000000);
	struct origin *a = an_origin(1);
	static uint8_t big[500000];
	struct record_data data = a_message(2, "");

	(void)state;
	data.payload = big;
	data.payload_len = sizeof(big);
	assert_int_equal(put(&history, a, 1, 0), ERR_OK);
	assert_int_equal(put_data(&history, a, &data, 0, 0), ERR_OK);
	assert_true(pool.bytes > sizeof(big));
	history_expire(&history, 60000);
	assert_int_equal(history_count(&history), 0);
	assert_int_equal(pool.bytes, 0);
	end(&history);
	free(a);
}

static void
out_of_memory_keeps_what_is_there(void **state)
{
	struct history history = a_history(1000000);
	struct origin *a = an_origin(1);
	unsigned failed = 0;

	(void)state;
	for (uint64_t seq = 1; seq <= 5000; seq++) {
		enum err err;

		fault_fail_nth(1 + (unsigned)(seq % 2));
		err = put(&history, a, seq, 0);
		if (fault_off() && err != ERR_OK) {
			assert_int_equal(err, ERR_NOMEM);
			assert_null(history_find(&history, a, seq));
			failed++;
			assert_int_equal(put(&history, a, seq, 0), ERR_OK);
		}
		assert_non_null(history_find(&history, a, seq));
		assert_non_null(history_find(&history, a, 1));
	}
	assert_true(failed >= 2);
	end(&history);
	free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_as_it_was),
		cmocka_unit_test(one_for_a_single_node_keeps_the_id_of_that),
		cmocka_unit_test(messages_leave_after_a_minute),
		cmocka_unit_test(the_oldest_leave_when_the_bytes_are_needed),
		cmocka_unit_test(a_message_larger_than_the_history_is_not_kept),
		cmocka_unit_test(a_full_history_allocates_nothing_more),
		cmocka_unit_test(an_origin_that_goes_takes_its_messages_along),
		cmocka_unit_test(it_grows_with_what_is_left_in_it),
		cmocka_unit_test(
		    messages_with_numbers_far_apart_are_found_as_quickly),
		cmocka_unit_test(
		    an_empty_history_gives_back_what_it_has_grown_to),
		cmocka_unit_test(an_empty_history_keeps_no_long_chunk),
		cmocka_unit_test(out_of_memory_keeps_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
