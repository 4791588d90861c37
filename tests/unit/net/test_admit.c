/* SPDX-License-Identifier: MIT
 * How many connections one remote address may hold. */
#include "net/admit.h"

#include <arpa/inet.h>

#include "support/fault.h"
#include "support/test.h"

static struct in6_addr
address(const char *text)
{
	struct in6_addr addr;

	assert_int_equal(inet_pton(AF_INET6, text, &addr), 1);
	return addr;
}

static struct admit *
setup(void)
{
	struct admit *admit;

	assert_int_equal(admit_create(&admit, 1), ERR_OK);
	return admit;
}

static void
loopback_is_not_limited(void **state)
{
	struct admit *admit = setup();
	struct in6_addr six = address("::1");
	struct in6_addr four = address("::ffff:127.3.2.1");

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(admit_enter(admit, &six, 0), ADMIT_OK);
		assert_int_equal(admit_enter(admit, &four, 0), ADMIT_OK);
	}
	admit_upgraded(admit, &six);
	admit_leave(admit, &six, true);
	assert_int_equal(admit_count(admit), 0);
	admit_destroy(admit);
}

static void
handshakes_are_limited_and_upgrades_make_room(void **state)
{
	struct admit *admit = setup();
	struct in6_addr a = address("::ffff:10.0.0.1");
	struct in6_addr b = address("::ffff:10.0.0.2");

	(void)state;
	for (unsigned i = 0; i < ADMIT_HANDSHAKE_MAX; i++) {
		assert_int_equal(admit_enter(admit, &a, 0), ADMIT_OK);
	}
	assert_int_equal(admit_enter(admit, &a, 0), ADMIT_TOO_MANY_HANDSHAKES);
	assert_int_equal(admit_enter(admit, &b, 0), ADMIT_OK);
	admit_upgraded(admit, &a);
	assert_int_equal(admit_enter(admit, &a, 0), ADMIT_OK);
	admit_leave(admit, &a, false);
	assert_int_equal(admit_enter(admit, &a, 0), ADMIT_OK);
	admit_destroy(admit);
}

static void
twenty_a_second_may_come(void **state)
{
	struct admit *admit = setup();
	struct in6_addr a = address("2001:db8::1");

	(void)state;
	for (unsigned i = 0; i < ADMIT_RATE_MAX; i++) {
		assert_int_equal(admit_enter(admit, &a, 5000), ADMIT_OK);
		admit_leave(admit, &a, false);
	}
	assert_int_equal(admit_enter(admit, &a, 5999), ADMIT_TOO_FAST);
	assert_int_equal(admit_enter(admit, &a, 6000), ADMIT_OK);
	admit_destroy(admit);
}

static void
sixty_four_may_be_open(void **state)
{
	struct admit *admit = setup();
	struct in6_addr a = address("2001:db8::1");
	uint64_t now = 0;

	(void)state;
	for (unsigned i = 0; i < ADMIT_OPEN_MAX; i++, now += 1000) {
		assert_int_equal(admit_enter(admit, &a, now), ADMIT_OK);
		admit_upgraded(admit, &a);
	}
	assert_int_equal(admit_enter(admit, &a, now), ADMIT_TOO_MANY);
	admit_leave(admit, &a, true);
	assert_int_equal(admit_enter(admit, &a, now), ADMIT_OK);
	admit_destroy(admit);
}

static unsigned
lets_in(struct admit *admit, const char *text)
{
	struct in6_addr addr = address(text);
	unsigned count = 0;

	while (admit_enter(admit, &addr, 0) == ADMIT_OK) {
		count++;
	}
	return count;
}

static void
who_has_a_network_of_the_world_has_no_more_than_one_address(void **state)
{
	struct admit *admit = setup();
	struct in6_addr a = address("2001:db8:0:1::1");
	struct in6_addr b = address("2001:db8:0:1:ffff:ffff:ffff:ffff");

	(void)state;
	assert_int_equal(lets_in(admit, "2001:db8:0:1::1"), 16);
	assert_int_equal(lets_in(admit, "2001:db8:0:1:8000::"), 0);
	assert_int_equal(admit_count(admit), 1);
	admit_upgraded(admit, &b);
	assert_int_equal(lets_in(admit, "2001:db8:0:1::2"), 1);
	admit_leave(admit, &a, true);
	admit_leave(admit, &b, false);
	assert_int_equal(lets_in(admit, "2001:db8:0:1::3"), 1);
	/* The next network, and the last of the world's. */
	assert_int_equal(lets_in(admit, "2001:db8:0:2::1"), 16);
	assert_int_equal(lets_in(admit, "3fff:ffff::1"), 16);
	assert_int_equal(lets_in(admit, "3fff:ffff::2"), 0);
	admit_destroy(admit);
}

/* Behind a translator all of IPv4 is in one /64; and one's own are one's own. */
static void
other_addresses_count_one_by_one(void **state)
{
	static const char *const pairs[][2] = {
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.2" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2" },
		{ "fe80::1", "fe80::2" },
		{ "fd00::1", "fd00::2" },
	};
	struct admit *admit = setup();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		assert_int_equal(lets_in(admit, pairs[i][0]), 16);
		assert_int_equal(lets_in(admit, pairs[i][1]), 16);
	}
	assert_int_equal(admit_count(admit), 8);
	admit_destroy(admit);
}

static void
an_address_is_forgotten_with_its_last_connection(void **state)
{
	struct admit *admit = setup();
	struct in6_addr a = address("2001:db8::1");

	(void)state;
	assert_int_equal(admit_enter(admit, &a, 0), ADMIT_OK);
	admit_sweep(admit, 60000);
	assert_int_equal(admit_count(admit), 1);
	admit_leave(admit, &a, false);
	admit_sweep(admit, 999); /* its second is not over */
	assert_int_equal(admit_count(admit), 1);
	admit_sweep(admit, 1000);
	assert_int_equal(admit_count(admit), 0);
	admit_leave(admit, &a, false); /* unknown: nothing */
	admit_destroy(admit);
}

static void
out_of_memory_lets_nobody_in(void **state)
{
	struct in6_addr a = address("2001:db8::1");
	struct admit *admit;

	(void)state;
	fault_fail_nth(1);
	assert_int_equal(admit_create(&admit, 1), ERR_NOMEM);
	assert_true(fault_off());
	for (unsigned n = 1;; n++) {
		enum admit_verdict verdict;

		admit = setup();
		fault_fail_nth(n);
		verdict = admit_enter(admit, &a, 0);
		if (!fault_off()) {
			assert_int_equal(verdict, ADMIT_OK);
			assert_true(n > 1);
			admit_destroy(admit);
			break;
		}
		assert_int_equal(verdict, ADMIT_NOMEM);
		assert_int_equal(admit_enter(admit, &a, 0), ADMIT_OK);
		admit_destroy(admit);
	}
	admit_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_not_limited),
		cmocka_unit_test(handshakes_are_limited_and_upgrades_make_room),
		cmocka_unit_test(twenty_a_second_may_come),
		cmocka_unit_test(sixty_four_may_be_open),
		cmocka_unit_test(
		    who_has_a_network_of_the_world_has_no_more_than_one_address),
		cmocka_unit_test(other_addresses_count_one_by_one),
		cmocka_unit_test(
		    an_address_is_forgotten_with_its_last_connection),
		cmocka_unit_test(out_of_memory_lets_nobody_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
