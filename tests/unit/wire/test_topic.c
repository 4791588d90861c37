/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "wire/topic.h"

static void
knows_a_topic_when_it_sees_one(void **state)
{
	static const struct {
		const char *topic;
		bool valid, from_peer;
	} rows[] = {
		{ "public", true, true },
		{ "a.b-c.D_9", true, true },
		{ "a", true, true },
		{ "", false, false },
		{ ".", false, false },
		{ ".a", false, false },
		{ "a.", false, false },
		{ "a..b", false, false },
		{ "a b", false, false },
		{ "a/b", false, false },
		{ "a.*", false, false },
		{ "a.>", false, false },
		{ "$node", false, true },
		{ "$", false, false },
		{ "$$a", false, false },
		{ "a.$b", false, false },
		{ "\xc3\xa4", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].topic);

		assert_int_equal(
		    topic_is_valid(rows[i].topic, len), rows[i].valid);
		assert_int_equal(topic_is_valid_from_peer(rows[i].topic, len),
		    rows[i].from_peer);
	}
	assert_false(topic_is_valid("a\0b", 3));
}

static void
a_topic_has_at_most_255_bytes(void **state)
{
	char topic[257];

	(void)state;
	memset(topic, 'a', sizeof(topic));
	assert_true(topic_is_valid(topic, 255));
	assert_false(topic_is_valid(topic, 256));
	topic[0] = '$';
	assert_true(topic_is_valid_from_peer(topic, 255));
	assert_false(topic_is_valid_from_peer(topic, 256));
}

static void
joins_the_segments_of_a_path(void **state)
{
	static const struct {
		const char *path, *topic;
	} rows[] = {
		{ "/", "public" },
		{ "/?echo=1", "public" },
		{ "/a", "a" },
		{ "/a/b", "a.b" },
		{ "/a/b/", "a.b" },
		{ "/a/b?x=/c/", "a.b" },
		{ "/a/?x", "a" },
		{ "/%61/b%2D", "a.b-" },
		{ "/a.b", "a.b" },
		{ "", NULL },
		{ "a", NULL },
		{ "?", NULL },
		{ "//", NULL },
		{ "/a//b", NULL },
		{ "/a//", NULL },
		{ "/%", NULL },
		{ "/%6", NULL },
		{ "/%6?1", NULL },
		{ "/%zz", NULL },
		{ "/%00", NULL },
		{ "/a%2fb", NULL },
		{ "/..", NULL },
		{ "/a/../b", NULL },
		{ "/$node", NULL },
		{ "/%24node", NULL },
		{ "/*", NULL },
		{ "/a/>", NULL },
		{ "/a b", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char topic[TOPIC_MAX + 1] = "untouched";
		struct diag diag = { .text = "" };
		enum err err = topic_from_path(rows[i].path, topic, &diag);

		if (rows[i].topic != NULL) {
			assert_int_equal(err, ERR_OK);
			assert_string_equal(topic, rows[i].topic);
		} else {
			assert_int_equal(err, ERR_INVALID);
			assert_string_equal(topic, "untouched");
			assert_true(strlen(diag.text) > 20);
		}
	}
}

static void
a_path_may_be_as_long_as_a_topic(void **state)
{
	char path[2 + 3 * 256] = "/";
	char topic[TOPIC_MAX + 1];

	(void)state;
	memset(path + 1, 'a', 255);
	path[256] = '\0';
	assert_int_equal(topic_from_path(path, topic, NULL), ERR_OK);
	assert_int_equal(strlen(topic), 255);
	path[256] = 'a';
	path[257] = '\0';
	assert_int_equal(topic_from_path(path, topic, NULL), ERR_INVALID);
	for (size_t i = 0; i < 255; i++) {
		memcpy(path + 1 + 3 * i, "%61", 4);
	}
	assert_int_equal(topic_from_path(path, topic, NULL), ERR_OK);
	assert_int_equal(strlen(topic), 255);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_topic_when_it_sees_one),
		cmocka_unit_test(a_topic_has_at_most_255_bytes),
		cmocka_unit_test(joins_the_segments_of_a_path),
		cmocka_unit_test(a_path_may_be_as_long_as_a_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
