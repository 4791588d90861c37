/* SPDX-License-Identifier: MIT
 * search.h - the folders where plugins are looked for, first wins: those of
 * the command line, GRAPEVINE_PLUGIN_PATH (colon-separated), the folder that
 * was installed with the binary, `plugins` beside it. */
#ifndef HOST_SEARCH_H
#define HOST_SEARCH_H

#include <stddef.h>

#include "base/err.h"

struct search {
	char **dirs;
	size_t count, cap;
};

/* Collect the path; `dirs` are the first ones.  ERR_NOMEM. */
NODISCARD enum err search_init(
    struct search *search, const char *const *dirs, size_t count);
void search_fini(struct search *search);

/* The file of plugin `name`, which the caller frees.  Says nothing about its
 * worth.  ERR_INVALID (no plugin has such a name), ERR_NOTFOUND, ERR_NOMEM. */
NODISCARD enum err search_find(const struct search *search, char **path,
    const char *name, struct diag *diag);

/* The names of the *.so in folder `dir`, sorted; each and the array are the
 * caller's.  A folder that cannot be read has none.  ERR_NOMEM. */
NODISCARD enum err search_scan(const char *dir, char ***names, size_t *count);

#endif
