/* SPDX-License-Identifier: MIT
 * sim_option.c - see sim_option.h. */

#include "ctl/sim_option.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_type {
	OPTION_FLAG,   /* bool */
	OPTION_U32,    /* uint32_t */
	OPTION_U64,    /* uint64_t */
	OPTION_SIZE,   /* size_t */
	OPTION_REAL,   /* double */
	OPTION_TEXT,   /* const char * */
	OPTION_MESH,   /* auto or static */
	OPTION_SHAPE,  /* enum shape */
	OPTION_SPREAD, /* tree or flood */
	OPTION_RANGE,  /* MIN..MAX: two doubles, the second behind it */
	OPTION_RANDOM, /* a whole scenario */
};

#define CONFIG(member) offsetof(struct sim_options, config.member)
#define OWN(member)    offsetof(struct sim_options, member)

static const struct sim_option {
	const char *name, *arg, *help;
	enum option_type type;
	size_t offset;
	double min, max;
} sim_option_table[] = {
	{ "nodes", "N", "nodes (100)", OPTION_U32, CONFIG(nodes), 2, 1e6 },
	{ "mesh", "auto|static", "find links, or be given them (auto)",
	    OPTION_MESH, CONFIG(is_static), 0, 0 },
	{ "shape", "ring|line|star|tree", "static: of the links (ring)",
	    OPTION_SHAPE, CONFIG(shape), 0, 0 },
	{ "degree", "N", "a ring: links that a node dials (3)", OPTION_U32,
	    CONFIG(degree), 1, 16 },
	{ "entries", "N", "addresses that a node joins by (3)", OPTION_U32,
	    CONFIG(entries), 1, 16 },
	{ "senders", "N", "nodes that publish (1)", OPTION_U32, CONFIG(senders),
	    0, 1e6 },
	{ "rate", "R", "messages a second of each (5)", OPTION_REAL,
	    CONFIG(rate), 0, 1e5 },
	{ "payload", "B", "bytes of a message, at least 8 (256)", OPTION_U32,
	    CONFIG(payload), 8, 1 << 20 },
	{ "latency", "MIN..MAX", "ms of a link, one way (1..50)", OPTION_RANGE,
	    CONFIG(latency_min_ms), 0, 1e5 },
	{ "jitter", "MS", "more for each packet, up to (0)", OPTION_REAL,
	    CONFIG(jitter_ms), 0, 1e5 },
	{ "uplink", "MBPS", "of a node; 0: no limit (100)", OPTION_REAL,
	    CONFIG(uplink_mbps), 0, 1e6 },
	{ "join", "S", "all nodes join within (20)", OPTION_REAL,
	    CONFIG(join_s), 0, 1e6 },
	{ "settle", "S", "traffic begins at (60)", OPTION_REAL,
	    CONFIG(settle_s), 0, 1e6 },
	{ "steady", "S", "of traffic before the event (15)", OPTION_REAL,
	    CONFIG(steady_s), 1, 1e6 },
	{ "duration", "S", "of the event (15)", OPTION_REAL, CONFIG(event_s), 0,
	    1e7 },
	{ "drain", "S", "without traffic, at the end (10)", OPTION_REAL,
	    CONFIG(drain_s), 0, 1e6 },
	{ "crash", "P", "percent of the nodes, at once", OPTION_U32,
	    CONFIG(crash_percent), 0, 100 },
	{ "silent", NULL, "their hosts vanish: no resets", OPTION_FLAG,
	    CONFIG(silent), 0, 0 },
	{ "partition", "S", "the network is cut in two for", OPTION_REAL,
	    CONFIG(partition_s), 0, 1e6 },
	{ "loss", "P", "percent of the links reset, a minute", OPTION_REAL,
	    CONFIG(loss_percent), 0, 1e5 },
	{ "churn", "R", "nodes a second leave, others join", OPTION_REAL,
	    CONFIG(churn_per_s), 0, 1e5 },
	{ "restart", "R", "nodes a second restart with their id", OPTION_REAL,
	    CONFIG(restart_per_s), 0, 1e5 },
	{ "clock-step", "P", "percent of them with a clock gone back",
	    OPTION_REAL, CONFIG(clock_step_percent), 0, 100 },
	{ "pause", "R", "nodes a second stop for a while", OPTION_REAL,
	    CONFIG(pause_per_s), 0, 1e5 },
	{ "pause-max", "S", "at the longest (15)", OPTION_REAL,
	    CONFIG(pause_max_s), 2, 1e6 },
	{ "silence", "S", "senders fall silent within", OPTION_REAL,
	    CONFIG(silence_s), 0, 1e6 },
	{ "max-hops", "N", "links that a message may cross (64)", OPTION_U32,
	    CONFIG(max_hops), 1, 255 },
	{ "slow", "N", "nodes that take little", OPTION_U32, CONFIG(slow_nodes),
	    0, 1e6 },
	{ "slow-rate", "KIB", "a second (16)", OPTION_REAL, CONFIG(slow_kib),
	    0.1, 1e6 },
	{ "soft", "B", "out queue of a link, soft (1 MiB)", OPTION_SIZE,
	    CONFIG(soft), 1024, 1 << 30 },
	{ "hard", "B", "out queue of a link, hard (8 MiB)", OPTION_SIZE,
	    CONFIG(hard), 1024, 1 << 30 },
	{ "history", "B", "messages kept by a node (8 MiB)", OPTION_SIZE,
	    CONFIG(history), 0, 1 << 30 },
	{ "view-min", "N", "links wanted at least (5)", OPTION_U32,
	    CONFIG(view_min), 0, 16 },
	{ "view-max", "N", "links wanted at most (8)", OPTION_U32,
	    CONFIG(view_max), 0, 16 },
	{ "presence", NULL, "nodes tell of themselves", OPTION_FLAG,
	    CONFIG(presence), 0, 0 },
	{ "spread", "tree|flood", "by trees, or over every link (tree)",
	    OPTION_SPREAD, CONFIG(floods), 0, 0 },
	{ "psk", NULL, "nodes join with a key", OPTION_FLAG, CONFIG(has_psk), 0,
	    0 },
	{ "seed", "N", "another run (1)", OPTION_U64, CONFIG(seed), 0, 0 },
	{ "random", "SEED", "a small scenario, all faults mixed", OPTION_RANDOM,
	    0, 0, 0 },
	{ "check", "0|1|2", "invariants: never, each 5 s, each event (1)",
	    OPTION_U32, CONFIG(check), 0, 2 },
	{ "promises", NULL, "fail if a message is lost without a gap",
	    OPTION_FLAG, CONFIG(promises), 0, 0 },
	{ "json", NULL, "everything, for programs", OPTION_FLAG, OWN(json), 0,
	    0 },
	{ "log", "FILTER", "of what the nodes log (error)", OPTION_TEXT,
	    OWN(log), 0, 0 },
	{ "help", NULL, "show this", OPTION_FLAG, OWN(help), 0, 0 },
};

void
sim_options_help(void)
{
	(void)printf("usage: gvctl sim [OPTION...]\n"
	             "Nodes join, publish, suffer, and are counted.\n");
	for (size_t i = 0; i < ARRAY_LEN(sim_option_table); i++) {
		const struct sim_option *option = &sim_option_table[i];
		int len = printf("  --%s %s", option->name,
		    option->arg != NULL ? option->arg : "");

		(void)printf(
		    "%*s%s\n", len < 24 ? 24 - len : 1, "", option->help);
	}
}

static enum err
sim_option_wrong(
    const struct sim_option *option, const char *value, struct diag *diag)
{
	if (option->type == OPTION_MESH || option->type == OPTION_SHAPE ||
	    option->type == OPTION_SPREAD || option->type == OPTION_RANGE) {
		diag_set(diag, "--%s: found '%s', expected %s", option->name,
		    value, option->arg);
	} else if (option->max > 0) {
		diag_set(diag,
		    "--%s: found '%s', expected a number of %g to %g",
		    option->name, value, option->min, option->max);
	} else {
		diag_set(diag, "--%s: found '%s', expected a whole number",
		    option->name, value);
	}
	return ERR_INVALID;
}

/* A number and nothing behind it; NaN fails every comparison. */
static bool
sim_option_real(const struct sim_option *option, const char *value, double *out)
{
	char *end;
	double number = strtod(value, &end);

	if (end == value || *end != '\0' ||
	    !(number >= option->min && number <= option->max)) {
		return false;
	}
	*out = number;
	return true;
}

static bool
sim_option_u64(const char *value, uint64_t *out)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end != '\0' || errno != 0) {
		return false;
	}
	*out = number;
	return true;
}

static bool
sim_option_range(
    const struct sim_option *option, const char *value, double out[2])
{
	char low[32];
	const char *dots = strstr(value, "..");
	double range[2];

	if (dots == NULL || (size_t)(dots - value) >= sizeof(low)) {
		return false;
	}
	memcpy(low, value, (size_t)(dots - value));
	low[dots - value] = '\0';
	if (!sim_option_real(option, low, &range[0]) ||
	    !sim_option_real(option, dots + 2, &range[1]) ||
	    range[0] > range[1]) {
		return false;
	}
	memcpy(out, range, sizeof(range));
	return true;
}

static bool
sim_option_shape(const char *value, enum shape *out)
{
	static const char *const names[SHAPE_COUNT] = {
		[SHAPE_RING] = "ring",
		[SHAPE_LINE] = "line",
		[SHAPE_STAR] = "star",
		[SHAPE_TREE] = "tree",
	};

	for (int i = 0; i < SHAPE_COUNT; i++) {
		if (strcmp(value, names[i]) == 0) {
			*out = (enum shape)i;
			return true;
		}
	}
	return false;
}

static bool
sim_option_apply(struct sim_options *options, const struct sim_option *option,
    const char *value)
{
	void *at = (char *)options + option->offset;
	double number = 0;
	uint64_t seed = 0;

	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return true;
	case OPTION_TEXT:
		*(const char **)at = value;
		return true;
	case OPTION_U64:
		return sim_option_u64(value, at);
	case OPTION_MESH:
		*(bool *)at = strcmp(value, "static") == 0;
		return *(bool *)at || strcmp(value, "auto") == 0;
	case OPTION_SHAPE:
		return sim_option_shape(value, at);
	case OPTION_SPREAD:
		*(bool *)at = strcmp(value, "flood") == 0;
		return *(bool *)at || strcmp(value, "tree") == 0;
	case OPTION_RANGE:
		return sim_option_range(option, value, at);
	case OPTION_RANDOM:
		if (!sim_option_u64(value, &seed)) {
			return false;
		}
		sim_config_random(&options->config, seed);
		return true;
	case OPTION_REAL:
		return sim_option_real(option, value, at);
	case OPTION_U32:
	case OPTION_SIZE:
		break;
	}
	if (!sim_option_u64(value, &seed) ||
	    !sim_option_real(option, value, &number)) {
		return false;
	}
	if (option->type == OPTION_U32) {
		*(uint32_t *)at = (uint32_t)seed;
	} else {
		*(size_t *)at = seed;
	}
	return true;
}

static const struct sim_option *
sim_option_find(const char *arg, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(sim_option_table); i++) {
		const char *name = sim_option_table[i].name;

		if (strlen(name) == len && memcmp(name, arg, len) == 0) {
			return &sim_option_table[i];
		}
	}
	return NULL;
}

/* One option, --name value or --name=value; `*at` is where it stands, and is
 * moved to its last word. */
static enum err
sim_option_read(
    struct sim_options *options, char *const *argv, int *at, struct diag *diag)
{
	const char *word = argv[*at];
	const char *equals = strchr(word, '=');
	const struct sim_option *option = NULL;
	const char *value = "";

	if (strncmp(word, "--", 2) == 0) {
		option = sim_option_find(
		    word + 2, equals != NULL ? (size_t)(equals - word) - 2
		                             : strlen(word + 2));
	}
	if (option == NULL || (option->arg == NULL && equals != NULL)) {
		diag_set(diag,
		    "found '%s', expected an option of 'gvctl sim --help'",
		    word);
		return ERR_INVALID;
	}
	if (option->arg != NULL && equals != NULL) {
		value = equals + 1;
	} else if (option->arg != NULL && argv[*at + 1] == NULL) {
		diag_set(diag, "--%s: found nothing, expected %s", option->name,
		    option->arg);
		return ERR_INVALID;
	} else if (option->arg != NULL) {
		value = argv[++*at];
	}
	return sim_option_apply(options, option, value)
	           ? ERR_OK
	           : sim_option_wrong(option, value, diag);
}

enum err
sim_options_parse(
    struct sim_options *options, int argc, char *const *argv, struct diag *diag)
{
	enum err err = ERR_OK;

	sim_config_init(&options->config);
	options->json = false;
	options->help = false;
	options->log = "error";
	for (int i = 1; i < argc && err == ERR_OK; i++) {
		err = sim_option_read(options, argv, &i, diag);
	}
	return err;
}
