/* SPDX-License-Identifier: MIT
 * rig.h - a real struct net on a thread of its own, driven by raw clients.
 *
 * What touches the net runs on its loop: rig_call carries a function there,
 * rig_until waits until one returns true at the end of a turn. */
#ifndef TESTS_UNIT_NET_RIG_H
#define TESTS_UNIT_NET_RIG_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/private.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/peer.h"
#include "support/test.h"

/* Not every test needs everything. */
#pragma GCC diagnostic ignored "-Wunused-function"

enum { RIG_WAIT_S = 20 };

struct rig {
	struct net *net;
	struct chunk_pool pool;
	struct chunk_log log;
	struct rng rng;
	struct net_handler handler;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t told;
	void (*job)(struct rig *rig);    /* to do on the loop */
	bool (*wanted)(struct rig *rig); /* to become true */
	uint16_t port;
	bool running;

	/* The loop's own: */
	struct conn *last; /* opened last; NULL once it is gone */
	struct conn *first;
	uint64_t ids[8];         /* in the order of opening */
	struct net_stats stats;  /* as of the last rig_call */
	bool refuses;            /* on_open says no */
	bool relieves;           /* on_open wants room at once */
	unsigned closing_inside; /* and was told of a closing meanwhile */
	bool stubborn;           /* nobody closes what stalls */
	struct conn *press;      /* on_message presses this one */
	struct buf heard;        /* the last message */
	unsigned opened, messages, closing, closed, stalled, pauses, resumes;
	unsigned peers_closed;
	unsigned bytes; /* times that some came */
	struct {        /* as it was at the first pause */
		unsigned messages;
		bool inside; /* a message */
		size_t held;
	} first_pause;
	unsigned turns;
	enum net_closed how;
	unsigned timers, heard_before; /* messages, before the last timer */
	uint64_t number;               /* between a job and its test */
	const char *url;
};

static bool
rig_on_open(void *ctx, struct conn *conn, const char *path, const char *query)
{
	struct rig *rig = ctx;

	(void)path;
	(void)query;
	rig->first = rig->opened == 0 ? conn : rig->first;
	rig->last = conn;
	rig->ids[rig->opened++ % ARRAY_LEN(rig->ids)] = conn_id(conn);
	if (rig->relieves) {
		(void)conn_relieve(conn);
		rig->closing_inside = rig->closing;
	}
	return !rig->refuses;
}

static enum err
rig_on_path(void *ctx, const char *path, struct diag *diag)
{
	(void)ctx;
	if (strcmp(path, "/refused") == 0) {
		diag_set(diag, "no such path");
		return ERR_INVALID;
	}
	return ERR_OK;
}

static void
rig_on_bytes(void *ctx, struct conn *conn)
{
	struct rig *rig = ctx;

	(void)conn;
	rig->bytes++;
}

static void
rig_on_message(
    void *ctx, struct conn *conn, bool text, const uint8_t *bytes, size_t len)
{
	struct rig *rig = ctx;

	(void)conn;
	(void)text;
	rig->messages++;
	buf_clear(&rig->heard);
	assert_int_equal(buf_append(&rig->heard, bytes, len), ERR_OK);
	if (rig->press != NULL) {
		(void)conn_press(rig->press);
	}
}

static void
rig_on_pong(void *ctx, struct conn *conn, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	(void)conn;
	(void)bytes;
	(void)len;
}

static void
rig_on_reading(void *ctx, struct conn *conn, bool on)
{
	struct rig *rig = ctx;

	if (!on && rig->pauses == 0) {
		rig->first_pause.messages = rig->messages;
		rig->first_pause.inside = conn->began_ms != 0;
		rig->first_pause.held = frame_decoder_held(&conn->decoder);
	}
	rig->pauses += on ? 0 : 1;
	rig->resumes += on ? 1 : 0;
}

static void
rig_on_closing(void *ctx, struct conn *conn)
{
	struct rig *rig = ctx;

	(void)conn;
	rig->closing++;
}

static void
rig_on_stalled(void *ctx, struct conn *conn)
{
	struct rig *rig = ctx;

	rig->stalled++;
	if (!rig->stubborn) {
		conn_close(conn, 4002, "slow", false);
	}
}

static void
rig_on_closed(void *ctx, struct conn *conn, enum net_closed how)
{
	struct rig *rig = ctx;

	rig->closed++;
	if (rig->last == conn) {
		rig->last = NULL;
	}
	if (rig->first == conn) {
		rig->first = NULL;
	}
	rig->how = how;
	rig->peers_closed += conn_is_peer(conn) ? 1 : 0;
	rig->press = rig->press == conn ? NULL : rig->press;
}

static void
rig_on_turn(void *ctx)
{
	struct rig *rig = ctx;

	(void)pthread_mutex_lock(&rig->lock);
	rig->turns++;
	if (rig->wanted != NULL && rig->wanted(rig)) {
		rig->wanted = NULL;
		(void)pthread_cond_broadcast(&rig->told);
	}
	(void)pthread_mutex_unlock(&rig->lock);
}

static void
rig_on_timer(void *ctx)
{
	struct rig *rig = ctx;

	rig->timers++;
	rig->heard_before = rig->messages;
}

static void
rig_on_wake(void *ctx)
{
	struct rig *rig = ctx;

	(void)pthread_mutex_lock(&rig->lock);
	if (rig->job != NULL) {
		rig->job(rig);
		rig->stats = *net_stats(rig->net);
		rig->job = NULL;
		(void)pthread_cond_broadcast(&rig->told);
	}
	(void)pthread_mutex_unlock(&rig->lock);
}

static void
rig_on_signal(void *ctx, int signum)
{
	(void)ctx;
	(void)signum;
}

static void *
rig_run(void *ctx)
{
	struct rig *rig = ctx;

	net_run(rig->net);
	return NULL;
}

static void
rig_wait(struct rig *rig, bool (*done)(const struct rig *rig))
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RIG_WAIT_S;
	while (!done(rig)) {
		assert_int_equal(
		    pthread_cond_timedwait(&rig->told, &rig->lock, &until), 0);
	}
}

static bool
rig_has_no_job(const struct rig *rig)
{
	return rig->job == NULL;
}

static bool
rig_has_no_wish(const struct rig *rig)
{
	return rig->wanted == NULL;
}

/* Do `job` on the loop. */
static void
rig_call(struct rig *rig, void (*job)(struct rig *rig))
{
	(void)pthread_mutex_lock(&rig->lock);
	rig->job = job;
	net_wake(rig->net);
	rig_wait(rig, rig_has_no_job);
	(void)pthread_mutex_unlock(&rig->lock);
}

/* Wait until `wanted` is true at the end of a turn of the loop. */
static void
rig_until(struct rig *rig, bool (*wanted)(struct rig *rig))
{
	(void)pthread_mutex_lock(&rig->lock);
	rig->wanted = wanted;
	net_wake(rig->net);
	rig_wait(rig, rig_has_no_wish);
	(void)pthread_mutex_unlock(&rig->lock);
}

static void
rig_do_nothing(struct rig *rig)
{
	(void)rig;
}

static const struct net_stats *
rig_stats(struct rig *rig)
{
	rig_call(rig, rig_do_nothing);
	return &rig->stats;
}

static void
rig_on_listener(void *ctx, const char *host, uint16_t port)
{
	struct rig *rig = ctx;

	(void)host;
	rig->port = port;
}

static struct net_config
rig_config(void)
{
	return (struct net_config){
		.times = net_default_times,
		.max_message = (size_t)1 << 20,
		.max_clients = 100,
		.soft = (size_t)64 << 10,
		.buffers_max = (size_t)256 << 20,
		.assembly_max = (size_t)256 << 20,
	};
}

static struct rig *
rig_create(struct net_config config)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct log_config quiet = { .filter = "error" };
	struct diag diag;

	assert_non_null(rig);
	assert_int_equal(log_open(&quiet, &diag), ERR_OK);
	rig->handler = (struct net_handler){
		.ctx = rig,
		.on_path = rig_on_path,
		.on_open = rig_on_open,
		.on_bytes = rig_on_bytes,
		.on_message = rig_on_message,
		.on_pong = rig_on_pong,
		.on_reading = rig_on_reading,
		.on_closing = rig_on_closing,
		.on_stalled = rig_on_stalled,
		.on_closed = rig_on_closed,
		.on_turn = rig_on_turn,
		.on_timer = rig_on_timer,
		.on_wake = rig_on_wake,
		.on_signal = rig_on_signal,
	};
	(void)pthread_mutex_init(&rig->lock, NULL);
	(void)pthread_cond_init(&rig->told, NULL);
	chunk_pool_init(&rig->pool);
	chunk_log_init(&rig->log, &rig->pool, CHUNK_BYTES);
	rng_init(&rig->rng, 1);
	buf_init(&rig->heard);
	config.pool = &rig->pool;
	assert_int_equal(
	    net_create(&rig->net, &config, &rig->handler, &rig->rng, &diag),
	    ERR_OK);
	assert_int_equal(net_listen(rig->net, "127.0.0.1:0", &diag), ERR_OK);
	net_each_listener(rig->net, rig_on_listener, rig);
	assert_int_equal(pthread_create(&rig->thread, NULL, rig_run, rig), 0);
	rig->running = true;
	return rig;
}

/* Bytes at the end of a log, as an owner of records has them. */
static inline struct range
rig_record(struct rig *rig, const void *bytes, size_t len)
{
	struct range range;

	if (chunk_log_append(&rig->log, len, &range) != ERR_OK) {
		abort();
	}
	memcpy(range_bytes(&range), bytes, len);
	return range;
}

static void
rig_quit(struct rig *rig)
{
	net_quit(rig->net);
}

/* The loop ends; what it owned is the test's now. */
static void
rig_stop(struct rig *rig)
{
	if (rig->running) {
		rig_call(rig, rig_quit);
		(void)pthread_join(rig->thread, NULL);
		rig->running = false;
	}
}

static void
rig_destroy(struct rig *rig)
{
	rig_stop(rig);
	net_destroy(rig->net);
	chunk_log_fini(&rig->log);
	chunk_pool_fini(&rig->pool);
	buf_fini(&rig->heard);
	(void)pthread_cond_destroy(&rig->told);
	(void)pthread_mutex_destroy(&rig->lock);
	free(rig);
}

/* The wheel has turned since `number` was its tick, or the one is gone. */
static bool
rig_has_looked_again(struct rig *rig)
{
	return rig->last == NULL ||
	       rig->net->tick_ms > rig->number + WHEEL_TICK_MS;
}

static bool
rig_has_closed(struct rig *rig)
{
	return rig->closed > 0;
}

static bool
rig_has_opened(struct rig *rig)
{
	return rig->opened > 0;
}

static bool
rig_has_two(struct rig *rig)
{
	return rig->opened == 2;
}

static bool
rig_has_resumed(struct rig *rig)
{
	return rig->resumes > 0;
}

static bool
rig_has_heard(struct rig *rig)
{
	return rig->messages > 0;
}

/* More is queued for it than it should have, and who speaks is told so. */
static void
rig_press_the_first(struct rig *rig)
{
	static uint8_t bytes[1 << 20];

	for (unsigned i = 0; i < 8; i++) {
		conn_send_records(rig->first, bytes, sizeof(bytes));
	}
	rig->press = rig->first;
}

/* A peer's link from the outside: upgraded, no record yet. */
static struct client *
rig_peer(struct rig *rig, int buffer)
{
	struct client *client = buffer > 0
	                            ? client_connect_small(rig->port, buffer)
	                            : client_connect(rig->port);

	assert_int_equal(client_upgrade(client, "/",
	                     "Sec-WebSocket-Protocol: grapevine.peer.1\r\n"),
	    101);
	return client;
}

#endif
