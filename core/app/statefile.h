/* SPDX-License-Identifier: MIT
 * statefile.h - --state DIR: what a node keeps between two lives.
 *
 * DIR/state is the mesh's snapshot, DIR/lock keeps a second process out.  It
 * is replaced as a whole: a crash leaves the old one or the new one. */
#ifndef APP_STATEFILE_H
#define APP_STATEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/nodeid.h"

#define STATEFILE_EVERY_MS 10000u /* at the most */

struct mesh;

struct statefile {
	bool is_open;
	int dir_fd, lock_fd;
	struct buf bytes; /* as read; empty: there was none */
	uint64_t version; /* of the mesh's snapshot that was written */
	bool is_written;
	uint64_t written_ms;
};

/* Make DIR (0700) unless it exists, lock it, read the state; a damaged one is
 * set aside as state.damaged-N and logged, and so is a folder that others may
 * write.  ERR_SYSTEM: `diag` says why;
 * ERR_NOMEM. */
NODISCARD enum err statefile_open(
    struct statefile *file, const char *dir, struct diag *diag);
void statefile_close(struct statefile *file);

/* The node id in it; false: there is none. */
bool statefile_id(const struct statefile *file, struct nodeid *id);
/* Give it to a mesh that has not started, and write it anew. */
NODISCARD enum err statefile_restore(struct statefile *file, struct mesh *mesh);

/* Write it if it has changed and the last time is long enough ago.  What goes
 * wrong is logged, and tried again. */
void statefile_on_tick(
    struct statefile *file, const struct mesh *mesh, uint64_t now_ms);
/* Write it now. */
void statefile_save(struct statefile *file, const struct mesh *mesh);

#endif
