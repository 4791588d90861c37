/* SPDX-License-Identifier: MIT
 * tally.c - see tally.h. */

#include "sim/tally.h"

#include <stdlib.h>

#include "sim/inspect.h"
#include "sim/overlay.h"
#include "sim/world.h"

enum { TALLY_SETTLE_S = 15 }; /* after a late join nothing is expected */

void
tally_init(struct tally *tally, struct world *world)
{
	const struct sim_config *config = &world->config;
	size_t pairs = (size_t)config->nodes * config->senders;

	tally->senders = config->senders;
	tally->newest = calloc(pairs + 1, sizeof(uint32_t));
	if (tally->newest == NULL) {
		world->err = ERR_NOMEM;
	}
	for (int i = 0; i < ROW_COUNT; i++) {
		tally->bins[i] = calloc(TALLY_BINS, sizeof(uint32_t));
		if (tally->bins[i] == NULL) {
			world->err = ERR_NOMEM;
		}
	}
}

void
tally_fini(struct tally *tally)
{
	for (int i = 0; i < ROW_COUNT; i++) {
		free(tally->bins[i]);
	}
	free(tally->newest);
}

int
tally_row(const struct world *world, uint64_t at_us)
{
	const uint64_t *begins = world->begins_us;

	if (at_us < begins[PHASE_STEADY]) {
		return -1;
	}
	if (at_us + US_PER_S < begins[PHASE_EVENT]) {
		return ROW_STEADY;
	}
	return at_us < begins[PHASE_HEALED] ? ROW_EVENT : ROW_HEALED;
}

static void
tally_add(struct tally_sums *sums, const struct vnode *node)
{
	const struct mesh_stats *stats = mesh_stats(node->mesh);

	sums->received += stats->received;
	sums->delivered += stats->delivered;
}

void
tally_on_start(struct tally *tally, struct world *world, struct vnode *node)
{
	if (node->incarnation > 1) {
		traffic_forget(world, node);
	}
	for (uint32_t i = 0; i < tally->senders; i++) {
		tally->newest[(size_t)node->index * tally->senders + i] = 0;
	}
}

void
tally_on_stop(struct tally *tally, const struct vnode *node)
{
	seen_add(node->world->result->seen, node);
	tally_add(&tally->past, node);
}

void
tally_on_deliver(struct tally *tally, struct world *world,
    const struct vnode *node, struct sent *sent, uint32_t hops)
{
	size_t pair = (size_t)node->index * tally->senders + sent->sender;
	uint32_t number = (uint32_t)(sent - world->traffic.sent) + 1;
	uint64_t ms = (world->now_us - sent->at_us) / US_PER_MS;
	bool is_newer = number > tally->newest[pair];

	if (is_newer) {
		tally->newest[pair] = number;
	}
	/* From just before the crash on only survivors count. */
	if (sent->row < 0 || (sent->row > ROW_STEADY && node->is_doomed)) {
		return;
	}
	sent->hops_sum += hops;
	sent->hops_count++;
	if (hops > sent->hops_max) {
		sent->hops_max = (uint8_t)hops;
	}
	sent->last_us = world->now_us;
	tally->bins[sent->row][ms < TALLY_BINS ? ms : TALLY_BINS - 1]++;
	tally->delivered[sent->row]++;
	tally->disordered[sent->row] += is_newer ? 0 : 1;
}

void
tally_mark(struct tally *tally, const struct world *world, int phase)
{
	struct tally_sums *sums = &tally->marks[phase];

	*sums = tally->past;
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		const struct vnode *node = &world->nodes[i];

		for (int class = 0; class < CLASS_COUNT; class ++) {
			sums->bytes[class] += node->bytes[class];
		}
		if (node->mesh != NULL) {
			tally_add(sums, node);
			tally->live[phase]++;
		}
	}
}

/* ---- at the end */

static bool
tally_expects(const struct world *world, const struct vnode *node,
    const struct sent *sent)
{
	if (!vnode_is_on(node) || !vnode_is_honest(node) ||
	    node->index == sent->source) {
		return false;
	}
	if (sent->dest != TRAFFIC_ALL &&
	    !nodeid_equal(&node->id, &sent->dest_id)) {
		return false;
	}
	return node->since_us <= world->begins_us[PHASE_IDLE] ||
	       node->since_us + TALLY_SETTLE_S * US_PER_S <= sent->at_us;
}

/* Mark the messages of the last two lives of each id in which anything was
 * published. */
static void
tally_mark_recent(const struct world *world)
{
	for (size_t i = world->traffic.count; i > 0; i--) {
		struct sent *sent = &world->traffic.sent[i - 1];
		struct vnode *source = &world->nodes[sent->source];

		if (!nodeid_equal(&source->told_id, &sent->id)) {
			source->told_id = sent->id;
			source->told_last = sent->incarnation;
		}
		sent->is_recent = source->told_last <= sent->incarnation + 1U;
	}
}

/* May `from` tell `to`?  Not if nobody is left between them: of what comes
 * then only who stays connected has a promise (PROTOCOL 12). */
static bool
tally_may_tell(
    const struct world *world, const struct vnode *from, const struct vnode *to)
{
	return vnode_is_on(from) &&
	       (from->part == to->part || !overlay_may_part(world));
}

/* `to` must get it: its source is in the same life; or one who got it is there
 * still.  But with given links, where one who knows nothing of the author may be
 * the only way, the author must have published in no life but the next one. */
static bool
tally_is_promised(
    const struct world *world, const struct sent *sent, const struct vnode *to)
{
	const struct vnode *source = &world->nodes[sent->source];

	/* Under a new id it has forgotten what it told under the old one. */
	if (source->incarnation == sent->incarnation &&
	    tally_may_tell(world, source, to) &&
	    nodeid_equal(&source->id, &sent->id)) {
		return true;
	}
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		const struct vnode *node = &world->nodes[i];

		if (i != sent->source && bit_get(sent->got, i) &&
		    tally_may_tell(world, node, to) && vnode_is_honest(node)) {
			return sent->is_recent || !world->config.is_static;
		}
	}
	return false;
}

static bool
tally_has_heard(const struct sent *sent, uint32_t node)
{
	if (sent->gap != NULL && bit_get(sent->gap, node)) {
		return true;
	}
	return bit_get(sent->got, node) &&
	       (sent->below == NULL || !bit_get(sent->below, node));
}

/* Has the node heard an earlier message of this author, in this life or, if
 * `any`, in one before? */
static bool
tally_has_base(const struct world *world, const struct vnode *node,
    const struct sent *sent, bool any)
{
	for (size_t i = 0; i < world->traffic.count; i++) {
		const struct sent *other = &world->traffic.sent[i];

		if ((any || other->incarnation == sent->incarnation) &&
		    !other->is_direct && other->seq < sent->seq &&
		    nodeid_equal(&other->id, &sent->id) &&
		    tally_has_heard(other, node->index)) {
			return true;
		}
	}
	return false;
}

/* What began when the node was there to hear it is promised.  Else nothing is
 * below a base, nor of a boot that is older than all that was heard of the
 * source (PROTOCOL 8).  Who heard one of its boots is promised the next one
 * from its beginning on, even if it never hears of it; the mesh is not asked
 * then: it knows no better. */
static bool
tally_is_unheard(const struct world *world, const struct vnode *node,
    const struct sent *sent)
{
	struct inspect_origin origin;
	uint64_t boot = sent->seq >> 32;

	if (boot > inspect_since_s(node->mesh)) {
		return false;
	}
	if (!inspect_find(node->mesh, &sent->id, &origin) ||
	    boot > origin.base >> 32) {
		return !tally_has_base(world, node, sent, true);
	}
	if (boot == origin.base >> 32) {
		return sent->seq < origin.base;
	}
	/* Of a boot that it knows the middle of only, it depends (PROTOCOL 8). */
	return origin.first_end == 0 || boot < origin.first_end >> 32 ||
	       !tally_has_base(world, node, sent, false);
}

static void
tally_note_lost(
    const struct world *world, const struct sent *sent, uint32_t node)
{
	struct sim_result *result = world->result;

	if (result->lost_s == 0) {
		result->lost_s = (double)sent->at_us / (double)US_PER_S;
		result->lost_source = sent->source;
		result->lost_node = node;
	}
}

static void
tally_sent(
    const struct world *world, const struct sent *sent, struct sim_row *row)
{
	struct sim_row now = { 0 };
	double share;

	for (uint32_t i = 0; i < world->config.nodes; i++) {
		if (!tally_expects(world, &world->nodes[i], sent)) {
			continue;
		}
		now.expected++;
		if (bit_get(sent->got, i)) {
			now.delivered++;
			now.soon += bit_get(sent->soon, i) ? 1 : 0;
		} else if (sent->gap != NULL && bit_get(sent->gap, i)) {
			now.gaps++;
		} else if (tally_is_unheard(world, &world->nodes[i], sent)) {
			now.unheard++;
		} else if (tally_is_promised(world, sent, &world->nodes[i]) &&
		           !inspect_waits(
		               world->nodes[i].mesh, &sent->id, sent->seq)) {
			now.missing++;
			tally_note_lost(world, sent, i);
		}
	}
	share = now.expected == 0 ? 1 : sim_ratio(now.delivered, now.expected);
	row->worst = row->messages == 0 || share < row->worst ? share
	                                                      : row->worst;
	row->messages++;
	row->expected += now.expected;
	row->delivered += now.delivered;
	row->soon += now.soon;
	row->gaps += now.gaps;
	row->unheard += now.unheard;
	row->missing += now.missing;
	if (sent->at_us >= world->begins_us[PHASE_EVENT] &&
	    now.soon < now.expected) {
		world->result->delivery_s =
		    (double)(sent->at_us - world->begins_us[PHASE_EVENT]) /
		    (double)US_PER_S;
	}
}

static double
tally_percentile(const uint32_t *bins, double share)
{
	uint64_t all = 0;
	uint64_t sum = 0;

	for (int i = 0; i < TALLY_BINS; i++) {
		all += bins[i];
	}
	for (int i = 0; i < TALLY_BINS; i++) {
		sum += bins[i];
		if (all > 0 && (double)sum >= share * (double)all) {
			return i;
		}
	}
	return 0;
}

static void
tally_rates(
    const struct tally *tally, const struct world *world, enum row number)
{
	static const enum phase phases[] = { PHASE_STEADY, PHASE_EVENT,
		PHASE_HEALED };
	enum phase phase = phases[number];
	const struct tally_sums *from = &tally->marks[phase];
	const struct tally_sums *to = &tally->marks[phase + 1];
	struct sim_row *row = &world->result->rows[number];
	uint64_t delivered = to->delivered - from->delivered;
	double nodes = tally->live[phase + 1];
	double messages = 0;

	/* Of the same span as the bytes: a row begins a second earlier. */
	for (size_t i = 0; i < world->traffic.count; i++) {
		uint64_t at_us = world->traffic.sent[i].at_us;

		messages += at_us >= world->begins_us[phase] &&
		                    at_us < world->begins_us[phase + 1]
		                ? 1
		                : 0;
	}
	row->seconds = (double)(world->begins_us[phase + 1] -
	                        world->begins_us[phase]) /
	               (double)US_PER_S;
	row->rmr = delivered == 0 ? 0
	                          : (double)(to->received - from->received) /
	                                    (double)delivered -
	                                1;
	for (int class = 0; class < CLASS_COUNT && messages * nodes > 0;
	     class ++) {
		row->bytes[class] = (double)(to->bytes[class] -
		                             from->bytes[class]) /
		                    (messages * nodes);
	}
	row->p50_ms = tally_percentile(tally->bins[number], 0.5);
	row->p99_ms = tally_percentile(tally->bins[number], 0.99);
	row->out_of_order = sim_ratio(
	    tally->disordered[number], tally->delivered[number]);
}

static void
tally_last(const struct world *world)
{
	uint64_t hops[ROW_COUNT] = { 0 };
	uint64_t count[ROW_COUNT] = { 0 };

	for (size_t i = 0; i < world->traffic.count; i++) {
		const struct sent *sent = &world->traffic.sent[i];
		double last_ms = (double)(sent->last_us - sent->at_us) /
		                 (double)US_PER_MS;
		struct sim_row *row;

		if (sent->row < 0) {
			continue;
		}
		row = &world->result->rows[sent->row];
		row->last_mean_ms += last_ms / (double)row->messages;
		row->last_max_ms = last_ms > row->last_max_ms
		                       ? last_ms
		                       : row->last_max_ms;
		row->ldh_mean += sent->hops_max / (double)row->messages;
		row->ldh_max = sent->hops_max > row->ldh_max ? sent->hops_max
		                                             : row->ldh_max;
		hops[sent->row] += sent->hops_sum;
		count[sent->row] += sent->hops_count;
	}
	for (int i = 0; i < ROW_COUNT; i++) {
		world->result->rows[i].hops_mean = sim_ratio(hops[i], count[i]);
	}
}

static void
tally_idle(const struct tally *tally, const struct world *world)
{
	const struct tally_sums *from = &tally->marks[PHASE_IDLE];
	const struct tally_sums *to = &tally->marks[PHASE_WARM];
	uint64_t bytes = 0;
	double us = (double)(world->begins_us[PHASE_WARM] -
	                     world->begins_us[PHASE_IDLE]);

	for (int class = 0; class < CLASS_COUNT; class ++) {
		bytes += to->bytes[class] - from->bytes[class];
	}
	if (us > 0) {
		world->result->idle_bps = (double)bytes * (double)US_PER_S /
		                          us / world->config.nodes;
	}
}

void
tally_finish(struct tally *tally, const struct world *world)
{
	struct sim_result *result = world->result;

	result->parts = overlay_parts(world, &result->live);
	tally_mark_recent(world);
	for (size_t i = 0; i < world->traffic.count; i++) {
		const struct sent *sent = &world->traffic.sent[i];

		if (sent->row >= 0) {
			tally_sent(world, sent, &result->rows[sent->row]);
		}
	}
	for (int i = 0; i < ROW_COUNT; i++) {
		tally_rates(tally, world, (enum row)i);
	}
	tally_last(world);
	tally_idle(tally, world);
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		if (world->nodes[i].mesh != NULL) {
			seen_add(result->seen, &world->nodes[i]);
		}
	}
	result->duplicates = world->traffic.duplicates;
	result->strangers = world->traffic.strangers;
	result->late = world->traffic.late;
	result->gaps = world->traffic.gaps;
}
