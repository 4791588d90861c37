/* SPDX-License-Identifier: MIT
 * admit.c - see admit.h. */

#include "net/admit.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM        1
#define uthash_nonfatal_oom(elt) ((elt)->lost = true)
#include <uthash.h>

#include "wire/nodeid.h"

struct source {
	struct in6_addr addr; /* its first */
	uint32_t open, handshakes;
	uint32_t entered; /* in the window that began at since_ms */
	uint64_t since_ms;
	bool lost; /* the table had no memory for it */
	UT_hash_handle hh;
};

struct admit {
	struct source *sources;
	uint64_t salt;
};

enum err
admit_create(struct admit **admit, uint64_t salt)
{
	struct admit *made = calloc(1, sizeof(*made));

	if (made == NULL) {
		return ERR_NOMEM;
	}
	made->salt = salt;
	*admit = made;
	return ERR_OK;
}

static void
admit_forget(struct admit *admit, struct source *source)
{
	/* The analyser loses track of the table that HASH_DEL may free. */
	HASH_DEL(admit->sources, source); /* NOLINT(clang-analyzer-unix.*) */
	free(source);
}

void
admit_destroy(struct admit *admit)
{
	struct source *source;
	struct source *next;

	if (admit == NULL) {
		return;
	}
	HASH_ITER(hh, admit->sources, source, next)
	{
		admit_forget(admit, source);
	}
	free(admit);
}

/* ::ffff:127.0.0.1 too: every address is kept in its IPv6 form. */
static bool
admit_is_loopback(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_LOOPBACK(addr) ||
	       (IN6_IS_ADDR_V4MAPPED(addr) && addr->s6_addr[12] == 127);
}

/* The source's first address.  2000::/3 are the global ones that providers hand
 * out; mapped IPv4 is not among them. */
static struct in6_addr
admit_source(const struct in6_addr *addr)
{
	struct in6_addr first = *addr;

	if (addr->s6_addr[0] >> 5 == 1) {
		memset(&first.s6_addr[8], 0, 8);
	}
	return first;
}

/* An address has the size of a node id. */
static unsigned
admit_hash(const struct admit *admit, const struct in6_addr *addr)
{
	struct nodeid id;

	_Static_assert(sizeof(id) == sizeof(*addr), "not of one size");
	memcpy(&id, addr, sizeof(id));
	return (unsigned)nodeid_hash(&id, admit->salt);
}

static struct source *
admit_find(struct admit *admit, const struct in6_addr *addr)
{
	const struct in6_addr first = admit_source(addr);
	struct source *source;

	HASH_FIND_BYHASHVALUE(hh, admit->sources, &first, sizeof(first),
	    admit_hash(admit, &first), source);
	return source;
}

static struct source *
admit_add(struct admit *admit, const struct in6_addr *addr, uint64_t now_ms)
{
	struct source *source = calloc(1, sizeof(*source));

	if (source == NULL) {
		return NULL;
	}
	source->addr = admit_source(addr);
	source->since_ms = now_ms;
	HASH_ADD_BYHASHVALUE(hh, admit->sources, addr, sizeof(source->addr),
	    admit_hash(admit, &source->addr), source);
	if (source->lost) {
		free(source);
		return NULL;
	}
	return source;
}

enum admit_verdict
admit_enter(struct admit *admit, const struct in6_addr *addr, uint64_t now_ms)
{
	struct source *source;

	if (admit_is_loopback(addr)) {
		return ADMIT_OK;
	}
	source = admit_find(admit, addr);
	if (source == NULL) {
		source = admit_add(admit, addr, now_ms);
	}
	if (source == NULL) {
		return ADMIT_NOMEM;
	}
	if (now_ms - source->since_ms >= 1000) {
		source->since_ms = now_ms;
		source->entered = 0;
	}
	if (source->open >= ADMIT_OPEN_MAX) {
		return ADMIT_TOO_MANY;
	}
	if (source->handshakes >= ADMIT_HANDSHAKE_MAX) {
		return ADMIT_TOO_MANY_HANDSHAKES;
	}
	if (source->entered >= ADMIT_RATE_MAX) {
		return ADMIT_TOO_FAST;
	}
	source->entered++;
	source->open++;
	source->handshakes++;
	return ADMIT_OK;
}

void
admit_upgraded(struct admit *admit, const struct in6_addr *addr)
{
	struct source *source = admit_find(admit, addr);

	if (source != NULL) {
		source->handshakes--;
	}
}

void
admit_leave(struct admit *admit, const struct in6_addr *addr, bool upgraded)
{
	struct source *source = admit_find(admit, addr);

	if (source != NULL) {
		source->open--;
		source->handshakes -= upgraded ? 0 : 1;
	}
}

size_t
admit_count(const struct admit *admit)
{
	return HASH_COUNT(admit->sources);
}

void
admit_sweep(struct admit *admit, uint64_t now_ms)
{
	struct source *source;
	struct source *next;

	HASH_ITER(hh, admit->sources, source, next)
	{
		if (source->open == 0 && now_ms - source->since_ms >= 1000) {
			admit_forget(admit, source);
		}
	}
}
