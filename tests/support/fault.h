/* SPDX-License-Identifier: MIT
 * fault.h - allocations that fail when a test says so.
 *
 * A test that includes this file is linked with --wrap for malloc, calloc,
 * realloc and strdup (tests/CMakeLists.txt looks for the include; run cmake
 * again after adding it to a test that was built before).  Only calls made by
 * our own objects are seen, not those inside shared libraries.
 *
 *     for (unsigned n = 1;; n++) {
 *             fault_fail_nth(n);
 *             err = what_is_tested();
 *             if (!fault_off()) {
 *                     break; // fewer than n allocations: all were tried
 *             }
 *             assert_int_equal(err, ERR_NOMEM);
 *     } */
#ifndef TESTS_SUPPORT_FAULT_H
#define TESTS_SUPPORT_FAULT_H

#include <stdbool.h>

/* The n-th allocation from now (1: the next) fails, the others do not.  In
 * every thread. */
void fault_fail_nth(unsigned n);

/* The n-th allocation from now and all behind it fail. */
void fault_fail_from(unsigned n);

/* All allocations work again.  True if one has failed since the last
 * fault_fail_nth or fault_fail_from. */
bool fault_off(void);

/* Allocations since the last fault_fail_nth, fault_fail_from or fault_off. */
unsigned fault_count(void);

#endif
