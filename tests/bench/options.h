/* SPDX-License-Identifier: MIT
 * options.h - the command line of the load generators. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conn.h"

enum { OPTIONS_PIDS_MAX = 8 };

struct options {
	enum proto proto;
	uint16_t port;     /* of the publisher and the idle ones */
	uint16_t sub_port; /* of the subscribers */
	const char *topic;
	size_t subs, idle; /* connections */
	size_t origins;    /* of gv_relay: nodes that messages come from */
	size_t batch;      /* of gv_relay: bytes of records in a message */
	size_t size;       /* of a payload */
	size_t window;     /* messages ahead of the slowest subscriber */
	double seconds, warmup;
	pid_t pids[OPTIONS_PIDS_MAX]; /* whose CPU time is read */
	size_t pid_count;
	int cpu; /* -1: any */
};

/* Read the arguments, or end the program with a message. */
void options_parse(struct options *options, int argc, char **argv);

/* Run on the processor asked for; as many descriptors as there may be. */
void options_apply(const struct options *options);

#endif
