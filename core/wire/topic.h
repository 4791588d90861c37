/* SPDX-License-Identifier: MIT
 * topic.h - the names that messages travel under (PROTOCOL 1).
 *
 * Dot-separated tokens of [A-Za-z0-9_-], at most 255 bytes.  A topic whose
 * first byte is `$` belongs to the node: clients and plugins may not use it. */
#ifndef WIRE_TOPIC_H
#define WIRE_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define TOPIC_MAX 255

/* A topic that anybody may publish on. */
bool topic_is_valid(const char *topic, size_t len);

/* A topic that a peer may send: as above, or `$` and a valid topic. */
bool topic_is_valid_from_peer(const char *topic, size_t len);

/* The topic of a plain client's path: percent-decoded segments joined by
 * dots; "/" is "public"; a trailing "/" and everything from "?" on is ignored.
 * ERR_INVALID: no topic; `diag` says why. */
NODISCARD enum err topic_from_path(
    const char *path, char topic[TOPIC_MAX + 1], struct diag *diag);

/* A pattern (NUL-terminated): a topic in which `*` stands for one token and a
 * trailing `>` for one or more. */
bool topic_pattern_is_valid(const char *pattern);

/* True if the valid `pattern` covers the valid `topic`; a pattern covers the
 * node's own topics only if it begins with `$` itself. */
bool topic_matches(const char *pattern, const char *topic);

#endif
