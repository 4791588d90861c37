/* SPDX-License-Identifier: MIT
 * daemon.c - start, watch and end real nodes. */
#include "support/daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/test.h"

enum { DAEMON_INSIST_MS = 50 }; /* between two signals */

/* Set by the build: where the node and its plugins are. */
#ifndef GV_DAEMON
#define GV_DAEMON     "grapevine"
#define GV_PLUGIN_DIR "plugins"
#endif

#define ARGS_MAX    64
#define DAEMONS_MAX 32

static struct daemon *daemons[DAEMONS_MAX]; /* what teardown must end */

uint64_t
test_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool
test_wait_readable(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	/* Less than nothing is left if time went on since it was looked at,
	 * and to poll that is for ever. */
	return poll(&poll_fd, 1, ms > 0 ? ms : 0) > 0;
}

void
daemon_path(const struct daemon *daemon, const char *file, char path[128])
{
	snprintf(path, 128, "%s/%s", daemon->dir, file);
}

/* ---- starting ---- */

struct daemon_args {
	char text[4096];
	char paths[3][128];
	char *items[ARGS_MAX];
	size_t count;
};

static void
daemon_args_put(struct daemon_args *args, char *item)
{
	assert_true(args->count + 1 < ARGS_MAX);
	args->items[args->count++] = item;
	args->items[args->count] = NULL;
}

/* The name of the program, and the words of the test. */
static void daemon_args_make(
    struct daemon_args *args, const char *format, va_list list) PRINTF(2, 0);

static void
daemon_args_make(struct daemon_args *args, const char *format, va_list list)
{
	static char binary[] = GV_DAEMON;
	char *save = NULL;
	char *word;
	int len = vsnprintf(args->text, sizeof(args->text), format, list);

	args->count = 0;
	daemon_args_put(args, binary);
	assert_true(len >= 0 && (size_t)len < sizeof(args->text));
	for (word = strtok_r(args->text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		daemon_args_put(args, word);
	}
}

static bool
daemon_args_have(const struct daemon_args *args, const char *a, const char *b)
{
	for (size_t i = 0; i < args->count; i++) {
		if (strcmp(args->items[i], a) == 0 ||
		    strcmp(args->items[i], b) == 0) {
			return true;
		}
	}
	return false;
}

static void
daemon_args_add_usual(struct daemon_args *args, const struct daemon *daemon)
{
	static char bind[] = "--bind", any[] = "127.0.0.1:0";
	static char ports[] = "--ports-file", dirs[] = "--plugin-dir";
	static char format[] = "--log-format", json[] = "json";
	static char file[] = "--log-file", plugins[] = GV_PLUGIN_DIR;
	static char core[] = "--allow-core";

	if (!daemon_args_have(args, "-b", "--bind")) {
		daemon_args_put(args, bind);
		daemon_args_put(args, any);
	}
	if (!daemon_args_have(args, "--log-format", "--log-format")) {
		daemon_args_put(args, format);
		daemon_args_put(args, json);
	}
	daemon_path(daemon, "ports", args->paths[0]);
	daemon_path(daemon, "log", args->paths[1]);
	daemon_args_put(args, ports);
	daemon_args_put(args, args->paths[0]);
	daemon_args_put(args, file);
	daemon_args_put(args, args->paths[1]);
	daemon_args_put(args, dirs);
	daemon_args_put(args, plugins);
	daemon_args_put(args, core); /* else /proc is root's alone */
}

static void
daemon_child(const struct daemon *daemon, char *const *argv, pid_t parent)
{
	char path[128];
	int out, error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(127);
	}
	daemon_path(daemon, "stdout", path);
	out = daemon->out_is_full
	          ? open("/dev/full", O_WRONLY | O_CLOEXEC)
	          : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	daemon_path(daemon, "stderr", path);
	error = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0 || error < 0 || dup2(out, 1) < 0 || dup2(error, 2) < 0) {
		_exit(127);
	}
	if (daemon->nofile > 0) {
		struct rlimit limit = { daemon->nofile, daemon->nofile };

		if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
			_exit(127);
		}
	}
	/* What a developer has set must not change what is tested. */
	unsetenv("GRAPEVINE_PLUGIN_PATH");
	execvp(argv[0], argv);
	_exit(127);
}

struct daemon *
daemon_create(void)
{
	for (size_t i = 0; i < DAEMONS_MAX; i++) {
		if (daemons[i] == NULL) {
			daemons[i] = calloc(1, sizeof(struct daemon));
			assert_non_null(daemons[i]);
			return daemons[i];
		}
	}
	fail_msg("more than %d daemons in one test", DAEMONS_MAX);
	return NULL;
}

static void
daemon_make_dir(struct daemon *daemon)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(daemon->dir, sizeof(daemon->dir), "%s/gv-XXXXXX",
	    tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(daemon->dir));
}

static void
daemon_prepare(struct daemon *daemon)
{
	assert_int_equal(daemon->pid, 0);
	if (daemon->dir[0] == '\0') {
		daemon_make_dir(daemon);
	} else {
		char path[128];

		daemon_path(daemon, "ports", path);
		unlink(path);
		daemon_path(daemon, "log", path);
		unlink(path);
		daemon_forget_log(daemon);
	}
	daemon->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	assert_true(daemon->notify >= 0);
	assert_true(inotify_add_watch(daemon->notify, daemon->dir,
	                IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0);
	daemon->ended = daemon->by_signal = false;
	daemon->port = 0;
}

static void
daemon_spawn(struct daemon *daemon, char *const *argv)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		daemon_child(daemon, argv, parent);
	}
	daemon->pid = pid;
	daemon->pidfd = pidfd_open(pid, 0);
	assert_true(daemon->pidfd >= 0);
}

void
daemon_launch(struct daemon *daemon, const char *format, ...)
{
	struct daemon_args args;
	va_list list;

	daemon_prepare(daemon);
	va_start(list, format);
	daemon_args_make(&args, format, list);
	va_end(list);
	daemon_args_add_usual(&args, daemon);
	daemon_spawn(daemon, args.items);
}

struct daemon *
daemon_start(const char *format, ...)
{
	struct daemon *daemon = daemon_create();
	char text[4096];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	daemon_launch(daemon, "%s", text);
	daemon_wait_ready(daemon);
	return daemon;
}

int
daemon_run(struct daemon *daemon, const char *format, ...)
{
	struct daemon_args args;
	va_list list;

	daemon_prepare(daemon);
	va_start(list, format);
	daemon_args_make(&args, format, list);
	va_end(list);
	daemon_spawn(daemon, args.items);
	return daemon_wait_exit(daemon);
}

int
daemon_run_program(struct daemon *daemon, char *const *argv)
{
	daemon_prepare(daemon);
	daemon_spawn(daemon, argv);
	return daemon_wait_exit(daemon);
}

/* ---- waiting ---- */

void
daemon_show(struct daemon *daemon, const char *file)
{
	char *text = daemon_text(daemon, file);
	size_t len = strlen(text);

	if (len > 0) {
		fprintf(stderr, "---- %s of %s (pid %d)\n%s\n", file,
		    daemon->dir, (int)daemon->pid,
		    len > 4000 ? text + len - 4000 : text);
	}
	free(text);
}

void
daemon_give_up(struct daemon *daemon, const char *what, const char *detail)
{
	daemon_show(daemon, "log");
	daemon_show(daemon, "stderr");
	fail_msg("%s: %s %s (node %s)",
	    daemon->ended ? "the node has ended" : "deadline", what,
	    detail != NULL ? detail : "",
	    daemon->ended && daemon->by_signal ? "was killed" : "");
}

static void
daemon_reap(struct daemon *daemon)
{
	siginfo_t info = { 0 };

	if (daemon->ended || daemon->pid == 0 ||
	    waitid(P_PIDFD, (id_t)daemon->pidfd, &info, WEXITED | WNOHANG) <
	        0 ||
	    info.si_pid == 0) {
		return;
	}
	daemon->ended = true;
	daemon->by_signal = info.si_code != CLD_EXITED;
	daemon->status = info.si_status;
}

/* Wait until something was written or it ended, at most `ms`. */
void
daemon_poll(struct daemon *daemon, int ms)
{
	struct pollfd fds[2] = {
		{ .fd = daemon->notify, .events = POLLIN },
		{ .fd = daemon->ended ? -1 : daemon->pidfd, .events = POLLIN },
	};
	char drain[4096];

	(void)poll(fds, 2, ms);
	while (read(daemon->notify, drain, sizeof(drain)) > 0) {
	}
	daemon_reap(daemon);
}

/* One step of a wait: false when the deadline is over. */
bool
daemon_step(struct daemon *daemon, uint64_t deadline)
{
	uint64_t now = test_now_ms();

	if (now >= deadline || daemon->ended) {
		return false;
	}
	daemon_poll(daemon, (int)(deadline - now));
	return true;
}

void
daemon_wait_ready(struct daemon *daemon)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;

	while ((daemon->port = daemon_port(daemon, 0, NULL)) == 0) {
		if (!daemon_step(daemon, deadline)) {
			daemon_give_up(daemon, "no ports file", NULL);
		}
	}
	daemon_wait_event(daemon, "ready", NULL, NULL);
}

uint16_t
daemon_port(struct daemon *daemon, int line, char host[64])
{
	char *text = daemon_text(daemon, "ports");
	char *save = NULL;
	char *at = strtok_r(text, "\n", &save);
	char name[64] = "";
	unsigned port = 0;

	while (at != NULL && line-- > 0) {
		at = strtok_r(NULL, "\n", &save);
	}
	if (at != NULL && sscanf(at, "%63s %u", name, &port) != 2) {
		fail_msg("ports file: `%s` is not HOST PORT", at);
	}
	if (host != NULL) {
		memcpy(host, name, sizeof(name));
	}
	free(text);
	return (uint16_t)port;
}

uint16_t
daemon_port_of(struct daemon *daemon, const char *host)
{
	char name[64];
	uint16_t port;

	for (int line = 0; (port = daemon_port(daemon, line, name)) != 0;
	     line++) {
		if (strcmp(name, host) == 0) {
			return port;
		}
	}
	return 0;
}

void
daemon_signal(const struct daemon *daemon, int signal)
{
	assert_true(daemon->pid > 0 && !daemon->ended);
	assert_int_equal(kill(daemon->pid, signal), 0);
}

static void
daemon_close_fds(struct daemon *daemon)
{
	if (daemon->pid != 0) {
		close(daemon->pidfd);
		daemon->pid = 0;
	}
	if (daemon->notify > 0) {
		close(daemon->notify);
		daemon->notify = 0;
	}
}

int
daemon_wait_exit(struct daemon *daemon)
{
	uint64_t deadline = test_now_ms() + (daemon->deadline_ms > 0
	                                            ? daemon->deadline_ms
	                                            : DEADLINE_MS);

	while (!daemon->ended) {
		if (!daemon_step(daemon, deadline)) {
			daemon_give_up(daemon, "it does not end", NULL);
		}
	}
	daemon_close_fds(daemon);
	return daemon->by_signal ? 1000 + daemon->status : daemon->status;
}

int
daemon_insist(struct daemon *daemon, int signal)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;

	while (daemon_is_alive(daemon)) {
		assert_true(test_now_ms() < deadline);
		daemon_signal(daemon, signal);
		(void)daemon_step(daemon, test_now_ms() + DAEMON_INSIST_MS);
	}
	return daemon_wait_exit(daemon);
}

bool
daemon_is_alive(struct daemon *daemon)
{
	daemon_reap(daemon);
	return !daemon->ended;
}

void
daemon_stop(struct daemon *daemon)
{
	int code;

	daemon_signal(daemon, SIGTERM);
	code = daemon_wait_exit(daemon);
	if (code != 0) {
		daemon_show(daemon, "log");
		daemon_show(daemon, "stderr");
		fail_msg("after SIGTERM it ended with %d", code);
	}
}

void
daemon_kill(struct daemon *daemon)
{
	daemon_signal(daemon, SIGKILL);
	assert_int_equal(daemon_wait_exit(daemon), 1000 + SIGKILL);
}

static void
daemon_remove_dir(const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;

	if (stream == NULL) {
		return;
	}
	while ((entry = readdir(stream)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(dirfd(stream), entry->d_name, 0) < 0 &&
		    unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR) < 0) {
			fprintf(stderr, "%s/%s stays\n", dir, entry->d_name);
		}
	}
	closedir(stream);
	rmdir(dir);
}

int
daemon_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < DAEMONS_MAX; i++) {
		struct daemon *daemon = daemons[i];

		if (daemon == NULL) {
			continue;
		}
		if (daemon->pid != 0 && !daemon->ended) {
			siginfo_t info;

			kill(daemon->pid, SIGKILL);
			waitid(P_PIDFD, (id_t)daemon->pidfd, &info, WEXITED);
		}
		daemon_close_fds(daemon);
		daemon_forget_log(daemon);
		if (daemon->dir[0] != '\0') {
			daemon_remove_dir(daemon->dir);
		}
		free(daemon);
		daemons[i] = NULL;
	}
	return 0;
}
