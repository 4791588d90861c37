/* SPDX-License-Identifier: MIT
 * dialer.c - dial a peer: resolve its name beside the loop, then try each of
 * its addresses until one answers with our subprotocol. */

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/private.h"

struct dial {
	struct conn *conn; /* NULL: given up while the name was resolved */
	uv_getaddrinfo_t request;
	bool resolving;
	struct addrinfo *list, *next;
	uint16_t port;
	char host[256];
	char host_header[264]; /* HOST:PORT as written */
	char path[256];
};

/* ws://HOST:PORT[/PATH]; HOST may be [an IPv6 address]. */
static bool
dial_parse(struct dial *dial, const char *url)
{
	const char *host;
	const char *colon;
	size_t authority;
	size_t len;
	char *end;
	unsigned long port;

	if (strncmp(url, "ws://", 5) != 0) {
		return false;
	}
	host = url + 5;
	authority = strcspn(host, "/");
	if (authority >= sizeof(dial->host_header)) {
		return false;
	}
	memcpy(dial->host_header, host, authority);
	(void)snprintf(dial->path, sizeof(dial->path), "%s",
	    host[authority] == '/' ? host + authority : "/");
	colon = strrchr(dial->host_header, ':');
	if (colon == NULL) {
		return false;
	}
	port = strtoul(colon + 1, &end, 10);
	host = dial->host_header;
	len = (size_t)(colon - host);
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (*end != '\0' || port == 0 || port > 65535 || len == 0 ||
	    len >= sizeof(dial->host)) {
		return false;
	}
	memcpy(dial->host, host, len);
	dial->port = (uint16_t)port;
	return true;
}

void
dial_destroy(struct dial *dial)
{
	if (dial->list != NULL) {
		uv_freeaddrinfo(dial->list);
		dial->list = NULL;
	}
	if (dial->resolving) { /* dial_on_resolved frees it */
		dial->conn = NULL;
		(void)uv_cancel((uv_req_t *)&dial->request);
		return;
	}
	free(dial);
}

static void
dial_on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct dial *dial = request->data;
	struct net *net = request->loop->data;

	dial->resolving = false;
	net->resolving--;
	if (dial->conn == NULL || dial->conn->state != CONN_DIALLING) {
		if (list != NULL) {
			uv_freeaddrinfo(list);
		}
		if (dial->conn == NULL) {
			free(dial);
		}
		return;
	}
	net_update_now(dial->conn->net);
	if (status != 0) {
		log_debug("net", "resolve_failed", "cannot resolve a name",
		    LOG_STR("host", dial->host),
		    LOG_STR("error", uv_strerror(status)));
	}
	dial->list = list;
	dial->next = list;
	if (!dial_next(dial->conn)) {
		conn_doom(dial->conn, NET_FAILED);
	}
}

static void
dial_keep_addr(struct conn *conn, const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET6) {
		conn->addr = ((const struct sockaddr_in6 *)(const void *)addr)
		                 ->sin6_addr;
		return;
	}
	memset(&conn->addr, 0, sizeof(conn->addr));
	conn->addr.s6_addr[10] = 0xff;
	conn->addr.s6_addr[11] = 0xff;
	memcpy(&conn->addr.s6_addr[12],
	    &((const struct sockaddr_in *)(const void *)addr)->sin_addr, 4);
}

/* Give one address to lws; it may fail on the spot. */
static bool
dial_connect(struct conn *conn, const char *address)
{
	struct dial *dial = conn->dial;
	struct lws_client_connect_info info = {
		.context = conn->net->context,
		.vhost = conn->net->vhost,
		.address = address,
		.port = dial->port,
		.path = dial->path,
		.host = dial->host_header,
		.protocol = HTTP_PEER_PROTOCOL,
		.local_protocol_name = HTTP_PEER_PROTOCOL,
		/* A Location would be resolved on the loop, and is no peer. */
		.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
		.alpn = "http/1.1",
		.opaque_user_data = conn,
		.pwsi = &conn->wsi,
	};

	conn->connected = false;
	conn->began_ms = conn->net->now_ms;
	wheel_set(&conn->net->wheel, &conn->timer,
	    conn->net->now_ms + conn_times(conn)->connect);
	/* A failure on the spot calls back before it returns. */
	conn->connecting = true;
	if (lws_client_connect_via_info(&info) == NULL) {
		conn->wsi = NULL;
	}
	conn->connecting = false;
	if (conn->wsi == NULL) {
		return false;
	}
	/* lws's timers, armed outside its callbacks, need a push. */
	lws_cancel_service(conn->net->context);
	return true;
}

bool
dial_next(struct conn *conn)
{
	struct dial *dial = conn->dial;

	while (dial->next != NULL) {
		struct addrinfo *info = dial->next;
		char address[NET_ADDR_LEN];

		dial->next = info->ai_next;
		if (getnameinfo(info->ai_addr, info->ai_addrlen, address,
		        sizeof(address), NULL, 0, NI_NUMERICHOST) != 0) {
			continue;
		}
		dial_keep_addr(conn, info->ai_addr);
		conn->state = CONN_DIALLING;
		if (dial_connect(conn, address)) {
			return true;
		}
	}
	return false;
}

static enum net_closed
dial_start(struct conn *conn, const char *url)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP };
	struct dial *dial = calloc(1, sizeof(*dial));

	conn->dial = dial;
	if (dial == NULL) {
		return NET_FAILED;
	}
	dial->conn = conn;
	dial->request.data = dial;
	if (!dial_parse(dial, url)) {
		return NET_BAD_URL;
	}
	if (uv_getaddrinfo(&conn->net->loop, &dial->request, dial_on_resolved,
	        dial->host, NULL, &hints) != 0) {
		return NET_FAILED;
	}
	dial->resolving = true;
	conn->net->resolving++;
	return NET_CLOSED;
}

struct conn *
net_dial(struct net *net, const char *url, void *user)
{
	struct conn *conn = conn_create(net, CONN_DIALLING);
	enum net_closed how;

	if (conn == NULL) {
		return NULL;
	}
	net->stats.dials++;
	conn->peer = true; /* also to whom hears that it failed */
	conn->user = user;
	how = dial_start(conn, url);
	if (how != NET_CLOSED) {
		conn_doom(conn, how);
	} else {
		/* A resolver may take its time, but not for ever. */
		conn->connected = true;
		wheel_set(&net->wheel, &conn->timer,
		    net->now_ms + conn_times(conn)->handshake);
	}
	return conn;
}

bool
net_is_resolving(const struct net *net)
{
	return net->resolving > 0;
}

void
net_cancel_dial(struct net *net, const void *user)
{
	for (uint32_t i = 0; i < net->conn_cap; i++) {
		struct conn *conn = net->conns[i];

		if (conn != NULL && conn->state == CONN_DIALLING &&
		    conn->user == user) {
			conn_drop(conn);
		}
	}
}
