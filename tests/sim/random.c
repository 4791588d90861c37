/* SPDX-License-Identifier: MIT
 * random.c - sim_random FIRST COUNT: so many random scenarios; every seed that
 * breaks an invariant is printed with the command that replays it.  At the end:
 * which faults really struck, and in how many scenarios. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "heap_count.h"
#include "sim/sim.h"

enum {
	RANDOM_FAILURES_MAX = 10,
	RANDOM_ENOUGH = 2000, /* scenarios in which each fault must strike */
};

/* In how many scenarios each fault really struck, and how often. */
struct random_seen {
	uint64_t runs[SEEN_COUNT];
	uint64_t times[SEEN_COUNT];
	uint64_t events;
	uint64_t hash; /* FNV-1a of the hashes */
};

static void
random_count(struct random_seen *seen, const struct sim_result *result)
{
	seen->events += result->events;
	seen->hash = (seen->hash ^ result->hash) * UINT64_C(0x100000001b3);
	for (int i = 0; i < SEEN_COUNT; i++) {
		seen->runs[i] += result->seen[i] > 0 ? 1 : 0;
		seen->times[i] += result->seen[i];
	}
}

/* Returns how many faults never struck. */
static unsigned
random_print(const struct random_seen *seen)
{
	unsigned never = 0;

	(void)printf("%-28s %9s %12s\n", "", "scenarios", "times");
	for (int i = 0; i < SEEN_COUNT; i++) {
		never += seen->runs[i] == 0 ? 1 : 0;
		(void)printf("%-28s %9llu %12llu\n", seen_names[i],
		    (unsigned long long)seen->runs[i],
		    (unsigned long long)seen->times[i]);
	}
	return never;
}

static bool
random_holds(uint64_t seed, struct random_seen *seen)
{
	struct sim_config config;
	struct sim_result result;
	struct diag diag = { "" };

	sim_config_random(&config, seed);
	config.promises = true;
	config.starve = heap_count_starve;
	if (sim_run(&config, &result, &diag) != ERR_OK) {
		(void)printf(
		    "seed %llu: %s\n", (unsigned long long)seed, diag.text);
		return false;
	}
	random_count(seen, &result);
	if (result.violation[0] == '\0') {
		return true;
	}
	(void)printf("seed %llu: %s\n  replay: ", (unsigned long long)seed,
	    result.violation);
	(void)printf(config.starve_per_s > 0
	                 ? "sim_random %llu 1\n"
	                 : "gvctl sim --random %llu --promises\n",
	    (unsigned long long)seed);
	return false;
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
	struct random_seen seen = { .hash = UINT64_C(0xcbf29ce484222325) };
	unsigned failures = 0;
	unsigned never;
	struct diag diag;

	if (log_open(&(struct log_config){ .filter = "error" }, &diag) !=
	    ERR_OK) {
		(void)printf("%s\n", diag.text);
		return 1;
	}
	for (uint64_t i = 0; i < count && failures < RANDOM_FAILURES_MAX; i++) {
		failures += random_holds(first + i, &seen) ? 0 : 1;
	}
	never = random_print(&seen);
	(void)printf("%llu scenarios, %llu events, hash %016llx, %u failures\n",
	    (unsigned long long)count, (unsigned long long)seen.events,
	    (unsigned long long)seen.hash, failures);
	if (never > 0 && count >= RANDOM_ENOUGH) {
		(void)printf("%u faults never struck\n", never);
		return 1;
	}
	return failures == 0 ? 0 : 1;
}
