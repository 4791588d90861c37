/* SPDX-License-Identifier: MIT
 * spec.c - see spec.h. */

#include "host/spec.h"

#include <stdlib.h>
#include <string.h>

#include "wire/topic.h"

static enum err
spec_set_optional(struct spec *spec, char *value, struct diag *diag)
{
	if (value == NULL || strcmp(value, "true") == 0) {
		spec->optional = true;
		return ERR_OK;
	}
	if (strcmp(value, "false") == 0) {
		spec->optional = false;
		return ERR_OK;
	}
	diag_set(diag, "plugin %s: @optional=%s, expected true or false",
	    spec->plugin, value);
	return ERR_INVALID;
}

static enum err
spec_add_topics(struct spec *spec, char *value, struct diag *diag)
{
	char *next = value;

	while (next != NULL) {
		char *pattern = next;

		next = strchr(pattern, ';');
		if (next != NULL) {
			*next++ = '\0';
		}
		if (!topic_pattern_is_valid(pattern)) {
			diag_set(diag,
			    "plugin %s: @topics has \"%s\", expected dotted "
			    "names, where * stands for one and a last > for "
			    "one or more, as in sensor.*.temp or sensor.>",
			    spec->plugin, pattern);
			return ERR_INVALID;
		}
		if (spec->topic_count == SPEC_TOPICS_MAX) {
			diag_set(diag, "plugin %s: more than %d @topics",
			    spec->plugin, SPEC_TOPICS_MAX);
			return ERR_INVALID;
		}
		spec->topics[spec->topic_count++] = pattern;
	}
	return ERR_OK;
}

static enum err
spec_set_host_key(
    struct spec *spec, const char *key, char *value, struct diag *diag)
{
	if (strcmp(key, "@optional") == 0) {
		return spec_set_optional(spec, value, diag);
	}
	if (strcmp(key, "@topics") == 0 && value != NULL) {
		return spec_add_topics(spec, value, diag);
	}
	if (strcmp(key, "@isolate") == 0) {
		diag_set(diag,
		    "plugin %s: @isolate is not in this version, plugins run "
		    "inside the node; isolation comes with a later version.  "
		    "Known are @optional and @topics=PATTERN",
		    spec->plugin);
	} else {
		diag_set(diag,
		    "plugin %s: \"%s%s\" is no key of the node; known are "
		    "@optional and @topics=PATTERN",
		    spec->plugin, key, value == NULL ? "" : "=...");
	}
	return ERR_INVALID;
}

static enum err
spec_add_option(
    struct spec *spec, const char *key, const char *value, struct diag *diag)
{
	if (value == NULL || *key == '\0') {
		diag_set(diag,
		    "plugin %s: found \"%s\", expected key=value; write a "
		    "comma that belongs to a value as \\,",
		    spec->plugin, key);
		return ERR_INVALID;
	}
	for (size_t i = 0; i < spec->option_count; i++) {
		if (strcmp(spec->options[i].key, key) == 0) {
			diag_set(diag,
			    "plugin %s: %s is given twice, expected once",
			    spec->plugin, key);
			return ERR_INVALID;
		}
	}
	if (spec->option_count == SPEC_OPTIONS_MAX) {
		diag_set(diag, "plugin %s: more than %d options", spec->plugin,
		    SPEC_OPTIONS_MAX);
		return ERR_INVALID;
	}
	spec->options[spec->option_count++] = (struct spec_option){ key,
		value };
	return ERR_OK;
}

static enum err
spec_take_field(struct spec *spec, char *field, struct diag *diag)
{
	char *value = strchr(field, '=');

	if (spec->plugin == NULL) {
		spec->plugin = field;
		spec->is_path = strchr(field, '/') != NULL;
		return ERR_OK;
	}
	if (value != NULL) {
		*value++ = '\0';
	}
	return *field == '@' ? spec_set_host_key(spec, field, value, diag)
	                     : spec_add_option(spec, field, value, diag);
}

/* End the field at `*at` and take the escapes out of it, in place; `*at`
 * moves to the next field, or becomes NULL. */
static char *
spec_next_field(char **at)
{
	char *field = *at;
	char *in = field;
	char *out = field;

	while (*in != '\0' && *in != ',') {
		if (*in == '\\' && (in[1] == ',' || in[1] == '\\')) {
			in++;
		}
		*out++ = *in++;
	}
	*at = *in == ',' ? in + 1 : NULL;
	*out = '\0';
	return field;
}

enum err
spec_parse(struct spec *spec, const char *text, struct diag *diag)
{
	enum err err = ERR_OK;
	char *at;

	memset(spec, 0, sizeof(*spec));
	spec->text = strdup(text);
	if (spec->text == NULL) {
		diag_set(diag, "plugin %s: out of memory", text);
		return ERR_NOMEM;
	}
	at = spec->text;
	while (at != NULL && err == ERR_OK) {
		err = spec_take_field(spec, spec_next_field(&at), diag);
	}
	if (err == ERR_OK && *spec->plugin == '\0') {
		diag_set(diag,
		    "plugin \"%s\": no name, expected NAME or PATH, then "
		    ",key=value",
		    text);
		err = ERR_INVALID;
	}
	return err;
}

void
spec_fini(struct spec *spec)
{
	free(spec->text);
	memset(spec, 0, sizeof(*spec));
}

bool
spec_wants(const struct spec *spec, const char *topic)
{
	for (size_t i = 0; i < spec->topic_count; i++) {
		if (topic_matches(spec->topics[i], topic)) {
			return true;
		}
	}
	return spec->topic_count == 0;
}
