/* SPDX-License-Identifier: MIT
 * fault.c - see fault.h. */

#include "support/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* The linker's --wrap makes these names: ours, and what was there before. */
void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *old, size_t len);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *old, size_t len);
char *__wrap_strdup(const char *text);

static struct {
	atomic_uint count; /* allocations seen */
	atomic_uint first; /* the first that fails; 0: none */
	atomic_uint last;  /* the last that fails */
	atomic_bool hit;
} fault;

static void
fault_arm(unsigned first, unsigned last)
{
	atomic_store(&fault.first, 0);
	atomic_store(&fault.hit, false);
	atomic_store(&fault.count, 0);
	atomic_store(&fault.last, last);
	atomic_store(&fault.first, first);
}

void
fault_fail_nth(unsigned n)
{
	fault_arm(n, n);
}

void
fault_fail_from(unsigned n)
{
	fault_arm(n, UINT32_MAX);
}

bool
fault_off(void)
{
	bool hit = atomic_load(&fault.hit);

	fault_arm(0, 0);
	return hit;
}

unsigned
fault_count(void)
{
	return atomic_load(&fault.count);
}

static bool
fault_is_due(void)
{
	unsigned n = atomic_fetch_add(&fault.count, 1) + 1;
	unsigned first = atomic_load(&fault.first);

	if (first == 0 || n < first || n > atomic_load(&fault.last)) {
		return false;
	}
	atomic_store(&fault.hit, true);
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t len)
{
	return fault_is_due() ? NULL : __real_malloc(len);
}

void *
__wrap_calloc(size_t count, size_t len)
{
	return fault_is_due() ? NULL : __real_calloc(count, len);
}

void *
__wrap_realloc(void *old, size_t len)
{
	return fault_is_due() ? NULL : __real_realloc(old, len);
}

char *
__wrap_strdup(const char *text)
{
	return fault_is_due() ? NULL : __real_strdup(text);
}
