/* SPDX-License-Identifier: MIT
 * idtable.c - see idtable.h: open addressing, linear probing, at most 2/3
 * full. */

#include "mesh/idtable.h"

#include <stdlib.h>
#include <string.h>

enum { IDTABLE_ROOM_MIN = 32 };

void
idtable_init(struct idtable *table, uint64_t salt)
{
	memset(table, 0, sizeof(*table));
	table->salt = salt;
}

void
idtable_fini(struct idtable *table)
{
	free(table->places);
	idtable_init(table, table->salt);
}

/* The place of `id`, or the empty one where it would be. */
static inline struct idtable_place *
idtable_place(
    const struct idtable *table, const struct nodeid *id, uint64_t hash)
{
	size_t at = hash & (table->room - 1);

	while (table->places[at].item != NULL &&
	       (table->places[at].hash != hash ||
	           !nodeid_equal(table->places[at].item, id))) {
		at = (at + 1) & (table->room - 1);
	}
	return &table->places[at];
}

const struct nodeid *
idtable_find(const struct idtable *table, const struct nodeid *id)
{
	return table->count == 0
	           ? NULL
	           : idtable_place(table, id, idtable_hash(table, id))->item;
}

static enum err
idtable_grow(struct idtable *table)
{
	struct idtable bigger = *table;

	bigger.room = table->room == 0 ? IDTABLE_ROOM_MIN : table->room * 2;
	bigger.places = calloc(bigger.room, sizeof(*bigger.places));
	if (bigger.places == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < table->room; i++) {
		const struct idtable_place *place = &table->places[i];

		if (place->item != NULL) {
			*idtable_place(
			    &bigger, place->item, place->hash) = *place;
		}
	}
	free(table->places);
	*table = bigger;
	return ERR_OK;
}

enum err
idtable_add(struct idtable *table, const struct nodeid *id)
{
	uint64_t hash = idtable_hash(table, id);
	struct idtable_place *place;

	if ((table->count + 1) * 3 > table->room * 2 &&
	    idtable_grow(table) != ERR_OK) {
		return ERR_NOMEM;
	}
	place = idtable_place(table, id, hash);
	place->hash = hash;
	place->item = id;
	table->count++;
	return ERR_OK;
}

void
idtable_remove(struct idtable *table, const struct nodeid *id)
{
	size_t mask = table->room - 1;
	size_t hole = (size_t)(idtable_place(
	                           table, id, idtable_hash(table, id)) -
	                       table->places);
	size_t at = hole;

	table->count--;
	/* Whoever is behind and was pushed over the hole moves up into it. */
	for (;;) {
		const struct idtable_place *next;

		at = (at + 1) & mask;
		next = &table->places[at];
		if (next->item == NULL) {
			break;
		}
		if (((at - next->hash) & mask) >= ((at - hole) & mask)) {
			table->places[hole] = *next;
			hole = at;
		}
	}
	table->places[hole].item = NULL;
}
