/* SPDX-License-Identifier: MIT
 * test_process.c - exit codes, signals, the log, and the words of refusals. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/peer.h"
#include "support/test.h"

static void
tells_usage_errors_with_exit_2(void **state)
{
	static const struct {
		const char *args, *words;
	} cases[] = {
		{ "--nosuch", "--nosuch" },
		{ "--bnid 127.0.0.1:1", "--bind" },
		{ "-Z", "-Z" },
		{ "stray", "stray" },
		{ "--bind", "--bind" },
		{ "--bind 127.0.0.1", "127.0.0.1" },
		{ "--bind 127.0.0.1:65536", "65536" },
		{ "--bind 127.0.0.1:http", "http" },
		{ "--bind ::1:80", "::1" },
		{ "--peers localhost:80", "localhost:80" },
		{ "--peers http://localhost", "http://localhost" },
		{ "--peers ws://", "ws://" },
		{ "--peers ws://localhost", "ws://localhost" },
		{ "--peers ws://localhost:0", "ws://localhost:0" },
		{ "--peers ws://user@localhost:80", "user@" },
		{ "--peers ws://localhost:8080,", "--peers" },
		{ "--peers wss://localhost:8443", "wss" },
		{ "--advertise wss://localhost:8443", "wss" },
		{ "--max-message 16M", "15M" },
		{ "--max-message 0", "--max-message" },
		{ "--max-message lots", "lots" },
		{ "--max-clients -1", "--max-clients" },
		{ "--max-hops 256", "256" },
		{ "--queue 8M..1M", "--queue" },
		{ "--queue 1M", "--queue" },
		{ "--overflow wait", "drop-oldest" },
		{ "--ping 0", "--ping" },
		{ "--allow-origin *", "--allow-origin" },
		{ "--allow-origin https://a.example/path", "--allow-origin" },
		{ "--log-format xml", "xml" },
		{ "--log nosuchlevel", "nosuchlevel" },
		{ "--log-file /no/such/folder/log", "/no/such/folder/log" },
		{ "--drain soon", "soon" },
		{ "--seed x", "--seed" },
		{ "--name a --name b", "--name" },
		{ "--json", "--json" },
	};
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct daemon *run = daemon_create();
		/* If it starts all the same, it ends at once: no such
		 * plugin, exit 4. */
		int code = daemon_run(
		    run, "%s --plugins no-such-plugin", cases[i].args);

		if (code != 2 ||
		    daemon_count_lines(run, "stderr", cases[i].words) != 1 ||
		    daemon_count_lines(run, "stderr", "") != 1 ||
		    daemon_count_lines(run, "stdout", "") != 0) {
			print_message("%s: %d\n", cases[i].args, code);
			daemon_show(run, "stderr");
			wrong++;
		}
		(void)daemon_teardown(NULL);
	}
	assert_int_equal(wrong, 0);
}

static void
shows_its_version_and_help(void **state)
{
	static const char *const flags[] = { "--bind", "--peers", "--advertise",
		"--name", "--network", "--max-message", "--max-clients",
		"--max-hops", "--queue", "--overflow", "--ping",
		"--allow-origin", "--plugin", "--plugins", "--plugin-dir",
		"--list-plugins", "--plugin-help", "-v", "-q", "--log",
		"--log-format", "--log-file", "--ports-file", "--drain",
		"--seed", "--allow-core", "--version", "--help" };
	struct daemon *run = daemon_create();
	char *text;
	cJSON *json;

	(void)state;
	assert_int_equal(daemon_run(run, "--version"), 0);
	assert_int_equal(daemon_count_lines(run, "stdout", "grapevine "), 1);
	run = daemon_create();
	assert_int_equal(daemon_run(run, "-V --json"), 0);
	text = daemon_text(run, "stdout");
	json = cJSON_Parse(text);
	free(text);
	assert_true(cJSON_IsString(
	    cJSON_GetObjectItemCaseSensitive(json, "grapevine")));
	cJSON_Delete(json);
	run = daemon_create();
	assert_int_equal(daemon_run(run, "--help"), 0);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (daemon_count_lines(run, "stdout", flags[i]) == 0) {
			fail_msg("--help does not know %s", flags[i]);
		}
	}
	assert_int_equal(daemon_count_lines(run, "stderr", ""), 0);
}

static void
exits_5_when_it_cannot_bind(void **state)
{
	struct daemon *first = daemon_start("--name first");
	struct peer *peer = peer_create(0x11);
	struct daemon *run;
	char port[32];
	int code;

	(void)state;
	/* Another program's port, and another node's. */
	peer_listen(peer);
	for (int i = 0; i < 2; i++) {
		snprintf(port, sizeof(port), "127.0.0.1:%u",
		    (unsigned)(i == 0 ? peer->port : first->port));
		run = daemon_create();
		code = daemon_run(run, "--bind %s --log-format json", port);
		if (code != 5) {
			fail_msg("%s: %d, not 5", port, code);
		}
		assert_int_equal(
		    daemon_count_lines(run, "stderr", "bind_failed"), 1);
		assert_int_equal(daemon_count_lines(run, "stderr", port), 1);
	}
	/* Not an address of this host; not a name of any. */
	run = daemon_create();
	assert_int_equal(daemon_run(run, "--bind 192.0.2.1:0"), 5);
	run = daemon_create();
	assert_int_equal(daemon_run(run, "--bind no-such-host.invalid:0"), 5);
	/* The first node did not notice. */
	client_close(client_open(first->port, "/"));
}

static void
opens_its_ports_only_after_its_plugins(void **state)
{
	struct daemon *run = daemon_create();
	char path[128];

	(void)state;
	assert_int_equal(daemon_run(run,
	                     "--bind 127.0.0.1:0 --plugins nosuch "
	                     "--ports-file /tmp/gv-ports-%d",
	                     (int)getpid()),
	    4);
	snprintf(path, sizeof(path), "/tmp/gv-ports-%d", (int)getpid());
	assert_int_equal(access(path, F_OK), -1);
}

static void
stops_cleanly_by_either_signal(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct daemon *node = daemon_start("--plugins logger,echo");

		daemon_signal(node, signals[i]);
		assert_int_equal(daemon_wait_exit(node), 0);
		daemon_wait_event(node, "stopping", NULL, NULL);
		daemon_wait_event(node, "stopped", NULL, NULL);
	}
}

/* The resolver's thread cannot be ended, and is left to itself. */
static void
ends_its_plugins_while_a_name_is_being_resolved(void **state)
{
#ifdef GV_SANITIZED
	(void)state;
	skip(); /* sanitizers want to be first of what is preloaded */
#else
	struct daemon *node;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/gv-farewell-%d", (int)getpid());
	assert_int_equal(
	    setenv("LD_PRELOAD", GV_ZOO_DIR "/preload/stuck_resolver.so", 1),
	    0);
	node = daemon_start("--peers ws://nobody.example:1 -P " GV_ZOO_DIR
	                    "/farewell.so,file=%s",
	    path);
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
	daemon_signal(node, SIGTERM);
	assert_int_equal(daemon_wait_exit(node), 0);
	assert_int_equal(unlink(path), 0);
#endif
}

/* A client that reads nothing, with messages queued for it. */
static void
fill_a_reader(struct daemon *node)
{
	struct client *slow = client_connect_small(node->port, 4096);
	struct client *from = client_open(node->port, "/full");
	char *bytes = calloc(1, 65536);

	assert_non_null(bytes);
	assert_int_equal(client_upgrade(slow, "/full", ""), 101);
	client_sync(slow);
	for (int i = 0; i < 20; i++) {
		client_frame(from, CLIENT_BINARY, bytes, 65536);
	}
	free(bytes);
	client_sync(from);
	client_close(from);
	daemon_wait_counter(node, "net.buffer_bytes", 1);
}

static void
exits_6_when_the_drain_is_over(void **state)
{
	struct daemon *node = daemon_start("--drain 1");

	(void)state;
	fill_a_reader(node);
	daemon_signal(node, SIGTERM);
	assert_int_equal(daemon_wait_exit(node), 6);
	daemon_wait_event(node, "drain_exceeded", NULL, NULL);
}

/* Less than a socket takes at once, and more than this reader's. */
static void
exits_6_when_the_kernel_still_holds_what_was_said(void **state)
{
	static const char bytes[20000];
	struct daemon *node = daemon_start("--drain 1");
	struct client *slow = client_connect_small(node->port, 4096);
	struct client *from = client_open(node->port, "/full");

	(void)state;
	assert_int_equal(client_upgrade(slow, "/full", ""), 101);
	client_sync(slow);
	client_frame(from, CLIENT_BINARY, bytes, sizeof(bytes));
	client_sync(from);
	client_close(from);
	daemon_wait_counter(node, "hub.delivered", 1);
	daemon_signal(node, SIGTERM);
	assert_int_equal(daemon_wait_exit(node), 6);
	daemon_wait_event(node, "drain_exceeded", NULL, NULL);
}

static void
exits_6_at_the_second_signal(void **state)
{
	struct daemon *node = daemon_start("--drain 3600");

	(void)state;
	fill_a_reader(node);
	daemon_signal(node, SIGTERM);
	daemon_wait_event(node, "stopping", NULL, NULL);
	assert_int_equal(daemon_insist(node, SIGTERM), 6);
	daemon_wait_event(node, "drain_exceeded", NULL, NULL);
}

/* As timeout(1) sends them: to the process, and to its group. */
static void
two_signals_at_once_are_one(void **state)
{
	struct daemon *node = daemon_start(
	    "--drain 3600 -P " GV_ZOO_DIR "/slow.so");
	struct client *client = client_open(node->port, "/s");

	(void)state;
	for (int i = 0; i < 3; i++) { /* 0.36 s of work */
		client_text(client, "work");
	}
	client_sync(client);
	client_close(client);
	daemon_signal(node, SIGTERM);
	daemon_signal(node, SIGINT);
	assert_int_equal(daemon_wait_exit(node), 0);
}

static void
refuses_newcomers_while_it_drains(void **state)
{
	struct daemon *node = daemon_start(
	    "--drain 3600 -P " GV_ZOO_DIR "/slow.so");
	struct client *client = client_open(node->port, "/s");
	uint64_t deadline;

	(void)state;
	for (int i = 0; i < 100; i++) { /* 12 s of work */
		client_text(client, "work");
	}
	client_sync(client);
	daemon_signal(node, SIGTERM);
	daemon_wait_event(node, "stopping", NULL, NULL);
	/* It says so a moment before it does. */
	deadline = test_now_ms() + DEADLINE_MS;
	while (client_can_connect("127.0.0.1", node->port)) {
		assert_true(test_now_ms() < deadline);
	}
	assert_true(daemon_is_alive(node));
	assert_int_equal(daemon_insist(node, SIGINT), 6);
}

static void
keeps_running_through_200_hups_under_load(void **state)
{
	struct daemon *node = daemon_start("--plugins logger,echo");
	struct client *client = client_open(node->port, "/h");
	char text[32];

	(void)state;
	for (int i = 0; i < 200; i++) {
		daemon_signal(node, SIGHUP);
		for (int k = 0; k < 20; k++) {
			snprintf(text, sizeof(text), "message %d.%d.", i, k);
			client_text(client, text);
		}
		for (int k = 0; k < 20; k++) {
			snprintf(text, sizeof(text), "message %d.%d.", i, k);
			client_expect_text(client, text);
		}
	}
	daemon_signal(node, SIGPIPE);
	client_expect_nothing(client);
	daemon_wait_lines(node, "stdout", "message 199.19.", 1);
	assert_int_equal(
	    daemon_count_lines(node, "stdout", "message "), 200 * 20);
	daemon_stop(node);
}

static void
opens_its_log_anew(void **state)
{
	struct daemon *node = daemon_start("--name n");
	char path[128], moved[128];

	(void)state;
	(void)daemon_state(node);
	daemon_path(node, "log", path);
	daemon_path(node, "moved", moved);
	assert_int_equal(rename(path, moved), 0);
	daemon_signal(node, SIGUSR1);
	/* Asked again and again: one of them goes to the new file. */
	while (access(path, F_OK) != 0) {
		client_sync_new(node->port);
	}
	(void)daemon_state(node);
	assert_true(daemon_count_lines(node, "log", "\"state\"") > 0);
	assert_true(daemon_count_lines(node, "moved", "\"ready\"") == 1);
	assert_true(daemon_count_lines(node, "log", "\"ready\"") == 0);
}

/* What the network says stands in the log without raw control bytes, on one
 * line, in every format. */
static void
escapes_what_the_network_says(void **state)
{
	static const char *const formats[] = { "json", "text", "logfmt" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct daemon *node = daemon_create();
		struct peer *peer = peer_create(0x22);
		struct client *client;
		char *text;

		daemon_launch(node, "-vv --log-format %s", formats[i]);
		daemon_wait_lines(node, "log", "ready", 1);
		node->port = daemon_port(node, 0, NULL);
		peer->hello.name = (struct str8){
			"evil\n\x1b[31mINFO forged\r\x9b\"\\ \xff", 25
		};
		peer->hello.addr = (struct str8){ "ws://\x07\n", 7 };
		peer_dial_up(peer, node->port);
		daemon_wait_lines(node, "log", "forged", 1);
		client = client_connect(node->port);
		(void)client_upgrade(
		    client, "/", "Origin: http://evil\x1b[31m\x7f\r\n");
		client_close(client);
		client = client_connect(node->port);
		(void)client_upgrade(client, "/%0aforged%1b[31m", "");
		client_close(client);
		client_send(peer->client, "\x82\x02xx", 4);
		client_expect_eof(peer->client);
		daemon_wait_lines(node, "log", "evil", 2);
		text = daemon_text(node, "log");
		for (char *at = text; *at != '\0'; at++) {
			unsigned char byte = (unsigned char)*at;

			if ((byte < 0x20 && byte != '\n') || byte == 0x7f ||
			    byte == 0xff || byte == 0x9b) {
				fail_msg("%s: a raw byte %02x: %s", formats[i],
				    byte, text);
			}
			assert_true(at == text || at[-1] != '\n' ||
			            strncmp(at, "\x1b", 1) != 0);
		}
		assert_null(strstr(text, "\nINFO forged"));
		free(text);
		daemon_stop(node);
	}
}

/* The floors clean what they take from the network; the log escapes whatever
 * it is given. */
static void
escapes_what_the_command_line_says(void **state)
{
	static const char *const formats[] = { "json", "text", "logfmt" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct daemon *run = daemon_create();
		char *text;

		assert_int_equal(daemon_run(run,
		                     "-q --bind 127.0.0.1:0 --log-format %s "
		                     "--plugins a\x01\x1b[2J\nforged\xff\x7f",
		                     formats[i]),
		    4);
		assert_int_equal(daemon_count_lines(run, "stderr", ""), 1);
		text = daemon_text(run, "stderr");
		assert_non_null(strstr(text, "forged"));
		for (char *at = text; at[1] != '\0'; at++) {
			unsigned char byte = (unsigned char)*at;

			assert_in_range(byte, 0x20, 0x7e);
		}
		free(text);
	}
}

static void
repeats_itself_with_a_seed(void **state)
{
	char ids[3][33];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct daemon *node = daemon_start(
		    "--seed %d", i < 2 ? 42 : 43);
		const cJSON *ready = daemon_wait_event(
		    node, "ready", NULL, NULL);

		snprintf(ids[i], sizeof(ids[i]), "%s",
		    cJSON_GetStringValue(
		        cJSON_GetObjectItemCaseSensitive(ready, "id")));
		assert_int_equal(strlen(ids[i]), 32);
		daemon_kill(node);
	}
	assert_string_equal(ids[0], ids[1]);
	assert_string_not_equal(ids[0], ids[2]);
}

static void
tells_every_counter(void **state)
{
	static const char *const numbers[] = { "net.accepted", "net.clients",
		"mesh.published", "mesh.links_up", "hub.delivered",
		"host.dispatched", "plugins.logger.own.lines", "log_dropped" };
	struct daemon *node = daemon_start("--name teller --plugins logger");
	struct client *client = client_open(node->port, "/t?echo=1");
	const cJSON *state_now;

	(void)state;
	client_text(client, "one");
	client_expect_text(client, "one");
	daemon_wait_lines(node, "stdout", "\"one\"", 1);
	state_now = daemon_state(node);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		(void)daemon_state_number(node, state_now, numbers[i]);
	}
	assert_int_equal(
	    daemon_state_number(node, state_now, "net.clients"), 1);
	assert_int_equal(
	    daemon_state_number(node, state_now, "mesh.published"), 1);
	assert_int_equal(
	    daemon_state_number(node, state_now, "hub.delivered"), 1);
	assert_true(cJSON_IsArray(
	    cJSON_GetObjectItemCaseSensitive(state_now, "peers")));
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_usage_errors_with_exit_2),
		TEST(shows_its_version_and_help),
		TEST(exits_5_when_it_cannot_bind),
		TEST(opens_its_ports_only_after_its_plugins),
		TEST(stops_cleanly_by_either_signal),
		TEST(ends_its_plugins_while_a_name_is_being_resolved),
		TEST(exits_6_when_the_drain_is_over),
		TEST(exits_6_when_the_kernel_still_holds_what_was_said),
		TEST(exits_6_at_the_second_signal),
		TEST(two_signals_at_once_are_one),
		TEST(refuses_newcomers_while_it_drains),
		TEST(keeps_running_through_200_hups_under_load),
		TEST(opens_its_log_anew),
		TEST(escapes_what_the_network_says),
		TEST(escapes_what_the_command_line_says),
		TEST(repeats_itself_with_a_seed),
		TEST(tells_every_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
