/* SPDX-License-Identifier: MIT
 * figures.h - the figures that the mesh must reach: how they are measured
 * (options of gvctl sim), and the targets. */
#ifndef TESTS_SIM_FIGURES_H
#define TESTS_SIM_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/result.h"

#define FIGURES_MAX 12 /* of a run */

struct figure {
	bool on; /* it must hold; otherwise it is only shown */
	const char *id;
	const char *what;
	double (*measure)(const struct sim_result *result);
	char relation; /* '<': at most the target, '>': at least */
	double target;
};

struct figure_run {
	const char *options;
	bool full; /* takes minutes: with --full only */
	struct figure figures[FIGURES_MAX]; /* up to one without id */
};

extern const struct figure_run figure_runs[];
extern const size_t figure_run_count;

#endif
