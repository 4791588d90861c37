/* SPDX-License-Identifier: MIT
 * err.c - see err.h. */

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

const char *
err_text(enum err err)
{
	static const char *const texts[] = {
		[ERR_OK] = "ok",
		[ERR_NOMEM] = "out of memory",
		[ERR_FULL] = "full",
		[ERR_INVALID] = "invalid",
		[ERR_TOOBIG] = "too big",
		[ERR_NOTFOUND] = "not found",
		[ERR_SYSTEM] = "system error",
		[ERR_CLOSED] = "closed",
		[ERR_BIND] = "cannot bind",
		[ERR_PLUGIN] = "plugin refused",
	};

	if ((size_t)err >= ARRAY_LEN(texts)) {
		return "unknown error";
	}
	return texts[err];
}

void
diag_set(struct diag *diag, const char *format, ...)
{
	va_list args;

	if (diag == NULL) {
		return;
	}
	va_start(args, format);
	(void)vsnprintf(diag->text, sizeof(diag->text), format, args);
	va_end(args);
}
