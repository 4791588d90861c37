/* SPDX-License-Identifier: MIT
 * report.h - a result for people, and for programs. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "base/buf.h"
#include "sim/config.h"
#include "sim/result.h"

/* Append a table.  ERR_NOMEM. */
NODISCARD enum err report_text(struct buf *out, const struct sim_config *config,
    const struct sim_result *result);
/* Append one JSON object with everything, and a newline.  ERR_NOMEM. */
NODISCARD enum err report_json(struct buf *out, const struct sim_config *config,
    const struct sim_result *result);

#endif
