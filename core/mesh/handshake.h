/* SPDX-License-Identifier: MIT
 * handshake.h - from an open connection to a link that is UP (PROTOCOL 4). */
#ifndef MESH_HANDSHAKE_H
#define MESH_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/link.h"
#include "wire/record.h"

/* The dialled connection is open: say HELLO. */
void handshake_start(struct link *link);

/* Count one more record of a link that is not UP; false: it is too long, or all
 * of them are. */
bool handshake_takes(struct link *link, const struct record *record);

/* The steps, each in the one state where it is due (mesh.c). */
void handshake_on_hello(struct link *link, const struct record *record);
void handshake_on_welcome(struct link *link, const struct record *record);
void handshake_on_auth(struct link *link, const struct record *record);
void handshake_on_welcome2(struct link *link, const struct record *record);

/* The link knows ids of ours that we do not: from an earlier life with the same
 * node id.  Number behind them, or nobody would take ours; and tell the others
 * where that life ended (sync_on_own). */
void handshake_pass(struct link *link, uint64_t last_seq);

#endif
