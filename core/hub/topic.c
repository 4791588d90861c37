/* SPDX-License-Identifier: MIT
 * topic.c - see topic.h. */

/* A failed insertion is told by a handle without a table. */
#define HASH_NONFATAL_OOM 1

#include "hub/topic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "hub/session.h"

enum { TOPIC_FIRST_CAP = 1 };

struct topic {
	struct topic_place *places;
	uint32_t live, count, cap;
	uint32_t len; /* of the name */
	UT_hash_handle hh;
	char name[];
};

void
topic_table_init(struct topic_table *table, uint64_t salt)
{
	memset(table, 0, sizeof(*table));
	table->salt = salt;
}

void
topic_table_fini(struct topic_table *table)
{
	assert(table->count == 0);
	topic_table_init(table, table->salt);
}

static bool
topic_is_called(const struct topic *topic, const char *name, size_t len)
{
	return topic->len == len && memcmp(topic->name, name, len) == 0;
}

/* The second product spreads what differs in the first one's high bits. */
static uint64_t
topic_mix(uint64_t hash, uint64_t word, uint64_t salt)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ hash >> 32) * (salt | 1);
	return hash ^ hash >> 32;
}

uint64_t
topic_hash(const char *name, size_t len, uint64_t salt)
{
	uint64_t hash = salt ^ len;
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word)) {
		memcpy(&word, name, sizeof(word));
		hash = topic_mix(hash, word, salt);
		name += sizeof(word);
	}
	word = 0;
	memcpy(&word, name, len);
	return topic_mix(hash, word, salt);
}

struct topic *
topic_find(struct topic_table *table, const char *name, size_t len)
{
	struct topic *topic = table->last;

	if (LIKELY(topic != NULL && topic_is_called(topic, name, len))) {
		return topic;
	}
	HASH_FIND_BYHASHVALUE(hh, table->head, name, len,
	    (unsigned)topic_hash(name, len, table->salt), topic);
	if (topic != NULL) {
		table->last = topic;
	}
	return topic;
}

static void
topic_insert(struct topic_table *table, struct topic *topic, unsigned hash)
{
	HASH_ADD_KEYPTR_BYHASHVALUE(
	    hh, table->head, topic->name, topic->len, hash, topic);
}

static struct topic *
topic_create(struct topic_table *table, const char *name, size_t len)
{
	struct topic *topic = calloc(1, sizeof(*topic) + len + 1);

	if (topic == NULL) {
		return NULL;
	}
	memcpy(topic->name, name, len);
	topic->len = (uint32_t)len;
	topic_insert(
	    table, topic, (unsigned)topic_hash(name, len, table->salt));
	if (topic->hh.tbl == NULL) {
		free(topic);
		return NULL;
	}
	table->count++;
	return topic;
}

static void
topic_destroy(struct topic_table *table, struct topic *topic)
{
	if (table->last == topic) {
		table->last = NULL;
	}
	HASH_DEL(table->head, topic);
	table->count--;
	free(topic->places);
	free(topic);
}

static enum err
topic_reserve(struct topic *topic)
{
	uint32_t cap = topic->cap == 0 ? TOPIC_FIRST_CAP : topic->cap * 2;
	struct topic_place *places;

	if (topic->count < topic->cap) {
		return ERR_OK;
	}
	places = realloc(topic->places, cap * sizeof(*places));
	if (places == NULL) {
		return ERR_NOMEM;
	}
	topic->places = places;
	topic->cap = cap;
	return ERR_OK;
}

/* Put `session` into a place, whoever was there. */
static void
topic_seat(struct topic *topic, uint32_t place, struct session *session)
{
	topic->places[place].out = session->out;
	topic->places[place].session = session;
	session->place = place;
}

enum err
topic_join(struct topic_table *table, const char *name, struct session *session)
{
	size_t len = strlen(name);
	struct topic *topic = topic_find(table, name, len);

	if (topic == NULL) {
		topic = topic_create(table, name, len);
	}
	if (topic == NULL) {
		return ERR_NOMEM;
	}
	if (topic_reserve(topic) != ERR_OK) {
		if (topic->count == 0) {
			topic_destroy(table, topic);
		}
		return ERR_NOMEM;
	}
	if (topic->count > topic->live) { /* the first closing one makes room */
		topic_seat(
		    topic, topic->count, topic->places[topic->live].session);
	}
	session->topic = topic;
	topic_seat(topic, topic->live, session);
	topic->live++;
	topic->count++;
	return ERR_OK;
}

void
topic_retire(struct session *session)
{
	struct topic *topic = session->topic;
	struct session *last;

	if (session->place >= topic->live) {
		return;
	}
	last = topic->places[topic->live - 1].session;
	topic_seat(topic, session->place, last);
	topic_seat(topic, topic->live - 1, session);
	topic->live--;
}

void
topic_leave(struct topic_table *table, struct session *session)
{
	struct topic *topic = session->topic;

	topic_retire(session);
	topic->count--;
	topic_seat(topic, session->place, topic->places[topic->count].session);
	session->topic = NULL;
	if (topic->count == 0) {
		topic_destroy(table, topic);
	}
}

const char *
topic_name(const struct topic *topic)
{
	return topic->name;
}

const struct topic_place *
topic_places(const struct topic *topic)
{
	return topic->places;
}

uint32_t
topic_live_count(const struct topic *topic)
{
	return topic->live;
}

uint32_t
topic_closing_count(const struct topic *topic)
{
	return topic->count - topic->live;
}
