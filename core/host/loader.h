/* SPDX-License-Identifier: MIT
 * loader.h - plugin files: checked, loaded, closed.  All of dlopen is here. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include <grapevine/plugin.h>
#include <sys/types.h>

#include "base/err.h"

/* One loaded file; shared by the instances of its plugin. */
struct loader {
	struct loader *next;
	unsigned refs;
	char *path; /* as it was named */
	int fd;     /* stays open: glibc knows the file by /proc/self/fd/N */
	dev_t dev;
	ino_t ino;
	void *handle;
	/* Copies, zeroed behind what the plugin's own ABI knew; the strings
	 * are the plugin's. */
	struct gv_plugin manifest;
	struct gv_option *options; /* manifest.option_count of them */
};

/* Load `path`, or take another reference if that very file is in `*list`
 * already.  Checks the file, then its note, then that no other file of that
 * name is in `*list`, and only then runs its constructors; then its manifest.
 * ERR_NOTFOUND, ERR_PLUGIN, ERR_NOMEM: `diag` says why. */
NODISCARD enum err loader_open(struct loader **loader, struct loader **list,
    const char *path, struct diag *diag);

/* Give a reference back; the last one unloads the file.  NULL is fine. */
void loader_close(struct loader *loader, struct loader **list);

#endif
