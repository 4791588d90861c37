/* SPDX-License-Identifier: MIT
 * Dials: what becomes of each, and requests that become no connection. */
#include "rig.h"

static void
dial(struct rig *rig)
{
	unsigned closed = rig->closed;

	assert_non_null(net_dial(rig->net, rig->url, rig));
	assert_int_equal(rig->closed, closed); /* never from inside */
}

/* Dial, and wait for its end. */
static void
expect_end(const char *url, enum net_closed how)
{
	struct net_config config = rig_config();
	struct rig *rig;

	config.times.connect = 500;
	config.times.handshake = 500;
	rig = rig_create(config);
	rig->url = url;
	rig_call(rig, dial);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->how, how);
	assert_int_equal(rig->peers_closed, 1);
	assert_int_equal(rig_stats(rig)->dials, 1);
	assert_int_equal(rig->stats.dial_failures, 1);
	rig_destroy(rig);
}

static void
an_address_that_is_none_is_said_to_be(void **state)
{
	(void)state;
	expect_end("ws://127.0.0.1", NET_BAD_URL);
	expect_end("ws://127.0.0.1:0", NET_BAD_URL);
	expect_end("ws://127.0.0.1:65536", NET_BAD_URL);
	expect_end("ws://127.0.0.1:80x", NET_BAD_URL);
	expect_end("ws://:80", NET_BAD_URL);
	expect_end("ws://[]:80", NET_BAD_URL);
	expect_end("wss://127.0.0.1:80", NET_BAD_URL);
	expect_end("http://127.0.0.1:80", NET_BAD_URL);
}

static void
nobody_there_is_a_failure(void **state)
{
	(void)state;
	expect_end("ws://127.0.0.1:1", NET_FAILED);
	expect_end("ws://name.invalid:1", NET_FAILED);
}

static void
a_listener_that_says_nothing_is_a_failure(void **state)
{
	struct peer *peer = peer_create(1);
	char url[64];

	(void)state;
	peer_listen(peer);
	(void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/a", peer->port);
	expect_end(url, NET_FAILED);
}

static struct rig *
dial_peer(struct peer *peer, char url[64])
{
	struct rig *rig = rig_create(rig_config());

	peer_listen(peer);
	(void)snprintf(url, 64, "ws://127.0.0.1:%u", peer->port);
	rig->url = url;
	rig_call(rig, dial);
	return rig;
}

static void
a_server_without_our_subprotocol_is_not_a_peer(void **state)
{
	struct peer *peer = peer_create(1);
	char url[64];
	struct rig *rig = dial_peer(peer, url);

	(void)state;
	peer_accept(peer, NULL);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->how, NET_NOT_A_PEER);
	assert_int_equal(rig_stats(rig)->opened, 0);
	rig_destroy(rig);
}

static void
a_redirect_is_not_followed(void **state)
{
	struct peer *peer = peer_create(1);
	struct peer *other = peer_create(2);
	char url[64];
	struct rig *rig = dial_peer(peer, url);

	(void)state;
	peer_listen(other);
	assert_non_null(peer_accept_tcp(peer, DEADLINE_MS));
	client_read_request(peer->client);
	client_print(peer->client,
	    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\n"
	    "Content-Length: 0\r\n\r\n",
	    other->port);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->how, NET_FAILED);
	assert_null(peer_accept_tcp(other, 100));
	rig_destroy(rig);
}

static void
cancel(struct rig *rig)
{
	net_cancel_dial(rig->net, rig);
}

static void
a_dial_that_is_given_up_ends_as_a_peers(void **state)
{
	struct peer *peer = peer_create(1);
	char url[64];
	struct rig *rig = dial_peer(peer, url);

	(void)state;
	assert_non_null(peer_accept_tcp(peer, DEADLINE_MS));
	rig_call(rig, cancel);
	rig_until(rig, rig_has_closed);
	assert_int_equal(rig->how, NET_CLOSED);
	assert_int_equal(rig->peers_closed, 1);
	rig_destroy(rig);
}

static void
the_end_takes_dials_along(void **state)
{
	struct peer *peer = peer_create(1);
	char url[64];
	struct rig *rig = dial_peer(peer, url);

	(void)state;
	rig_call(rig, dial); /* perhaps not even resolved */
	rig_stop(rig);
	net_destroy(rig->net);
	rig->net = NULL;
	assert_int_equal(rig->closed, 2);
	rig_destroy(rig);
}

static void
every_accepted_connection_is_accounted_for(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_connect(rig->port);
	const struct net_stats *stats;

	(void)state;
	assert_int_equal(client_upgrade(client, "/refused", ""), 400);
	client_expect_body(client, "no such path");
	client = client_connect(rig->port);
	client_print(client, "GET / HTTP/1.1\r\n"); /* and goes */
	client_close(client);
	client = client_connect(rig->port);
	client_print(client, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
	client_expect_silent_eof(client);
	client = client_open(rig->port, "/");
	client_sync(client);
	stats = rig_stats(rig);
	while (stats->handshakes > 0) {
		stats = rig_stats(rig);
	}
	assert_int_equal(stats->accepted, 4);
	assert_int_equal(stats->opened, 1);
	assert_int_equal(stats->rejected_http, 1);
	assert_int_equal(stats->rejected_raw, 1);
	assert_int_equal(stats->handshakes_lost, 1);
	rig_destroy(rig);
}

static void
the_subprotocol_that_is_answered_is_ours(void **state)
{
	struct rig *rig = rig_create(rig_config());
	struct client *client = client_connect(rig->port);

	(void)state;
	assert_int_equal(
	    client_upgrade(client, "/",
	        "Sec-WebSocket-Protocol: http, grapevine.peer.1\r\n"),
	    101);
	assert_non_null(strcasestr(
	    client->head, "Sec-WebSocket-Protocol: grapevine.peer.1\r\n"));
	rig_destroy(rig);
}

static void
no_more_than_max_clients_come_in(void **state)
{
	struct net_config config = rig_config();
	struct rig *rig;
	struct client *clients[3];

	(void)state;
	config.max_clients = 2;
	rig = rig_create(config);
	clients[0] = client_open(rig->port, "/");
	clients[1] = client_open(rig->port, "/");
	clients[2] = client_connect(rig->port);
	client_expect_silent_eof(clients[2]);
	assert_int_equal(rig_stats(rig)->rejected_limit, 1);
	client_close(clients[0]);
	rig_until(rig, rig_has_closed);
	clients[2] = client_open(rig->port, "/"); /* there is room again */
	client_sync(clients[2]);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    an_address_that_is_none_is_said_to_be, peer_teardown),
		cmocka_unit_test_teardown(
		    nobody_there_is_a_failure, peer_teardown),
		cmocka_unit_test_teardown(
		    a_listener_that_says_nothing_is_a_failure, peer_teardown),
		cmocka_unit_test_teardown(
		    a_server_without_our_subprotocol_is_not_a_peer,
		    peer_teardown),
		cmocka_unit_test_teardown(
		    a_redirect_is_not_followed, peer_teardown),
		cmocka_unit_test_teardown(
		    a_dial_that_is_given_up_ends_as_a_peers, peer_teardown),
		cmocka_unit_test_teardown(
		    the_end_takes_dials_along, peer_teardown),
		cmocka_unit_test_teardown(
		    every_accepted_connection_is_accounted_for, peer_teardown),
		cmocka_unit_test_teardown(
		    the_subprotocol_that_is_answered_is_ours, peer_teardown),
		cmocka_unit_test_teardown(
		    no_more_than_max_clients_come_in, peer_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
