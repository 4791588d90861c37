/* SPDX-License-Identifier: MIT
 * hub.c - see hub.h. */

#include "hub/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hub/session.h"
#include "hub/topic.h"
#include "wire/frame.h"

enum { HUB_CODE_SLOW = 4002 };

struct hub {
	struct hub_config config;
	struct hub_io io;
	struct chunk_log log;
	struct topic_table topics;
	struct session_list over;
	bool shut; /* a session was closed since the last look */
	struct hub_stats stats;
};

const struct counter hub_counters[] = {
	COUNTER(struct hub_stats, delivered),
	COUNTER(struct hub_stats, dropped_oldest),
	COUNTER(struct hub_stats, dropped_closing),
	COUNTER(struct hub_stats, dropped_nomem),
	COUNTER(struct hub_stats, slow_closed),
	COUNTER(struct hub_stats, sessions),
	COUNTER(struct hub_stats, topics),
};
const size_t hub_counter_count = ARRAY_LEN(hub_counters);

enum err
hub_create(struct hub **hub, const struct hub_config *config,
    const struct hub_io *io, struct chunk_pool *pool)
{
	struct hub *made = calloc(1, sizeof(*made));

	if (made == NULL) {
		return ERR_NOMEM;
	}
	assert(config->soft <= config->hard);
	made->config = *config;
	made->io = *io;
	chunk_log_init(&made->log, pool, CHUNK_BYTES);
	topic_table_init(&made->topics, config->salt);
	*hub = made;
	return ERR_OK;
}

void
hub_destroy(struct hub *hub)
{
	if (hub == NULL) {
		return;
	}
	assert(hub->stats.sessions == 0);
	topic_table_fini(&hub->topics);
	chunk_log_fini(&hub->log);
	free(hub);
}

enum err
hub_open(struct hub *hub, const char *topic, bool echo, struct outq *out,
    void *user, struct session **session)
{
	struct session *made = session_create(out, echo, user);

	if (made == NULL) {
		return ERR_NOMEM;
	}
	if (topic_join(&hub->topics, topic, made) != ERR_OK) {
		session_destroy(made);
		return ERR_NOMEM;
	}
	hub->stats.sessions++;
	hub->stats.topics = hub->topics.count;
	*session = made;
	return ERR_OK;
}

void
hub_close(struct hub *hub, struct session *session)
{
	topic_leave(&hub->topics, session);
	session_destroy(session);
	hub->stats.sessions--;
	hub->stats.topics = hub->topics.count;
}

/* Mark it only: somebody may be walking the places of its topic. */
static void
hub_shut(struct hub *hub, struct session *session)
{
	session->closing = true;
	session_over_stop(session);
	hub->shut = true;
	hub->stats.slow_closed++;
	hub->io.close(hub->io.ctx, session, HUB_CODE_SLOW, "slow consumer");
}

/* It was shut, and nobody walks the places of its topic. */
static void
hub_retire(struct hub *hub, struct session *session)
{
	topic_retire(session);
	hub->shut = false;
}

/* Take those that were shut out of `topic`'s fan-out. */
static void
hub_sweep(struct hub *hub, struct topic *topic)
{
	const struct topic_place *places = topic_places(topic);

	for (uint32_t i = topic_live_count(topic); i-- > 0;) {
		if (places[i].session->closing) {
			topic_retire(places[i].session);
		}
	}
	hub->shut = false;
}

static void
hub_drop_oldest(
    struct hub *hub, struct session *session, size_t len, bool pressed)
{
	struct outq *out = session->out;
	size_t soft = pressed ? hub->config.hard : hub->config.soft;
	size_t keep = session_keep(session, len, soft, hub->config.hard);

	hub->stats.dropped_oldest += outq_drop_oldest(out, keep);
	if (UNLIKELY(out->bytes > hub->config.hard)) {
		hub_shut(hub, session); /* nothing droppable, or no memory */
	}
}

/* `len` bytes were queued, and `session` is above SOFT. */
static void
hub_on_over(
    struct hub *hub, struct session *session, uint64_t now_ms, size_t len)
{
	bool pressed = hub->io.pressed(hub->io.ctx, session);

	if (hub->config.overflow == HUB_DROP_OLDEST) {
		hub_drop_oldest(hub, session, len, pressed);
		return;
	}
	if (session->out->bytes > hub->config.hard) {
		hub_shut(hub, session);
		return;
	}
	/* It was not above before this one: its time begins now. */
	if (session->out->bytes - len <= hub->config.soft) {
		session_over_start(&hub->over, session, now_ms);
	}
}

/* The hot path: one frame to many.  Returns how many did not get it.  A queue
 * that only grows by the next bytes of the log costs three comparisons. */
static size_t
hub_fan_out(struct hub *hub, uint64_t now_ms, const struct range *range,
    const struct topic_place *place, const struct topic_place *end)
{
	const size_t soft = hub->config.soft;
	size_t failed = 0;

	for (; place != end; place++) {
		struct outq *out = place->out;
		bool was_empty = out->count == 0;

		if (UNLIKELY(outq_push(out, range) != ERR_OK)) {
			failed++;
			continue;
		}
		if (UNLIKELY(was_empty)) {
			hub->io.dirty(hub->io.ctx, place->session);
		}
		if (UNLIKELY(out->bytes > soft)) {
			hub_on_over(hub, place->session, now_ms, range->len);
		}
	}
	hub->stats.dropped_nomem += failed;
	return failed;
}

/* Encode one frame at the end of the log. */
static enum err
hub_encode(struct hub *hub, const void *payload, size_t len, bool text,
    struct range *range)
{
	enum frame_opcode opcode = text ? FRAME_OP_TEXT : FRAME_OP_BINARY;
	uint8_t header[FRAME_HEADER_MAX];
	size_t header_len = frame_header_write(header, opcode, len, NULL);
	enum err err = chunk_log_append(&hub->log, header_len + len, range);

	if (err != ERR_OK) {
		return err;
	}
	memcpy(range_bytes(range), header, header_len);
	if (len > 0) {
		memcpy(range_bytes(range) + header_len, payload, len);
	}
	return ERR_OK;
}

/* True if `author` listens to `topic` and must not hear itself. */
static bool
hub_is_mute(const struct topic *topic, const struct session *author)
{
	return author != NULL && author->topic == topic && !author->echo;
}

/* Queue the frame in `range` on all of `topic` but `author`. */
static size_t
hub_spread(struct hub *hub, uint64_t now_ms, const struct range *range,
    struct topic *topic, const struct session *author)
{
	const struct topic_place *first = topic_places(topic);
	const struct topic_place *end = first + topic_live_count(topic);
	size_t failed;

	if (author == NULL) {
		failed = hub_fan_out(hub, now_ms, range, first, end);
	} else {
		const struct topic_place *mute = first + author->place;

		failed = hub_fan_out(hub, now_ms, range, first, mute);
		failed += hub_fan_out(hub, now_ms, range, mute + 1, end);
	}
	if (UNLIKELY(hub->shut)) {
		hub_sweep(hub, topic);
	}
	return failed;
}

/* Queue the message on all who listen to `topic`; how many.  Apart, so that
 * where nobody listens the question is all that it costs. */
__attribute__((noinline)) static size_t
hub_deliver_to(struct hub *hub, uint64_t now_ms,
    const struct message_view *view, struct topic *topic,
    struct session *author)
{
	size_t count = topic_live_count(topic);
	size_t closing = topic_closing_count(topic);
	struct range range;

	if (!hub_is_mute(topic, author)) {
		author = NULL;
	} else if (author->closing) {
		author = NULL;
		closing--; /* nobody owed it this one */
	} else {
		count--;
	}
	hub->stats.dropped_closing += closing;
	if (count == 0) {
		return 0;
	}
	if (hub_encode(hub, view->payload, view->payload_len,
	        (view->flags & MESSAGE_TEXT) != 0, &range) != ERR_OK) {
		hub->stats.dropped_nomem += count;
		return 0;
	}
	count -= hub_spread(hub, now_ms, &range, topic, author);
	hub->stats.delivered += count;
	return count;
}

bool
hub_has_topics(const struct hub *hub)
{
	return hub->topics.count > 0;
}

size_t
hub_deliver(struct hub *hub, uint64_t now_ms, const struct message_view *view,
    struct session *author)
{
	struct topic *topic = NULL;

	if (hub_has_topics(hub)) {
		topic = topic_find(&hub->topics, view->topic, view->topic_len);
	}
	return topic == NULL ? 0
	                     : hub_deliver_to(hub, now_ms, view, topic, author);
}

enum err
hub_send(struct hub *hub, struct session *session, uint64_t now_ms,
    const void *payload, size_t len, bool text)
{
	const struct topic_place *place;
	struct range range;

	if (session->closing) {
		hub->stats.dropped_closing++;
		return ERR_CLOSED;
	}
	if (hub_encode(hub, payload, len, text, &range) != ERR_OK) {
		hub->stats.dropped_nomem++;
		return ERR_NOMEM;
	}
	place = topic_places(session->topic) + session->place;
	if (hub_fan_out(hub, now_ms, &range, place, place + 1) != 0) {
		return ERR_NOMEM;
	}
	if (UNLIKELY(hub->shut)) {
		hub_retire(hub, session);
	}
	hub->stats.delivered++;
	return ERR_OK;
}

void
hub_on_tick(struct hub *hub, uint64_t now_ms)
{
	struct session *next;

	for (struct session *at = LIST_FIRST(&hub->over); at != NULL;
	     at = next) {
		next = LIST_NEXT(at, over_entry);
		if (at->out->bytes <= hub->config.soft) {
			session_over_stop(at);
		} else if (session_over_is_due(at, now_ms)) {
			hub_shut(hub, at);
			hub_retire(hub, at);
		}
	}
}

void
hub_on_stalled(struct hub *hub, struct session *session)
{
	if (session->closing) {
		return;
	}
	hub_shut(hub, session);
	hub_retire(hub, session);
}

void
hub_on_closing(struct hub *hub, struct session *session)
{
	(void)hub;
	session->closing = true;
	session_over_stop(session);
	topic_retire(session);
}

const struct hub_stats *
hub_stats(const struct hub *hub)
{
	return &hub->stats;
}
