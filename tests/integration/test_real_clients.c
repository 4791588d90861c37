/* SPDX-License-Identifier: MIT
 * test_real_clients.c - clients that nobody here wrote, against two linked
 * nodes: ws and wscat from npm, websockets from Debian's Python. */
#include <stdio.h>
#include <stdlib.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

struct pair {
	struct daemon *left, *right;
	char left_port[8], right_port[8];
};

static void
pair_start(struct pair *pair)
{
	pair->left = daemon_start("--name left --plugins logger");
	pair->right = daemon_start("--name right --plugins logger "
	                           "--peers ws://127.0.0.1:%u",
	    (unsigned)pair->left->port);
	daemon_wait_links(pair->left, 1);
	daemon_wait_links(pair->right, 1);
	snprintf(
	    pair->left_port, sizeof(pair->left_port), "%u", pair->left->port);
	snprintf(pair->right_port, sizeof(pair->right_port), "%u",
	    pair->right->port);
}

/* Run a script of tests/clients; its exit code must be 0. */
static void
script_run(const char *interpreter, const char *script, const char *a,
    const char *b, const char *c)
{
	char path[512], one[256], two[256], three[256], program[64];
	char *argv[] = { program, path, one, two, three, NULL };
	struct daemon *run = daemon_create();
	char *text;
	int code;

	assert_int_equal(
	    setenv("NODE_PATH", GV_CLIENTS_BUILD "/node_modules", 1), 0);
	snprintf(program, sizeof(program), "%s", interpreter);
	snprintf(path, sizeof(path), GV_CLIENTS_SOURCE "/%s", script);
	snprintf(one, sizeof(one), "%s", a);
	snprintf(two, sizeof(two), "%s", b);
	snprintf(three, sizeof(three), "%s", c);
	run->deadline_ms = 90000; /* scripts have one of their own */
	code = daemon_run_program(run, argv);
	text = daemon_text(run, "stdout");
	print_message("%s", text);
	free(text);
	if (code != 0) {
		daemon_show(run, "stderr");
		fail_msg("%s: %d", script, code);
	}
}

static void
serves_the_npm_package_ws(void **state)
{
	struct pair pair;

	(void)state;
	pair_start(&pair);
	script_run("node", "ws.js", pair.left_port, pair.right_port, "");
	daemon_stop(pair.left);
	daemon_stop(pair.right);
}

static void
serves_wscat(void **state)
{
	struct pair pair;

	(void)state;
	pair_start(&pair);
	script_run("node", "wscat.js", pair.left_port, pair.right_port,
	    GV_CLIENTS_BUILD "/node_modules/wscat/bin/wscat");
	daemon_stop(pair.left);
	daemon_stop(pair.right);
}

static void
serves_python_websockets(void **state)
{
	struct pair pair;

	(void)state;
	pair_start(&pair);
	script_run("/usr/bin/python3", "websockets_check.py", pair.left_port,
	    pair.right_port, "");
	daemon_stop(pair.left);
	daemon_stop(pair.right);
}

static void
leaves_a_server(const char *protocol)
{
	uint16_t port = daemon_free_port();
	struct daemon *node = daemon_start(
	    "--peers ws://127.0.0.1:%u", (unsigned)port);
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	script_run("node", "ws_server.js", text, protocol, "");
	assert_int_equal(daemon_counter(node, "mesh.links_up"), 0);
	daemon_stop(node);
}

static void
leaves_a_ws_server_without_our_subprotocol(void **state)
{
	(void)state;
	leaves_a_server("none");
}

static void
leaves_a_ws_server_that_parrots_it(void **state)
{
	(void)state;
	leaves_a_server("parrot");
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(serves_the_npm_package_ws),
		TEST(serves_wscat),
		TEST(serves_python_websockets),
		TEST(leaves_a_ws_server_without_our_subprotocol),
		TEST(leaves_a_ws_server_that_parrots_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
