/* SPDX-License-Identifier: MIT
 * What the simulator asserts of both ends of a connection can fail. */

#include "sim/check.h"
#include "sim/vnet.h"
#include "sim/world.h"
#include "unit/mesh/lab.h"

/* One connection; the dialler's end is UP, the listener's still waits. */
struct pair {
	struct world world;
	struct sim_result result;
	struct vnode nodes[2];
	struct vconn conn;
};

static void
pair_init(struct pair *pair, struct lab *lab)
{
	*pair = (struct pair){
		.world = { .config = { .check = 1 }, .now_us = 5 * US_PER_S },
		.conn = { .began_us = US_PER_S },
	};
	pair->world.result = &pair->result;
	LIST_INSERT_HEAD(&pair->world.conns, &pair->conn, conn_entry);
	pair->conn.world = &pair->world;
	for (unsigned i = 0; i < 2; i++) {
		pair->nodes[i].world = &pair->world;
		pair->nodes[i].index = i;
		pair->conn.end[i] = (struct vend){
			.conn = &pair->conn,
			.node = &pair->nodes[i],
			.other = &pair->conn.end[!i],
			.state = VEND_OPEN,
		};
	}
	pair->conn.end[0].link = lab_accept_up(lab, 1)->link;
	pair->conn.end[1].link = lab_accept(lab)->link;
}

static bool
is_seen(struct pair *pair)
{
	pair->result.violation[0] = '\0';
	check_world(&pair->world);
	return pair->result.violation[0] != '\0';
}

static void
a_link_that_is_up_at_one_end_of_a_whole_connection_is_seen(void **state)
{
	struct lab *lab = *state;
	struct pair pair;

	pair_init(&pair, lab);
	assert_true(is_seen(&pair));
	pair.conn.end[1].link = lab_accept_up(lab, 2)->link;
	assert_false(is_seen(&pair));
}

static void
but_not_while_an_end_may_not_know(void **state)
{
	struct packet packet = { .kind = PACKET_RESET };
	struct pair pair;

	pair_init(&pair, *state);
	pair.conn.began_us = 4 * US_PER_S;
	assert_false(is_seen(&pair));
	pair.conn.began_us = 0;
	pair.conn.end[0].flight.first = &packet;
	assert_false(is_seen(&pair));
	pair.conn.end[0].flight.first = NULL;
	pair.conn.end[1].queued = 1;
	assert_false(is_seen(&pair));
	pair.conn.end[1].queued = 0;
	pair.nodes[1].is_paused = true;
	assert_false(is_seen(&pair));
	pair.nodes[1].is_paused = false;
	pair.conn.end[1].state = VEND_GONE;
	assert_false(is_seen(&pair));
	pair.conn.end[1].state = VEND_CLOSING;
	assert_false(is_seen(&pair));
	pair.conn.end[1].state = VEND_OPEN;
	assert_true(is_seen(&pair));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(
		    a_link_that_is_up_at_one_end_of_a_whole_connection_is_seen),
		TEST(but_not_while_an_end_may_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
