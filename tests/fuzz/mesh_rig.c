/* SPDX-License-Identifier: MIT
 * mesh_rig.c - see mesh_rig.h. */

#include "fuzz/mesh_rig.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mesh/inside.h"
#include "mesh/views.h"
#include "sim/inspect.h"
#include "wire/record_array.h"

uint8_t
fuzz_byte(struct fuzz *fuzz)
{
	return fuzz->at < fuzz->end ? *fuzz->at++ : 0;
}

/* A block of its own size: a sanitizer sees the first read behind it. */
void
fuzz_message(
    struct fuzz *fuzz, struct fuzz_link *at, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL) {
		return;
	}
	memcpy(copy, bytes, len);
	mesh_on_message(fuzz->mesh, at->link, fuzz->now, copy, len);
	free(copy);
}

void
fuzz_message_of(struct fuzz *fuzz, struct fuzz_link *at, struct buf *buf)
{
	fuzz_message(fuzz, at, buf->bytes, buf->len);
	buf_fini(buf);
}

void
fuzz_op_record(struct fuzz *fuzz, struct fuzz_link *at, bool raw)
{
	uint8_t bytes[RECORD_HEADER_LEN + 255] = { 0 };
	size_t left;
	size_t len;

	bytes[0] = raw ? 0 : fuzz_byte(fuzz);
	len = fuzz_byte(fuzz);
	left = (size_t)(fuzz->end - fuzz->at);
	len = len < left ? len : left;
	bytes[3] = (uint8_t)len;
	if (len > 0) {
		memcpy(bytes + RECORD_HEADER_LEN, fuzz->at, len);
	}
	fuzz->at += len;
	fuzz_message(fuzz, at, raw ? bytes + RECORD_HEADER_LEN : bytes,
	    raw ? len : RECORD_HEADER_LEN + len);
}

struct nodeid
fuzz_id(uint8_t n)
{
	struct nodeid id;

	memset(id.bytes, n, sizeof(id.bytes));
	return id;
}

struct record_hello
fuzz_hello(uint8_t node, uint32_t boot)
{
	return (struct record_hello){
		.ver_min = 1,
		.ver_max = 1,
		.node_id = fuzz_id(node),
		.boot = boot,
		.net = { 0x22, 0xbd, 0x79, 0x0e, 0x02, 0xa8, 0x0f, 0x57 },
	};
}

/* What is kept of a link, which is not closed. */
static struct fuzz_link *
fuzz_of(struct fuzz *fuzz, const struct link *link)
{
	assert(link != NULL);
	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		if (fuzz->links[i].link == link) {
			assert(!fuzz->links[i].closed);
			return &fuzz->links[i];
		}
	}
	abort(); /* an action for a link that is gone */
}

struct fuzz_link *
fuzz_free_place(struct fuzz *fuzz)
{
	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		if (fuzz->links[i].link == NULL) {
			return &fuzz->links[i];
		}
	}
	return NULL;
}

static uint64_t
fuzz_sum(const struct range *range)
{
	uint64_t sum = range->len;

	for (uint32_t i = 0; i < range->len; i++) {
		sum = (sum ^ range_bytes(range)[i]) * UINT64_C(0x100000001b3);
	}
	return sum;
}

/* What was queued is still what it was. */
static void
fuzz_let_go(struct fuzz_queued *queued)
{
	if (queued->range.chunk != NULL) {
		assert(fuzz_sum(&queued->range) == queued->sum);
		chunk_unref(queued->range.chunk);
		queued->range.chunk = NULL;
	}
}

/* A whole record, which a link then holds for some time. */
static void
fuzz_hold(struct fuzz *fuzz, const struct range *range)
{
	struct fuzz_queued
	    *queued = &fuzz->records[fuzz->record_count++ % FUZZ_QUEUED];
	const uint8_t *at = range_bytes(range);
	const uint8_t *end = at + range->len;
	struct record_data data;
	struct record record;
	enum err err = record_next(&at, end, &record);

	assert(err == ERR_OK && at == end);
	err = record_data_decode(&record, &data);
	assert(err == ERR_OK);
	fuzz_let_go(queued);
	chunk_ref(range->chunk);
	*queued = (struct fuzz_queued){ *range, fuzz_sum(range) };
}

static void
fuzz_spread(void *ctx, uint64_t slots, const struct range *record)
{
	assert(slots != 0);
	fuzz_hold(ctx, record);
	for (; slots != 0; slots &= slots - 1) {
		struct link *link = inspect_link(((struct fuzz *)ctx)->mesh,
		    (unsigned)__builtin_ctzll(slots));

		(void)fuzz_of(ctx, link);
		assert(link_is_up(link));
	}
}

/* With a key: nobody who has not shown it is told more than that. */
static void
fuzz_send_record(
    const struct fuzz *fuzz, struct fuzz_link *at, const struct record *record)
{
	bool is_trusted = !fuzz->has_key || at->is_proven;
	struct fuzz_said *said = NULL;

	assert(record->len <= (record->type > RECORD_DATA ? RECORD_ARRAY_MAX
	                                                  : FUZZ_RECORD_MAX));
	if (record->type == RECORD_HELLO) {
		said = &at->hello;
	} else if (record->type == RECORD_WELCOME) {
		said = &at->welcome;
	} else if (record->type == RECORD_AUTH) {
		assert(at->is_proven && record->len == RECORD_PROOF_LEN);
		assert(memcmp(record->body, at->expected, record->len) == 0);
	} else {
		assert(is_trusted || record->type == RECORD_BYE);
	}
	if (said != NULL && record->len <= sizeof(said->bytes)) {
		memcpy(said->bytes, record->body, record->len);
		said->len = record->len;
	}
	(void)is_trusted;
}

static void
fuzz_send(void *ctx, struct link *link, const uint8_t *records, size_t len,
    bool control)
{
	struct fuzz *fuzz = ctx;
	struct fuzz_link *at = fuzz_of(ctx, link);
	const uint8_t *next = records;
	struct record record;

	(void)control;
	while (record_next(&next, records + len, &record) == ERR_OK) {
		fuzz_send_record(fuzz, at, &record);
	}
	assert(next == records + len && len <= (size_t)256 * 1024);
}

static void
fuzz_ping(void *ctx, struct link *link, uint64_t stamp)
{
	(void)fuzz_of(ctx, link);
	assert(link_is_up(link));
	((struct fuzz *)ctx)->stamp = stamp;
}

static void
fuzz_close(void *ctx, struct link *link, uint16_t code, const char *reason)
{
	assert(reason != NULL);
	assert(code == 0 || (code >= 1000 && code < 5000));
	fuzz_of(ctx, link)->closed = true;
}

static void
fuzz_dial(void *ctx, struct link *link, const char *url)
{
	struct fuzz_link *place = fuzz_free_place(ctx);

	assert(place != NULL); /* there are more than links and dials */
	assert(record_addr_is_valid(url, strlen(url)));
	assert(((struct fuzz *)ctx)->mesh->bootstrap.count > 0);
	*place = (struct fuzz_link){ .link = link };
}

static size_t
fuzz_queued(void *ctx, const struct link *link)
{
	(void)fuzz_of(ctx, link);
	return ((struct fuzz *)ctx)->queued;
}

static void
fuzz_pressed(void *ctx, struct link *link)
{
	(void)fuzz_of(ctx, link);
}

/* Each id has one fate. */
static void
fuzz_tell(struct fuzz *fuzz, const struct nodeid *origin, uint64_t first,
    uint64_t count)
{
	struct fuzz_told *before = NULL;

	/* No memory to remember an origin by; that was counted. */
	if (fuzz->mesh->origins.tombstones_lost > 0) {
		return;
	}
	for (size_t i = 0; i < fuzz->told_count; i++) {
		struct fuzz_told *told = &fuzz->told[i];

		if (nodeid_equal(&told->origin, origin)) {
			assert(first >= told->first + told->count ||
			       told->first >= first + count);
			before = told->first + told->count == first ? told
			                                            : before;
		}
	}
	if (before != NULL) {
		before->count += count;
	} else if (fuzz->told_count < FUZZ_TOLD) {
		fuzz->told[fuzz->told_count++] = (struct fuzz_told){ *origin,
			first, count };
	}
}

/* Topics longer than a letter: messages for one node are numbered in a series
 * of their own. */
static void
fuzz_deliver(void *ctx, const struct message_view *view)
{
	assert(view->topic_len > 0 && view->topic_len <= 255);
	assert(view->payload_len <= 1000);
	if ((view->flags & MESSAGE_REPLY) == 0 && view->topic_len == 1) {
		fuzz_tell(ctx, &view->origin, view->seq, 1);
	}
}

static void
fuzz_peer(void *ctx, const struct mesh_peer *peer)
{
	(void)ctx;
	assert(strlen(peer->name) <= 255 && strlen(peer->addr) <= 255);
}

static void
fuzz_gap(void *ctx, const struct nodeid *origin, uint64_t first, uint64_t count)
{
	assert(count > 0 && first + count > first);
	fuzz_tell(ctx, origin, first, count);
}

static uint32_t
fuzz_wall_s(void *ctx)
{
	const struct fuzz *fuzz = ctx;

	return FUZZ_BOOT + (uint32_t)((fuzz->now - FUZZ_NOW) / 1000) +
	       fuzz->set_s;
}

static enum err
fuzz_secret(void *ctx, void *bytes, size_t len)
{
	rng_fill(&((struct fuzz *)ctx)->rng, bytes, len);
	return ERR_OK;
}

static void
fuzz_io(struct fuzz *fuzz)
{
	fuzz->io = (struct mesh_io){
		.ctx = fuzz,
		.spread = fuzz_spread,
		.send = fuzz_send,
		.ping = fuzz_ping,
		.close = fuzz_close,
		.dial = fuzz_dial,
		.queued = fuzz_queued,
		.pressed = fuzz_pressed,
		.deliver = fuzz_deliver,
		.peer = fuzz_peer,
		.gap = fuzz_gap,
		.wall_s = fuzz_wall_s,
		.secret = fuzz_secret,
	};
}

void
fuzz_reap(struct fuzz *fuzz)
{
	size_t left = 0;

	for (size_t i = 0; i < FUZZ_LINKS; i++) {
		left += fuzz->links[i].link == NULL ? 1 : 0;
	}
	for (size_t i = 0; i < FUZZ_LINKS && left <= MESH_DIALS_MAX; i++) {
		struct fuzz_link *at = &fuzz->links[i];
		struct link *link = at->link;

		if (link != NULL && at->closed) {
			at->link = NULL;
			mesh_on_closed(
			    fuzz->mesh, link, fuzz->now, MESH_CLOSED);
		}
	}
}

void
fuzz_accept(struct fuzz *fuzz, struct fuzz_link *place)
{
	*place = (struct fuzz_link){ .opened = true };
	place->link = mesh_on_accepted(
	    fuzz->mesh, fuzz->now, ++fuzz->conn, "::1", fuzz);
}

void
fuzz_pass(struct fuzz *fuzz, uint64_t ms)
{
	uint64_t end = fuzz->now + ms;
	unsigned idle = 0;

	while (mesh_next_ms(fuzz->mesh) <= end) {
		uint64_t next = mesh_next_ms(fuzz->mesh);

		idle = next <= fuzz->now ? idle + 1 : 0;
		assert(idle < 100);
		fuzz->now = next > fuzz->now ? next : fuzz->now;
		fuzz_reap(fuzz);
		mesh_on_tick(fuzz->mesh, fuzz->now);
	}
	fuzz->now = end;
}

void
fuzz_jump(struct fuzz *fuzz, uint8_t how)
{
	uint64_t ms = UINT64_C(1000) << (how & 0xf); /* up to nine hours */

	fuzz->now += ms;
	fuzz->set_s += (how & 0x10) != 0 ? (uint32_t)(ms / 10) : 0;
	mesh_on_tick(fuzz->mesh, fuzz->now);
}

void
fuzz_twice(struct fuzz *fuzz)
{
	mesh_on_tick(fuzz->mesh, fuzz->now);
	mesh_on_tick(fuzz->mesh, fuzz->now);
}

bool
fuzz_begin(struct fuzz *fuzz, const uint8_t *bytes, size_t len)
{
	*fuzz = (struct fuzz){
		.now = FUZZ_NOW,
		.at = bytes,
		.end = bytes + len,
		.boot = FUZZ_BOOT,
	};
	rng_init(&fuzz->rng, 1);
	fuzz_io(fuzz);
	/* Log lines find no bugs. */
	return log_open(&(struct log_config){ .filter = "error" }, NULL) ==
	       ERR_OK;
}

bool
fuzz_start(struct fuzz *fuzz, struct mesh_config *config, bool wraps)
{
	config->node_id = fuzz_id(FUZZ_OWN);
	config->boot = FUZZ_BOOT;
	config->now_ms = fuzz->now;
	config->name = "fuzz";
	config->network = "grapevine";
	config->max_message = 1000;
	config->max_hops = 64;
	config->ping_ms = 3000;
	config->soft = 4096;
	config->pool = &fuzz->pool;
	chunk_pool_init(&fuzz->pool);
	if (mesh_create(&fuzz->mesh, config, &fuzz->io, &fuzz->rng, NULL) !=
	    ERR_OK) {
		return false;
	}
	mesh_start(fuzz->mesh, fuzz->now);
	if (wraps) {
		fuzz->mesh->seq |= UINT32_MAX - 3;
	}
	return true;
}

/* After each op. */
static void
fuzz_check(struct fuzz *fuzz)
{
	const struct mesh_stats *stats = mesh_stats(fuzz->mesh);
	const char *wrong = inspect_check(fuzz->mesh);
	uint64_t up = 0;

	for (unsigned slot = 0; slot < MESH_LINKS_MAX; slot++) {
		struct link *link = inspect_link(fuzz->mesh, slot);

		if (link != NULL) {
			assert(inspect_slot(link) == slot && link_is_up(link));
			assert(
			    !fuzz->has_key || fuzz_of(fuzz, link)->is_proven);
			up++;
		}
	}
	assert(up == stats->links_up && up <= FUZZ_LINKS);
	assert(stats->origins <= 256);
	assert(stats->received >=
	       stats->delivered + stats->duplicates + stats->old);
	assert(stats->passive <= VIEWS_PASSIVE_MAX &&
	       stats->lost <= VIEWS_LOST_MAX);
	assert(wrong == NULL);
	(void)stats;
	(void)wrong;
}

void
fuzz_run(struct fuzz *fuzz, void (*step)(struct fuzz *fuzz))
{
	while (fuzz->at < fuzz->end) {
		step(fuzz);
		fuzz_check(fuzz);
	}
	for (size_t i = 0; i < FUZZ_QUEUED; i++) {
		fuzz_let_go(&fuzz->records[i]);
	}
	mesh_destroy(fuzz->mesh);
	chunk_pool_fini(&fuzz->pool); /* all were given back */
}
