/* SPDX-License-Identifier: MIT
 * nodeid.c - see nodeid.h. */

#include "wire/nodeid.h"

#include <stddef.h>

void
nodeid_hex(const struct nodeid *id, char hex[NODEID_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		hex[2 * i] = digits[id->bytes[i] >> 4];
		hex[2 * i + 1] = digits[id->bytes[i] & 0xf];
	}
	hex[NODEID_HEX_LEN] = '\0';
}
