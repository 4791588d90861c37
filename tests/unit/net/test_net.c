/* SPDX-License-Identifier: MIT
 * test_net.c - the loop: the signals that it catches. */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    signals_that_come_after_its_end_do_nothing,
		    client_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
