/* SPDX-License-Identifier: MIT
 * upgrade.c - what libwebsockets tells us, up to the 101 and at the end.
 *
 * lws 4.1.6 checks little of an upgrade itself and offers some that nobody
 * asked for (h2c, CONNECT): every request is judged here, by http.c, before
 * it gets anywhere (docs/ARCHITECTURE.md, traps). */

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/private.h"

enum { UPGRADE_HEADER_MAX = 1024, UPGRADE_RESPONSE_MAX = 2048 };

/* The headers of one request, copied out of lws. */
struct upgrade {
	char upgrade[64], connection[256], version[16], key[64];
	char protocols[UPGRADE_HEADER_MAX], origin[UPGRADE_HEADER_MAX];
	char host[512], path[UPGRADE_HEADER_MAX], query[UPGRADE_HEADER_MAX];
	bool too_long; /* one of them did not fit */
	bool has_nul;
	bool is_get, body;
};

static void
upgrade_copy(struct upgrade *up, struct lws *wsi, char *out, int cap,
    enum lws_token_indexes token)
{
	int len = 0;

	*out = '\0';
	if (lws_hdr_total_length(wsi, token) > 0) {
		len = lws_hdr_copy(wsi, out, cap, token);
	}
	if (len < 0) {
		*out = '\0';
		up->too_long = true;
	} else if (strlen(out) != (size_t)len) {
		up->has_nul = true; /* lws has decoded a %00 */
	}
}

#define UPGRADE_COPY(up, wsi, member, token) \
	upgrade_copy(up, wsi, (up)->member, (int)sizeof((up)->member), token)

/* lws keeps each argument of the query apart. */
static void
upgrade_copy_query(struct upgrade *up, struct lws *wsi)
{
	size_t at = 0;

	for (int i = 0; at + 2 < sizeof(up->query); i++) {
		int len = lws_hdr_copy_fragment(wsi, up->query + at,
		    (int)(sizeof(up->query) - at - 1), WSI_TOKEN_HTTP_URI_ARGS,
		    i);

		if (len <= 0) {
			break;
		}
		at += (size_t)len;
		up->query[at++] = '&';
	}
	up->query[at] = '\0';
}

static void
upgrade_read(struct upgrade *up, struct lws *wsi)
{
	up->too_long = false;
	up->has_nul = false;
	UPGRADE_COPY(up, wsi, upgrade, WSI_TOKEN_UPGRADE);
	UPGRADE_COPY(up, wsi, connection, WSI_TOKEN_CONNECTION);
	UPGRADE_COPY(up, wsi, version, WSI_TOKEN_VERSION);
	UPGRADE_COPY(up, wsi, key, WSI_TOKEN_KEY);
	UPGRADE_COPY(up, wsi, protocols, WSI_TOKEN_PROTOCOL);
	UPGRADE_COPY(up, wsi, origin, WSI_TOKEN_ORIGIN);
	UPGRADE_COPY(up, wsi, host, WSI_TOKEN_HOST);
	UPGRADE_COPY(up, wsi, path, WSI_TOKEN_GET_URI);
	upgrade_copy_query(up, wsi);
	up->is_get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
	up->body = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) >
	               0 ||
	           lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) >
	               0;
}

static struct http_verdict
upgrade_judge(
    const struct net *net, const struct upgrade *up, struct diag *diag)
{
	const struct http_request request = {
		.is_get = up->is_get,
		.body = up->body,
		.upgrade = up->upgrade,
		.connection = up->connection,
		.version = up->version,
		.key = up->key,
		.protocols = up->protocols,
		.origin = up->origin,
		.host = up->host,
	};
	struct http_verdict verdict;

	if (up->too_long) {
		return (struct http_verdict){ 431, HTTP_PLAIN, "header",
			"a request header is too long" };
	}
	if (up->has_nul) {
		return (struct http_verdict){ 400, HTTP_PLAIN, "nul",
			"a NUL byte in the request" };
	}
	verdict = http_check(&request, net->config.allow_origins,
	    net->config.allow_origin_count);
	if (verdict.status == 0 && verdict.role == HTTP_PLAIN &&
	    net->handler->on_path(net->handler->ctx, up->path, diag) !=
	        ERR_OK) {
		verdict.status = 400;
		verdict.why = "path";
		verdict.text = diag->text;
	}
	return verdict;
}

static void
upgrade_refuse(
    struct conn *conn, struct lws *wsi, const struct http_verdict *verdict)
{
	char out[LWS_PRE + UPGRADE_RESPONSE_MAX];
	char remote[NET_ADDR_LEN];
	size_t len = http_response(out + LWS_PRE, UPGRADE_RESPONSE_MAX,
	    verdict->status, verdict->text);

	conn->rejected = true;
	conn->net->stats.rejected_http++;
	log_info("net", "handshake_rejected", "refused a request",
	    LOG_STR("why", verdict->why),
	    LOG_U64("status", (uint64_t)verdict->status),
	    LOG_STR("remote", conn_remote(conn, remote)));
	(void)lws_write(
	    wsi, (unsigned char *)out + LWS_PRE, len, LWS_WRITE_HTTP_FINAL);
}

/* Every HTTP request ends here: 0 lets lws go on to the 101. */
static int
upgrade_on_request(struct conn *conn, struct lws *wsi)
{
	struct http_verdict verdict;
	struct diag diag = { .text = "" };
	struct upgrade up;

	if (conn == NULL || conn->state != CONN_HANDSHAKE) {
		return -1;
	}
	upgrade_read(&up, wsi);
	verdict = upgrade_judge(conn->net, &up, &diag);
	if (verdict.status != 0) {
		upgrade_refuse(conn, wsi, &verdict);
		return -1;
	}
	conn->peer = verdict.role == HTTP_PEER;
	return 0;
}

/* The 101 of an accepted connection is out. */
static int
upgrade_on_established(struct conn *conn, struct lws *wsi, size_t len)
{
	struct upgrade up;

	/* A length here means WebSocket over HTTP/2, which we never offer. */
	if (conn == NULL || len != 0 || conn->state != CONN_HANDSHAKE) {
		return -1;
	}
	net_update_now(conn->net);
	upgrade_read(&up, wsi);
	conn->wsi = wsi;
	return conn_open(conn, FRAME_SERVER, conn->peer, up.path, up.query)
	           ? 0
	           : -1;
}

/* The server we dialled said 101; with our subprotocol, or it is no peer: lws
 * does not mind an answer that names none. */
static int
upgrade_on_answer(struct conn *conn, struct lws *wsi)
{
	char protocol[sizeof(HTTP_PEER_PROTOCOL)] = "";

	if (conn == NULL || conn->state != CONN_DIALLING) {
		return -1;
	}
	if (lws_hdr_copy(
	        wsi, protocol, (int)sizeof(protocol), WSI_TOKEN_PROTOCOL) < 0 ||
	    strcmp(protocol, HTTP_PEER_PROTOCOL) != 0) {
		conn_doom(conn, NET_NOT_A_PEER);
		return -1;
	}
	return 0;
}

static int
upgrade_on_dialled(struct conn *conn, struct lws *wsi)
{
	if (conn == NULL || conn->state != CONN_DIALLING) {
		return -1;
	}
	net_update_now(conn->net);
	conn->wsi = wsi;
	return conn_open(conn, FRAME_CLIENT, true, "", "") ? 0 : -1;
}

/* TCP is up: from now on it is the handshake that takes its time. */
static int
upgrade_on_connected(struct conn *conn)
{
	if (conn != NULL && conn->state == CONN_DIALLING) {
		conn->connected = true;
		conn->began_ms = conn->net->now_ms;
		wheel_set(&conn->net->wheel, &conn->timer,
		    conn->net->now_ms + conn_times(conn)->handshake);
	}
	return 0;
}

static int
upgrade_on_dial_error(struct conn *conn, const char *text, size_t len)
{
	char remote[NET_ADDR_LEN];

	if (conn != NULL) {
		log_debug("net", "connect_failed", "an address did not answer",
		    LOG_STR("remote", conn_remote(conn, remote)),
		    LOG_BYTES("error", text != NULL ? text : "",
		        text != NULL ? len : 0));
	}
	return 0;
}

/* lws is about to free the connection, whoever ended it. */
static int
upgrade_on_destroy(struct conn *conn, struct lws *wsi)
{
	if (conn == NULL || conn->wsi != wsi) {
		return 0;
	}
	/* It tells more than once, and the conn may be gone by then. */
	lws_set_opaque_user_data(wsi, NULL);
	conn_release(conn);
	conn->wsi = NULL;
	if (!conn->connecting && conn->state != CONN_DOOMED) {
		conn_doom(conn,
		    conn->state == CONN_DIALLING ? NET_FAILED : NET_CLOSED);
	}
	return 0;
}

static int
upgrade_on_raw(struct conn *conn)
{
	if (conn != NULL && !conn->rejected) {
		conn->rejected = true;
		conn->net->stats.rejected_raw++;
	}
	return -1;
}

static int
upgrade_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
    void *in, size_t len)
{
	struct conn *conn = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;

	(void)user;
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP:
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return upgrade_on_request(conn, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return upgrade_on_established(conn, wsi, len);
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return upgrade_on_connected(conn);
	case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
		return upgrade_on_answer(conn, wsi);
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		return upgrade_on_dialled(conn, wsi);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		return upgrade_on_dial_error(conn, in, len);
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		return upgrade_on_destroy(conn, wsi);
	case LWS_CALLBACK_RAW_ADOPT: /* what CONNECT would become */
	case LWS_CALLBACK_RAW_CONNECTED:
	case LWS_CALLBACK_RAW_RX:
		return upgrade_on_raw(conn);
	default:
		return 0;
	}
}

/* lws needs a first one, for what names none: a name that no header can hold,
 * or a client could ask for it. */
const struct lws_protocols upgrade_protocols[] = {
	{ .name = "(none)",
	    .callback = upgrade_callback,
	    .rx_buffer_size = 512 },
	{ .name = HTTP_PEER_PROTOCOL,
	    .callback = upgrade_callback,
	    .rx_buffer_size = 512 },
	{ 0 },
};
