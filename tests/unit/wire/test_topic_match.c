/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "wire/topic.h"

static void
knows_what_is_a_pattern(void **state)
{
	static const char *const good[] = { "a", "a.b", "*", ">", "a.*", "*.b",
		"a.>", "a.*.c.>", "$node", "$node.*" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", ">.a",
		"a.>.b", "a*", "*a", "a>", "a b", "a.$b", "**" };
	char longest[TOPIC_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(topic_pattern_is_valid(good[i]));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (topic_pattern_is_valid(bad[i])) {
			fail_msg("%s", bad[i]);
		}
	}
	memset(longest, 'a', sizeof(longest));
	longest[TOPIC_MAX + 1] = '\0';
	assert_false(topic_pattern_is_valid(longest));
	longest[TOPIC_MAX] = '\0';
	assert_true(topic_pattern_is_valid(longest));
}

static void
matches_token_by_token(void **state)
{
	static const struct {
		const char *pattern, *topic;
		bool matches;
	} table[] = {
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "ab", false },
		{ "ab", "a", false },
		{ "a.b", "a", false },
		{ "a", "a.b", false },
		{ "*", "a", true },
		{ "*", "a.b", false },
		{ "a.*", "a", false },
		{ "a.*", "a.b", true },
		{ "a.*.c", "a.b.c", true },
		{ "a.*.c", "a.b.d", false },
		{ ">", "a", true },
		{ ">", "a.b.c", true },
		{ "a.>", "a", false },
		{ "a.>", "a.b", true },
		{ "a.>", "a.b.c", true },
		{ "a.>", "b.c", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (topic_matches(table[i].pattern, table[i].topic) !=
		    table[i].matches) {
			fail_msg("%s %s", table[i].pattern, table[i].topic);
		}
	}
}

static void
leaves_the_nodes_own_topics_to_those_who_ask(void **state)
{
	(void)state;
	assert_false(topic_matches(">", "$node"));
	assert_false(topic_matches("*", "$node"));
	assert_true(topic_matches("$node", "$node"));
	assert_true(topic_matches("$node.>", "$node.a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_what_is_a_pattern),
		cmocka_unit_test(matches_token_by_token),
		cmocka_unit_test(leaves_the_nodes_own_topics_to_those_who_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
