/* SPDX-License-Identifier: MIT
 * figures.c - sim_figures [--all] [--full]: measure, print the table, fail if
 * a figure that must hold does not.  --all shows the others too, --full adds
 * the large networks. */

#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ctl/sim_option.h"
#include "sim/sim.h"

enum { FIGURES_ARGS = 32, FIGURES_LINE = 256 };

/* Run `options` as gvctl sim would. */
static enum err
figures_run(const char *text, struct sim_result *result, struct diag *diag)
{
	static char name[] = "sim";
	char line[FIGURES_LINE];
	char *argv[FIGURES_ARGS] = { name };
	struct sim_options options;
	int argc = 1;
	enum err err;

	(void)snprintf(line, sizeof(line), "%s", text);
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
	return err == ERR_OK ? sim_run(&options.config, result, diag) : err;
}

static bool
figure_holds(const struct figure *figure, double value)
{
	return figure->relation == '<' ? value <= figure->target
	                               : value >= figure->target;
}

/* False: it must hold and does not. */
static bool
figure_print(const struct figure *figure, const struct sim_result *result)
{
	double value = figure->measure(result);
	bool is_broken = result->violation[0] != '\0';
	bool holds = figure_holds(figure, value) && !is_broken;

	(void)printf("%-4s %-40s %12.6g  %s %-10g %s%s\n", figure->id,
	    figure->what, value,
	    figure->relation == '<' ? "<=" : ">=", figure->target,
	    holds ? "ok" : "MISSED", figure->on ? "" : " (not asked for)");
	return holds || !figure->on;
}

/* How many figures of this run must hold. */
static unsigned
figures_on(const struct figure_run *run)
{
	unsigned count = 0;

	for (size_t i = 0; i < FIGURES_MAX && run->figures[i].id != NULL; i++) {
		count += run->figures[i].on ? 1 : 0;
	}
	return count;
}

/* Returns how many were missed that must hold. */
static unsigned
figures_of_run(const struct figure_run *run, bool all)
{
	struct sim_result result;
	struct diag diag = { "" };
	unsigned missed = 0;

	(void)printf("\ngvctl sim %s\n", run->options);
	(void)fflush(stdout);
	if (figures_run(run->options, &result, &diag) != ERR_OK) {
		(void)printf("%s\n", diag.text);
		return 1;
	}
	if (result.violation[0] != '\0') {
		(void)printf("VIOLATION %s\n", result.violation);
	}
	for (size_t i = 0; i < FIGURES_MAX && run->figures[i].id != NULL; i++) {
		const struct figure *figure = &run->figures[i];

		if (figure->on || all) {
			missed += figure_print(figure, &result) ? 0 : 1;
		}
	}
	(void)printf("     %.0f s CPU, %.1f M events\n", result.cpu_s,
	    (double)result.events / 1e6);
	return missed;
}

int
main(int argc, char **argv)
{
	struct diag diag = { "" };
	bool all = false;
	bool full = false;
	unsigned missed = 0;

	for (int i = 1; i < argc; i++) {
		all |= strcmp(argv[i], "--all") == 0;
		full |= strcmp(argv[i], "--full") == 0;
	}
	if (log_open(&(struct log_config){ .filter = "error" }, &diag) !=
	    ERR_OK) {
		return 1;
	}
	for (size_t i = 0; i < figure_run_count; i++) {
		const struct figure_run *run = &figure_runs[i];

		if ((full || !run->full) && (all || figures_on(run) > 0)) {
			missed += figures_of_run(run, all);
		}
	}
	(void)printf("\n%u figures missed that must hold\n", missed);
	return missed == 0 ? 0 : 1;
}
