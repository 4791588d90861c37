/* SPDX-License-Identifier: MIT
 * handshake.h - from an open connection to a link that is UP (PROTOCOL 4). */
#ifndef MESH_HANDSHAKE_H
#define MESH_HANDSHAKE_H

#include <stdint.h>

#include "mesh/link.h"
#include "wire/record.h"

/* The dialled connection is open: say HELLO. */
void handshake_start(struct link *link, uint64_t now_ms);

/* One record of a link that is not UP yet. */
void handshake_on_record(
    struct link *link, uint64_t now_ms, const struct record *record);

/* The mesh remembers ids of ours that we do not: from an earlier life with the
 * same node id.  Number behind them, or nobody would take ours. */
void handshake_pass(struct mesh *mesh, uint64_t last_seq, uint64_t now_ms);

#endif
