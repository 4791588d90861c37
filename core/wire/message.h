/* SPDX-License-Identifier: MIT
 * message.h - one message, as it passes from floor to floor and thread to
 * thread.  Constant once made, shared by reference count. */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/nodeid.h"

#define MESSAGE_TEXT  UINT32_C(1) /* UTF-8; otherwise bytes */
#define MESSAGE_REPLY UINT32_C(2) /* a link-local answer (PROTOCOL 3) */

/* What a message is, borrowed: the pointers live as long as the call. */
struct message_view {
	struct nodeid origin;
	uint64_t seq;
	uint64_t from;        /* connection it came over; 0: this node */
	uint64_t received_ns; /* monotonic; 0: nobody has looked */
	uint32_t flags;       /* MESSAGE_TEXT, MESSAGE_REPLY */
	uint32_t hops;        /* links it crossed */
	const char *topic;    /* topic_len bytes, NUL not promised */
	size_t topic_len;     /* <= TOPIC_MAX */
	const void *payload;
	size_t payload_len;
};

struct message {
	atomic_uint refs;
	/* As handed to message_create, but topic (with a NUL behind it) and
	 * payload point into this same allocation. */
	struct message_view view;
};

/* A copy with one reference, or NULL: no memory.  [any] */
struct message *message_create(const struct message_view *view);
/* [any] */
struct message *message_ref(struct message *message);
void message_unref(struct message *message); /* NULL is fine */

#endif
