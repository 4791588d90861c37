/* SPDX-License-Identifier: MIT
 * session.c - see session.h. */

#include "hub/session.h"

#include <assert.h>
#include <stdlib.h>

#include "hub/hub.h"
#include "hub/topic.h"

struct session *
session_create(struct outq *out, bool echo, void *user)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session != NULL) {
		session->out = out;
		session->echo = echo;
		session->user = user;
	}
	return session;
}

void
session_destroy(struct session *session)
{
	if (session == NULL) {
		return;
	}
	assert(session->topic == NULL);
	session_over_stop(session);
	free(session);
}

void
session_over_start(
    struct session_list *over, struct session *session, uint64_t now_ms)
{
	session->over_ms = now_ms;
	if (!session->is_over) {
		session->is_over = true;
		LIST_INSERT_HEAD(over, session, over_entry);
	}
}

void
session_over_stop(struct session *session)
{
	if (session->is_over) {
		session->is_over = false;
		LIST_REMOVE(session, over_entry);
	}
}

bool
session_over_is_due(const struct session *session, uint64_t now_ms)
{
	return session->is_over && now_ms >= session->over_ms &&
	       now_ms - session->over_ms >= SESSION_OVER_MS;
}

size_t
session_keep(
    const struct session *session, size_t len, size_t soft, size_t hard)
{
	size_t keep = session->out->frame_left + len;

	if (keep < soft) {
		keep = soft;
	}
	return keep < hard ? keep : hard;
}

const char *
session_topic(const struct session *session)
{
	return topic_name(session->topic);
}

void *
session_user(const struct session *session)
{
	return session->user;
}
