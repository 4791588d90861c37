/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "fixtures/box.h"
#include "fixtures/folder.h"

struct fixture {
	struct box box;
	struct folder folder;
	const char *file; /* in the folder */
	char text[16384]; /* of the file */
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	folder_open(&fixture->folder);
	fixture->file = folder_file(&fixture->folder, "log");
	(void)folder_file(&fixture->folder, "log.1");
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	folder_close(&fixture->folder);
	free(fixture);
	return 0;
}

/* The logger with its file and these options. */
static void
begin(struct fixture *fixture, const char *options)
{
	char spec[512];

	(void)snprintf(
	    spec, sizeof(spec), "logger,file=%s%s", fixture->file, options);
	box_open(&fixture->box, GV_PLUGIN_DIR);
	box_load(&fixture->box, spec);
	box_start(&fixture->box);
}

static void
end(struct fixture *fixture)
{
	box_stop(&fixture->box);
	box_close(&fixture->box);
}

static void
deliver(
    struct fixture *fixture, uint32_t flags, const void *payload, size_t len)
{
	struct message_view view = {
		.origin = { { 0xab, 0x12, 0xcd, 0x34 } },
		.seq = 7,
		.from = 3,
		.hops = 1,
		.flags = flags,
		.topic = "public",
		.topic_len = 6,
		.payload = payload,
		.payload_len = len,
	};

	host_deliver(fixture->box.host, &view, -1);
	host_flush(fixture->box.host);
}

static const char *
read_file(struct fixture *fixture, const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	assert_non_null(file);
	len = fread(fixture->text, 1, sizeof(fixture->text) - 1, file);
	fixture->text[len] = '\0';
	(void)fclose(file);
	return fixture->text;
}

static void
expect_match(const char *text, const char *pattern)
{
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, text, 0, NULL, 0) != 0) {
		fail_msg("%s does not match %s", text, pattern);
	}
	regfree(&regex);
}

static void
writes_a_line_for_each_thing(void **state)
{
	struct fixture *fixture = *state;
	const struct nodeid id = { { 0xab, 0x12, 0xcd, 0x34 } };

	begin(fixture, "");
	host_on_peer(fixture->box.host, 4, &id, "edge-2", true);
	host_on_gap(fixture->box.host, &id, 8, 3);
	deliver(fixture, MESSAGE_TEXT, "Message from x", 14);
	deliver(fixture, MESSAGE_TEXT | MESSAGE_REPLY, "", 0);
	end(fixture);
	expect_match(read_file(fixture, fixture->file),
	    "^[0-9:]{8}\\.[0-9]{3} peer     up node=ab12cd34 conn=4 "
	    "name=\"edge-2\"\n"
	    "[0-9:]{8}\\.[0-9]{3} gap      from=ab12cd34 first=8 count=3\n"
	    "[0-9:]{8}\\.[0-9]{3} message  topic=public from=ab12cd34 seq=7 "
	    "hops=1 \"Message from x\"\n"
	    "[0-9:]{8}\\.[0-9]{3} message  topic=public from=ab12cd34 seq=7 "
	    "hops=1 reply=1 \"\"\n$");
}

static void
writes_json_that_programs_can_read(void **state)
{
	struct fixture *fixture = *state;
	const struct nodeid id = { { 0xab } };

	begin(fixture, ",format=json");
	host_on_peer(fixture->box.host, 4, &id, "a\"\xff", false);
	host_on_gap(fixture->box.host, &id, 8, 3);
	deliver(fixture, MESSAGE_TEXT, "\"\\\n\x7f\xc2\x85\xc3\xa9", 8);
	deliver(fixture, 0, "\x00\xff", 2);
	end(fixture);
	(void)read_file(fixture, fixture->file);
	expect_match(fixture->text,
	    "^\\{\"ts\":\"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z\","
	    "\"type\":\"peer\",\"state\":\"down\",\"node\":\"ab0{30}\","
	    "\"conn\":4,\"name\":\"a");
	assert_non_null(strstr(fixture->text, "\"name\":\"a\\\"\\ufffd\"}\n"));
	assert_non_null(strstr(fixture->text, ",\"first\":8,\"count\":3}\n"));
	assert_non_null(strstr(fixture->text,
	    "\"hops\":1,\"payload\":\"\\\"\\\\\\u000a\\u007f\\u0085"
	    "\xc3\xa9\"}\n"));
	assert_non_null(strstr(fixture->text, ",\"payload_hex\":\"00ff\"}\n"));
}

static void
lets_no_payload_disturb_a_terminal(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "");
	deliver(fixture, MESSAGE_TEXT, "\033[2J\r\n\"\\\xc2\x9b\xc3\xa9", 12);
	deliver(fixture, 0, "\xed\xa0\x80\xf8\xc0\x80", 6);
	end(fixture);
	(void)read_file(fixture, fixture->file);
	assert_non_null(strstr(fixture->text,
	    " \"\\x1b[2J\\x0d\\x0a\\\"\\\\\\xc2\\x9b\xc3\xa9\"\n"));
	assert_non_null(
	    strstr(fixture->text, "\"\\xed\\xa0\\x80\\xf8\\xc0\\x80\"\n"));
}

static void
shows_payloads_as_hex_or_not_at_all(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ",payload=hex");
	deliver(fixture, MESSAGE_TEXT, "\x01Z", 2);
	end(fixture);
	begin(fixture, ",payload=none");
	deliver(fixture, MESSAGE_TEXT, "secret", 6);
	end(fixture);
	/* The second one appended. */
	expect_match(read_file(fixture, fixture->file),
	    "hops=1 hex=015a\n.*hops=1 len=6\n$");
}

static void
keeps_whole_payloads_in_a_file(void **state)
{
	struct fixture *fixture = *state;
	char payload[9000];

	memset(payload, 'z', sizeof(payload));
	begin(fixture, "");
	deliver(fixture, MESSAGE_TEXT, payload, sizeof(payload));
	end(fixture);
	(void)read_file(fixture, fixture->file);
	assert_int_equal(
	    strspn(strchr(fixture->text, 'z'), "z"), sizeof(payload));
}

static void
makes_the_file_for_its_owner_and_group(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;
	mode_t before = umask(0);

	begin(fixture, "");
	(void)umask(before);
	assert_int_equal(stat(fixture->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	end(fixture);
}

static void
begins_a_new_file_when_it_is_too_large(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ",max_bytes=160");
	for (int i = 0; i < 3; i++) {
		deliver(fixture, MESSAGE_TEXT, i == 2 ? "new" : "old", 3);
	}
	end(fixture);
	expect_match(read_file(fixture, fixture->file), "^[^\n]* \"new\"\n$");
	expect_match(read_file(fixture, fixture->folder.file[1]),
	    "^[^\n]* \"old\"\n[^\n]* \"old\"\n$");
}

static void
opens_the_file_again_after_it_was_moved(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;

	begin(fixture, "");
	deliver(fixture, MESSAGE_TEXT, "old", 3);
	box_wait_stats(&fixture->box, "\"lines\":1,");
	assert_int_equal(rename(fixture->file, fixture->folder.file[1]), 0);
	while (stat(fixture->file, &st) != 0) {
		(void)sched_yield();
	}
	deliver(fixture, MESSAGE_TEXT, "new", 3);
	end(fixture);
	expect_match(read_file(fixture, fixture->file), "^[^\n]* \"new\"\n$");
}

static void
drops_and_counts_when_the_disk_is_full(void **state)
{
	struct box box;

	(void)state;
	box_open(&box, GV_PLUGIN_DIR);
	box_load(&box, "logger,file=/dev/full");
	box_start(&box);
	box_deliver(&box, "a", "x");
	box_deliver(&box, "a", "y");
	box_wait_stats(&box, "\"own\":{\"lines\":0,\"dropped\":2,\"cut\":0}");
	box_stop(&box);
	box_close(&box);
}

/* A pipe in place of stdout; returns its other end. */
static int
take_stdout(int *kept)
{
	int ends[2];

	(void)fflush(stdout);
	*kept = dup(STDOUT_FILENO);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	(void)close(ends[1]);
	return ends[0];
}

static void
give_stdout_back(int kept)
{
	(void)dup2(kept, STDOUT_FILENO);
	(void)close(kept);
}

static void
cuts_lines_on_stdout_and_never_waits_for_it(void **state)
{
	struct fixture *fixture = *state;
	struct box *box = &fixture->box;
	char payload[4000];
	int kept;
	int out;
	ssize_t len;

	memset(payload, '\n', sizeof(payload));
	box_open(box, GV_PLUGIN_DIR);
	box_load(box, "logger");
	out = take_stdout(&kept);
	box_start(box);
	/* 16 lines fill the pipe, which nobody reads. */
	for (int i = 0; i < 100; i++) {
		deliver(fixture, MESSAGE_TEXT, payload, sizeof(payload));
	}
	box_stop(box);
	give_stdout_back(kept);
	box_expect_stats(box, "\"messages\":100,");
	box_expect_stats(box, "\"cut\":100}");
	box_expect_stats(box, "\"dropped\":8"); /* 80 and some */
	len = read(out, fixture->text, 4096);
	assert_true(len > 0);
	fixture->text[len] = '\0';
	*(strchr(fixture->text, '\n') + 1) = '\0';
	assert_true(strlen(fixture->text) <= 4096);
	expect_match(fixture->text, "(\\\\x0a)+\" cut=[0-9]+\n$");
	(void)close(out);
	box_close(box);
}

static void
says_why_it_cannot_start(void **state)
{
	struct box box;
	struct diag diag = { "" };

	(void)state;
	box_open(&box, GV_PLUGIN_DIR);
	box_load(&box, "logger,file=/nowhere/log");
	assert_int_equal(host_start(box.host, &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "/nowhere/log: No such file"));
	box_close(&box);
	box_open(&box, GV_PLUGIN_DIR);
	box_load(&box, "logger,max_bytes=1M");
	assert_int_equal(host_start(box.host, &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "max_bytes: needs file=PATH"));
	box_close(&box);
}

int
main(void)
{
#define LOGGER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		LOGGER_TEST(writes_a_line_for_each_thing),
		LOGGER_TEST(writes_json_that_programs_can_read),
		LOGGER_TEST(lets_no_payload_disturb_a_terminal),
		LOGGER_TEST(shows_payloads_as_hex_or_not_at_all),
		LOGGER_TEST(keeps_whole_payloads_in_a_file),
		LOGGER_TEST(makes_the_file_for_its_owner_and_group),
		LOGGER_TEST(begins_a_new_file_when_it_is_too_large),
		LOGGER_TEST(opens_the_file_again_after_it_was_moved),
		LOGGER_TEST(drops_and_counts_when_the_disk_is_full),
		LOGGER_TEST(cuts_lines_on_stdout_and_never_waits_for_it),
		LOGGER_TEST(says_why_it_cannot_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
