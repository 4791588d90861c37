/* SPDX-License-Identifier: MIT
 * buf.h - bytes that grow, in the caller's hands. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
	uint8_t *bytes;
	size_t len;
	size_t cap;
};

/* All zeros is an empty buf; nothing is allocated before the first byte. */
void buf_init(struct buf *buf);
void buf_fini(struct buf *buf);

/* Make room for `more` bytes behind `len`.  ERR_NOMEM leaves it as it was. */
NODISCARD enum err buf_reserve(struct buf *buf, size_t more);

/* Append a copy.  ERR_NOMEM: nothing was appended. */
NODISCARD enum err buf_append(struct buf *buf, const void *bytes, size_t len);

/* Append formatted text (no NUL counted, but one follows). */
NODISCARD enum err buf_printf(struct buf *buf, const char *format, ...)
    PRINTF(2, 3);

/* Forget the content, keep the memory. */
void buf_clear(struct buf *buf);

#endif
