/* SPDX-License-Identifier: MIT
 * memory.c - sim_memory: what the mesh holds of the heap (G16): empty, for each
 * origin, and through a day of churn. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "heap_count.h"
#include "mesh/inside.h"
#include "sim/sim.h"
#include "unit/mesh/lab.h"

#define MEMORY_EMPTY  65536 /* bytes of a mesh with empty tables */
#define MEMORY_ORIGIN 448   /* of one more origin */
#define MEMORY_TOMB   50    /* of a tombstone, where that is most */
/* So often that nobody lives for the ten minutes after which who is idle is
 * forgotten, but those who stay: all meshes of a kind are of a size. */
#define MEMORY_CHURN  0.08
#define MEMORY_SPREAD 0.05 /* of the mean of an hour, after the first two */

enum {
	MEMORY_ORIGINS = 20000, /* just after the table has grown */
	MEMORY_TOMBS = 20000,
	MEMORY_TOMBS_MIN = 1000, /* fewer are not looked at */
	MEMORY_EACH_MS = 25,
	MEMORY_WARM = 8000, /* messages, so that the history has its blocks */
	MEMORY_HOURS = 24,
	MEMORY_HOUR_S = 3600,
	MEMORY_NODES = 10,
};

static bool
memory_print(const char *what, double value, double target)
{
	bool holds = value <= target;

	(void)printf("%-4s %-40s %12.6g  <= %-10g %s\n", "G16", what, value,
	    target, holds ? "ok" : "MISSED");
	return holds;
}

/* Message `number` of the node with this number. */
static void
memory_say(struct lab *lab, struct lab_link *at, uint32_t node, uint32_t number)
{
	struct record_data data = lab_data(1, number);

	memcpy(data.origin.bytes, &node, sizeof(node));
	lab_say(lab, at, &data);
	lab_pass(lab, MEMORY_EACH_MS);
}

/* Bytes for each origin. */
static double
memory_of_origins(struct lab *lab)
{
	struct lab_link *at = lab_accept_up(lab, 1);
	size_t before;

	for (uint32_t i = 1; i <= MEMORY_WARM; i++) {
		memory_say(lab, at, 0, i);
	}
	buf_fini(&at->sent);
	before = heap_count_bytes();
	for (uint32_t i = 1; i <= MEMORY_ORIGINS; i++) {
		memory_say(lab, at, i, 1);
	}
	buf_fini(&at->sent);
	if (mesh_stats(lab->mesh)->origins != MEMORY_ORIGINS + 1) {
		return 1e9; /* none must have been forgotten */
	}
	return (double)(heap_count_bytes() - before) / MEMORY_ORIGINS;
}

/* Bytes for each tombstone, when there are so many that it is most. */
static double
memory_of_tombstones(struct lab *lab)
{
	size_t before = heap_count_bytes();
	struct nodeid id = { .bytes = { 0 } };
	double most = 0;

	for (uint32_t i = 1; i <= MEMORY_TOMBS; i++) {
		double each;

		memcpy(id.bytes, &i, sizeof(i));
		origins_bury(&lab->mesh->origins, &id, i, 0);
		each = (double)(heap_count_bytes() - before) / i;
		most = i >= MEMORY_TOMBS_MIN && each > most ? each : most;
	}
	return most;
}

static unsigned
memory_of_tables(void)
{
	size_t before = heap_count_bytes();
	unsigned missed = 0;
	struct lab *lab;
	void *state;

	(void)lab_setup(&state);
	lab = state;
	missed += memory_print("a mesh with empty tables, bytes",
	              (double)(heap_count_bytes() - before), MEMORY_EMPTY)
	              ? 0
	              : 1;
	missed += memory_print("one of 20 000 origins, bytes",
	              memory_of_origins(lab), MEMORY_ORIGIN)
	              ? 0
	              : 1;
	missed += memory_print("one of up to 20 000 tombstones, bytes",
	              memory_of_tombstones(lab), MEMORY_TOMB)
	              ? 0
	              : 1;
	(void)lab_teardown(&state);
	return missed + (memory_print("left when it ends, bytes",
	                     (double)(heap_count_bytes() - before), 0)
	                        ? 0
	                        : 1);
}

/* Sums over the hours of a run.  Tombstones stand beside the rest: they are
 * for ever, one for each node that was, up to their limit. */
struct memory_hours {
	double begin_s;
	double rest[MEMORY_HOURS], tombstones[MEMORY_HOURS];
	unsigned count[MEMORY_HOURS];
};

static void
memory_watch(void *ctx, double now_s, uint32_t meshes, size_t tombstones)
{
	struct memory_hours *hours = ctx;
	double hour = (now_s - hours->begin_s) / MEMORY_HOUR_S;

	if (hour >= 0 && hour < MEMORY_HOURS && meshes > 0) {
		hours->rest[(int)hour] += (double)(heap_count_bytes() -
		                                   tombstones) /
		                          meshes;
		hours->tombstones[(int)hour] += (double)tombstones / meshes;
		hours->count[(int)hour]++;
	}
}

/* How far an hour is from the second one, at the most; a share of it.  The
 * first one fills the tables. */
static double
memory_spread(const struct memory_hours *hours)
{
	double base = hours->rest[1] / hours->count[1];
	double most = 0;

	for (int i = 0; i < MEMORY_HOURS; i++) {
		double mean = hours->rest[i] / hours->count[i];
		double off = mean > base ? mean / base - 1 : 1 - mean / base;

		(void)printf("     hour %2d  %10.0f bytes a node, and %7.0f of "
		             "tombstones\n",
		    i + 1, mean, hours->tombstones[i] / hours->count[i]);
		most = i > 1 && off > most ? off : most;
	}
	return most;
}

static unsigned
memory_of_churn(void)
{
	struct memory_hours hours = { 0 };
	struct sim_config config;
	struct sim_result result;
	struct diag diag = { "" };

	sim_config_init(&config);
	config.nodes = MEMORY_NODES;
	config.senders = 3;
	config.rate = 0.2;
	config.presence = true;
	config.churn_per_s = MEMORY_CHURN;
	config.event_s = (double)MEMORY_HOURS * MEMORY_HOUR_S;
	config.drain_s = 66;
	config.promises = true;
	config.watch = memory_watch;
	config.watch_ctx = &hours;
	hours.begin_s = config.settle_s + config.warm_s + config.steady_s;
	if (sim_run(&config, &result, &diag) != ERR_OK) {
		(void)printf("%s\n", diag.text);
		return 1;
	}
	if (result.violation[0] != '\0') {
		(void)printf("VIOLATION %s\n", result.violation);
		return 1;
	}
	(void)printf("     %.1f virtual hours, %.0f s CPU, %llu nodes went and "
	             "others came\n",
	    result.virtual_s / MEMORY_HOUR_S, result.cpu_s,
	    (unsigned long long)result.seen[SEEN_JOIN]);
	return memory_print("24 h of churn: off the 2nd hour",
	           memory_spread(&hours), MEMORY_SPREAD)
	           ? 0
	           : 1;
}

int
main(void)
{
	struct diag diag = { "" };
	unsigned missed;

	if (log_open(&(struct log_config){ .filter = "error" }, &diag) !=
	    ERR_OK) {
		return 1;
	}
	missed = memory_of_tables() + memory_of_churn();
	(void)printf("%u figures missed that must hold\n", missed);
	return missed == 0 ? 0 : 1;
}
