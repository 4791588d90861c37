/* SPDX-License-Identifier: MIT
 * utf8.c - see utf8.h. */

#include "wire/utf8.h"

#include <string.h>

#include "base/err.h"

#define UTF8_HIGH_BITS UINT64_C(0x8080808080808080)

/* Between START and the end of a character the state says what may follow:
 * how many continuation bytes, and the bounds of the next one.  The bounds are
 * what keeps overlong forms, surrogates and the space above U+10FFFF out. */
static uint32_t
utf8_expect(uint32_t count, uint32_t low, uint32_t high)
{
	return count << 16 | low << 8 | high;
}

static uint32_t
utf8_lead(uint8_t byte)
{
	if (byte < 0x80) {
		return UTF8_START;
	}
	if (byte < 0xc2 || byte > 0xf4) {
		return UTF8_REJECT;
	}
	if (byte < 0xe0) {
		return utf8_expect(1, 0x80, 0xbf);
	}
	if (byte < 0xf0) {
		return utf8_expect(
		    2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
	}
	return utf8_expect(
	    3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
}

static uint32_t
utf8_step(uint32_t state, uint8_t byte)
{
	uint32_t count = state >> 16;

	if (state == UTF8_START) {
		return utf8_lead(byte);
	}
	if (byte < (state >> 8 & 0xff) || byte > (state & 0xff)) {
		return UTF8_REJECT;
	}
	return count == 1 ? UTF8_START : utf8_expect(count - 1, 0x80, 0xbf);
}

/* Bytes of ASCII at the front; may stop up to seven short of them all. */
static size_t
utf8_ascii(const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	uint64_t word[4];

	while (len - at >= sizeof(word)) {
		memcpy(word, bytes + at, sizeof(word));
		if (((word[0] | word[1] | word[2] | word[3]) &
		        UTF8_HIGH_BITS) != 0) {
			break;
		}
		at += sizeof(word);
	}
	while (len - at >= sizeof(word[0])) {
		memcpy(word, bytes + at, sizeof(word[0]));
		if ((word[0] & UTF8_HIGH_BITS) != 0) {
			return at;
		}
		at += sizeof(word[0]);
	}
	while (at < len && bytes[at] < 0x80) {
		at++;
	}
	return at;
}

/* Length of the valid character of two to four bytes at the front; 0 if it is
 * not valid or not whole, which utf8_step then tells apart. */
static inline size_t
utf8_wide(const uint8_t *bytes, size_t len)
{
	uint32_t tail;

	if (len >= 2 && bytes[0] >= 0xc2 && bytes[0] < 0xe0) {
		return (bytes[1] & 0xc0) == 0x80 ? 2 : 0;
	}
	if (len >= 3 && bytes[0] >= 0xe0 && bytes[0] < 0xf0) {
		tail = utf8_step(utf8_lead(bytes[0]), bytes[1]);
		return tail > UTF8_REJECT && (bytes[2] & 0xc0) == 0x80 ? 3 : 0;
	}
	if (len >= 4 && bytes[0] >= 0xf0 && bytes[0] < 0xf5) {
		tail = utf8_step(utf8_lead(bytes[0]), bytes[1]);
		return tail > UTF8_REJECT && (bytes[2] & 0xc0) == 0x80 &&
		               (bytes[3] & 0xc0) == 0x80
		           ? 4
		           : 0;
	}
	return 0;
}

uint32_t
utf8_advance(uint32_t state, const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	size_t step;

	while (at < len && state != UTF8_REJECT) {
		step = 0;
		if (state == UTF8_START) {
			step = bytes[at] < 0x80
			           ? utf8_ascii(bytes + at, len - at)
			           : utf8_wide(bytes + at, len - at);
		}
		if (step == 0) {
			state = utf8_step(state, bytes[at]);
			step = 1;
		}
		at += step;
	}
	return state;
}

bool
utf8_is_valid(const void *bytes, size_t len)
{
	return utf8_advance(UTF8_START, bytes, len) == UTF8_START;
}
