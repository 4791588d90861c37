/* SPDX-License-Identifier: MIT
 * test_net.c - the loop: the signals that it catches, its clock. */
#include <signal.h>

#include "rig.h"

static void
catch_a_signal(struct rig *rig)
{
	rig->number = (uint64_t)net_catch_signal(rig->net, SIGUSR1);
}

static void
signals_that_come_after_its_end_do_nothing(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	rig_call(rig, catch_a_signal);
	assert_int_equal(rig->number, ERR_OK);
	rig_destroy(rig);
	assert_int_equal(raise(SIGUSR1), 0); /* or this is the end */
}

static uint64_t moved_ms; /* the loop's clock, in the last stop */

static void
stand_still_for(struct net *net, uint64_t ms)
{
	uint64_t before_ms = net_now_ms(net);

	net->real_ms -= ms; /* as if it had not come round since */
	net_update_now(net);
	moved_ms = net_now_ms(net) - before_ms;
}

static void
stand_still(struct rig *rig)
{
	stand_still_for(rig->net, 60000);
	rig->number = rig->net->tick_ms;
}

/* Right behind a tick. */
static void
stand_still_shortly(struct rig *rig)
{
	rig->net->tick_ms = net_now_ms(rig->net);
	stand_still_for(rig->net, NET_LATE_MS);
}

static void
a_loop_that_stood_still_does_not_find_everybody_dead(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	/* It has 40 s, and its deadlines are looked at after a minute. */
	(void)client_open(rig->port, "/");
	rig_until(rig, rig_has_opened);
	rig_call(rig, stand_still);
	assert_true(moved_ms <= (uint64_t)WHEEL_TICK_MS + NET_LATE_MS);
	rig_until(rig, rig_has_looked_again);
	assert_int_equal(rig_stats(rig)->closed_silent, 0);
	assert_int_equal(rig->closed, 0);
	rig_destroy(rig);
}

static void
a_short_stop_of_the_loop_counts(void **state)
{
	struct rig *rig = rig_create(rig_config());

	(void)state;
	rig_call(rig, stand_still_shortly);
	assert_true(moved_ms >= NET_LATE_MS);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    signals_that_come_after_its_end_do_nothing,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_loop_that_stood_still_does_not_find_everybody_dead,
		    client_teardown),
		cmocka_unit_test_teardown(
		    a_short_stop_of_the_loop_counts, client_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
