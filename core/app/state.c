/* SPDX-License-Identifier: MIT
 * state.c - every counter, and the links, as one JSON object; the ports file. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/node.h"
#include "base/log.h"

struct state_peers {
	struct buf *out;
	bool first;
	enum err err;
};

/* A JSON string without what would need more than this to escape. */
static enum err
state_string(struct buf *out, const char *text)
{
	enum err err = buf_append(out, "\"", 1);

	for (; *text != '\0' && err == ERR_OK; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\' || c < 0x20) {
			err = buf_printf(out, "\\u%04x", c);
		} else {
			err = buf_append(out, text, 1);
		}
	}
	return err == ERR_OK ? buf_append(out, "\"", 1) : err;
}

static void
state_peer(void *ctx, const struct mesh_peer *peer)
{
	struct state_peers *peers = ctx;
	char hex[NODEID_HEX_LEN + 1];

	if (peers->err != ERR_OK) {
		return;
	}
	peers->err = buf_printf(peers->out,
	    "%s{\"id\":\"%s\",\"name\":", peers->first ? "" : ",",
	    nodeid_hex(&peer->node_id, hex));
	peers->first = false;
	if (peers->err == ERR_OK) {
		peers->err = state_string(peers->out, peer->name);
	}
	if (peers->err == ERR_OK) {
		peers->err = buf_printf(peers->out, ",\"addr\":");
	}
	if (peers->err == ERR_OK) {
		peers->err = state_string(peers->out, peer->addr);
	}
	if (peers->err == ERR_OK) {
		peers->err = buf_printf(peers->out,
		    ",\"dir\":\"%s\",\"up\":true,\"rtt_us\":%" PRIu64 "}",
		    peer->dialled ? "out" : "in", peer->rtt_us);
	}
}

static enum err
state_counters(struct buf *out, const char *name, const struct counter *table,
    size_t count, const void *stats)
{
	enum err err = buf_printf(out, ",\"%s\":", name);

	return err == ERR_OK ? counters_json(out, table, count, stats) : err;
}

static enum err
state_all_counters(struct node *node, struct buf *out)
{
	struct host_stats host;
	enum err err;

	host_stats(node->host, &host);
	err = state_counters(
	    out, "app", node_counters, node_counter_count, &node->stats);
	if (err == ERR_OK) {
		err = state_counters(out, "net", net_counters,
		    net_counter_count, net_stats(node->net));
	}
	if (err == ERR_OK) {
		err = state_counters(out, "mesh", mesh_counters,
		    mesh_counter_count, mesh_stats(node->mesh));
	}
	if (err == ERR_OK) {
		err = state_counters(out, "hub", hub_counters,
		    hub_counter_count, hub_stats(node->hub));
	}
	if (err == ERR_OK) {
		err = state_counters(
		    out, "host", host_counters, host_counter_count, &host);
	}
	if (err == ERR_OK) {
		err = buf_append(out, ",", 1);
	}
	return err == ERR_OK ? host_stats_json(node->host, out) : err;
}

static enum err
state_json(struct node *node, struct buf *out)
{
	struct state_peers peers = { out, true, ERR_OK };
	char hex[NODEID_HEX_LEN + 1];
	enum err err = buf_printf(out,
	    "{\"node\":{\"id\":\"%s\",\"name\":", nodeid_hex(&node->id, hex));

	if (err == ERR_OK) {
		err = state_string(out, node->name);
	}
	if (err == ERR_OK) {
		err = buf_printf(out, "}");
	}
	if (err == ERR_OK) {
		err = state_all_counters(node, out);
	}
	if (err == ERR_OK) {
		err = buf_printf(out, ",\"peers\":[");
	}
	mesh_each_peer(node->mesh, state_peer, &peers);
	if (err == ERR_OK) {
		err = peers.err;
	}
	return err == ERR_OK ? buf_printf(out, "],\"log_dropped\":%" PRIu64 "}",
	                           log_dropped())
	                     : err;
}

void
state_log(struct node *node)
{
	struct buf out;

	buf_init(&out);
	if (node->mesh != NULL && state_json(node, &out) == ERR_OK &&
	    buf_append(&out, "", 1) == ERR_OK) {
		log_info("app", "state", "every counter, and the links",
		    LOG_RAW("state", (const char *)out.bytes));
	}
	buf_fini(&out);
}

static void
ports_line(void *ctx, const char *host, uint16_t port)
{
	(void)fprintf(ctx, "%s %u\n", host, port);
}

enum err
ports_write(const struct net *net, const char *path, struct diag *diag)
{
	char temporary[4096];
	FILE *file;
	bool written;

	if (snprintf(temporary, sizeof(temporary), "%s.%ld", path,
	        (long)getpid()) >= (int)sizeof(temporary)) {
		diag_set(diag, "--ports-file: the path is too long");
		return ERR_TOOBIG;
	}
	file = fopen(temporary, "we");
	if (file == NULL) {
		diag_set(diag,
		    "--ports-file %s: %s; expected: a file in a folder that "
		    "this user may write",
		    path, strerror(errno));
		return ERR_SYSTEM;
	}
	net_each_listener(net, ports_line, file);
	written = ferror(file) == 0;
	if (fclose(file) != 0 || !written || rename(temporary, path) != 0) {
		diag_set(diag, "--ports-file %s: %s; nothing was written", path,
		    strerror(errno));
		(void)unlink(temporary);
		return ERR_SYSTEM;
	}
	return ERR_OK;
}
