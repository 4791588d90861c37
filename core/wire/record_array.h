/* SPDX-License-Identifier: MIT
 * record_array.h - the records that are lists of entries of one size: IHAVE,
 * GRAFT, GONE, SYNC (runs of message ids) and PRUNE (origins).
 *
 * Reading borrows from the record and cannot fail once the length is right;
 * writing appends to a buf, and starts another record when one is full. */
#ifndef WIRE_RECORD_ARRAY_H
#define WIRE_RECORD_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/nodeid.h"
#include "wire/record.h"

/* The body of one such record at the most. */
#define RECORD_ARRAY_MAX ((size_t)65536 - RECORD_HEADER_LEN)

enum {                    /* record_run.flags of GRAFT */
	GRAFT_EAGER = 1,  /* push this origin to me from now on */
	GRAFT_NODATA = 2, /* do not resend */
};

enum { RECORD_AGE_MAX = 255 }; /* IHAVE: this old, or older */

/* `count` consecutive ids of one origin, from `seq` on. */
struct record_run {
	struct nodeid origin;
	uint64_t seq;   /* PRUNE: 0 */
	uint32_t count; /* PRUNE: 0; 16 bits wide but in SYNC */
	uint8_t flags;  /* GRAFT: flags, IHAVE: age of the last, else 0 */
};

/* A list being read. */
struct record_array {
	const uint8_t *at, *end;
	uint8_t type;
};

/* Bytes of one entry; 0: this type is no list. */
size_t record_array_entry_len(uint8_t type);

/* Begin to read.  ERR_INVALID: empty, or not a whole number of entries (close
 * 1002), or no list at all. */
NODISCARD enum err record_array_decode(
    const struct record *record, struct record_array *array);
/* The next entry; false: that was all. */
bool record_array_next(struct record_array *array, struct record_run *run);
/* Entries that are left. */
size_t record_array_count(const struct record_array *array);

/* Append `count` (> 0) entries as records of `type`, each of at most
 * RECORD_ARRAY_MAX bytes.  ERR_NOMEM: nothing was appended. */
NODISCARD enum err record_array_encode(struct buf *out, enum record_type type,
    const struct record_run *runs, size_t count);

#endif
