/* SPDX-License-Identifier: MIT
 * plugins.c - what plugins ask for, carried out on the loop. */

#include <stddef.h>

#include "app/node.h"

/* A plugin answers the connection that a message came over. */
static void
plugins_send(struct node *node, const struct host_request *request)
{
	const struct message_view *view = &request->message->view;
	struct conn *conn = net_find(node->net, request->to);
	enum err err;

	if (conn == NULL || !conn_is_open(conn) || conn_user(conn) == NULL) {
		node->stats.send_gone++;
		return;
	}
	if (conn_is_peer(conn)) {
		err = mesh_reply(
		    node->mesh, conn_user(conn), net_now_ms(node->net), view);
	} else {
		err = hub_send(node->hub, conn_user(conn),
		    net_now_ms(node->net), view->payload, view->payload_len,
		    (view->flags & MESSAGE_TEXT) != 0);
	}
	if (err == ERR_OK) {
		node->stats.sends++;
	} else {
		node->stats.send_failed++;
	}
}

static void
plugins_publish(struct node *node, const struct host_request *request)
{
	struct message_view view = request->message->view;

	node->stats.published_plugins++;
	node_publish(node, &view, NULL, request->plugin);
}

void
plugins_on_wake(struct node *node)
{
	struct host_request *request = host_take_requests(node->host);

	while (request != NULL) {
		struct host_request *next = (struct host_request *)(void *)
		                                request->item.next;

		if (node->mesh == NULL) {
			node->stats.publish_failed++; /* start has failed */
		} else if (request->to != 0) {
			plugins_send(node, request);
		} else {
			plugins_publish(node, request);
		}
		host_request_destroy(request);
		request = next;
	}
}
