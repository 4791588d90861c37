/* SPDX-License-Identifier: MIT
 * figures.c - sim_figures [--full]: measure, print the table, fail if a figure
 * is missed.  --full adds the large networks, with their progress. */

#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/sim_option.h"
#include "sim/sim.h"

enum { FIGURES_ARGS = 32, FIGURES_LINE = 256 };

/* Run it with this seed, as gvctl sim would. */
static enum err
figures_run(const struct figure_run *run, unsigned seed,
    struct sim_result *result, struct diag *diag)
{
	static char name[] = "sim";
	char line[FIGURES_LINE];
	char *argv[FIGURES_ARGS] = { name };
	struct sim_options options;
	int argc = 1;
	enum err err;

	(void)snprintf(line, sizeof(line), "%s --seed %u", run->options, seed);
	for (char *at = line; *at != '\0' && argc < FIGURES_ARGS - 1;) {
		size_t len = strcspn(at, " ");

		argv[argc++] = at;
		at += len;
		if (*at == ' ') {
			*at++ = '\0';
		}
	}
	argv[argc] = NULL;
	err = sim_options_parse(&options, argc, argv, diag);
	options.config.progress = run->full;
	return err == ERR_OK ? sim_run(&options.config, result, diag) : err;
}

static bool
figure_holds(const struct figure *figure, double value)
{
	return figure->relation == '<' ? value <= figure->target
	                               : value >= figure->target;
}

/* The worst of the seeds, or their mean. */
static double
figure_value(const struct figure *figure, const struct sim_result *results,
    unsigned seeds)
{
	double worst = figure->measure(&results[0]);
	double sum = 0;

	for (unsigned i = 0; i < seeds; i++) {
		double value = figure->measure(&results[i]);
		bool is_worse = figure->relation == '<' ? value > worst
		                                        : value < worst;

		sum += value;
		worst = is_worse ? value : worst;
	}
	return figure->relation == '~' ? sum / seeds : worst;
}

/* False: missed. */
static bool
figure_print(const struct figure *figure, const struct sim_result *results,
    unsigned seeds)
{
	double value = figure_value(figure, results, seeds);
	bool holds = figure_holds(figure, value);

	(void)printf("%-4s %-40s %12.6g  %s %-10g %s\n", figure->id,
	    figure->what, value,
	    figure->relation == '<' ? "<=" : ">=", figure->target,
	    holds ? "ok" : "MISSED");
	return holds;
}

/* Returns how many were missed. */
static unsigned
figures_of_run(const struct figure_run *run)
{
	struct sim_result results[FIGURES_SEEDS_MAX];
	struct diag diag = { "" };
	uint64_t began_ns = clock_now_ns();
	unsigned missed = 0;
	double events = 0;

	(void)printf("\ngvctl sim %s", run->options);
	(void)printf(run->seeds > 1 ? " --seed 1..%u\n" : "\n", run->seeds);
	(void)fflush(stdout);
	for (unsigned i = 0; i < run->seeds; i++) {
		if (figures_run(run, i + 1, &results[i], &diag) != ERR_OK) {
			(void)printf("%s\n", diag.text);
			return 1;
		}
		if (results[i].violation[0] != '\0') {
			(void)printf(
			    "seed %u: %s\n", i + 1, results[i].violation);
			missed++;
		}
		events += (double)results[i].events / 1e6;
	}
	for (size_t i = 0; i < FIGURES_MAX && run->figures[i].id != NULL; i++) {
		missed += figure_print(&run->figures[i], results, run->seeds)
		              ? 0
		              : 1;
	}
	(void)printf("     %.0f s, %.1f M events\n",
	    (double)(clock_now_ns() - began_ns) / 1e9, events);
	return missed;
}

int
main(int argc, char **argv)
{
	struct diag diag = { "" };
	bool full = argc > 1 && strcmp(argv[1], "--full") == 0;
	unsigned missed = 0;

	if (log_open(&(struct log_config){ .filter = "error" }, &diag) !=
	    ERR_OK) {
		return 1;
	}
	for (size_t i = 0; i < figure_run_count; i++) {
		const struct figure_run *run = &figure_runs[i];

		if (full || !run->full) {
			missed += figures_of_run(run);
		}
	}
	(void)printf("\n%u figures missed\n", missed);
	return missed == 0 ? 0 : 1;
}
