/* SPDX-License-Identifier: MIT
 * usage.c - see usage.h. */

#include "usage.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "die.h"

uint64_t
usage_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * USAGE_SECOND_NS + (uint64_t)now.tv_nsec;
}

/* The first line of a file; false: it is gone. */
static bool
usage_read_line(const char *path, char *line, int cap)
{
	FILE *file = fopen(path, "re");
	bool read = false;

	if (file != NULL) {
		read = fgets(line, cap, file) != NULL;
		fclose(file);
	}
	return read;
}

uint64_t
usage_cpu_ns(pid_t pid)
{
	char path[320], line[256];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (tasks == NULL) {
		die("%s: %s", path, strerror(errno));
	}
	while ((entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] == '.') {
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat",
		    (int)pid, entry->d_name);
		/* A thread that has just ended has no line: nothing to add. */
		if (usage_read_line(path, line, sizeof(line))) {
			sum += strtoull(line, NULL, 10);
		}
	}
	closedir(tasks);
	if (sum == 0) {
		die("/proc/%d/task/*/schedstat says nothing", (int)pid);
	}
	return sum;
}

uint64_t
usage_rss_bytes(pid_t pid)
{
	char path[64], line[256];
	char *resident;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (!usage_read_line(path, line, sizeof(line))) {
		die("%s cannot be read", path);
	}
	(void)strtoull(line, &resident, 10); /* the whole size comes first */
	return strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}
