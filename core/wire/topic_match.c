/* SPDX-License-Identifier: MIT
 * topic_match.c - patterns of topics; see topic.h. */

#include "wire/topic.h"

#include <string.h>

/* Length of the token at `at`. */
static size_t
topic_token(const char *at)
{
	return strcspn(at, ".");
}

static bool
topic_token_is(const char *at, size_t len, char wildcard)
{
	return len == 1 && *at == wildcard;
}

bool
topic_pattern_is_valid(const char *pattern)
{
	const char *at = pattern;

	if (strlen(pattern) > TOPIC_MAX) {
		return false;
	}
	for (;;) {
		size_t len = topic_token(at);
		bool last = at[len] == '\0';

		/* A token alone is a topic iff its bytes are allowed. */
		if (!topic_token_is(at, len, '*') &&
		    !(last && topic_token_is(at, len, '>')) &&
		    !(at == pattern ? topic_is_valid_from_peer(at, len)
		                    : topic_is_valid(at, len))) {
			return false;
		}
		if (last) {
			return true;
		}
		at += len + 1;
	}
}

bool
topic_matches(const char *pattern, const char *topic)
{
	/* What belongs to the node is only had by asking for it. */
	if (*topic == '$' && *pattern != '$') {
		return false;
	}
	for (;;) {
		size_t want = topic_token(pattern);
		size_t have = topic_token(topic);

		if (pattern[want] == '\0' &&
		    topic_token_is(pattern, want, '>')) {
			return true;
		}
		if (!topic_token_is(pattern, want, '*') &&
		    (want != have || memcmp(pattern, topic, want) != 0)) {
			return false;
		}
		if (pattern[want] == '\0' || topic[have] == '\0') {
			return pattern[want] == topic[have];
		}
		pattern += want + 1;
		topic += have + 1;
	}
}
