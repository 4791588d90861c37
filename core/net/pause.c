/* SPDX-License-Identifier: MIT
 * pause.c - back-pressure: a reader that falls behind slows its source first
 * (PROTOCOL 10), and a client over its rate waits until it may speak again.
 *
 * While a source is read, a target whose queue passes SOFT presses it; after
 * that read the source is left alone until the target is under SOFT / 2, for
 * at most 10 ms.  A target may cause one second of pauses in ten: then it has
 * had its chance, and the overflow policy decides.
 *
 * A client that has used up its bucket is throttled until there is a token again, at
 * least 10 ms.  All wait equally long: a list in the order of its ends. */

#include "net/private.h"

void
pause_init(struct net *net)
{
	uint32_t rate = net->config.client_rate;
	uint32_t burst = net->config.client_burst;
	/* What one wait brings must fit, also when the timer is late. */
	uint32_t least = rate / (1000 / (2 * NET_PAUSE_MS));

	net->throttled_end = &net->throttled;
	if (rate == 0) {
		return;
	}
	net->rate = bucket_rate(rate, burst > least ? burst : least);
	net->throttle_ms = bucket_wait_ms(&net->rate);
	if (net->throttle_ms < NET_PAUSE_MS) {
		net->throttle_ms = NET_PAUSE_MS;
	}
}

static bool
conn_has_pause_budget(struct conn *target)
{
	uint64_t now = target->net->now_ms;

	if (now - target->pause_window_ms >= NET_PAUSE_WINDOW_MS) {
		target->pause_window_ms = now;
		target->pause_used_ms = 0;
	}
	return target->pause_used_ms < NET_PAUSE_BUDGET_MS;
}

bool
conn_press(struct conn *target)
{
	struct conn *source = target->net->reading;

	/* One that closes is read on, and uses up no budget.  One that is gone
	 * will never have room. */
	if (source == NULL || source == target || target->broken ||
	    source->state != CONN_OPEN || !conn_has_pause_budget(target)) {
		return false;
	}
	if (source->presser == NULL) {
		source->presser = target;
	}
	return true;
}

static void
pause_on_timer(uv_timer_t *timer)
{
	struct net *net = timer->data;

	net_update_now(net);
	pause_check(net);
}

static uint64_t
throttled_until(const struct conn *conn)
{
	return conn->pause_ms + conn->net->throttle_ms;
}

static void
pause_set_timer(struct net *net)
{
	uint64_t wait = NET_PAUSE_MS;

	if (net->pauses == NULL && net->throttled == NULL) {
		return;
	}
	if (net->pauses == NULL) {
		uint64_t until = throttled_until(net->throttled);

		wait = until > net->now_ms ? until - net->now_ms : 1;
	}
	if (uv_is_active((uv_handle_t *)&net->pause) == 0 ||
	    uv_timer_get_due_in(&net->pause) > wait) {
		(void)uv_timer_start(&net->pause, pause_on_timer, wait, 0);
	}
}

/* Into one of the lists, at `link`. */
static void
conn_pause(struct conn *conn, struct conn **link)
{
	struct net *net = conn->net;

	conn->next_paused = *link;
	if (conn->next_paused != NULL) {
		conn->next_paused->paused_link = &conn->next_paused;
	}
	conn->paused_link = link;
	*link = conn;
	conn->paused = true;
	conn->pause_ms = net->now_ms;
	conn_watch(conn);
	net->handler->on_reading(net->handler->ctx, conn, false);
	pause_set_timer(net);
}

static void
conn_unlink_pause(struct conn *conn)
{
	*conn->paused_link = conn->next_paused;
	if (conn->next_paused != NULL) {
		conn->next_paused->paused_link = conn->paused_link;
	} else if (conn->throttled) {
		conn->net->throttled_end = conn->paused_link;
	}
	conn->paused = false;
	conn->throttled = false;
}

/* Longer than any pause for a target, which need not have one of its own. */
static void
conn_throttle(struct conn *conn)
{
	struct net *net = conn->net;
	struct conn **link = net->throttled_end;

	conn->presser = NULL;
	conn->throttled = true;
	net->throttled_end = &conn->next_paused;
	net->stats.rate_pauses++;
	conn_pause(conn, link);
}

void
conn_pause_if_due(struct conn *conn)
{
	bool spent = conn->spent;

	conn->spent = false;
	if (conn->state != CONN_OPEN) {
		return;
	}
	if (spent) {
		if (conn->paused) { /* it has gone, and is read all the same */
			conn_resume(conn);
		}
		conn_throttle(conn);
	} else if (conn->presser != NULL && !conn->paused) {
		conn->net->stats.pauses++;
		conn_pause(conn, &conn->net->pauses);
	}
}

static bool
pause_is_over(const struct conn *source)
{
	const struct net *net = source->net;

	return source->presser == NULL || source->state != CONN_OPEN ||
	       net->now_ms - source->pause_ms >= NET_PAUSE_MS ||
	       source->presser->out.bytes < net->config.soft / 2;
}

void
conn_resume(struct conn *source)
{
	struct net *net = source->net;
	uint64_t took = net->now_ms - source->pause_ms;

	*(source->throttled ? &net->stats.rate_pause_ms
	                    : &net->stats.pause_ms) += took;
	if (source->presser != NULL) {
		/* At least one: else short pauses would never end. */
		source->presser->pause_used_ms += took > 0 ? (uint32_t)took : 1;
	}
	source->presser = NULL;
	conn_unlink_pause(source);
	source->was_paused = true;
	source->rx_ms = net->now_ms;
	conn_watch(source);
	if (source->state == CONN_OPEN) {
		net->handler->on_reading(net->handler->ctx, source, true);
	}
}

void
pause_check(struct net *net)
{
	struct conn **link = &net->pauses;

	while (*link != NULL) {
		if (pause_is_over(*link)) {
			conn_resume(*link);
		} else {
			link = &(*link)->next_paused;
		}
	}
	while (net->throttled != NULL &&
	       throttled_until(net->throttled) <= net->now_ms) {
		conn_resume(net->throttled);
	}
	pause_set_timer(net);
}

void
conn_forget_presser(struct conn *conn)
{
	if (conn->paused) {
		conn_unlink_pause(conn);
	}
	for (struct conn *source = conn->net->pauses; source != NULL;
	     source = source->next_paused) {
		if (source->presser == conn) {
			source->presser = NULL; /* over at the next check */
		}
	}
}
