/* SPDX-License-Identifier: MIT
 * fuzz.h - what a fuzzer implements.  Broken invariants are failed asserts. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
