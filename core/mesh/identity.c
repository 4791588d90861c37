/* SPDX-License-Identifier: MIT
 * identity.c - see identity.h. */

#include "mesh/identity.h"

#include "base/log.h"
#include "mesh/inside.h"

/* One more sign: is it time to do something about it? */
static bool
identity_is_due(struct identity_signs *signs, uint64_t now_ms)
{
	bool is_third = signs->ms[0] != 0 &&
	                now_ms - signs->ms[0] < IDENTITY_MS;
	bool was_done = signs->done_ms != 0 &&
	                now_ms - signs->done_ms < IDENTITY_MS;

	signs->ms[0] = signs->ms[1];
	signs->ms[1] = now_ms;
	if (!is_third || was_done) {
		return false;
	}
	signs->done_ms = now_ms;
	return true;
}

/* A sign that another has this node's id. */
static void
identity_on_other(struct mesh *mesh)
{
	struct identity *identity = &mesh->identity;

	if (!identity->is_kept &&
	    identity_is_due(&identity->others, mesh->now_ms)) {
		/* Not here: a link is being read. */
		identity->must_change = true;
		mesh_wake_at(mesh, mesh->now_ms);
	}
}

void
identity_on_spoof(struct link *link, uint64_t seq)
{
	struct mesh *mesh = link->mesh;

	mesh->stats.spoofed++;
	log_warn("mesh", "spoofed",
	    "a message under this node's id that it did not send; expected an "
	    "id for each node: no copy of a --state folder, no --seed twice",
	    LOG_STR("name", link->name), LOG_STR("remote", link->remote),
	    LOG_U64("seq", seq));
	identity_on_other(mesh);
}

/* `link` was one of two, or is about to be. */
static void
identity_on_twin(struct link *link, const struct nodeid *id)
{
	struct mesh *mesh = link->mesh;
	char hex[NODEID_HEX_LEN + 1];

	mesh->stats.twins++;
	if (identity_is_due(&mesh->identity.twins, mesh->now_ms)) {
		log_warn("mesh", "id_twice",
		    "two nodes with one id throw each other out; expected an "
		    "id for each: give one of them a --state folder, or a "
		    "--seed, of its own",
		    LOG_STR("id", nodeid_hex(id, hex)),
		    LOG_STR("remote", link->remote),
		    LOG_STR("name", link->name));
	}
}

/* Another has its place: thrown out with too few links left.  The other end of
 * a link that was lost here may hold it still. */
static bool
identity_is_shut_out(const struct link *link)
{
	const struct mesh *mesh = link->mesh;
	uint64_t left = mesh->stats.links_up - (link_is_up(link) ? 1 : 0);

	return left < mesh->views.links_min &&
	       !recent_has(
	           mesh, RECENT_LOST, &link->node_id, sizeof(link->node_id)) &&
	       mesh->now_ms - mesh->identity.others.ms[1] >= IDENTITY_APART_MS;
}

void
identity_on_duplicate(struct link *link)
{
	struct mesh *mesh = link->mesh;

	/* Of two links of this node the other one is there still.  And who has
	 * not shown the key may be anybody. */
	if (!link->is_known || !link->is_proven ||
	    link_find(mesh, &link->node_id, link) != NULL) {
		return;
	}
	identity_on_twin(link, &mesh->node_id);
	if (identity_is_shut_out(link)) {
		identity_on_other(mesh);
	}
}

void
identity_on_down(const struct link *link)
{
	if (link->bye != BYE_DUPLICATE) {
		recent_put(link->mesh, RECENT_LOST, &link->node_id,
		    sizeof(link->node_id), IDENTITY_LOST_MS);
	}
}

void
identity_on_past(struct link *link, const struct link *other)
{
	if (link->boot < other->boot) {
		identity_on_twin(link, &link->node_id);
	}
}

/* What this node published under the old id stays old, should it come back; and
 * new links are told how far it came, as nobody else may be left that could. */
static void
identity_bury(struct mesh *mesh)
{
	struct spread *spread = &mesh->spread;

	spread_on_gone(mesh, &spread->self);
	if (spread->has_published) {
		origins_bury(&mesh->origins, &mesh->node_id, mesh->seq,
		    spread->self.last);
	}
	spread->has_published = false;
}

/* A new node: its numbers begin anew, and it will tell of itself. */
static void
identity_begin(struct mesh *mesh, const struct nodeid *id)
{
	mesh->node_id = *id;
	mesh->seq = (uint64_t)mesh_wall_s(mesh) << 32;
	origin_init(&mesh->spread.self, id, mesh->now_ms);
	members_begin(&mesh->members);
}

void
identity_on_tick(struct mesh *mesh)
{
	struct identity *identity = &mesh->identity;
	char old[NODEID_HEX_LEN + 1];
	char hex[NODEID_HEX_LEN + 1];
	struct nodeid id;

	if (LIKELY(!identity->must_change) || mesh->stopped) {
		return;
	}
	identity->must_change = false;
	if (mesh_secret(mesh, &id, sizeof(id)) != ERR_OK) {
		mesh->stats.nomem++;
		return; /* in a minute the next three bring it up again */
	}
	mesh->stats.renamed++;
	log_warn("mesh", "id_changed",
	    "another node uses this node's id: it goes on under a new one",
	    LOG_STR("old", nodeid_hex(&mesh->node_id, old)),
	    LOG_STR("id", nodeid_hex(&id, hex)));
	mesh_end_links(mesh);
	identity_bury(mesh);
	identity_begin(mesh, &id);
	if (mesh->io->renamed != NULL) {
		mesh->io->renamed(mesh->io->ctx, &id);
	}
}
