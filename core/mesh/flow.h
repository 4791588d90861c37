/* SPDX-License-Identifier: MIT
 * flow.h - links that do not keep up (PROTOCOL 10).
 *
 * Over SOFT: whoever fills the queue is pressed, a while; if that does not
 * help, or not enough, the link gets announcements instead of messages until
 * its queue is under half of SOFT.  Over HARD: it goes. */
#ifndef MESH_FLOW_H
#define MESH_FLOW_H

#include <stdint.h>

#include "mesh/inside.h"

#define FLOW_PRESS_MS 1000u /* over SOFT before it gets announcements only */
#define FLOW_NEAR     4u    /* or over SOFT by this part of the way to HARD */
#define FLOW_LOOK_MS  50u   /* between looks at a queue over SOFT */

/* Look at the queues of all links. */
void flow_look(struct mesh *mesh);

/* The same, once enough was queued since the last look, or it is time. */
static inline void
flow_check(struct mesh *mesh)
{
	if (UNLIKELY(mesh->unchecked >= mesh->check_every ||
	             mesh->now_ms >= mesh->spread.flow_ms)) {
		flow_look(mesh);
	}
}

#endif
