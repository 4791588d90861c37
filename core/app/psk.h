/* SPDX-License-Identifier: MIT
 * psk.h - the key that all nodes of a network share (--psk-file). */
#ifndef APP_PSK_H
#define APP_PSK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PSK_MAX 4096 /* bytes */

struct psk {
	uint8_t bytes[PSK_MAX];
	size_t len; /* 0: there is none */
};

/* Read all of `path`, as it is: a line's end at its end is part of the key.
 * ERR_INVALID, ERR_SYSTEM: `diag` says what is wrong with the file; only its
 * owner, this user or root, may have access to it. */
NODISCARD enum err psk_read(
    struct psk *psk, const char *path, struct diag *diag);

/* Overwrite it. */
void psk_forget(struct psk *psk);

#endif
