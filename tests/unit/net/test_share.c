/* SPDX-License-Identifier: MIT
 * Records that several links get, queued in runs. */
#include "rig.h"

#include <sys/epoll.h>

#include "net/private.h"
#include "support/fault.h"

enum { BOTH = 3, FIRST = 1, LAST = 2 };
enum { LONG = 100000, MANY = 30000, HALF = 40000 /* and more, of a chunk */ };

/* One record of three bytes. */
static void
share(struct rig *rig, uint64_t which, const char *text)
{
	void *const conns[] = { rig->first, rig->last };

	struct range record = rig_record(rig, text, 3);

	net_share_record(rig->net, conns, which, &record);
}

static void
append(struct rig *rig, struct conn *conn, const char *text)
{
	(void)rig;
	conn_send_records(conn, text, 3);
}

/* Two peers, opened in this order. */
static struct rig *
two_peers(struct client **first, struct client **last)
{
	struct rig *rig = rig_create(rig_config());

	*first = rig_peer(rig, 0);
	rig_until(rig, rig_has_opened);
	*last = rig_peer(rig, 0);
	rig_until(rig, rig_has_two);
	return rig;
}

static void
expect(struct client *client, const char *text)
{
	client_expect(client, CLIENT_BINARY, text, strlen(text));
}

static void
share_three(struct rig *rig)
{
	share(rig, BOTH, "abc");
	share(rig, BOTH, "def");
	share(rig, BOTH, "ghi");
}

static void
all_get_a_run_as_one_message(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, share_three);
	expect(first, "abcdefghi");
	expect(last, "abcdefghi");
	rig_destroy(rig);
}

static void
share_among_others(struct rig *rig)
{
	share(rig, BOTH, "abc");
	share(rig, LAST, "def");
	share(rig, LAST, "ghi");
	append(rig, rig->first, "jkl");
	share(rig, BOTH, "mno");
	append(rig, rig->last, "pqr");
	share(rig, FIRST, "stu");
}

static void
each_gets_its_own_in_order(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, share_among_others);
	expect(first, "abcjklmnostu");
	expect(last, "abcdefghimnopqr");
	rig_destroy(rig);
}

static void
share_and_look(struct rig *rig)
{
	share(rig, LAST, "abc");
	share(rig, LAST, "def");
	rig->number = conn_queued(rig->last);
}

static void
what_waits_is_queued_for_who_looks(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, share_and_look);
	assert_true(rig->number >= 6);
	expect(last, "abcdef");
	rig_destroy(rig);
}

static void
share_and_close(struct rig *rig)
{
	share(rig, BOTH, "abc");
	conn_close(rig->last, 1000, "enough", true);
	share(rig, BOTH, "def");
	share(rig, BOTH, "ghi");
}

static void
a_close_comes_behind_and_what_follows_is_counted(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, share_and_close);
	expect(first, "abcdefghi");
	expect(last, "abc");
	client_expect_close(last, 1000);
	assert_int_equal(rig_stats(rig)->dropped_closing, 2);
	rig_destroy(rig);
}

/* The place of one that went is another's in the same turn. */
static void
share_and_drop(struct rig *rig)
{
	share(rig, LAST, "abc");
	conn_drop(rig->last);
	rig->last = rig->first;
	share(rig, LAST, "def");
}

static void
nobody_gets_what_was_for_one_that_went(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, share_and_drop);
	expect(first, "def");
	rig_destroy(rig);
}

static void
share_much(struct rig *rig)
{
	static const char bytes[100000] = "x";
	void *const conns[] = { rig->first, rig->last };
	struct range record;

	share(rig, BOTH, "abc");
	record = rig_record(rig, bytes, sizeof(bytes));
	net_share_record(rig->net, conns, BOTH, &record);
	share(rig, BOTH, "def");
}

static void
a_long_record_goes_alone(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);
	static char bytes[100000] = "x";

	(void)state;
	rig_call(rig, share_much);
	expect(first, "abc");
	client_expect(first, CLIENT_BINARY, bytes, sizeof(bytes));
	expect(first, "def");
	rig_destroy(rig);
}

/* Another one's socket has room again in the middle of the turn. */
static void
share_and_write(struct rig *rig)
{
	share(rig, BOTH, "abc");
	conn_on_ready(rig->first, EPOLLOUT);
	share(rig, BOTH, "def");
}

static void
what_waits_is_sealed_before_it_is_written(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, share_and_write);
	expect(first, "abc");
	expect(first, "def");
	expect(last, "abcdef");
	rig_destroy(rig);
}

static void
share_long(struct rig *rig)
{
	static const char bytes[LONG] = "x";
	void *const conns[] = { rig->first, rig->last };
	struct range record = rig_record(rig, bytes, sizeof(bytes));

	net_share_record(rig->net, conns, BOTH, &record);
}

static void
share_many(struct rig *rig)
{
	for (int i = 0; i < MANY; i++) {
		share(rig, BOTH, "abc");
	}
}

/* The chunk of a long record is used again, and holds more than a message. */
static void
many_in_a_long_chunk_are_several_messages(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);
	size_t most = NET_BATCH_BYTES / 3 * 3;
	static char bytes[LONG] = "x";
	static char text[3 * MANY];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = "abc"[i % 3];
	}
	rig_call(rig, share_long);
	client_expect(first, CLIENT_BINARY, bytes, sizeof(bytes));
	client_expect(last, CLIENT_BINARY, bytes, sizeof(bytes));
	rig_call(rig, share_many);
	client_expect(first, CLIENT_BINARY, text, most);
	client_expect(first, CLIENT_BINARY, text, sizeof(text) - most);
	rig_destroy(rig);
}

/* Somebody's own record lies between two shared ones. */
static void
share_around_another(struct rig *rig)
{
	struct range range;

	share(rig, BOTH, "abc");
	range = rig_record(rig, "own", 3);
	share(rig, BOTH, "def");
	conn_append_record(rig->first, &range);
}

static void
a_record_in_between_is_not_shared(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, share_around_another);
	expect(first, "abcdefown");
	expect(last, "abcdef");
	rig_destroy(rig);
}

/* The second one goes on in another chunk where the first one ended in its. */
static void
share_across_chunks(struct rig *rig)
{
	static char bytes[HALF];
	void *const conns[] = { rig->first, rig->last };
	struct range record, range;

	memset(bytes, 'x', sizeof(bytes));
	record = rig_record(rig, bytes, sizeof(bytes));
	net_share_record(rig->net, conns, BOTH, &record);
	range = rig_record(rig, bytes, sizeof(bytes));
	chunk_ref(range.chunk); /* as if it were queued */
	share(rig, BOTH, "abc");
	assert_int_equal(rig->net->share.range.off, HALF);
	assert_ptr_equal(rig->net->share.range.chunk, range.chunk);
	chunk_unref(range.chunk);
}

static void
a_run_does_not_reach_into_another_chunk(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);
	static char text[HALF + 3];

	(void)state;
	memset(text, 'x', HALF);
	memcpy(text + HALF, "abc", 3);
	rig_call(rig, share_across_chunks);
	client_expect(first, CLIENT_BINARY, text, sizeof(text));
	client_expect(last, CLIENT_BINARY, text, sizeof(text));
	rig_destroy(rig);
}

/* Who hears of one end sends to the other, which has ended too. */
static void
share_on_closed(void *ctx, struct conn *conn, enum net_closed how)
{
	struct rig *rig = ctx;

	rig_on_closed(ctx, conn, how);
	if (rig->first != NULL) {
		share(rig, FIRST, "abc");
		share(rig, FIRST, "def");
	}
}

static void
drop_both(struct rig *rig)
{
	rig->handler.on_closed = share_on_closed;
	conn_drop(rig->first);
	conn_drop(rig->last); /* it is the first to be buried */
	net_settle(rig->net);
	rig->handler.on_closed = rig_on_closed;
	rig->number = rig->net->share.which;
}

static void
nothing_waits_for_one_that_is_gone(void **state)
{
	struct client *first, *last;
	struct rig *rig = two_peers(&first, &last);

	(void)state;
	rig_call(rig, drop_both);
	assert_int_equal(rig->closed, 2);
	assert_int_equal(rig->number, 0);
	assert_int_equal(rig_stats(rig)->dropped_closing, 2);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    all_get_a_run_as_one_message, client_teardown),
		cmocka_unit_test_teardown(
		    each_gets_its_own_in_order, client_teardown),
		cmocka_unit_test_teardown(
		    what_waits_is_queued_for_who_looks, client_teardown),
		cmocka_unit_test_teardown(
		    a_close_comes_behind_and_what_follows_is_counted,
		    client_teardown),
		cmocka_unit_test_teardown(
		    nobody_gets_what_was_for_one_that_went, client_teardown),
		cmocka_unit_test_teardown(
		    a_long_record_goes_alone, client_teardown),
		cmocka_unit_test_teardown(
		    what_waits_is_sealed_before_it_is_written, client_teardown),
		cmocka_unit_test_teardown(
		    many_in_a_long_chunk_are_several_messages, client_teardown),
		cmocka_unit_test_teardown(
		    a_record_in_between_is_not_shared, client_teardown),
		cmocka_unit_test_teardown(
		    a_run_does_not_reach_into_another_chunk, client_teardown),
		cmocka_unit_test_teardown(
		    nothing_waits_for_one_that_is_gone, client_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
