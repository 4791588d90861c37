/* SPDX-License-Identifier: MIT
 * setup.c - a mesh is made and unmade: mesh_create, mesh_destroy. */

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/fetch.h"
#include "mesh/inside.h"
#include "mesh/spread.h"

enum {
	MESH_SCRATCH_BYTES = 4096, /* the longest handshake is under 1 KiB */
	MESH_CHECK_BYTES = 64 * 1024,
};

/* A str8 of our own; ERR_NOMEM, ERR_INVALID (too long). */
static enum err
mesh_copy_str8(struct str8 *out, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;
	char *copy;

	if (len > UINT8_MAX) {
		return ERR_INVALID;
	}
	copy = strdup(text != NULL ? text : "");
	if (copy == NULL) {
		return ERR_NOMEM;
	}
	out->text = copy;
	out->len = (uint8_t)len;
	return ERR_OK;
}

/* PROTOCOL 3: the first bytes of the SHA-256 of the network's name. */
static enum err
mesh_hash_network(uint8_t net[8], const char *network)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;

	if (EVP_Digest(network, strlen(network), digest, &len, EVP_sha256(),
	        NULL) != 1) {
		return ERR_NOMEM;
	}
	memcpy(net, digest, 8);
	return ERR_OK;
}

static size_t
mesh_check_every(size_t soft)
{
	size_t every = soft / 16;

	return every < 1                  ? 1
	       : every < MESH_CHECK_BYTES ? every
	                                  : (size_t)MESH_CHECK_BYTES;
}

static enum err
mesh_take_psk(
    struct mesh *mesh, const struct mesh_config *config, struct diag *diag)
{
	if (config->psk_len < MESH_PSK_MIN) {
		diag_set(diag,
		    "the pre-shared key has %zu bytes; expected at "
		    "least %d",
		    config->psk_len, MESH_PSK_MIN);
		return ERR_INVALID;
	}
	mesh->has_key = true;
	return auth_derive(mesh->key, config->psk, config->psk_len);
}

static enum err
mesh_init(
    struct mesh *mesh, const struct mesh_config *config, struct diag *diag)
{
	enum err err = mesh_copy_str8(&mesh->name, config->name);

	if (err == ERR_OK) {
		err = mesh_copy_str8(&mesh->advertise, config->advertise);
	}
	if (err == ERR_INVALID) {
		diag_set(diag, "name or advertised address is longer than "
		               "255 bytes");
	}
	if (err == ERR_OK) {
		err = mesh_hash_network(mesh->net, config->network);
	}
	if (err == ERR_OK) {
		err = buf_reserve(&mesh->scratch, MESH_SCRATCH_BYTES);
	}
	if (err == ERR_OK) {
		err = bootstrap_init(
		    &mesh->bootstrap, config->peers, config->peer_count, diag);
	}
	if (err == ERR_OK) {
		err = members_init(
		    &mesh->members, config, mesh->origins.table.salt);
	}
	if (err == ERR_OK && config->psk != NULL) {
		err = mesh_take_psk(mesh, config, diag);
	}
	return err;
}

enum err
mesh_create(struct mesh **out, const struct mesh_config *config,
    const struct mesh_io *io, struct rng *rng, struct diag *diag)
{
	struct mesh *mesh = calloc(1, sizeof(*mesh));
	enum err err;

	if (mesh == NULL) {
		return ERR_NOMEM;
	}
	mesh->io = io;
	mesh->rng = rng;
	mesh->node_id = config->node_id;
	mesh->identity.is_kept = config->keeps_id;
	mesh->now_ms = config->now_ms;
	mesh->start_ms = config->now_ms;
	mesh->wall_s = config->boot;
	mesh->seq = (uint64_t)config->boot << 32;
	mesh->max_message = config->max_message;
	mesh->max_hops = config->max_hops;
	mesh->ping_ms = config->ping_ms;
	mesh->soft = config->soft;
	mesh->hard = config->hard;
	mesh->floods = config->floods;
	mesh->check_every = mesh_check_every(config->soft);
	mesh->smallest_max = UINT32_MAX;
	mesh->next_ms = UINT64_MAX;
	mesh->links_ms = UINT64_MAX;
	origins_init(&mesh->origins, rng,
	    &(struct origins_events){
	        .ctx = mesh,
	        .passed = fetch_forget,
	        .gap = spread_on_gap,
	        .gone = spread_on_gone,
	    });
	mesh->origins.since_s = config->boot;
	spread_init(mesh, config->pool, config->history_bytes);
	views_init(mesh, config);
	err = mesh_init(mesh, config, diag);
	if (err != ERR_OK) {
		mesh_destroy(mesh);
		return err;
	}
	*out = mesh;
	return ERR_OK;
}

void
mesh_destroy(struct mesh *mesh)
{
	if (mesh == NULL) {
		return;
	}
	while (mesh->links != NULL) {
		struct link *link = mesh->links;

		mesh->links = link->next;
		buf_fini(&link->hello);
		free(link);
	}
	spread_fini(mesh);
	origins_fini(&mesh->origins);
	bootstrap_fini(&mesh->bootstrap);
	members_fini(&mesh->members);
	auth_forget(mesh->key, sizeof(mesh->key));
	buf_fini(&mesh->scratch);
	free((void *)(uintptr_t)mesh->name.text);
	free((void *)(uintptr_t)mesh->advertise.text);
	free(mesh);
}
