/* SPDX-License-Identifier: MIT
 * test_mesh_identity.c - other nodes that use a node's id: PROTOCOL 2. */
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/peer.h"
#include "support/test.h"

static void
spoof_thrice(struct peer *peer, const struct nodeid *id)
{
	for (uint32_t i = 1; i <= 3; i++) {
		peer_send_data(peer, id,
		    peer_seq(peer, i) + (UINT64_C(1) << 44), 1, "t", "forged");
	}
}

static void
takes_a_new_id_when_another_speaks_under_its_own(void **state)
{
	struct daemon *node = daemon_start("--name n --plugins logger");
	struct client *client = client_open(node->port, "/t");
	struct peer *liar = peer_create(0x21);
	struct peer *other = peer_create(0x22);
	struct nodeid before, after;
	struct record record;
	struct record_data data;

	(void)state;
	client_sync(client);
	peer_node_id(node, &before);
	peer_dial_up(liar, node->port);
	spoof_thrice(liar, &before);
	peer_expect_bye(liar, BYE_LEAVING);
	daemon_wait_event(node, "id_changed", NULL, NULL);
	peer_node_id(node, &after);
	assert_false(nodeid_equal(&before, &after));
	assert_int_equal(daemon_counter(node, "mesh.renamed"), 1);
	/* It goes on: clients stay, and messages have the new id. */
	peer_dial_up(other, node->port);
	client_text(client, "still here");
	do {
		peer_wait(other, RECORD_DATA, &record);
		assert_int_equal(record_data_decode(&record, &data), ERR_OK);
		assert_true(nodeid_equal(&data.origin, &after));
	} while (data.payload_len != 10);
	assert_memory_equal(data.payload, "still here", 10);
	/* Under the old one the other node speaks for itself. */
	peer_send_data(other, &before, peer_seq(other, 4) + (UINT64_C(1) << 44),
	    1, "t", "a clone");
	client_expect_text(client, "a clone");
	daemon_stop(node);
}

static void
keeps_an_id_that_is_in_its_state(void **state)
{
	struct daemon *node = daemon_create();
	struct peer *liar = peer_create(0x21);
	struct nodeid before, after;
	char dir[128];

	(void)state;
	daemon_path(node, "kept", dir);
	daemon_launch(node, "--state %s", dir);
	daemon_wait_ready(node);
	peer_node_id(node, &before);
	peer_dial_up(liar, node->port);
	spoof_thrice(liar, &before);
	daemon_wait_counter_is(node, "mesh.spoofed", 3);
	daemon_wait_events(node, "spoofed", 3);
	client_sync(liar->client);
	peer_node_id(node, &after);
	assert_true(nodeid_equal(&before, &after));
	assert_int_equal(daemon_counter(node, "mesh.renamed"), 0);
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 1);
}

static void
warns_of_two_nodes_with_one_id_that_meet_through_a_third(void **state)
{
	struct daemon *third = daemon_start("--mesh static --name third");
	struct daemon *twins[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		twins[i] = daemon_start("--mesh static --seed 7 "
		                        "--peers ws://127.0.0.1:%u",
		    (unsigned)third->port);
		daemon_wait_event(third, "peer_up", NULL, NULL);
	}
	/* Who began first is thrown out again and again. */
	daemon_wait_event(twins[0], "id_twice", NULL, NULL);
	assert_int_equal(
	    daemon_count_events(twins[0], "id_twice", NULL, NULL), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_a_new_id_when_another_speaks_under_its_own),
		TEST(keeps_an_id_that_is_in_its_state),
		TEST(warns_of_two_nodes_with_one_id_that_meet_through_a_third),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
