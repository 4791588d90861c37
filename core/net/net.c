/* SPDX-License-Identifier: MIT
 * net.c - the loop: one libuv loop, one lws context, one nested epoll for all
 * established connections, and what happens at the end of a turn. */

#include "net/private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { NET_EVENTS = 256, NET_ACCEPT_PAUSE_MS = 250 };

const struct net_times net_default_times = {
	.handshake = 5000,
	.connect = 3000,
	.assembly = 10000,
	.stall = 10000,
	.close = 2000,
	.linger = 60000,
	.ping = 20000,
	.dead = 40000,
};

const struct counter net_counters[] = {
	COUNTER(struct net_stats, accepted),
	COUNTER(struct net_stats, opened),
	COUNTER(struct net_stats, closed),
	COUNTER(struct net_stats, clients),
	COUNTER(struct net_stats, peers),
	COUNTER(struct net_stats, handshakes),
	COUNTER(struct net_stats, dials),
	COUNTER(struct net_stats, dial_failures),
	COUNTER(struct net_stats, rejected_limit),
	COUNTER(struct net_stats, rejected_address),
	COUNTER(struct net_stats, rejected_nomem),
	COUNTER(struct net_stats, rejected_http),
	COUNTER(struct net_stats, rejected_timeout),
	COUNTER(struct net_stats, rejected_raw),
	COUNTER(struct net_stats, handshakes_lost),
	COUNTER(struct net_stats, accept_emfile),
	COUNTER(struct net_stats, hasty),
	COUNTER(struct net_stats, frame_errors),
	COUNTER(struct net_stats, closed_stalled),
	COUNTER(struct net_stats, closed_silent),
	COUNTER(struct net_stats, closed_slow),
	COUNTER(struct net_stats, closed_unread),
	COUNTER(struct net_stats, closed_assembly),
	COUNTER(struct net_stats, messages_in),
	COUNTER(struct net_stats, bytes_in),
	COUNTER(struct net_stats, bytes_out),
	COUNTER(struct net_stats, writes),
	COUNTER(struct net_stats, reads),
	COUNTER(struct net_stats, pings_in),
	COUNTER(struct net_stats, pongs_coalesced),
	COUNTER(struct net_stats, pauses),
	COUNTER(struct net_stats, pause_ms),
	COUNTER(struct net_stats, rate_pauses),
	COUNTER(struct net_stats, rate_pause_ms),
	COUNTER(struct net_stats, dropped_closing),
	COUNTER(struct net_stats, dropped_unsent),
	COUNTER(struct net_stats, dropped_nomem),
	COUNTER(struct net_stats, buffer_bytes),
	COUNTER(struct net_stats, assembly_bytes),
};
const size_t net_counter_count = ARRAY_LEN(net_counters);

/* Never more than NET_LATE_MS beyond the next tick: a loop that stood still
 * (a suspended node) must not find that everyone has been silent for long. */
void
net_update_now(struct net *net)
{
	uint64_t real = clock_now_ms();
	uint64_t limit = net->tick_ms + WHEEL_TICK_MS + NET_LATE_MS;
	uint64_t now = net->now_ms + (real - net->real_ms);

	net->now_ms = now < limit ? now : limit;
	net->real_ms = real;
}

uint64_t
net_now_ms(const struct net *net)
{
	return net->now_ms;
}

/* ---- libuv's events */

static void
net_on_prepare(uv_prepare_t *prepare)
{
	net_end_turn(prepare->data);
}

static int
net_read_ready(struct net *net)
{
	struct epoll_event ready[NET_EVENTS];
	int count = epoll_wait(net->epoll_fd, ready, NET_EVENTS, 0);

	for (int i = 0; i < count; i++) {
		conn_on_ready(ready[i].data.ptr, ready[i].events);
	}
	return count;
}

static void
net_on_epoll(uv_poll_t *poll, int status, int events)
{
	struct net *net = poll->data;
	size_t rest = net->conn_count;

	(void)status;
	(void)events;
	net_update_now(net);
	/* The others come with the next turn, unless a deadline may be over:
	 * then each of them once. */
	while (net_read_ready(net) == NET_EVENTS && rest > NET_EVENTS &&
	       (net->tick_due || net->timer_due)) {
		rest -= NET_EVENTS;
	}
}

static void
net_on_async(uv_async_t *async)
{
	struct net *net = async->data;

	net_update_now(net);
	net->handler->on_wake(net->handler->ctx);
}

static void
net_on_signal(uv_signal_t *signal, int signum)
{
	struct net *net = signal->data;

	net_update_now(net);
	net->handler->on_signal(net->handler->ctx, signum);
}

/* ---- deadlines
 *
 * A timer only says that it is time.  Nobody is called late before all that
 * waits in the sockets was read, in those that lws has too: the loop polls
 * once more, without waiting, and deadlines are looked at behind that. */

static void
net_on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static void
net_on_timer(uv_timer_t *timer)
{
	struct net *net = timer->data;

	net->timer_due = true;
	(void)uv_idle_start(&net->idle, net_on_idle);
}

static void
net_on_tick(uv_timer_t *timer)
{
	struct net *net = timer->data;

	net->tick_due = true;
	(void)uv_idle_start(&net->idle, net_on_idle);
}

void
net_timer_set(struct net *net, uint64_t at_ms)
{
	if (at_ms == net->timer_ms) {
		return;
	}
	net->timer_ms = at_ms;
	if (at_ms == UINT64_MAX) {
		(void)uv_timer_stop(&net->timer);
		return;
	}
	uv_update_time(&net->loop);
	(void)uv_timer_start(&net->timer, net_on_timer,
	    at_ms > net->now_ms ? at_ms - net->now_ms : 0, 0);
}

static void
net_turn_wheel(struct net *net)
{
	struct wheel_item *item;

	net->tick_due = false;
	net->tick_ms = net->now_ms;
	while ((item = wheel_next_due(&net->wheel, net->now_ms)) != NULL) {
		conn_on_timer(
		    (struct conn *)(void *)((char *)item -
		                            offsetof(struct conn, timer)));
	}
	admit_sweep(net->admit, net->now_ms);
	if (net->listening_paused) {
		listener_resume(net);
	}
}

/* Behind the poll. */
static void
net_on_check(uv_check_t *check)
{
	struct net *net = check->data;

	if (net->tick_due || net->timer_due) {
		(void)uv_idle_stop(&net->idle);
		net_update_now(net);
	}
	if (net->tick_due) {
		net_turn_wheel(net);
	}
	if (net->timer_due) {
		net->timer_due = false;
		net->timer_ms = UINT64_MAX;
		net->handler->on_timer(net->handler->ctx);
	}
	net_end_turn(net);
}

void
net_wake(struct net *net)
{
	(void)uv_async_send(&net->async);
}

enum err
net_catch_signal(struct net *net, int signum)
{
	struct net_signal *signal = calloc(1, sizeof(*signal));

	if (signal == NULL) {
		return ERR_NOMEM;
	}
	(void)uv_signal_init(&net->loop, &signal->handle);
	signal->handle.data = net;
	signal->next = net->signals;
	net->signals = signal;
	return uv_signal_start(&signal->handle, net_on_signal, signum) == 0
	           ? ERR_OK
	           : ERR_SYSTEM;
}

/* ---- life */

/* What lws has to say is about one connection, and often somebody's doing. */
static void
net_on_lws_log(int level, const char *line)
{
	size_t len = strcspn(line, "\n");

	(void)level;
	log_debug(
	    "net", "lws", "libwebsockets says", LOG_BYTES("line", line, len));
}

static enum err
net_create_context(struct net *net)
{
	static const lws_retry_bo_t no_validity = { 0 };
	void *loops[1] = { &net->loop };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = upgrade_protocols,
		.options = LWS_SERVER_OPTION_LIBUV |
		           LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
		           LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.alpn = "http/1.1",
		.pt_serv_buf_size = 4096,
		.max_http_header_data = 4096,
		/* Ours come first, also when they make good for a stop. */
		.timeout_secs = net->config.times.handshake / 1000 + NET_LWS_S,
		.connect_timeout_secs = net->config.times.connect / 1000 +
		                        NET_LWS_S,
		.retry_and_idle_policy = &no_validity,
		.user = net,
		.vhost_name = "grapevine",
	};

	/* lws would honour them silently. */
	(void)unsetenv("http_proxy");
	(void)unsetenv("socks_proxy");
	lws_set_log_level(LLL_ERR | LLL_WARN, net_on_lws_log);
	net->context = lws_create_context(&info);
	if (net->context == NULL) {
		return ERR_SYSTEM;
	}
	net->vhost = lws_create_vhost(net->context, &info);
	return net->vhost == NULL ? ERR_SYSTEM : ERR_OK;
}

static enum err
net_start_handles(struct net *net)
{
	net->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (net->epoll_fd < 0 ||
	    uv_poll_init(&net->loop, &net->epoll_watch, net->epoll_fd) != 0) {
		return ERR_SYSTEM;
	}
	(void)uv_prepare_init(&net->loop, &net->prepare);
	(void)uv_check_init(&net->loop, &net->check);
	(void)uv_idle_init(&net->loop, &net->idle);
	(void)uv_timer_init(&net->loop, &net->timer);
	(void)uv_timer_init(&net->loop, &net->tick);
	(void)uv_timer_init(&net->loop, &net->pause);
	if (uv_async_init(&net->loop, &net->async, net_on_async) != 0) {
		return ERR_SYSTEM;
	}
	net->epoll_watch.data = net;
	net->prepare.data = net;
	net->check.data = net;
	net->async.data = net;
	net->timer.data = net;
	net->tick.data = net;
	net->pause.data = net;
	(void)uv_poll_start(&net->epoll_watch, UV_READABLE, net_on_epoll);
	(void)uv_prepare_start(&net->prepare, net_on_prepare);
	(void)uv_check_start(&net->check, net_on_check);
	(void)uv_timer_start(
	    &net->tick, net_on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
	return ERR_OK;
}

enum err
net_create(struct net **out, const struct net_config *config,
    const struct net_handler *handler, struct rng *rng, struct diag *diag)
{
	struct net *net = calloc(1, sizeof(*net));
	enum err err = ERR_NOMEM;

	if (net == NULL) {
		return ERR_NOMEM;
	}
	net->config = *config;
	net->handler = handler;
	net->rng = rng;
	net->limits.message_max = config->max_message;
	net->limits.fragments_max = NET_FRAGMENTS_MAX;
	net->peer_limits = net->limits;
	net->peer_limits.message_max = config->max_message + NET_RECORD_BYTES;
	if (net->peer_limits.message_max < NET_BATCH_BYTES) {
		net->peer_limits.message_max = NET_BATCH_BYTES;
	}
	pause_init(net);
	net->epoll_fd = -1;
	net->timer_ms = UINT64_MAX;
	net->real_ms = clock_now_ms();
	net->now_ms = net->real_ms;
	net->tick_ms = net->now_ms;
	wheel_init(&net->wheel, net->now_ms);
	net->pool = config->pool;
	chunk_log_init(&net->records, net->pool, CHUNK_BYTES);
	chunk_log_init(&net->frames, net->pool, CHUNK_BYTES);
	net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	net->read_buffer = malloc(NET_READ_BYTES);
	if (net->read_buffer == NULL ||
	    admit_create(&net->admit, rng_next(rng)) != ERR_OK ||
	    uv_loop_init(&net->loop) != 0) {
		diag_set(diag, "out of memory");
		goto fail;
	}
	net->loop.data = net;
	err = net_start_handles(net);
	if (err == ERR_OK) {
		err = net_create_context(net);
	}
	if (err != ERR_OK) {
		diag_set(diag,
		    "cannot set up the event loop: libwebsockets has no libuv "
		    "support here; expected: package libwebsockets-evlib-uv");
		net_destroy(net);
		return err;
	}
	*out = net;
	return ERR_OK;
fail:
	admit_destroy(net->admit);
	free(net->read_buffer);
	if (net->reserve_fd >= 0) {
		(void)close(net->reserve_fd);
	}
	free(net);
	return err;
}

/* Only our own: lws closes those it made. */
static void
net_close_handles(struct net *net)
{
	uv_handle_t *const handles[] = {
		(uv_handle_t *)&net->epoll_watch,
		(uv_handle_t *)&net->prepare,
		(uv_handle_t *)&net->check,
		(uv_handle_t *)&net->idle,
		(uv_handle_t *)&net->async,
		(uv_handle_t *)&net->timer,
		(uv_handle_t *)&net->tick,
		(uv_handle_t *)&net->pause,
	};

	for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
		if (handles[i]->type != UV_UNKNOWN_HANDLE) {
			uv_close(handles[i], NULL);
		}
	}
	/* A late one must not kill what has stopped, before it says how. */
	for (struct net_signal *s = net->signals; s != NULL; s = s->next) {
		int signum = s->handle.signum;

		uv_close((uv_handle_t *)&s->handle, NULL);
		(void)signal(signum, SIG_IGN);
	}
}

/* Connections first, while the loop and lws can still serve them; then lws,
 * once inside its loop and once after (TRANSPORT, graceful stop). */
static void
net_end_connections(struct net *net)
{
	net->stopping = true;
	for (uint32_t i = 0; i < net->conn_cap; i++) {
		if (net->conns[i] != NULL) {
			conn_drop(net->conns[i]);
		}
	}
	net_settle(net);
}

static void
net_free_signals(struct net *net)
{
	while (net->signals != NULL) {
		struct net_signal *signal = net->signals;

		net->signals = signal->next;
		free(signal);
	}
}

void
net_destroy(struct net *net)
{
	if (net == NULL) {
		return;
	}
	net_end_connections(net);
	listener_close_all(net);
	net_close_handles(net);
	if (net->context != NULL) {
		lws_context_destroy(net->context);
	}
	(void)uv_run(&net->loop, UV_RUN_DEFAULT);
	if (net->context != NULL) {
		lws_context_destroy(net->context);
	}
	(void)uv_loop_close(&net->loop);
	net_free_signals(net);
	chunk_log_fini(&net->records);
	chunk_log_fini(&net->frames);
	admit_destroy(net->admit);
	if (net->epoll_fd >= 0) {
		(void)close(net->epoll_fd);
	}
	if (net->reserve_fd >= 0) {
		(void)close(net->reserve_fd);
	}
	free(net->conns);
	free(net->generations);
	free(net->free_slots);
	free(net->read_buffer);
	free(net);
}

void
net_run(struct net *net)
{
	(void)uv_run(&net->loop, UV_RUN_DEFAULT);
}

void
net_quit(struct net *net)
{
	uv_stop(&net->loop);
}

const struct net_stats *
net_stats(struct net *net)
{
	net->stats.buffer_bytes = net->pool->bytes;
	net->stats.assembly_bytes = net->assembled;
	return &net->stats;
}
