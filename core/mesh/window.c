/* SPDX-License-Identifier: MIT
 * window.c - see window.h. */

#include "mesh/window.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
window_ids(const struct window *window)
{
	return window->wide != NULL ? WINDOW_IDS_WIDE : WINDOW_IDS;
}

static uint64_t *
window_word(struct window *window, uint64_t seq)
{
	if (window->wide != NULL) {
		return &window->wide[seq % WINDOW_IDS_WIDE / 64];
	}
	return &window->bits[seq % WINDOW_IDS / 64];
}

static uint64_t
window_mask(uint64_t seq)
{
	return UINT64_C(1) << (seq % 64);
}

/* The bit of `seq`, whatever number it stands for now. */
static bool
window_bit(const struct window *window, uint64_t seq)
{
	const uint64_t *words = window->wide != NULL ? window->wide
	                                             : window->bits;

	/* A power of two, but the compiler cannot know. */
	return (words[(seq & (window_ids(window) - 1)) / 64] &
	           window_mask(seq)) != 0;
}

/* Numbers first .. last, which the window has room for. */
static void
window_assign(struct window *window, uint64_t first, uint64_t last, bool value)
{
	while (first <= last) {
		uint64_t *word = window_word(window, first);
		uint64_t step = 64 - first % 64;
		uint64_t mask;

		step = last - first < step ? last - first + 1 : step;
		mask = UINT64_MAX >> (64 - step) << (first % 64);
		*word = value ? *word | mask : *word & ~mask;
		first += step;
	}
}

/* Move the upper edge to `seq`: what enters is unseen. */
static void
window_slide(struct window *window, uint64_t seq)
{
	uint64_t ids = window_ids(window);
	uint64_t step = seq - window->max < ids ? seq - window->max : ids;

	window_assign(window, seq - step + 1, seq, false);
	window->max = seq;
}

void
window_init(struct window *window)
{
	window->wide = NULL;
	window_restart(window, 0);
}

void
window_fini(struct window *window)
{
	free(window->wide);
	window->wide = NULL;
}

void
window_restart(struct window *window, uint64_t max)
{
	/* Ones: what lies before the base counts as seen, hence not as gaps. */
	if (window->wide != NULL) {
		memset(window->wide, 0xff, WINDOW_IDS_WIDE / 8);
	} else {
		memset(window->bits, 0xff, sizeof(window->bits));
	}
	window->max = max;
}

bool
window_has(const struct window *window, uint64_t seq)
{
	if (seq > window->max || window->max - seq >= window_ids(window)) {
		return false;
	}
	return window_bit(window, seq);
}

uint64_t
window_old(const struct window *window, uint64_t max)
{
	uint64_t ids = window_ids(window);

	return max < ids ? 0 : max - ids;
}

/* The first number from `seq` to `last` whose bit is `want`; last + 1: none. */
static uint64_t
window_search(
    const struct window *window, uint64_t seq, uint64_t last, bool want)
{
	const uint64_t *words = window->wide != NULL ? window->wide
	                                             : window->bits;
	const uint64_t flip = want ? 0 : UINT64_MAX;

	while (seq <= last) {
		uint64_t word = words[seq % window_ids(window) / 64] ^ flip;

		word >>= seq % 64;
		if (word != 0) {
			seq += (uint64_t)__builtin_ctzll(word);
			return seq <= last ? seq : last + 1;
		}
		seq += 64 - seq % 64;
	}
	return last + 1;
}

bool
window_next_unset(const struct window *window, uint64_t *first, uint64_t last,
    uint64_t *count)
{
	uint64_t inside = last < window->max ? last : window->max;
	uint64_t seq = window_old(window, window->max) + 1;
	uint64_t end;

	seq = *first > seq ? *first : seq;
	if (seq <= inside) {
		seq = window_search(window, seq, inside, false);
	}
	if (seq > last) {
		return false;
	}
	end = seq <= inside ? window_search(window, seq, inside, true) : seq;
	*first = seq;
	*count = (end > inside ? last + 1 : end) - seq;
	return true;
}

enum window_verdict
window_take(struct window *window, uint64_t seq)
{
	if (window->max == 0) {
		window->max = seq;
		return WINDOW_NEW;
	}
	if (window_take_next(window, seq)) {
		return WINDOW_NEW;
	}
	if (seq > window->max) {
		window_slide(window, seq);
		*window_word(window, seq) |= window_mask(seq);
		return WINDOW_NEW;
	}
	if (window->max - seq >= window_ids(window)) {
		return WINDOW_OLD;
	}
	if (window_bit(window, seq)) {
		return WINDOW_SEEN;
	}
	*window_word(window, seq) |= window_mask(seq);
	return WINDOW_NEW;
}

void
window_fill(struct window *window, uint64_t first, uint64_t last)
{
	uint64_t lowest;

	if (window->max == 0) {
		window->max = last; /* the bits are ones */
		return;
	}
	if (last > window->max) {
		window_slide(window, last);
	}
	lowest = window_old(window, window->max) + 1;
	window_assign(window, first > lowest ? first : lowest, last, true);
}

/* The WINDOW_IDS newest numbers, for a window of `ids`. */
static void
window_copy(const struct window *window, uint64_t *words, uint64_t ids)
{
	memset(words, 0xff, ids / 8);
	for (uint64_t back = 0; back < WINDOW_IDS; back++) {
		uint64_t seq = window->max - back;

		if (!window_bit(window, seq)) {
			words[seq % ids / 64] &= ~window_mask(seq);
		}
	}
}

enum err
window_widen(struct window *window)
{
	uint64_t *wide;

	if (window->wide != NULL) {
		return ERR_OK;
	}
	wide = malloc(WINDOW_IDS_WIDE / 8);
	if (wide == NULL) {
		return ERR_NOMEM;
	}
	window_copy(window, wide, WINDOW_IDS_WIDE);
	window->wide = wide;
	return ERR_OK;
}

void
window_narrow(struct window *window)
{
	if (window->wide != NULL) {
		window_copy(window, window->bits, WINDOW_IDS);
		window_fini(window);
	}
}
