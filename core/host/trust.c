/* SPDX-License-Identifier: MIT
 * trust.c - see trust.h. */

#include "host/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRUST_DEPTH_MAX 64 /* folders above a file that are looked at */

/* Who besides the owner may write: "g", "o", "go" or NULL. */
static const char *
trust_writers(const struct stat *st)
{
	bool group = (st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 &&
	             st->st_gid != getegid();
	bool other = (st->st_mode & S_IWOTH) != 0;

	return group && other ? "go" : group ? "g" : other ? "o" : NULL;
}

static enum err
trust_check(const char *path, const struct stat *st, struct diag *diag)
{
	const char *writers = trust_writers(st);

	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		diag_set(diag,
		    "%s: owned by uid %u, expected root or uid %u; run: "
		    "chown %u %s",
		    path, (unsigned)st->st_uid, (unsigned)geteuid(),
		    (unsigned)geteuid(), path);
		return ERR_PLUGIN;
	}
	if (writers != NULL) {
		diag_set(diag,
		    "%s: writable by others (mode %04o), expected only its "
		    "owner to write; run: chmod %s-w %s",
		    path, (unsigned)(st->st_mode & 07777), writers, path);
		return ERR_PLUGIN;
	}
	return ERR_OK;
}

/* The folders above `fd`, up to the root.  Takes `fd`. */
static enum err
trust_check_ancestors(
    int fd, struct stat *below, const char *path, struct diag *diag)
{
	for (int depth = 0; depth < TRUST_DEPTH_MAX; depth++) {
		int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct stat st;
		bool known = up >= 0 && fstat(up, &st) == 0;

		(void)close(fd);
		fd = up;
		if (!known) {
			break;
		}
		if (st.st_ino == below->st_ino && st.st_dev == below->st_dev) {
			(void)close(fd);
			return ERR_OK;
		}
		if ((st.st_mode & S_IWOTH) != 0 &&
		    (st.st_mode & S_ISVTX) == 0) {
			(void)close(fd);
			diag_set(diag,
			    "%s: a folder %d above its own is writable by "
			    "others (mode %04o), expected not, or sticky; "
			    "run: chmod o-w on it",
			    path, depth + 1, (unsigned)(st.st_mode & 07777));
			return ERR_PLUGIN;
		}
		*below = st;
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	diag_set(diag, "%s: cannot look at the folders above it: %s", path,
	    strerror(errno));
	return ERR_PLUGIN;
}

static enum err
trust_not_opened(const char *path, const char *what, struct diag *diag)
{
	if (errno == ELOOP) {
		diag_set(diag,
		    "%s: a symbolic link, expected the file itself; run: "
		    "readlink -f %s, and name what it says",
		    path, path);
		return ERR_PLUGIN;
	}
	diag_set(diag, "%s: cannot open%s: %s", path, what, strerror(errno));
	return errno == ENOENT || errno == ENOTDIR ? ERR_NOTFOUND : ERR_PLUGIN;
}

/* `folder` is "DIR" of "DIR/NAME", and `*name` the rest of `path`. */
static enum err
trust_split(const char *path, char folder[PATH_MAX], const char **name,
    struct diag *diag)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= PATH_MAX - 1) {
		diag_set(diag, "%.64s...: name too long", path);
		return ERR_NOTFOUND;
	}
	memcpy(folder, path, len);
	(void)snprintf(folder + len, 2, "%s",
	    len > 0         ? ""
	    : slash == NULL ? "."
	                    : "/");
	*name = slash == NULL ? path : slash + 1;
	return ERR_OK;
}

static enum err
trust_check_file(int fd, struct stat *st, const char *path, struct diag *diag)
{
	if (fstat(fd, st) != 0) {
		return trust_not_opened(path, "", diag);
	}
	if (!S_ISREG(st->st_mode)) {
		diag_set(diag, "%s: no regular file, expected a plugin, a .so",
		    path);
		return ERR_PLUGIN;
	}
	return trust_check(path, st, diag);
}

enum err
trust_open(int *fd, struct stat *st, const char *path, struct diag *diag)
{
	char folder[PATH_MAX];
	const char *name;
	struct stat above;
	int dir;
	int file;
	enum err err = trust_split(path, folder, &name, diag);

	if (err != ERR_OK) {
		return err;
	}
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return trust_not_opened(path, " its folder", diag);
	}
	/* Relative to the folder that is checked below, and not blocking on
	 * what only claims to be a file. */
	file = openat(
	    dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0) {
		err = trust_not_opened(path, "", diag);
		(void)close(dir);
		return err;
	}
	err = trust_check_file(file, st, path, diag);
	if (err == ERR_OK && fstat(dir, &above) != 0) {
		err = trust_not_opened(path, " its folder", diag);
	}
	if (err == ERR_OK) {
		err = trust_check(folder, &above, diag);
	}
	if (err == ERR_OK) {
		err = trust_check_ancestors(dir, &above, path, diag);
	} else {
		(void)close(dir);
	}
	if (err != ERR_OK) {
		(void)close(file);
		return err;
	}
	*fd = file;
	return ERR_OK;
}
