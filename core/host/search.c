/* SPDX-License-Identifier: MIT
 * search.c - see search.h. */

#include "host/search.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static bool
search_has(const struct search *search, const char *dir, size_t len)
{
	for (size_t i = 0; i < search->count; i++) {
		if (strlen(search->dirs[i]) == len &&
		    memcmp(search->dirs[i], dir, len) == 0) {
			return true;
		}
	}
	return false;
}

static enum err
search_add(struct search *search, const char *dir, size_t len)
{
	if (len == 0 || search_has(search, dir, len)) {
		return ERR_OK;
	}
	if (search->count == search->cap) {
		size_t cap = search->cap == 0 ? 8 : search->cap * 2;
		char **dirs = realloc(search->dirs, cap * sizeof(*dirs));

		if (dirs == NULL) {
			return ERR_NOMEM;
		}
		search->dirs = dirs;
		search->cap = cap;
	}
	search->dirs[search->count] = strndup(dir, len);
	if (search->dirs[search->count] == NULL) {
		return ERR_NOMEM;
	}
	search->count++;
	return ERR_OK;
}

static enum err
search_add_environment(struct search *search)
{
	const char *at = getenv("GRAPEVINE_PLUGIN_PATH");
	enum err err = ERR_OK;

	while (at != NULL && err == ERR_OK) {
		size_t len = strcspn(at, ":");

		err = search_add(search, at, len);
		at = at[len] == ':' ? at + len + 1 : NULL;
	}
	return err;
}

/* `folder` as seen from the program's own, which may be anywhere. */
static enum err
search_add_from_binary(struct search *search, const char *folder)
{
	char path[2 * PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash = NULL;

	if (len > 0) {
		path[len] = '\0';
		slash = strrchr(path, '/');
	}
	while (slash != NULL && strncmp(folder, "../", 3) == 0) {
		folder += 3;
		*slash = '\0';
		slash = strrchr(path, '/');
	}
	if (slash == NULL) {
		return ERR_OK;
	}
	(void)snprintf(slash + 1, PATH_MAX, "%s", folder);
	return search_add(search, path, strlen(path));
}

enum err
search_init(struct search *search, const char *const *dirs, size_t count)
{
	enum err err = ERR_OK;

	memset(search, 0, sizeof(*search));
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = search_add(search, dirs[i], strlen(dirs[i]));
	}
	if (err == ERR_OK) {
		err = search_add_environment(search);
	}
	if (err == ERR_OK) {
		err = search_add_from_binary(search, GV_PLUGIN_FOLDER);
	}
	if (err == ERR_OK) {
		err = search_add_from_binary(search, "plugins");
	}
	if (err != ERR_OK) {
		search_fini(search);
	}
	return err;
}

void
search_fini(struct search *search)
{
	for (size_t i = 0; i < search->count; i++) {
		free(search->dirs[i]);
	}
	free(search->dirs);
	memset(search, 0, sizeof(*search));
}

static bool
search_name_is_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= 32 && name[len] == '\0';
}

static enum err
search_not_found(
    const struct search *search, const char *name, struct diag *diag)
{
	struct buf dirs;

	buf_init(&dirs);
	for (size_t i = 0; i < search->count; i++) {
		if (buf_printf(&dirs, "%s%s", i > 0 ? ", " : "",
		        search->dirs[i]) != ERR_OK) {
			break;
		}
	}
	diag_set(diag,
	    "plugin %s: not found, expected %s.so in one of: %.*s; see what "
	    "there is with: grapevine --list-plugins",
	    name, name, (int)(dirs.len < 512 ? dirs.len : 512),
	    dirs.bytes == NULL ? "" : (const char *)dirs.bytes);
	buf_fini(&dirs);
	return ERR_NOTFOUND;
}

enum err
search_find(const struct search *search, char **path, const char *name,
    struct diag *diag)
{
	if (!search_name_is_valid(name)) {
		diag_set(diag,
		    "plugin \"%s\": no name of a plugin, expected "
		    "[a-z0-9-]{1,32}, or a path with a slash in it",
		    name);
		return ERR_INVALID;
	}
	for (size_t i = 0; i < search->count; i++) {
		struct stat st;
		char *made;

		if (asprintf(&made, "%s/%s.so", search->dirs[i], name) < 0) {
			diag_set(diag, "plugin %s: out of memory", name);
			return ERR_NOMEM;
		}
		/* A link that leads nowhere is found too, and refused. */
		if (lstat(made, &st) == 0) {
			*path = made;
			return ERR_OK;
		}
		free(made);
	}
	return search_not_found(search, name, diag);
}

static int
search_is_plugin(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

static int
search_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

enum err
search_scan(const char *dir, char ***names, size_t *count)
{
	struct dirent **entries = NULL;
	int found = scandir(dir, &entries, search_is_plugin, search_compare);
	char **made;
	enum err err = ERR_OK;

	if (found < 0 && errno == ENOMEM) {
		return ERR_NOMEM;
	}
	made = calloc(found > 0 ? (size_t)found : 1, sizeof(*made));
	for (int i = 0; i < found; i++) {
		if (made != NULL) {
			made[i] = strdup(entries[i]->d_name);
		}
		if (made == NULL || made[i] == NULL) {
			err = ERR_NOMEM;
		}
		free(entries[i]);
	}
	free(entries);
	if (made == NULL || err != ERR_OK) {
		for (int i = 0; i < found && made != NULL; i++) {
			free(made[i]);
		}
		free(made);
		return ERR_NOMEM;
	}
	*names = made;
	*count = found > 0 ? (size_t)found : 0;
	return ERR_OK;
}
