/* SPDX-License-Identifier: MIT
 * clients.c - plain clients: a path is a topic, a message is a payload
 * (PROTOCOL 1). */

#include <stddef.h>
#include <string.h>

#include "app/node.h"
#include "base/log.h"
#include "wire/topic.h"

static void
clients_dirty(void *ctx, struct session *session)
{
	(void)ctx;
	conn_dirty(session_user(session));
}

static bool
clients_pressed(void *ctx, struct session *session)
{
	const struct node *node = ctx;
	struct conn *conn = session_user(session);

	return conn_relieve(conn) <= node->config->queue_soft ||
	       conn_press(conn);
}

/* 4002: what waits will not be read in time, the Close perhaps. */
static void
clients_close(
    void *ctx, struct session *session, uint16_t code, const char *reason)
{
	struct conn *conn = session_user(session);
	char remote[NET_ADDR_LEN];

	(void)ctx;
	log_warn("net", "client_slow", "closing a client that reads too slowly",
	    LOG_U64("conn", conn_id(conn)),
	    LOG_STR("remote", conn_remote(conn, remote)),
	    LOG_STR("topic", session_topic(session)),
	    LOG_U64("queued", conn_queued(conn)));
	conn_close(conn, code, reason, false);
}

void
clients_init(struct node *node)
{
	node->hub_io = (struct hub_io){
		.ctx = node,
		.dirty = clients_dirty,
		.pressed = clients_pressed,
		.close = clients_close,
	};
}

enum err
clients_on_path(void *ctx, const char *path, struct diag *diag)
{
	char topic[TOPIC_MAX + 1];

	(void)ctx;
	/* lws has percent-decoded the path: a `%` that is left is one. */
	if (strchr(path, '%') != NULL) {
		diag_set(diag, "`%%` in the path; expected: segments of "
		               "[A-Za-z0-9_-], as in /chat/room-1");
		return ERR_INVALID;
	}
	return topic_from_path(path, topic, diag);
}

/* `echo=1`: the client wants to hear its own messages. */
static bool
clients_wants_echo(const char *query)
{
	while (*query != '\0') {
		size_t len = strcspn(query, "&;");

		if (len == 6 && strncmp(query, "echo=1", 6) == 0) {
			return true;
		}
		query += len;
		query += strspn(query, "&;");
	}
	return false;
}

bool
clients_on_open(
    struct node *node, struct conn *conn, const char *path, const char *query)
{
	char topic[TOPIC_MAX + 1];
	struct session *session;

	if (node->drain != DRAIN_NOT ||
	    topic_from_path(path, topic, NULL) != ERR_OK ||
	    hub_open(node->hub, topic, clients_wants_echo(query),
	        conn_outq(conn), conn, &session) != ERR_OK) {
		return false;
	}
	conn_set_user(conn, session);
	return true;
}

void
clients_on_message(struct node *node, struct conn *conn, bool text,
    const uint8_t *bytes, size_t len)
{
	struct session *session = conn_user(conn);
	const char *topic = session_topic(session);
	struct message_view view = {
		.from = conn_id(conn),
		.flags = text ? MESSAGE_TEXT : 0,
		.topic = topic,
		.topic_len = strlen(topic),
		.payload = bytes,
		.payload_len = len,
	};

	node->stats.published_clients++;
	node_publish(node, &view, session, -1);
}
