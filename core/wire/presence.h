/* SPDX-License-Identifier: MIT
 * presence.h - what a node tells of itself on the topic `$node` (PROTOCOL 11):
 * a JSON object {"name","addr","links","version"}, and "new":true in the first
 * one of a node. */
#ifndef WIRE_PRESENCE_H
#define WIRE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define PRESENCE_TOPIC    "$node"
#define PRESENCE_MAX      2048 /* bytes of one */
#define PRESENCE_TEXT_MAX 255  /* bytes of a string in it */

struct presence {
	char name[PRESENCE_TEXT_MAX + 1];
	char addr[PRESENCE_TEXT_MAX + 1];
	char version[PRESENCE_TEXT_MAX + 1];
	uint32_t links;
	bool is_new; /* nothing was told of it before */
};

/* Append it.  ERR_NOMEM: nothing was appended. */
NODISCARD enum err presence_encode(
    struct buf *out, const struct presence *presence);

/* ERR_INVALID: no such object, too long, or a member of another kind; members
 * that are missing are empty, unknown ones ignored.  Control characters become
 * '?'. */
NODISCARD enum err presence_decode(
    const void *bytes, size_t len, struct presence *presence);

#endif
