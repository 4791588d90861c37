/* SPDX-License-Identifier: MIT
 * spec.h - what the user wrote behind -P: NAME|PATH[,key=value]... */
#ifndef HOST_SPEC_H
#define HOST_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SPEC_OPTIONS_MAX 64
#define SPEC_TOPICS_MAX  32

struct spec_option {
	const char *key, *value;
};

struct spec {
	const char *plugin; /* NAME, or PATH if it has a slash */
	bool is_path;
	bool optional; /* @optional */
	struct spec_option options[SPEC_OPTIONS_MAX];
	size_t option_count;
	const char *topics[SPEC_TOPICS_MAX]; /* @topics; none: every topic */
	size_t topic_count;
	char *text; /* what the pointers above point into */
};

/* Take `text` apart.  ERR_INVALID: `diag` says where; ERR_NOMEM.  The spec can
 * be given to spec_fini either way. */
NODISCARD enum err spec_parse(
    struct spec *spec, const char *text, struct diag *diag);
void spec_fini(struct spec *spec);

/* True if a message on `topic` (NUL-terminated) is for this plugin. */
bool spec_wants(const struct spec *spec, const char *topic);

#endif
