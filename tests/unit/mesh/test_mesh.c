/* SPDX-License-Identifier: MIT
 * Several meshes together (meshnet.h). */

#include "unit/mesh/meshnet.h"

static struct net *
make(size_t nodes, uint64_t seed)
{
	struct net *net = malloc(sizeof(*net));

	assert_non_null(net);
	net_init(net, nodes, seed);
	return net;
}

static void
start_all(struct net *net)
{
	for (size_t i = 0; i < net->node_count; i++) {
		net_start(net, i);
	}
}

/* Every node publishes; all others get each exactly once. */
static void
all_hear_all(struct net *net)
{
	for (size_t from = 0; from < net->node_count; from++) {
		uint32_t tag = net_publish(net, from);

		net_run(net, 2000);
		for (size_t to = 0; to < net->node_count; to++) {
			assert_int_equal(
			    net_count(net, to, tag), to == from ? 0 : 1);
		}
	}
}

/* The article's demo: 1 dials 0; 2 dials both.  In every order. */
static void
the_demo_triangle_gets_each_message_once(void **state)
{
	static const size_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
		{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct net *net = make(3, i + 1);

		net_peer(net, 1, 0);
		net_peer(net, 2, 0);
		net_peer(net, 2, 1);
		for (size_t k = 0; k < 3; k++) {
			net_start(net, orders[i][k]);
			net_run(net, 1500);
		}
		net_run(net, 10000);
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(net_links(net, k), 2);
		}
		all_hear_all(net);
		/* The third link is in no tree, and is told of it. */
		assert_true(mesh_stats(net->nodes[0].mesh)->announced +
		                mesh_stats(net->nodes[1].mesh)->announced +
		                mesh_stats(net->nodes[2].mesh)->announced >
		            0);
		net_fini(net);
	}
}

static void
both_sides_dial_at_once_and_one_link_is_left(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct net *net = make(2, seed);
		unsigned dials;

		net_peer(net, 0, 1);
		net_peer(net, 1, 0);
		start_all(net);
		net_run(net, 10000);
		assert_int_equal(net_links(net, 0), 1);
		assert_int_equal(net_links(net, 1), 1);
		all_hear_all(net);
		/* And it is quiet from then on. */
		dials = net->nodes[0].dials + net->nodes[1].dials;
		net_run(net, 600000);
		assert_int_equal(
		    net->nodes[0].dials + net->nodes[1].dials, dials);
		assert_true(dials <= 6);
		net_fini(net);
	}
}

static void
a_node_that_dials_itself_stops_for_ten_minutes(void **state)
{
	struct net *net = make(1, 1);

	(void)state;
	net_peer(net, 0, 0);
	start_all(net);
	net_run(net, 599000);
	assert_int_equal(net->nodes[0].dials, 1);
	assert_int_equal(net_links(net, 0), 0);
	net_run(net, 10000);
	assert_int_equal(net->nodes[0].dials, 2);
	net_fini(net);
}

static void
two_addresses_of_one_node_make_one_link(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct net *net = make(2, seed);
		unsigned dials;

		net->alias[8] = 1;
		net->alias[9] = 1;
		net_peer(net, 0, 1);
		net_peer(net, 0, 8);
		net_peer(net, 0, 9);
		net_peer(net, 1, 0);
		start_all(net);
		net_run(net, 20000);
		assert_int_equal(net_links(net, 0), 1);
		all_hear_all(net);
		/* The other addresses are satisfied: nobody dials again. */
		dials = net->nodes[0].dials + net->nodes[1].dials;
		net_run(net, 600000);
		assert_int_equal(
		    net->nodes[0].dials + net->nodes[1].dials, dials);
		net_fini(net);
	}
}

static void
another_network_stays_apart(void **state)
{
	struct net *net = make(2, 1);

	(void)state;
	net->nodes[1].network = "other";
	net_peer(net, 0, 1);
	start_all(net);
	net_run(net, 59000);
	assert_int_equal(net_links(net, 0), 0);
	assert_int_equal(net->nodes[0].dials, 1);
	net_fini(net);
}

static void
rings_stars_and_lines_reach_everybody(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < 3; shape++) {
		struct net *net = make(6, shape + 1);

		for (size_t i = 1; i < 6; i++) {
			net_peer(net, i, shape == 1 ? 0 : i - 1);
		}
		if (shape == 0) {
			net_peer(net, 0, 5);
		}
		start_all(net);
		net_run(net, 20000);
		all_hear_all(net);
		for (size_t i = 0; i < 6; i++) {
			assert_int_equal(net->nodes[i].gaps, 0);
		}
		net_fini(net);
	}
}

static void
the_hop_limit_ends_a_line(void **state)
{
	struct net *net = make(6, 1);
	uint32_t tag;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		net->nodes[i].max_hops = 3;
		if (i > 0) {
			net_peer(net, i, i - 1);
		}
	}
	start_all(net);
	net_run(net, 20000);
	tag = net_publish(net, 0);
	net_run(net, 2000);
	assert_int_equal(net_count(net, 3, tag), 1);
	assert_int_equal(net_count(net, 4, tag), 0);
	assert_int_equal(mesh_stats(net->nodes[4].mesh)->hop_limit, 1);
	net_fini(net);
}

static void
a_node_comes_back_with_the_same_id(void **state)
{
	(void)state;
	for (unsigned silent = 0; silent < 2; silent++) {
		struct net *net = make(3, 5);

		net_peer(net, 1, 0);
		net_peer(net, 2, 0);
		net_peer(net, 0, 1);
		start_all(net);
		net_run(net, 5000);
		all_hear_all(net);
		net_kill(net, 0, silent == 1);
		net_run(net, 4000);
		net_start(net, 0);
		net_run(net, 70000);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(net_links(net, i), i == 0 ? 2 : 1);
		}
		all_hear_all(net);
		net_fini(net);
	}
}

/* One neighbour has what the other one waits for, and between them is who has
 * forgotten that there was anything. */
static void
a_node_in_between_tells_where_its_last_life_ended(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct net *net = make(3, seed);
		const struct net_node *last = &net->nodes[2];

		net_peer(net, 0, 1);
		net_peer(net, 1, 2);
		start_all(net);
		net_run(net, 5000);
		for (unsigned i = 0; i < 3; i++) {
			(void)net_publish(net, 1);
		}
		net_run(net, 1000);
		assert_int_equal(last->got_count, 3);
		net_break(net, 1, 2);
		for (unsigned i = 0; i < 6; i++) {
			(void)net_publish(net, 1);
		}
		net_run(net, 100);
		assert_int_equal(net->nodes[0].got_count, 9);
		net_kill(net, 1, false);
		net_start(net, 1);
		if (seed % 2 == 0) { /* before or behind the first word */
			(void)net_publish(net, 1);
		}
		net_run(net, 60000);
		assert_int_equal(net_links(net, 1), 2);
		(void)net_publish(net, 1);
		net_run(net, 1000);
		assert_int_equal(last->got_count, seed % 2 == 0 ? 5 : 4);
		assert_int_equal(mesh_stats(last->mesh)->gaps, 6);
		assert_int_equal(mesh_stats(net->nodes[0].mesh)->gaps, 0);
		net_fini(net);
	}
}

static void
a_silent_peer_is_declared_dead(void **state)
{
	struct net *net = make(2, 1);

	(void)state;
	net_peer(net, 1, 0);
	start_all(net);
	net_run(net, 5000);
	assert_int_equal(net_links(net, 1), 1);
	net_kill(net, 0, true);
	net_run(net, 6000);
	assert_int_equal(net_links(net, 1), 1);
	net_run(net, 3100);
	assert_int_equal(net_links(net, 1), 0);
	assert_int_equal(mesh_stats(net->nodes[1].mesh)->dead, 1);
	net_fini(net);
}

static void
a_stopped_node_takes_leave(void **state)
{
	struct net *net = make(2, 1);

	(void)state;
	net_peer(net, 1, 0);
	start_all(net);
	net_run(net, 5000);
	(void)net_publish(net, 0);
	mesh_stop(net->nodes[0].mesh, net->now);
	net_run(net, 200);
	assert_int_equal(net_links(net, 0), 0);
	assert_int_equal(net_links(net, 1), 0);
	/* What it had published before went out before. */
	assert_int_equal(net->nodes[1].got_count, 1);
	assert_int_equal(mesh_stats(net->nodes[1].mesh)->byes_received[0], 1);
	net_fini(net);
}

/* No node has two links to the same other one. */
static void
on_neighbour(void *ctx, const struct mesh_peer *peer)
{
	struct nodeid *ids = ctx;
	size_t i = 0;
	static const struct nodeid none;

	while (!nodeid_equal(&ids[i], &none)) {
		assert_false(nodeid_equal(&ids[i], &peer->node_id));
		i++;
	}
	ids[i] = peer->node_id;
}

static uint64_t
all_relayed(const struct net *net)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < net->node_count; i++) {
		struct nodeid ids[MESH_LINKS_MAX + 1] = { 0 };

		mesh_each_peer(net->nodes[i].mesh, on_neighbour, ids);
		sum += mesh_stats(net->nodes[i].mesh)->relayed;
	}
	return sum;
}

/* A random graph of 3 to 8 nodes, in which everybody can reach everybody:
 * killed, started and published on at random for a minute, then left alone. */
static uint64_t
storm(uint64_t seed)
{
	struct rng rng;
	struct net *net;
	size_t nodes;
	uint64_t hash;
	uint64_t relayed;
	uint64_t ends = 0;

	rng_init(&rng, seed);
	nodes = 3 + (size_t)rng_below(&rng, 6);
	net = make(nodes, seed);
	for (size_t i = 1; i < nodes; i++) {
		size_t other = (size_t)rng_below(&rng, i);

		net_peer(net, i, other);
		if (rng_below(&rng, 2) == 0) {
			net_peer(net, other, i); /* both dial */
		}
	}
	for (size_t i = 0; i < nodes; i++) {
		size_t other = (size_t)rng_below(&rng, nodes);

		if (net->nodes[i].peer_count < 3 && other != i &&
		    (net->nodes[i].peer_count == 0 ||
		        net->nodes[i].peers[net->nodes[i].peer_count - 1] !=
		            net_urls[other])) {
			bool has = false;

			for (size_t k = 0; k < net->nodes[i].peer_count; k++) {
				has |= net->nodes[i].peers[k] ==
				       net_urls[other];
			}
			if (!has) {
				net_peer(net, i, other);
			}
		}
	}
	start_all(net);
	for (unsigned step = 0; step < 60; step++) {
		size_t i = (size_t)rng_below(&rng, nodes);

		net_run(net, rng_below(&rng, 2000));
		if (net->nodes[i].mesh == NULL) {
			net_start(net, i);
		} else if (rng_below(&rng, 8) == 0) {
			net_kill(net, i, rng_below(&rng, 2) == 0);
		} else {
			(void)net_publish(net, i);
		}
	}
	for (size_t i = 0; i < nodes; i++) {
		if (net->nodes[i].mesh == NULL) {
			net_start(net, i);
		}
	}
	/* Quiet: longer than dead time and the longest back-off. */
	net_run(net, 150000);
	all_hear_all(net);
	for (size_t i = 0; i < nodes; i++) {
		ends += net_links(net, i);
	}
	relayed = all_relayed(net);
	for (size_t from = 0; from < nodes; from++) {
		uint32_t tags[20];

		for (size_t k = 0; k < 20; k++) {
			tags[k] = net_publish(net, from);
		}
		net_run(net, 2000);
		for (size_t to = 0; to < nodes; to++) {
			for (size_t k = 0; k < 20; k++) {
				assert_int_equal(net_count(net, to, tags[k]),
				    to == from ? 0 : 1);
			}
		}
	}
	/* Never more sends than links, both ways, for each message; and it is
	 * quiet when nobody speaks. */
	assert_true(all_relayed(net) - relayed <= 20 * nodes * ends);
	relayed = all_relayed(net);
	net_run(net, 10000);
	assert_int_equal(all_relayed(net), relayed);
	hash = net->hash;
	net_fini(net);
	return hash;
}

static void
after_any_storm_all_hear_all_exactly_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 250; seed++) {
		(void)storm(seed);
	}
}

static void
the_same_seed_gives_the_same_trace(void **state)
{
	(void)state;
	assert_true(storm(42) == storm(42));
	assert_true(storm(42) != storm(43));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_demo_triangle_gets_each_message_once),
		cmocka_unit_test(both_sides_dial_at_once_and_one_link_is_left),
		cmocka_unit_test(
		    a_node_that_dials_itself_stops_for_ten_minutes),
		cmocka_unit_test(two_addresses_of_one_node_make_one_link),
		cmocka_unit_test(another_network_stays_apart),
		cmocka_unit_test(rings_stars_and_lines_reach_everybody),
		cmocka_unit_test(the_hop_limit_ends_a_line),
		cmocka_unit_test(a_node_comes_back_with_the_same_id),
		cmocka_unit_test(
		    a_node_in_between_tells_where_its_last_life_ended),
		cmocka_unit_test(a_silent_peer_is_declared_dead),
		cmocka_unit_test(a_stopped_node_takes_leave),
		cmocka_unit_test(after_any_storm_all_hear_all_exactly_once),
		cmocka_unit_test(the_same_seed_gives_the_same_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
