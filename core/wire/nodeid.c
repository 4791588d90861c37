/* SPDX-License-Identifier: MIT
 * nodeid.c - see nodeid.h. */

#include "wire/nodeid.h"

#include <stddef.h>

static const char nodeid_digits[] = "0123456789abcdef";

const char *
nodeid_hex(const struct nodeid *id, char hex[NODEID_HEX_LEN + 1])
{
	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		hex[2 * i] = nodeid_digits[id->bytes[i] >> 4];
		hex[2 * i + 1] = nodeid_digits[id->bytes[i] & 0xf];
	}
	hex[NODEID_HEX_LEN] = '\0';
	return hex;
}

bool
nodeid_read(struct nodeid *id, const char *hex)
{
	struct nodeid read = { .bytes = { 0 } };

	for (size_t i = 0; i < NODEID_HEX_LEN; i++) {
		const char *digit = memchr(
		    nodeid_digits, hex[i], sizeof(nodeid_digits) - 1);

		if (digit == NULL) {
			return false;
		}
		read.bytes[i / 2] = (uint8_t)(read.bytes[i / 2] << 4 |
		                              (digit - nodeid_digits));
	}
	*id = read;
	return true;
}
