/* SPDX-License-Identifier: MIT
 * random.c - sim_random FIRST COUNT: so many random scenarios; every seed that
 * breaks an invariant is printed with the command that replays it. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sim/sim.h"

enum { RANDOM_FAILURES_MAX = 10 };

/* What the protocol does not do yet is not asked of it. */
static const bool random_has_membership = true;
static const bool random_has_repair = true;
static const bool random_has_expiry = false; /* gaps of what nobody has */

static bool
random_holds(uint64_t seed, uint64_t *events)
{
	struct sim_config config;
	struct sim_result result;
	struct diag diag = { "" };

	sim_config_random(&config, seed);
	config.is_static = !random_has_membership;
	config.promises = random_has_repair &&
	                  (random_has_expiry ||
	                      (config.history == 0 && config.rate < 100));
	if (sim_run(&config, &result, &diag) != ERR_OK) {
		(void)printf(
		    "seed %llu: %s\n", (unsigned long long)seed, diag.text);
		return false;
	}
	*events += result.events;
	if (result.violation[0] == '\0') {
		return true;
	}
	(void)printf("seed %llu: %s\n  replay: gvctl sim --random %llu%s%s\n",
	    (unsigned long long)seed, result.violation,
	    (unsigned long long)seed, config.is_static ? " --mesh static" : "",
	    config.promises ? " --promises" : "");
	return false;
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
	uint64_t events = 0;
	unsigned failures = 0;
	struct diag diag;

	if (log_open(&(struct log_config){ .filter = "error" }, &diag) !=
	    ERR_OK) {
		(void)printf("%s\n", diag.text);
		return 1;
	}
	for (uint64_t i = 0; i < count && failures < RANDOM_FAILURES_MAX; i++) {
		failures += random_holds(first + i, &events) ? 0 : 1;
	}
	(void)printf("%llu scenarios, %llu events, %u failures\n",
	    (unsigned long long)count, (unsigned long long)events, failures);
	return failures == 0 ? 0 : 1;
}
