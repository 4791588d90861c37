/* SPDX-License-Identifier: MIT
 * repair.c - see repair.h. */

#include "mesh/repair.h"

#include "mesh/inside.h"
#include "mesh/limit.h"
#include "mesh/sync.h"

enum { REPAIR_GONE_MAX = 64 };

/* What one GRAFT leads to. */
struct repair {
	struct link *link;
	size_t room;  /* bytes until the link is over SOFT */
	bool is_idle; /* nothing is queued: one answer, whatever its size */
	size_t gone_count;
	struct record_run gone[REPAIR_GONE_MAX];
};

static void
repair_flush(struct repair *repair)
{
	spread_send_runs(
	    repair->link, RECORD_GONE, repair->gone, repair->gone_count);
	repair->gone_count = 0;
}

/* `count` ids from `seq` on, of the origin of `run`. */
static void
repair_say_gone(struct repair *repair, const struct record_run *run,
    uint64_t seq, uint32_t count)
{
	struct record_run *last = &repair->gone[repair->gone_count];

	if (repair->gone_count > 0 && last[-1].seq + last[-1].count == seq &&
	    last[-1].count + count <= UINT16_MAX &&
	    nodeid_equal(&last[-1].origin, &run->origin)) {
		last[-1].count += count;
		return;
	}
	*last = (struct record_run){
		.origin = run->origin,
		.seq = seq,
		.count = count,
	};
	repair->gone_count++;
	if (repair->gone_count == REPAIR_GONE_MAX) {
		repair_flush(repair);
	}
}

/* One message again; false: the link has enough for now. */
static bool
repair_send(struct repair *repair, struct history_entry *entry,
    struct record_data *data)
{
	struct mesh *mesh = repair->link->mesh;
	uint64_t bit = link_bit(repair->link);
	size_t len = entry->range.len;

	if ((len > repair->room && !repair->is_idle) ||
	    !limit_spend(repair->link, LIMIT_REPAIR, (uint32_t)len)) {
		mesh->stats.repair_limit++;
		return false;
	}
	repair->is_idle = false;
	repair->room -= len < repair->room ? len : repair->room;
	data->flags |= DATA_REPAIR;
	entry->known |= bit;
	if (!spread_to(mesh, bit, data)) {
		/* Who had no memory to note it does not ask again. */
		entry->known &= ~bit;
		sync_again(repair->link);
		return false;
	}
	mesh->stats.repairs++;
	return repair->link->state == LINK_UP;
}

/* One id; false: no more of this run. */
static bool
repair_one(struct repair *repair, const struct origin *origin,
    const struct record_run *run, uint64_t seq)
{
	struct link *link = repair->link;
	struct mesh *mesh = link->mesh;
	struct history_entry *entry = history_find(
	    &mesh->spread.history, origin, seq);
	struct record_data data = { .payload_len = 0 };

	if (entry != NULL) {
		data = history_data(entry);
		if (data.payload_len <= link->max_message) {
			return repair_send(repair, entry, &data);
		}
	}
	/* Also of what is too large for it: that was looked for, too. */
	if (!limit_takes(link, LIMIT_GONE, 1)) {
		mesh->stats.graft_limit++;
		return false;
	}
	repair_say_gone(repair, run, seq, 1);
	return true;
}

static void
repair_run(struct repair *repair, const struct origin *origin,
    const struct record_run *run)
{
	if (run->count > 0 && (origin == NULL || origin->held == 0)) {
		repair_say_gone(repair, run, run->seq, run->count);
		return;
	}
	for (uint32_t i = 0; i < run->count; i++) {
		if (!repair_one(repair, origin, run, run->seq + i)) {
			return;
		}
	}
}

void
repair_on_graft(struct link *link, struct record_array *list)
{
	struct mesh *mesh = link->mesh;
	size_t queued = mesh->io->queued(mesh->io->ctx, link);
	struct repair repair = {
		.link = link,
		.room = queued < mesh->soft ? mesh->soft - queued : 0,
		.is_idle = queued == 0,
	};
	struct record_run run;

	while (link->state == LINK_UP && record_array_next(list, &run)) {
		struct origin *origin = spread_find(mesh, &run.origin);

		if (origin != NULL && (run.flags & GRAFT_EAGER) != 0) {
			origin->mute &= ~link_bit(link);
		}
		if ((run.flags & GRAFT_NODATA) == 0) {
			repair_run(&repair, origin, &run);
		}
	}
	if (link->state == LINK_UP) {
		repair_flush(&repair);
	}
}
