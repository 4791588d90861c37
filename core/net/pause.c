/* SPDX-License-Identifier: MIT
 * pause.c - back-pressure: a reader that falls behind slows its source first
 * (PROTOCOL 10).
 *
 * While a source is read, a target whose queue passes SOFT presses it; after
 * that read the source is left alone until the target is under SOFT / 2, for
 * at most 10 ms.  A target may cause one second of pauses in ten: then it has
 * had its chance, and the overflow policy decides. */

#include "net/private.h"

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

	/* One that closes is read on, and uses up no budget. */
	if (source == NULL || source == target || source->state != CONN_OPEN ||
	    !conn_has_pause_budget(target)) {
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

void
conn_pause_if_pressed(struct conn *conn)
{
	struct net *net = conn->net;

	if (conn->presser == NULL || conn->state != CONN_OPEN || conn->paused) {
		return;
	}
	conn->paused = true;
	conn->pause_ms = net->now_ms;
	conn->next_paused = net->pauses;
	net->pauses = conn;
	net->stats.pauses++;
	conn_watch(conn);
	net->handler->on_reading(net->handler->ctx, conn, false);
	if (uv_is_active((uv_handle_t *)&net->pause) == 0) {
		(void)uv_timer_start(
		    &net->pause, pause_on_timer, NET_PAUSE_MS, 0);
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

static void
conn_resume(struct conn *source)
{
	struct net *net = source->net;
	uint64_t took = net->now_ms - source->pause_ms;

	net->stats.pause_ms += took;
	if (source->presser != NULL) {
		/* At least one: else short pauses would never end. */
		source->presser->pause_used_ms += took > 0 ? (uint32_t)took : 1;
	}
	source->presser = NULL;
	source->paused = false;
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
		struct conn *source = *link;

		if (pause_is_over(source)) {
			*link = source->next_paused;
			conn_resume(source);
		} else {
			link = &source->next_paused;
		}
	}
	if (net->pauses != NULL &&
	    uv_is_active((uv_handle_t *)&net->pause) == 0) {
		(void)uv_timer_start(
		    &net->pause, pause_on_timer, NET_PAUSE_MS, 0);
	}
}

void
conn_forget_presser(struct conn *conn)
{
	struct conn **link = &conn->net->pauses;

	while (*link != NULL) {
		struct conn *source = *link;

		if (source->presser == conn) {
			source->presser = NULL; /* over at the next check */
		}
		if (source == conn) {
			*link = source->next_paused;
		} else {
			link = &source->next_paused;
		}
	}
}
