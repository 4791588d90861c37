/* SPDX-License-Identifier: MIT
 * test_gossip.c - nodes that find their links themselves: joining, keys,
 * and what is kept over a restart.  PROTOCOL 4 to 9. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/client.h"
#include "support/crowd.h"
#include "support/daemon.h"
#include "support/test.h"

#define KEY   "sixteen bytes or more"
#define OTHER "more bytes than sixteen"

static void
delivers_once_among_eight_that_know_one_address(void **state)
{
	static struct crowd crowd;

	(void)state;
	crowd_start(&crowd, "");
	/* More links than to the one they knew. */
	crowd_wait_whole(&crowd, CROWD_ALL, 5);
	crowd_listen_all(&crowd);
	crowd_publish(&crowd, CROWD_ALL, 20);
	crowd_check(&crowd, CROWD_ALL);
	for (size_t i = 0; i < CROWD_NODES; i++) {
		daemon_stop(crowd.nodes[i]);
	}
}

static void
links_to_its_peers_alone_when_static(void **state)
{
	struct daemon *nodes[4];
	struct client *clients[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char peers[64] = "";

		if (i > 0) {
			snprintf(peers, sizeof(peers),
			    "--peers ws://127.0.0.1:%u",
			    (unsigned)nodes[i - 1]->port);
		}
		nodes[i] = daemon_start(
		    "--mesh static --name n%zu %s", i, peers);
	}
	for (size_t i = 0; i < 4; i++) {
		daemon_wait_links(nodes[i], i == 0 || i == 3 ? 1 : 2);
		clients[i] = client_open(nodes[i]->port, "/t");
		client_sync(clients[i]);
	}
	client_text(clients[0], "to the other end");
	client_text(clients[3], "and back");
	client_expect_text(clients[3], "to the other end");
	client_expect_text(clients[0], "and back");
	/* An auto node would have looked around by now. */
	daemon_hold_lines(nodes[0], "log", "\"peer_up\"", 1, 3000);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(daemon_counter(nodes[i], "mesh.links_up"),
		    i == 0 || i == 3 ? 1 : 2);
		assert_int_equal(daemon_counter(nodes[i], "mesh.learned"), 0);
	}
}

/* ---- keys ---- */

/* A node that does not run yet, with its folder. */
static struct daemon *
create_with_folder(void)
{
	struct daemon *daemon = daemon_create();

	assert_int_equal(daemon_run(daemon, "--version"), 0);
	return daemon;
}

static void
write_file(struct daemon *daemon, const char *file, const void *bytes,
    size_t len, mode_t mode)
{
	char path[128];
	int fd;

	daemon_path(daemon, file, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct daemon *
start_with_key(const char *name, const char *key, const struct daemon *peer)
{
	struct daemon *daemon = create_with_folder();
	char peers[64] = "";

	if (peer != NULL) {
		snprintf(peers, sizeof(peers), "--peers ws://127.0.0.1:%u",
		    (unsigned)peer->port);
	}
	write_file(daemon, "psk", key, strlen(key), 0600);
	daemon_launch(daemon, "--mesh auto --name %s --psk-file %s/psk %s",
	    name, daemon->dir, peers);
	daemon_wait_ready(daemon);
	return daemon;
}

static void
joins_with_the_same_key_alone(void **state)
{
	struct daemon *first = start_with_key("first", KEY, NULL);
	struct daemon *wrong = start_with_key("wrong", OTHER, first);
	struct daemon *right, *without;
	struct client *says, *hears, *outside;

	(void)state;
	daemon_wait_event(first, "auth_failed", NULL, NULL);
	daemon_wait_event(wrong, "auth_failed", NULL, NULL);
	without = daemon_start("--mesh auto --name without "
	                       "--peers ws://127.0.0.1:%u",
	    (unsigned)first->port);
	daemon_wait_event(without, "auth_failed", NULL, NULL);
	daemon_wait_event(first, "auth_failed", "name", "without");
	right = start_with_key("right", KEY, first);
	daemon_wait_links(right, 1);
	daemon_wait_links(first, 1);

	says = client_open(first->port, "/t");
	hears = client_open(right->port, "/t");
	outside = client_open(wrong->port, "/t");
	client_sync(hears);
	client_sync(outside);
	client_text(says, "for those with the key");
	client_expect_text(hears, "for those with the key");
	client_expect_nothing(outside);
	assert_int_equal(daemon_counter(wrong, "mesh.links_up"), 0);
	assert_int_equal(daemon_counter(without, "mesh.links_up"), 0);
	/* Wrong keys end nobody. */
	daemon_stop(wrong);
	daemon_stop(without);
	daemon_stop(right);
	daemon_stop(first);
}

static void
refuses_a_key_that_others_can_read(void **state)
{
	struct daemon *daemon = create_with_folder();

	(void)state;
	write_file(daemon, "psk", KEY, strlen(KEY), 0644);
	daemon_launch(daemon, "--psk-file %s/psk", daemon->dir);
	assert_int_equal(daemon_wait_exit(daemon), 7);
	assert_int_equal(daemon_count_lines(daemon, "log", "0644"), 1);
	assert_int_equal(daemon_count_lines(daemon, "log", KEY), 0);
}

/* ---- what is kept ---- */

static void
read_id(struct daemon *daemon, char id[33])
{
	const cJSON *node = cJSON_GetObjectItemCaseSensitive(
	    daemon_state(daemon), "node");
	const cJSON *is = cJSON_GetObjectItemCaseSensitive(node, "id");

	assert_true(cJSON_IsString(is));
	assert_int_equal(strlen(is->valuestring), 32);
	memcpy(id, is->valuestring, 33);
}

static void
launch_with_state(struct daemon *daemon, uint16_t port, const char *more)
{
	daemon_launch(daemon, "--mesh auto --bind 127.0.0.1:%u --state %s %s",
	    (unsigned)port, daemon->dir, more);
	daemon_wait_ready(daemon);
}

static void
keeps_its_id_and_peers_over_a_restart(void **state)
{
	struct daemon *node = create_with_folder();
	struct daemon *peer = create_with_folder();
	uint16_t ports[2] = { daemon_free_port(), daemon_free_port() };
	char before[33], after[33], more[64], path[128];
	struct stat info;

	(void)state;
	snprintf(more, sizeof(more), "--peers ws://127.0.0.1:%u",
	    (unsigned)ports[1]);
	daemon_launch(
	    peer, "--mesh auto --bind 127.0.0.1:%u", (unsigned)ports[1]);
	daemon_wait_ready(peer);
	launch_with_state(node, ports[0], more);
	daemon_wait_links(node, 1);
	read_id(node, before);
	daemon_stop(node);
	daemon_path(node, "state", path);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);

	/* Nobody tells it where the others are, nobody else knows it. */
	daemon_kill(peer);
	daemon_launch(
	    peer, "--mesh auto --bind 127.0.0.1:%u", (unsigned)ports[1]);
	daemon_wait_ready(peer);
	launch_with_state(node, ports[0], "");
	read_id(node, after);
	assert_string_equal(before, after);
	daemon_wait_links(node, 1);

	daemon_kill(node);
	launch_with_state(node, ports[0], "");
	read_id(node, after);
	assert_string_equal(before, after);
	daemon_stop(node);
}

static void
shares_its_state_with_no_second_process(void **state)
{
	struct daemon *node = create_with_folder();
	struct daemon *second = daemon_create();
	char id[33], same[33];

	(void)state;
	launch_with_state(node, daemon_free_port(), "");
	read_id(node, id);
	daemon_launch(second, "--state %s", node->dir);
	assert_int_equal(daemon_wait_exit(second), 1);
	assert_int_equal(daemon_count_lines(second, "log", "state_refused"), 1);
	read_id(node, same);
	assert_string_equal(id, same);
	daemon_stop(node);
}

static void
warns_of_a_state_folder_that_others_may_write(void **state)
{
	struct daemon *node = create_with_folder();
	uint16_t port = daemon_free_port();

	(void)state;
	assert_int_equal(chmod(node->dir, 0777), 0);
	launch_with_state(node, port, "");
	daemon_wait_event(node, "state_exposed", "dir", node->dir);
	daemon_stop(node);
	assert_int_equal(chmod(node->dir, 0700), 0);
	launch_with_state(node, port, "");
	assert_int_equal(
	    daemon_count_events(node, "state_exposed", NULL, NULL), 0);
	daemon_stop(node);
}

static void
begins_anew_when_its_state_is_damaged(void **state)
{
	struct daemon *node = create_with_folder();
	uint16_t port = daemon_free_port();
	char before[33], after[33], again[33], path[128];
	char *kept;
	uint8_t byte;
	int fd;

	(void)state;
	write_file(node, "state", "no state", 8, 0600);
	launch_with_state(node, port, "");
	daemon_wait_event(node, "state_damaged", "kept_as", "state.damaged-1");
	kept = daemon_text(node, "state.damaged-1");
	assert_string_equal(kept, "no state");
	free(kept);
	read_id(node, before);
	daemon_stop(node);

	/* One bit is enough. */
	daemon_path(node, "state", path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, 12), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, 12), 1);
	close(fd);
	launch_with_state(node, port, "");
	daemon_wait_event(node, "state_damaged", "kept_as", "state.damaged-2");
	read_id(node, after);
	assert_string_not_equal(before, after);
	daemon_stop(node);

	launch_with_state(node, port, "");
	read_id(node, again);
	assert_string_equal(after, again);
	assert_int_equal(
	    daemon_count_events(node, "state_damaged", NULL, NULL), 0);
	daemon_stop(node);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delivers_once_among_eight_that_know_one_address),
		TEST(links_to_its_peers_alone_when_static),
		TEST(joins_with_the_same_key_alone),
		TEST(refuses_a_key_that_others_can_read),
		TEST(keeps_its_id_and_peers_over_a_restart),
		TEST(shares_its_state_with_no_second_process),
		TEST(warns_of_a_state_folder_that_others_may_write),
		TEST(begins_anew_when_its_state_is_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
