/* SPDX-License-Identifier: MIT
 * listing.c - what plugins there are, and what their options are: for people
 * and for programs.  See host.h. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/note.h"
#include "host/option.h"
#include "host/private.h"
#include "host/trust.h"
#include "wire/utf8.h"

/* One file, as far as it can be told without running it. */
struct listing_row {
	const char *path;
	bool known; /* `note` is filled in */
	struct gv_note note;
	const char *status; /* ok, enabled, shadowed, refused */
	struct diag reason; /* refused, shadowed */
};

struct listing {
	const struct host *host;
	struct buf *out;
	bool json;
	size_t rows;
	char *seen[256]; /* file names, of the folders so far */
	size_t seen_count;
};

/* A JSON string.  Bytes that are not UTF-8, as file names may have, are
 * replaced: JSON cannot hold them. */
static enum err
listing_json_string(struct buf *out, const char *text)
{
	bool valid = utf8_is_valid(text, strlen(text));
	enum err err = buf_append(out, "\"", 1);

	for (; *text != '\0' && err == ERR_OK; text++) {
		uint8_t byte = (uint8_t)*text;

		if (byte == '"' || byte == '\\') {
			err = buf_printf(out, "\\%c", byte);
		} else if (byte < 0x20 || byte == 0x7f) {
			err = buf_printf(out, "\\u%04x", byte);
		} else if (byte >= 0x80 && !valid) {
			err = buf_printf(out, "\\ufffd");
		} else {
			err = buf_append(out, &byte, 1);
		}
	}
	return err == ERR_OK ? buf_append(out, "\"", 1) : err;
}

static enum err
listing_json_member(struct buf *out, const char *key, const char *text)
{
	enum err err = buf_printf(out, ",\"%s\":", key);

	return err == ERR_OK ? listing_json_string(out, text) : err;
}

static enum err
listing_json_row(struct listing *listing, const struct listing_row *row)
{
	struct buf *out = listing->out;
	enum err err = buf_printf(out, "%s{\"status\":\"%s\"",
	    listing->rows > 0 ? "," : "", row->status);

	if (err == ERR_OK) {
		err = listing_json_member(out, "file", row->path);
	}
	if (err == ERR_OK && row->known) {
		err = listing_json_member(out, "name", row->note.name);
	}
	if (err == ERR_OK && row->known) {
		err = listing_json_member(out, "version", row->note.version);
	}
	if (err == ERR_OK && row->known) {
		err = buf_printf(out, ",\"abi\":\"%u.%u\",\"filter\":%s",
		    row->note.abi_major, row->note.abi_minor,
		    (row->note.flags & GV_FILTER) != 0 ? "true" : "false");
	}
	if (err == ERR_OK && row->reason.text[0] != '\0') {
		err = listing_json_member(out, "reason", row->reason.text);
	}
	return err == ERR_OK ? buf_append(out, "}", 1) : err;
}

/* File names may hold anything, a terminal must not see it. */
static enum err
listing_text_row(struct listing *listing, const struct listing_row *row)
{
	struct buf *out = listing->out;
	char text[2 * sizeof(row->reason.text)];
	enum err err = ERR_OK;

	if (row->known) {
		err = buf_printf(out, "%-16s %-10s %u.%-4u %-9s",
		    row->note.name, row->note.version, row->note.abi_major,
		    row->note.abi_minor, row->status);
	} else {
		err = buf_printf(
		    out, "%-16s %-10s %-6s %-9s", "-", "-", "-", row->status);
	}
	/* A reason begins with the file. */
	(void)log_escape(text, sizeof(text),
	    row->reason.text[0] != '\0' ? row->reason.text : row->path,
	    strlen(row->reason.text[0] != '\0' ? row->reason.text : row->path));
	return err == ERR_OK ? buf_printf(out, " %s\n", text) : err;
}

static bool
listing_is_enabled(const struct host *host, const struct stat *st)
{
	const struct loader *loader = host->loaders;

	while (loader != NULL &&
	       (loader->dev != st->st_dev || loader->ino != st->st_ino)) {
		loader = loader->next;
	}
	return loader != NULL;
}

/* Look at a file; nothing of it runs. */
static void
listing_look(const struct host *host, struct listing_row *row)
{
	struct stat st;
	int fd;
	enum err err = trust_open(&fd, &st, row->path, &row->reason);

	if (err == ERR_OK) {
		err = note_read(&row->note, fd, row->path, &row->reason);
		(void)close(fd);
		row->known = err == ERR_OK;
	}
	if (err == ERR_OK) {
		err = note_check(&row->note, row->path, &row->reason);
	}
	row->status = err != ERR_OK                   ? "refused"
	              : listing_is_enabled(host, &st) ? "enabled"
	                                              : "ok";
}

/* Is a file of this name in a folder that comes first?  Else note it. */
static bool
listing_is_shadowed(struct listing *listing, const char *name)
{
	for (size_t i = 0; i < listing->seen_count; i++) {
		if (strcmp(listing->seen[i], name) == 0) {
			return true;
		}
	}
	if (listing->seen_count < ARRAY_LEN(listing->seen)) {
		char *copy = strdup(name);

		if (copy != NULL) {
			listing->seen[listing->seen_count++] = copy;
		}
	}
	return false;
}

static enum err
listing_file(struct listing *listing, const char *dir, const char *name)
{
	struct listing_row row = { .status = "ok" };
	char *path;
	enum err err;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		return ERR_NOMEM;
	}
	row.path = path;
	listing_look(listing->host, &row);
	if (listing_is_shadowed(listing, name) &&
	    strcmp(row.status, "ok") == 0) {
		row.status = "shadowed";
		diag_set(&row.reason,
		    "%s: a folder that comes first has %s too", path, name);
	}
	err = listing->json ? listing_json_row(listing, &row)
	                    : listing_text_row(listing, &row);
	listing->rows++;
	free(path);
	return err;
}

static enum err
listing_dir(struct listing *listing, const char *dir)
{
	char **names;
	size_t count;
	enum err err = search_scan(dir, &names, &count);

	if (err != ERR_OK) {
		return err;
	}
	for (size_t i = 0; i < count; i++) {
		if (err == ERR_OK) {
			err = listing_file(listing, dir, names[i]);
		}
		free(names[i]);
	}
	free(names);
	return err;
}

/* The folders that were looked at, found or not. */
static enum err
listing_end(struct listing *listing)
{
	const struct search *search = &listing->host->search;
	struct buf *out = listing->out;
	enum err err = listing->json ? buf_printf(out, "],\"dirs\":[")
	                             : buf_printf(out, "looked in:\n");

	for (size_t i = 0; i < search->count && err == ERR_OK; i++) {
		char text[1024];

		(void)log_escape(text, sizeof(text), search->dirs[i],
		    strlen(search->dirs[i]));
		if (!listing->json) {
			err = buf_printf(out, "  %s\n", text);
			continue;
		}
		err = i > 0 ? buf_append(out, ",", 1) : ERR_OK;
		if (err == ERR_OK) {
			err = listing_json_string(out, search->dirs[i]);
		}
	}
	return err == ERR_OK && listing->json ? buf_printf(out, "]}\n") : err;
}

enum err
host_list(const struct host *host, bool json, struct buf *out)
{
	struct listing listing = { .host = host, .out = out, .json = json };
	enum err err = json ? buf_printf(out, "{\"plugins\":[")
	                    : buf_printf(out, "%-16s %-10s %-6s %-9s %s\n",
	                          "NAME", "VERSION", "ABI", "STATUS", "FILE");

	for (size_t i = 0; i < host->search.count && err == ERR_OK; i++) {
		err = listing_dir(&listing, host->search.dirs[i]);
	}
	if (err == ERR_OK) {
		err = listing_end(&listing);
	}
	for (size_t i = 0; i < listing.seen_count; i++) {
		free(listing.seen[i]);
	}
	return err;
}

static enum err
listing_option(struct buf *out, const struct gv_option *option)
{
	const char *help = option->help == NULL ? "" : option->help;
	enum err err = buf_printf(out, "  %-16s %s\n", option->name, help);

	if (err == ERR_OK) {
		err = buf_printf(out, "  %-16s %s; ", "", option_shape(option));
	}
	if (err == ERR_OK) {
		err = option->fallback == NULL
		          ? buf_printf(out, "required\n")
		          : buf_printf(
		                out, "default \"%s\"\n", option->fallback);
	}
	return err;
}

static enum err
listing_options(struct buf *out, const struct loader *loader)
{
	const struct gv_plugin *manifest = &loader->manifest;
	enum err err = buf_printf(out, "%s %s: %s\n%s\n\noptions:%s\n",
	    manifest->name, manifest->version,
	    manifest->summary == NULL ? "" : manifest->summary, loader->path,
	    manifest->option_count == 0 ? " none" : "");

	for (size_t i = 0; i < manifest->option_count && err == ERR_OK; i++) {
		err = listing_option(out, &loader->options[i]);
	}
	if (err == ERR_OK) {
		err = buf_printf(out,
		    "\nof the node, for every plugin:\n"
		    "  %-16s a failure to load it is only a warning\n"
		    "  %-16s hand it only these topics; * is one token, a "
		    "last > one\n"
		    "  %-16s or more; repeatable, or separated by ;\n",
		    "@optional", "@topics=PATTERN", "");
	}
	return err;
}

enum err
host_help(
    struct host *host, const char *name, struct buf *out, struct diag *diag)
{
	struct loader *loader;
	char *found = NULL;
	enum err err = ERR_OK;

	if (strchr(name, '/') == NULL) {
		err = search_find(&host->search, &found, name, diag);
	}
	if (err == ERR_OK) {
		err = loader_open(&loader, &host->loaders,
		    found == NULL ? name : found, diag);
	}
	free(found);
	if (err == ERR_OK) {
		err = listing_options(out, loader);
		loader_close(loader, &host->loaders);
		if (err != ERR_OK) {
			diag_set(diag, "plugin %s: %s", name, err_text(err));
		}
	}
	return err;
}
