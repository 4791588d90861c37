/* SPDX-License-Identifier: MIT
 * daemon_port.c - addresses and ports that a node may have. */
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/daemon.h"
#include "support/test.h"

bool
daemon_has_ipv6(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 &&
	           bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;

	if (fd >= 0) {
		close(fd);
	}
	return has;
}

bool
daemon_localhost_has_ipv6(void)
{
	struct addrinfo hints = { .ai_family = AF_INET6,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	if (getaddrinfo("localhost", NULL, &hints, &list) != 0) {
		return false;
	}
	freeaddrinfo(list);
	return daemon_has_ipv6();
}

static bool
daemon_port_is_free(int family, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = in6addr_loopback };
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0) {
		return true; /* no such family here */
	}
	rc = family == AF_INET
	         ? bind(fd, (struct sockaddr *)&four, sizeof(four))
	         : bind(fd, (struct sockaddr *)&six, sizeof(six));
	close(fd);
	return rc == 0;
}

/* Make `port` this program's until it ends: a port that is free now is still
 * so when the node begins, whatever other tests run. */
static bool
daemon_port_claim(uint16_t port)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
	    "grapevine-test-port-%u", (unsigned)port);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&name,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	                    (size_t)len)) == 0) {
		return true; /* it stays open */
	}
	close(fd);
	return false;
}

uint16_t
daemon_free_port(void)
{
	enum { FIRST = 12000, COUNT = 20000 };
	static unsigned next;

	for (unsigned tries = 0; tries < COUNT; tries++) {
		uint16_t port = (uint16_t)(FIRST +
		                           ((unsigned)getpid() * 20 + next++) %
		                               COUNT);

		if (daemon_port_is_free(AF_INET, port) &&
		    (!daemon_has_ipv6() ||
		        daemon_port_is_free(AF_INET6, port)) &&
		    daemon_port_claim(port)) {
			return port;
		}
	}
	fail_msg("no free port");
	return 0;
}
