/* SPDX-License-Identifier: MIT
 * test_plugins.c - plugins from the command line: SAFETY P1 and P2, and what
 * the bundled ones do between real nodes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/client.h"
#include "support/daemon.h"
#include "support/test.h"

/* The start must end with `code`, and say both in one line. */
static void
check_end(
    struct daemon *run, int is, int code, const char *file, const char *words)
{
	char *text = daemon_text(run, "stderr");
	bool found = false;

	for (char *at = text, *end; *at != '\0'; at = end) {
		end = strchr(at, '\n');
		assert_non_null(end);
		*end++ = '\0';
		found = found ||
		        (strstr(at, file) != NULL && strstr(at, words) != NULL);
	}
	free(text);
	if (is != code || !found) {
		daemon_show(run, "stderr");
		fail_msg("exit %d, not %d, or no line with `%s` and `%s`", is,
		    code, file, words);
	}
}

static void
refuses_every_animal_of_the_zoo(void **state)
{
	static const struct {
		const char *animal, *words;
	} refused[] = {
		{ "bad-magic", "magic" },
		{ "bad-name", "[a-z0-9-]" },
		{ "bad-default", "its option 1 has a default" },
		{ "boaster", "4096" },
		{ "create-fails", "" },
		{ "huge-struct", "expected" },
		{ "liar", "expected the same" },
		{ "missing-symbol", "exports no gv_plugin" },
		{ "needy", "key" },
		{ "no-name", "name" },
		{ "null-name", "name" },
		{ "no-note", "no grapevine note" },
		{ "other-major", "built for plugin ABI" },
		{ "start-fails", "" },
		{ "tiny-struct", "expected" },
		{ "undefined-symbol", "cannot be loaded" },
		{ "unknown-flag", "flags" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct daemon *run = daemon_create();
		int code = daemon_run(run,
		    "--bind 127.0.0.1:0 -P " GV_ZOO_DIR "/%s.so",
		    refused[i].animal);

		print_message("%s\n", refused[i].animal);
		check_end(run, code, 4, refused[i].animal, refused[i].words);
	}
}

static void
takes_a_newer_minor(void **state)
{
	struct daemon *node = daemon_start("-P " GV_ZOO_DIR "/newer-minor.so");

	(void)state;
	daemon_wait_event(node, "plugin_loaded", "plugin", "newer-minor");
	daemon_stop(node);
}

static void
refuses_one_name_twice(void **state)
{
	struct daemon *run = daemon_create();
	int code = daemon_run(run,
	    "--bind 127.0.0.1:0 -P " GV_ZOO_DIR "/twin-a.so "
	    "-P " GV_ZOO_DIR "/twin-b.so");

	(void)state;
	check_end(run, code, 4, "twin-b.so", "taken by");
}

static void
tells_what_is_missing_or_wrong(void **state)
{
	static const struct {
		const char *args, *found, *words;
	} cases[] = {
		{ "--plugins nosuch", "nosuch", GV_PLUGIN_DIR },
		{ "--plugins logger,nosuch", "nosuch", GV_PLUGIN_DIR },
		{ "-P /no/such/file.so", "/no/such/file.so", "No such file" },
		{ "-P broadcaster,intervall=1s", "intervall", "interval" },
		{ "-P broadcaster,interval=soon", "soon", "interval" },
		{ "-P broadcaster,interval=0", "interval", "expected" },
		{ "-P broadcaster,topic=a..b", "topic", "a..b" },
		{ "-P logger,format=xml", "xml", "text" },
		{ "-P logger,file=/no/such/folder/log", "/no/such/folder/log",
		    "logger" },
		{ "-P logger,@nosuch=1", "@nosuch", "logger" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct daemon *run = daemon_create();
		int code = daemon_run(run,
		    "--bind 127.0.0.1:0 --plugin-dir " GV_PLUGIN_DIR " %s",
		    cases[i].args);

		print_message("%s\n", cases[i].args);
		check_end(run, code, 4, cases[i].found, cases[i].words);
	}
}

static void
copy_file(const char *from, const char *to)
{
	char bytes[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t len;

	assert_true(in >= 0 && out >= 0);
	while ((len = read(in, bytes, sizeof(bytes))) > 0) {
		assert_int_equal(write(out, bytes, (size_t)len), len);
	}
	close(in);
	close(out);
}

enum trap { FILE_WRITABLE, FOLDER_WRITABLE, SYMLINK, TEXT_FILE, FIFO, GOOD };

static void
runs_only_files_that_nobody_else_can_change(void **state)
{
	static const struct {
		enum trap trap;
		const char *words;
	} cases[] = {
		{ FILE_WRITABLE, "chmod" },
		{ FOLDER_WRITABLE, "chmod" },
		{ SYMLINK, "symbolic link" },
		{ TEXT_FILE, "no shared object" },
		{ FIFO, "no regular file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct daemon *run = daemon_create();
		char dir[] = "/tmp/gv-plugins-XXXXXX";
		char path[64], target[64];
		int code, fd;

		assert_non_null(mkdtemp(dir));
		snprintf(path, sizeof(path), "%s/constructor.so", dir);
		snprintf(target, sizeof(target), "%s/target", dir);
		/* If it were loaded, it would crash. */
		switch (cases[i].trap) {
		case SYMLINK:
			copy_file(GV_ZOO_DIR "/constructor.so", target);
			assert_int_equal(symlink(target, path), 0);
			break;
		case TEXT_FILE:
			fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
			assert_int_equal(write(fd, "#!/bin/sh\n", 10), 10);
			close(fd);
			break;
		case FIFO:
			assert_int_equal(mkfifo(path, 0600), 0);
			break;
		case FILE_WRITABLE:
		case FOLDER_WRITABLE:
		case GOOD:
		default:
			copy_file(GV_ZOO_DIR "/constructor.so", path);
			break;
		}
		if (cases[i].trap == FILE_WRITABLE) {
			assert_int_equal(chmod(path, 0777), 0);
		}
		if (cases[i].trap == FOLDER_WRITABLE) {
			assert_int_equal(chmod(dir, 0777), 0);
		}
		code = daemon_run(
		    run, "--bind 127.0.0.1:0 -P %s --log-format json", path);
		(void)unlink(path);
		(void)unlink(target);
		assert_int_equal(rmdir(dir), 0);
		check_end(run, code, 4,
		    cases[i].trap == FOLDER_WRITABLE ? dir : path,
		    cases[i].words);
	}
}

static void
goes_on_without_an_optional_plugin(void **state)
{
	struct daemon *node = daemon_start(
	    "-P " GV_ZOO_DIR "/create-fails.so,@optional -P logger");

	(void)state;
	daemon_wait_event(node, "plugin_refused", NULL, NULL);
	daemon_wait_event(node, "plugin_loaded", "plugin", "logger");
	daemon_stop(node);
}

static void
lists_plugins_and_runs_none(void **state)
{
	struct daemon *run = daemon_create();
	const cJSON *plugin, *plugins;
	bool logger = false, refused = false, constructor = false;
	char *text;
	cJSON *json;

	(void)state;
	/* The constructor is in there: loading it would crash. */
	assert_int_equal(daemon_run(run,
	                     "--list-plugins --plugin-dir %s "
	                     "--plugin-dir %s",
	                     GV_PLUGIN_DIR, GV_ZOO_DIR),
	    0);
	assert_int_equal(daemon_count_lines(run, "stdout", "broadcaster"), 1);
	assert_true(daemon_count_lines(run, "stdout", "other-major") > 0);

	run = daemon_create();
	assert_int_equal(daemon_run(run,
	                     "--list-plugins --json --plugin-dir %s "
	                     "--plugin-dir %s --plugins logger",
	                     GV_PLUGIN_DIR, GV_ZOO_DIR),
	    0);
	text = daemon_text(run, "stdout");
	json = cJSON_Parse(text);
	free(text);
	assert_non_null(json);
	plugins = cJSON_GetObjectItemCaseSensitive(json, "plugins");
	assert_true(cJSON_IsArray(plugins));
	cJSON_ArrayForEach(plugin, plugins)
	{
		const char *file = cJSON_GetStringValue(
		    cJSON_GetObjectItemCaseSensitive(plugin, "file"));
		const char *status = cJSON_GetStringValue(
		    cJSON_GetObjectItemCaseSensitive(plugin, "status"));

		assert_non_null(file);
		assert_non_null(status);
		logger = logger || strstr(file, "/logger.so") != NULL;
		constructor = constructor ||
		              strstr(file, "/constructor.so") != NULL;
		refused = refused || (strstr(file, "/other-major.so") != NULL &&
		                         strcmp(status, "refused") == 0);
	}
	cJSON_Delete(json);
	assert_true(logger && constructor && refused);
}

static void
explains_a_plugins_options(void **state)
{
	struct daemon *run = daemon_create();

	(void)state;
	assert_int_equal(
	    daemon_run(run, "--plugin-help broadcaster --plugin-dir %s",
	        GV_PLUGIN_DIR),
	    0);
	assert_true(daemon_count_lines(run, "stdout", "interval") > 0);
	assert_true(daemon_count_lines(run, "stdout", "10s") > 0);
	run = daemon_create();
	check_end(run,
	    daemon_run(
	        run, "--plugin-help nosuch --plugin-dir %s", GV_PLUGIN_DIR),
	    4, "nosuch", GV_PLUGIN_DIR);
}

static void
two_echoing_neighbours_stay_silent(void **state)
{
	struct daemon *one = daemon_start("--name one --plugins logger,echo");
	struct daemon *two = daemon_start("--name two --plugins logger,echo "
	                                  "--peers ws://127.0.0.1:%u",
	    (unsigned)one->port);
	struct client *client, *far;

	(void)state;
	daemon_wait_links(one, 1);
	daemon_wait_links(two, 1);
	client = client_open(one->port, "/e");
	far = client_open(two->port, "/e");
	client_sync(far);
	client_text(client, "anybody here?");
	/* Its own node's echo answers it, the other's answers the node. */
	client_expect_text(client, "anybody here?");
	client_expect_text(far, "anybody here?");
	daemon_wait_counter(one, "mesh.replies", 1);
	daemon_wait_lines(one, "stdout", "anybody here?", 2);
	/* Nothing travels any more. */
	daemon_hold_lines(one, "stdout", "anybody here?", 2, 1500);
	daemon_hold_lines(two, "stdout", "anybody here?", 1, 100);
	assert_int_equal(daemon_counter(one, "mesh.received"), 1);
	assert_int_equal(daemon_counter(two, "mesh.received"), 1);
	client_expect_nothing(client);
	client_expect_nothing(far);
}

static void
echoes_each_kind_as_it_came(void **state)
{
	struct daemon *node = daemon_start("--plugins echo");
	struct client *client = client_open(node->port, "/e");

	(void)state;
	for (int i = 0; i < 100; i++) {
		client_text(client, "text");
		client_frame(client, CLIENT_BINARY, "\0\xff", 2);
		client_expect_text(client, "text");
		client_expect(client, CLIENT_BINARY, "\0\xff", 2);
	}
	client_expect_nothing(client);
}

static void
logs_what_it_sees_and_escapes_it(void **state)
{
	struct daemon *node = daemon_start("--plugins logger");
	struct client *client = client_open(node->port, "/l");
	char *text;

	(void)state;
	client_text(client, "one\n12:00:00.000 message  forged\x1b[2J\x7f");
	client_frame(client, CLIENT_BINARY, "\x01\x02\xff", 3);
	client_text(client, "end");
	daemon_wait_lines(node, "stdout", "\"end\"", 1);
	assert_int_equal(daemon_count_lines(node, "stdout", "topic=l"), 3);
	text = daemon_text(node, "stdout");
	for (char *at = text; *at != '\0'; at++) {
		/* SAFETY L1: not one raw control byte. */
		assert_true(
		    *at == '\n' || ((unsigned char)*at >= 0x20 && *at != 0x7f));
		assert_true(at == text || at[-1] != '\n' ||
		            strncmp(at, "12:00:00.000", 12) != 0);
	}
	free(text);
}

static void
goes_on_when_nobody_takes_its_output(void **state)
{
	struct daemon *node = daemon_create();
	struct client *client;

	(void)state;
	node->out_is_full = true; /* every write to stdout: no space left */
	daemon_launch(node, "--plugins logger,echo");
	daemon_wait_ready(node);
	client = client_open(node->port, "/f");
	for (int i = 0; i < 100; i++) {
		client_text(client, "not to be logged");
		client_expect_text(client, "not to be logged");
	}
	daemon_wait_counter(node, "plugins.logger.own.dropped", 100);
	daemon_stop(node);
}

static void
logs_to_a_file_that_was_moved(void **state)
{
	struct daemon *node = daemon_create();
	struct client *client;
	char path[128], moved[128];

	(void)state;
	daemon_launch(
	    node, "-P logger,file=/tmp/gv-logger-%d.log", (int)getpid());
	daemon_wait_ready(node);
	snprintf(path, sizeof(path), "/tmp/gv-logger-%d.log", (int)getpid());
	daemon_path(node, "moved", moved);
	client = client_open(node->port, "/f");
	client_text(client, "before");
	daemon_wait_counter(node, "plugins.logger.own.lines", 1);
	assert_int_equal(rename(path, moved), 0);
	while (access(path, F_OK) != 0) { /* "within a second" */
		client_text(client, "after");
		(void)daemon_state(node);
		assert_true(daemon_is_alive(node));
	}
	assert_int_equal(daemon_count_lines(node, "moved", "before"), 1);
	daemon_stop(node);
	unlink(path);
}

/* A plugin that takes its time slows neither clients nor links. */
static void
is_not_slowed_by_a_slow_plugin(void **state)
{
	enum { MESSAGES = 300 };
	struct daemon *node = daemon_start(
	    "-P " GV_ZOO_DIR "/slow.so --name one --drain 1");
	struct daemon *two = daemon_start(
	    "--peers ws://127.0.0.1:%u", (unsigned)node->port);
	struct client *from, *far;

	(void)state;
	daemon_wait_links(node, 1);
	daemon_wait_links(two, 1);
	from = client_open(node->port, "/s?echo=1");
	far = client_open(two->port, "/s");
	client_sync(far);
	for (int i = 0; i < MESSAGES; i++) {
		client_text(from, "quick");
	}
	for (int i = 0; i < MESSAGES; i++) {
		client_expect_text(from, "quick");
		client_expect_text(far, "quick");
	}
	/* 120 ms each: it cannot be through yet. */
	assert_true(daemon_counter(node, "host.dispatched") < MESSAGES);
	daemon_wait_event(node, "plugin_slow", "plugin", "slow");
	/* And --drain bounds its stop: what it had no time for is told. */
	daemon_signal(node, SIGTERM);
	assert_int_equal(daemon_wait_exit(node), 6);
	daemon_wait_event(node, "drain_exceeded", "plugin", "slow");
}

static void
hands_a_plugin_only_its_topics(void **state)
{
	struct daemon *node = daemon_start("-P logger,@topics=a.> -P echo");
	struct client *client = client_open(node->port, "/a/b");
	struct client *other = client_open(node->port, "/b");

	(void)state;
	client_text(other, "not for the logger");
	client_expect_text(other, "not for the logger");
	client_text(client, "for the logger");
	client_expect_text(client, "for the logger");
	daemon_wait_lines(node, "stdout", "for the logger", 1);
	assert_int_equal(
	    daemon_count_lines(node, "stdout", "not for the logger"), 0);
}

static void
a_chatty_plugin_ends_in_full_queues_not_in_trouble(void **state)
{
	struct daemon *node = daemon_start(
	    "-P " GV_ZOO_DIR "/chatty.so --queue 64K..256K --max-message 64K");
	struct client *client = client_open(node->port, "/c");
	struct client_frame frame;

	(void)state;
	client_text(client, "go on");
	for (int i = 0; i < 1000; i++) {
		assert_true(client_read_frame(client, &frame));
		assert_int_equal(frame.first, CLIENT_BINARY);
		client_frame_free(&frame);
	}
	daemon_wait_counter(node, "host.requests_full", 1);
	client_close(client);
	daemon_stop(node);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_every_animal_of_the_zoo),
		TEST(takes_a_newer_minor),
		TEST(refuses_one_name_twice),
		TEST(tells_what_is_missing_or_wrong),
		TEST(runs_only_files_that_nobody_else_can_change),
		TEST(goes_on_without_an_optional_plugin),
		TEST(lists_plugins_and_runs_none),
		TEST(explains_a_plugins_options),
		TEST(two_echoing_neighbours_stay_silent),
		TEST(echoes_each_kind_as_it_came),
		TEST(logs_what_it_sees_and_escapes_it),
		TEST(goes_on_when_nobody_takes_its_output),
		TEST(logs_to_a_file_that_was_moved),
		TEST(is_not_slowed_by_a_slow_plugin),
		TEST(hands_a_plugin_only_its_topics),
		TEST(a_chatty_plugin_ends_in_full_queues_not_in_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
