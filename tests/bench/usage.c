/* SPDX-License-Identifier: MIT
 * usage.c - see usage.h. */

#include "usage.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

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
		uint64_t ns;

		if (entry->d_name[0] == '.') {
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat",
		    (int)pid, entry->d_name);
		if (usage_read_line(path, line, sizeof(line)) &&
		    sscanf(line, "%" SCNu64, &ns) == 1) {
			sum += ns;
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
	uint64_t pages;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (!usage_read_line(path, line, sizeof(line)) ||
	    sscanf(line, "%*u %" SCNu64, &pages) != 1) {
		die("%s cannot be read", path);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
