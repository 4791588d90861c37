/* SPDX-License-Identifier: MIT
 * option_table.h - every option in one table: options.c reads the flags by it
 * and prints the help from it. */
#ifndef APP_OPTION_TABLE_H
#define APP_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/config.h"
#include "base/err.h"

struct option {
	const char *flag; /* without the two dashes */
	char letter;      /* or 0 */
	bool repeats;
	const char *arg;      /* what the help calls the value, NULL: none */
	const char *fallback; /* default, as somebody would type it; or NULL */
	const char *help;
	const char *expects; /* "expected ..." of an error */
	const char *example; /* a value that works */

	/* Check `value` (NULL without `arg`) and store it.  ERR_NOMEM;
	 * ERR_INVALID: `diag` may say more than `expects` does. */
	enum err (*apply)(struct config *config, const struct option *option,
	    const char *value, struct diag *diag);
	size_t offset;     /* of the member in struct config */
	uint64_t min, max; /* of numbers and sizes; length of strings */
};

extern const struct option option_table[];
extern const size_t option_count;

#endif
