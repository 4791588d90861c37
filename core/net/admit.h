/* SPDX-License-Identifier: MIT
 * admit.h - how many connections one source may hold.
 *
 * A source is an address; of global IPv6 addresses the /64, as who has one of
 * them has them all.  Loopback addresses are not limited (SAFETY: a reverse
 * proxy, or the same person).  sans-I/O, time is an argument. */
#ifndef NET_ADMIT_H
#define NET_ADMIT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define ADMIT_OPEN_MAX      64u /* connections of a source */
#define ADMIT_HANDSHAKE_MAX 16u /* of them not yet upgraded */
#define ADMIT_RATE_MAX      20u /* new ones a second */

struct admit;

enum admit_verdict {
	ADMIT_OK,
	ADMIT_TOO_MANY,
	ADMIT_TOO_MANY_HANDSHAKES,
	ADMIT_TOO_FAST,
	ADMIT_NOMEM,
};

/* `salt`: a random number.  Addresses are chosen by others, who may have many:
 * nobody may know it. */
NODISCARD enum err admit_create(struct admit **admit, uint64_t salt);
void admit_destroy(struct admit *admit);

/* A connection from `addr` wants in; ADMIT_OK counts it. */
enum admit_verdict admit_enter(
    struct admit *admit, const struct in6_addr *addr, uint64_t now_ms);
/* It was upgraded. */
void admit_upgraded(struct admit *admit, const struct in6_addr *addr);
/* It is gone; `upgraded` as told before. */
void admit_leave(
    struct admit *admit, const struct in6_addr *addr, bool upgraded);
/* Sources that are counted now. */
size_t admit_count(const struct admit *admit);

/* Forget sources without connections whose rate window is over. */
void admit_sweep(struct admit *admit, uint64_t now_ms);

#endif
