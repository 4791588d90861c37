/* SPDX-License-Identifier: MIT
 * test.h - cmocka with the headers it needs, in the order it needs them. */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#endif
