/* SPDX-License-Identifier: MIT
 * The life of a connection: ids, Close handshakes in every order, deadlines,
 * the clock. */
#include <sys/socket.h>

#include "base/clock.h"
#include "net/private.h"
#include "rig.h"

static struct client *speaker; /* what a job on the loop talks with */

static bool
all_are_gone(struct rig *rig)
{
	return rig->opened > 0 && net_conn_count(rig->net) == 0;
}

static void
ids_are_never_used_again(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct client *client = client_open(rig->port, "/");

		client_frame(client, CLIENT_CLOSE, "\x03\xe8", 2);
		client_expect_eof(client);
		rig_until(rig, all_are_gone);
	}
	(void)client_open(rig->port, "/");
	rig_stop(rig);
	for (unsigned i = 0; i < 3; i++) {
		assert_null(net_find(rig->net, rig->ids[i]));
		for (unsigned j = i + 1; j < 4; j++) {
			assert_true(rig->ids[i] != rig->ids[j]);
		}
	}
	assert_ptr_equal(net_find(rig->net, rig->ids[3]), rig->last);
	assert_null(net_find(rig->net, 0));
	assert_null(net_find(rig->net, UINT64_MAX));
	rig_destroy(rig);
}

static void
a_close_is_answered_with_its_code(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/");

	(void)state;
	client_frame(client, CLIENT_CLOSE, "\x0f\xa0why", 5);
	client_expect_close(client, 4000);
	rig_until(rig, all_are_gone);
	assert_int_equal(rig_stats(rig)->closed, 1);
	assert_int_equal(rig->stats.clients, 0);
	assert_int_equal(rig->closing, 1); /* the owner was told */
	assert_int_equal(rig->closed, 1);
	rig_destroy(rig);
}

static void
close_last(struct rig *rig)
{
	if (rig->last == NULL) {
		return; /* the other end was faster */
	}
	conn_close(rig->last, 4000, "enough", true);
	assert_false(conn_is_open(rig->last));
	conn_close(rig->last, 4001, "twice", true);
}

static void
our_close_waits_for_theirs(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/");

	(void)state;
	rig_until(rig, rig_has_opened);
	rig_call(rig, close_last);
	client_expect_close(client, 4000);
	rig_until(rig, all_are_gone);
	assert_int_equal(rig->closing, 0); /* the owner did it */
	assert_int_equal(rig->closed, 1);
	rig_destroy(rig);
}

static void
both_may_close_at_once(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/");

	(void)state;
	rig_until(rig, rig_has_opened);
	client_frame(client, CLIENT_CLOSE, "\x0f\xa1", 2);
	rig_call(rig, close_last);
	client_expect_close(client, 0);
	rig_until(rig, all_are_gone);
	rig_destroy(rig);
}

static void
a_close_that_is_not_answered_has_its_time(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;
	struct client_frame frame;

	(void)state;
	config.times.close = 300;
	rig = rig_create(config);
	client = client_open(rig->port, "/");
	rig_until(rig, rig_has_opened);
	rig_call(rig, close_last);
	assert_true(client_read_frame(client, &frame));
	assert_int_equal(frame.first, CLIENT_CLOSE);
	client_frame_free(&frame);
	rig_until(rig, all_are_gone);
	rig_destroy(rig);
}

enum { RECORD = 160000 };

/* The kernel has it all, and the other end's window has room for little. */
static void
close_with_the_kernel(struct rig *rig)
{
	static uint8_t record[RECORD];
	int bytes = 1 << 20;

	assert_int_equal(setsockopt(rig->last->fd, SOL_SOCKET, SO_SNDBUF,
	                     &bytes, sizeof(bytes)),
	    0);
	conn_send_records(rig->last, record, RECORD);
	conn_close(rig->last, 4002, "slow", false);
	assert_int_equal(conn_relieve(rig->last), 0);
	rig->number = rig->net->tick_ms;
}

/* A configuration with these times, and a Close that is not taken. */
static struct rig *
closed_with_the_kernel(
    uint32_t stall_ms, uint32_t linger_ms, struct client **client)
{
	struct net_config config = rig_config();
	struct rig *rig;

	config.times.close = 1;
	config.times.stall = stall_ms;
	config.times.linger = linger_ms;
	rig = rig_create(config);
	*client = rig_peer(rig, 4096);
	rig_until(rig, rig_has_opened);
	rig_call(rig, close_with_the_kernel);
	return rig;
}

static bool
has_dropped_one(struct rig *rig)
{
	return net_stats(rig->net)->dropped_closing == 1;
}

/* A connection that was dropped would answer what still comes with a reset. */
static void
a_close_that_the_kernel_holds_is_heard_though_its_reader_goes_on(void **state)
{
	struct client *client;
	struct rig *rig = closed_with_the_kernel(60000, 60000, &client);
	struct client_frame frame;

	(void)state;
	rig_until(rig, rig_has_looked_again);
	client_text(client, "thrown away");
	rig_until(rig, has_dropped_one);
	assert_true(client_read_frame(client, &frame));
	assert_int_equal(frame.len, RECORD);
	client_frame_free(&frame);
	client_expect_close(client, 4002);
	rig_until(rig, all_are_gone);
	rig_destroy(rig);
}

static void
a_close_that_nobody_takes_from_the_kernel_is_given_up(void **state)
{
	struct client *client;
	struct rig *rig = closed_with_the_kernel(300, 60000, &client);

	(void)state;
	rig_until(rig, all_are_gone);
	assert_int_equal(rig_stats(rig)->closed_stalled, 1);
	assert_int_equal(rig->stats.closed_unread, 0);
	rig_destroy(rig);
}

static void
stop_listening(struct rig *rig)
{
	net_stop_listening(rig->net);
}

static void
a_node_that_stops_waits_for_nobody_who_takes_nothing(void **state)
{
	struct client *client;
	struct rig *rig = closed_with_the_kernel(60000, 60000, &client);

	(void)state;
	rig_call(rig, stop_listening);
	rig_until(rig, all_are_gone);
	assert_int_equal(rig_stats(rig)->closed_stalled, 1);
	rig_destroy(rig);
}

static void
a_close_does_not_stay_with_the_kernel_for_ever(void **state)
{
	struct client *client;
	struct rig *rig = closed_with_the_kernel(60000, 300, &client);

	(void)state;
	rig_until(rig, all_are_gone);
	assert_int_equal(rig_stats(rig)->closed_unread, 1);
	assert_int_equal(rig->stats.closed_stalled, 0);
	rig_destroy(rig);
}

static void
a_half_closed_connection_is_over(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/");

	(void)state;
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	rig_until(rig, all_are_gone);
	assert_int_equal(rig_stats(rig)->closed, 1);
	rig_destroy(rig);
}

static void
close_clients(struct rig *rig)
{
	net_close_clients(rig->net, "stopping");
}

static void
clients_are_closed_with_1001_and_peers_are_not(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_open(rig->port, "/");

	(void)state;
	(void)rig_peer(rig, 0);
	rig_call(rig, close_clients);
	client_expect_close(client, 1001);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig_stats(rig)->peers, 1);
	assert_int_equal(rig->closing, 1);
	rig_destroy(rig);
}

static void
one_that_the_handler_does_not_want_is_dropped(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_connect(rig->port);

	(void)state;
	rig->refuses = true;
	assert_int_equal(client_upgrade(client, "/", ""), 101);
	client_expect_silent_eof(client);
	rig_until(rig, all_are_gone);
	assert_int_equal(rig_stats(rig)->clients, 0);
	assert_int_equal(rig->stats.handshakes, 0);
	assert_int_equal(rig->closed, 1);
	rig_destroy(rig);
}

static void
a_silent_client_is_pinged_then_dropped(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;
	struct client_frame frame;

	(void)state;
	config.times.ping = 300;
	config.times.dead = 900;
	rig = rig_create(config);
	client = client_open(rig->port, "/");
	assert_true(client_read_frame(client, &frame));
	assert_int_equal(frame.first, CLIENT_PING);
	client_frame(client, CLIENT_PONG, frame.bytes, frame.len);
	client_frame_free(&frame);
	assert_true(client_read_frame(client, &frame)); /* it lives */
	assert_int_equal(frame.first, CLIENT_PING);
	client_frame_free(&frame);
	assert_false(client_read_frame(client, &frame));
	rig_until(rig, all_are_gone);
	assert_int_equal(rig_stats(rig)->closed_silent, 1);
	rig_destroy(rig);
}

static void
a_handshake_has_its_time(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;

	(void)state;
	config.times.handshake = 300;
	rig = rig_create(config);
	client = client_connect(rig->port);
	client_print(client, "GET / HTTP/1.1\r\nHost: ");
	client_expect_silent_eof(client);
	assert_int_equal(rig_stats(rig)->rejected_timeout, 1);
	assert_int_equal(rig->stats.handshakes, 0);
	assert_int_equal(rig->stats.handshakes_lost, 0);
	assert_int_equal(rig->closed, 0); /* nobody knew it */
	rig_destroy(rig);
}

static void
stand_still(struct rig *rig)
{
	uint64_t until = clock_now_ms() + 2000;

	rig->number = net_now_ms(rig->net);
	while (clock_now_ms() < until) {
	}
}

static bool
has_gone_on(struct rig *rig)
{
	uint64_t now = net_now_ms(rig->net);

	/* It never goes back, and takes its time to get there. */
	assert_true(now >= rig->number);
	if (rig->messages == 0) {
		return false;
	}
	assert_true(now - rig->number < 1500);
	return true;
}

static void
a_loop_that_stood_still_thinks_nobody_silent(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *client;

	(void)state;
	config.times.ping = 1500;
	config.times.dead = 1600;
	rig = rig_create(config);
	client = client_open(rig->port, "/");
	rig_until(rig, rig_has_opened);
	rig_call(rig, stand_still);
	client_text(client, "still here");
	rig_until(rig, has_gone_on);
	client_sync(client);
	assert_int_equal(rig_stats(rig)->closed_silent, 0);
	rig_destroy(rig);
}

/* Until the wheel has a turn to make. */
static void
burn(void)
{
	uint64_t until = clock_now_ms() + 2 * WHEEL_TICK_MS + 50;

	while (clock_now_ms() < until) {
	}
}

static bool
has_accepted(struct rig *rig)
{
	return net_stats(rig->net)->handshakes == 1;
}

static void
end_the_request_on_a_busy_loop(struct rig *rig)
{
	struct conn *conn = rig->net->conns[0];

	assert_int_equal(conn->state, CONN_HANDSHAKE);
	conn->began_ms -= rig->net->config.times.handshake;
	wheel_set(&rig->net->wheel, &conn->timer, net_now_ms(rig->net));
	client_print(speaker,
	    "a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	burn();
}

static void
a_request_that_only_waits_to_be_read_is_in_time(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	speaker = client_connect(rig->port);
	client_print(speaker, "GET / HTTP/1.1\r\nHost: ");
	rig_until(rig, has_accepted);
	rig_call(rig, end_the_request_on_a_busy_loop);
	assert_int_equal(client_read_status_or_reset(speaker), 101);
	assert_int_equal(rig_stats(rig)->rejected_timeout, 0);
	rig_destroy(rig);
}

static void
answer_on_a_busy_loop(struct rig *rig)
{
	rig->last->rx_ms -= rig->net->config.times.dead;
	rig->last->pinged = true;
	wheel_set(&rig->net->wheel, &rig->last->timer, net_now_ms(rig->net));
	client_text(speaker, "here");
	burn();
}

static bool
has_heard_or_closed(struct rig *rig)
{
	return rig->messages + rig->closed > 0;
}

static void
a_client_whose_answer_only_waits_to_be_read_lives(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	speaker = client_open(rig->port, "/");
	rig_until(rig, rig_has_opened);
	rig_call(rig, answer_on_a_busy_loop);
	rig_until(rig, has_heard_or_closed);
	assert_int_equal(rig->messages, 1);
	assert_int_equal(rig_stats(rig)->closed_silent, 0);
	rig_destroy(rig);
}

static void
answer_when_time_is_up(struct rig *rig)
{
	client_text(speaker, "here");
	net_timer_set(rig->net, net_now_ms(rig->net));
}

static bool
has_timed(struct rig *rig)
{
	return rig->timers > 0;
}

static void
what_waits_is_read_before_the_handlers_timer(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	speaker = client_open(rig->port, "/");
	rig_until(rig, rig_has_opened);
	rig_call(rig, answer_when_time_is_up);
	rig_until(rig, has_timed);
	assert_int_equal(rig->heard_before, 1);
	rig_destroy(rig);
}

static void
say_goodbye(void *ctx, struct conn *conn, enum net_closed how)
{
	struct rig *rig = ctx;

	(void)conn;
	(void)how;
	rig->closed++;
	for (unsigned i = 0; i < ARRAY_LEN(rig->ids); i++) {
		struct conn *other = net_find(rig->net, rig->ids[i]);

		if (other != NULL && other != conn) {
			conn_dirty(other); /* though it is ending too */
		}
	}
}

static bool
has_four(struct rig *rig)
{
	return rig->opened == 4;
}

static void
the_end_of_all_is_told_of_each(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		(void)client_open(rig->port, "/");
	}
	rig_until(rig, has_four);
	rig_stop(rig);
	rig->handler.on_closed = say_goodbye;
	net_destroy(rig->net);
	rig->net = NULL;
	assert_int_equal(rig->closed, 4);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    ids_are_never_used_again, client_teardown),
		cmocka_unit_test_teardown(
		    a_close_is_answered_with_its_code, client_teardown),
		cmocka_unit_test_teardown(
		    our_close_waits_for_theirs, client_teardown),
		cmocka_unit_test_teardown(
		    both_may_close_at_once, client_teardown),
		cmocka_unit_test_teardown(
		    a_close_that_is_not_answered_has_its_time, client_teardown),
		cmocka_unit_test_teardown(
		    a_close_that_the_kernel_holds_is_heard_though_its_reader_goes_on,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_close_that_nobody_takes_from_the_kernel_is_given_up,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_node_that_stops_waits_for_nobody_who_takes_nothing,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_close_does_not_stay_with_the_kernel_for_ever,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_half_closed_connection_is_over, client_teardown),
		cmocka_unit_test_teardown(
		    clients_are_closed_with_1001_and_peers_are_not,
		    client_teardown),
		cmocka_unit_test_teardown(
		    one_that_the_handler_does_not_want_is_dropped,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_silent_client_is_pinged_then_dropped, client_teardown),
		cmocka_unit_test_teardown(
		    a_handshake_has_its_time, client_teardown),
		cmocka_unit_test_teardown(
		    a_loop_that_stood_still_thinks_nobody_silent,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_request_that_only_waits_to_be_read_is_in_time,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_client_whose_answer_only_waits_to_be_read_lives,
		    client_teardown),
		cmocka_unit_test_teardown(
		    what_waits_is_read_before_the_handlers_timer,
		    client_teardown),
		cmocka_unit_test_teardown(
		    the_end_of_all_is_told_of_each, client_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
