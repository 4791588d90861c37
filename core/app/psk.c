/* SPDX-License-Identifier: MIT
 * psk.c - see psk.h. */

#include "app/psk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/mesh.h"

static enum err
psk_check(int fd, const char *path, struct diag *diag)
{
	struct stat stat;

	if (fstat(fd, &stat) != 0) {
		diag_set(diag, "--psk-file %s: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	if (!S_ISREG(stat.st_mode)) {
		diag_set(diag, "--psk-file %s: found no regular file", path);
		return ERR_INVALID;
	}
	if (stat.st_uid != geteuid() && stat.st_uid != 0) {
		diag_set(diag,
		    "--psk-file %s: found a file of user %u, expected one of "
		    "this user or root: chown %u %s",
		    path, (unsigned)stat.st_uid, (unsigned)geteuid(), path);
		return ERR_INVALID;
	}
	if ((stat.st_mode & 077) != 0) {
		diag_set(diag,
		    "--psk-file %s: found mode %04o, expected 0600, so that "
		    "nobody else can read the key: chmod 600 %s",
		    path, (unsigned)stat.st_mode & 07777, path);
		return ERR_INVALID;
	}
	return ERR_OK;
}

static enum err
psk_read_all(struct psk *psk, int fd, const char *path, struct diag *diag)
{
	uint8_t more;
	ssize_t got = 1;

	while (psk->len < sizeof(psk->bytes) && got > 0) {
		got = read(
		    fd, psk->bytes + psk->len, sizeof(psk->bytes) - psk->len);
		psk->len += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		diag_set(diag, "--psk-file %s: %s", path, strerror(errno));
		return ERR_SYSTEM;
	}
	if (psk->len < MESH_PSK_MIN ||
	    (psk->len == sizeof(psk->bytes) && read(fd, &more, 1) != 0)) {
		diag_set(diag,
		    "--psk-file %s: found %s%zu bytes, expected %d to %d: "
		    "head -c 32 /dev/urandom >%s makes a key",
		    path, psk->len < MESH_PSK_MIN ? "" : "more than ", psk->len,
		    MESH_PSK_MIN, PSK_MAX, path);
		return ERR_INVALID;
	}
	return ERR_OK;
}

enum err
psk_read(struct psk *psk, const char *path, struct diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum err err;

	psk->len = 0;
	if (fd < 0) {
		diag_set(diag, "--psk-file %s: %s", path,
		    errno == ELOOP ? "found a symbolic link, expected the file"
		                   : strerror(errno));
		return ERR_SYSTEM;
	}
	err = psk_check(fd, path, diag);
	if (err == ERR_OK) {
		err = psk_read_all(psk, fd, path, diag);
	}
	(void)close(fd);
	if (err != ERR_OK) {
		psk_forget(psk);
	}
	return err;
}

void
psk_forget(struct psk *psk)
{
	explicit_bzero(psk, sizeof(*psk));
}
