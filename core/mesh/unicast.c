/* SPDX-License-Identifier: MIT
 * unicast.c - see unicast.h. */

#include "mesh/unicast.h"

#include <stdlib.h>

#include "mesh/inside.h"

enum { UNICAST_WAYS = 8, UNICAST_IDS = 64 };

void
unicast_init(struct unicast *unicast, uint64_t salt)
{
	unicast->places = NULL;
	unicast->salt = salt | 1;
	unicast->seq = 0;
}

void
unicast_fini(struct unicast *unicast)
{
	free(unicast->places);
	unicast->places = NULL;
}

static struct unicast_window *
unicast_bucket(const struct unicast *unicast, const struct nodeid *id)
{
	uint64_t words[2];
	uint64_t hash;

	memcpy(words, id->bytes, sizeof(words));
	hash = (words[0] ^ unicast->salt) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ (hash >> 32) ^ words[1]) * unicast->salt;
	hash = (hash ^ (hash >> 29)) % (UNICAST_MAX / UNICAST_WAYS);
	return &unicast->places[hash * UNICAST_WAYS];
}

/* The window of this sender, else a place for it. */
static struct unicast_window *
unicast_window(struct mesh *mesh, const struct nodeid *id)
{
	struct unicast_window *bucket = unicast_bucket(
	    &mesh->spread.unicast, id);
	struct unicast_window *room = NULL;

	for (size_t i = 0; i < UNICAST_WAYS; i++) {
		if (bucket[i].max == 0) {
			room = room == NULL ? &bucket[i] : room;
		} else if (nodeid_equal(&bucket[i].id, id)) {
			return &bucket[i];
		}
	}
	if (room == NULL) {
		room = &bucket[rng_below(mesh->rng, UNICAST_WAYS)];
		mesh->stats.unicast_full++;
	}
	*room = (struct unicast_window){ .id = *id };
	return room;
}

static void
unicast_slide(struct unicast_window *window, uint64_t seq)
{
	uint64_t step = seq - window->max;

	if (window->max == 0 || step > UNICAST_IDS) {
		window->bits = 0;
	} else if (step == UNICAST_IDS) {
		window->bits = UINT64_C(1) << (UNICAST_IDS - 1);
	} else {
		window->bits = window->bits << step | UINT64_C(1) << (step - 1);
	}
	window->max = seq;
}

bool
unicast_is_new(struct mesh *mesh, const struct nodeid *id, uint64_t seq)
{
	struct unicast *unicast = &mesh->spread.unicast;
	struct unicast_window *window;
	uint64_t bit;

	if (unicast->places == NULL) {
		unicast->places = calloc(UNICAST_MAX, sizeof(*unicast->places));
		if (unicast->places == NULL) {
			mesh->stats.nomem++;
			return false;
		}
	}
	window = unicast_window(mesh, id);
	if (seq > window->max) {
		unicast_slide(window, seq);
		return true;
	}
	if (seq == window->max || window->max - seq > UNICAST_IDS) {
		return false;
	}
	bit = UINT64_C(1) << (window->max - seq - 1);
	if ((window->bits & bit) != 0) {
		return false;
	}
	window->bits |= bit;
	return true;
}

/* The slot that leads to `dest`, ORIGIN_NO_SLOT: none is known. */
static int
unicast_route(const struct mesh *mesh, const struct nodeid *dest)
{
	const struct origin *origin = origins_find(&mesh->origins, dest);

	for (uint64_t left = mesh->up_slots; left != 0; left &= left - 1) {
		const struct link *link = mesh->up[__builtin_ctzll(left)];

		if (nodeid_equal(&link->node_id, dest)) {
			return link->slot;
		}
	}
	return origin != NULL ? origin->parent : ORIGIN_NO_SLOT;
}

void
unicast_on_data(struct link *link, uint64_t now_ms, struct record_data *data)
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
		spread_deliver(link, now_ms, data);
		return;
	}
	slot = unicast_route(mesh, &data->dest);
	if (slot == ORIGIN_NO_SLOT || mesh->up[slot] == link ||
	    data->hops == UINT8_MAX) {
		mesh->stats.unicast_lost++;
		return;
	}
	data->hops++;
	spread_to(mesh, UINT64_C(1) << slot, data, now_ms);
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

	if (nodeid_equal(dest, &mesh->node_id)) {
		return ERR_INVALID;
	}
	if (view->payload_len > mesh->max_message) {
		return ERR_TOOBIG;
	}
	slot = unicast_route(mesh, dest);
	if (slot == ORIGIN_NO_SLOT) {
		return spread_publish(
		    mesh, now_ms, view, DATA_UNICAST | DATA_FLOOD, dest);
	}
	view->origin = mesh->node_id;
	view->seq = unicast_next_seq(mesh);
	data.hops = 1;
	data.seq = view->seq;
	data.dest = *dest;
	mesh->stats.unicasts_sent++;
	spread_to(mesh, UINT64_C(1) << slot, &data, now_ms);
	return ERR_OK;
}
