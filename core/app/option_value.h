/* SPDX-License-Identifier: MIT
 * option_value.h - how the values of options are checked and stored: one
 * function per kind, for the `apply` of option_table.h. */
#ifndef APP_OPTION_VALUE_H
#define APP_OPTION_VALUE_H

#include "app/option_table.h"

#define OPTION_APPLY(name)                                                \
	enum err name(struct config *config, const struct option *option, \
	    const char *value, struct diag *diag)

/* Into a bool. */
OPTION_APPLY(option_set);
/* Into a uint32_t. */
OPTION_APPLY(option_number);
OPTION_APPLY(option_seed);
/* Into a size_t: digits, then K, M or G. */
OPTION_APPLY(option_size);
/* Into a char *: `min` to `max` bytes without control characters. */
OPTION_APPLY(option_text);
/* Into a struct strings: the whole value, the parts between commas. */
OPTION_APPLY(option_add);
OPTION_APPLY(option_add_names);
OPTION_APPLY(option_bind);
OPTION_APPLY(option_peers);
OPTION_APPLY(option_url);
OPTION_APPLY(option_origin);
OPTION_APPLY(option_queue);
OPTION_APPLY(option_overflow);
OPTION_APPLY(option_mesh);
OPTION_APPLY(option_spread);
/* MIN..MAX into view_min and view_max. */
OPTION_APPLY(option_view);
/* off, N or N,BURST into client_rate and client_burst. */
OPTION_APPLY(option_rate);
/* on or off into a bool. */
OPTION_APPLY(option_switch);
OPTION_APPLY(option_log);
OPTION_APPLY(option_log_format);
OPTION_APPLY(option_verbose);
OPTION_APPLY(option_quiet);
/* `max` is the enum config_action. */
OPTION_APPLY(option_action);
OPTION_APPLY(option_plugin_help);

/* Append a copy of `len` bytes.  ERR_NOMEM. */
NODISCARD enum err strings_add(
    struct strings *strings, const char *text, size_t len);
void strings_fini(struct strings *strings);

#endif
