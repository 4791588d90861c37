/* SPDX-License-Identifier: MIT
 * drain.c - a clean stop, the mirror of the start: no new connections; the
 * dispatcher finishes and plugins stop; queues are flushed; every connection
 * hears why.  --drain bounds it all. */

#include <inttypes.h>
#include <stdio.h>

#include "app/node.h"
#include "base/log.h"

enum {
	DRAIN_RETRY_MS = 1000,
	DRAIN_RETRY_SPREAD_MS = 4000,
	DRAIN_AGAIN_MS = 500, /* to what counts as a second signal */
};

/* Time is up, or a second signal came: count what is left and go. */
static void
drain_give_up(struct node *node)
{
	size_t bytes = net_undelivered(node->net);
	size_t messages = 0;
	const char *busy = NULL;

	if (!host_has_stopped(node->host)) {
		messages = host_pending(node->host);
		busy = host_busy_plugin(node->host);
	}
	if (bytes > 0 || messages > 0 || busy != NULL) {
		node->exit_code = EXIT_DRAIN;
		log_error("app", "drain_exceeded",
		    "stopping with work undone; a longer --drain gives it time",
		    LOG_U64("bytes", bytes), LOG_U64("messages", messages),
		    LOG_STR("plugin", busy != NULL ? busy : ""));
	}
	node->drain = DRAIN_DONE;
	net_quit(node->net);
}

static void
drain_close_connections(struct node *node)
{
	char reason[64];

	/* Spread the others' return: a restart is no thundering herd. */
	(void)snprintf(reason, sizeof(reason), "{\"retry_ms\":%" PRIu64 "}",
	    DRAIN_RETRY_MS + rng_below(&node->rng, DRAIN_RETRY_SPREAD_MS));
	if (node->mesh != NULL) { /* else the start has failed */
		statefile_save(&node->state, node->mesh);
		mesh_stop(node->mesh, net_now_ms(node->net));
	}
	net_close_clients(node->net, reason);
	node->drain = DRAIN_CONNS;
}

void
drain_begin(struct node *node)
{
	uint64_t now = net_now_ms(node->net);

	if (node->drain != DRAIN_NOT) {
		/* timeout(1) sends one to the process and one to its group:
		 * whoever means it comes later. */
		if (now >= node->drain_from_ms + DRAIN_AGAIN_MS) {
			drain_give_up(node);
		}
		return;
	}
	log_info("app", "stopping", "stopping",
	    LOG_U64("drain_s", node->config->drain_s));
	node->drain = DRAIN_PLUGINS;
	node->drain_from_ms = now;
	node->drain_until_ms = now + (uint64_t)node->config->drain_s * 1000;
	net_stop_listening(node->net);
	host_stop(node->host);
}

void
drain_step(struct node *node)
{
	if (node->drain == DRAIN_PLUGINS && host_has_stopped(node->host)) {
		plugins_on_wake(node); /* what they said last */
		drain_close_connections(node);
	}
	if (node->drain == DRAIN_CONNS && net_conn_count(node->net) == 0) {
		node->drain = DRAIN_DONE;
		net_quit(node->net);
	} else if (node->drain != DRAIN_DONE &&
	           net_now_ms(node->net) >= node->drain_until_ms) {
		drain_give_up(node);
	}
}
