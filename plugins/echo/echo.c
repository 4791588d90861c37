/* SPDX-License-Identifier: MIT
 * echo.c - answer every message over the connection it came by. */

#include <grapevine/plugin.h>

#include <stdlib.h>

struct echo {
	const struct gv_host *host;
};

static int32_t
echo_create(const struct gv_host *host, void **self)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (echo == NULL) {
		return GV_ENOMEM;
	}
	echo->host = host;
	*self = echo;
	return GV_OK;
}

static int32_t
echo_on_message(void *self, const struct gv_message *message)
{
	const struct echo *echo = self;

	/* Two echoing neighbours would otherwise never stop. */
	if (message->from == 0 || (message->flags & GV_REPLY) != 0) {
		return GV_PASS;
	}
	/* A full queue is the sender's pace, not our failure: the node counts. */
	(void)echo->host->send(echo->host, message->from, message->payload,
	    message->payload_len, message->flags & GV_TEXT);
	return GV_PASS;
}

static void
echo_destroy(void *self)
{
	free(self);
}

GV_PLUGIN("echo", "1.0", 0, "answers every message over its connection",
    .create = echo_create, .on_message = echo_on_message,
    .destroy = echo_destroy);
