/* SPDX-License-Identifier: MIT
 * split.h - two networks with a wire between them that can be cut.
 *
 * Whoever is started, and whoever connects, does so in the network that this
 * process is in at that time.  Each has a 127.0.0.1 of its own.  They vanish
 * with the processes in them. */
#ifndef TESTS_SUPPORT_SPLIT_H
#define TESTS_SUPPORT_SPLIT_H

#include <stdbool.h>

/* Their addresses on the wire. */
extern const char *const split_hosts[2];

/* Make them; this process is in one of them then.  False, and said why: only
 * root may, or there is no `ip`. */
bool split_open(void);
/* Go into network 0 or 1. */
void split_enter(unsigned side);
/* Cut the wire without a word to either side; mend it. */
void split_cut(void);
void split_heal(void);
/* Back to where this process began; nothing happens if it is there. */
void split_close(void);

#endif
