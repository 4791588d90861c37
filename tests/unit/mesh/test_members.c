/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "unit/mesh/lab.h"

#include "mesh/inside.h"
#include "wire/presence.h"

struct seen {
	unsigned count;
	struct nodeid first, last;
	char name[256], addr[256], version[256];
	uint32_t links;
};

static void
see(void *ctx, const struct mesh_member *member)
{
	struct seen *seen = ctx;

	if (seen->count++ == 0) {
		seen->first = member->node_id;
	}
	seen->last = member->node_id;
	seen->links = member->links;
	(void)stpncpy(seen->name, member->name, 255);
	(void)stpncpy(seen->addr, member->addr, 255);
	(void)stpncpy(seen->version, member->version, 255);
}

static struct seen
members_of(const struct lab *lab)
{
	struct seen seen = { 0 };

	mesh_each_member(lab->mesh, see, &seen);
	return seen;
}

static struct record_data
presence_of(uint8_t n, uint32_t count, const char *json)
{
	struct record_data data = lab_data(n, count);

	data.topic = (struct str8){ .text = "$node", .len = 5 };
	data.payload = (const uint8_t *)json;
	data.payload_len = strlen(json);
	return data;
}

static void
say_presence(struct lab *lab, struct lab_link *at, uint8_t n, uint32_t count,
    const char *json)
{
	struct record_data data = presence_of(n, count, json);

	lab_say(lab, at, &data);
}

static void
what_others_tell_is_listed_and_goes_to_nobody_else(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);
	struct seen seen;

	say_presence(lab, at, 0x20, 1,
	    "{\"name\":\"edge\",\"addr\":\"ws://e:1\",\"links\":7,"
	    "\"version\":\"9.9\",\"more\":[]}");
	seen = members_of(lab);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.first.bytes[0], 0x20);
	assert_string_equal(seen.name, "edge");
	assert_string_equal(seen.addr, "ws://e:1");
	assert_string_equal(seen.version, "9.9");
	assert_int_equal(seen.links, 7);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(mesh_stats(lab->mesh)->members, 1);
}

static void
the_newest_word_counts_and_the_longest_silent_is_first(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);
	struct seen seen;

	say_presence(lab, at, 0x20, 1, "{\"name\":\"a\"}");
	say_presence(lab, at, 0x21, 1, "{\"name\":\"b\"}");
	say_presence(lab, at, 0x20, 2, "{\"name\":\"c\"}");
	seen = members_of(lab);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.first.bytes[0], 0x21);
	assert_string_equal(seen.name, "c");
}

static void
nonsense_is_counted(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "1", "{\"name\":1}",
		"{\"links\":-1}", "{\"links\":\"1\"}", "{\"links\":1e99}" };
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		say_presence(lab, at, 0x20, (uint32_t)i + 1, bad[i]);
	}
	assert_int_equal(mesh_stats(lab->mesh)->presence_bad, ARRAY_LEN(bad));
	assert_int_equal(members_of(lab).count, 0);
	assert_int_equal(lab->delivered, 0);
	assert_int_equal(at->close_code, -1);
}

static void
who_is_not_heard_of_for_long_is_forgotten(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);

	say_presence(lab, at, 0x20, 1, "{}");
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 3 * MEMBERS_EVERY_MS - 1);
	assert_int_equal(members_of(lab).count, 1);
	lab_pass(lab, 1);
	assert_int_equal(members_of(lab).count, 0);
	assert_int_equal(mesh_stats(lab->mesh)->members, 0);
}

static void
a_neighbour_that_leaves_is_no_member(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);

	say_presence(lab, at, 0x10, 1, "{}");
	assert_int_equal(members_of(lab).count, 1);
	lab_say_bye(lab, at, BYE_LEAVING);
	assert_int_equal(members_of(lab).count, 0);
}

/* `count` nodes, from number `first` on, tell this. */
static void
crowd_tells(struct lab *lab, uint32_t first, unsigned count, const char *json)
{
	struct message_view view = { .topic = "$node",
		.topic_len = 5,
		.payload = (const uint8_t *)json,
		.payload_len = strlen(json) };

	lab->mesh->now_ms = lab->now; /* no event says it */
	for (uint32_t n = first; n < first + count; n++) {
		memcpy(view.origin.bytes, &n, sizeof(n));
		assert_true(members_on_message(lab->mesh, &view));
	}
}

/* Else who makes up as many would keep all others out. */
static void
of_a_full_list_the_new_one_heard_of_longest_ago_goes(void **state)
{
	struct lab *lab = *state;

	crowd_tells(lab, 0, MEMBERS_MAX, "{\"new\":true}");
	crowd_tells(lab, 0, 1, "{\"new\":true}"); /* again */
	assert_int_equal(mesh_stats(lab->mesh)->members_full, 0);
	crowd_tells(lab, MEMBERS_MAX, 3, "{\"new\":true}");
	assert_int_equal(members_of(lab).count, MEMBERS_MAX);
	assert_int_equal(mesh_stats(lab->mesh)->members_full, 3);
	/* 1 to 3 went, the first one did not, nor did the new ones. */
	crowd_tells(lab, 0, 1, "{\"new\":true}");
	crowd_tells(lab, MEMBERS_MAX, 3, "{\"new\":true}");
	assert_int_equal(mesh_stats(lab->mesh)->members_full, 3);
	crowd_tells(lab, 1, 1, "{\"new\":true}");
	assert_int_equal(members_of(lab).count, MEMBERS_MAX);
	assert_int_equal(mesh_stats(lab->mesh)->members_full, 4);
}

/* They tell as if they had done so before. */
static void
who_is_made_up_pushes_nobody_out_who_stays(void **state)
{
	struct lab *lab = *state;
	struct seen seen;

	crowd_tells(lab, 0, 1, "{}");
	crowd_tells(lab, 1, 2 * MEMBERS_MAX, "{}");
	seen = members_of(lab);
	assert_int_equal(seen.count, MEMBERS_MAX);
	/* Again: so it is the last one, if it was there. */
	crowd_tells(lab, 0, 1, "{}");
	assert_int_equal(mesh_stats(lab->mesh)->members_full, MEMBERS_MAX + 1);
	/* Few of them count: they are forgotten soon. */
	lab_pass(lab, MEMBERS_LIVES * MEMBERS_EACH_MS * (MEMBERS_STAY_MAX + 1));
	assert_int_equal(members_of(lab).count, 0);
}

/* uthash's own hash has no secret: who knows it finds ids that share a
 * bucket. */
static void
ids_that_were_chosen_to_collide_do_not(void **state)
{
	enum { CHOSEN = 300, BUCKETS = 4096 };
	struct lab *lab = *state;
	struct nodeid id = { .bytes = { 0 } };
	const UT_hash_table *table;
	unsigned told = 0;

	for (uint32_t n = 0; told < CHOSEN; n++) {
		unsigned hash;

		memcpy(id.bytes, &n, sizeof(n));
		HASH_JEN(id.bytes, sizeof(id), hash);
		if (hash % BUCKETS == 0) {
			crowd_tells(lab, n, 1, "{\"new\":true}");
			told++;
		}
	}
	table = lab->mesh->members.tables[false]->hh.tbl;
	for (unsigned i = 0; i < table->num_buckets; i++) {
		assert_true(table->buckets[i].count < 32);
	}
}

static void
many_that_stay_are_remembered_for_longer(void **state)
{
	struct lab *lab = *state;

	crowd_tells(lab, 0, 99, "{}");
	lab_pass(lab, 3 * 600000 - 1);
	assert_int_equal(members_of(lab).count, 99);
	lab_pass(lab, 1);
	assert_int_equal(members_of(lab).count, 0);
}

static void
who_comes_and_vanishes_is_not_remembered_for_longer(void **state)
{
	struct lab *lab = *state;
	uint32_t n = 0;

	/* One in six seconds, for a day. */
	for (; n < 14400; n++) {
		crowd_tells(lab, n, 1, "{\"new\":true}");
		lab_pass(lab, 6000);
		assert_true(members_of(lab).count <= 149);
	}
	assert_int_equal(members_of(lab).count, 149);
	/* Nor if it has been there before. */
	crowd_tells(lab, n, 99, "{}");
	crowd_tells(lab, n, 99, "{\"new\":true}");
	lab_pass(lab, 900000);
	assert_int_equal(members_of(lab).count, 0);
}

/* The presences among what was sent on this link. */
static unsigned
told(const struct lab_link *at, struct presence *last)
{
	const uint8_t *p = at->sent.bytes;
	const uint8_t *end = p + at->sent.len;
	struct record record;
	struct record_data data;
	unsigned count = 0;

	while (p != end && record_next(&p, end, &record) == ERR_OK) {
		if (record.type == RECORD_DATA &&
		    record_data_decode(&record, &data) == ERR_OK &&
		    data.topic.len == 5 &&
		    memcmp(data.topic.text, "$node", 5) == 0) {
			assert_int_equal(presence_decode(data.payload,
			                     data.payload_len, last),
			    ERR_OK);
			count++;
		}
	}
	return count;
}

static void
tells_of_itself_after_joining_and_every_five_minutes(void **state)
{
	struct lab *lab = *state;
	struct presence last = { .links = 0 };
	struct lab_link *at;

	lab->config.presence = true;
	lab->config.version = "1.2";
	mesh_destroy(lab->mesh);
	lab_make(lab);
	at = lab_accept_up(lab, 0x10);
	lab_pass_alive(lab, MEMBERS_JOIN_MS - 1);
	assert_int_equal(told(at, &last), 0);
	lab_pass_alive(lab, 3001);
	assert_int_equal(told(at, &last), 1);
	assert_true(last.is_new);
	assert_string_equal(last.name, "lab");
	assert_string_equal(last.addr, "ws://lab:1");
	assert_string_equal(last.version, "1.2");
	assert_int_equal(last.links, 1);
	/* Neither sooner nor later for links that come. */
	for (uint8_t n = 1; n <= 4; n++) {
		(void)lab_accept_up(lab, n);
		lab_pass_alive(lab, 65000);
	}
	assert_int_equal(told(at, &last), 1);
	lab_pass_alive(lab, 75000);
	assert_int_equal(told(at, &last), 2);
	assert_false(last.is_new);
	assert_int_equal(mesh_stats(lab->mesh)->presence_sent, 2);
}

/* How often this node tells in its first 500 s, after that many did. */
static unsigned
told_among(struct lab *lab, unsigned crowd, const char *json)
{
	struct presence last;
	struct lab_link *at;

	lab->config.presence = true;
	lab_unmake(lab);
	lab_make(lab);
	at = lab_accept_up(lab, 0x10);
	crowd_tells(lab, 0, crowd, json);
	lab_pass_alive(lab, 500000);
	return told(at, &last);
}

static void
tells_more_rarely_where_many_stay(void **state)
{
	assert_int_equal(told_among(*state, 300, "{}"), 1);
}

static void
tells_as_often_where_many_come_and_vanish(void **state)
{
	assert_int_equal(told_among(*state, 300, "{\"new\":true}"), 2);
}

/* The same, after that many began to stay, as fast as they may. */
static unsigned
told_among_old(struct lab *lab, unsigned crowd)
{
	struct presence last;
	struct lab_link *at;

	lab->config.presence = true;
	lab_unmake(lab);
	lab_make(lab);
	for (uint32_t n = 0; n < crowd; n++) {
		crowd_tells(lab, n, 1, "{}");
		lab->now += MEMBERS_STAY_MS;
	}
	at = lab_accept_up(lab, 0x10);
	lab_pass_alive(lab, 10000);
	return told(at, &last);
}

/* Else most of all messages would be of this kind. */
static void
tells_nothing_among_too_many_that_stay(void **state)
{
	assert_int_equal(told_among_old(*state, MEMBERS_QUIET - 1), 1);
	assert_int_equal(told_among_old(*state, MEMBERS_QUIET), 0);
}

static void
is_not_silenced_by_those_made_up_at_once(void **state)
{
	assert_int_equal(told_among(*state, MEMBERS_MAX, "{}"), 1);
	assert_int_equal(told_among(*state, MEMBERS_MAX, "{\"new\":true}"), 2);
}

/* Those that keep to the time come one in six seconds. */
static void
all_that_keep_to_the_time_are_counted(void **state)
{
	struct lab *lab = *state;

	for (uint32_t n = 0; n < 1000; n++) {
		crowd_tells(lab, n, 1, "{}");
		lab->now += MEMBERS_EACH_MS;
	}
	lab_pass(lab, 0);
	assert_int_equal(members_of(lab).count, 1000);
	assert_int_equal(HASH_COUNT(lab->mesh->members.tables[true]), 1000);
}

static void
tells_nothing_if_it_must_not(void **state)
{
	struct lab *lab = *state;
	struct presence last;
	struct lab_link *at = lab_accept_up(lab, 0x10);

	lab_pass_alive(lab, 400000);
	assert_int_equal(told(at, &last), 0);
}

static void
out_of_memory_is_counted(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at = lab_accept_up(lab, 0x10);
	struct message_view view = { .topic = "$node",
		.topic_len = 5,
		.payload = "{}",
		.payload_len = 2 };
	unsigned failed = 0;

	(void)at;
	for (unsigned n = 1; n < 10; n++) {
		view.origin.bytes[0] = (uint8_t)n;
		fault_fail_nth(n);
		assert_true(members_on_message(lab->mesh, &view));
		failed += fault_off() ? 1 : 0;
	}
	assert_true(failed > 0);
	assert_true(mesh_stats(lab->mesh)->nomem > 0);
	assert_int_equal(members_of(lab).count, mesh_stats(lab->mesh)->members);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_others_tell_is_listed_and_goes_to_nobody_else),
		TEST(the_newest_word_counts_and_the_longest_silent_is_first),
		TEST(nonsense_is_counted),
		TEST(who_is_not_heard_of_for_long_is_forgotten),
		TEST(a_neighbour_that_leaves_is_no_member),
		TEST(of_a_full_list_the_new_one_heard_of_longest_ago_goes),
		TEST(who_is_made_up_pushes_nobody_out_who_stays),
		TEST(ids_that_were_chosen_to_collide_do_not),
		TEST(many_that_stay_are_remembered_for_longer),
		TEST(who_comes_and_vanishes_is_not_remembered_for_longer),
		TEST(tells_of_itself_after_joining_and_every_five_minutes),
		TEST(tells_more_rarely_where_many_stay),
		TEST(tells_as_often_where_many_come_and_vanish),
		TEST(tells_nothing_among_too_many_that_stay),
		TEST(is_not_silenced_by_those_made_up_at_once),
		TEST(all_that_keep_to_the_time_are_counted),
		TEST(tells_nothing_if_it_must_not),
		TEST(out_of_memory_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
