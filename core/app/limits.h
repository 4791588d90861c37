/* SPDX-License-Identifier: MIT
 * limits.h - what the process may use, and who may look into it. */
#ifndef APP_LIMITS_H
#define APP_LIMITS_H

#include <stdbool.h>

#include "app/config.h"
#include "base/err.h"

/* Fill closed standard descriptors with /dev/null: a socket or a log would get
 * their numbers, and what is printed.  ERR_SYSTEM: out of descriptors. */
NODISCARD enum err limits_fill_descriptors(void);

/* As many descriptors as we may have, and no core dump with others' messages
 * unless --allow-core.  ERR_SYSTEM: too few; `diag` says so. */
NODISCARD enum err limits_set(const struct config *config, struct diag *diag);

#endif
