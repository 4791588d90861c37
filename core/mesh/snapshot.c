/* SPDX-License-Identifier: MIT
 * snapshot.c - what a node keeps between two lives: mesh_snapshot,
 * mesh_restore.  Lines of text:
 *
 *     grapevine-state 1
 *     id 32 hex digits
 *     boot N
 *     peer 32 hex digits, ws://HOST:PORT       (any number of them)
 *     end 16 hex digits                        FNV-1a of all before */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "mesh/inside.h"

enum { SNAPSHOT_LINE_MAX = 512 };

static const char snapshot_head[] = "grapevine-state 1\n";

static enum err
snapshot_peer(struct buf *out, const struct nodeid *id, const char *addr)
{
	char hex[NODEID_HEX_LEN + 1];

	if (*addr == '\0') {
		return ERR_OK;
	}
	return buf_printf(out, "peer %s %s\n", nodeid_hex(id, hex), addr);
}

static enum err
snapshot_peers(const struct mesh *mesh, struct buf *out)
{
	const struct views *views = &mesh->views;
	const struct link *link;
	enum err err = ERR_OK;

	if (!views->is_auto) {
		return ERR_OK;
	}
	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		if (err == ERR_OK && !link->is_leaf) {
			err = snapshot_peer(out, &link->node_id, link->addr);
		}
	}
	for (size_t i = 0; i < views->passive.count && err == ERR_OK; i++) {
		const struct view *view = &views->passive.views[i];

		err = snapshot_peer(out, &view->id, view->addr);
	}
	return err;
}

enum err
mesh_snapshot(const struct mesh *mesh, struct buf *out)
{
	size_t before = out->len;
	char hex[NODEID_HEX_LEN + 1];
	enum err err = buf_printf(out, "%sid %s\nboot %" PRIu32 "\n",
	    snapshot_head, nodeid_hex(&mesh->node_id, hex), mesh_boot(mesh));

	if (err == ERR_OK) {
		err = snapshot_peers(mesh, out);
	}
	if (err == ERR_OK) {
		err = buf_printf(out, "end %016" PRIx64 "\n",
		    hash_more(
		        HASH_BEGIN, out->bytes + before, out->len - before));
	}
	if (err != ERR_OK) {
		out->len = before;
	}
	return err;
}

uint64_t
mesh_snapshot_version(const struct mesh *mesh)
{
	return mesh->views.version + (mesh->seq >> 32);
}

/* ---- read */

struct snapshot {
	struct nodeid id;
	uint32_t boot;
	struct mesh *learner; /* NULL: addresses are checked, not learned */
};

static bool
snapshot_read_boot(const char *text, uint32_t *boot)
{
	size_t len = strspn(text, "0123456789");
	unsigned long long value = strtoull(text, NULL, 10);

	*boot = (uint32_t)value;
	return len > 0 && text[len] == '\0' && value <= UINT32_MAX;
}

/* `HEX ADDR` */
static bool
snapshot_read_peer(const char *text, const struct snapshot *snapshot)
{
	const char *addr = text + NODEID_HEX_LEN + 1;
	struct nodeid id;

	if (strlen(text) <= NODEID_HEX_LEN + 1 || addr[-1] != ' ' ||
	    !nodeid_read(&id, text) ||
	    !record_addr_is_valid(addr, strlen(addr))) {
		return false;
	}
	if (snapshot->learner != NULL) {
		views_store(snapshot->learner, &id, addr);
	}
	return true;
}

static bool
snapshot_read_line(const char *line, size_t number, struct snapshot *snapshot)
{
	if (number == 0) {
		return strncmp(line, "id ", 3) == 0 &&
		       strlen(line) == 3 + NODEID_HEX_LEN &&
		       nodeid_read(&snapshot->id, line + 3);
	}
	if (number == 1) {
		return strncmp(line, "boot ", 5) == 0 &&
		       snapshot_read_boot(line + 5, &snapshot->boot);
	}
	return strncmp(line, "peer ", 5) == 0 &&
	       snapshot_read_peer(line + 5, snapshot);
}

/* The length without the last line, if that has the right sum; else 0. */
static size_t
snapshot_check_end(const uint8_t *bytes, size_t len)
{
	char expected[32];
	size_t end = sizeof("end 0123456789abcdef\n") - 1;

	if (len <= end) {
		return 0;
	}
	(void)snprintf(expected, sizeof(expected), "end %016" PRIx64 "\n",
	    hash_more(HASH_BEGIN, bytes, len - end));
	return memcmp(bytes + len - end, expected, end) == 0 ? len - end : 0;
}

static enum err
snapshot_read(const uint8_t *bytes, size_t len, uint32_t wall_s,
    struct snapshot *snapshot)
{
	size_t head = sizeof(snapshot_head) - 1;
	size_t end = snapshot_check_end(bytes, len);
	size_t number = 0;
	size_t at = head;

	if (end < head || memcmp(bytes, snapshot_head, head) != 0) {
		return ERR_INVALID;
	}
	while (at < end) {
		const uint8_t *stop = memchr(bytes + at, '\n', end - at);
		size_t line_len = stop != NULL ? (size_t)(stop - bytes) - at
		                               : SNAPSHOT_LINE_MAX;
		char line[SNAPSHOT_LINE_MAX];

		if (line_len >= sizeof(line)) {
			return ERR_INVALID;
		}
		memcpy(line, bytes + at, line_len);
		line[line_len] = '\0';
		if (strlen(line) != line_len ||
		    !snapshot_read_line(line, number++, snapshot)) {
			return ERR_INVALID;
		}
		at += line_len + 1;
	}
	/* If the clock went far back nobody would believe its boot number. */
	return number >= 2 &&
	               snapshot->boot < (uint64_t)wall_s + MESH_BOOT_AHEAD_S
	           ? ERR_OK
	           : ERR_INVALID;
}

enum err
mesh_snapshot_id(
    const uint8_t *bytes, size_t len, uint32_t wall_s, struct nodeid *id)
{
	struct snapshot snapshot = { .learner = NULL };
	enum err err = snapshot_read(bytes, len, wall_s, &snapshot);

	if (err == ERR_OK) {
		*id = snapshot.id;
	}
	return err;
}

enum err
mesh_restore(struct mesh *mesh, const uint8_t *bytes, size_t len)
{
	struct snapshot snapshot = { .learner = NULL };
	enum err err = snapshot_read(bytes, len, mesh->wall_s, &snapshot);

	if (err != ERR_OK) {
		return err;
	}
	mesh->node_id = snapshot.id;
	mesh->spread.self.id = snapshot.id;
	if (snapshot.boot >= mesh_boot(mesh)) {
		mesh->seq = ((uint64_t)snapshot.boot + 1) << 32;
	}
	/* Nothing is taken of one that is damaged: so it is read again. */
	snapshot.learner = mesh;
	return snapshot_read(bytes, len, mesh->wall_s, &snapshot);
}
