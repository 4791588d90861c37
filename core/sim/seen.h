/* SPDX-License-Identifier: MIT
 * seen.h - which faults a run really has brought about, and how often: one
 * that is asked for and never strikes proves nothing. */
#ifndef SIM_SEEN_H
#define SIM_SEEN_H

#include <stdint.h>

enum seen {
	SEEN_LATENCY,        /* packets that took time, */
	SEEN_JITTER,         /* and more than their pair's */
	SEEN_LOSS,           /* links reset */
	SEEN_CUT,            /* packets that a partition held back */
	SEEN_CRASH_RESET,    /* nodes */
	SEEN_CRASH_SILENT,   /* nodes, without resets */
	SEEN_LEAVE,          /* nodes said goodbye */
	SEEN_JOIN,           /* nodes, after the traffic began */
	SEEN_RESTART_SAVED,  /* nodes, with the same id, */
	SEEN_RESTART_FORGOT, /* and without what they had saved */
	SEEN_CLOCK_STEP,     /* of these, with a clock gone back */
	SEEN_PAUSE,          /* nodes */
	SEEN_SILENT,         /* messages that their authors held back */
	SEEN_SLOW,           /* nodes */
	SEEN_SOFT,           /* links that got announcements only */
	SEEN_HARD,           /* links closed with BYE 8 */
	SEEN_HISTORY,        /* messages that left a history early */
	SEEN_GONE,           /* runs that nobody had any more */
	SEEN_WINDOW,         /* windows that grew lest numbers fell off */
	SEEN_WINDOW_LOST,    /* numbers that fell off nevertheless */
	SEEN_GAP,            /* ids told as lost */
	SEEN_AUTH,           /* links that came up with a key */
	SEEN_OTHER_KEY,      /* handshakes that ended with BYE 7 because of */
	SEEN_NO_KEY,         /* a node with another key, or without */
	SEEN_LIE,            /* records told by liars; of them */
	SEEN_FORGERY,        /* under the id of another, */
	SEEN_BELIEVED,       /* messages delivered, */
	SEEN_ABUSE,          /* floods that ended with BYE 9 */
	SEEN_IMITATION,      /* liars that joined under the id of another, */
	SEEN_TWIN,           /* links that ended because of that, */
	SEEN_RENAMED,        /* and nodes that took a new id */
	SEEN_PRESENCE,       /* messages */
	SEEN_RING,           /* links redialled in a mesh that is given; */
	SEEN_LINE,           /* one for each enum shape, in its order */
	SEEN_STAR,
	SEEN_TREE,
	SEEN_STARVE,        /* nodes without memory, for a while */
	SEEN_NOMEM,         /* what they dropped because of it */
	SEEN_SMALL,         /* messages larger than a link takes */
	SEEN_UNICAST,       /* messages for one node, on a way known, */
	SEEN_UNICAST_FLOOD, /* and through everybody */
	SEEN_UNICAST_LOST,  /* of the first kind: no way on */
	SEEN_COUNT,
};

extern const char *const seen_names[SEEN_COUNT];

struct vnode;

/* The mesh of this node ends, or the run does: what it has counted. */
void seen_add(uint64_t seen[SEEN_COUNT], const struct vnode *node);

#endif
