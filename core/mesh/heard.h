/* SPDX-License-Identifier: MIT
 * heard.h - how far origins have come of which nothing was ever known here, by
 * the word of neighbours that hold nothing of them either (PROTOCOL 8).
 *
 * That is no loss for this node, but it may be the only way between one who
 * knows more and one who knows less.  HEARD_MAX of them; then only those give
 * way that were heard of HEARD_KEEP_MS ago, else what one has no room for
 * would go round for ever among those that have not. */
#ifndef MESH_HEARD_H
#define MESH_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/nodeid.h"

#define HEARD_MAX     128u
#define HEARD_KEEP_MS 600000u

struct heard_item {
	struct nodeid id;
	uint64_t max;  /* the newest number */
	uint64_t last; /* that of the boot before; 0: no such */
	uint64_t put_ms;
};

/* All zeros: empty. */
struct heard {
	struct heard_item items[HEARD_MAX]; /* the one put first is first */
	size_t count;
	uint64_t lost; /* of which there was no room */
};

/* `id` has come as far as `max` (> 0).  True: that is news. */
bool heard_put(struct heard *heard, const struct nodeid *id, uint64_t max,
    uint64_t now_ms);
/* What was heard of it; NULL: nothing. */
const struct heard_item *heard_find(
    const struct heard *heard, const struct nodeid *id);
/* More is known of it now: out of here.  False: it was not here. */
bool heard_take(
    struct heard *heard, const struct nodeid *id, struct heard_item *item);

#endif
