/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <stdio.h>

#include "hub/session.h"
#include "hub/topic.h"
#include "support/fault.h"

enum { TOPICS = 1000, SESSIONS = 9 };

struct rig {
	struct topic_table table;
	struct session sessions[SESSIONS];
	struct outq outs[SESSIONS];
};

static void
rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	topic_table_init(&rig->table, 1);
	for (int i = 0; i < SESSIONS; i++) {
		rig->sessions[i].out = &rig->outs[i];
	}
}

static void
rig_join(struct rig *rig, const char *name, int session)
{
	assert_int_equal(
	    topic_join(&rig->table, name, &rig->sessions[session]), ERR_OK);
}

static void
rig_leave(struct rig *rig, int session)
{
	topic_leave(&rig->table, &rig->sessions[session]);
}

static struct topic *
rig_find(struct rig *rig, const char *name)
{
	return topic_find(&rig->table, name, strlen(name));
}

/* Every place and its session agree; `mask` has a bit for each live one. */
static void
rig_check(struct rig *rig, const char *name, unsigned mask, uint32_t closing)
{
	struct topic *topic = rig_find(rig, name);
	const struct topic_place *places;
	uint32_t live;
	unsigned seen = 0;

	assert_non_null(topic);
	places = topic_places(topic);
	live = topic_live_count(topic);
	assert_int_equal(topic_closing_count(topic), closing);
	for (uint32_t i = 0; i < live + closing; i++) {
		const struct session *session = places[i].session;

		assert_ptr_equal(session->topic, topic);
		assert_int_equal(session->place, i);
		assert_ptr_equal(session->out, places[i].out);
		if (i < live) {
			seen |= 1u << (session - rig->sessions);
		}
	}
	assert_int_equal(seen, mask);
}

static void
knows_no_topic_that_nobody_listens_to(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_null(rig_find(&rig, "public"));
	topic_table_fini(&rig.table);
}

static void
forgets_a_topic_with_its_last_listener(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_join(&rig, "public", 0);
	rig_join(&rig, "public", 1);
	assert_int_equal(rig.table.count, 1);
	rig_leave(&rig, 0);
	rig_check(&rig, "public", 2, 0);
	rig_leave(&rig, 1);
	assert_null(rig.sessions[1].topic);
	assert_null(rig_find(&rig, "public"));
	assert_int_equal(rig.table.count, 0);
	topic_table_fini(&rig.table);
}

static void
does_not_find_a_topic_by_its_beginning(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_join(&rig, "chat.a", 0);
	assert_non_null(rig_find(&rig, "chat.a")); /* the one found last */
	assert_null(rig_find(&rig, "chat"));
	assert_null(rig_find(&rig, "chat.ab"));
	assert_null(rig_find(&rig, "chat.b"));
	/* Its length counts, not a NUL. */
	assert_non_null(topic_find(&rig.table, "chat.abc", 6));
	assert_string_equal(topic_name(rig_find(&rig, "chat.a")), "chat.a");
	rig_leave(&rig, 0);
	topic_table_fini(&rig.table);
}

static void
forgets_the_topic_found_last_when_it_goes(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_join(&rig, "a", 0);
	rig_join(&rig, "b", 1);
	assert_non_null(rig_find(&rig, "a"));
	rig_leave(&rig, 0);
	assert_null(rig_find(&rig, "a"));
	assert_non_null(rig_find(&rig, "b"));
	rig_join(&rig, "a", 0);
	rig_check(&rig, "a", 1, 0);
	rig_check(&rig, "b", 2, 0);
	rig_leave(&rig, 0);
	rig_leave(&rig, 1);
	topic_table_fini(&rig.table);
}

static void
keeps_the_places_dense_whoever_leaves(void **state)
{
	struct rig rig;

	(void)state;
	for (int first = 0; first < SESSIONS; first++) {
		unsigned mask = (1u << SESSIONS) - 1;

		rig_init(&rig);
		for (int i = 0; i < SESSIONS; i++) {
			rig_join(&rig, "t", i);
		}
		for (int i = 0; i < SESSIONS; i++) {
			int gone = (first + i * 4) % SESSIONS;

			rig_check(&rig, "t", mask, 0);
			rig_leave(&rig, gone);
			mask &= ~(1u << gone);
		}
		assert_int_equal(mask, 0);
		topic_table_fini(&rig.table);
	}
}

static void
seats_closing_sessions_behind_the_others(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	for (int i = 0; i < 5; i++) {
		rig_join(&rig, "t", i);
	}
	topic_retire(&rig.sessions[1]);
	rig_check(&rig, "t", 1 | 4 | 8 | 16, 1);
	topic_retire(&rig.sessions[1]); /* again: nothing */
	topic_retire(&rig.sessions[3]);
	rig_check(&rig, "t", 1 | 4 | 16, 2);
	rig_join(&rig, "t", 5);
	rig_check(&rig, "t", 1 | 4 | 16 | 32, 2);
	rig_leave(&rig, 0);
	rig_check(&rig, "t", 4 | 16 | 32, 2);
	rig_leave(&rig, 3);
	rig_check(&rig, "t", 4 | 16 | 32, 1);
	rig_leave(&rig, 2);
	rig_leave(&rig, 4);
	rig_leave(&rig, 5);
	rig_check(&rig, "t", 0, 1);
	rig_leave(&rig, 1);
	assert_null(rig_find(&rig, "t"));
	topic_table_fini(&rig.table);
}

static void
finds_each_of_a_thousand_topics(void **state)
{
	static struct session sessions[TOPICS];
	static struct outq outs[TOPICS];
	struct topic_table table;
	char name[32];

	(void)state;
	topic_table_init(&table, 1);
	memset(sessions, 0, sizeof(sessions));
	for (int i = 0; i < TOPICS; i++) {
		sessions[i].out = &outs[i];
		snprintf(name, sizeof(name), "room.%d", i);
		assert_int_equal(
		    topic_join(&table, name, &sessions[i]), ERR_OK);
	}
	assert_int_equal(table.count, TOPICS);
	for (int i = 0; i < TOPICS; i++) {
		struct topic *topic;

		snprintf(name, sizeof(name), "room.%d", i);
		topic = topic_find(&table, name, strlen(name));
		assert_ptr_equal(topic, sessions[i].topic);
		assert_string_equal(topic_name(topic), name);
		topic_leave(&table, &sessions[i]);
		assert_null(topic_find(&table, name, strlen(name)));
	}
	topic_table_fini(&table);
}

/* Join with the n-th allocation failing, for every n there is. */
static void
join_out_of_memory(int others, const char *name)
{
	for (unsigned n = 1;; n++) {
		struct rig rig;
		enum err err;
		bool failed;

		rig_init(&rig);
		for (int i = 0; i < others; i++) {
			rig_join(&rig, "old", i);
		}
		fault_fail_nth(n);
		err = topic_join(&rig.table, name, &rig.sessions[others]);
		failed = fault_off();
		assert_int_equal(err, failed ? ERR_NOMEM : ERR_OK);
		if (others > 0 && failed) {
			rig_check(&rig, "old", (1u << others) - 1, 0);
		}
		if (failed) {
			/* As if it had not been; and it works when it can. */
			assert_null(rig.sessions[others].topic);
			assert_int_equal(rig.table.count, others > 0 ? 1 : 0);
			rig_join(&rig, name, others);
		}
		for (int i = 0; i <= others; i++) {
			rig_leave(&rig, i);
		}
		topic_table_fini(&rig.table);
		if (!failed) {
			assert_true(n > 1);
			return;
		}
	}
}

static void
joins_wholly_or_not_at_all_without_memory(void **state)
{
	(void)state;
	join_out_of_memory(0, "new");
	join_out_of_memory(4, "new");
	join_out_of_memory(4, "old");
}

static void
survives_a_table_that_cannot_grow(void **state)
{
	static struct session sessions[TOPICS];
	static struct outq outs[TOPICS];
	struct topic_table table;
	char name[32];
	int refused = 0;

	(void)state;
	topic_table_init(&table, 1);
	memset(sessions, 0, sizeof(sessions));
	for (int i = 0; i < TOPICS; i++) {
		enum err err;

		sessions[i].out = &outs[i];
		snprintf(name, sizeof(name), "room.%d", i);
		/* What comes behind the topic: its places or buckets. */
		fault_fail_nth(2);
		err = topic_join(&table, name, &sessions[i]);
		fault_off();
		if (err != ERR_OK) {
			refused++;
			assert_int_equal(
			    topic_join(&table, name, &sessions[i]), ERR_OK);
		}
	}
	assert_int_equal(refused, TOPICS);
	assert_int_equal(table.count, TOPICS);
	for (int i = 0; i < TOPICS; i++) {
		snprintf(name, sizeof(name), "room.%d", i);
		assert_ptr_equal(
		    topic_find(&table, name, strlen(name)), sessions[i].topic);
	}
	for (int i = 0; i < TOPICS; i++) {
		topic_leave(&table, &sessions[i]);
	}
	topic_table_fini(&table);
}

/* Names that crowd one place of a table are spread over another's. */
static void
nobody_can_aim_at_a_place_without_the_salt(void **state)
{
	unsigned found = 0, again = 0;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 1000000; i++) {
		size_t len = (size_t)snprintf(name, sizeof(name), "t.%u", i);

		if (topic_hash(name, len, 7) % 1024 == 0) {
			found++;
			again += topic_hash(name, len, 9) % 1024 == 0;
		}
	}
	assert_in_range(found, 500, 2000);
	assert_in_range(again, 0, 20);
}

/* Of words that differ in high bits the differences must not meet again. */
static void
the_bits_of_a_name_reach_the_low_bits_of_its_hash(void **state)
{
	static const uint64_t salts[] = { UINT64_C(0x243f6a8885a308d3),
		UINT64_C(0x13198a2e03707344), UINT64_C(0xa4093822299f31d0) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(salts); i++) {
		unsigned places[64] = { 0 };

		for (unsigned bits = 0; bits < 4096; bits++) {
			char name[17] = "AAAAAAAAAAAAAAAA";

			for (unsigned k = 0; k < 12; k++) {
				unsigned bit = 8u << k % 3;

				if ((bits >> k & 1) != 0) {
					name[k / 3 * 4 + 3] =
					    (char)((unsigned)
					               name[k / 3 * 4 + 3] ^
					           bit);
				}
			}
			places[topic_hash(name, 16, salts[i]) % 64]++;
		}
		for (size_t at = 0; at < ARRAY_LEN(places); at++) {
			assert_in_range(places[at], 1, 200);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_no_topic_that_nobody_listens_to),
		cmocka_unit_test(forgets_a_topic_with_its_last_listener),
		cmocka_unit_test(does_not_find_a_topic_by_its_beginning),
		cmocka_unit_test(forgets_the_topic_found_last_when_it_goes),
		cmocka_unit_test(keeps_the_places_dense_whoever_leaves),
		cmocka_unit_test(seats_closing_sessions_behind_the_others),
		cmocka_unit_test(finds_each_of_a_thousand_topics),
		cmocka_unit_test(joins_wholly_or_not_at_all_without_memory),
		cmocka_unit_test(survives_a_table_that_cannot_grow),
		cmocka_unit_test(nobody_can_aim_at_a_place_without_the_salt),
		cmocka_unit_test(
		    the_bits_of_a_name_reach_the_low_bits_of_its_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
