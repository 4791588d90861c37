/* SPDX-License-Identifier: MIT
 * note.h - what a plugin file says about itself, read without loading it. */
#ifndef HOST_NOTE_H
#define HOST_NOTE_H

#include <grapevine/plugin.h>

#include "base/err.h"

#define NOTE_NAME_MAX 32

/* Read the note of the open file `fd`, whose name `path` is for `diag`.
 * ERR_PLUGIN: no ELF file, of another machine, without a note.  name and
 * version are NUL-terminated.  [loop] */
NODISCARD enum err note_read(
    struct gv_note *note, int fd, const char *path, struct diag *diag);

/* Is this something that this node can run?  ERR_PLUGIN: another major, an
 * unknown flag, a bad name. */
NODISCARD enum err note_check(
    const struct gv_note *note, const char *path, struct diag *diag);

#endif
