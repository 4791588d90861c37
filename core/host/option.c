/* SPDX-License-Identifier: MIT
 * option.c - see option.h. */

#include "host/option.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "wire/topic.h"

#define OPTION_NAME_MAX 32

struct option_unit {
	const char *suffix;
	uint64_t factor;
};

static const struct option_unit option_plain[] = { { "", 1 } };

static const struct option_unit option_durations[] = {
	{ "ns", 1 },
	{ "us", UINT64_C(1000) },
	{ "ms", UINT64_C(1000000) },
	{ "s", UINT64_C(1000000000) },
	{ "m", UINT64_C(60000000000) },
	{ "h", UINT64_C(3600000000000) },
};

static const struct option_unit option_sizes[] = {
	{ "", 1 },
	{ "K", UINT64_C(1) << 10 },
	{ "M", UINT64_C(1) << 20 },
	{ "G", UINT64_C(1) << 30 },
};

/* Digits and one of `units`, nothing else, no overflow. */
static bool
option_number(const char *text, const struct option_unit *units, size_t count,
    uint64_t *number)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t value = 0;

	if (digits == 0) {
		return false;
	}
	for (size_t i = 0; i < digits; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (value > (UINT64_MAX - digit) / 10) {
			return false;
		}
		value = value * 10 + digit;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text + digits, units[i].suffix) != 0) {
			continue;
		}
		if (value > UINT64_MAX / units[i].factor) {
			return false;
		}
		*number = value * units[i].factor;
		return true;
	}
	return false;
}

static bool
option_bool(const char *text, uint64_t *number)
{
	static const char *const words[] = { "false", "true", "no", "yes",
		"off", "on", "0", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*number = i % 2;
			return true;
		}
	}
	return false;
}

static bool
option_choice(const char *text, const char *choices)
{
	size_t len = strlen(text);

	while (len > 0 && choices != NULL) {
		size_t choice = strcspn(choices, "|");

		if (choice == len && memcmp(choices, text, len) == 0) {
			return true;
		}
		choices = choices[choice] == '|' ? choices + choice + 1 : NULL;
	}
	return false;
}

/* True if `text` is valid; `*is_number` if `*number` is what it means. */
static bool
option_parse(const struct gv_option *option, const char *text, uint64_t *number,
    bool *is_number)
{
	*is_number = true;
	switch (option->type) {
	case GV_BOOL:
		return option_bool(text, number);
	case GV_U64:
		return option_number(
		    text, option_plain, ARRAY_LEN(option_plain), number);
	case GV_DURATION:
		return option_number(text, option_durations,
		    ARRAY_LEN(option_durations), number);
	case GV_SIZE:
		return option_number(
		    text, option_sizes, ARRAY_LEN(option_sizes), number);
	case GV_CHOICE:
		*is_number = false;
		return option_choice(text, option->choices);
	case GV_TOPIC:
		*is_number = false;
		return topic_is_valid(text, strlen(text));
	default:
		*is_number = false;
		return true;
	}
}

const char *
option_shape(const struct gv_option *option)
{
	static const char *const shapes[] = {
		[GV_STRING] = "text",
		[GV_BOOL] = "true or false",
		[GV_U64] = "a number",
		[GV_DURATION] = "a duration such as 500ms, 10s, 2m, 1h",
		[GV_SIZE] = "a size such as 512, 64K, 1M, 2G",
		[GV_TOPIC] = "a topic such as sensor.kitchen",
	};

	return option->type == GV_CHOICE ? option->choices
	                                 : shapes[option->type];
}

enum err
option_check(const struct gv_option *option, const char *text,
    struct option_value *value, struct diag *diag)
{
	uint64_t number = 0;
	bool is_number = false;

	if (!option_parse(option, text, &number, &is_number)) {
		diag_set(diag, "%s=%.64s, expected %s", option->name, text,
		    option_shape(option));
		return ERR_INVALID;
	}
	value->text = text;
	if (is_number) {
		(void)snprintf(
		    value->number, sizeof(value->number), "%" PRIu64, number);
		value->text = value->number;
	}
	return ERR_OK;
}

static bool
option_name_is_valid(const char *name)
{
	size_t len = name == NULL
	                 ? 0
	                 : strspn(
	                       name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len > 0 && len <= OPTION_NAME_MAX && name[len] == '\0';
}

/* NULL, or what is wrong with one row. */
static const char *
option_flaw(const struct gv_option *option)
{
	struct option_value value;

	if (!option_name_is_valid(option->name)) {
		return "a name other than [a-z0-9_]{1,32}";
	}
	if (option->type > GV_TOPIC) {
		return "a type that this node does not know";
	}
	if (option->flags != 0) {
		return "flags that this node does not know";
	}
	if (option->type == GV_CHOICE &&
	    (option->choices == NULL || *option->choices == '\0')) {
		return "no choices";
	}
	if (option->fallback != NULL &&
	    option_check(option, option->fallback, &value, NULL) != ERR_OK) {
		return "a default that it would refuse itself";
	}
	return NULL;
}

enum err
option_check_table(
    const struct gv_option *options, size_t count, struct diag *diag)
{
	for (size_t i = 0; i < count; i++) {
		const char *flaw = option_flaw(&options[i]);

		for (size_t j = 0; j < i && flaw == NULL; j++) {
			if (strcmp(options[i].name, options[j].name) == 0) {
				flaw = "the name of another one";
			}
		}
		if (flaw != NULL) {
			diag_set(diag,
			    "its option %zu has %s, expected a table as "
			    "grapevine/plugin.h says",
			    i + 1, flaw);
			return ERR_PLUGIN;
		}
	}
	return ERR_OK;
}

enum err
option_names(struct buf *out, const struct gv_option *options, size_t count)
{
	enum err err = count == 0 ? buf_append(out, "none", 4) : ERR_OK;

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = buf_printf(
		    out, "%s%s", i > 0 ? ", " : "", options[i].name);
	}
	return err == ERR_OK ? buf_append(out, "", 1) : err;
}
