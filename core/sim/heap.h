/* SPDX-License-Identifier: MIT
 * heap.h - what happens next: events in virtual time.  Events of one instant
 * come out in the order in which they went in. */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum event_kind {
	EVENT_ARRIVE,      /* what: vend that a packet reaches */
	EVENT_TICK,        /* what: vnode */
	EVENT_READER,      /* what: vnode that has input waiting */
	EVENT_REOPEN,      /* what: vend that is read again */
	EVENT_ACCEPT,      /* what: vconn whose dial reaches the listener */
	EVENT_OPENED,      /* what: vconn whose dial has succeeded */
	EVENT_DIAL_FAILED, /* what: vconn */
	EVENT_CLOSED,      /* what: vend whose mesh is told now */
	EVENT_CLOSE_LATE,  /* what: vend whose Close was not answered */
	EVENT_STALL,       /* what: vend whose queue may be stuck */
	EVENT_JOIN,        /* what: vnode */
	EVENT_LEFT,        /* what: vnode that has said goodbye */
	EVENT_RESUME,      /* what: vnode that was stopped */
	EVENT_PUBLISH,     /* number: sender */
	EVENT_FAULT,       /* number: enum fault_kind */
	EVENT_PHASE,       /* number: enum phase that begins */
	EVENT_SAMPLE,      /* is the network one component? */
	EVENT_CHECK,       /* the dear invariants */
	EVENT_KINDS,
};

struct event {
	uint64_t at_us;
	uint64_t order;
	void *what;
	uint32_t number;
	uint8_t kind;
};

struct heap {
	struct event *events;
	size_t count, cap;
	uint64_t order;
};

void heap_init(struct heap *heap);
void heap_fini(struct heap *heap);

/* Copies `event`; `order` is filled in.  ERR_NOMEM. */
NODISCARD enum err heap_push(struct heap *heap, struct event event);

/* Takes the next event; the heap is not empty. */
struct event heap_pop(struct heap *heap);

#endif
