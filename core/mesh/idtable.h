/* SPDX-License-Identifier: MIT
 * idtable.h - what belongs to a node id, found by touching one place of a table
 * and the thing itself.
 *
 * A message of another origin each time finds nothing in the caches; every
 * pointer followed is then a wait as long as all the rest takes.  So there are
 * no chains, and both steps can be asked for ahead of time.  Ids are chosen by
 * others: the hash is salted. */
#ifndef MESH_IDTABLE_H
#define MESH_IDTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mesh/ahead.h"
#include "wire/nodeid.h"

struct idtable_place {
	uint64_t hash;
	const struct nodeid *item; /* begins with its id; NULL: empty */
};

struct idtable {
	struct idtable_place *places; /* of the hash, or some behind it */
	size_t count, room;           /* `room`: a power of two, or 0 */
	uint64_t salt;
};

/* Allocates nothing. */
void idtable_init(struct idtable *table, uint64_t salt);
/* The items are the caller's. */
void idtable_fini(struct idtable *table);

/* The item with this id, or NULL. */
const struct nodeid *idtable_find(
    const struct idtable *table, const struct nodeid *id);
/* Add the item that begins with `*id`, which is not in the table.  ERR_NOMEM. */
NODISCARD enum err idtable_add(struct idtable *table, const struct nodeid *id);
/* Take out the item that begins with `*id`: it is in the table. */
void idtable_remove(struct idtable *table, const struct nodeid *id);

static inline uint64_t
idtable_hash(const struct idtable *table, const struct nodeid *id)
{
	return nodeid_hash(id, table->salt);
}

/* Something of this hash will be looked for soon: have its place fetched.  Of a
 * table that has had an item. */
static inline void
idtable_foresee(const struct idtable *table, uint64_t hash)
{
	ahead_fetch(&table->places[hash & (table->room - 1)]);
}

/* Where the item with this hash is, as far as that can tell; or NULL.  Does not
 * look at the item.  Of a table that has had one. */
static inline const struct nodeid *
idtable_guess(const struct idtable *table, uint64_t hash)
{
	size_t at = hash & (table->room - 1);

	while (
	    table->places[at].item != NULL && table->places[at].hash != hash) {
		at = (at + 1) & (table->room - 1);
	}
	return table->places[at].item;
}

#endif
