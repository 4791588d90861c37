/* SPDX-License-Identifier: MIT
 * mesh.c - see mesh.h: the mesh as its owner sees it. */

#include "mesh/mesh.h"

#include <assert.h>
#include <string.h>

#include "mesh/handshake.h"
#include "mesh/inside.h"
#include "mesh/spread.h"
#include "mesh/wall.h"

enum err
mesh_secret(struct mesh *mesh, void *bytes, size_t len)
{
	return mesh->io->secret != NULL
	           ? mesh->io->secret(mesh->io->ctx, bytes, len)
	           : rng_secret(bytes, len);
}

void
mesh_start(struct mesh *mesh, uint64_t now_ms)
{
	mesh->now_ms = now_ms;
	bootstrap_start(mesh);
	seek_start(mesh);
	mesh_on_tick(mesh, now_ms);
}

void
mesh_end_links(struct mesh *mesh)
{
	/* Nobody may be asked for the last messages any more, but that they
	 * were is to be known. */
	spread_announce_all(mesh);
	for (struct link *link = mesh->links; link != NULL; link = link->next) {
		bool has_spoken = link->dialled && link->state != LINK_DIALING;

		if (has_spoken || link->state == LINK_UP) {
			link_bye(link, BYE_LEAVING);
		} else {
			link_end(link, 0, "stopping");
		}
	}
}

void
mesh_stop(struct mesh *mesh, uint64_t now_ms)
{
	mesh->now_ms = now_ms;
	mesh->stopped = true;
	mesh_end_links(mesh);
}

/* The `nth` of the accepted links that wait to be UP; NULL: there are not so
 * many. */
static struct link *
mesh_find_waiting(const struct mesh *mesh, uint64_t nth)
{
	struct link *link = mesh->links;

	for (; link != NULL; link = link->next) {
		if ((link->state == LINK_ACCEPTED ||
		        link->state == LINK_AUTH_WAIT) &&
		    nth-- == 0) {
			break;
		}
	}
	return link;
}

/* Too many wait: any of them goes.  Who holds all places has to come back
 * faster than others take to be UP; and where all are in earnest, some are UP
 * before it is their turn, which would not be if the oldest went. */
static void
mesh_make_place(struct mesh *mesh)
{
	if (mesh_find_waiting(mesh, MESH_PENDING_MAX - 1) != NULL) {
		mesh->stats.refused++;
		mesh->stats.waiting_limit++;
		link_end(mesh_find_waiting(
		             mesh, rng_below(mesh->rng, MESH_PENDING_MAX)),
		    0, "too many wait");
	}
}

struct link *
mesh_on_accepted(struct mesh *mesh, uint64_t now_ms, uint64_t conn,
    const char *remote, void *user)
{
	struct link *link = NULL;

	mesh->now_ms = now_ms;
	mesh->stats.accepted++;
	if (!mesh->stopped) {
		mesh_make_place(mesh);
		link = link_create(mesh, false);
	}
	if (link == NULL) {
		mesh->stats.refused++;
		return NULL;
	}
	link->conn = conn;
	link->user = user;
	(void)stpncpy(link->remote, remote, sizeof(link->remote) - 1);
	link->deadline_ms = now_ms + LINK_ANSWER_MS;
	mesh_wake_links_at(mesh, link->deadline_ms);
	return link;
}

void
mesh_on_opened(struct mesh *mesh, struct link *link, uint64_t now_ms,
    uint64_t conn, const char *remote, void *user)
{
	mesh->now_ms = now_ms;
	assert(link->mesh == mesh && link->dialled);
	link->conn = conn;
	link->user = user;
	(void)stpncpy(link->remote, remote, sizeof(link->remote) - 1);
	if (link->state == LINK_DIALING) {
		link->heard_ms = now_ms;
		handshake_start(link);
	}
}

/* They are of use only behind a BYE that names others. */
static void
mesh_on_peers(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_peers peers;

	if (record_peers_decode(record, &peers) != ERR_OK) {
		link_violate(link, 1002, "malformed PEERS");
	} else if (!link->has_bye || link->bye > BYE_EVICTED ||
	           !link->is_proven) {
		mesh->stats.ignored++;
	} else {
		link->is_deaf = true; /* nothing else may follow */
		views_learn(link, &peers);
	}
}

#define MESH_IN(state) (1U << LINK_##state)

/* In which states a record may come, and who takes it. */
static const struct {
	unsigned states;
	void (*take)(struct link *link, const struct record *record);
} mesh_steps[] = {
	[RECORD_HELLO] = { MESH_IN(ACCEPTED), handshake_on_hello },
	[RECORD_WELCOME] = { MESH_IN(HELLO_SENT), handshake_on_welcome },
	[RECORD_AUTH] = { MESH_IN(AUTH_WAIT), handshake_on_auth },
	[RECORD_WELCOME2] = { MESH_IN(WELCOMED), handshake_on_welcome2 },
	[RECORD_BYE] = { MESH_IN(HELLO_SENT) | MESH_IN(WELCOMED) |
	                     MESH_IN(REFUSED) | MESH_IN(AUTH_WAIT) |
	                     MESH_IN(UP),
	    link_on_bye },
	[RECORD_PEERS] = { MESH_IN(HELLO_SENT) | MESH_IN(WELCOMED) |
	                       MESH_IN(REFUSED) | MESH_IN(UP),
	    mesh_on_peers },
	[RECORD_WALK] = { MESH_IN(UP), walk_on_record },
	[RECORD_SHUFFLE] = { MESH_IN(UP), shuffle_on_record },
	[RECORD_DATA] = { MESH_IN(UP), spread_on_data },
	[RECORD_IHAVE] = { MESH_IN(UP), spread_on_record },
	[RECORD_GRAFT] = { MESH_IN(UP), spread_on_record },
	[RECORD_PRUNE] = { MESH_IN(UP), spread_on_record },
	[RECORD_SYNC] = { MESH_IN(UP), spread_on_record },
	[RECORD_GONE] = { MESH_IN(UP), spread_on_record },
};

/* Is it no longer than a record may be now? */
static bool
mesh_takes(struct link *link, const struct record *record)
{
	size_t limit = link->mesh->max_message + RECORD_DATA_OVERHEAD;

	if (UNLIKELY(link->state != LINK_UP)) {
		return handshake_takes(link, record);
	}
	/* The lists of PROTOCOL 3 have a size of their own. */
	return record->len <= limit ||
	       (record->type != RECORD_DATA && record->len <= 65536);
}

/* A record of a link that is not CLOSING. */
static void
mesh_on_record(struct link *link, const struct record *record)
{
	unsigned states = record->type < ARRAY_LEN(mesh_steps)
	                      ? mesh_steps[record->type].states
	                      : 0;

	if (!mesh_takes(link, record)) {
		link_violate(link, 1009, "record too long");
		return;
	}
	if (LIKELY((states >> link->state & 1) != 0)) {
		mesh_steps[record->type].take(link, record);
		return;
	}
	link->mesh->stats.unknown += states == 0 ? 1 : 0;
	if (record->type >= RECORD_CRITICAL) {
		link_violate(link, 4005, "unknown critical record");
	} else if (states != 0 || link->state != LINK_UP) {
		link_violate(link, 1002, "a record out of turn");
	}
}

/* The end has begun: what was sent before the peer knew, or behind its BYE. */
static void
mesh_on_rest(struct link *link, const struct record *record)
{
	if (!link->has_bye) {
		if (record->type == RECORD_DATA && link->was_up) {
			spread_on_data(link, record);
		}
	} else if (record->type == RECORD_PEERS &&
	           record->len <= LINK_PEERS_EARLY) {
		mesh_on_peers(link, record);
	}
}

/* Take one more record apart, and look at it if that pays. */
static enum err
mesh_read_record(struct link *link, const uint8_t **at, const uint8_t *end,
    struct spread_next *next)
{
	enum err err = record_next(at, end, &next->record);

	next->seq = 0;
	if (err == ERR_OK && link->mixed > 0) {
		spread_foresee(link, next);
	}
	return err;
}

void
mesh_on_message(struct mesh *mesh, struct link *link, uint64_t now_ms,
    const uint8_t *bytes, size_t len)
{
	struct spread_next ring[SPREAD_AHEAD];
	const struct spread_next *next, *soon;
	const uint8_t *at = bytes;
	size_t read = 0, taken = 0;
	enum err err = len > 0 ? ERR_OK : ERR_INVALID;

	mesh->now_ms = now_ms;
	assert(link->mesh == mesh);
	link->heard_ms = now_ms;
	if (link->state == LINK_ACCEPTED) {
		link->has_spoken = len > 0 && bytes[0] == RECORD_HELLO;
	}
	while (!link->is_deaf) {
		while (err == ERR_OK && read < taken + SPREAD_AHEAD) {
			err = mesh_read_record(
			    link, &at, bytes + len, &ring[read % SPREAD_AHEAD]);
			read += err == ERR_OK ? 1 : 0;
		}
		if (taken == read) {
			break;
		}
		soon = &ring[(taken + 2) % SPREAD_AHEAD];
		if (taken + 2 < read && soon->seq != 0) {
			spread_foresee_more(link, soon);
		}
		next = &ring[taken++ % SPREAD_AHEAD];
		if (next->seq != 0) {
			spread_recall(link, next);
		}
		if (UNLIKELY(link->state == LINK_CLOSING)) {
			mesh_on_rest(link, &next->record);
		} else {
			mesh_on_record(link, &next->record);
		}
	}
	if (!link->is_deaf && err == ERR_INVALID) {
		link_violate(link, 1002, "no whole record");
	}
}

void
mesh_on_pong(struct mesh *mesh, struct link *link, uint64_t now_ms,
    const uint8_t *bytes, size_t len)
{
	uint64_t stamp = 0;
	uint64_t now_us;
	uint64_t sample_us;

	mesh->now_ms = now_ms;
	link->heard_ms = now_ms;
	for (size_t i = 0; i < len && i < 8; i++) {
		stamp = stamp << 8 | bytes[i];
	}
	if (!link->is_pinged || len != 8 || stamp != link->stamp) {
		return;
	}
	link->is_pinged = false;
	now_us = mesh_now_us(mesh);
	/* Never 0, which says not measured. */
	sample_us = now_us > stamp ? now_us - stamp : 1;
	link->rtt_us = link->rtt_us == 0
	                   ? sample_us
	                   : (link->rtt_us * 7 + sample_us + 7) / 8;
}

void
mesh_on_activity(struct link *link, uint64_t now_ms)
{
	link->heard_ms = now_ms;
}

void
mesh_on_reading(struct link *link, uint64_t now_ms, bool on)
{
	link->mesh->now_ms = now_ms;
	if (on == link->reading) {
		return;
	}
	if (!on) {
		link->silent_ms = link_silence_ms(link);
		link->reading = false;
		return;
	}
	link->reading = true;
	link->heard_ms = now_ms > link->silent_ms ? now_ms - link->silent_ms
	                                          : 0;
	mesh_wake_links_at(link->mesh, now_ms);
}

void
mesh_on_stalled(struct mesh *mesh, struct link *link, uint64_t now_ms)
{
	mesh->now_ms = now_ms;
	assert(link->mesh == mesh);
	if (link->state == LINK_UP) {
		link_too_slow(link);
	} else {
		link_end(link, 0, "stalled");
	}
}

void
mesh_on_closed(
    struct mesh *mesh, struct link *link, uint64_t now_ms, enum mesh_closed how)
{
	mesh->now_ms = now_ms;
	assert(link->mesh == mesh);
	link_lost(link, how);
}

uint64_t
mesh_next_ms(const struct mesh *mesh)
{
	return mesh->next_ms;
}

/* Ticks are frequent, what links wait for is not. */
static void
mesh_tick_links(struct mesh *mesh)
{
	if (mesh->now_ms < mesh->links_ms) {
		mesh_wake_at(mesh, mesh->links_ms);
		return;
	}
	mesh->links_ms = UINT64_MAX;
	for (struct link *link = mesh->links; link != NULL; link = link->next) {
		link_on_tick(link);
	}
}

void
mesh_on_tick(struct mesh *mesh, uint64_t now_ms)
{
	mesh->now_ms = now_ms;
	if (now_ms < mesh->next_ms) {
		return;
	}
	mesh->next_ms = UINT64_MAX;
	identity_on_tick(mesh);
	wall_on_tick(mesh);
	mesh_tick_links(mesh);
	spread_on_tick(mesh);
	origins_expire(&mesh->origins, now_ms);
	mesh_wake_at(mesh, origins_next_ms(&mesh->origins));
	members_on_tick(mesh);
	seek_on_tick(mesh);
	bootstrap_on_tick(mesh);
}

void *const *
mesh_users(const struct mesh *mesh)
{
	return mesh->users;
}

const struct mesh_stats *
mesh_stats(struct mesh *mesh)
{
	const struct history *history = &mesh->spread.history;
	struct mesh_stats *stats = &mesh->stats;

	/* What the tables count themselves. */
	stats->origins = mesh->origins.table.count;
	stats->origins_named = mesh->origins.named_lost;
	stats->window_lost = mesh->origins.window_lost;
	stats->window_widened = mesh->origins.widened;
	stats->window_limit = mesh->origins.unwidened;
	stats->history = history_count(history);
	stats->history_bytes = history->bytes;
	stats->history_evicted = history->evicted;
	stats->history_expired = history->expired;
	stats->missing = mesh->spread.missing.count;
	stats->members = members_count(&mesh->members);
	stats->passive = mesh->views.passive.count;
	stats->lost = mesh->views.lost.count;
	stats->unicast_full = mesh->spread.unicast.windows.replaced;
	stats->heard_lost = mesh->spread.heard.lost;
	stats->ends_lost = mesh->spread.ends.lost;
	stats->tombstones_lost = mesh->origins.tombstones_lost +
	                         mesh->origins.tombstones.replaced;
	return stats;
}

struct mesh_peer
mesh_peer_of(const struct link *link)
{
	return (struct mesh_peer){
		.node_id = link->node_id,
		.name = link->name,
		.addr = link->addr,
		.conn = link->conn,
		.up = link->state == LINK_UP,
		.dialled = link->dialled,
		.bye = link->bye,
		.rtt_us = link->rtt_us,
	};
}

void
mesh_each_peer(const struct mesh *mesh,
    void (*each)(void *ctx, const struct mesh_peer *peer), void *ctx)
{
	const struct link *link;

	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		struct mesh_peer peer = mesh_peer_of(link);

		each(ctx, &peer);
	}
}
