/* SPDX-License-Identifier: MIT */

#include "rig.h"

#include <stdio.h>

#include "support/fault.h"
#include "wire/frame.h"

enum { SOFT = 1 << 20, HARD = 8 << 20 };

static void
delivers_to_all_who_listen_and_to_nobody_else(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "chat", false);
	rig_open(&rig, 1, "chat", false);
	rig_open(&rig, 2, "news", false);
	assert_int_equal(rig_say(&rig, "chat", "hi"), 2);
	assert_int_equal(rig_say(&rig, "nobody", "lost"), 0);
	assert_int_equal(rig_say(&rig, "news", "rain"), 1);
	client_has(&rig.clients[0], "hi|");
	client_has(&rig.clients[1], "hi|");
	client_has(&rig.clients[2], "rain|");
	assert_int_equal(hub_stats(rig.hub)->delivered, 3);
	assert_int_equal(hub_stats(rig.hub)->sessions, 3);
	assert_int_equal(hub_stats(rig.hub)->topics, 2);
	rig_fini(&rig);
}

static void
knows_a_session_by_its_topic_and_its_user(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "chat.a", false);
	assert_string_equal(session_topic(rig.clients[0].session), "chat.a");
	assert_ptr_equal(session_user(rig.clients[0].session), &rig.clients[0]);
	rig_fini(&rig);
}

static void
keeps_text_text_and_bytes_bytes_at_every_length(void **state)
{
	static const size_t lens[] = { 0, 1, 125, 126, 127, 65535, 65536,
		200000 };
	uint8_t *payload = malloc(200000);
	struct rig rig;

	(void)state;
	assert_non_null(payload);
	memset(payload, 'x', 200000);
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		for (uint32_t flags = 0; flags <= MESSAGE_TEXT; flags++) {
			struct client *client = &rig.clients[0];
			struct seen seen;
			size_t at = 0;

			assert_int_equal(
			    rig_deliver(&rig, "t", lens[i] > 0 ? payload : NULL,
			        lens[i], flags, NULL),
			    1);
			client_read(client, SIZE_MAX);
			assert_true(client_next(client, &at, &seen));
			assert_int_equal(seen.opcode, flags == MESSAGE_TEXT
			                                  ? FRAME_OP_TEXT
			                                  : FRAME_OP_BINARY);
			assert_int_equal(seen.len, lens[i]);
			assert_memory_equal(seen.payload, payload, lens[i]);
			assert_int_equal(at, client->wire.len);
			buf_clear(&client->wire);
		}
	}
	rig_fini(&rig);
	free(payload);
}

static void
spares_an_author_its_own_message_wherever_it_sits(void **state)
{
	(void)state;
	for (int author = 0; author < 4; author++) {
		struct rig rig;

		rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
		for (int i = 0; i < 4; i++) {
			rig_open(&rig, i, "t", false);
		}
		assert_int_equal(rig_deliver(&rig, "t", "me", 2, 0,
		                     rig.clients[author].session),
		    3);
		for (int i = 0; i < 4; i++) {
			client_has(&rig.clients[i], i == author ? "" : "me|");
		}
		rig_fini(&rig);
	}
}

static void
spares_a_lonely_author_the_encoding(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	assert_int_equal(
	    rig_deliver(&rig, "t", "me", 2, 0, rig.clients[0].session), 0);
	assert_int_equal(rig.pool.bytes, 0);
	rig_fini(&rig);
}

static void
gives_an_author_its_echo_if_it_asked_for_it(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "t", true);
	assert_int_equal(
	    rig_deliver(&rig, "t", "me", 2, 0, rig.clients[1].session), 2);
	client_has(&rig.clients[0], "me|");
	client_has(&rig.clients[1], "me|");
	rig_fini(&rig);
}

static void
spares_nobody_for_an_author_from_another_topic(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "u", false);
	assert_int_equal(
	    rig_deliver(&rig, "t", "me", 2, 0, rig.clients[1].session), 1);
	client_has(&rig.clients[0], "me|");
	client_has(&rig.clients[1], "");
	rig_fini(&rig);
}

static void
keeps_the_order_of_messages_and_answers(void **state)
{
	struct session *one;
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "t", false);
	one = rig.clients[1].session;
	rig_say(&rig, "t", "a");
	assert_int_equal(hub_send(rig.hub, one, 0, "b", 1, true), ERR_OK);
	rig_say(&rig, "t", "c");
	assert_int_equal(hub_send(rig.hub, one, 0, NULL, 0, false), ERR_OK);
	rig_say(&rig, "t", "d");
	client_has(&rig.clients[0], "a|c|d|");
	client_has(&rig.clients[1], "a|b|c||d|");
	assert_int_equal(hub_stats(rig.hub)->delivered, 8);
	rig_fini(&rig);
}

static void
says_dirty_once_until_the_queue_is_empty_again(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_say(&rig, "t", "a");
	rig_say(&rig, "t", "b");
	assert_int_equal(rig.clients[0].dirty, 1);
	client_read(&rig.clients[0], 1); /* some of it is still there */
	rig_say(&rig, "t", "c");
	assert_int_equal(rig.clients[0].dirty, 1);
	client_has(&rig.clients[0], "a|b|c|");
	rig_say(&rig, "t", "d");
	assert_int_equal(rig.clients[0].dirty, 2);
	rig_fini(&rig);
}

static void
encodes_once_for_all(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	for (int i = 0; i < RIG_CLIENTS; i++) {
		rig_open(&rig, i, "t", false);
	}
	rig_say(&rig, "t", "one for all");
	for (int i = 1; i < RIG_CLIENTS; i++) {
		assert_ptr_equal(range_bytes(outq_at(&rig.clients[i].out, 0)),
		    range_bytes(outq_at(&rig.clients[0].out, 0)));
	}
	assert_int_equal(rig.pool.bytes, CHUNK_BYTES);
	rig_fini(&rig);
}

static void
delivers_on_each_of_a_thousand_topics(void **state)
{
	enum { TOPICS = 1000 };
	struct client *clients = calloc(TOPICS, sizeof(*clients));
	struct rig rig;
	char topic[32];

	(void)state;
	assert_non_null(clients);
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	for (int i = 0; i < TOPICS; i++) {
		snprintf(topic, sizeof(topic), "room.%d", i);
		outq_init(&clients[i].out);
		assert_int_equal(
		    hub_open(rig.hub, topic, false, &clients[i].out,
		        &clients[i], &clients[i].session),
		    ERR_OK);
	}
	assert_int_equal(hub_stats(rig.hub)->topics, TOPICS);
	for (int i = TOPICS; i-- > 0;) {
		snprintf(topic, sizeof(topic), "room.%d", i);
		assert_int_equal(rig_say(&rig, topic, topic), 1);
	}
	for (int i = 0; i < TOPICS; i++) {
		snprintf(topic, sizeof(topic), "room.%d|", i);
		client_has(&clients[i], topic);
		hub_close(rig.hub, clients[i].session);
		outq_fini(&clients[i].out);
		buf_fini(&clients[i].wire);
	}
	rig_fini(&rig);
	free(clients);
}

/* Clients come, go, are closed and speak in any order; a bit per message says
 * who should have it. */
static void
reaches_whoever_listens_at_that_moment(void **state)
{
	static const char *const topics[] = { "a", "b" };
	bool closing[RIG_CLIENTS] = { false };
	int on[RIG_CLIENTS] = { 0 };
	unsigned rnd = 12345;
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	for (int step = 0; step < 20000; step++) {
		int i, topic, author = -1;
		size_t want = 0;

		rnd = rnd * 1103515245 + 12345;
		i = (int)(rnd >> 16) % RIG_CLIENTS;
		topic = (int)(rnd >> 24) & 1;
		if ((rnd >> 25 & 3) == 0) {
			if (rig.clients[i].session == NULL) {
				rig_open(&rig, i, topics[topic], i % 3 == 0);
				on[i] = topic;
				closing[i] = false;
			} else if (!closing[i] && topic == 0) {
				hub_on_closing(rig.hub, rig.clients[i].session);
				closing[i] = true;
			} else {
				rig_close(&rig, i);
			}
			continue;
		}
		if (rig.clients[i].session != NULL) {
			author = i;
			topic = on[i];
		}
		rig_deliver(&rig, topics[topic], "x", 1, 0,
		    author < 0 ? NULL : rig.clients[author].session);
		for (int j = 0; j < RIG_CLIENTS; j++) {
			want = rig.clients[j].session != NULL && !closing[j] &&
			               on[j] == topic &&
			               (j != author || j % 3 == 0)
			           ? 3
			           : 0;
			if (rig.clients[j].session != NULL) {
				assert_int_equal(
				    client_read(&rig.clients[j], SIZE_MAX),
				    want);
			}
		}
	}
	rig_fini(&rig);
}

static void
gives_a_closing_session_nothing_more_and_counts_it(void **state)
{
	struct session *session;
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "t", false);
	session = rig.clients[0].session;
	rig_say(&rig, "t", "a");
	hub_on_closing(rig.hub, session);
	assert_int_equal(rig_say(&rig, "t", "b"), 1);
	assert_int_equal(
	    hub_send(rig.hub, session, 0, "c", 1, true), ERR_CLOSED);
	assert_int_equal(hub_stats(rig.hub)->dropped_closing, 2);
	/* Its own words were not for it anyhow. */
	assert_int_equal(rig_deliver(&rig, "t", "d", 1, 0, session), 1);
	assert_int_equal(hub_stats(rig.hub)->dropped_closing, 2);
	client_has(&rig.clients[0], "a|");
	client_has(&rig.clients[1], "a|b|d|");
	/* The caller's own doing is no slow consumer. */
	assert_int_equal(rig.clients[0].closes, 0);
	assert_int_equal(hub_stats(rig.hub)->slow_closed, 0);
	hub_on_stalled(rig.hub, session);
	assert_int_equal(rig.clients[0].closes, 0);
	rig_fini(&rig);
}

static void
closes_who_has_stalled_once_with_4002(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "t", false);
	hub_on_stalled(rig.hub, rig.clients[0].session);
	hub_on_stalled(rig.hub, rig.clients[0].session);
	assert_int_equal(rig.clients[0].closes, 1);
	assert_int_equal(rig.clients[0].code, 4002);
	assert_string_equal(rig.clients[0].reason, "slow consumer");
	assert_int_equal(hub_stats(rig.hub)->slow_closed, 1);
	assert_int_equal(rig_say(&rig, "t", "a"), 1);
	assert_int_equal(hub_stats(rig.hub)->dropped_closing, 1);
	client_has(&rig.clients[0], "");
	rig_fini(&rig);
}

static void
is_not_made_without_memory(void **state)
{
	const struct hub_config config = { SOFT, HARD, HUB_DISCONNECT, 1 };
	const struct hub_io io = { NULL, rig_on_dirty, rig_on_pressed,
		rig_on_close };
	struct chunk_pool pool;
	struct hub *hub = NULL;

	(void)state;
	chunk_pool_init(&pool);
	fault_fail_nth(1);
	assert_int_equal(hub_create(&hub, &config, &io, &pool), ERR_NOMEM);
	assert_true(fault_off());
	assert_null(hub);
	hub_destroy(NULL);
	chunk_pool_fini(&pool);
}

static void
opens_wholly_or_not_at_all_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (unsigned n = 1; failed; n++) {
		struct session *session = NULL;
		struct outq out = { 0 };
		struct rig rig;
		enum err err;

		rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
		fault_fail_nth(n);
		err = hub_open(rig.hub, "t", false, &out, NULL, &session);
		failed = fault_off();
		assert_int_equal(err, failed ? ERR_NOMEM : ERR_OK);
		assert_int_equal(hub_stats(rig.hub)->topics, failed ? 0 : 1);
		if (failed) {
			assert_null(session);
			assert_int_equal(rig_say(&rig, "t", "a"), 0);
		} else {
			assert_true(n > 3);
			hub_close(rig.hub, session);
		}
		rig_fini(&rig);
	}
}

static void
counts_a_frame_that_cannot_be_encoded_for_each_who_lacks_it(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	rig_open(&rig, 0, "t", false);
	rig_open(&rig, 1, "t", false);
	fault_fail_nth(1); /* the chunk */
	assert_int_equal(rig_say(&rig, "t", "a"), 0);
	assert_true(fault_off());
	assert_int_equal(hub_stats(rig.hub)->dropped_nomem, 2);
	fault_fail_nth(1);
	assert_int_equal(
	    hub_send(rig.hub, rig.clients[0].session, 0, "b", 1, true),
	    ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(hub_stats(rig.hub)->dropped_nomem, 3);
	assert_int_equal(rig_say(&rig, "t", "c"), 2);
	client_has(&rig.clients[0], "c|");
	client_has(&rig.clients[1], "c|");
	rig_fini(&rig);
}

static void
drops_for_nobody_but_the_one_whose_queue_cannot_grow(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SOFT, HARD, HUB_DROP_OLDEST);
	for (int i = 0; i < 3; i++) {
		rig_open(&rig, i, "t", false);
	}
	fault_fail_nth(3); /* the chunk, the queue of one, of the next */
	assert_int_equal(rig_say(&rig, "t", "a"), 2);
	assert_true(fault_off());
	assert_int_equal(hub_stats(rig.hub)->dropped_nomem, 1);
	assert_int_equal(hub_stats(rig.hub)->delivered, 2);
	assert_int_equal(rig.clients[1].dirty, 0);
	fault_fail_nth(1);
	assert_int_equal(
	    hub_send(rig.hub, rig.clients[1].session, 0, "b", 1, true),
	    ERR_NOMEM);
	assert_true(fault_off());
	assert_int_equal(hub_stats(rig.hub)->dropped_nomem, 2);
	rig_say(&rig, "t", "c");
	client_has(&rig.clients[0], "a|c|");
	client_has(&rig.clients[1], "c|");
	client_has(&rig.clients[2], "a|c|");
	rig_fini(&rig);
}

static void
names_every_counter(void **state)
{
	(void)state;
	assert_int_equal(
	    hub_counter_count * sizeof(uint64_t), sizeof(struct hub_stats));
	for (size_t i = 0; i < hub_counter_count; i++) {
		assert_int_equal(hub_counters[i].offset, i * sizeof(uint64_t));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivers_to_all_who_listen_and_to_nobody_else),
		cmocka_unit_test(knows_a_session_by_its_topic_and_its_user),
		cmocka_unit_test(
		    keeps_text_text_and_bytes_bytes_at_every_length),
		cmocka_unit_test(
		    spares_an_author_its_own_message_wherever_it_sits),
		cmocka_unit_test(spares_a_lonely_author_the_encoding),
		cmocka_unit_test(gives_an_author_its_echo_if_it_asked_for_it),
		cmocka_unit_test(
		    spares_nobody_for_an_author_from_another_topic),
		cmocka_unit_test(keeps_the_order_of_messages_and_answers),
		cmocka_unit_test(
		    says_dirty_once_until_the_queue_is_empty_again),
		cmocka_unit_test(encodes_once_for_all),
		cmocka_unit_test(delivers_on_each_of_a_thousand_topics),
		cmocka_unit_test(reaches_whoever_listens_at_that_moment),
		cmocka_unit_test(
		    gives_a_closing_session_nothing_more_and_counts_it),
		cmocka_unit_test(closes_who_has_stalled_once_with_4002),
		cmocka_unit_test(is_not_made_without_memory),
		cmocka_unit_test(opens_wholly_or_not_at_all_without_memory),
		cmocka_unit_test(
		    counts_a_frame_that_cannot_be_encoded_for_each_who_lacks_it),
		cmocka_unit_test(
		    drops_for_nobody_but_the_one_whose_queue_cannot_grow),
		cmocka_unit_test(names_every_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
