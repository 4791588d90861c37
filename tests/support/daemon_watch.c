/* SPDX-License-Identifier: MIT
 * daemon_watch.c - what a node tells: its log, its state, its files, and what
 * the kernel says about its process. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/daemon.h"
#include "support/test.h"

/* ---- the log ---- */

void
daemon_forget_log(struct daemon *daemon)
{
	for (size_t i = 0; i < daemon->event_count; i++) {
		cJSON_Delete(daemon->events[i]);
	}
	free(daemon->events);
	daemon->events = NULL;
	daemon->event_count = daemon->event_cap = daemon->mark = 0;
	daemon->log_at = 0;
}

static void
daemon_take_line(struct daemon *daemon, const char *line, size_t len)
{
	const char *end = NULL;
	cJSON *event = cJSON_ParseWithLengthOpts(line, len, &end, 0);

	if (event == NULL || end != line + len || !cJSON_IsObject(event)) {
		fail_msg("no JSON in the log: %.*s", (int)len, line);
	}
	if (daemon->event_count == daemon->event_cap) {
		daemon->event_cap = daemon->event_cap * 2 + 64;
		daemon->events = realloc(
		    daemon->events, daemon->event_cap * sizeof(cJSON *));
		assert_non_null(daemon->events);
	}
	daemon->events[daemon->event_count++] = event;
}

/* Read what has been added to the log, whole lines only. */
static void
daemon_read_log(struct daemon *daemon)
{
	char path[128];
	struct stat info;
	char *text, *at, *end;
	ssize_t len;
	int fd;

	daemon_path(daemon, "log", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	assert_int_equal(fstat(fd, &info), 0);
	if ((size_t)info.st_size < daemon->log_at) {
		daemon->log_at = 0; /* rotated: a new file */
	}
	text = calloc(1, (size_t)info.st_size - daemon->log_at + 1);
	assert_non_null(text);
	len = pread(fd, text, (size_t)info.st_size - daemon->log_at,
	    (off_t)daemon->log_at);
	close(fd);
	assert_true(len >= 0);
	for (at = text;
	     (end = memchr(at, '\n', (size_t)(text + len - at))) != NULL;
	     at = end + 1) {
		daemon_take_line(daemon, at, (size_t)(end - at));
	}
	daemon->log_at += (size_t)(at - text);
	free(text);
}

void
daemon_mark(struct daemon *daemon)
{
	daemon_read_log(daemon);
	daemon->mark = daemon->event_count;
}

static bool
daemon_event_matches(
    const cJSON *event, const char *name, const char *key, const char *value)
{
	const cJSON *is = cJSON_GetObjectItemCaseSensitive(event, "event");
	const cJSON *field;
	char number[32];

	if (!cJSON_IsString(is) || strcmp(is->valuestring, name) != 0) {
		return false;
	}
	if (key == NULL) {
		return true;
	}
	field = cJSON_GetObjectItemCaseSensitive(event, key);
	if (cJSON_IsString(field)) {
		return strcmp(field->valuestring, value) == 0;
	}
	if (cJSON_IsNumber(field)) {
		snprintf(number, sizeof(number), "%.0f", field->valuedouble);
		return strcmp(number, value) == 0;
	}
	return false;
}

size_t
daemon_count_events(struct daemon *daemon, const char *event, const char *key,
    const char *value)
{
	size_t count = 0;

	daemon_read_log(daemon);
	for (size_t i = daemon->mark; i < daemon->event_count; i++) {
		count += daemon_event_matches(
		    daemon->events[i], event, key, value);
	}
	return count;
}

const cJSON *
daemon_wait_event(struct daemon *daemon, const char *event, const char *key,
    const char *value)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	bool more = true;

	for (;;) {
		daemon_read_log(daemon);
		for (size_t i = daemon->mark; i < daemon->event_count; i++) {
			if (daemon_event_matches(
			        daemon->events[i], event, key, value)) {
				return daemon->events[i];
			}
		}
		if (!more) {
			daemon_give_up(daemon, "waiting for event", event);
		}
		more = daemon_step(daemon, deadline);
	}
}

void
daemon_wait_events(struct daemon *daemon, const char *event, size_t count)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	bool more = true;

	while (daemon_count_events(daemon, event, NULL, NULL) < count) {
		if (!more) {
			daemon_give_up(daemon, "waiting for events", event);
		}
		more = daemon_step(daemon, deadline);
	}
}

/* ---- the state ---- */

/* At most ten lines a second of one event are logged: ask less often. */
#define STATE_EVERY_MS 125

static const cJSON *
daemon_state_after(struct daemon *daemon, size_t from)
{
	for (size_t i = from; i < daemon->event_count; i++) {
		if (daemon_event_matches(
		        daemon->events[i], "state", NULL, NULL)) {
			return cJSON_GetObjectItemCaseSensitive(
			    daemon->events[i], "state");
		}
	}
	return NULL;
}

const cJSON *
daemon_state(struct daemon *daemon)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	const cJSON *state = NULL;
	size_t from;

	while (test_now_ms() < daemon->state_ms + STATE_EVERY_MS &&
	       !daemon->ended) {
		(void)test_wait_readable(daemon->pidfd,
		    (int)(daemon->state_ms + STATE_EVERY_MS - test_now_ms()));
		(void)daemon_is_alive(daemon);
	}
	daemon_read_log(daemon);
	from = daemon->event_count;
	daemon->state_ms = test_now_ms();
	if (daemon->ended) {
		daemon_give_up(daemon, "state", NULL);
	}
	daemon_signal(daemon, SIGUSR2);
	while (state == NULL) {
		bool more = daemon_step(daemon, deadline);

		daemon_read_log(daemon);
		state = daemon_state_after(daemon, from);
		if (state == NULL && !more) {
			daemon_give_up(daemon, "no state", NULL);
		}
	}
	return state;
}

uint64_t
daemon_state_number(struct daemon *daemon, const cJSON *state, const char *path)
{
	char text[128];
	char *save = NULL;
	const cJSON *at = state;

	snprintf(text, sizeof(text), "%s", path);
	for (char *name = strtok_r(text, ".", &save); name != NULL;
	     name = strtok_r(NULL, ".", &save)) {
		at = cJSON_IsArray(at)
		         ? cJSON_GetArrayItem(at, (int)strtol(name, NULL, 10))
		         : cJSON_GetObjectItemCaseSensitive(at, name);
	}
	if (!cJSON_IsNumber(at)) {
		daemon_give_up(daemon, "no number in the state", path);
		return 0;
	}
	return (uint64_t)at->valuedouble;
}

uint64_t
daemon_counter(struct daemon *daemon, const char *path)
{
	return daemon_state_number(daemon, daemon_state(daemon), path);
}

static void
daemon_wait_number(
    struct daemon *daemon, const char *path, uint64_t value, bool exactly)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	char detail[160];

	for (;;) {
		uint64_t is = daemon_counter(daemon, path);

		if (exactly ? is == value : is >= value) {
			return;
		}
		if (test_now_ms() >= deadline) {
			snprintf(detail, sizeof(detail), "%s is %llu, not %llu",
			    path, (unsigned long long)is,
			    (unsigned long long)value);
			daemon_give_up(daemon, "counter", detail);
		}
	}
}

void
daemon_wait_counter(struct daemon *daemon, const char *path, uint64_t atleast)
{
	daemon_wait_number(daemon, path, atleast, false);
}

void
daemon_wait_counter_is(struct daemon *daemon, const char *path, uint64_t value)
{
	daemon_wait_number(daemon, path, value, true);
}

void
daemon_wait_links(struct daemon *daemon, size_t links)
{
	daemon_wait_counter_is(daemon, "mesh.links_up", links);
}

/* ---- files ---- */

char *
daemon_text(struct daemon *daemon, const char *file)
{
	char path[128];
	struct stat info;
	char *text;
	ssize_t len = 0;
	int fd;

	daemon_path(daemon, file, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0) {
		info.st_size = 0;
	}
	text = calloc(1, (size_t)info.st_size + 1);
	assert_non_null(text);
	if (fd >= 0) {
		len = read(fd, text, (size_t)info.st_size);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	return text;
}

size_t
daemon_count_lines(struct daemon *daemon, const char *file, const char *needle)
{
	char *text = daemon_text(daemon, file);
	size_t count = 0;

	for (char *at = text, *end; *at != '\0'; at = end) {
		end = strchr(at, '\n');
		if (end == NULL) {
			break;
		}
		*end++ = '\0';
		count += strstr(at, needle) != NULL;
	}
	free(text);
	return count;
}

void
daemon_wait_lines(
    struct daemon *daemon, const char *file, const char *needle, size_t atleast)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	bool more = true;

	while (daemon_count_lines(daemon, file, needle) < atleast) {
		if (!more) {
			daemon_show(daemon, file);
			daemon_give_up(
			    daemon, "waiting for lines with", needle);
		}
		more = daemon_step(daemon, deadline);
	}
}

void
daemon_hold_lines(struct daemon *daemon, const char *file, const char *needle,
    size_t atmost, int ms)
{
	uint64_t end = test_now_ms() + (uint64_t)ms;

	do {
		size_t count = daemon_count_lines(daemon, file, needle);

		if (count > atmost) {
			daemon_show(daemon, file);
			fail_msg("%zu lines with `%s`, not %zu", count, needle,
			    atmost);
		}
	} while (daemon_step(daemon, end));
}

/* ---- the process ---- */

size_t
daemon_fd_count(const struct daemon *daemon)
{
	char path[64];
	size_t count = 0;
	DIR *stream;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
	stream = opendir(path);
	assert_non_null(stream);
	while (readdir(stream) != NULL) {
		count++;
	}
	closedir(stream);
	return count - 2;
}

void
daemon_wait_fds(struct daemon *daemon, size_t atmost)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	char detail[64];
	size_t is;

	while ((is = daemon_fd_count(daemon)) > atmost) {
		if (test_now_ms() >= deadline || daemon->ended) {
			snprintf(
			    detail, sizeof(detail), "%zu, not %zu", is, atmost);
			daemon_give_up(daemon, "descriptors:", detail);
		}
		/* No event tells of it: look again when it may have changed. */
		daemon_poll(daemon, 20);
	}
}

static uint64_t
daemon_proc_number(
    const struct daemon *daemon, const char *file, const char *name)
{
	char path[64], line[256];
	unsigned long long number = 0;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)daemon->pid, file);
	stream = fopen(path, "re");
	assert_non_null(stream);
	while (fgets(line, sizeof(line), stream) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0) {
			number = strtoull(line + strlen(name), NULL, 10);
		}
	}
	fclose(stream);
	return number;
}

size_t
daemon_peak_bytes(const struct daemon *daemon)
{
	return (size_t)daemon_proc_number(daemon, "status", "VmHWM:") * 1024;
}

uint64_t
daemon_cpu_ms(const struct daemon *daemon)
{
	char path[64], text[1024];
	unsigned long long user = 0, kernel = 0;
	char *at;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)daemon->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(len > 0);
	text[len] = '\0';
	at = strrchr(text, ')'); /* the name may hold spaces */
	assert_non_null(at);
	assert_int_equal(sscanf(at + 2,
	                     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
	                     "%llu %llu",
	                     &user, &kernel),
	    2);
	return (user + kernel) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}
