/* SPDX-License-Identifier: MIT
 * utf8.h - UTF-8 as RFC 3629 defines it, checked as the bytes come in. */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_START  UINT32_C(0) /* between two characters: a valid end */
#define UTF8_REJECT UINT32_C(1) /* no continuation makes it valid */

/* The state after `len` more bytes; ends at the first bad byte. */
uint32_t utf8_advance(uint32_t state, const uint8_t *bytes, size_t len);

/* True if the bytes are whole, valid UTF-8. */
bool utf8_is_valid(const void *bytes, size_t len);

#endif
