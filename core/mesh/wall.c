/* SPDX-License-Identifier: MIT
 * wall.c - see wall.h. */

#include "mesh/wall.h"

#include "base/log.h"

enum { WALL_ASK_MS = 1000 };

/* Ask the owner.  True: it is later than was known, by so much that what was
 * refused may be right. */
static bool
wall_ask(struct mesh *mesh)
{
	const struct mesh_io *io = mesh->io;
	uint32_t known_s = mesh_wall_s(mesh);
	uint32_t wall_s = io->wall_s != NULL ? io->wall_s(io->ctx) : known_s;

	if (wall_s <= known_s) {
		return false;
	}
	mesh->wall_s += wall_s - known_s;
	return wall_s - known_s > MESH_BOOT_OWN_S;
}

__attribute__((noinline)) bool
wall_refuses(
    struct mesh *mesh, const struct nodeid *id, uint64_t boot, uint32_t ahead_s)
{
	char hex[NODEID_HEX_LEN + 1];

	/* What was refused once is to be told of before anything else is taken:
	 * from then on only the tick asks. */
	if (mesh->ask_ms == 0) {
		(void)wall_ask(mesh);
		if (boot <= (uint64_t)mesh_wall_s(mesh) + ahead_s) {
			return false;
		}
		mesh->ask_ms = mesh->now_ms + WALL_ASK_MS;
		if (mesh->io->wall_s != NULL) {
			mesh_wake_at(mesh, mesh->ask_ms);
		}
	}
	mesh->stats.bad_boot++;
	log_warn("mesh", "boot_ahead",
	    "numbers from the future; expected the clocks of all nodes within "
	    "a day of each other",
	    LOG_STR("id", nodeid_hex(id, hex)), LOG_U64("boot", boot),
	    LOG_U64("clock", mesh_wall_s(mesh)));
	return true;
}

/* New links are told (SYNC) what did not get through; what the old ones still
 * bring would come before that. */
static void
wall_begin_anew(struct mesh *mesh)
{
	log_info("mesh", "clock_set",
	    "the clock was set: links begin anew, since numbers were refused");
	mesh->ask_ms = 0;
	for (struct link *link = mesh->links; link != NULL; link = link->next) {
		if (link->was_up) {
			link_end(link, 1000, "the clock was set");
			link->is_deaf = true;
		}
	}
}

void
wall_on_tick(struct mesh *mesh)
{
	if (LIKELY(mesh->ask_ms == 0) || mesh->io->wall_s == NULL) {
		return;
	}
	if (mesh->now_ms >= mesh->ask_ms) {
		mesh->ask_ms = mesh->now_ms + WALL_ASK_MS;
		if (wall_ask(mesh)) {
			wall_begin_anew(mesh);
			return;
		}
	}
	mesh_wake_at(mesh, mesh->ask_ms);
}
