/* SPDX-License-Identifier: MIT
 * unicast.c - see unicast.h. */

#include "mesh/unicast.h"

#include "mesh/inside.h"

enum { UNICAST_IDS = 64 }; /* bits of a window */

/* True once for each number of this sender, as far as memory reaches: bit n is
 * for the newest - n. */
static bool
unicast_is_new(struct mesh *mesh, const struct nodeid *id, uint64_t seq)
{
	struct idcache_item *window = idcache_put(
	    &mesh->spread.unicast.windows, id);
	uint64_t back;

	if (window == NULL) {
		mesh->stats.nomem++;
		return false;
	}
	if (seq > window->max) {
		uint64_t step = seq - window->max;

		window->bits = step < UNICAST_IDS ? window->bits << step : 0;
		window->max = seq;
	}
	back = window->max - seq;
	if (back >= UNICAST_IDS || (window->bits >> back & 1) != 0) {
		return false;
	}
	window->bits |= UINT64_C(1) << back;
	return true;
}

/* The slot that leads to `dest`, ORIGIN_NO_SLOT: none is known. */
static int
unicast_route(const struct mesh *mesh, const struct nodeid *dest)
{
	const struct origin *origin = origins_find(&mesh->origins, dest);
	const struct link *link;

	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		if (nodeid_equal(&link->node_id, dest)) {
			return link->slot;
		}
	}
	return origin != NULL ? origin->parent : ORIGIN_NO_SLOT;
}

/* One hop.  Nobody waits for it, so it does not fill a queue that is long: else
 * one sender could close links of others. */
static void
unicast_forward(struct mesh *mesh, int slot, const struct record_data *data)
{
	uint64_t bit = UINT64_C(1) << slot;

	if ((mesh->spread.congested & bit) != 0) {
		mesh->stats.unicast_lost++;
	} else {
		(void)spread_to(mesh, bit, data);
	}
}

void
unicast_on_data(struct link *link, struct record_data *data)
{
	struct mesh *mesh = link->mesh;
	int slot;

	if (nodeid_equal(&data->origin, &mesh->node_id)) {
		/* Its way was a circle.  Its number is no broadcast's. */
		mesh->stats.unicast_lost++;
		return;
	}
	if (nodeid_equal(&data->dest, &mesh->node_id)) {
		if (!unicast_is_new(mesh, &data->origin, data->seq)) {
			mesh->stats.duplicates++;
			return;
		}
		mesh->stats.unicasts++;
		spread_deliver(link, data);
		return;
	}
	slot = unicast_route(mesh, &data->dest);
	if (slot == ORIGIN_NO_SLOT || mesh->up[slot] == link ||
	    data->hops == UINT8_MAX) {
		mesh->stats.unicast_lost++;
		return;
	}
	data->hops++;
	unicast_forward(mesh, slot, data);
}

/* A series of its own, that begins anew with each boot. */
static uint64_t
unicast_next_seq(struct mesh *mesh)
{
	struct unicast *unicast = &mesh->spread.unicast;
	uint64_t begin = (uint64_t)mesh_boot(mesh) << 32;

	unicast->seq = (unicast->seq > begin ? unicast->seq : begin) + 1;
	return unicast->seq;
}

enum err
mesh_send(struct mesh *mesh, uint64_t now_ms, const struct nodeid *dest,
    struct message_view *view)
{
	struct record_data data = spread_data(mesh, view, DATA_UNICAST);
	int slot;

	mesh->now_ms = now_ms;
	if (nodeid_equal(dest, &mesh->node_id)) {
		return ERR_INVALID;
	}
	if (view->payload_len > mesh->max_message) {
		return ERR_TOOBIG;
	}
	slot = unicast_route(mesh, dest);
	if (slot == ORIGIN_NO_SLOT) {
		return spread_publish(mesh, view, dest);
	}
	view->origin = mesh->node_id;
	view->seq = unicast_next_seq(mesh);
	data.hops = 1;
	data.seq = view->seq;
	data.dest = *dest;
	mesh->stats.unicasts_sent++;
	unicast_forward(mesh, slot, &data);
	return ERR_OK;
}
