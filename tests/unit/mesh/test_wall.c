/* SPDX-License-Identifier: MIT
 * Numbers from the future: of a node whose clock was wrong, of one that slept,
 * and of those who lie. */

#include "unit/mesh/meshnet.h"
#include "unit/mesh/runs.h"

enum { DAY_S = 86400 };

/* The wall clock of the owner, and how often the mesh looked at it. */
static struct {
	uint32_t now_s;
	unsigned asked;
} wall;

static uint32_t
wall_now(void *ctx)
{
	(void)ctx;
	wall.asked++;
	return wall.now_s;
}

/* A mesh that started when the clock said LAB_BOOT - `behind_s`, with three
 * links. */
static struct lab_link *
begin(struct lab *lab, uint32_t behind_s)
{
	lab->config.boot = LAB_BOOT - behind_s;
	lab->io.wall_s = wall_now;
	wall.now_s = lab->config.boot;
	wall.asked = 0;
	lab_make(lab);
	(void)runs_up(lab, 2);
	(void)runs_up(lab, 3);
	return runs_up(lab, 1);
}

static uint64_t
bad_boot(const struct lab *lab)
{
	return mesh_stats(lab->mesh)->bad_boot;
}

static void
the_clock_is_not_looked_at_while_all_is_well(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin(lab, 0);

	wall.now_s = 0;
	for (uint32_t n = 1; n <= 100; n++) {
		runs_say_reborn(lab, at, 9, DAY_S, n);
		runs_say(lab, at, RECORD_IHAVE, 8, n, 1, 0);
	}
	lab_pass(lab, 5000);
	assert_int_equal(wall.asked, 0);
	assert_int_equal(bad_boot(lab), 0);
	assert_int_equal(lab->delivered, 100);
}

static void
after_a_long_sleep_boots_of_meanwhile_are_taken_at_once(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin(lab, 0);

	/* Three days, of which the mesh knows nothing. */
	wall.now_s += 3 * DAY_S;
	runs_say_reborn(lab, at, 9, 3 * DAY_S, 1);
	runs_say_reborn(lab, at, 9, 3 * DAY_S, 2);
	assert_int_equal(lab->delivered, 2);
	assert_int_equal(wall.asked, 1);
	assert_int_equal(bad_boot(lab), 0);
	lab_pass(lab, 2000);
	assert_int_equal(at->close_code, -1);
	assert_int_equal(wall.asked, 1);
}

static void
announcements_of_meanwhile_are_taken_too(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin(lab, 3 * DAY_S);

	wall.now_s += 3 * DAY_S;
	runs_say(lab, at, RECORD_IHAVE, 9, 7, 1, 0);
	assert_int_equal(runs_count(at, RECORD_GRAFT), 1);
	assert_int_equal(bad_boot(lab), 0);
}

static void
the_numbers_of_this_node_go_on_behind_its_past_after_a_sleep(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin(lab, 3 * DAY_S);

	wall.now_s += 3 * DAY_S;
	runs_say(lab, at, RECORD_SYNC, 0x80, 7, 1, 0);
	assert_int_equal(bad_boot(lab), 0);
	lab_publish(lab);
	assert_int_equal(lab->published.seq, lab_seq(1, 1));
}

static void
what_is_known_of_the_time_never_goes_back(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin(lab, 0);

	wall.now_s = LAB_BOOT - 10 * DAY_S;
	runs_say_reborn(lab, at, 9, DAY_S + 1, 1);
	assert_int_equal(bad_boot(lab), 1);
	runs_say_reborn(lab, at, 9, DAY_S, 1);
	assert_int_equal(lab->delivered, 1);
}

/* Each costs a line of the log, which are limited, and no look at a clock. */
static void
who_lies_of_the_future_is_refused_and_ends_no_link(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin(lab, 0);

	for (uint32_t n = 1; n <= 1000; n++) {
		runs_say_reborn(lab, at, 9, 2 * DAY_S, n);
	}
	assert_int_equal(wall.asked, 1);
	assert_int_equal(bad_boot(lab), 1000);
	/* The clock goes on, a little faster, and says no more. */
	for (unsigned i = 0; i < 14; i++) {
		lab_pass(lab, 500);
		wall.now_s += 3;
		runs_say_reborn(lab, at, 9, 2 * DAY_S, 1);
	}
	assert_in_range(wall.asked, 7, 9);
	assert_int_equal(bad_boot(lab), 1014);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(at->close_code, -1);
	assert_int_equal(mesh_stats(lab->mesh)->links_up, 3);
}

static void
without_a_clock_nothing_is_asked_again(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;

	lab_make(lab);
	at = runs_up(lab, 1);
	runs_say_reborn(lab, at, 9, 2 * DAY_S, 1);
	assert_int_equal(bad_boot(lab), 1);
	/* The next is a ping. */
	assert_int_equal(mesh_next_ms(lab->mesh), lab->now + 3000);
}

/* What new links are told is the base of who is not known yet: nothing else may
 * come before it, not even from a link that ends. */
static void
when_a_wrong_clock_is_set_links_begin_anew(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = begin(lab, 19000 * DAY_S);
	struct lab_link *ending = lab->links;
	struct record_run run;
	unsigned asked;

	lab_say_data(lab, at, 9, 5000);
	runs_say(lab, at, RECORD_SYNC, 9, 4900, 101, 0);
	runs_say(lab, at, RECORD_IHAVE, 9, 5001, 1, 0);
	assert_int_equal(bad_boot(lab), 3);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	mesh_on_stalled(lab->mesh, ending->link, lab->now);
	assert_int_equal(ending->close_code, 4002);

	wall.now_s = LAB_BOOT + 60;
	lab_say_data(lab, at, 9, 5002);
	assert_int_equal(bad_boot(lab), 4);
	lab_pass(lab, 1000);
	assert_int_equal(at->close_code, 1000);
	assert_int_equal(lab_bye(at), -1);
	assert_int_equal(mesh_stats(lab->mesh)->links_up, 0);
	lab_say_data(lab, at, 9, 5003);
	lab_say_data(lab, ending, 9, 5003);
	assert_int_equal(lab->delivered, 0);
	lab_closed(lab, at, MESH_CLOSED);

	at = runs_up(lab, 1);
	runs_say(lab, at, RECORD_SYNC, 9, 4900, 104, 0);
	run = runs_only(at, RECORD_GRAFT);
	assert_int_equal(run.seq, RUNS_SEQ(4900));
	assert_int_equal(run.count, 104);
	for (uint32_t n = 4900; n <= 5003; n++) {
		runs_repair(lab, at, 9, n);
	}
	assert_int_equal(lab->delivered, 104);
	assert_int_equal(bad_boot(lab), 4);
	/* Once; nor is there anything left to ask for. */
	asked = wall.asked;
	lab_pass(lab, 3000);
	assert_int_equal(at->close_code, -1);
	assert_int_equal(wall.asked, asked);
}

static struct net *
make_net(size_t nodes)
{
	struct net *net = malloc(sizeof(*net));

	assert_non_null(net);
	net_init(net, nodes, 1);
	return net;
}

static uint32_t
net_wall(void *ctx)
{
	const struct net_node *node = ctx;

	return wall.now_s + (uint32_t)(node->net->now / 1000);
}

/* Node 2 starts in 1970; the clock is set half a minute later. */
static void
a_node_without_a_clock_hears_all_once_it_is_set(void **state)
{
	struct net *net = make_net(3);
	struct net_node *late = &net->nodes[2];
	uint32_t tag[4];

	(void)state;
	net_peer(net, 1, 0);
	net_peer(net, 2, 0);
	net_peer(net, 2, 1);
	wall.now_s = 0;
	late->boot = 1;
	late->io.wall_s = net_wall;
	for (size_t i = 0; i < 3; i++) {
		net_start(net, i);
	}
	net_run(net, 10000);
	tag[0] = net_publish(net, 0);
	tag[1] = net_publish(net, 2);
	net_run(net, 20000);
	assert_int_equal(net_count(net, 1, tag[0]), 1);
	assert_int_equal(net_count(net, 1, tag[1]), 1);
	assert_int_equal(net_count(net, 2, tag[0]), 0);
	assert_true(mesh_stats(late->mesh)->bad_boot > 0);

	/* Nobody says anything: what was refused comes all the same. */
	wall.now_s = 1700000000;
	net_run(net, 5000);
	assert_int_equal(net_links(net, 2), 2);
	assert_int_equal(net_count(net, 2, tag[0]), 1);
	for (size_t i = 0; i < 3; i++) {
		tag[i] = net_publish(net, i);
	}
	net_run(net, 5000);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(net_count(net, 2, tag[i]), i != 2);
		assert_int_equal(net_count(net, 0, tag[i]), i != 0);
	}
	assert_int_equal(late->gaps, 0);
	net_fini(net);
}

/* It has left the histories. */
static void
what_was_refused_long_ago_is_a_gap(void **state)
{
	struct net *net = make_net(2);
	struct net_node *late = &net->nodes[1];
	uint32_t tag;

	(void)state;
	net_peer(net, 1, 0);
	wall.now_s = 0;
	late->boot = 1;
	late->io.wall_s = net_wall;
	net_start(net, 0);
	net_start(net, 1);
	net_run(net, 10000);
	for (unsigned i = 0; i < 5; i++) {
		(void)net_publish(net, 0);
	}
	net_run(net, 70000);
	wall.now_s = 1700000000;
	net_run(net, 5000);
	tag = net_publish(net, 0);
	net_run(net, 60000);
	assert_int_equal(net_count(net, 1, tag), 1);
	assert_int_equal(mesh_stats(late->mesh)->gaps, 5);
	net_fini(net);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_clock_is_not_looked_at_while_all_is_well),
		TEST(after_a_long_sleep_boots_of_meanwhile_are_taken_at_once),
		TEST(announcements_of_meanwhile_are_taken_too),
		TEST(
		    the_numbers_of_this_node_go_on_behind_its_past_after_a_sleep),
		TEST(what_is_known_of_the_time_never_goes_back),
		TEST(who_lies_of_the_future_is_refused_and_ends_no_link),
		TEST(without_a_clock_nothing_is_asked_again),
		TEST(when_a_wrong_clock_is_set_links_begin_anew),
		cmocka_unit_test(
		    a_node_without_a_clock_hears_all_once_it_is_set),
		cmocka_unit_test(what_was_refused_long_ago_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
