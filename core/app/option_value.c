/* SPDX-License-Identifier: MIT
 * option_value.c - see option_value.h. */

#include "app/option_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { URL_BYTES_MAX = 255, PORT_MAX = 65535 };

static void *
member_of(struct config *config, const struct option *option)
{
	return (char *)config + option->offset;
}

enum err
strings_add(struct strings *strings, const char *text, size_t len)
{
	char **items = realloc(
	    strings->items, (strings->count + 1) * sizeof(*items));

	if (items == NULL) {
		return ERR_NOMEM;
	}
	strings->items = items;
	items[strings->count] = strndup(text, len);
	if (items[strings->count] == NULL) {
		return ERR_NOMEM;
	}
	strings->count++;
	return ERR_OK;
}

void
strings_fini(struct strings *strings)
{
	for (size_t i = 0; i < strings->count; i++) {
		free(strings->items[i]);
	}
	free((void *)strings->items);
	*strings = (struct strings){ NULL, 0 };
}

/* Digits only; false when there are none, others, or too many. */
static bool
digits_parse(const char *text, size_t len, uint64_t *number)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(
		        value, (unsigned)(text[i] - '0'), &value)) {
			return false;
		}
	}
	*number = value;
	return len > 0;
}

static bool
size_parse(const char *text, size_t len, uint64_t *bytes)
{
	static const char units[] = "KMG";
	const char *unit = NULL;
	uint64_t number;
	unsigned shift = 0;

	if (len > 0) {
		unit = strchr(units, toupper((unsigned char)text[len - 1]));
	}
	if (unit != NULL && *unit != '\0') {
		shift = 10 * (unsigned)(unit - units + 1);
		len--;
	}
	if (!digits_parse(text, len, &number) || number > UINT64_MAX >> shift) {
		return false;
	}
	*bytes = number << shift;
	return true;
}

static bool
text_is_printable(const char *text, size_t len)
{
	char escaped[4 * URL_BYTES_MAX + 1];

	/* What the log shows as it is, disturbs nobody's terminal. */
	return len <= URL_BYTES_MAX &&
	       log_escape(escaped, sizeof(escaped), text, len) == len;
}

OPTION_APPLY(option_set)
{
	bool *member = member_of(config, option);

	(void)value;
	(void)diag;
	*member = true;
	return ERR_OK;
}

OPTION_APPLY(option_number)
{
	uint32_t *member = member_of(config, option);
	uint64_t number;

	(void)diag;
	if (!digits_parse(value, strlen(value), &number) ||
	    number < option->min || number > option->max) {
		return ERR_INVALID;
	}
	*member = (uint32_t)number;
	return ERR_OK;
}

OPTION_APPLY(option_seed)
{
	(void)option;
	(void)diag;
	if (!digits_parse(value, strlen(value), &config->seed)) {
		return ERR_INVALID;
	}
	config->seeded = true;
	return ERR_OK;
}

OPTION_APPLY(option_size)
{
	size_t *member = member_of(config, option);
	uint64_t bytes;

	(void)diag;
	if (!size_parse(value, strlen(value), &bytes) || bytes < option->min ||
	    bytes > option->max) {
		return ERR_INVALID;
	}
	*member = (size_t)bytes;
	return ERR_OK;
}

OPTION_APPLY(option_text)
{
	char **member = member_of(config, option);
	size_t len = strlen(value);
	char *copy;

	(void)diag;
	if (len < option->min || len > option->max ||
	    (len <= URL_BYTES_MAX && !text_is_printable(value, len))) {
		return ERR_INVALID;
	}
	copy = strdup(value);
	if (copy == NULL) {
		return ERR_NOMEM;
	}
	free(*member);
	*member = copy;
	return ERR_OK;
}

OPTION_APPLY(option_add)
{
	(void)diag;
	return *value == '\0' ? ERR_INVALID
	                      : strings_add(member_of(config, option), value,
	                            strlen(value));
}

/* Does `check` like every part of `value` between commas?  Add them then. */
static enum err
add_parts(struct strings *strings, const char *value,
    bool (*check)(const char *part, size_t len))
{
	enum err err = ERR_OK;

	while (value != NULL && err == ERR_OK) {
		size_t len = strcspn(value, ",");

		err = check(value, len) ? strings_add(strings, value, len)
		                        : ERR_INVALID;
		value = value[len] == ',' ? value + len + 1 : NULL;
	}
	return err;
}

static bool
part_is_word(const char *part, size_t len)
{
	(void)part;
	return len > 0;
}

OPTION_APPLY(option_add_names)
{
	(void)diag;
	return add_parts(member_of(config, option), value, part_is_word);
}

/* HOST:PORT or [IPV6]:PORT. */
static bool
host_port_is_valid(const char *text, size_t len, uint64_t port_min)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
	                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t host = 0;
	uint64_t port;

	if (len > 0 && text[0] == '[') {
		host = strspn(text + 1, "0123456789abcdefABCDEF:.");
		if (host < 2 || host + 1 >= len || text[host + 1] != ']') {
			return false;
		}
		host += 2;
	} else {
		host = strspn(text, name);
	}
	return host > 0 && host < len && text[host] == ':' &&
	       digits_parse(text + host + 1, len - host - 1, &port) &&
	       port >= port_min && port <= PORT_MAX;
}

OPTION_APPLY(option_bind)
{
	size_t len = strlen(value);

	(void)diag;
	if (len > URL_BYTES_MAX || !host_port_is_valid(value, len, 0)) {
		return ERR_INVALID;
	}
	return strings_add(member_of(config, option), value, len);
}

/* ws://HOST:PORT[/PATH] */
static bool
url_is_valid(const char *url, size_t len)
{
	static const char scheme[] = "ws://";
	size_t skip = strlen(scheme);
	size_t host;

	if (len > URL_BYTES_MAX || len <= skip ||
	    strncmp(url, scheme, skip) != 0 || !text_is_printable(url, len) ||
	    memchr(url, ' ', len) != NULL) {
		return false;
	}
	url += skip;
	len -= skip;
	for (host = 0; host < len && url[host] != '/'; host++) {
	}
	return host_port_is_valid(url, host, 1);
}

/* TLS is a promise that this version cannot keep: never fall back silently. */
static bool
wants_tls(const char *value)
{
	return strncmp(value, "wss://", 6) == 0 ||
	       strstr(value, ",wss://") != NULL;
}

static enum err
refuse_tls(const struct option *option, struct diag *diag)
{
	diag_set(diag,
	    "--%s: found a wss:// address, but TLS comes with a later "
	    "version; expected ws://HOST:PORT. Use ws:// between hosts that "
	    "trust their network, or a tunnel.",
	    option->flag);
	return ERR_INVALID;
}

OPTION_APPLY(option_peers)
{
	if (wants_tls(value)) {
		return refuse_tls(option, diag);
	}
	return add_parts(member_of(config, option), value, url_is_valid);
}

OPTION_APPLY(option_url)
{
	if (wants_tls(value)) {
		return refuse_tls(option, diag);
	}
	if (!url_is_valid(value, strlen(value))) {
		return ERR_INVALID;
	}
	return option_text(config, option, value, diag);
}

/* scheme://host[:port], as a browser sends it, or null. */
OPTION_APPLY(option_origin)
{
	const char *host = strstr(value, "://");

	if (strcmp(value, "null") != 0 &&
	    (host == NULL || host == value || host[3] == '\0' ||
	        strpbrk(host + 3, "/ ?#*,") != NULL ||
	        !text_is_printable(value, strlen(value)))) {
		return ERR_INVALID;
	}
	return option_add(config, option, value, diag);
}

OPTION_APPLY(option_queue)
{
	const char *dots = strstr(value, "..");
	uint64_t soft, hard;

	(void)diag;
	if (dots == NULL || !size_parse(value, (size_t)(dots - value), &soft) ||
	    !size_parse(dots + 2, strlen(dots + 2), &hard) ||
	    soft < option->min || hard < soft || hard > option->max) {
		return ERR_INVALID;
	}
	config->queue_soft = (size_t)soft;
	config->queue_hard = (size_t)hard;
	return ERR_OK;
}

/* The place of `value` among `words`, `count` if it is none of them. */
static size_t
word_find(const char *value, const char *const *words, size_t count)
{
	size_t i = 0;

	while (i < count && strcmp(value, words[i]) != 0) {
		i++;
	}
	return i;
}

OPTION_APPLY(option_overflow)
{
	static const char *const words[] = { "drop-oldest", "disconnect" };
	size_t word = word_find(value, words, ARRAY_LEN(words));

	(void)option;
	(void)diag;
	if (word == ARRAY_LEN(words)) {
		return ERR_INVALID;
	}
	config->overflow_disconnect = word == 1;
	return ERR_OK;
}

OPTION_APPLY(option_mesh)
{
	static const char *const words[] = { "static", "auto" };
	size_t word = word_find(value, words, ARRAY_LEN(words));

	(void)option;
	(void)diag;
	if (word == ARRAY_LEN(words)) {
		return ERR_INVALID;
	}
	config->mesh_auto = word == 1;
	return ERR_OK;
}

OPTION_APPLY(option_spread)
{
	static const char *const words[] = { "tree", "flood" };
	size_t word = word_find(value, words, ARRAY_LEN(words));

	(void)option;
	(void)diag;
	if (word == ARRAY_LEN(words)) {
		return ERR_INVALID;
	}
	config->floods = word == 1;
	return ERR_OK;
}

OPTION_APPLY(option_view)
{
	const char *dots = strstr(value, "..");
	uint64_t min, max;

	(void)diag;
	if (dots == NULL ||
	    !digits_parse(value, (size_t)(dots - value), &min) ||
	    !digits_parse(dots + 2, strlen(dots + 2), &max) ||
	    min < option->min || max < min || max > option->max) {
		return ERR_INVALID;
	}
	config->view_min = (uint32_t)min;
	config->view_max = (uint32_t)max;
	return ERR_OK;
}

OPTION_APPLY(option_rate)
{
	size_t len = strcspn(value, ",");
	uint64_t rate, burst;

	(void)diag;
	if (strcmp(value, "off") == 0) {
		config->client_rate = 0;
		return ERR_OK;
	}
	if (!digits_parse(value, len, &rate)) {
		return ERR_INVALID;
	}
	burst = rate;
	if ((value[len] == ',' && !digits_parse(value + len + 1,
	                              strlen(value + len + 1), &burst)) ||
	    rate < option->min || rate > option->max || burst < option->min ||
	    burst > option->max) {
		return ERR_INVALID;
	}
	config->client_rate = (uint32_t)rate;
	config->client_burst = (uint32_t)burst;
	return ERR_OK;
}

OPTION_APPLY(option_switch)
{
	static const char *const words[] = { "off", "on" };
	size_t word = word_find(value, words, ARRAY_LEN(words));
	bool *member = member_of(config, option);

	(void)diag;
	if (word == ARRAY_LEN(words)) {
		return ERR_INVALID;
	}
	*member = word == 1;
	return ERR_OK;
}

OPTION_APPLY(option_log)
{
	enum err err = log_check_filter(value, diag);

	return err != ERR_OK ? err : option_text(config, option, value, diag);
}

OPTION_APPLY(option_log_format)
{
	static const char *const words[] = { [LOG_FORMAT_AUTO] = "auto",
		[LOG_FORMAT_TEXT] = "text",
		[LOG_FORMAT_JSON] = "json",
		[LOG_FORMAT_LOGFMT] = "logfmt" };
	size_t word = word_find(value, words, ARRAY_LEN(words));

	(void)option;
	(void)diag;
	if (word == ARRAY_LEN(words)) {
		return ERR_INVALID;
	}
	config->log_format = (enum log_format)word;
	return ERR_OK;
}

static enum err
refuse_loud_and_quiet(struct diag *diag)
{
	diag_set(diag,
	    "found both -q (less) and -v (more), expected one of them: leave "
	    "the other out.");
	return ERR_INVALID;
}

OPTION_APPLY(option_verbose)
{
	(void)option;
	(void)value;
	if (config->verbosity < 0) {
		return refuse_loud_and_quiet(diag);
	}
	config->verbosity += config->verbosity < 2 ? 1 : 0;
	return ERR_OK;
}

OPTION_APPLY(option_quiet)
{
	(void)option;
	(void)value;
	if (config->verbosity > 0) {
		return refuse_loud_and_quiet(diag);
	}
	config->verbosity = -1;
	return ERR_OK;
}

/* Whoever asks for help gets it, whatever else they ask for. */
static void
config_ask(struct config *config, enum config_action action)
{
	if (config->action != CONFIG_HELP) {
		config->action = action;
	}
}

OPTION_APPLY(option_action)
{
	(void)value;
	(void)diag;
	config_ask(config, (enum config_action)option->max);
	return ERR_OK;
}

OPTION_APPLY(option_plugin_help)
{
	config_ask(config, CONFIG_PLUGIN_HELP);
	return option_text(config, option, value, diag);
}
