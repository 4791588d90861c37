/* SPDX-License-Identifier: MIT
 * err.h - how functions fail, and how a failure is told to a person. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define NODISCARD    __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(x) (sizeof(x) / sizeof((x)[0]))
#define LIKELY(x)    __builtin_expect(!!(x), 1)
#define UNLIKELY(x)  __builtin_expect(!!(x), 0)

enum err {
	ERR_OK,
	ERR_NOMEM,    /* malloc said no */
	ERR_FULL,     /* a limit is reached; nothing was taken */
	ERR_INVALID,  /* the input breaks its contract */
	ERR_TOOBIG,   /* longer than the limit allows */
	ERR_NOTFOUND, /* no such thing */
	ERR_SYSTEM,   /* a system call failed; errno says why */
	ERR_CLOSED,   /* stopped or closed; nothing was taken */
	ERR_BIND,     /* cannot listen there */
	ERR_PLUGIN,   /* a plugin was refused or failed */
};

/* A few words for `err`, never NULL.  Static storage. */
const char *err_text(enum err err);

/* What a person is told: what was found, what was expected, how to mend it.
 * The caller owns it; the function that fails fills it in. */
struct diag {
	char text[768];
};

/* Write `diag` (NULL: nowhere); cut, never overrun. */
void diag_set(struct diag *diag, const char *format, ...) PRINTF(2, 3);

#endif
