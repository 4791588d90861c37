/* SPDX-License-Identifier: MIT
 * figures.h - the figures that the mesh must reach: how they are measured
 * (options of gvctl sim), and the targets. */
#ifndef TESTS_SIM_FIGURES_H
#define TESTS_SIM_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/result.h"

#define FIGURES_MAX       16 /* of a run */
#define FIGURES_SEEDS_MAX 5u

struct figure {
	const char *id;
	const char *what;
	double (*measure)(const struct sim_result *result);
	/* Of the worst seed, '<': at most the target, '>': at least;
	 * '~': the mean of the seeds is at least the target. */
	char relation;
	double target;
};

struct figure_run {
	const char *options;
	unsigned seeds; /* 1 .. so many, FIGURES_SEEDS_MAX at the most */
	bool full;      /* takes minutes: with --full only */
	struct figure figures[FIGURES_MAX]; /* up to one without id */
};

extern const struct figure_run figure_runs[];
extern const size_t figure_run_count;

#endif
