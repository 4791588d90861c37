/* SPDX-License-Identifier: MIT
 * What three nodes, each linked with the others, tell each other of authors
 * comes to an end, however much there was to tell. */

#include "mesh/ends.h"
#include "mesh/lazy.h"
#include "unit/mesh/runs.h"

enum { NODES = 3, AUTHORS = 100 };

struct ring {
	struct lab *labs[NODES];
	struct lab_link *at[NODES][NODES]; /* of i, to j */
};

static struct ring
ring_of_three(void)
{
	struct ring ring = { .labs = { NULL } };

	for (int i = 0; i < NODES; i++) {
		void *state;

		assert_int_equal(lab_setup_raw(&state), 0);
		ring.labs[i] = state;
		ring.labs[i]->config.node_id = lab_id((uint8_t)(0x80 + i));
		lab_make(ring.labs[i]);
	}
	for (int i = 0; i < NODES * NODES; i++) {
		if (i / NODES != i % NODES) {
			ring.at[i / NODES][i % NODES] = lab_accept_up(
			    ring.labs[i / NODES], (uint8_t)(0x80 + i % NODES));
		}
	}
	return ring;
}

static void
ring_end(struct ring *ring)
{
	for (int i = 0; i < NODES; i++) {
		void *state = ring->labs[i];

		(void)lab_teardown(&state);
	}
}

/* Whatever was sent on this link, but the handshake, is heard at the other. */
static void
carry(const struct buf *sent, struct lab *to, struct lab_link *at)
{
	const uint8_t *p = sent->bytes;
	const uint8_t *end = sent->len > 0 ? p + sent->len : p;
	struct record record = { .type = 0 };

	while (p != end) {
		const uint8_t *from = p;

		assert_int_equal(record_next(&p, end, &record), ERR_OK);
		if (record.type >= RECORD_DATA) {
			lab_message(to, at, from, (size_t)(p - from));
		}
	}
}

/* A turn in which lists go out, and come in; returns how many entries. */
static size_t
ring_turn(struct ring *ring)
{
	struct buf sent[NODES][NODES];
	size_t entries = 0;

	for (int i = 0; i < NODES; i++) {
		lab_pass_alive(ring->labs[i], LAZY_TOLD_MS);
		for (int j = 0; j < NODES; j++) {
			if (i != j) {
				entries += runs_count(
				    ring->at[i][j], RECORD_SYNC);
				sent[i][j] = ring->at[i][j]->sent;
				ring->at[i][j]->sent = (struct buf){ 0 };
			}
		}
	}
	for (int i = 0; i < NODES * NODES; i++) {
		if (i / NODES != i % NODES) {
			carry(&sent[i / NODES][i % NODES],
			    ring->labs[i % NODES],
			    ring->at[i % NODES][i / NODES]);
			buf_fini(&sent[i / NODES][i % NODES]);
		}
	}
	return entries;
}

/* Returns how many entries there were until nothing was said any more. */
static size_t
ring_settle(struct ring *ring)
{
	size_t all = 0;

	for (int turn = 0; turn < 100; turn++) {
		size_t entries = ring_turn(ring);

		all += entries;
		if (entries == 0 && turn > 10) {
			return all;
		}
	}
	fail_msg("they go on and on");
	return 0;
}

/* Boots before `newest` of an author that is known to all, the first of them
 * first or last. */
static void
make_up_boots(int newest, bool is_backwards)
{
	struct ring ring = ring_of_three();
	struct lab_link *liar = runs_up(ring.labs[0], 1);
	int count = 2 * (int)ENDS_MAX;

	for (int i = 0; i < NODES; i++) {
		runs_say_reborn(
		    ring.labs[i], i == 0 ? liar : ring.at[i][0], 9, newest, 1);
	}
	(void)ring_settle(&ring);
	for (int n = 1; n <= count; n++) {
		int back = is_backwards ? n : count + 1 - n;

		runs_say_end(ring.labs[0], liar, 9, newest - back, 5);
	}
	lab_closed(ring.labs[0], liar, MESH_CLOSED);
	assert_in_range(ring_settle(&ring), 1, 4 * (size_t)NODES * ENDS_MAX);
	ring_end(&ring);
}

static void
ends_that_are_made_up_do_not_go_round(void **state)
{
	(void)state;
	make_up_boots(0, true);
}

/* They are not only heard of. */
static void
nor_do_those_of_boots_after_the_nodes_began(void **state)
{
	(void)state;
	make_up_boots(2 * ENDS_MAX + 1, true);
	make_up_boots(2 * ENDS_MAX + 1, false);
}

/* Each node has heard of other ones of three hundred former lives. */
static void
nor_do_true_ones_that_are_too_many(void **state)
{
	struct ring ring = ring_of_three();
	struct lab_link *old[NODES];

	(void)state;
	for (int i = 0; i < NODES; i++) {
		old[i] = runs_up(ring.labs[i], (uint8_t)(1 + i));
		for (uint32_t n = 0; n < AUTHORS; n++) {
			struct record_data data = lab_data(9, 1);

			data.origin = lab_nth_id(n);
			lab_say(ring.labs[i], old[i], &data);
		}
	}
	for (uint32_t n = 0; n < NODES * AUTHORS; n++) {
		uint32_t i = n % NODES;
		struct record_run runs[3];

		for (int boots = 0; boots < 3; boots++) {
			runs[boots] = (struct record_run){
				.origin = lab_nth_id(
				    (n / NODES + 33 * i) % AUTHORS),
				.seq = lab_seq(-3 + boots, 6),
			};
		}
		runs_say_list(ring.labs[i], old[i], RECORD_SYNC, runs, 3);
	}
	for (int i = 0; i < NODES; i++) {
		lab_closed(ring.labs[i], old[i], MESH_CLOSED);
	}
	(void)ring_settle(&ring);
	ring_end(&ring);
}

/* It is told in the order of its boots, so that the last word is the newest. */
static void
who_is_told_of_eight_boots_has_nothing_to_answer(void **state)
{
	struct ring ring = ring_of_three();
	struct lab_link *old = runs_up(ring.labs[0], 1);

	(void)state;
	for (int boots = 1; boots <= (int)ENDS_HEARD; boots++) {
		runs_say_end(ring.labs[0], old, 9, -10 + boots, 5);
	}
	(void)ring_settle(&ring);
	runs_say_end(ring.labs[0], ring.at[0][1], 9, -10, 5);
	assert_int_equal(ring_settle(&ring), ENDS_HEARD);
	ring_end(&ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_that_are_made_up_do_not_go_round),
		cmocka_unit_test(nor_do_those_of_boots_after_the_nodes_began),
		cmocka_unit_test(nor_do_true_ones_that_are_too_many),
		cmocka_unit_test(
		    who_is_told_of_eight_boots_has_nothing_to_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
