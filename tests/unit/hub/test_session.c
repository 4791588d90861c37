/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "hub/hub.h"
#include "hub/session.h"
#include "support/fault.h"

static unsigned
count(const struct session_list *over)
{
	const struct session *at;
	unsigned n = 0;

	LIST_FOREACH (at, over, over_entry) {
		assert_true(at->is_over);
		n++;
	}
	return n;
}

static void
keeps_what_it_was_made_of(void **state)
{
	struct outq out = { 0 };
	int user = 0;
	struct session *session = session_create(&out, true, &user);

	(void)state;
	assert_non_null(session);
	assert_ptr_equal(session->out, &out);
	assert_ptr_equal(session_user(session), &user);
	assert_true(session->echo);
	assert_false(session->closing);
	session_destroy(session);
	session_destroy(NULL);
}

static void
is_not_made_without_memory(void **state)
{
	struct outq out = { 0 };

	(void)state;
	fault_fail_nth(1);
	assert_null(session_create(&out, false, NULL));
	assert_true(fault_off());
}

static void
is_due_after_ten_seconds_and_not_before(void **state)
{
	struct session_list over = { NULL };
	struct session session = { 0 };

	(void)state;
	assert_false(session_over_is_due(&session, 100000)); /* not running */
	session_over_start(&over, &session, 5000);
	assert_false(session_over_is_due(&session, 4000)); /* before it began */
	assert_false(session_over_is_due(&session, 5000));
	assert_false(session_over_is_due(&session, 14999));
	assert_true(session_over_is_due(&session, 15000));
	session_over_stop(&session);
	assert_false(session_over_is_due(&session, 15000));
	assert_int_equal(count(&over), 0);
}

static void
begins_anew_when_started_again(void **state)
{
	struct session_list over = { NULL };
	struct session session = { 0 };

	(void)state;
	session_over_start(&over, &session, 0);
	session_over_start(&over, &session, 9000);
	assert_int_equal(count(&over), 1);
	assert_false(session_over_is_due(&session, 18999));
	assert_true(session_over_is_due(&session, 19000));
}

static void
leaves_the_list_from_any_place(void **state)
{
	(void)state;
	for (int gone = 0; gone < 3; gone++) {
		struct session_list over = { NULL };
		struct session sessions[3] = { 0 };

		for (int i = 0; i < 3; i++) {
			session_over_start(&over, &sessions[i], 1);
		}
		assert_int_equal(count(&over), 3);
		session_over_stop(&sessions[gone]);
		session_over_stop(&sessions[gone]); /* nothing more happens */
		assert_int_equal(count(&over), 2);
		session_over_start(&over, &sessions[gone], 1);
		assert_int_equal(count(&over), 3);
	}
}

static void
takes_its_clock_along_when_it_goes(void **state)
{
	struct session_list over = { NULL };
	struct outq out = { 0 };
	struct session *session = session_create(&out, false, NULL);

	(void)state;
	assert_non_null(session);
	session_over_start(&over, session, 1);
	session_destroy(session);
	assert_int_equal(count(&over), 0);
}

static void
keeps_the_newest_frame_and_the_cut_one_up_to_hard(void **state)
{
	struct outq out = { 0 };
	struct session session = { .out = &out };

	(void)state;
	assert_int_equal(session_keep(&session, 10, 100, 1000), 100);
	assert_int_equal(session_keep(&session, 300, 100, 1000), 300);
	out.frame_left = 50;
	assert_int_equal(session_keep(&session, 300, 100, 1000), 350);
	out.frame_left = 900;
	assert_int_equal(session_keep(&session, 300, 100, 1000), 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_was_made_of),
		cmocka_unit_test(is_not_made_without_memory),
		cmocka_unit_test(is_due_after_ten_seconds_and_not_before),
		cmocka_unit_test(begins_anew_when_started_again),
		cmocka_unit_test(leaves_the_list_from_any_place),
		cmocka_unit_test(takes_its_clock_along_when_it_goes),
		cmocka_unit_test(
		    keeps_the_newest_frame_and_the_cut_one_up_to_hard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
