/* SPDX-License-Identifier: MIT
 * daemon.h - real nodes for the integration tests.
 *
 * Every node lives in a folder of its own, on ports of its own, and dies with
 * the test program.  Nothing here sleeps: each wait_ function polls inotify
 * and the process, until the condition holds or DEADLINE_MS are over, and
 * then fails the test, showing the end of the node's log. */
#ifndef TESTS_SUPPORT_DAEMON_H
#define TESTS_SUPPORT_DAEMON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#ifdef GV_SANITIZED
#define DEADLINE_MS 60000
#else
#define DEADLINE_MS 30000
#endif

struct daemon {
	/* Set before daemon_launch, or left zero. */
	unsigned nofile;      /* RLIMIT_NOFILE, soft and hard */
	bool out_is_full;     /* stdout is /dev/full */
	unsigned deadline_ms; /* of daemon_wait_exit; 0: DEADLINE_MS */
	/* Set by daemon_launch. */
	char dir[64];
	pid_t pid;     /* 0: not running */
	uint16_t port; /* of the first line of the ports file */
	/* The harness's own. */
	int pidfd, notify;
	int status; /* of waitid, once it has ended */
	bool ended;
	bool by_signal;
	cJSON **events;
	size_t event_count, event_cap, mark;
	size_t log_at;
	uint64_t state_ms; /* when the last state was asked for */
};

/* Monotonic milliseconds. */
uint64_t test_now_ms(void);
/* Wait for `fd` to become readable, at most `ms`. */
bool test_wait_readable(int fd, int ms);

/* A port of 127.0.0.1 and ::1 that nobody has, below the ephemeral ones, and
 * that no other test program gets before this one has ended. */
uint16_t daemon_free_port(void);
/* Is there a ::1?  Is it an address of `localhost` too? */
bool daemon_has_ipv6(void);
bool daemon_localhost_has_ipv6(void);

/* A node that does not run yet; teardown frees it. */
struct daemon *daemon_create(void);
/* Run it with the arguments of `format` (split at spaces) added to
 * `--ports-file --log-file --plugin-dir --allow-core`, and to
 * `--log-format json` and `--bind 127.0.0.1:0` unless `format` has its own.  Waits for nothing.  A node
 * that has ended is started again in its folder, with a new log. */
void daemon_launch(struct daemon *daemon, const char *format, ...) PRINTF(2, 3);
/* All three: create, launch, wait until it is ready. */
struct daemon *daemon_start(const char *format, ...) PRINTF(1, 2);
/* Exactly these arguments, nothing added; wait for the end: its exit code. */
int daemon_run(struct daemon *daemon, const char *format, ...) PRINTF(2, 3);
/* Any program, in the same way; argv[0] is looked up in PATH. */
int daemon_run_program(struct daemon *daemon, char *const *argv);

/* Wait for the ports file, read the port. */
void daemon_wait_ready(struct daemon *daemon);
/* Port of line `line` (from 0) of the ports file; 0: no such line.  `host`
 * may be NULL. */
uint16_t daemon_port(struct daemon *daemon, int line, char host[64]);
/* Port of the line with that host; 0: none. */
uint16_t daemon_port_of(struct daemon *daemon, const char *host);

void daemon_signal(const struct daemon *daemon, int signal);
/* The signal, again and again until it ends: as daemon_wait_exit. */
int daemon_insist(struct daemon *daemon, int signal);
/* Wait for its end: the exit code, or 1000 + the signal that killed it. */
int daemon_wait_exit(struct daemon *daemon);
bool daemon_is_alive(struct daemon *daemon);
/* SIGTERM, and it must exit with 0. */
void daemon_stop(struct daemon *daemon);
/* SIGKILL. */
void daemon_kill(struct daemon *daemon);
/* cmocka teardown: kill all that run, remove all folders. */
int daemon_teardown(void **state);
/* The same, and peers and clients too: for every test that has some. */
int test_teardown(void **state);

/* From here on only events after this point count. */
void daemon_mark(struct daemon *daemon);
/* The first event of that name since the mark; `key` NULL: any, else the field
 * `key` is (or, numbers, reads as) `value`. */
const cJSON *daemon_wait_event(struct daemon *daemon, const char *event,
    const char *key, const char *value);
/* Wait until `count` events of that name have been logged since the mark. */
void daemon_wait_events(struct daemon *daemon, const char *event, size_t count);
size_t daemon_count_events(struct daemon *daemon, const char *event,
    const char *key, const char *value);

/* Ask with SIGUSR2: the `state` object.  The harness owns it. */
const cJSON *daemon_state(struct daemon *daemon);
/* A number out of a state, "mesh.duplicates". */
uint64_t daemon_counter(struct daemon *daemon, const char *path);
uint64_t daemon_state_number(
    struct daemon *daemon, const cJSON *state, const char *path);
/* Wait until that number is at least `atleast`, exactly `value`. */
void daemon_wait_counter(
    struct daemon *daemon, const char *path, uint64_t atleast);
void daemon_wait_counter_is(
    struct daemon *daemon, const char *path, uint64_t value);
/* Wait until `links` peers are up. */
void daemon_wait_links(struct daemon *daemon, size_t links);

/* Content of a file in its folder ("stdout", "stderr", "log"), NUL-terminated;
 * free it. */
char *daemon_text(struct daemon *daemon, const char *file);
/* Lines of that file which contain `needle`. */
size_t daemon_count_lines(
    struct daemon *daemon, const char *file, const char *needle);
void daemon_wait_lines(struct daemon *daemon, const char *file,
    const char *needle, size_t atleast);
/* Watch for `ms` that `file` has no more than `atmost` such lines. */
void daemon_hold_lines(struct daemon *daemon, const char *file,
    const char *needle, size_t atmost, int ms);
/* Write its path into `path`. */
void daemon_path(const struct daemon *daemon, const char *file, char path[128]);

size_t daemon_fd_count(const struct daemon *daemon);
/* Wait until it has at most that many descriptors. */
void daemon_wait_fds(struct daemon *daemon, size_t atmost);
/* Peak resident memory, bytes. */
size_t daemon_peak_bytes(const struct daemon *daemon);
/* Processor time used so far, ms. */
uint64_t daemon_cpu_ms(const struct daemon *daemon);

/* ---- between the files of the harness ---- */

/* One step of a wait: false once it has ended or `deadline` is over. */
bool daemon_step(struct daemon *daemon, uint64_t deadline);
/* Wait until something was written or it ended, at most `ms`. */
void daemon_poll(struct daemon *daemon, int ms);
void daemon_forget_log(struct daemon *daemon);
void daemon_show(struct daemon *daemon, const char *file);
void daemon_give_up(
    struct daemon *daemon, const char *what, const char *detail);

#endif
