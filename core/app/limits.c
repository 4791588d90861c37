/* SPDX-License-Identifier: MIT
 * limits.c - see limits.h. */

#include "app/limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LIMITS_FILES_MIN = 32 }; /* loop, lws, log, plugins, a few sockets */

enum err
limits_fill_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err
limits_set(const struct config *config, struct diag *diag)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit files;

	if (!config->allow_core) {
		(void)setrlimit(RLIMIT_CORE, &none);
	}
	if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
		return ERR_OK;
	}
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < LIMITS_FILES_MIN) {
		diag_set(diag,
		    "only %llu file descriptors allowed, expected %d at "
		    "least; run: ulimit -n 1024",
		    (unsigned long long)files.rlim_max, LIMITS_FILES_MIN);
		return ERR_SYSTEM;
	}
	return ERR_OK;
}
