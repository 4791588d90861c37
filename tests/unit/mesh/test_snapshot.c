/* SPDX-License-Identifier: MIT */

#include <stdio.h>

#include "support/fault.h"
#include "unit/mesh/lab.h"

/* A new mesh in its place, not started. */
static void
make_again(struct lab *lab, uint8_t id, uint32_t boot)
{
	lab_unmake(lab);
	lab->config.node_id = lab_id(id);
	lab->config.boot = boot;
	lab->config.now_ms = lab->now;
	assert_int_equal(
	    mesh_create(&lab->mesh, &lab->config, &lab->io, &lab->rng, NULL),
	    ERR_OK);
}

/* Of a node that has a link, and knows another. */
static void
snapshot_of_two(struct lab *lab, struct buf *out)
{
	static const char addr[] = "ws://h:7/path";
	struct lab_link *at = lab_accept_up(lab, 0x10);
	struct record_shuffle shuffle = { .peers = { .count = 1 } };
	struct buf buf = { 0 };

	shuffle.peers.peers[0].node_id = lab_id(0x20);
	shuffle.peers.peers[0].addr = (struct str8){ .text = addr,
		.len = sizeof(addr) - 1 };
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_int_equal(mesh_snapshot(lab->mesh, out), ERR_OK);
}

static void
id_boot_and_addresses_come_back(void **state)
{
	struct lab *lab = *state;
	struct buf buf = { 0 };
	struct nodeid id;
	struct record record;
	struct record_hello hello;

	snapshot_of_two(lab, &buf);
	assert_int_equal(
	    mesh_snapshot_id(buf.bytes, buf.len, LAB_BOOT, &id), ERR_OK);
	assert_int_equal(id.bytes[3], 0x80);

	make_again(lab, 0x90, LAB_BOOT);
	assert_int_equal(mesh_restore(lab->mesh, buf.bytes, buf.len), ERR_OK);
	assert_int_equal(mesh_stats(lab->mesh)->passive, 2);
	/* First it is the turn of --peers, however long the start took. */
	lab->now += 5000;
	mesh_start(lab->mesh, lab->now);
	assert_int_equal(lab->dials, 0);
	lab_pass(lab, 1300);
	assert_int_equal(lab->dials, 2);
	(void)lab_open(lab);
	assert_true(lab_find(lab_last(lab), RECORD_HELLO, &record));
	assert_int_equal(record_hello_decode(&record, &hello), ERR_OK);
	assert_int_equal(hello.node_id.bytes[0], 0x80);
	assert_int_equal(hello.boot, LAB_BOOT + 1);
	buf_fini(&buf);
}

static void
a_later_clock_is_the_boot_number(void **state)
{
	struct lab *lab = *state;
	struct buf buf = { 0 };

	snapshot_of_two(lab, &buf);
	make_again(lab, 0x90, LAB_BOOT + 500);
	assert_int_equal(mesh_restore(lab->mesh, buf.bytes, buf.len), ERR_OK);
	lab_publish(lab);
	assert_int_equal(lab->published.seq >> 32, LAB_BOOT + 500);
	assert_int_equal(lab->published.origin.bytes[0], 0x80);
	buf_fini(&buf);
}

static void
a_boot_number_from_the_future_is_refused(void **state)
{
	struct lab *lab = *state;
	struct buf buf = { 0 };
	struct nodeid id;

	snapshot_of_two(lab, &buf);
	make_again(lab, 0x90, LAB_BOOT - 86401);
	assert_int_equal(
	    mesh_restore(lab->mesh, buf.bytes, buf.len), ERR_INVALID);
	assert_int_equal(
	    mesh_snapshot_id(buf.bytes, buf.len, LAB_BOOT - 86401, &id),
	    ERR_INVALID);
	assert_int_equal(
	    mesh_snapshot_id(buf.bytes, buf.len, LAB_BOOT - 86399, &id),
	    ERR_OK);
	buf_fini(&buf);
}

static void
damage_anywhere_is_noticed_and_nothing_is_taken(void **state)
{
	struct lab *lab = *state;
	struct buf buf = { 0 };

	snapshot_of_two(lab, &buf);
	make_again(lab, 0x90, LAB_BOOT);
	for (size_t i = 0; i < buf.len; i++) {
		buf.bytes[i] ^= 1;
		assert_int_equal(
		    mesh_restore(lab->mesh, buf.bytes, buf.len), ERR_INVALID);
		buf.bytes[i] ^= 1;
		assert_int_equal(
		    mesh_restore(lab->mesh, buf.bytes, i), ERR_INVALID);
	}
	assert_int_equal(mesh_stats(lab->mesh)->passive, 0);
	lab_publish(lab);
	assert_int_equal(lab->published.origin.bytes[0], 0x90);
	buf_fini(&buf);
}

/* With a sum that is right. */
static enum err
restore_text(struct lab *lab, const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct buf buf = { 0 };
	enum err err;

	for (const char *at = text; *at != '\0'; at++) {
		hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	}
	assert_int_equal(
	    buf_printf(&buf, "%send %016llx\n", text, (unsigned long long)hash),
	    ERR_OK);
	err = mesh_restore(lab->mesh, buf.bytes, buf.len);
	buf_fini(&buf);
	return err;
}

#define ID "00112233445566778899aabbccddeeff"

static void
words_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"grapevine-state 2\nid " ID "\nboot 1\n",
		"grapevine-state 1\n",
		"grapevine-state 1\nid " ID "\n",
		"grapevine-state 1\nboot 1\nid " ID "\n",
		"grapevine-state 1\nid " ID "0\nboot 1\n",
		"grapevine-state 1\nid 0011\nboot 1\n",
		"grapevine-state 1\nid " ID "\nboot \n",
		"grapevine-state 1\nid " ID "\nboot 4294967296\n",
		"grapevine-state 1\nid " ID "\nboot -1\n",
		"grapevine-state 1\nid " ID "\nboot 1\npeer\n",
		"grapevine-state 1\nid " ID "\nboot 1\npeer " ID "\n",
		"grapevine-state 1\nid " ID "\nboot 1\npeer " ID " \n",
		"grapevine-state 1\nid " ID "\nboot 1\npeer " ID " h:1\n",
		"grapevine-state 1\nid " ID "\nboot 1\nother\n",
		"grapevine-state 1\nid " ID "\nboot 1\nno end of line",
	};
	struct lab *lab = *state;

	make_again(lab, 0x90, LAB_BOOT);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (restore_text(lab, bad[i]) != ERR_INVALID) {
			fail_msg("taken: %s", bad[i]);
		}
	}
	assert_int_equal(
	    restore_text(lab, "grapevine-state 1\nid " ID "\nboot 1\n"
	                      "peer " ID " ws://h:1\n"),
	    ERR_OK);
}

static void
the_version_moves_with_what_is_known(void **state)
{
	struct lab *lab = *state;
	uint64_t before = mesh_snapshot_version(lab->mesh);
	struct buf buf = { 0 };
	uint64_t after;

	lab_pass(lab, 5000);
	assert_true(mesh_snapshot_version(lab->mesh) == before);
	snapshot_of_two(lab, &buf);
	after = mesh_snapshot_version(lab->mesh);
	assert_true(after != before);
	buf_fini(&buf);
}

/* A snapshot, and the version that it was of. */
struct taken {
	struct buf buf;
	uint64_t version;
};

static void
take(struct lab *lab, struct taken *taken)
{
	buf_clear(&taken->buf);
	assert_int_equal(mesh_snapshot(lab->mesh, &taken->buf), ERR_OK);
	taken->version = mesh_snapshot_version(lab->mesh);
}

/* Since the last one it has become another, and the version says so. */
static void
has_moved(struct lab *lab, struct taken *last)
{
	struct taken now = { .version = 0 };

	take(lab, &now);
	assert_false(now.buf.len == last->buf.len &&
	             memcmp(now.buf.bytes, last->buf.bytes, now.buf.len) == 0);
	assert_true(now.version != last->version);
	buf_fini(&last->buf);
	*last = now;
}

static void
has_not_moved(struct lab *lab, const struct taken *last)
{
	assert_true(mesh_snapshot_version(lab->mesh) == last->version);
}

/* Node 0x20 lives at `addr`, says `at`. */
static void
say_where(struct lab *lab, struct lab_link *at, const char *addr)
{
	struct record_shuffle shuffle = { .peers = { .count = 1 } };
	struct buf buf = { 0 };

	shuffle.peers.peers[0] = (struct record_peer){
		.node_id = lab_id(0x20),
		.addr = str8_of(addr),
	};
	assert_int_equal(record_shuffle_encode(&buf, &shuffle), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

static void
the_version_moves_with_an_address_and_who_is_there(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);
	struct record_welcome welcome = lab_welcome(0x21);
	struct taken last = { .version = 0 };

	say_where(lab, at, "ws://h:7");
	take(lab, &last);
	say_where(lab, at, "ws://h:8");
	has_moved(lab, &last);
	lab_pass(lab, 1300);
	assert_int_equal(lab->dials, 1);
	say_where(lab, at, "ws://h:8");
	has_not_moved(lab, &last);
	lab_say_welcome(lab, lab_open(lab), &welcome);
	has_moved(lab, &last);
	buf_fini(&last.buf);
}

static void
the_version_moves_with_a_link_that_comes(void **state)
{
	struct lab *lab = *state;
	struct taken last = { .version = 0 };

	take(lab, &last);
	(void)lab_accept_up(lab, 0x10);
	has_moved(lab, &last);
	buf_fini(&last.buf);
}

/* Nothing is learned from how it ends: its address is one of --peers. */
static void
the_version_moves_with_a_link_that_goes(void **state)
{
	static const char *const peers[] = { "ws://x:1" };
	static const uint8_t byes[] = { BYE_LEAVING, BYE_DUPLICATE };
	struct lab *lab = *state;
	struct taken last = { .version = 0 };

	lab_set_peers(lab, peers, ARRAY_LEN(peers));
	make_again(lab, 0x80, LAB_BOOT);
	for (size_t i = 0; i < ARRAY_LEN(byes); i++) {
		struct lab_link *at = lab_accept_up(lab, 0x10);

		take(lab, &last);
		lab_say_bye(lab, at, byes[i]);
		has_moved(lab, &last);
	}
	buf_fini(&last.buf);
}

static void
a_static_mesh_keeps_no_addresses(void **state)
{
	struct lab *lab = *state;
	struct buf buf = { 0 };

	lab->config.is_auto = false;
	make_again(lab, 0x80, LAB_BOOT);
	mesh_start(lab->mesh, lab->now);
	(void)lab_accept_up(lab, 0x10);
	assert_int_equal(mesh_snapshot(lab->mesh, &buf), ERR_OK);
	assert_int_equal(buf_append(&buf, "", 1), ERR_OK);
	assert_null(strstr((const char *)buf.bytes, "peer"));
	buf_fini(&buf);
}

static void
out_of_memory_is_told(void **state)
{
	struct lab *lab = *state;
	struct buf buf = { 0 };
	struct buf other = { 0 };

	snapshot_of_two(lab, &buf);
	fault_fail_nth(1);
	assert_int_equal(mesh_snapshot(lab->mesh, &other), ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(other.len, 0);
	buf_fini(&buf);
	buf_fini(&other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup_auto, lab_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(id_boot_and_addresses_come_back),
		TEST(a_later_clock_is_the_boot_number),
		TEST(a_boot_number_from_the_future_is_refused),
		TEST(damage_anywhere_is_noticed_and_nothing_is_taken),
		TEST(words_that_are_none_are_refused),
		TEST(the_version_moves_with_what_is_known),
		TEST(the_version_moves_with_an_address_and_who_is_there),
		TEST(the_version_moves_with_a_link_that_comes),
		TEST(the_version_moves_with_a_link_that_goes),
		TEST(a_static_mesh_keeps_no_addresses),
		TEST(out_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
