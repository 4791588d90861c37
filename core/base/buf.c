/* SPDX-License-Identifier: MIT
 * buf.c - see buf.h. */

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_init(struct buf *buf)
{
	memset(buf, 0, sizeof(*buf));
}

void
buf_fini(struct buf *buf)
{
	free(buf->bytes);
	buf_init(buf);
}

enum err
buf_reserve(struct buf *buf, size_t more)
{
	size_t cap = buf->cap < 64 ? 64 : buf->cap;
	uint8_t *bytes;

	if (more <= buf->cap - buf->len) {
		return ERR_OK;
	}
	if (more > SIZE_MAX / 4 - buf->len) {
		return ERR_NOMEM;
	}
	while (cap < buf->len + more) {
		cap *= 2;
	}
	bytes = realloc(buf->bytes, cap);
	if (bytes == NULL) {
		return ERR_NOMEM;
	}
	buf->bytes = bytes;
	buf->cap = cap;
	return ERR_OK;
}

enum err
buf_append(struct buf *buf, const void *bytes, size_t len)
{
	enum err err = buf_reserve(buf, len);

	if (err == ERR_OK && len > 0) {
		memcpy(buf->bytes + buf->len, bytes, len);
		buf->len += len;
	}
	return err;
}

enum err
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len;
	enum err err;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		return ERR_INVALID;
	}
	err = buf_reserve(buf, (size_t)len + 1);
	if (err != ERR_OK) {
		return err;
	}
	va_start(args, format);
	(void)vsnprintf(
	    (char *)buf->bytes + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
	return ERR_OK;
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
}
