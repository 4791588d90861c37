/* SPDX-License-Identifier: MIT
 * statefile.c - see statefile.h. */

#include "app/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/mesh.h"

enum {
	STATEFILE_MAX = 64 * 1024, /* bytes: a snapshot is under 20 000 */
	STATEFILE_DAMAGED = 100,   /* set aside at the most */
};

static enum err
statefile_fail(const char *dir, const char *what, struct diag *diag)
{
	diag_set(diag, "--state %s: %s: %s", dir, what, strerror(errno));
	return ERR_SYSTEM;
}

static enum err
statefile_lock(struct statefile *file, const char *dir, struct diag *diag)
{
	file->lock_fd = openat(file->dir_fd, "lock",
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->lock_fd < 0) {
		return statefile_fail(dir, "lock", diag);
	}
	if (flock(file->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		return ERR_OK;
	}
	if (errno != EWOULDBLOCK) {
		return statefile_fail(dir, "lock", diag);
	}
	diag_set(diag,
	    "--state %s: found it in use by another process, expected a "
	    "folder for each node: stop the other one, or name another folder.",
	    dir);
	return ERR_SYSTEM;
}

/* All of DIR/state; without one, or with one that cannot be, nothing. */
static enum err
statefile_read(struct statefile *file, const char *dir, struct diag *diag)
{
	int fd = openat(file->dir_fd, "state",
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t got = 1;
	enum err err;

	if (fd < 0) {
		return errno == ENOENT ? ERR_OK
		                       : statefile_fail(dir, "state", diag);
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		diag_set(diag, "--state %s: state: found no regular file", dir);
		return ERR_SYSTEM;
	}
	err = buf_reserve(&file->bytes, STATEFILE_MAX);
	while (err == ERR_OK && got > 0 && file->bytes.len < STATEFILE_MAX) {
		got = read(fd, file->bytes.bytes + file->bytes.len,
		    STATEFILE_MAX - file->bytes.len);
		file->bytes.len += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		err = statefile_fail(dir, "state", diag);
	}
	(void)close(fd);
	return err;
}

/* Out of the way, but not away: somebody may want to look at it. */
static void
statefile_set_aside(struct statefile *file)
{
	char name[32];
	bool is_moved = false;

	for (unsigned n = 1; n <= STATEFILE_DAMAGED && !is_moved; n++) {
		(void)snprintf(name, sizeof(name), "state.damaged-%u", n);
		if (n == STATEFILE_DAMAGED ||
		    faccessat(file->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) !=
		        0) {
			is_moved = renameat(file->dir_fd, "state", file->dir_fd,
			               name) == 0;
		}
	}
	log_warn("app", "state_damaged",
	    "the state file is damaged: this node begins anew",
	    LOG_STR("kept_as", is_moved ? name : ""));
	buf_clear(&file->bytes);
}

/* The file itself is ours alone, but who may write the folder may put another
 * in its place.  A group of this user's own is no other. */
static void
statefile_check_folder(const struct statefile *file, const char *dir)
{
	struct stat st;
	char found[64];
	bool is_others;

	if (fstat(file->dir_fd, &st) != 0) {
		return;
	}
	is_others = (st.st_mode & S_IWOTH) != 0 ||
	            ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0 &&
	                st.st_gid != getegid()) ||
	            (st.st_uid != 0 && st.st_uid != geteuid());
	if (is_others) {
		(void)snprintf(found, sizeof(found), "mode %04o, owner uid %u",
		    (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid);
		log_warn("app", "state_exposed",
		    "others may replace what this node keeps; expected a "
		    "folder of this user or root that no other may write; "
		    "mend it with chown and chmod go-w",
		    LOG_STR("dir", dir), LOG_STR("found", found));
	}
}

enum err
statefile_open(struct statefile *file, const char *dir, struct diag *diag)
{
	struct nodeid id;
	enum err err;

	memset(file, 0, sizeof(*file));
	file->lock_fd = -1;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		return statefile_fail(dir, "cannot make the folder", diag);
	}
	file->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->dir_fd < 0) {
		return statefile_fail(dir, "cannot open the folder", diag);
	}
	file->is_open = true;
	statefile_check_folder(file, dir);
	err = statefile_lock(file, dir, diag);
	if (err == ERR_OK) {
		err = statefile_read(file, dir, diag);
	}
	if (err == ERR_OK && file->bytes.len > 0 && !statefile_id(file, &id)) {
		statefile_set_aside(file);
	}
	return err;
}

void
statefile_close(struct statefile *file)
{
	if (file->is_open) {
		if (file->lock_fd >= 0) {
			(void)close(file->lock_fd);
		}
		(void)close(file->dir_fd);
	}
	buf_fini(&file->bytes);
	file->is_open = false;
}

bool
statefile_id(const struct statefile *file, struct nodeid *id)
{
	uint32_t wall_s = (uint32_t)(clock_wall_ns() / UINT64_C(1000000000));

	return mesh_snapshot_id(
	           file->bytes.bytes, file->bytes.len, wall_s, id) == ERR_OK;
}

enum err
statefile_restore(struct statefile *file, struct mesh *mesh)
{
	enum err err = ERR_OK;

	if (!file->is_open) {
		return ERR_OK;
	}
	if (file->bytes.len > 0) {
		err = mesh_restore(mesh, file->bytes.bytes, file->bytes.len);
	}
	buf_fini(&file->bytes);
	if (err == ERR_OK) {
		/* The new boot number must not be lost in a crash. */
		statefile_save(file, mesh);
	}
	return err;
}

static bool
statefile_write(struct statefile *file, const struct buf *bytes)
{
	int fd = openat(file->dir_fd, "state.new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	    0600);
	size_t at = 0;
	ssize_t put = 1;
	bool is_whole;

	if (fd < 0) {
		return false;
	}
	while (at < bytes->len && put > 0) {
		put = write(fd, bytes->bytes + at, bytes->len - at);
		at += put > 0 ? (size_t)put : 0;
	}
	is_whole = at == bytes->len && fsync(fd) == 0;
	return close(fd) == 0 && is_whole &&
	       renameat(file->dir_fd, "state.new", file->dir_fd, "state") ==
	           0 &&
	       fsync(file->dir_fd) == 0;
}

void
statefile_save(struct statefile *file, const struct mesh *mesh)
{
	struct buf bytes = { 0 };
	uint64_t version;

	if (!file->is_open) {
		return;
	}
	version = mesh_snapshot_version(mesh);
	if (mesh_snapshot(mesh, &bytes) == ERR_OK &&
	    statefile_write(file, &bytes)) {
		file->version = version;
		file->is_written = true;
	} else {
		log_error("app", "state_failed",
		    "the state file cannot be written; trying again",
		    LOG_STR("why", strerror(errno)));
	}
	buf_fini(&bytes);
}

void
statefile_on_tick(
    struct statefile *file, const struct mesh *mesh, uint64_t now_ms)
{
	bool is_same = file->is_written &&
	               file->version == mesh_snapshot_version(mesh);

	if (!file->is_open || is_same ||
	    now_ms < file->written_ms + STATEFILE_EVERY_MS) {
		return;
	}
	file->written_ms = now_ms;
	statefile_save(file, mesh);
}
