/* SPDX-License-Identifier: MIT
 * views.c - see views.h: what is known, and what follows from what happens. */

#include "mesh/views.h"

#include <stdio.h>
#include <string.h>

#include "mesh/inside.h"

void
views_init(struct mesh *mesh, const struct mesh_config *config)
{
	struct views *views = &mesh->views;

	views->is_auto = config->is_auto;
	views->links_min = config->links_min != 0 ? config->links_min
	                                          : VIEWS_MIN;
	views->links_max = config->links_max != 0 ? config->links_max
	                                          : VIEWS_MAX;
	if (views->links_max > MESH_LINKS_CAP) {
		views->links_max = MESH_LINKS_CAP;
	}
	if (views->links_min > views->links_max) {
		views->links_min = views->links_max;
	}
	views->passive.views = views->places;
	views->passive.max = VIEWS_PASSIVE_MAX;
	views->lost.views = views->places + VIEWS_PASSIVE_MAX;
	views->lost.max = VIEWS_LOST_MAX;
	mesh->recent_salt = views->is_auto ? rng_next(mesh->rng)
	                                   : mesh->origins.table.salt;
	views->fill_ms = UINT64_MAX;
	views->shuffle_ms = UINT64_MAX;
}

unsigned
views_cap(const struct mesh *mesh)
{
	return mesh->views.is_auto ? MESH_LINKS_CAP : MESH_LINKS_MAX;
}

bool
views_is_lively(const struct link *link)
{
	return link_silence_ms(link) < link->mesh->ping_ms + VIEWS_SILENT_MS;
}

unsigned
views_lively(const struct mesh *mesh)
{
	const struct link *link;
	unsigned lively = 0;

	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		lively += views_is_lively(link) ? 1 : 0;
	}
	return lively;
}

bool
views_are_low(const struct mesh *mesh)
{
	return views_lively(mesh) + link_count_dials(mesh, VIEWS_HOPE_MS) <
	       mesh->views.links_min;
}

/* ---- addresses */

static bool
views_is_loopback_host(const char *host, size_t len)
{
	return (len > 4 && memcmp(host, "127.", 4) == 0) ||
	       (len == 9 && memcmp(host, "localhost", 9) == 0) ||
	       (len == 3 && memcmp(host, "::1", 3) == 0) ||
	       (len == 5 && memcmp(host, "[::1]", 5) == 0) ||
	       (len > 11 && memcmp(host, "::ffff:127.", 11) == 0);
}

static bool
views_is_loopback(const char *addr)
{
	const char *host = addr + (addr[2] == ':' ? 5 : 6); /* ws:// wss:// */
	size_t len = *host == '[' ? strcspn(host, "]") + 1
	                          : strcspn(host, ":/");

	return views_is_loopback_host(host, len);
}

/* ws://:PORT, of a node that listens everywhere. */
static bool
views_has_no_host(const struct str8 *addr)
{
	return (addr->len > 6 && memcmp(addr->text, "ws://:", 6) == 0) ||
	       (addr->len > 7 && memcmp(addr->text, "wss://:", 7) == 0);
}

bool
views_take_addr(const struct link *from, const struct record_peer *peer,
    char out[RECORD_ADDR_MAX + 1])
{
	struct mesh *mesh = from->mesh;
	const struct str8 *addr = &peer->addr;
	char made[2 * RECORD_ADDR_MAX];
	int scheme = views_has_no_host(addr) ? addr->text[2] == ':' ? 5 : 6 : 0;
	int len;

	/* Of anybody else than who speaks it stays without: no address. */
	if (scheme != 0 && nodeid_equal(&peer->node_id, &from->node_id)) {
		bool is_v6 = strchr(from->remote, ':') != NULL;

		len = snprintf(made, sizeof(made), "%.*s%s%s%s%.*s", scheme,
		    addr->text, is_v6 ? "[" : "", from->remote,
		    is_v6 ? "]" : "", addr->len - scheme, addr->text + scheme);
	} else {
		len = snprintf(
		    made, sizeof(made), "%.*s", addr->len, addr->text);
	}
	/* A NUL inside cuts it short of what was announced, or is no address
	 * byte: either way it is checked as it will be shown. */
	if (len <= 0 || (size_t)len > RECORD_ADDR_MAX ||
	    memchr(addr->text, '\0', addr->len) != NULL ||
	    !record_addr_is_valid(made, (size_t)len)) {
		mesh->stats.bad_addr++;
		return false;
	}
	if (views_is_loopback(made) &&
	    !views_is_loopback_host(from->remote, strlen(from->remote))) {
		mesh->stats.local_addr++;
		return false;
	}
	memcpy(out, made, (size_t)len + 1);
	return true;
}

/* ---- tables */

/* The entry of this id or address; NULL: none. */
static struct view *
views_find(
    const struct view_list *list, const struct nodeid *id, const char *addr)
{
	for (size_t i = 0; i < list->count; i++) {
		struct view *view = &list->views[i];

		if (nodeid_equal(&view->id, id) ||
		    strcmp(view->addr, addr) == 0) {
			return view;
		}
	}
	return NULL;
}

static void
views_drop(struct view_list *list, const struct nodeid *id, const char *addr)
{
	struct view *view;

	while ((view = views_find(list, id, addr)) != NULL) {
		*view = list->views[--list->count];
	}
}

static bool
view_is(const struct view *view, const struct nodeid *id, const char *addr)
{
	return nodeid_equal(&view->id, id) && strcmp(view->addr, addr) == 0;
}

static void
view_set(struct view *view, const struct nodeid *id, const char *addr)
{
	view->id = *id;
	(void)stpncpy(view->addr, addr, RECORD_ADDR_MAX);
}

/* Of a full list a random entry goes. */
static void
views_put(struct mesh *mesh, struct view_list *list, const struct nodeid *id,
    const char *addr)
{
	size_t at = list->count < list->max ? list->count++
	                                    : rng_below(mesh->rng, list->max);

	view_set(&list->views[at], id, addr);
}

static void
views_forget(struct mesh *mesh, const struct nodeid *id, const char *addr)
{
	views_drop(&mesh->views.passive, id, addr);
	views_drop(&mesh->views.lost, id, addr);
	mesh->views.version++;
}

/* It failed: no longer to be dialled, but remembered. */
static void
views_lose(struct mesh *mesh, const struct nodeid *id, const char *addr)
{
	struct views *views = &mesh->views;

	views_drop(&views->passive, id, addr);
	if (*addr != '\0' && !bootstrap_has(&mesh->bootstrap, addr) &&
	    views_find(&views->lost, id, addr) == NULL) {
		views_put(mesh, &views->lost, id, addr);
	}
	views->version++;
}

/* ---- what others name */

void
views_store(struct mesh *mesh, const struct nodeid *id, const char *addr)
{
	struct view_list *passive = &mesh->views.passive;
	struct view *view = views_find(passive, id, addr);

	if (!mesh->views.is_auto || *addr == '\0' ||
	    nodeid_equal(id, &mesh->node_id) ||
	    strcmp(addr, mesh->advertise.text) == 0 ||
	    bootstrap_has(&mesh->bootstrap, addr) ||
	    link_find(mesh, id, NULL) != NULL) {
		return;
	}
	if (view == NULL) {
		views_put(mesh, passive, id, addr);
		mesh->stats.learned++;
	} else if (!view_is(view, id, addr)) {
		/* Started anew, or moved: the newest word counts. */
		view_set(view, id, addr);
	} else {
		return;
	}
	mesh->views.version++;
}

void
views_learn(const struct link *from, const struct record_peers *peers)
{
	struct mesh *mesh = from->mesh;
	char taken[RECORD_ADDR_MAX + 1];

	for (size_t i = 0; mesh->views.is_auto && i < peers->count; i++) {
		const struct record_peer *peer = &peers->peers[i];

		if (peer->addr.len > 0 &&
		    !nodeid_equal(&peer->node_id, &mesh->node_id) &&
		    views_take_addr(from, peer, taken)) {
			views_store(mesh, &peer->node_id, taken);
		}
	}
}

/* ---- what others are told */

_Static_assert(1 + VIEWS_SAMPLE_LINKS + VIEWS_SAMPLE_KNOWN <= RECORD_PEERS_MAX,
    "a sample that does not fit");

/* Up to `max` of the `count` candidates, at random; they are reordered. */
static void
views_give(const struct mesh *mesh, struct record_peers *peers,
    struct record_peer *candidates, size_t count, size_t max)
{
	for (; max > 0 && count > 0; max--) {
		size_t pick = rng_below(mesh->rng, count);

		peers->peers[peers->count++] = candidates[pick];
		candidates[pick] = candidates[--count];
	}
}

/* A link that is UP; or was, until this node began to leave. */
static bool
views_is_neighbour(const struct link *link)
{
	return link->state == LINK_UP ||
	       (link->mesh->stopped && link->was_up && !link->has_bye &&
	           link->bye == BYE_LEAVING);
}

static void
views_give_links(const struct link *to, struct record_peers *peers)
{
	const struct mesh *mesh = to->mesh;
	struct record_peer links[MESH_LINKS_MAX];
	size_t count = 0;

	for (const struct link *link = mesh->links; link != NULL;
	     link = link->next) {
		if (link != to && views_is_neighbour(link) && !link->is_leaf &&
		    *link->addr != '\0' && count < MESH_LINKS_MAX &&
		    !nodeid_equal(&link->node_id, &to->node_id)) {
			links[count++] = views_peer(&link->node_id, link->addr);
		}
	}
	views_give(mesh, peers, links, count, VIEWS_SAMPLE_LINKS);
}

static void
views_give_known(const struct link *to, struct record_peers *peers)
{
	const struct mesh *mesh = to->mesh;
	const struct view_list *passive = &mesh->views.passive;
	struct record_peer known[VIEWS_PASSIVE_MAX];
	size_t count = 0;

	for (size_t i = 0; i < passive->count; i++) {
		const struct view *view = &passive->views[i];

		if (!nodeid_equal(&view->id, &to->node_id)) {
			known[count++] = views_peer(&view->id, view->addr);
		}
	}
	views_give(mesh, peers, known, count, VIEWS_SAMPLE_KNOWN);
}

void
views_sample(const struct link *to, bool with_self, struct record_peers *peers)
{
	const struct mesh *mesh = to->mesh;

	peers->count = 0;
	if (!mesh->views.is_auto) {
		return;
	}
	if (with_self && mesh->advertise.len > 0) {
		peers->peers[peers->count++] = views_peer(
		    &mesh->node_id, mesh->advertise.text);
	}
	views_give_links(to, peers);
	views_give_known(to, peers);
}

/* ---- what happens */

/* Look for links within `ms`. */
static void
views_fill_within(struct mesh *mesh, uint64_t ms)
{
	if (mesh->now_ms + ms < mesh->views.fill_ms) {
		mesh->views.fill_ms = mesh->now_ms + ms;
		mesh_wake_at(mesh, mesh->views.fill_ms);
	}
}

static void
views_fill_after_loss(struct mesh *mesh)
{
	views_fill_within(mesh, rng_below(mesh->rng, VIEWS_LOSS_MS + 1));
}

void
views_on_identity(struct link *link)
{
	struct view *view = views_find(
	    &link->mesh->views.passive, &link->wanted, link->addr);

	if (view != NULL && strcmp(view->addr, link->addr) == 0) {
		view->id = link->node_id;
		link->mesh->views.version++;
	}
}

void
views_on_up(struct link *link)
{
	struct mesh *mesh = link->mesh;
	struct views *views = &mesh->views;

	if (!views->is_auto) {
		return;
	}
	views_forget(mesh, &link->node_id, link->addr);
	views->denied = 0;
	if (link->dialled && (link->hello_flags & HELLO_REWIRE) != 0 &&
	    mesh->stats.links_up > views->links_min) {
		views_evict(mesh, link);
	}
}

/* What becomes of an address whose link or dial has ended: named to others,
 * forgotten, or lost; and for how long it is not dialled again. */
static void
views_settle(struct link *link, enum mesh_closed how)
{
	struct mesh *mesh = link->mesh;
	const struct nodeid *id = link->was_up ? &link->node_id : &link->wanted;
	const char *addr = link->is_leaf ? "" : link->addr;
	bool is_final = link_is_final(link, how);
	uint64_t shun_ms = 0;

	if (link->was_up && link->bye <= BYE_EVICTED) {
		views_store(mesh, id, addr);
	} else if (is_final) {
		views_forget(mesh, id, addr);
	} else {
		views_lose(mesh, id, addr);
	}
	if (is_final || link->bye == BYE_SLOW) {
		shun_ms = VIEWS_SHUN_MS; /* it may do better in a minute */
	} else if (link->was_up && link->bye == BYE_EVICTED) {
		/* It has just found that it has better ones. */
		shun_ms = VIEWS_AGAIN_MS;
	}
	if (shun_ms > 0) {
		recent_put(mesh, RECENT_DIALLED, addr, strlen(addr), shun_ms);
	}
}

/* A dial that was never UP has ended. */
static void
views_on_dialled(struct link *link, enum mesh_closed how)
{
	struct mesh *mesh = link->mesh;

	if (link->bye == BYE_FULL) {
		mesh->stats.denied++;
		mesh->views.denied++;
		views_fill_within(
		    mesh, rng_around(mesh->rng, VIEWS_DENIED_MS, 20));
	} else if (link->bye == BYE_DUPLICATE && link->is_known) {
		/* Linked by the other connection: known no more. */
		views_drop(&mesh->views.passive, &link->node_id, link->addr);
		mesh->views.version++;
	} else if (link->bye != BYE_DUPLICATE && link->seed == NULL) {
		mesh->stats.dial_failures++;
		views_settle(link, how);
		views_fill_after_loss(mesh);
	}
}

void
views_on_end(struct link *link, enum mesh_closed how)
{
	struct mesh *mesh = link->mesh;

	if (!mesh->views.is_auto || mesh->stopped) {
		return;
	}
	if (link->was_up) {
		mesh->views.down_ms = mesh->now_ms;
		mesh->views.version++;
		if (link->bye != BYE_DUPLICATE) {
			views_settle(link, how);
		}
		views_fill_after_loss(mesh);
	} else if (link->dialled) {
		views_on_dialled(link, how);
	}
}
