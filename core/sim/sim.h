/* SPDX-License-Identifier: MIT
 * sim.h - many real meshes on a virtual network, in virtual time.  A run is a
 * pure function of its configuration: the same seed, the same hash. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/err.h"
#include "sim/config.h"
#include "sim/result.h"

/* Run it to the end, or to the first violation.  ERR_NOMEM; ERR_INVALID:
 * `diag` says what makes no sense. */
NODISCARD enum err sim_run(const struct sim_config *config,
    struct sim_result *result, struct diag *diag);

#endif
