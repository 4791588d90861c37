/* SPDX-License-Identifier: MIT
 * gv_delay - connections that take their time.
 *
 *     gv_delay MIN..MAX SEED LISTEN:TARGET...
 *
 * Passes on what comes to each LISTEN port of 127.0.0.1 to its TARGET port.
 * Each connection gets a delay of its own, MIN to MAX ms, the same both ways,
 * as the links of the simulator have.  Says `ready` once it listens. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"
#include "usage.h"

enum {
	DELAY_READ = 64 * 1024,
	DELAY_QUEUE = 4 << 20, /* bytes of one way; then it is not read */
	DELAY_EVENTS = 256,
};

#define DELAY_MS UINT64_C(1000000) /* in ns */

struct chunk {
	struct chunk *next;
	uint64_t due_ns;
	size_t at, len; /* 0: the end of the stream */
	uint8_t bytes[];
};

struct way {
	struct pair *pair; /* NULL: a listener */
	int from, to;      /* to: of a listener, the target's port */
	struct chunk *head, **tail;
	size_t queued;
	bool is_read;   /* EPOLLIN is asked for */
	bool is_at_end; /* of what can be read */
	bool has_ended; /* and passed on */
};

struct pair {
	struct pair *next;
	struct way ways[2];
	uint64_t delay_ns;
	bool is_dead;
};

struct delay {
	int epoll;
	unsigned min_ms, max_ms;
	uint64_t random;
	struct pair *pairs;
	uint8_t bytes[DELAY_READ];
};

static struct sockaddr_in
delay_address(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void
delay_watch(struct delay *delay, struct way *way, int op, bool read)
{
	struct epoll_event event = {
		.events = read ? EPOLLIN : 0,
		.data.ptr = way,
	};

	way->is_read = read;
	if (epoll_ctl(delay->epoll, op, way->from, &event) != 0) {
		die("epoll_ctl: %s", strerror(errno));
	}
}

/* splitmix64 */
static uint64_t
delay_pick_ns(struct delay *delay)
{
	uint64_t x = delay->random += UINT64_C(0x9e3779b97f4a7c15);
	double part;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	part = (double)((x ^ x >> 31) >> 11) / (double)(UINT64_C(1) << 53);
	return delay->min_ms * DELAY_MS +
	       (uint64_t)(part * (delay->max_ms - delay->min_ms) *
	                  (double)DELAY_MS);
}

static void
delay_way(struct delay *delay, struct pair *pair, int side, int from, int to)
{
	struct way *way = &pair->ways[side];
	int on = 1;

	*way = (struct way){ .pair = pair, .from = from, .to = to };
	if (setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
		die("TCP_NODELAY: %s", strerror(errno));
	}
	way->tail = &way->head;
	delay_watch(delay, way, EPOLL_CTL_ADD, true);
}

static void
delay_accept(struct delay *delay, const struct way *listener)
{
	struct sockaddr_in address = delay_address((uint16_t)listener->to);
	int in = accept4(
	    listener->from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pair *pair;

	if (in < 0 || out < 0 ||
	    connect(out, (struct sockaddr *)&address, sizeof(address)) != 0) {
		/* Nobody there: the dialler sees a closed connection. */
		(void)close(in);
		(void)close(out);
		return;
	}
	pair = calloc(1, sizeof(*pair));
	if (pair == NULL) {
		die("out of memory");
	}
	pair->delay_ns = delay_pick_ns(delay);
	pair->next = delay->pairs;
	delay->pairs = pair;
	delay_way(delay, pair, 0, in, out);
	delay_way(delay, pair, 1, out, in);
}

static void
delay_read(struct delay *delay, struct way *way, uint64_t now_ns)
{
	ssize_t len = recv(
	    way->from, delay->bytes, sizeof(delay->bytes), MSG_DONTWAIT);
	struct chunk *chunk;

	if (len < 0) {
		way->pair->is_dead = errno != EAGAIN;
		return;
	}
	chunk = malloc(sizeof(*chunk) + (size_t)len);
	if (chunk == NULL) {
		die("out of memory");
	}
	*chunk = (struct chunk){
		.due_ns = now_ns + way->pair->delay_ns,
		.len = (size_t)len,
	};
	memcpy(chunk->bytes, delay->bytes, (size_t)len);
	*way->tail = chunk;
	way->tail = &chunk->next;
	way->queued += (size_t)len;
	way->is_at_end = len == 0;
	if (len == 0 || way->queued >= DELAY_QUEUE) {
		delay_watch(delay, way, EPOLL_CTL_MOD, false);
	}
}

/* Pass on the first chunk; false: not all of it was taken. */
static bool
delay_write(struct way *way)
{
	struct chunk *chunk = way->head;
	ssize_t len;

	if (chunk->len == 0) {
		(void)shutdown(way->to, SHUT_WR);
		way->has_ended = true;
	} else {
		len = send(way->to, chunk->bytes + chunk->at,
		    chunk->len - chunk->at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len < 0) {
			way->pair->is_dead = errno != EAGAIN;
			return false;
		}
		chunk->at += (size_t)len;
		way->queued -= (size_t)len;
		if (chunk->at < chunk->len) {
			return false;
		}
	}
	way->head = chunk->next;
	if (way->head == NULL) {
		way->tail = &way->head;
	}
	free(chunk);
	return true;
}

/* Pass on what is due; when the next is. */
static uint64_t
delay_pass(struct delay *delay, struct way *way, uint64_t now_ns)
{
	while (way->head != NULL && way->head->due_ns <= now_ns) {
		if (!delay_write(way)) {
			return now_ns + DELAY_MS; /* full: again soon */
		}
	}
	if (!way->is_read && !way->is_at_end && way->queued < DELAY_QUEUE / 2) {
		delay_watch(delay, way, EPOLL_CTL_MOD, true);
	}
	return way->head != NULL ? way->head->due_ns : UINT64_MAX;
}

static void
delay_free(struct pair *pair)
{
	for (int side = 0; side < 2; side++) {
		struct chunk *chunk = pair->ways[side].head;

		while (chunk != NULL) {
			struct chunk *next = chunk->next;

			free(chunk);
			chunk = next;
		}
		(void)close(pair->ways[side].from);
	}
	free(pair);
}

/* All pairs: pass on, bury the dead; when something is due next. */
static uint64_t
delay_turn(struct delay *delay, uint64_t now_ns)
{
	struct pair **at = &delay->pairs;
	uint64_t next_ns = UINT64_MAX;

	while (*at != NULL) {
		struct pair *pair = *at;

		for (int side = 0; side < 2 && !pair->is_dead; side++) {
			uint64_t due_ns = delay_pass(
			    delay, &pair->ways[side], now_ns);

			next_ns = due_ns < next_ns ? due_ns : next_ns;
		}
		if (pair->is_dead ||
		    (pair->ways[0].has_ended && pair->ways[1].has_ended)) {
			*at = pair->next;
			delay_free(pair);
		} else {
			at = &pair->next;
		}
	}
	return next_ns;
}

static int
delay_wait(const struct delay *delay, struct epoll_event *events,
    uint64_t next_ns, uint64_t now_ns)
{
	uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left_ns / USAGE_SECOND_NS),
		.tv_nsec = (long)(left_ns % USAGE_SECOND_NS),
	};
	int count = epoll_pwait2(delay->epoll, events, DELAY_EVENTS,
	    next_ns == UINT64_MAX ? NULL : &timeout, NULL);

	if (count < 0 && errno != EINTR) {
		die("epoll_pwait2: %s", strerror(errno));
	}
	return count < 0 ? 0 : count;
}

static _Noreturn void
delay_run(struct delay *delay)
{
	struct epoll_event events[DELAY_EVENTS];
	uint64_t now_ns = usage_now_ns();

	for (;;) {
		uint64_t next_ns = delay_turn(delay, now_ns);
		int count = delay_wait(delay, events, next_ns, now_ns);

		now_ns = usage_now_ns();
		for (int i = 0; i < count; i++) {
			struct way *way = events[i].data.ptr;

			if (way->pair == NULL) {
				delay_accept(delay, way);
			} else if ((events[i].events & EPOLLIN) != 0) {
				delay_read(delay, way, now_ns);
			} else {
				way->pair->is_dead = true;
			}
		}
	}
}

static void
delay_listen(struct delay *delay, const char *ports)
{
	struct way *listener = calloc(1, sizeof(*listener));
	struct sockaddr_in address;
	unsigned port, target;
	int on = 1;

	if (listener == NULL || sscanf(ports, "%u:%u", &port, &target) != 2 ||
	    port > UINT16_MAX || target > UINT16_MAX) {
		die("found '%s', expected LISTEN:TARGET", ports);
	}
	address = delay_address((uint16_t)port);
	listener->to = (int)target;
	listener->from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener->from < 0 ||
	    setsockopt(listener->from, SOL_SOCKET, SO_REUSEADDR, &on,
	        sizeof(on)) != 0 ||
	    bind(listener->from, (struct sockaddr *)&address,
	        sizeof(address)) != 0 ||
	    listen(listener->from, 128) != 0) {
		die("port %u: %s", port, strerror(errno));
	}
	delay_watch(delay, listener, EPOLL_CTL_ADD, true);
}

int
main(int argc, char **argv)
{
	static struct delay delay;

	if (argc < 4 ||
	    sscanf(argv[1], "%u..%u", &delay.min_ms, &delay.max_ms) != 2 ||
	    delay.max_ms < delay.min_ms) {
		die("usage: gv_delay MIN..MAX SEED LISTEN:TARGET...");
	}
	delay.random = strtoull(argv[2], NULL, 10);
	delay.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 3; i < argc; i++) {
		delay_listen(&delay, argv[i]);
	}
	(void)puts("ready");
	(void)fflush(stdout);
	delay_run(&delay);
}
