/* SPDX-License-Identifier: MIT
 * listener.c - our own listening sockets: lws's accept loop starves the rest
 * in a storm and spins when descriptors run out. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/private.h"

enum { LISTENER_ACCEPTS = 32, LISTENER_BACKLOG = 1024 };

/* Every address in its IPv6 form, so that one kind of key counts them all. */
static struct in6_addr
listener_addr(const struct sockaddr_storage *from)
{
	struct in6_addr addr = IN6ADDR_ANY_INIT;

	if (from->ss_family == AF_INET6) {
		memcpy(&addr, &((const struct sockaddr_in6 *)from)->sin6_addr,
		    sizeof(addr));
	} else if (from->ss_family == AF_INET) {
		addr.s6_addr[10] = 0xff;
		addr.s6_addr[11] = 0xff;
		memcpy(&addr.s6_addr[12],
		    &((const struct sockaddr_in *)from)->sin_addr, 4);
	}
	return addr;
}

/* Out of descriptors: close the reserve to take one connection off the queue
 * and tell it so (by closing it), then leave the rest waiting for a moment. */
static void
listener_on_emfile(struct listener *listener)
{
	struct net *net = listener->net;

	net->stats.accept_emfile++;
	listener_pause(net);
	if (net->now_ms - net->emfile_ms >= NET_EMFILE_LOG_MS) {
		net->emfile_ms = net->now_ms;
		log_warn("net", "accept_paused",
		    "out of file descriptors: new connections wait",
		    LOG_STR("mend", "raise the limit (ulimit -n) or lower "
		                    "--max-clients"));
	}
	if (net->reserve_fd >= 0) {
		int fd;

		(void)close(net->reserve_fd);
		fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			(void)close(fd);
		}
		net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

/* Counted and logged; false: not let in. */
static bool
listener_admits(struct net *net, const struct in6_addr *addr)
{
	const char *why = NULL;

	if (net->accepted_count >= net->config.max_clients) {
		net->stats.rejected_limit++;
		why = "max_clients";
	} else {
		switch (admit_enter(net->admit, addr, net->now_ms)) {
		case ADMIT_OK:
			return true;
		case ADMIT_TOO_MANY:
			why = "address_open";
			break;
		case ADMIT_TOO_MANY_HANDSHAKES:
			why = "address_handshakes";
			break;
		case ADMIT_TOO_FAST:
			why = "address_rate";
			break;
		case ADMIT_NOMEM:
			net->stats.rejected_nomem++;
			return false;
		}
		net->stats.rejected_address++;
	}
	log_warn("net", "conn_limit", "refused a connection",
	    LOG_STR("why", why),
	    LOG_U64("open", (uint64_t)net->accepted_count));
	return false;
}

static void
listener_take(
    struct listener *listener, int fd, const struct sockaddr_storage *from)
{
	struct net *net = listener->net;
	struct in6_addr addr = listener_addr(from);
	struct conn *conn;

	if (!listener_admits(net, &addr)) {
		(void)close(fd);
		return;
	}
	net->stats.accepted++;
	conn = conn_create(net, CONN_HANDSHAKE);
	if (conn == NULL) {
		net->stats.rejected_nomem++;
		admit_leave(net->admit, &addr, false);
		(void)close(fd);
		return;
	}
	conn->addr = addr;
	conn->accepted = true;
	conn->connected = true;
	net->accepted_count++;
	net->stats.handshakes++;
	wheel_set(&net->wheel, &conn->timer,
	    net->now_ms + conn_times(conn)->handshake);
	conn->wsi = lws_adopt_socket_vhost(net->vhost, fd);
	if (conn->wsi == NULL) { /* lws has closed it */
		net->stats.rejected_nomem++;
		conn->rejected = true;
		conn_drop(conn);
		return;
	}
	lws_set_opaque_user_data(conn->wsi, conn);
}

static void
listener_on_ready(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;

	(void)status;
	(void)events;
	net_update_now(listener->net);
	for (int i = 0; i < LISTENER_ACCEPTS; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		int fd = accept4(listener->fd, (struct sockaddr *)&from, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			listener_take(listener, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE ||
		           errno == ENOBUFS || errno == ENOMEM) {
			listener_on_emfile(listener);
			return;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} /* else: that one connection died while it waited */
	}
}

void
listener_pause(struct net *net)
{
	for (struct listener *l = net->listeners; l != NULL; l = l->next) {
		(void)uv_poll_stop(&l->poll);
	}
	net->listening_paused = true;
}

void
listener_resume(struct net *net)
{
	if (net->reserve_fd < 0) {
		net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	for (struct listener *l = net->listeners; l != NULL; l = l->next) {
		(void)uv_poll_start(&l->poll, UV_READABLE, listener_on_ready);
	}
	net->listening_paused = false;
}

static void
listener_on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void
listener_close_all(struct net *net)
{
	while (net->listeners != NULL) {
		struct listener *listener = net->listeners;

		net->listeners = listener->next;
		(void)uv_poll_stop(&listener->poll);
		(void)close(listener->fd);
		uv_close((uv_handle_t *)&listener->poll, listener_on_close);
	}
}

/* The port that the kernel chose, or that was asked for. */
static uint16_t
listener_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} addr = { .six = { 0 } };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, &addr.any, &len) != 0) {
		return 0;
	}
	return ntohs(addr.any.sa_family == AF_INET6 ? addr.six.sin6_port
	                                            : addr.four.sin_port);
}

static void
listener_set_port(struct sockaddr *addr, uint16_t port)
{
	if (addr->sa_family == AF_INET6) {
		((struct sockaddr_in6 *)(void *)addr)->sin6_port = htons(port);
	} else {
		((struct sockaddr_in *)(void *)addr)->sin_port = htons(port);
	}
}

/* A listening socket, or -1 and errno. */
static int
listener_socket(const struct addrinfo *info)
{
	int on = 1;
	int fd = socket(info->ai_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0) {
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6) {
		(void)setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	}
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 ||
	    listen(fd, LISTENER_BACKLOG) != 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static enum err
listener_add(struct net *net, const struct addrinfo *info, int fd)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	struct listener **tail;

	if (listener == NULL) {
		(void)close(fd);
		return ERR_NOMEM;
	}
	listener->net = net;
	listener->fd = fd;
	listener->port = listener_port(fd);
	(void)getnameinfo(info->ai_addr, info->ai_addrlen, listener->host,
	    sizeof(listener->host), NULL, 0, NI_NUMERICHOST);
	if (uv_poll_init(&net->loop, &listener->poll, fd) != 0) {
		(void)close(fd);
		free(listener);
		return ERR_SYSTEM;
	}
	listener->poll.data = listener;
	for (tail = &net->listeners; *tail != NULL; tail = &(*tail)->next) {
	}
	*tail = listener;
	(void)uv_poll_start(&listener->poll, UV_READABLE, listener_on_ready);
	return ERR_OK;
}

/* "HOST:PORT", "[::1]:PORT"; an empty host or `*` is every address. */
static bool
listener_split(const char *bind, char *host, size_t cap, const char **port)
{
	const char *colon = strrchr(bind, ':');
	size_t len;

	if (colon == NULL) {
		return false;
	}
	len = (size_t)(colon - bind);
	if (len >= 2 && bind[0] == '[' && colon[-1] == ']') {
		bind++;
		len -= 2;
	}
	if (len >= cap) {
		return false;
	}
	memcpy(host, bind, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

static enum err
listener_refuse(const char *bind, int error, struct diag *diag)
{
	diag_set(diag,
	    "cannot listen on %s: %s; expected: a free port of an address "
	    "that this host has%s",
	    bind, strerror(error),
	    error == EADDRINUSE
	        ? " (another process has it: `ss -ltnp` shows which; port 0 "
	          "takes any free one)"
	    : error == EACCES ? " (ports below 1024 need a privilege)"
	                      : "");
	return ERR_BIND;
}

/* Listen on each address; one that the host does not have is passed over. */
static enum err
listener_bind_all(
    struct net *net, const char *bind, struct addrinfo *list, struct diag *diag)
{
	uint16_t port = 0;
	int missing = EADDRNOTAVAIL;
	bool any = false;

	for (struct addrinfo *info = list; info != NULL; info = info->ai_next) {
		int fd;

		if (port != 0) {
			listener_set_port(info->ai_addr, port);
		}
		fd = listener_socket(info);
		if (fd < 0 &&
		    (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) {
			missing = errno;
			log_warn("net", "bind_skipped",
			    "an address of the name is not this host's",
			    LOG_STR("bind", bind),
			    LOG_STR("family",
			        info->ai_family == AF_INET6 ? "IPv6" : "IPv4"));
			continue;
		}
		if (fd < 0) {
			return listener_refuse(bind, errno, diag);
		}
		if (listener_add(net, info, fd) != ERR_OK) {
			diag_set(diag, "out of memory");
			return ERR_NOMEM;
		}
		any = true;
		port = listener_port(fd);
	}
	return any ? ERR_OK : listener_refuse(bind, missing, diag);
}

enum err
net_listen(struct net *net, const char *bind, struct diag *diag)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char host[256];
	const char *port;
	enum err err;
	int failed;

	if (!listener_split(bind, host, sizeof(host), &port)) {
		diag_set(
		    diag, "cannot listen on %s; expected: HOST:PORT", bind);
		return ERR_BIND;
	}
	failed = getaddrinfo(
	    *host == '\0' || strcmp(host, "*") == 0 ? NULL : host, port, &hints,
	    &list);
	if (failed != 0) {
		diag_set(diag,
		    "cannot listen on %s: %s; expected: a name or address of "
		    "this host",
		    bind, gai_strerror(failed));
		return ERR_BIND;
	}
	err = listener_bind_all(net, bind, list, diag);
	freeaddrinfo(list);
	return err;
}

void
net_each_listener(const struct net *net,
    void (*each)(void *ctx, const char *host, uint16_t port), void *ctx)
{
	for (const struct listener *listener = net->listeners; listener != NULL;
	     listener = listener->next) {
		each(ctx, listener->host, listener->port);
	}
}

void
net_stop_listening(struct net *net)
{
	net->leaving = true;
	listener_close_all(net);
}
