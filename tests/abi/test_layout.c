/* SPDX-License-Identifier: MIT
 * The layout of everything that crosses the border, on LP64.  A failure here
 * means that plugins built before no longer fit: append instead. */

#include "support/test.h"

#include <grapevine/plugin.h>

#define AT(type, member, offset) \
	assert_int_equal(offsetof(struct type, member), offset)
#define SIZE(type, size) assert_int_equal(sizeof(struct type), size)

static void
keeps_the_plugin_where_it_is(void **state)
{
	(void)state;
	AT(gv_plugin, magic, 0);
	AT(gv_plugin, abi_major, 4);
	AT(gv_plugin, abi_minor, 6);
	AT(gv_plugin, struct_size, 8);
	AT(gv_plugin, flags, 12);
	AT(gv_plugin, name, 16);
	AT(gv_plugin, version, 24);
	AT(gv_plugin, summary, 32);
	AT(gv_plugin, option_size, 40);
	AT(gv_plugin, option_count, 44);
	AT(gv_plugin, options, 48);
	AT(gv_plugin, create, 56);
	AT(gv_plugin, configure, 64);
	AT(gv_plugin, start, 72);
	AT(gv_plugin, on_message, 80);
	AT(gv_plugin, on_timer, 88);
	AT(gv_plugin, on_peer, 96);
	AT(gv_plugin, on_gap, 104);
	AT(gv_plugin, stop, 112);
	AT(gv_plugin, destroy, 120);
	SIZE(gv_plugin, 128);
}

static void
keeps_the_host_where_it_is(void **state)
{
	(void)state;
	AT(gv_host, struct_size, 0);
	AT(gv_host, abi_major, 4);
	AT(gv_host, abi_minor, 6);
	AT(gv_host, log, 8);
	AT(gv_host, publish, 16);
	AT(gv_host, send, 24);
	AT(gv_host, timer_start, 32);
	AT(gv_host, timer_cancel, 40);
	AT(gv_host, counter, 48);
	AT(gv_host, counter_add, 56);
	AT(gv_host, now, 64);
	AT(gv_host, wall_ns, 72);
	AT(gv_host, node, 80);
	AT(gv_host, extension, 88);
	SIZE(gv_host, 96);
}

static void
keeps_what_is_handed_over_where_it_is(void **state)
{
	(void)state;
	AT(gv_message, struct_size, 0);
	AT(gv_message, flags, 4);
	AT(gv_message, hops, 8);
	AT(gv_message, topic_len, 12);
	AT(gv_message, from, 16);
	AT(gv_message, origin, 24);
	AT(gv_message, seq, 40);
	AT(gv_message, topic, 48);
	AT(gv_message, payload, 56);
	AT(gv_message, payload_len, 64);
	AT(gv_message, received_ns, 72);
	SIZE(gv_message, 80);
	AT(gv_peer, flags, 4);
	AT(gv_peer, conn, 8);
	AT(gv_peer, node_id, 16);
	AT(gv_peer, name, 32);
	SIZE(gv_peer, 40);
	AT(gv_gap, flags, 4);
	AT(gv_gap, origin, 8);
	AT(gv_gap, first, 24);
	AT(gv_gap, count, 32);
	SIZE(gv_gap, 40);
	AT(gv_node, flags, 4);
	AT(gv_node, id, 8);
	AT(gv_node, name, 24);
	AT(gv_node, bind, 32);
	AT(gv_node, version, 40);
	AT(gv_node, max_message, 48);
	SIZE(gv_node, 56);
	AT(gv_option, name, 0);
	AT(gv_option, fallback, 8);
	AT(gv_option, help, 16);
	AT(gv_option, choices, 24);
	AT(gv_option, type, 32);
	AT(gv_option, flags, 36);
	SIZE(gv_option, 40);
}

static void
keeps_the_note_where_it_is(void **state)
{
	(void)state;
	AT(gv_note, abi_major, 0);
	AT(gv_note, abi_minor, 2);
	AT(gv_note, flags, 4);
	AT(gv_note, name, 8);
	AT(gv_note, version, 48);
	SIZE(gv_note, 80);
	AT(gv_note_record, owner, 12);
	AT(gv_note_record, note, 24);
	SIZE(gv_note_record, 104);
}

static void
keeps_its_numbers(void **state)
{
	(void)state;
	assert_int_equal(GV_PLUGIN_MAGIC, 0x50565247);
	assert_int_equal(GV_ABI_MAJOR, 0);
	assert_int_equal(GV_ABI_MINOR, 1);
	assert_int_equal(GV_OK, 0);
	assert_int_equal(GV_EINVAL, -1);
	assert_int_equal(GV_ENOMEM, -2);
	assert_int_equal(GV_EFULL, -3);
	assert_int_equal(GV_ETOOBIG, -4);
	assert_int_equal(GV_ESTOPPED, -5);
	assert_int_equal(GV_EFAILED, -6);
	assert_int_equal(GV_PASS, 0);
	assert_int_equal(GV_STOP, 1);
	assert_int_equal(GV_TEXT, 1);
	assert_int_equal(GV_REPLY, 2);
	assert_int_equal(GV_FILTER, 1);
	assert_int_equal(GV_PEER_UP, 1);
	assert_int_equal(GV_GAP_SUM, 1);
	assert_int_equal(GV_LOG_ERROR, 3);
	assert_int_equal(GV_LOG_DEBUG, 7);
	assert_int_equal(GV_STRING, 0);
	assert_int_equal(GV_TOPIC, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_plugin_where_it_is),
		cmocka_unit_test(keeps_the_host_where_it_is),
		cmocka_unit_test(keeps_what_is_handed_over_where_it_is),
		cmocka_unit_test(keeps_the_note_where_it_is),
		cmocka_unit_test(keeps_its_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
