/* SPDX-License-Identifier: MIT
 * dispatcher.h - the thread that calls the plugins. */
#ifndef HOST_DISPATCHER_H
#define HOST_DISPATCHER_H

#include "base/err.h"

struct host;

/* Run the thread `gv-dispatch` over a host whose plugins have started.  It
 * ends when the inbox is closed and empty, after stopping the plugins.
 * ERR_SYSTEM. */
NODISCARD enum err dispatcher_start(struct host *host, struct diag *diag);

#endif
