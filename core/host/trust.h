/* SPDX-License-Identifier: MIT
 * trust.h - which files may run inside the node.
 *
 * A regular file, no symbolic link, owned by root or by us, that nobody else
 * can write; its folder likewise; no folder further up that others can write,
 * unless it is sticky.  Group-writable counts as writable by others unless the
 * group is root's or our own. */
#ifndef HOST_TRUST_H
#define HOST_TRUST_H

#include <sys/stat.h>

#include "base/err.h"

/* Open `path` for reading, and check the file that was opened.  ERR_NOTFOUND,
 * ERR_PLUGIN (`diag`: what was found, expected, and what mends it),
 * ERR_NOMEM.  The caller closes `*fd`. */
NODISCARD enum err trust_open(
    int *fd, struct stat *st, const char *path, struct diag *diag);

#endif
