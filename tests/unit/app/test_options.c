/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <stdio.h>

#include "app/option_table.h"
#include "app/options.h"
#include "support/fault.h"

enum { ARGS_MAX = 64 };

/* Split `line` at its blanks (~ is a blank inside) and parse it. */
static enum err
parse(const char *line, struct config *config, struct diag *diag)
{
	static char copy[8192];
	char *argv[ARGS_MAX + 1] = { NULL };
	char *rest;
	int argc = 0;

	argv[argc++] = (char *)(uintptr_t) "grapevine";
	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &rest);
	     word != NULL && argc < ARGS_MAX;
	     word = strtok_r(NULL, " ", &rest)) {
		for (char *at = word; *at != '\0'; at++) {
			*at = *at == '~' ? ' ' : *at;
		}
		argv[argc++] = word;
	}
	diag->text[0] = '\0';
	return options_parse(argc, argv, config, diag);
}

static void
parse_good(const char *line, struct config *config)
{
	struct diag diag;
	enum err err = parse(line, config, &diag);

	if (err != ERR_OK) {
		fail_msg("'%s': %s", line, diag.text);
	}
}

/* `a` and `b` are in what the user is told. */
static void
assert_refused(const char *line, const char *a, const char *b)
{
	struct config config;
	struct diag diag;
	enum err err = parse(line, &config, &diag);

	config_fini(&config);
	if (err != ERR_INVALID) {
		fail_msg("'%s' was taken", line);
	}
	if (strstr(diag.text, "found") == NULL ||
	    strstr(diag.text, "expected") == NULL ||
	    strstr(diag.text, a) == NULL || strstr(diag.text, b) == NULL ||
	    strchr(diag.text, '\n') != NULL) {
		fail_msg("'%s': no %s, %s in: %s", line, a, b, diag.text);
	}
}

static void
has_the_documented_defaults(void **state)
{
	struct config config;
	size_t len;

	(void)state;
	parse_good("", &config);
	assert_int_equal(config.action, CONFIG_RUN);
	assert_int_equal(config.binds.count, 1);
	assert_string_equal(config.binds.items[0], "127.0.0.1:8080");
	assert_int_equal(config.peers.count, 0);
	assert_null(config.advertise);
	len = strlen(config.name);
	assert_true(len > 5);
	assert_string_equal(config.name + len - 5, "-8080");
	assert_string_equal(config.network, "grapevine");
	assert_int_equal(config.max_message, 1 << 20);
	assert_int_equal(config.max_clients, 1024);
	assert_int_equal(config.client_rate, 0);
	assert_int_equal(config.max_hops, 64);
	assert_int_equal(config.queue_soft, 1 << 20);
	assert_int_equal(config.queue_hard, 8 << 20);
	assert_false(config.overflow_disconnect);
	assert_int_equal(config.ping_s, 3);
	assert_true(config.mesh_auto);
	assert_int_equal(config.view_min, 5);
	assert_int_equal(config.view_max, 8);
	assert_int_equal(config.history, 8 << 20);
	assert_true(config.presence);
	assert_false(config.floods);
	assert_null(config.state_dir);
	assert_null(config.psk_file);
	assert_int_equal(config.allow_origins.count, 0);
	assert_int_equal(config.plugins.count, 0);
	assert_int_equal(config.plugin_dirs.count, 0);
	assert_int_equal(config.verbosity, 0);
	assert_string_equal(config.log_filter, "info");
	assert_int_equal(config.log_format, LOG_FORMAT_AUTO);
	assert_null(config.log_file);
	assert_null(config.ports_file);
	assert_int_equal(config.drain_s, 10);
	assert_false(config.seeded);
	assert_false(config.allow_core);
	assert_false(config.json);
	config_fini(&config);
}

static void
takes_the_demo_word_for_word(void **state)
{
	struct config config;

	(void)state;
	parse_good("--peers ws://localhost:8080,ws://localhost:8085 "
	           "--bind localhost:8086 --plugins logger",
	    &config);
	assert_int_equal(config.peers.count, 2);
	assert_string_equal(config.peers.items[0], "ws://localhost:8080");
	assert_string_equal(config.peers.items[1], "ws://localhost:8085");
	assert_int_equal(config.binds.count, 1);
	assert_string_equal(config.binds.items[0], "localhost:8086");
	assert_int_equal(config.plugins.count, 1);
	assert_string_equal(config.plugins.items[0], "logger");
	config_fini(&config);
}

static void
takes_a_value_in_every_way(void **state)
{
	static const char *const lines[] = { "-b [::1]:0", "-b[::1]:0",
		"--bind [::1]:0", "--bind=[::1]:0", "-qb[::1]:0",
		"--bind [::1]:0 --" };
	struct config config;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		parse_good(lines[i], &config);
		assert_int_equal(config.binds.count, 1);
		assert_string_equal(config.binds.items[0], "[::1]:0");
		config_fini(&config);
	}
}

static void
reads_every_option(void **state)
{
	struct config config;

	(void)state;
	parse_good("-b a:1 -b b:2 -p ws://a:1/x -p ws://[::1]:2 "
	           "--advertise ws://me:1 --name n~n --network net "
	           "--mesh static --max-message 15M --max-clients 7 "
	           "--max-hops 255 --queue 64K..32m --overflow disconnect "
	           "--view 1..16 --history 64K --presence off --state s/d "
	           "--psk-file k --spread flood --client-rate 1,1000000 "
	           "--ping 9 --allow-origin http://a:1 --allow-origin null "
	           "-P x,k=v -P y",
	    &config);
	assert_int_equal(config.binds.count, 2);
	assert_string_equal(config.binds.items[1], "b:2");
	assert_int_equal(config.peers.count, 2);
	assert_string_equal(config.peers.items[0], "ws://a:1/x");
	assert_string_equal(config.advertise, "ws://me:1");
	assert_string_equal(config.name, "n n");
	assert_string_equal(config.network, "net");
	assert_int_equal(config.max_message, 15 << 20);
	assert_int_equal(config.max_clients, 7);
	assert_int_equal(config.client_rate, 1);
	assert_int_equal(config.client_burst, 1000000);
	assert_int_equal(config.max_hops, 255);
	assert_int_equal(config.queue_soft, 64 << 10);
	assert_int_equal(config.queue_hard, 32 << 20);
	assert_true(config.overflow_disconnect);
	assert_int_equal(config.ping_s, 9);
	assert_false(config.mesh_auto);
	assert_int_equal(config.view_min, 1);
	assert_int_equal(config.view_max, 16);
	assert_int_equal(config.history, 64 << 10);
	assert_false(config.presence);
	assert_true(config.floods);
	assert_string_equal(config.state_dir, "s/d");
	assert_string_equal(config.psk_file, "k");
	assert_int_equal(config.allow_origins.count, 2);
	assert_string_equal(config.allow_origins.items[1], "null");
	assert_string_equal(config.plugins.items[0], "x,k=v");
	config_fini(&config);

	parse_good("--plugins a,b -P c,d=e --plugins f --plugin-dir d1 "
	           "--plugin-dir d2 --log warn,net=trace --log-format logfmt "
	           "--log-file lf --ports-file pf --drain 0 "
	           "--seed 18446744073709551615 --allow-core",
	    &config);
	assert_int_equal(config.plugins.count, 4);
	assert_string_equal(config.plugins.items[1], "b");
	assert_string_equal(config.plugins.items[2], "c,d=e");
	assert_string_equal(config.plugins.items[3], "f");
	assert_int_equal(config.plugin_dirs.count, 2);
	assert_string_equal(config.log_filter, "warn,net=trace");
	assert_int_equal(config.log_format, LOG_FORMAT_LOGFMT);
	assert_string_equal(config.log_file, "lf");
	assert_string_equal(config.ports_file, "pf");
	assert_int_equal(config.drain_s, 0);
	assert_true(config.seeded);
	assert_true(config.seed == UINT64_MAX);
	assert_true(config.allow_core);
	config_fini(&config);
}

static void
a_rate_has_a_burst_of_a_second_or_its_own(void **state)
{
	static const struct {
		const char *line;
		uint32_t rate, burst;
	} cases[] = {
		{ "--client-rate 5", 5, 5 },
		{ "--client-rate 1", 1, 1 },
		{ "--client-rate 1000000", 1000000, 1000000 },
		{ "--client-rate 5,1", 5, 1 },
		{ "--client-rate 5,600", 5, 600 },
		{ "--client-rate off", 0, 0 },
	};
	struct config config;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse_good(cases[i].line, &config);
		assert_int_equal(config.client_rate, cases[i].rate);
		assert_int_equal(config.client_burst, cases[i].burst);
		config_fini(&config);
	}
}

static void
makes_the_filter_from_the_verbosity(void **state)
{
	static const struct {
		const char *line, *filter;
	} cases[] = { { "-q", "warn" }, { "-v", "debug" }, { "-vv", "trace" },
		{ "-v -v", "trace" }, { "-vvvv", "trace" },
		{ "-v --log error", "error" } };
	struct config config;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse_good(cases[i].line, &config);
		assert_string_equal(config.log_filter, cases[i].filter);
		config_fini(&config);
	}
	assert_refused("-v -q", "-q", "-v");
	assert_refused("-qv", "-q", "-v");
}

static void
knows_what_it_is_asked_for(void **state)
{
	static const struct {
		const char *line;
		enum config_action action;
		bool json;
	} cases[] = {
		{ "-h", CONFIG_HELP, false },
		{ "--help", CONFIG_HELP, false },
		{ "--version --help", CONFIG_HELP, false },
		{ "--help --version", CONFIG_HELP, false },
		{ "-V", CONFIG_VERSION, false },
		{ "--version --json", CONFIG_VERSION, true },
		{ "--json --list-plugins", CONFIG_LIST_PLUGINS, true },
		{ "--plugin-help echo", CONFIG_PLUGIN_HELP, false },
	};
	struct config config;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse_good(cases[i].line, &config);
		assert_int_equal(config.action, cases[i].action);
		assert_int_equal(config.json, cases[i].json);
		config_fini(&config);
	}
	parse_good("--plugin-help echo", &config);
	assert_string_equal(config.plugin_help, "echo");
	config_fini(&config);
	assert_refused("--json", "--list-plugins", "--version");
}

static void
refuses_bad_values_and_says_how_to_mend_them(void **state)
{
	static const char *const bad[][2] = {
		{ "--bind", "localhost" },
		{ "--bind", ":8080" },
		{ "--bind", "localhost:" },
		{ "--bind", "localhost:65536" },
		{ "--bind", "localhost:-1" },
		{ "--bind", "localhost:80x" },
		{ "--bind", "localhost:99999999999999999999" },
		{ "--bind", "::1:8080" },
		{ "--bind", "[::1]" },
		{ "--bind", "[]:1" },
		{ "--bind", "[::1:8080" },
		{ "--bind", "[host]:8080" },
		{ "--bind", "a~b:1" },
		{ "--bind", "ws://a:1" },
		{ "--peers", "localhost:8080" },
		{ "--peers", "http://localhost:8080" },
		{ "--peers", "ws://localhost" },
		{ "--peers", "ws://localhost:0" },
		{ "--peers", "ws://:8080" },
		{ "--peers", "ws://" },
		{ "--peers", "ws://u@h:1" },
		{ "--peers", "ws://a:1," },
		{ "--peers", ",ws://a:1" },
		{ "--peers", "ws://a:1/\x01" },
		{ "--peers", "ws://a:1/a~b" },
		{ "--advertise", "me:1" },
		{ "--name", "a\nb" },
		{ "--name",
		    "0123456789012345678901234567890123456789012345678901234"
		    "5678901234" },
		{ "--network", "\x7f" },
		{ "--mesh", "dynamic" },
		{ "--view", "5" },
		{ "--view", "0..8" },
		{ "--view", "8..5" },
		{ "--view", "5..17" },
		{ "--view", "5..8..9" },
		{ "--view", "..8" },
		{ "--history", "63K" },
		{ "--history", "2G" },
		{ "--presence", "yes" },
		{ "--spread", "trees" },
		{ "--max-message", "0" },
		{ "--max-message", "16M" },
		{ "--max-message", "15729K" },
		{ "--max-message", "1T" },
		{ "--max-message", "M" },
		{ "--max-message", "1.5M" },
		{ "--max-message", "-1" },
		{ "--max-message", "99999999999999999999G" },
		{ "--max-message", "18014398509481985K" },
		{ "--max-clients", "0" },
		{ "--max-clients", "1000001" },
		{ "--client-rate", "0" },
		{ "--client-rate", "1000001" },
		{ "--client-rate", "0,5" },
		{ "--client-rate", "5,0" },
		{ "--client-rate", "5,1000001" },
		{ "--client-rate", "5," },
		{ "--client-rate", ",5" },
		{ "--client-rate", "5,5,5" },
		{ "--client-rate", "-5" },
		{ "--client-rate", "5/s" },
		{ "--client-rate", "1K" },
		{ "--client-rate", "on" },
		{ "--client-rate", "off,5" },
		{ "--client-rate", "99999999999999999999" },
		{ "--max-hops", "0" },
		{ "--max-hops", "256" },
		{ "--queue", "1M" },
		{ "--queue", "8M..1M" },
		{ "--queue", "1M.." },
		{ "--queue", "..8M" },
		{ "--queue", "0..8M" },
		{ "--queue", "1M..2G" },
		{ "--queue", "1M..8M..9M" },
		{ "--overflow", "drop" },
		{ "--ping", "0" },
		{ "--ping", "3601" },
		{ "--ping", "3s" },
		{ "--allow-origin", "example.org" },
		{ "--allow-origin", "https://a/b" },
		{ "--allow-origin", "https://" },
		{ "--allow-origin", "*" },
		{ "--allow-origin", "https://*.example.org" },
		{ "--plugins", "a,,b" },
		{ "--plugins", "," },
		{ "--log-format", "xml" },
		{ "--drain", "3601" },
		{ "--seed", "0x1" },
		{ "--seed", "18446744073709551616" },
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(
		    line, sizeof(line), "%s %s", bad[i][0], bad[i][1]);
		assert_refused(line, bad[i][0], "");
	}
	assert_refused("--log loud", "loud", "info,mesh=debug");
}

static void
refuses_an_empty_value_of_any_option(void **state)
{
	char line[64];

	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].arg != NULL) {
			(void)snprintf(
			    line, sizeof(line), "--%s=", option_table[i].flag);
			assert_refused(line, "''", "");
		}
	}
}

static void
refuses_a_flag_without_its_value(void **state)
{
	char line[64];

	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].arg != NULL) {
			(void)snprintf(
			    line, sizeof(line), "--%s", option_table[i].flag);
			assert_refused(line, line, "no value");
		}
	}
	assert_refused("-b", "--bind", "no value");
}

static void
refuses_a_value_where_none_belongs(void **state)
{
	assert_refused("--allow-core=yes", "--allow-core", "'yes'");
	assert_refused("--help=me", "--help", "'me'");
	(void)state;
}

static void
refuses_what_may_be_given_only_once(void **state)
{
	char line[512];

	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];

		if (option->repeats || option->flag == NULL) {
			continue;
		}
		(void)snprintf(line, sizeof(line), "--%s %s --%s %s",
		    option->flag, option->arg != NULL ? option->example : "",
		    option->flag, option->arg != NULL ? option->example : "");
		assert_refused(line, option->flag, "twice");
	}
}

static void
takes_the_example_of_each_option(void **state)
{
	struct config config;
	char line[512];

	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].arg != NULL) {
			(void)snprintf(line, sizeof(line), "--%s %s",
			    option_table[i].flag, option_table[i].example);
			parse_good(line, &config);
			config_fini(&config);
		}
	}
}

static void
guesses_what_was_meant(void **state)
{
	static const char *const cases[][2] = {
		{ "--bnid a:1", "'--bind'" },
		{ "--peer ws://a:1", "'--peers'" },
		{ "--plugindir x", "'--plugin-dir'" },
		{ "--max-mesage 1M", "'--max-message'" },
		{ "--verison", "'--version'" },
		{ "--ports x", "'--ports-file'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_refused(cases[i][0], "did you mean", cases[i][1]);
	}
	assert_refused("--zebra-crossing", "--zebra-crossing", "--help");
	assert_refused("-x", "'-x'", "--help");
	assert_refused("-vx", "'-vx'", "--help");
	assert_refused("--=x", "'--'", "--help");
	assert_refused("--\x1b[2J", "\\x1b", "--help");
}

static void
refuses_stray_arguments(void **state)
{
	(void)state;
	assert_refused("localhost:8080", "'localhost:8080'", "flags");
	assert_refused("-v -- more", "'more'", "flags");
	assert_refused("-", "'-'", "flags");
}

static void
refuses_what_comes_with_a_later_version(void **state)
{
	(void)state;
	assert_refused("--peers wss://a:1", "TLS", "later version");
	assert_refused("--peers ws://a:1,wss://b:1", "TLS", "later version");
	assert_refused("--advertise wss://a:1", "TLS", "later version");
}

static void
makes_room_for_large_messages(void **state)
{
	struct config config;

	(void)state;
	parse_good("--max-message 15M", &config);
	assert_int_equal(config.queue_hard, 30 << 20);
	config_fini(&config);
	parse_good("--max-message 192K --queue 64K..256K", &config);
	assert_int_equal(config.queue_hard, 256 << 10);
	config_fini(&config);
	assert_refused("--max-message 193K --queue 64K..256K", "196608 bytes",
	    "--queue 65536..263168");
	assert_refused("--queue 64K..256K", "1048576 or more", "--max-message");
}

static void
tells_nobody_when_nobody_asks(void **state)
{
	char *argv[] = { (char *)(uintptr_t) "grapevine",
		(char *)(uintptr_t) "--nonsense", NULL };
	struct config config;

	(void)state;
	assert_int_equal(options_parse(2, argv, &config, NULL), ERR_INVALID);
	config_fini(&config);
	assert_int_equal(options_parse(0, argv, &config, NULL), ERR_OK);
	config_fini(&config);
}

static void
survives_any_allocation_that_fails(void **state)
{
	struct config config;
	struct diag diag;

	(void)state;
	for (unsigned n = 1;; n++) {
		enum err err;

		fault_fail_nth(n);
		err = parse("-b a:1 -p ws://a:1,ws://b:1 --name n --plugins "
		            "x,y -P z --log info --log-file f --plugin-help p",
		    &config, &diag);
		config_fini(&config);
		if (!fault_off()) {
			assert_int_equal(err, ERR_OK);
			assert_true(n > 10);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
		assert_string_equal(diag.text, "out of memory");
	}
}

static void
the_help_lists_every_option(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf);
	assert_int_equal(options_help(&buf), ERR_OK);
	assert_int_equal(buf_append(&buf, "", 1), ERR_OK);
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];
		char flag[40];

		if (option->flag != NULL) {
			(void)snprintf(
			    flag, sizeof(flag), "--%s", option->flag);
		} else {
			(void)snprintf(
			    flag, sizeof(flag), "-%c", option->letter);
		}
		assert_non_null(strstr((char *)buf.bytes, flag));
	}
	for (char *line = (char *)buf.bytes; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		assert_true(len <= 80); /* of a terminal */
		line += len + 1;
	}
	buf_fini(&buf);
	for (unsigned n = 1;; n++) {
		enum err err;

		buf_init(&buf);
		fault_fail_nth(n);
		err = options_help(&buf);
		buf_fini(&buf);
		if (!fault_off()) {
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_defaults),
		cmocka_unit_test(takes_the_demo_word_for_word),
		cmocka_unit_test(takes_a_value_in_every_way),
		cmocka_unit_test(reads_every_option),
		cmocka_unit_test(a_rate_has_a_burst_of_a_second_or_its_own),
		cmocka_unit_test(makes_the_filter_from_the_verbosity),
		cmocka_unit_test(knows_what_it_is_asked_for),
		cmocka_unit_test(refuses_bad_values_and_says_how_to_mend_them),
		cmocka_unit_test(refuses_an_empty_value_of_any_option),
		cmocka_unit_test(refuses_a_flag_without_its_value),
		cmocka_unit_test(refuses_a_value_where_none_belongs),
		cmocka_unit_test(refuses_what_may_be_given_only_once),
		cmocka_unit_test(takes_the_example_of_each_option),
		cmocka_unit_test(guesses_what_was_meant),
		cmocka_unit_test(refuses_stray_arguments),
		cmocka_unit_test(refuses_what_comes_with_a_later_version),
		cmocka_unit_test(makes_room_for_large_messages),
		cmocka_unit_test(tells_nobody_when_nobody_asks),
		cmocka_unit_test(survives_any_allocation_that_fails),
		cmocka_unit_test(the_help_lists_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
