/* SPDX-License-Identifier: MIT
 * split.c - see split.h. */
#include "support/split.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

const char *const split_hosts[2] = { "10.231.8.1", "10.231.8.2" };

static int split_home = -1;
static int split_sides[2] = { -1, -1 };

static int
split_here(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A shell's exit code, of a command in that network. */
static int
split_try(unsigned side, const char *command)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setns(split_sides[side], CLONE_NEWNET) == 0) {
			execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		}
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void
split_run(unsigned side, const char *command)
{
	int code = split_try(side, command);

	if (code != 0) {
		fail_msg("'%s' ended with %d", command, code);
	}
}

bool
split_open(void)
{
	char command[256];

	split_home = split_here();
	for (unsigned side = 0; side < 2; side++) {
		if (unshare(CLONE_NEWNET) != 0) {
			print_message("no network of our own: %s; root may\n",
			    strerror(errno));
			return false;
		}
		split_sides[side] = split_here();
	}
	/* This process is in network 1. */
	snprintf(command, sizeof(command),
	    "ip link add gv0 type veth peer name gv0 netns %ld",
	    (long)getpid());
	if (split_try(0, command) != 0) {
		print_message("found no `ip` that makes a veth pair\n");
		return false;
	}
	for (unsigned side = 0; side < 2; side++) {
		snprintf(command, sizeof(command),
		    "ip addr add %s/24 dev gv0 && ip link set lo up && "
		    "ip link set gv0 up",
		    split_hosts[side]);
		split_run(side, command);
	}
	return true;
}

void
split_enter(unsigned side)
{
	assert_int_equal(setns(split_sides[side], CLONE_NEWNET), 0);
}

void
split_cut(void)
{
	split_run(0, "ip link set gv0 down");
}

void
split_heal(void)
{
	split_run(0, "ip link set gv0 up");
}

void
split_close(void)
{
	if (split_home < 0) {
		return;
	}
	(void)setns(split_home, CLONE_NEWNET);
	(void)close(split_home);
	split_home = -1;
	for (unsigned side = 0; side < 2; side++) {
		if (split_sides[side] >= 0) {
			(void)close(split_sides[side]);
			split_sides[side] = -1;
		}
	}
}
