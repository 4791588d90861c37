/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "support/fault.h"
#include "support/test.h"

#include "mesh/idtable.h"

enum { ITEMS = 500 };

/* An item begins with its id. */
struct item {
	struct nodeid id;
	bool is_in;
};

static struct item *
items_make(void)
{
	struct item *items = calloc(ITEMS, sizeof(*items));

	assert_non_null(items);
	for (uint32_t i = 0; i < ITEMS; i++) {
		memcpy(items[i].id.bytes, &i, sizeof(i));
	}
	return items;
}

static void
items_check(const struct idtable *table, const struct item *items)
{
	size_t count = 0;

	for (size_t i = 0; i < ITEMS; i++) {
		const struct nodeid *id = &items[i].id;

		assert_ptr_equal(
		    idtable_find(table, id), items[i].is_in ? id : NULL);
		if (table->room > 0) {
			uint64_t hash = idtable_hash(table, id);

			idtable_foresee(table, hash);
			assert_ptr_equal(idtable_guess(table, hash),
			    items[i].is_in ? id : NULL);
		}
		count += items[i].is_in ? 1 : 0;
	}
	assert_int_equal(table->count, count);
}

static void
an_empty_table_finds_nothing(void **state)
{
	struct idtable table;
	const struct nodeid id = { .bytes = { 1 } };

	(void)state;
	idtable_init(&table, 7);
	assert_null(idtable_find(&table, &id));
	idtable_fini(&table);
}

static void
items_come_and_go_in_any_order(void **state)
{
	struct item *items = items_make();
	struct idtable table;
	uint32_t dice = 1;

	(void)state;
	idtable_init(&table, UINT64_C(0x123456789abcdef1));
	for (int round = 0; round < 20000; round++) {
		struct item *item;

		dice = dice * 1664525 + 1013904223;
		item = &items[(dice >> 8) % ITEMS];
		if (item->is_in) {
			idtable_remove(&table, &item->id);
		} else {
			assert_int_equal(
			    idtable_add(&table, &item->id), ERR_OK);
		}
		item->is_in = !item->is_in;
		if (round % 100 == 0) {
			items_check(&table, items);
		}
	}
	items_check(&table, items);
	idtable_fini(&table);
	free(items);
}

static void
no_way_to_an_item_is_broken(void **state)
{
	struct item *items = items_make();
	struct idtable table;

	(void)state;
	idtable_init(&table, 7);
	for (size_t i = 0; i < ITEMS; i++) {
		assert_int_equal(idtable_add(&table, &items[i].id), ERR_OK);
	}
	for (size_t i = 0; i < ITEMS; i += 3) {
		idtable_remove(&table, &items[i].id);
	}
	for (size_t i = 0; i < table.room; i++) {
		const struct nodeid *item = table.places[i].item;
		size_t home = table.places[i].hash & (table.room - 1);

		/* No place is empty between home and where it is. */
		for (; item != NULL && home != i;
		     home = (home + 1) & (table.room - 1)) {
			assert_non_null(table.places[home].item);
		}
	}
	idtable_fini(&table);
	free(items);
}

static void
without_memory_it_stays_as_it_was(void **state)
{
	struct item *items = items_make();
	struct idtable table;

	(void)state;
	idtable_init(&table, 9);
	for (size_t i = 0; i < ITEMS; i++) {
		fault_fail_nth(1);
		if (idtable_add(&table, &items[i].id) == ERR_OK) {
			assert_false(fault_off());
		} else {
			assert_true(fault_off());
			items_check(&table, items);
			assert_int_equal(
			    idtable_add(&table, &items[i].id), ERR_OK);
		}
		items[i].is_in = true;
	}
	items_check(&table, items);
	assert_true(table.room >= 2 * ITEMS);
	idtable_fini(&table);
	free(items);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_finds_nothing),
		cmocka_unit_test(items_come_and_go_in_any_order),
		cmocka_unit_test(no_way_to_an_item_is_broken),
		cmocka_unit_test(without_memory_it_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
