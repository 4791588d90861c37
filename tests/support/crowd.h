/* SPDX-License-Identifier: MIT
 * crowd.h - a handful of real nodes that find their links themselves, with a
 * client on each, and what these owe each other: each message to every client
 * that listened when it was published, once.
 *
 * A set of nodes is a mask: bit i is node i, named n<i>. */
#ifndef TESTS_SUPPORT_CROWD_H
#define TESTS_SUPPORT_CROWD_H

#include <stdbool.h>
#include <stddef.h>

#include "support/client.h"
#include "support/daemon.h"

#define CROWD_NODES  8
#define CROWD_ROUNDS 64 /* messages of a node, at most */
#define CROWD_ALL    ((1U << CROWD_NODES) - 1)

struct crowd {
	struct daemon *nodes[CROWD_NODES];   /* NULL: none */
	struct client *clients[CROWD_NODES]; /* NULL: nobody listens */
	const char *join;                    /* NULL: node 0 on 127.0.0.1 */
	unsigned said[CROWD_NODES];
	/* Of the reader, the author and his number. */
	bool due[CROWD_NODES][CROWD_NODES][CROWD_ROUNDS];
	bool seen[CROWD_NODES][CROWD_NODES][CROWD_ROUNDS];
};

/* Start node `i` with `more` arguments, again if it has ended.  All but node 0
 * are given an address to join by.  Waits until it is ready. */
void crowd_launch(struct crowd *crowd, unsigned i, const char *more);
/* All of them, with `more`. */
void crowd_start(struct crowd *crowd, const char *more);
/* SIGKILL; nothing is owed to it any more. */
void crowd_kill(struct crowd *crowd, unsigned i);

/* Until those of `nodes` are one component, of `atleast` links each, none of
 * them to somebody else. */
void crowd_wait_whole(struct crowd *crowd, unsigned nodes, int atleast);

/* Connect a client; disconnect it: nothing is owed to it any more. */
void crowd_listen(struct crowd *crowd, unsigned i);
void crowd_listen_all(struct crowd *crowd);
void crowd_leave(struct crowd *crowd, unsigned i);

/* So many messages of each of `authors`, in turns. */
void crowd_publish(struct crowd *crowd, unsigned authors, unsigned count);
/* Each of `readers` reads what it is owed; it may come in any order, but
 * nothing may come twice. */
void crowd_read(struct crowd *crowd, unsigned readers);
/* The same, then nothing may follow, and no gap was told. */
void crowd_check(struct crowd *crowd, unsigned readers);

#endif
