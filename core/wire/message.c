/* SPDX-License-Identifier: MIT
 * message.c - see message.h. */

#include "wire/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct message *
message_create(const struct message_view *view)
{
	struct message *message;
	size_t topic_size = view->topic_len + 1;
	char *at;

	if (view->payload_len > SIZE_MAX - sizeof(*message) - topic_size) {
		return NULL;
	}
	message = malloc(sizeof(*message) + topic_size + view->payload_len);
	if (message == NULL) {
		return NULL;
	}
	atomic_init(&message->refs, 1);
	message->view = *view;
	at = (char *)(message + 1);
	if (view->topic_len > 0) {
		memcpy(at, view->topic, view->topic_len);
	}
	at[view->topic_len] = '\0';
	message->view.topic = at;
	at += topic_size;
	if (view->payload_len > 0) {
		memcpy(at, view->payload, view->payload_len);
	}
	message->view.payload = at;
	return message;
}

struct message *
message_ref(struct message *message)
{
	/* Whoever calls holds a reference, so nothing need be ordered. */
	(void)atomic_fetch_add_explicit(
	    &message->refs, 1, memory_order_relaxed);
	return message;
}

void
message_unref(struct message *message)
{
	unsigned refs;

	if (message == NULL) {
		return;
	}
	/* Release our reads, acquire everybody's before the free. */
	refs = atomic_fetch_sub_explicit(
	    &message->refs, 1, memory_order_acq_rel);
	assert(refs > 0);
	if (refs == 1) {
		free(message);
	}
}
