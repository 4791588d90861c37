/* SPDX-License-Identifier: MIT
 * loader.c - see loader.h. */

#include "host/loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/note.h"
#include "host/option.h"
#include "host/trust.h"

/* All that ABI 0.1 has; no plugin has less. */
#define LOADER_MANIFEST_MIN sizeof(struct gv_plugin)
#define LOADER_OPTION_MIN   sizeof(struct gv_option)
#define LOADER_OPTIONS_MAX  64u

struct loader_fd_name {
	char text[32];
};

static struct loader_fd_name
loader_fd_name(int fd)
{
	struct loader_fd_name name;

	(void)snprintf(name.text, sizeof(name.text), "/proc/self/fd/%d", fd);
	return name;
}

/* Unload, as far as it can be.  Closes the descriptor only if the library is
 * really gone: one that stays (or is kept for a sanitizer's reports) is known
 * to glibc by its number, and the next file to get that number would be taken
 * for it. */
static void
loader_unload(const struct loader *loader)
{
	struct loader_fd_name name = loader_fd_name(loader->fd);
	bool stays = false;

	if (loader->handle != NULL) {
#ifdef GV_SANITIZED
		stays = true;
#else
		(void)dlclose(loader->handle);
		stays = dlopen(name.text, RTLD_LAZY | RTLD_NOLOAD) != NULL;
#endif
	}
	(void)name;
	if (!stays && loader->fd >= 0) {
		(void)close(loader->fd);
	}
}

static void
loader_destroy(struct loader *loader)
{
	if (loader == NULL) {
		return;
	}
	loader_unload(loader);
	free(loader->options);
	free(loader->path);
	free(loader);
}

/* Is what dlsym found big enough to be read as a manifest? */
static enum err
loader_check_symbol(
    const struct loader *loader, const void *symbol, struct diag *diag)
{
	const struct gv_plugin *raw = symbol;
	const ElfW(Sym) *entry = NULL;
	Dl_info info;
	size_t size = 0;

	if (dladdr1(symbol, &info, (void **)&entry, RTLD_DL_SYMENT) != 0 &&
	    entry != NULL && ELF64_ST_TYPE(entry->st_info) == STT_OBJECT) {
		size = (size_t)entry->st_size;
	}
	if (size < sizeof(raw->magic) || raw->magic != GV_PLUGIN_MAGIC) {
		diag_set(diag,
		    "%s: its gv_plugin does not begin with the magic number "
		    "0x%x, expected the constant that GV_PLUGIN makes; build "
		    "it with grapevine/plugin.h",
		    loader->path, (unsigned)GV_PLUGIN_MAGIC);
		return ERR_PLUGIN;
	}
	if (size < LOADER_MANIFEST_MIN ||
	    raw->struct_size < LOADER_MANIFEST_MIN || raw->struct_size > size) {
		diag_set(diag,
		    "%s: its gv_plugin says it has %u bytes and has %zu, "
		    "expected %zu or more; build it with grapevine/plugin.h",
		    loader->path, (unsigned)raw->struct_size, size,
		    LOADER_MANIFEST_MIN);
		return ERR_PLUGIN;
	}
	return ERR_OK;
}

/* The file must not say two things about itself. */
static enum err
loader_check_note(
    const struct loader *loader, const struct gv_note *note, struct diag *diag)
{
	const struct gv_plugin *manifest = &loader->manifest;

	if (manifest->abi_minor <= GV_ABI_MINOR &&
	    manifest->struct_size > sizeof(*manifest)) {
		diag_set(diag,
		    "%s: its gv_plugin has %u bytes, expected %zu for plugin "
		    "ABI %u.%u; build it with grapevine/plugin.h",
		    loader->path, (unsigned)manifest->struct_size,
		    sizeof(*manifest), manifest->abi_major,
		    manifest->abi_minor);
		return ERR_PLUGIN;
	}
	if (manifest->name == NULL || manifest->version == NULL) {
		diag_set(diag,
		    "%s: its gv_plugin has no %s, expected what GV_PLUGIN "
		    "puts there",
		    loader->path, manifest->name == NULL ? "name" : "version");
		return ERR_PLUGIN;
	}
	if (manifest->abi_major != note->abi_major ||
	    manifest->abi_minor != note->abi_minor ||
	    manifest->flags != note->flags ||
	    strcmp(manifest->name, note->name) != 0 ||
	    strcmp(manifest->version, note->version) != 0) {
		diag_set(diag,
		    "%s: its note says %s %s, ABI %u.%u, flags 0x%x, its "
		    "gv_plugin %.32s %.32s, ABI %u.%u, flags 0x%x, expected "
		    "the same; let GV_PLUGIN make both",
		    loader->path, note->name, note->version, note->abi_major,
		    note->abi_minor, (unsigned)note->flags, manifest->name,
		    manifest->version, manifest->abi_major, manifest->abi_minor,
		    (unsigned)manifest->flags);
		return ERR_PLUGIN;
	}
	return ERR_OK;
}

/* The table of options, row by row, since rows grow too. */
static enum err
loader_copy_options(struct loader *loader, struct diag *diag)
{
	const struct gv_plugin *manifest = &loader->manifest;
	const uint8_t *raw = (const uint8_t *)manifest->options;
	size_t row = manifest->option_size;
	size_t copy = row < sizeof(*loader->options) ? row
	                                             : sizeof(*loader->options);
	struct diag flaw;
	enum err err;

	if (manifest->option_count == 0) {
		return ERR_OK;
	}
	if (manifest->option_count > LOADER_OPTIONS_MAX ||
	    row < LOADER_OPTION_MIN || raw == NULL) {
		diag_set(diag,
		    "%s: %u options of %zu bytes at %p, expected at most %u "
		    "of %zu or more",
		    loader->path, (unsigned)manifest->option_count, row,
		    (const void *)raw, LOADER_OPTIONS_MAX, LOADER_OPTION_MIN);
		return ERR_PLUGIN;
	}
	loader->options = calloc(
	    manifest->option_count, sizeof(*loader->options));
	if (loader->options == NULL) {
		diag_set(diag, "%s: out of memory", loader->path);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < manifest->option_count; i++) {
		memcpy(&loader->options[i], raw + i * row, copy);
	}
	err = option_check_table(
	    loader->options, manifest->option_count, &flaw);
	if (err != ERR_OK) {
		diag_set(diag, "%s: %s", loader->path, flaw.text);
	}
	return err;
}

static enum err
loader_load(
    struct loader *loader, const struct gv_note *note, struct diag *diag)
{
	struct loader_fd_name name = loader_fd_name(loader->fd);
	const void *symbol;
	size_t size;
	enum err err;

	loader->handle = dlopen(name.text, RTLD_NOW | RTLD_LOCAL);
	if (loader->handle == NULL) {
		diag_set(diag,
		    "%s: cannot be loaded: %s; expected no symbols but those "
		    "of its libraries: see ldd -r %s",
		    loader->path, dlerror(), loader->path);
		return ERR_PLUGIN;
	}
	symbol = dlsym(loader->handle, "gv_plugin");
	if (symbol == NULL) {
		diag_set(diag,
		    "%s: exports no gv_plugin, expected the constant that "
		    "GV_PLUGIN makes; see: nm -D %s",
		    loader->path, loader->path);
		return ERR_PLUGIN;
	}
	err = loader_check_symbol(loader, symbol, diag);
	if (err != ERR_OK) {
		return err;
	}
	size = ((const struct gv_plugin *)symbol)->struct_size;
	if (size > sizeof(loader->manifest)) {
		size = sizeof(loader->manifest);
	}
	memcpy(&loader->manifest, symbol, size);
	err = loader_check_note(loader, note, diag);
	return err == ERR_OK ? loader_copy_options(loader, diag) : err;
}

/* Before anything of the file runs. */
static enum err
loader_check_file(struct loader *loader, const struct loader *list,
    struct gv_note *note, struct diag *diag)
{
	enum err err = note_read(note, loader->fd, loader->path, diag);

	if (err == ERR_OK) {
		err = note_check(note, loader->path, diag);
	}
	for (; list != NULL && err == ERR_OK; list = list->next) {
		if (strcmp(list->manifest.name, note->name) == 0) {
			diag_set(diag,
			    "%s: its name %s is taken by %s, expected one "
			    "file of a name; leave one of them out",
			    loader->path, note->name, list->path);
			err = ERR_PLUGIN;
		}
	}
	return err;
}

static struct loader *
loader_find(struct loader *list, const struct stat *st)
{
	while (list != NULL &&
	       (list->dev != st->st_dev || list->ino != st->st_ino)) {
		list = list->next;
	}
	return list;
}

static struct loader *
loader_create(const char *path, int fd, const struct stat *st)
{
	struct loader *loader = calloc(1, sizeof(*loader));

	if (loader == NULL) {
		(void)close(fd);
		return NULL;
	}
	loader->fd = fd;
	loader->refs = 1;
	loader->dev = st->st_dev;
	loader->ino = st->st_ino;
	loader->path = strdup(path);
	if (loader->path == NULL) {
		loader_destroy(loader);
		return NULL;
	}
	return loader;
}

enum err
loader_open(struct loader **loader, struct loader **list, const char *path,
    struct diag *diag)
{
	struct loader *made;
	struct gv_note note;
	struct stat st;
	int fd;
	enum err err = trust_open(&fd, &st, path, diag);

	if (err != ERR_OK) {
		return err;
	}
	made = loader_find(*list, &st);
	if (made != NULL) {
		(void)close(fd);
		made->refs++;
		*loader = made;
		return ERR_OK;
	}
	made = loader_create(path, fd, &st);
	if (made == NULL) {
		diag_set(diag, "%s: out of memory", path);
		return ERR_NOMEM;
	}
	err = loader_check_file(made, *list, &note, diag);
	if (err == ERR_OK) {
		err = loader_load(made, &note, diag);
	}
	if (err != ERR_OK) {
		loader_destroy(made);
		return err;
	}
	made->next = *list;
	*list = made;
	*loader = made;
	return ERR_OK;
}

void
loader_close(struct loader *loader, struct loader **list)
{
	if (loader == NULL || --loader->refs > 0) {
		return;
	}
	while (*list != NULL && *list != loader) {
		list = &(*list)->next;
	}
	if (*list != NULL) {
		*list = loader->next;
	}
	loader_destroy(loader);
}
