/* SPDX-License-Identifier: MIT
 * counter.c - see counter.h. */

#include "base/counter.h"

#include <inttypes.h>
#include <string.h>

enum err
counters_json(struct buf *out, const struct counter *table, size_t count,
    const void *stats)
{
	enum err err = buf_append(out, "{", 1);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		uint64_t value;

		memcpy(&value, (const uint8_t *)stats + table[i].offset,
		    sizeof(value));
		err = buf_printf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		    table[i].name, value);
	}
	return err == ERR_OK ? buf_append(out, "}", 1) : err;
}
