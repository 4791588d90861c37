/* SPDX-License-Identifier: MIT
 * bootstrap.c - see bootstrap.h. */

#include "mesh/bootstrap.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mesh/inside.h"

enum { BOOTSTRAP_DOUBLINGS = 6 }; /* 1 s to 60 s */

enum err
bootstrap_init(struct bootstrap *bootstrap, const char *const *urls,
    size_t count, struct diag *diag)
{
	bootstrap->seeds = NULL;
	bootstrap->count = 0;
	if (count == 0) {
		return ERR_OK;
	}
	bootstrap->seeds = calloc(count, sizeof(*bootstrap->seeds));
	if (bootstrap->seeds == NULL) {
		return ERR_NOMEM;
	}
	bootstrap->count = count;
	for (size_t i = 0; i < count; i++) {
		if (!record_addr_is_valid(urls[i], strlen(urls[i]))) {
			diag_set(diag,
			    "peer address '%.300s' is none; expected "
			    "ws://HOST:PORT",
			    urls[i]);
			return ERR_INVALID;
		}
		bootstrap->seeds[i].url = strdup(urls[i]);
		if (bootstrap->seeds[i].url == NULL) {
			return ERR_NOMEM;
		}
	}
	return ERR_OK;
}

void
bootstrap_fini(struct bootstrap *bootstrap)
{
	for (size_t i = 0; i < bootstrap->count; i++) {
		free(bootstrap->seeds[i].url);
	}
	free(bootstrap->seeds);
	bootstrap->seeds = NULL;
	bootstrap->count = 0;
}

/* Dial `seed` after `delay_ms`, but never twice in a second. */
static void
bootstrap_schedule(struct mesh *mesh, struct seed *seed, uint64_t delay_ms)
{
	seed->next_ms = mesh->now_ms + delay_ms;
	if (seed->next_ms < seed->earliest_ms) {
		seed->next_ms = seed->earliest_ms;
	}
	mesh_wake_at(mesh, seed->next_ms);
}

void
bootstrap_start(struct mesh *mesh)
{
	if (mesh->bootstrap.count > 0) {
		mesh_wake_at(mesh, mesh->now_ms);
	}
}

/* The node behind this address is linked, or about to be, by another way; or
 * it is left alone, as it was too slow. */
static bool
bootstrap_is_satisfied(const struct mesh *mesh, const struct seed *seed)
{
	if (!seed->is_known) {
		return false;
	}
	if (link_find(mesh, &seed->node_id, NULL) != NULL ||
	    mesh_is_refused(mesh, &seed->node_id)) {
		return true;
	}
	/* Two dials of one node at once would end as duplicates. */
	for (size_t i = 0; i < mesh->bootstrap.count; i++) {
		const struct seed *other = &mesh->bootstrap.seeds[i];

		if (other != seed && other->link != NULL && other->is_known &&
		    nodeid_equal(&other->node_id, &seed->node_id)) {
			return true;
		}
	}
	return false;
}

static void
bootstrap_dial(struct mesh *mesh, struct seed *seed, uint16_t flags)
{
	struct link *link;

	seed->earliest_ms = mesh->now_ms + BOOTSTRAP_EVERY_MS;
	/* Valid, hence short enough; a WELCOME does not say a better one. */
	link = link_dial(mesh, seed->url, flags);
	if (link == NULL) {
		bootstrap_schedule(mesh, seed, BOOTSTRAP_EVERY_MS);
		return;
	}
	link->seed = seed;
	seed->link = link;
	seed->is_open = true;
}

/* The address that has been due for longest, or the next to be. */
static struct seed *
bootstrap_first(const struct bootstrap *bootstrap)
{
	struct seed *first = NULL;

	for (size_t i = 0; i < bootstrap->count; i++) {
		struct seed *seed = &bootstrap->seeds[i];

		if (!seed->is_open &&
		    (first == NULL || seed->next_ms < first->next_ms)) {
			first = seed;
		}
	}
	return first;
}

bool
bootstrap_has(const struct bootstrap *bootstrap, const char *addr)
{
	for (size_t i = 0; i < bootstrap->count; i++) {
		if (strcmp(bootstrap->seeds[i].url, addr) == 0) {
			return true;
		}
	}
	return false;
}

/* One without a link: is it lost, or not? */
static bool
bootstrap_is_free(const struct mesh *mesh, const struct seed *seed, bool lost)
{
	return seed->link == NULL &&
	       (!seed->is_known || seed->failures > 0) == lost &&
	       !bootstrap_is_satisfied(mesh, seed);
}

size_t
bootstrap_lost_count(const struct mesh *mesh)
{
	size_t count = 0;

	for (size_t i = 0; i < mesh->bootstrap.count; i++) {
		const struct seed *seed = &mesh->bootstrap.seeds[i];

		count += bootstrap_is_free(mesh, seed, true) ? 1 : 0;
	}
	return count;
}

bool
bootstrap_dial_any(struct mesh *mesh, bool lost, uint16_t flags)
{
	struct seed *pick = NULL;
	uint64_t seen = 0;

	if (link_count_dials(mesh, UINT64_MAX) >= MESH_DIALS_MAX ||
	    mesh->stats.links_up >= views_cap(mesh)) {
		return false;
	}
	for (size_t i = 0; i < mesh->bootstrap.count; i++) {
		struct seed *seed = &mesh->bootstrap.seeds[i];
		bool too_soon = seed->is_open ||
		                mesh->now_ms < seed->earliest_ms;
		bool shunned = seed->next_ms > mesh->now_ms + VIEWS_AGAIN_MS;

		if (!too_soon && !shunned &&
		    bootstrap_is_free(mesh, seed, lost) &&
		    rng_below(mesh->rng, ++seen) == 0) {
			pick = seed;
		}
	}
	if (pick != NULL) {
		bootstrap_dial(mesh, pick, flags);
	}
	return pick != NULL;
}

void
bootstrap_on_tick(struct mesh *mesh)
{
	while (!mesh->stopped &&
	       link_count_dials(mesh, UINT64_MAX) < MESH_DIALS_MAX) {
		struct seed *seed = bootstrap_first(&mesh->bootstrap);

		if (seed == NULL ||
		    (mesh->views.is_auto && !views_are_low(mesh))) {
			return;
		}
		if (seed->next_ms > mesh->now_ms) {
			mesh_wake_at(mesh, seed->next_ms);
			return;
		}
		if (bootstrap_is_satisfied(mesh, seed)) {
			bootstrap_schedule(mesh, seed, BOOTSTRAP_EVERY_MS);
		} else if (mesh->stats.links_up >= views_cap(mesh)) {
			bootstrap_schedule(mesh, seed, BOOTSTRAP_LONG_MS);
		} else {
			bootstrap_dial(mesh, seed, seek_urgency(mesh));
		}
	}
}

void
bootstrap_on_identity(const struct link *link)
{
	if (link->seed != NULL) {
		link->seed->node_id = link->node_id;
		link->seed->is_known = true;
	}
}

/* rand(0, min(60 s, 1 s * 2^failures)) */
static uint64_t
bootstrap_back_off(struct mesh *mesh, unsigned failures)
{
	uint64_t limit = failures < BOOTSTRAP_DOUBLINGS
	                     ? UINT64_C(1000) << failures
	                     : BOOTSTRAP_LONG_MS;

	return rng_below(mesh->rng, limit + 1);
}

/* A long time, and a little more so that not all come at once. */
static uint64_t
bootstrap_long(struct mesh *mesh)
{
	return BOOTSTRAP_LONG_MS +
	       rng_below(mesh->rng, BOOTSTRAP_LONG_MS / 10 + 1);
}

/* How long to leave an address alone whose link ended like this. */
static uint64_t
bootstrap_delay(struct mesh *mesh, struct seed *seed, const struct link *link,
    enum mesh_closed how)
{
	if (link->bye == BYE_SELF) {
		return BOOTSTRAP_SELF_MS;
	}
	if (link_is_final(link, how)) {
		return bootstrap_long(mesh);
	}
	switch (link->bye) {
	case BYE_FULL:
		if (mesh->views.is_auto) {
			/* Others may have room; without any, be a pest. */
			return rng_around(mesh->rng,
			    mesh->up_slots == 0 ? BOOTSTRAP_EVERY_MS
			                        : VIEWS_AGAIN_MS,
			    20);
		}
		return bootstrap_long(mesh);
	case BYE_SLOW:
		/* In the handshake it is what is left of that minute. */
		return link->was_up ? bootstrap_long(mesh)
		                    : rng_around(mesh->rng, VIEWS_AGAIN_MS, 20);
	case BYE_DUPLICATE:
		return 0;
	default:
		return bootstrap_back_off(
		    mesh, link->was_up ? 0 : seed->failures++);
	}
}

static void
bootstrap_log(
    const struct seed *seed, const struct link *link, enum mesh_closed how)
{
	uint64_t retry_ms = seed->next_ms - link->mesh->now_ms;

	if (how == MESH_DIAL_NOT_A_PEER) {
		log_warn("mesh", "not_a_peer",
		    "a server, but not one of ours; expected "
		    "Sec-WebSocket-Protocol grapevine.peer.1",
		    LOG_STR("addr", seed->url), LOG_U64("retry_ms", retry_ms));
	} else if (link->bye == BYE_SELF) {
		log_info("mesh", "self_dial", "this address is our own",
		    LOG_STR("addr", seed->url), LOG_U64("retry_ms", retry_ms));
	} else if (!link->was_up && link->bye != BYE_DUPLICATE &&
	           link->bye != BYE_AUTH) { /* that has its own line */
		log_info("mesh", "dial_failed", "dial failed",
		    LOG_STR("addr", seed->url),
		    LOG_STR("why",
		        link->bye != LINK_BYE_NONE ? link_bye_text(link->bye)
		        : how == MESH_DIAL_FAILED  ? "no answer"
		                                   : "closed in the handshake"),
		    LOG_U64("retry_ms", retry_ms));
	}
}

void
bootstrap_on_end(const struct link *link, enum mesh_closed how)
{
	struct mesh *mesh = link->mesh;
	struct seed *seed = link->seed;

	if (mesh->stopped || seed == NULL) {
		return;
	}
	seed->link = NULL;
	seed->failures = link->was_up ? 0 : seed->failures;
	mesh->stats.dial_failures += link->was_up || link->bye == BYE_DUPLICATE
	                                 ? 0
	                                 : 1;
	bootstrap_schedule(mesh, seed, bootstrap_delay(mesh, seed, link, how));
	bootstrap_log(seed, link, how);
	/* Another may have waited for this dial to end. */
	mesh_wake_at(mesh, mesh->now_ms);
}

void
bootstrap_on_closed(const struct link *link)
{
	if (link->seed != NULL) {
		link->seed->is_open = false;
		mesh_wake_at(link->mesh, link->seed->next_ms);
	}
}
