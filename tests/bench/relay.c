/* SPDX-License-Identifier: MIT
 * relay.c - the load generator for a node in the middle of a mesh: a peer that
 * sends, --subs others that receive, and one node that relays between them.
 *
 * The messages come from --origins nodes in turn.  Like gv_load it is never
 * more than --window messages ahead of the slowest receiver, checks that each
 * gets every message once and in order, and prints one JSON object. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "die.h"
#include "options.h"
#include "peer.h"
#include "usage.h"

enum {
	RELAY_EVENTS = 64,
	RELAY_PATIENCE_S = 5,
	RELAY_INTROS = 512,         /* on their way at a time */
	RELAY_GUEST_ORIGINS = 4000, /* that one guest introduces */
};

struct relay {
	struct options options;
	struct cast cast;
	struct peer *peers;   /* the sender, the receivers, guests */
	size_t count, guests; /* without guests; they */
	size_t record_len, frame_records; /* of a record; records in a frame */
	uint8_t *out;                     /* frames being sent */
	size_t out_len, out_sent;
	uint64_t published;
	int epoll;
	bool blocked; /* the sender waits for its socket */
};

/* Sums at one moment. */
struct mark {
	uint64_t ns, cpu_ns, published, received;
};

static void
relay_watch(struct relay *relay, size_t index, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = index };

	if (epoll_ctl(relay->epoll, op, relay->peers[index].fd, &event) != 0) {
		die("epoll_ctl: %s", strerror(errno));
	}
}

/* Read whatever has come, after waiting for it at most `wait_ms`. */
static void
relay_poll(struct relay *relay, int wait_ms)
{
	struct epoll_event events[RELAY_EVENTS];
	int n = epoll_wait(relay->epoll, events, RELAY_EVENTS, wait_ms);

	for (int i = 0; i < n; i++) {
		if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
			peer_read(&relay->peers[events[i].data.u64]);
		}
	}
}

/* Send what is ready, and ask to be told when more can be sent. */
static void
relay_flush(struct relay *relay)
{
	bool blocked;

	relay->out_sent += peer_send(&relay->peers[0],
	    relay->out + relay->out_sent, relay->out_len - relay->out_sent);
	blocked = relay->out_sent < relay->out_len;
	if (blocked != relay->blocked) {
		relay_watch(relay, 0, EPOLL_CTL_MOD,
		    blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
		relay->blocked = blocked;
	}
}

/* Write frames with `count` messages from number `first` on to `out`. */
static size_t
relay_fill(
    const struct relay *relay, uint8_t *out, uint64_t first, size_t count)
{
	uint8_t *at = out;

	while (count > 0) {
		size_t records = count < relay->frame_records
		                     ? count
		                     : relay->frame_records;
		size_t len = records * relay->record_len;
		uint8_t *body = at + frame_header_len(len, true);

		memset(body, 'x', len);
		for (size_t i = 0; i < records; i++) {
			(void)peer_record(body + i * relay->record_len,
			    &relay->cast, first + i, relay->options.size);
		}
		at += peer_frame(body, len) + len;
		first += records;
		count -= records;
	}
	return (size_t)(at - out);
}

/* The number that the slowest receiver waits for. */
static uint64_t
relay_slowest(const struct relay *relay)
{
	uint64_t slowest = UINT64_MAX;

	for (size_t i = 1; i < relay->count; i++) {
		if (relay->peers[i].next < slowest) {
			slowest = relay->peers[i].next;
		}
	}
	return slowest;
}

/* Publish as much as the window has room for; small change is saved up. */
static void
relay_publish(struct relay *relay, uint64_t slowest)
{
	size_t window = relay->options.window;
	size_t room = window - (size_t)(relay->published - slowest);

	if (room == 0 || room < window / 8) {
		return;
	}
	relay->out_len = relay_fill(relay, relay->out, relay->published, room);
	relay->out_sent = 0;
	relay->published += room;
	relay_flush(relay);
}

/* Publish for `seconds`, then wait until all has arrived or nothing more
 * does. */
static void
relay_run(struct relay *relay, double seconds)
{
	uint64_t start = usage_now_ns(), progress = start;
	uint64_t last = relay_slowest(relay);
	uint64_t end = start + (uint64_t)(seconds * 1e9);

	for (;;) {
		uint64_t now = usage_now_ns(), slowest = relay_slowest(relay);

		if (slowest != last) {
			last = slowest;
			progress = now;
		}
		if (now - progress > RELAY_PATIENCE_S * USAGE_SECOND_NS ||
		    (now >= end && slowest == relay->published)) {
			return;
		}
		if (relay->blocked) {
			relay_flush(relay);
		} else if (now < end) {
			relay_publish(relay, slowest);
		}
		relay_poll(relay, 100);
	}
}

/* How many introductions have arrived, at all together. */
static uint64_t
relay_intros(const struct relay *relay)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < relay->count + relay->guests; i++) {
		sum += relay->peers[i].intros;
	}
	return sum;
}

static void
relay_introduce_one(struct relay *relay, size_t number)
{
	const struct peer
	    *guest = &relay->peers[relay->count + number / RELAY_GUEST_ORIGINS];
	size_t len = relay_fill(relay, relay->out, PEER_INTRO + number, 1);

	if (peer_send(guest, relay->out, len) != len) {
		die("an introduction was not taken");
	}
}

/* A link may bring only so many new origins at once: guests bring them, and
 * leave.  With that the node forgets that it ever came this way: it learns
 * from the sender where messages come from, and pushes to all others. */
static void
relay_introduce(struct relay *relay)
{
	uint64_t end = usage_now_ns() + 4 * USAGE_SECOND_NS * RELAY_PATIENCE_S;
	size_t origins = relay->cast.count, sent = 0;
	uint64_t others = relay->count + relay->guests - 1;

	while (relay_intros(relay) < origins * others) {
		if (usage_now_ns() > end) {
			die("not all origins are known to all peers");
		}
		while (sent < origins &&
		       sent - relay_intros(relay) / others < RELAY_INTROS) {
			relay_introduce_one(relay, sent);
			sent++;
		}
		relay_poll(relay, 100);
	}
	for (size_t i = 0; i < relay->guests; i++) {
		peer_close(&relay->peers[relay->count + i]);
	}
}

static struct mark
relay_mark(const struct relay *relay)
{
	struct mark mark = { .published = relay->published };

	for (size_t i = 1; i < relay->count; i++) {
		mark.received += relay->peers[i].received;
	}
	for (size_t i = 0; i < relay->options.pid_count; i++) {
		mark.cpu_ns += usage_cpu_ns(relay->options.pids[i]);
	}
	mark.ns = usage_now_ns();
	return mark;
}

static void
relay_print(
    const struct relay *relay, const struct mark *from, const struct mark *to)
{
	double deliveries = (double)(to->received - from->received);
	double messages = deliveries / (double)(relay->count - 1);
	double seconds = (double)(to->ns - from->ns) / 1e9;
	double cpu_us = (double)(to->cpu_ns - from->cpu_ns) / 1e3;
	uint64_t lost = 0, duplicates = 0;

	for (size_t i = 1; i < relay->count; i++) {
		const struct peer *peer = &relay->peers[i];

		lost += peer->lost + (relay->published - peer->next);
		duplicates += peer->duplicates;
	}
	printf("{\"published\":%" PRIu64 ",\"deliveries\":%.0f,"
	       "\"seconds\":%.3f,\"cpu_us\":%.0f,\"cpu_share\":%.3f,"
	       "\"cpu_us_per_message\":%.5f,\"lost\":%" PRIu64
	       ",\"duplicates\":%" PRIu64 "}\n",
	    to->published - from->published, deliveries, seconds, cpu_us,
	    cpu_us / 1e6 / seconds, messages > 0 ? cpu_us / messages : 0, lost,
	    duplicates);
}

static void
relay_init(struct relay *relay)
{
	const struct options *options = &relay->options;
	size_t frames;

	cast_init(&relay->cast, options->origins);
	relay->count = 1 + options->subs;
	relay->record_len = peer_record_len(options->size);
	relay->frame_records = options->batch / relay->record_len;
	if (relay->frame_records == 0) {
		relay->frame_records = 1;
	}
	frames = options->window / relay->frame_records + 1;
	relay->out = malloc(
	    options->window * relay->record_len + frames * FRAME_HEADER_MAX);
	relay->guests = (options->origins - 1) / RELAY_GUEST_ORIGINS + 1;
	relay->peers = calloc(
	    relay->count + relay->guests, sizeof(*relay->peers));
	relay->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (relay->out == NULL || relay->peers == NULL || relay->epoll < 0) {
		die("no memory or no descriptor left");
	}
	for (size_t i = 0; i < relay->count + relay->guests; i++) {
		peer_open(&relay->peers[i], &relay->cast,
		    i == 0 ? options->port : options->sub_port, options->size);
		relay_watch(relay, i, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void
relay_fini(struct relay *relay)
{
	for (size_t i = 0; i < relay->count; i++) {
		peer_close(&relay->peers[i]);
	}
	cast_fini(&relay->cast);
	free(relay->peers);
	free(relay->out);
}

int
main(int argc, char **argv)
{
	static struct relay relay;
	struct mark from, to;

	options_parse(&relay.options, argc, argv);
	options_apply(&relay.options);
	relay_init(&relay);
	relay_introduce(&relay);
	relay_run(&relay, relay.options.warmup);
	from = relay_mark(&relay);
	relay_run(&relay, relay.options.seconds);
	to = relay_mark(&relay);
	relay_print(&relay, &from, &to);
	relay_fini(&relay);
	return 0;
}
