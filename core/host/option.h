/* SPDX-License-Identifier: MIT
 * option.h - the options of a plugin: their table checked, values put into the
 * form that grapevine/plugin.h promises. */
#ifndef HOST_OPTION_H
#define HOST_OPTION_H

#include <grapevine/plugin.h>

#include "base/buf.h"
#include "base/err.h"

struct option_value {
	const char *text; /* the user's, or `number` */
	char number[24];
};

/* Check `text` against `option`.  ERR_INVALID: `diag` says what was found and
 * expected, without naming the plugin. */
NODISCARD enum err option_check(const struct gv_option *option,
    const char *text, struct option_value *value, struct diag *diag);

/* A plugin's table: names, types, defaults.  ERR_PLUGIN. */
NODISCARD enum err option_check_table(
    const struct gv_option *options, size_t count, struct diag *diag);

/* What its values look like, for a person; static, or `choices`. */
const char *option_shape(const struct gv_option *option);

/* Append "key, key, key", or "none". */
NODISCARD enum err option_names(
    struct buf *out, const struct gv_option *options, size_t count);

#endif
