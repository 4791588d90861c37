/* SPDX-License-Identifier: MIT
 * api.h - struct gv_host: what plugins may ask of the node. */
#ifndef HOST_API_H
#define HOST_API_H

#include <grapevine/plugin.h>

/* Fill in the functions; the table must be the `api` of a struct plugin. */
void api_init(struct gv_host *api);

#endif
