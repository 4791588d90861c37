/* SPDX-License-Identifier: MIT
 * load.c - the load generator: one publisher, many subscribers, any number of
 * idle connections, against a grapevine node or a NATS server.
 *
 * The publisher is never more than --window messages ahead of the slowest
 * subscriber, so the server is kept busy and never has to drop.  With a window
 * of 1 the time until all subscribers have the message is a latency.  Prints
 * one JSON object; ends with 1 if anything went wrong but loss, which is
 * printed. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "conn.h"
#include "die.h"
#include "options.h"
#include "usage.h"

enum {
	LOAD_EVENTS = 256,
	LOAD_BATCH_BYTES = 64 * 1024,
	LOAD_SAMPLES_MAX = 1 << 20,
	LOAD_PATIENCE_S = 5,
	LOAD_PROBE_MS = 50,
};

struct load {
	struct options options;
	struct conn *conns; /* the publisher, subscribers, idle ones */
	size_t count;
	struct batch batch;
	uint64_t published;
	uint64_t sent_ns;  /* when the last one was sent, if not seen yet */
	uint32_t *samples; /* latencies */
	size_t sample_count;
	int epoll;
	bool blocked; /* the publisher waits for its socket */
};

/* Sums at one moment. */
struct mark {
	uint64_t ns, cpu_ns, published, received;
};

static void
load_watch(struct load *load, size_t index, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = index };

	if (epoll_ctl(load->epoll, op, load->conns[index].fd, &event) != 0) {
		die("epoll_ctl: %s", strerror(errno));
	}
}

static void
load_open(struct load *load, size_t index, uint16_t port, const char *topic,
    bool listens, size_t size)
{
	conn_open(&load->conns[index], load->options.proto, port, topic,
	    listens, size);
	load_watch(load, index, EPOLL_CTL_ADD, EPOLLIN);
}

/* Read whatever has come, after waiting for it at most `wait_ms`. */
static void
load_poll(struct load *load, int wait_ms)
{
	struct epoll_event events[LOAD_EVENTS];
	int n = epoll_wait(load->epoll, events, LOAD_EVENTS, wait_ms);

	for (int i = 0; i < n; i++) {
		if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
			conn_read(&load->conns[events[i].data.u64]);
		}
	}
}

/* Send what is ready, and ask to be told when more can be sent. */
static void
load_flush(struct load *load)
{
	bool blocked = !batch_send(&load->batch, &load->conns[0]);

	if (blocked != load->blocked) {
		load_watch(load, 0, EPOLL_CTL_MOD,
		    blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
		load->blocked = blocked;
	}
}

/* The number that the slowest subscriber waits for. */
static uint64_t
load_slowest(const struct load *load)
{
	uint64_t slowest = UINT64_MAX;

	for (size_t i = 1; i <= load->options.subs; i++) {
		if (load->conns[i].next < slowest) {
			slowest = load->conns[i].next;
		}
	}
	return slowest;
}

/* Publish as much as the window has room for; small change is saved up. */
static void
load_publish(struct load *load, uint64_t slowest)
{
	size_t window = load->options.window;
	size_t room = window - (size_t)(load->published - slowest);

	if (room == 0 || room < window / 8) {
		return;
	}
	if (room > load->batch.cap) {
		room = load->batch.cap;
	}
	batch_fill(&load->batch, load->published, room);
	load->published += room;
	load->sent_ns = usage_now_ns();
	load_flush(load);
}

static void
load_sample(struct load *load, uint64_t now_ns)
{
	if (load->options.window == 1 && load->sent_ns != 0 &&
	    load->sample_count < LOAD_SAMPLES_MAX) {
		load->samples[load->sample_count++] = (uint32_t)(now_ns -
		                                                 load->sent_ns);
	}
	load->sent_ns = 0;
}

/* Publish for `seconds`, then wait until all has arrived or nothing more
 * does. */
static void
load_run(struct load *load, double seconds)
{
	uint64_t start = usage_now_ns(), progress = start;
	uint64_t last = load_slowest(load);
	uint64_t end = start + (uint64_t)(seconds * 1e9);

	for (;;) {
		uint64_t now = usage_now_ns(), slowest = load_slowest(load);

		if (slowest != last) {
			last = slowest;
			progress = now;
		}
		if (now - progress > LOAD_PATIENCE_S * USAGE_SECOND_NS) {
			return;
		}
		if (slowest == load->published && !load->blocked) {
			load_sample(load, now);
			if (now >= end) {
				return;
			}
		}
		if (load->blocked) {
			load_flush(load);
		} else if (now < end) {
			load_publish(load, slowest);
		}
		load_poll(load, 100);
	}
}

/* Send messages that do not count until each subscriber has seen one: only
 * then do all nodes on the way know who listens. */
static void
load_probe(struct load *load)
{
	uint64_t end = usage_now_ns() + 2 * USAGE_SECOND_NS * LOAD_PATIENCE_S;
	uint64_t again = 0;

	for (size_t i = 1; i <= load->options.subs;) {
		uint64_t now = usage_now_ns();

		if (load->conns[i].probed) {
			i++;
			continue;
		}
		if (now > end) {
			die("subscriber %zu hears nothing", i);
		}
		if (now >= again && !load->blocked) {
			again = now + LOAD_PROBE_MS * (USAGE_SECOND_NS / 1000);
			batch_fill(&load->batch, CONN_PROBE, 1);
		}
		load_flush(load);
		load_poll(load, LOAD_PROBE_MS);
	}
}

static struct mark
load_mark(const struct load *load)
{
	struct mark mark = { .published = load->published };

	for (size_t i = 1; i <= load->options.subs; i++) {
		mark.received += load->conns[i].received;
	}
	for (size_t i = 0; i < load->options.pid_count; i++) {
		mark.cpu_ns += usage_cpu_ns(load->options.pids[i]);
	}
	mark.ns = usage_now_ns();
	return mark;
}

static uint64_t
load_rss(const struct load *load)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < load->options.pid_count; i++) {
		sum += usage_rss_bytes(load->options.pids[i]);
	}
	return sum;
}

static int
load_compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static double
load_percentile_us(const struct load *load, double share)
{
	size_t count = load->sample_count;

	if (count == 0) {
		return 0;
	}
	return load->samples[(size_t)((double)(count - 1) * share)] / 1e3;
}

static void
load_print(struct load *load, const struct mark *from, const struct mark *to,
    double idle_bytes)
{
	double deliveries = (double)(to->received - from->received);
	double seconds = (double)(to->ns - from->ns) / 1e9;
	double cpu_us = (double)(to->cpu_ns - from->cpu_ns) / 1e3;
	uint64_t lost = 0, duplicates = 0;

	for (size_t i = 1; i <= load->options.subs; i++) {
		const struct conn *conn = &load->conns[i];

		lost += conn->lost + (load->published - conn->next);
		duplicates += conn->duplicates;
	}
	qsort(load->samples, load->sample_count, sizeof(*load->samples),
	    load_compare);
	printf("{\"published\":%" PRIu64 ",\"deliveries\":%.0f,"
	       "\"seconds\":%.3f,\"cpu_us\":%.0f,\"cpu_share\":%.3f,"
	       "\"cpu_us_per_delivery\":%.5f,\"lost\":%" PRIu64
	       ",\"duplicates\":%" PRIu64 ",\"p50_us\":%.1f,\"p99_us\":%.1f,"
	       "\"samples\":%zu,\"rss_bytes\":%" PRIu64
	       ",\"rss_bytes_per_idle\":%.0f}\n",
	    to->published - from->published, deliveries, seconds, cpu_us,
	    cpu_us / 1e6 / seconds, deliveries > 0 ? cpu_us / deliveries : 0,
	    lost, duplicates, load_percentile_us(load, 0.5),
	    load_percentile_us(load, 0.99), load->sample_count, load_rss(load),
	    idle_bytes);
}

/* Open all connections; returns the bytes that an idle one cost. */
static double
load_connect(struct load *load)
{
	const struct options *options = &load->options;
	size_t subs = options->subs;
	uint64_t before;

	load_open(load, 0, options->port, options->topic, false, 0);
	for (size_t i = 1; i <= subs; i++) {
		load_open(load, i, options->sub_port, options->topic, true,
		    options->size);
	}
	before = load_rss(load);
	for (size_t i = subs + 1; i < load->count; i++) {
		load_open(load, i, options->port, "idle", true, 0);
	}
	if (options->idle == 0) {
		return 0;
	}
	return ((double)load_rss(load) - (double)before) /
	       (double)options->idle;
}

static void
load_measure(struct load *load)
{
	struct mark from, to;
	double idle_bytes;

	idle_bytes = load_connect(load);
	load_probe(load);
	load_run(load, load->options.warmup);
	load->sample_count = 0;
	from = load_mark(load);
	load_run(load, load->options.seconds);
	to = load_mark(load);
	load_print(load, &from, &to, idle_bytes);
}

static void
load_init(struct load *load)
{
	const struct options *options = &load->options;

	load->count = 1 + options->subs + options->idle;
	load->conns = calloc(load->count, sizeof(*load->conns));
	load->samples = calloc(LOAD_SAMPLES_MAX, sizeof(*load->samples));
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->conns == NULL || load->samples == NULL || load->epoll < 0) {
		die("no memory or no descriptor left");
	}
	batch_init(&load->batch, options->proto, options->topic, options->size,
	    LOAD_BATCH_BYTES);
}

static void
load_fini(struct load *load)
{
	for (size_t i = 0; i < load->count; i++) {
		conn_close(&load->conns[i]);
	}
	batch_fini(&load->batch);
	free(load->conns);
	free(load->samples);
}

int
main(int argc, char **argv)
{
	static struct load load;

	options_parse(&load.options, argc, argv);
	options_apply(&load.options);
	load_init(&load);
	load_measure(&load);
	load_fini(&load);
	return 0;
}
