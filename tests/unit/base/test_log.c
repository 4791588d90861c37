/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "support/fault.h"

/* A folder with a log file, and a place for the real stderr. */
struct fixture {
	char dir[64], path[96];
	int saved_stderr;
	char text[64 * 1024];
};

static int
fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	(void)strcpy(fixture->dir, "/tmp/gv-log-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	(void)snprintf(
	    fixture->path, sizeof(fixture->path), "%s/log", fixture->dir);
	fixture->saved_stderr = dup(2);
	*state = fixture;
	return 0;
}

static int
fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	log_close();
	(void)dup2(fixture->saved_stderr, 2);
	(void)close(fixture->saved_stderr);
	(void)unlink(fixture->path);
	(void)rmdir(fixture->dir);
	free(fixture);
	return 0;
}

static void
open_log(const char *path, enum log_format format, const char *filter)
{
	struct diag diag;

	assert_int_equal(log_open(&(struct log_config){ .filter = filter,
	                              .format = format,
	                              .file = path },
	                     &diag),
	    ERR_OK);
}

/* What is in the log file. */
static const char *
read_log(struct fixture *fixture)
{
	FILE *file = fopen(fixture->path, "re");
	size_t len;

	assert_non_null(file);
	len = fread(fixture->text, 1, sizeof(fixture->text) - 1, file);
	fixture->text[len] = '\0';
	(void)fclose(file);
	return fixture->text;
}

static size_t
count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (text = strstr(text, what); text != NULL;
	     text = strstr(text + 1, what)) {
		n++;
	}
	return n;
}

static void
assert_has(const char *text, const char *what)
{
	if (strstr(text, what) == NULL) {
		fail_msg("'%s' is not in '%s'", what, text);
	}
}

/* The tests use an event of their own each: the limit of ten a second counts
 * through the whole program. */
static void
writes_text_for_people(void **state)
{
	struct fixture *fixture = *state;
	int h, m, s, ms, end = 0;

	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	log_info("mesh", "t_text", "peer up", LOG_STR("name", "edge-2"),
	    LOG_U64("rtt_us", 1200), LOG_STR("why", "a b"), LOG_STR("no", ""));
	read_log(fixture);
	assert_int_equal(
	    sscanf(fixture->text, "%2d:%2d:%2d.%3d%n", &h, &m, &s, &ms, &end),
	    4);
	assert_string_equal(fixture->text + end,
	    " info  mesh   peer up name=edge-2 rtt_us=1200 why=\"a b\" "
	    "no=\"\"\n");
}

static void
writes_one_json_object_a_line(void **state)
{
	struct fixture *fixture = *state;
	char ts[32];

	open_log(fixture->path, LOG_FORMAT_JSON, NULL);
	log_warn("net", "t_json", "say \"hi\"", LOG_STR("k", "v\\"),
	    LOG_U64("n", UINT64_MAX), LOG_RAW("state", "{\"a\":\n1}"));
	read_log(fixture);
	assert_int_equal(
	    sscanf(fixture->text, "{\"ts\":\"%25[0-9T:.-]Z\"", ts), 1);
	assert_int_equal(strlen(ts), strlen("2026-01-02T03:04:05.678"));
	assert_string_equal(
	    fixture->text + strlen("{\"ts\":\"Z\"") + strlen(ts),
	    ",\"level\":\"warn\",\"mod\":\"net\",\"event\":\"t_json\","
	    "\"msg\":\"say \\\"hi\\\"\",\"k\":\"v\\\\\","
	    "\"n\":18446744073709551615,\"state\":{\"a\": 1}}\n");
}

static void
writes_logfmt(void **state)
{
	struct fixture *fixture = *state;

	open_log(fixture->path, LOG_FORMAT_LOGFMT, NULL);
	log_info("app", "t_logfmt", "ready to go", LOG_STR("a", "b"),
	    LOG_RAW("raw", "{\"x\":1}"));
	assert_has(read_log(fixture),
	    "Z level=info mod=app event=t_logfmt msg=\"ready to go\" a=b "
	    "raw=\"{\\\"x\\\":1}\"\n");
}

static void
writes_json_to_what_is_no_terminal(void **state)
{
	struct fixture *fixture = *state;

	open_log(fixture->path, LOG_FORMAT_AUTO, NULL);
	log_info("app", "t_auto", "hello");
	assert_int_equal(read_log(fixture)[0], '{');
}

static void
writes_text_to_a_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char text[256];
	ssize_t n;
	int slave;

	(void)state;
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
		skip();
	}
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_true(dup2(slave, 2) == 2);
	open_log(NULL, LOG_FORMAT_AUTO, NULL);
	log_info("app", "t_tty", "hello");
	n = read(master, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_has(text, " info  app    hello\r\n");
	(void)close(slave);
	(void)close(master);
}

static void
filters_by_module(void **state)
{
	struct fixture *fixture = *state;

	open_log(fixture->path, LOG_FORMAT_TEXT, "warn,mesh=debug,net=error");
	assert_true(log_is_on(LOG_WARN, "app"));
	assert_false(log_is_on(LOG_INFO, "app"));
	assert_true(log_is_on(LOG_DEBUG, "mesh"));
	assert_false(log_is_on(LOG_TRACE, "mesh"));
	assert_true(log_is_on(LOG_ERROR, "net"));
	assert_false(log_is_on(LOG_WARN, "net"));
	assert_false(log_is_on(LOG_DEBUG, "meshes"));
	assert_false(log_is_on(LOG_DEBUG, "mes"));
	log_info("app", "t_filter", "hidden");
	log_debug("mesh", "t_filter", "shown");
	assert_int_equal(count_of(read_log(fixture), "hidden"), 0);
	assert_int_equal(count_of(fixture->text, "shown"), 1);
}

static void
lets_the_last_rule_win(void **state)
{
	struct fixture *fixture = *state;

	open_log(fixture->path, LOG_FORMAT_TEXT, "mesh=debug,info,mesh=warn");
	assert_false(log_is_on(LOG_INFO, "mesh"));
	assert_true(log_is_on(LOG_WARN, "mesh"));
}

static void
refuses_a_bad_filter_and_keeps_the_old(void **state)
{
	static const char *const bad[] = { "", "loud", "info,", ",info",
		"mesh=", "=debug", "mesh=loud", "INFO", "info mesh=debug",
		"a-name-that-is-longer-than-any-module=info",
		"a=info,b=info,c=info,d=info,e=info,f=info,g=info,h=info,"
		"i=info,j=info,k=info,l=info,m=info,n=info,o=info,p=info,"
		"q=info" };
	struct fixture *fixture = *state;

	open_log(fixture->path, LOG_FORMAT_TEXT, "debug");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct log_config config = { .filter = bad[i] };
		struct diag diag = { "" };

		assert_int_equal(log_open(&config, &diag), ERR_INVALID);
		assert_has(diag.text, "expected");
	}
	assert_true(log_is_on(LOG_DEBUG, "app"));
}

static void
escapes_a_filter_it_refuses(void **state)
{
	struct log_config config = { .filter = "\x1b[2J" };
	struct diag diag;

	(void)state;
	assert_int_equal(log_open(&config, &diag), ERR_INVALID);
	assert_has(diag.text, "\\x1b[2J");
}

static void
refuses_a_file_it_cannot_open(void **state)
{
	struct log_config config = { .file = "/nowhere/at/all" };
	struct diag diag;

	(void)state;
	assert_int_equal(log_open(&config, &diag), ERR_SYSTEM);
	assert_has(diag.text, "/nowhere/at/all");
	assert_has(diag.text, "--log-file");
}

static void
says_so_when_memory_is_short(void **state)
{
	struct fixture *fixture = *state;
	struct log_config config = { .file = fixture->path };
	struct diag diag;
	enum err err;

	fault_fail_nth(1);
	err = log_open(&config, &diag);
	assert_true(fault_off());
	assert_int_equal(err, ERR_NOMEM);
}

static void
drops_a_long_line_when_memory_is_short(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = log_dropped();

	open_log(fixture->path, LOG_FORMAT_JSON, NULL);
	fault_fail_nth(1);
	log_info("app", "t_long", "hello", LOG_RAW("state", "{}"));
	assert_true(fault_off());
	assert_int_equal(log_dropped(), before + 1);
}

static void
lets_nobody_forge_a_line(void **state)
{
	static const char evil[] = "x\n12:00:00.000 error app forged\r\x1b[2J"
	                           "\xc2\x9b\xe2\x80\xae\xff\x7f\" a=\"b";
	struct fixture *fixture = *state;
	enum log_format formats[] = { LOG_FORMAT_TEXT, LOG_FORMAT_JSON,
		LOG_FORMAT_LOGFMT };

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		(void)unlink(fixture->path);
		open_log(fixture->path, formats[i], NULL);
		log_info("app", "t_forge", evil,
		    LOG_BYTES("k", evil, sizeof(evil)), LOG_STR("end", "e"));
		read_log(fixture);
		assert_int_equal(count_of(fixture->text, "\n"), 1);
		for (const char *at = fixture->text; *at != '\n'; at++) {
			assert_true((uint8_t)*at >= 0x20);
			assert_true((uint8_t)*at < 0x7f);
		}
		/* Once where text shows the message, never in a value. */
		assert_int_equal(count_of(fixture->text, "\" a=\"b"),
		    formats[i] == LOG_FORMAT_TEXT ? 1 : 0);
	}
	open_log(fixture->path, LOG_FORMAT_JSON, NULL);
	log_info("app", "t_forge", "m", LOG_BYTES("k", "\0\n\xff\xc2\x9b", 5));
	assert_has(read_log(fixture), "\"k\":\"\\u0000\\u000a\\\\xff\\u009b\"");
}

/* Every string of two bytes: the line stays one, printable and quoted. */
static void
escapes_any_bytes(void **state)
{
	char out[64];

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		uint8_t in[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		size_t len = log_escape(out, sizeof(out), in, 2);

		assert_int_equal(len, strlen(out));
		for (size_t k = 0; k < len; k++) {
			assert_true((uint8_t)out[k] >= 0x20);
			assert_true(out[k] != 0x7f);
		}
	}
}

static void
keeps_printable_utf8(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x8d\x87", "\xf0\x9f\x8d\x87" },
		{ "a\\b", "a\\x5c"
		          "b" },
		{ "\xc0\xaf", "\\xc0\\xaf" },                   /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* too far */
		{ "\xe2\x82", "\\xe2\\x82" },                   /* cut off */
		{ "\x80", "\\x80" },
		{ "tab\t", "tab\\x09" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)log_escape(
		    out, sizeof(out), cases[i].in, strlen(cases[i].in));
		assert_string_equal(out, cases[i].out);
	}
}

static void
cuts_an_escape_only_as_a_whole(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(log_escape(out, 4, "ab\n", 3), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(log_escape(out, 4, "ab\xc3\xbc", 4), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(log_escape(out, 1, "ab", 2), 0);
	assert_string_equal(out, "");
	assert_int_equal(log_escape(NULL, 0, "ab", 2), 0);
}

static void
cuts_what_is_too_long_and_says_so(void **state)
{
	struct fixture *fixture = *state;
	char *big = malloc(100000);

	assert_non_null(big);
	memset(big, 1, 100000);
	for (int i = 0; i < 2; i++) {
		(void)unlink(fixture->path);
		open_log(fixture->path,
		    i == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, NULL);
		log_info("app", "t_cut", "m", LOG_BYTES("a", big, 100000),
		    LOG_BYTES("b", big, 600), LOG_U64("last", 7));
		read_log(fixture);
		assert_true(strlen(fixture->text) <= 4096);
		assert_has(fixture->text, i == 0 ? "\"last\":7" : " last=7");
		assert_has(
		    fixture->text, i == 0 ? ",\"cut\":true}\n" : " cut=true\n");
	}
	free(big);
}

static void
writes_a_long_raw_field_whole(void **state)
{
	struct fixture *fixture = *state;
	char *big = malloc(20001);

	assert_non_null(big);
	memset(big, '1', 20000);
	big[20000] = '\0';
	open_log(fixture->path, LOG_FORMAT_JSON, NULL);
	log_info("app", "t_big", "m", LOG_RAW("state", big));
	assert_has(read_log(fixture), big);
	assert_int_equal(count_of(fixture->text, "cut"), 0);
	free(big);
}

static void
writes_ten_lines_of_an_event_and_counts_the_rest(void **state)
{
	struct fixture *fixture = *state;

	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	for (int i = 0; i < 1000; i++) {
		log_info("net", "t_flood", "flood");
	}
	log_info("net", "t_other", "another");
	read_log(fixture);
	/* The thousand may have taken longer than a second, but not many. */
	assert_in_range(count_of(fixture->text, "flood"), 10, 500);
	assert_int_equal(count_of(fixture->text, "another"), 1);
}

static void
tells_how_many_were_suppressed(void **state)
{
	struct fixture *fixture = *state;
	unsigned long written = 0, told = 0, sent = 0;

	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	/* Until a line says so: it comes a second after the first. */
	while (told == 0) {
		struct stat st;
		off_t before;

		assert_int_equal(stat(fixture->path, &st), 0);
		before = st.st_size;
		log_info("net", "t_told", "told");
		assert_int_equal(stat(fixture->path, &st), 0);
		sent++;
		if (st.st_size > before) {
			const char *at;

			written++;
			at = strstr(read_log(fixture), "suppressed=");
			told = at == NULL ? 0
			                  : strtoul(at + strlen("suppressed="),
			                        NULL, 10);
		}
	}
	assert_int_equal(sent, written + told);
}

static void
bounds_the_events_it_counts(void **state)
{
	struct fixture *fixture = *state;
	char event[32];

	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(event, sizeof(event), "t_many_%d", i);
		log_info("net", event, "many");
	}
	/* The rows of the table, and ten a second of all the rest. */
	assert_in_range(count_of(read_log(fixture), "many"), 60, 500);
}

static void
drops_and_counts_on_a_full_disk(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = log_dropped();
	struct stat st;

	if (stat("/dev/full", &st) != 0) {
		skip();
	}
	open_log("/dev/full", LOG_FORMAT_JSON, NULL);
	log_info("app", "t_full", "one");
	log_info("app", "t_full", "two");
	assert_int_equal(log_dropped(), before + 2);
	open_log(fixture->path, LOG_FORMAT_JSON, NULL);
	log_info("app", "t_full", "three");
	assert_has(read_log(fixture), "\"dropped\":");
	log_info("app", "t_full", "four");
	assert_int_equal(count_of(read_log(fixture), "dropped"), 1);
}

/* stderr becomes `fd`; fills it until lines are lost.  A log that blocks never
 * comes back from here: the time limit of the test fails it. */
static void
fill(int fd)
{
	uint64_t before = log_dropped();
	char event[32];

	assert_true(dup2(fd, 2) == 2);
	open_log(NULL, LOG_FORMAT_JSON, NULL);
	for (int i = 0; log_dropped() < before + 5; i++) {
		/* Only a few lines of each event pass: so write wide ones. */
		static char wide[1000];

		memset(wide, 'x', sizeof(wide));
		(void)snprintf(event, sizeof(event), "t_fill_%d", i % 30);
		log_info("app", event, "fill", LOG_BYTES("w", wide, 1000),
		    LOG_BYTES("x", wide, 1000), LOG_BYTES("y", wide, 1000));
	}
}

static void
never_blocks_on_a_pipe_that_nobody_reads(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
	fill(fds[1]);
	/* The writer's end stays as others have it. */
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
never_blocks_on_a_socket_that_nobody_reads(void **state)
{
	int fds[2], small = 1;

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	(void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	fill(fds[1]);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
survives_a_reader_that_went_away(void **state)
{
	uint64_t before = log_dropped();
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)close(fds[0]);
	assert_true(dup2(fds[1], 2) == 2);
	open_log(NULL, LOG_FORMAT_JSON, NULL);
	log_info("app", "t_epipe", "hello"); /* SIGPIPE would end the test */
	assert_int_equal(log_dropped(), before + 1);
	(void)close(fds[1]);
}

static void
opens_its_file_again_after_a_rotation(void **state)
{
	struct fixture *fixture = *state;
	char old[128];

	(void)snprintf(old, sizeof(old), "%s.1", fixture->path);
	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	log_info("app", "t_rotate", "before");
	assert_int_equal(rename(fixture->path, old), 0);
	log_reopen();
	log_info("app", "t_rotate", "after");
	assert_int_equal(count_of(read_log(fixture), "after"), 1);
	assert_int_equal(count_of(fixture->text, "before"), 0);
	assert_int_equal(unlink(old), 0);
}

static void
goes_on_in_the_old_file_while_there_is_no_new_one(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = log_dropped();
	char old[128];

	(void)snprintf(old, sizeof(old), "%s.1", fixture->path);
	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	assert_int_equal(rename(fixture->path, old), 0);
	assert_int_equal(mkdir(fixture->path, 0700), 0); /* cannot be opened */
	log_reopen();
	log_info("app", "t_old", "one");
	log_info("app", "t_old", "two");
	assert_int_equal(log_dropped(), before);
	assert_int_equal(rmdir(fixture->path), 0);
	assert_int_equal(rename(old, fixture->path), 0);
	assert_int_equal(count_of(read_log(fixture), "one"), 1);
	assert_int_equal(count_of(fixture->text, "two"), 1);
	assert_int_equal(rename(fixture->path, old), 0);
	log_reopen();
	log_info("app", "t_old", "three");
	assert_int_equal(count_of(read_log(fixture), "three"), 1);
	assert_int_equal(unlink(old), 0);
}

static void
survives_a_log_folder_that_is_gone(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = log_dropped();

	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(rmdir(fixture->dir), 0);
	log_reopen();
	log_info("app", "t_gone", "lost");
	assert_int_equal(log_dropped(), before + 1);
	assert_int_equal(mkdir(fixture->dir, 0700), 0);
	log_reopen();
	log_info("app", "t_gone", "found");
	assert_int_equal(count_of(read_log(fixture), "found"), 1);
}

static void
makes_its_file_readable_by_the_group_only(void **state)
{
	struct fixture *fixture = *state;
	mode_t old = umask(0);
	struct stat st;

	open_log(fixture->path, LOG_FORMAT_TEXT, NULL);
	(void)umask(old);
	assert_int_equal(stat(fixture->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void *
writer(void *arg)
{
	for (int i = 0; i < 200; i++) {
		log_info("app", arg, "line", LOG_STR("text", "abc\n"));
		(void)log_is_on(LOG_DEBUG, "mesh");
	}
	return NULL;
}

static void
keeps_lines_whole_between_threads(void **state)
{
	static char events[][16] = { "t_thread_a", "t_thread_b", "t_thread_c" };
	struct fixture *fixture = *state;
	pthread_t threads[ARRAY_LEN(events)];

	open_log(fixture->path, LOG_FORMAT_JSON, NULL);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		assert_int_equal(
		    pthread_create(&threads[i], NULL, writer, events[i]), 0);
	}
	for (int i = 0; i < 50; i++) { /* a reload meanwhile */
		open_log(fixture->path, LOG_FORMAT_JSON,
		    i % 2 == 0 ? "info,mesh=debug" : "info,net=trace");
	}
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	read_log(fixture);
	assert_int_equal(count_of(fixture->text, "{\"ts\":"),
	    count_of(fixture->text, "}\n"));
	assert_in_range(count_of(fixture->text, "}\n"), 30, 600);
}

int
main(void)
{
#define FIXTURE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(writes_text_for_people),
		FIXTURE_TEST(writes_one_json_object_a_line),
		FIXTURE_TEST(writes_logfmt),
		FIXTURE_TEST(writes_json_to_what_is_no_terminal),
		FIXTURE_TEST(writes_text_to_a_terminal),
		FIXTURE_TEST(filters_by_module),
		FIXTURE_TEST(lets_the_last_rule_win),
		FIXTURE_TEST(refuses_a_bad_filter_and_keeps_the_old),
		FIXTURE_TEST(escapes_a_filter_it_refuses),
		FIXTURE_TEST(refuses_a_file_it_cannot_open),
		FIXTURE_TEST(says_so_when_memory_is_short),
		FIXTURE_TEST(drops_a_long_line_when_memory_is_short),
		FIXTURE_TEST(lets_nobody_forge_a_line),
		FIXTURE_TEST(escapes_any_bytes),
		FIXTURE_TEST(keeps_printable_utf8),
		FIXTURE_TEST(cuts_an_escape_only_as_a_whole),
		FIXTURE_TEST(cuts_what_is_too_long_and_says_so),
		FIXTURE_TEST(writes_a_long_raw_field_whole),
		FIXTURE_TEST(writes_ten_lines_of_an_event_and_counts_the_rest),
		FIXTURE_TEST(tells_how_many_were_suppressed),
		FIXTURE_TEST(drops_and_counts_on_a_full_disk),
		FIXTURE_TEST(never_blocks_on_a_pipe_that_nobody_reads),
		FIXTURE_TEST(never_blocks_on_a_socket_that_nobody_reads),
		FIXTURE_TEST(survives_a_reader_that_went_away),
		FIXTURE_TEST(opens_its_file_again_after_a_rotation),
		FIXTURE_TEST(goes_on_in_the_old_file_while_there_is_no_new_one),
		FIXTURE_TEST(survives_a_log_folder_that_is_gone),
		FIXTURE_TEST(makes_its_file_readable_by_the_group_only),
		FIXTURE_TEST(keeps_lines_whole_between_threads),
		/* Last: it fills the table. */
		FIXTURE_TEST(bounds_the_events_it_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
