/* SPDX-License-Identifier: MIT
 * options.c - see options.h. */

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "die.h"

static unsigned long
options_number(const char *name, const char *text, unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value > max) {
		die("--%s %s: not a number up to %lu", name, text, max);
	}
	return value;
}

static double
options_seconds(const char *name, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= 0 && value < 3600)) {
		die("--%s %s: not a time in seconds", name, text);
	}
	return value;
}

enum {
	OPT_PROTO,
	OPT_PORT,
	OPT_SUB_PORT,
	OPT_TOPIC,
	OPT_SUBS,
	OPT_IDLE,
	OPT_ORIGINS,
	OPT_BATCH,
	OPT_SIZE,
	OPT_WINDOW,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_PID,
	OPT_CPU
};

static void
options_set(
    struct options *options, int key, const char *name, const char *text)
{
	switch (key) {
	case OPT_PROTO:
		options->proto = strcmp(text, "nats") == 0 ? PROTO_NATS
		                                           : PROTO_WS;
		break;
	case OPT_PORT:
		options->port = (uint16_t)options_number(name, text, 65535);
		break;
	case OPT_SUB_PORT:
		options->sub_port = (uint16_t)options_number(name, text, 65535);
		break;
	case OPT_TOPIC:
		options->topic = text;
		break;
	case OPT_SUBS:
		options->subs = options_number(name, text, 20000);
		break;
	case OPT_IDLE:
		options->idle = options_number(name, text, 100000);
		break;
	case OPT_ORIGINS:
		options->origins = options_number(name, text, 20000);
		break;
	case OPT_BATCH:
		options->batch = options_number(name, text, 64 * 1024);
		break;
	case OPT_SIZE:
		options->size = options_number(name, text, 1 << 20);
		break;
	case OPT_WINDOW:
		options->window = options_number(name, text, 1 << 20);
		break;
	case OPT_SECONDS:
		options->seconds = options_seconds(name, text);
		break;
	case OPT_WARMUP:
		options->warmup = options_seconds(name, text);
		break;
	case OPT_PID:
		if (options->pid_count == OPTIONS_PIDS_MAX) {
			die("--pid: at most %d", OPTIONS_PIDS_MAX);
		}
		options->pids[options->pid_count++] = (pid_t)options_number(
		    name, text, INT32_MAX);
		break;
	case OPT_CPU:
		options->cpu = (int)options_number(name, text, 1023);
		break;
	default:
		break;
	}
}

void
options_parse(struct options *options, int argc, char **argv)
{
	static const struct option table[] = {
		[OPT_PROTO] = { "proto", 1, NULL, OPT_PROTO },
		[OPT_PORT] = { "port", 1, NULL, OPT_PORT },
		[OPT_SUB_PORT] = { "sub-port", 1, NULL, OPT_SUB_PORT },
		[OPT_TOPIC] = { "topic", 1, NULL, OPT_TOPIC },
		[OPT_SUBS] = { "subs", 1, NULL, OPT_SUBS },
		[OPT_IDLE] = { "idle", 1, NULL, OPT_IDLE },
		[OPT_ORIGINS] = { "origins", 1, NULL, OPT_ORIGINS },
		[OPT_BATCH] = { "batch", 1, NULL, OPT_BATCH },
		[OPT_SIZE] = { "size", 1, NULL, OPT_SIZE },
		[OPT_WINDOW] = { "window", 1, NULL, OPT_WINDOW },
		[OPT_SECONDS] = { "seconds", 1, NULL, OPT_SECONDS },
		[OPT_WARMUP] = { "warmup", 1, NULL, OPT_WARMUP },
		[OPT_PID] = { "pid", 1, NULL, OPT_PID },
		[OPT_CPU] = { "cpu", 1, NULL, OPT_CPU },
		{ NULL, 0, NULL, 0 },
	};
	const struct options preset = { .topic = "bench",
		.subs = 10,
		.origins = 1,
		.batch = 64 * 1024,
		.size = 128,
		.window = 4096,
		.seconds = 2,
		.warmup = 0.5,
		.cpu = -1 };
	int key, index;

	*options = preset;

	while ((key = getopt_long(argc, argv, "", table, &index)) != -1) {
		if (key == '?') {
			exit(2);
		}
		options_set(options, key, table[key].name, optarg);
	}
	if (options->sub_port == 0) {
		options->sub_port = options->port;
	}
	if (options->port == 0 || options->pid_count == 0 ||
	    options->subs == 0 || options->window == 0 ||
	    options->origins == 0 || options->size < CONN_NUMBER_LEN) {
		die("--port, --pid, --subs, --window, --origins and a --size "
		    "of at "
		    "least %u are needed",
		    CONN_NUMBER_LEN);
	}
}

void
options_apply(const struct options *options)
{
	struct rlimit files;
	cpu_set_t cpus;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
			die("setrlimit: %s", strerror(errno));
		}
	}
	if (options->cpu < 0) {
		return;
	}
	CPU_ZERO(&cpus);
	CPU_SET((size_t)options->cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0) {
		die("cannot run on processor %d: %s", options->cpu,
		    strerror(errno));
	}
}
