/* SPDX-License-Identifier: MIT
 * repair.h - answers to GRAFT: messages again, or that they are gone
 * (PROTOCOL 9). */
#ifndef MESH_REPAIR_H
#define MESH_REPAIR_H

#include <stdint.h>

#include "mesh/link.h"
#include "wire/record_array.h"

/* GRAFT came, within limits.  A link whose queue is over SOFT
 * gets no more: it will ask again. */
void repair_on_graft(struct link *link, struct record_array *list);

#endif
