/* SPDX-License-Identifier: MIT
 * options.c - see options.h. */

#include "app/options.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/option_table.h"
#include "app/option_value.h"

#define OPTIONS_HELP_HINT "'grapevine --help' lists them all."
#define OPTIONS_MAX       64 /* a bit each: which were given */

/* The arguments, and how far they are read. */
struct reader {
	int argc;
	char *const *argv;
	int next;
	uint64_t given;
	struct config *config;
	struct diag *diag;
};

static const struct option *
option_by_letter(char letter)
{
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].letter == letter) {
			return &option_table[i];
		}
	}
	return NULL;
}

static const struct option *
option_by_flag(const char *flag, size_t len)
{
	for (size_t i = 0; i < option_count; i++) {
		const char *known = option_table[i].flag;

		if (known != NULL && strlen(known) == len &&
		    memcmp(known, flag, len) == 0) {
			return &option_table[i];
		}
	}
	return NULL;
}

/* How many letters must be typed, left out or changed to make `a` of `b`
 * (Levenshtein); large when they are far apart anyway. */
static size_t
word_distance(const char *a, size_t a_len, const char *b)
{
	enum { FAR = 100, LEN_MAX = 31 };
	size_t row[LEN_MAX + 1];
	size_t b_len = strlen(b);

	if (a_len > LEN_MAX || b_len > LEN_MAX) {
		return FAR;
	}
	for (size_t k = 0; k <= b_len; k++) {
		row[k] = k;
	}
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			size_t best = diagonal + (a[i - 1] == b[k - 1] ? 0 : 1);

			diagonal = row[k];
			best = row[k] + 1 < best ? row[k] + 1 : best;
			best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
			row[k] = best;
		}
	}
	return row[b_len];
}

/* The flag that `flag` may have been meant for, or NULL. */
static const char *
option_near(const char *flag, size_t len)
{
	const char *near = NULL;
	size_t least = 1 + (len + 2) / 4; /* wrong letters that still count */

	for (size_t i = 0; i < option_count; i++) {
		const char *known = option_table[i].flag;
		size_t distance;

		if (known == NULL) {
			continue;
		}
		distance = word_distance(flag, len, known);
		if (len >= 3 && strncmp(known, flag, len) == 0) {
			distance = 1; /* its beginning */
		}
		if (distance < least || (distance == least && near == NULL)) {
			near = known;
			least = distance;
		}
	}
	return near;
}

/* `--bind`, or `-v`: as a person types it. */
static const char *
option_text_name(const struct option *option, char name[32])
{
	if (option->flag != NULL) {
		(void)snprintf(name, 32, "--%s", option->flag);
	} else {
		(void)snprintf(name, 32, "-%c", option->letter);
	}
	return name;
}

/* What was found, on one line and not too long. */
struct shown {
	char text[96];
};

static const char *
shown_of(struct shown *shown, const char *text, size_t len)
{
	(void)log_escape(shown->text, sizeof(shown->text), text, len);
	return shown->text;
}

static enum err
reader_fail_unknown(struct reader *reader, const char *arg, size_t len)
{
	size_t dashes = strspn(arg, "-");
	const char *near = dashes < len
	                       ? option_near(arg + dashes, len - dashes)
	                       : NULL;
	struct shown shown;

	if (near != NULL) {
		diag_set(reader->diag,
		    "found the unknown flag '%s', expected one that grapevine "
		    "knows: did you mean '--%s'? " OPTIONS_HELP_HINT,
		    shown_of(&shown, arg, len), near);
	} else {
		diag_set(reader->diag,
		    "found the unknown flag '%s', expected one that grapevine "
		    "knows: " OPTIONS_HELP_HINT,
		    shown_of(&shown, arg, len));
	}
	return ERR_INVALID;
}

/* Check and store one option. */
static enum err
reader_apply(
    struct reader *reader, const struct option *option, const char *value)
{
	uint64_t bit = UINT64_C(1) << (option - option_table);
	struct shown shown;
	char name[32];
	enum err err;

	(void)option_text_name(option, name);
	if ((reader->given & bit) != 0 && !option->repeats) {
		diag_set(reader->diag,
		    "%s: found twice, expected once: leave one of them out.",
		    name);
		return ERR_INVALID;
	}
	reader->given |= bit;
	diag_set(reader->diag, "%s", "");
	err = option->apply(reader->config, option, value, reader->diag);
	if (err == ERR_INVALID && value != NULL &&
	    reader->diag->text[0] == '\0') {
		diag_set(reader->diag,
		    "%s: found '%s', expected %s: for example '%s %s'.", name,
		    shown_of(&shown, value, strlen(value)), option->expects,
		    name, option->example);
	}
	return err;
}

/* The option's value: `joined` to the flag, or the next argument. */
static enum err
reader_take(
    struct reader *reader, const struct option *option, const char *joined)
{
	struct shown shown;
	char name[32];

	(void)option_text_name(option, name);
	if (option->arg == NULL && joined != NULL) {
		diag_set(reader->diag,
		    "%s: found the value '%s', expected none: leave it out.",
		    name, shown_of(&shown, joined, strlen(joined)));
		return ERR_INVALID;
	}
	if (option->arg != NULL && joined == NULL) {
		if (reader->next == reader->argc) {
			diag_set(reader->diag,
			    "%s: found no value, expected %s: for example "
			    "'%s %s'.",
			    name, option->expects, name, option->example);
			return ERR_INVALID;
		}
		joined = reader->argv[reader->next++];
	}
	return reader_apply(reader, option, joined);
}

/* `--flag`, `--flag=value` */
static enum err
reader_long(struct reader *reader, const char *arg)
{
	const char *flag = arg + 2;
	size_t len = strcspn(flag, "=");
	const struct option *option = option_by_flag(flag, len);

	if (option == NULL) {
		return reader_fail_unknown(reader, arg, len + 2);
	}
	return reader_take(
	    reader, option, flag[len] == '=' ? flag + len + 1 : NULL);
}

/* `-b VALUE`, `-bVALUE`, `-vv` */
static enum err
reader_letters(struct reader *reader, const char *arg)
{
	enum err err = ERR_OK;

	for (const char *at = arg + 1; *at != '\0' && err == ERR_OK; at++) {
		const struct option *option = option_by_letter(*at);

		if (option == NULL) {
			return reader_fail_unknown(reader, arg, strlen(arg));
		}
		if (option->arg != NULL) {
			return reader_take(
			    reader, option, at[1] != '\0' ? at + 1 : NULL);
		}
		err = reader_take(reader, option, NULL);
	}
	return err;
}

static enum err
reader_fail_stray(struct reader *reader, const char *arg)
{
	struct shown shown;

	diag_set(reader->diag,
	    "found the argument '%s', expected flags only: a value belongs "
	    "behind its flag, as in '--bind %s'. " OPTIONS_HELP_HINT,
	    shown_of(&shown, arg, strlen(arg)), "localhost:8080");
	return ERR_INVALID;
}

static enum err
reader_run(struct reader *reader)
{
	enum err err = ERR_OK;

	while (reader->next < reader->argc && err == ERR_OK) {
		const char *arg = reader->argv[reader->next++];

		if (strcmp(arg, "--") == 0) {
			return reader->next == reader->argc
			           ? ERR_OK
			           : reader_fail_stray(
			                 reader, reader->argv[reader->next]);
		}
		if (strncmp(arg, "--", 2) == 0) {
			err = reader_long(reader, arg);
		} else if (arg[0] == '-' && arg[1] != '\0') {
			err = reader_letters(reader, arg);
		} else {
			err = reader_fail_stray(reader, arg);
		}
	}
	return err;
}

/* Everything that was not given and has a default. */
static enum err
reader_add_defaults(struct reader *reader)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < option_count && err == ERR_OK; i++) {
		const struct option *option = &option_table[i];

		if (option->fallback != NULL && (reader->given >> i & 1) == 0) {
			err = option->apply(reader->config, option,
			    option->fallback, reader->diag);
		}
	}
	return err;
}

/* HOST-PORT: the host's own name and the port of the first bind. */
static enum err
config_make_name(struct config *config)
{
	const char *bind = config->binds.items[0];
	char host[49] = "node";
	size_t size = sizeof(host) + 8;

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0') {
		(void)snprintf(host, sizeof(host), "node");
	}
	config->name = malloc(size);
	if (config->name == NULL) {
		return ERR_NOMEM;
	}
	(void)snprintf(
	    config->name, size, "%s-%s", host, strrchr(bind, ':') + 1);
	return ERR_OK;
}

static enum err
config_make_log_filter(struct config *config)
{
	static const char *const levels[] = { "warn", "info", "debug",
		"trace" };

	config->log_filter = strdup(levels[config->verbosity + 1]);
	return config->log_filter == NULL ? ERR_NOMEM : ERR_OK;
}

/* A queue that nobody sized holds two of the largest messages.  One that could
 * not take a message on top of SOFT would end the links that bring one. */
static enum err
reader_fit_queue(struct reader *reader)
{
	const struct option *queue = option_by_flag("queue", 5);
	struct config *config = reader->config;

	if ((reader->given >> (queue - option_table) & 1) == 0 &&
	    config->queue_hard < 2 * config->max_message) {
		config->queue_hard = 2 * config->max_message;
	}
	if (config->queue_hard - config->queue_soft >= config->max_message) {
		return ERR_OK;
	}
	diag_set(reader->diag,
	    "--queue: found %zu bytes from SOFT to HARD, expected %zu or more, "
	    "the largest message. Try --queue %zu..%zu, or a smaller "
	    "--max-message.",
	    config->queue_hard - config->queue_soft, config->max_message,
	    config->queue_soft, config->queue_soft + config->max_message);
	return ERR_INVALID;
}

/* What follows from other options. */
static enum err
reader_finish(struct reader *reader)
{
	struct config *config = reader->config;
	enum err err = reader_add_defaults(reader);

	if (err == ERR_OK) {
		err = reader_fit_queue(reader);
	}
	if (err == ERR_OK && config->name == NULL) {
		err = config_make_name(config);
	}
	if (err == ERR_OK && config->log_filter == NULL) {
		err = config_make_log_filter(config);
	}
	if (err == ERR_OK && config->json &&
	    config->action != CONFIG_LIST_PLUGINS &&
	    config->action != CONFIG_VERSION && config->action != CONFIG_HELP) {
		diag_set(reader->diag,
		    "--json: found alone, expected beside --list-plugins or "
		    "--version. The log's form is --log-format json.");
		err = ERR_INVALID;
	}
	return err;
}

enum err
options_parse(
    int argc, char *const *argv, struct config *config, struct diag *diag)
{
	struct diag unread;
	struct reader reader = { argc, argv, argc > 0 ? 1 : 0, 0, config,
		diag != NULL ? diag : &unread };
	enum err err;

	_Static_assert(
	    sizeof(reader.given) * 8 == OPTIONS_MAX, "one bit for each option");
	memset(config, 0, sizeof(*config));
	err = reader_run(&reader);
	if (err == ERR_OK) {
		err = reader_finish(&reader);
	}
	if (err == ERR_NOMEM) {
		diag_set(diag, "out of memory");
	}
	return err;
}

void
config_fini(struct config *config)
{
	strings_fini(&config->binds);
	strings_fini(&config->peers);
	strings_fini(&config->allow_origins);
	strings_fini(&config->plugins);
	strings_fini(&config->plugin_dirs);
	free(config->plugin_help);
	free(config->advertise);
	free(config->name);
	free(config->network);
	free(config->log_filter);
	free(config->log_file);
	free(config->ports_file);
	free(config->state_dir);
	free(config->psk_file);
	memset(config, 0, sizeof(*config));
}

static enum err
help_line(struct buf *out, const struct option *option)
{
	char flags[64];
	int len = 0;
	enum err err;

	if (option->letter != 0) {
		len = snprintf(flags, sizeof(flags), "-%c%s", option->letter,
		    option->flag != NULL ? ", " : "");
	}
	if (option->flag != NULL) {
		(void)snprintf(flags + len, sizeof(flags) - (size_t)len,
		    "%s--%s%s%s", len == 0 ? "    " : "", option->flag,
		    option->arg != NULL ? " " : "",
		    option->arg != NULL ? option->arg : "");
	}
	if (strlen(flags) > 26) {
		err = buf_printf(out, "  %s\n  %26s", flags, "");
	} else {
		err = buf_printf(out, "  %-26s", flags);
	}
	if (err == ERR_OK) {
		err = buf_printf(out, " %s", option->help);
	}
	if (err == ERR_OK && option->fallback != NULL) {
		err = buf_printf(out, " (%s)", option->fallback);
	}
	if (err == ERR_OK && option->repeats && option->arg != NULL) {
		err = buf_printf(out, " *");
	}
	return err == ERR_OK ? buf_append(out, "\n", 1) : err;
}

enum err
options_help(struct buf *out)
{
	enum err err = buf_printf(out,
	    "grapevine - a node of a mesh that routes messages to plugins\n\n"
	    "usage: grapevine [options]      (* may be given several times)\n");

	for (size_t i = 0; i < option_count && err == ERR_OK; i++) {
		err = help_line(out, &option_table[i]);
	}
	return err == ERR_OK
	           ? buf_printf(out,
	                 "\nsizes: 64K, 1M; signals: TERM and INT stop, USR1 "
	                 "opens "
	                 "the log file anew,\nUSR2 logs every counter. Exit: 0 "
	                 "stopped, 1 failed, 2 usage, 4 plugin, 5 bind,\n6 "
	                 "drain "
	                 "exceeded, 7 key file.\n")
	           : err;
}
