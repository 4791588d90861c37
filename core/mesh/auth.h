/* SPDX-License-Identifier: MIT
 * auth.h - both sides show that they know the pre-shared key (PROTOCOL 4).
 *
 *     K = HMAC-SHA256(psk, "grapevine peer 1")
 *     T = SHA-256(HELLO body || WELCOME body without its proof) || binding
 *     listener: HMAC-SHA256(K, "L" || T)     dialler: HMAC-SHA256(K, "D" || T)
 *
 * `binding` is 32 zeros on ws://.  This authenticates the join; what follows
 * on a plain connection is neither encrypted nor authenticated. */
#ifndef MESH_AUTH_H
#define MESH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/record.h"

#define AUTH_KEY_LEN 32

enum auth_side { AUTH_LISTENER = 'L', AUTH_DIALLER = 'D' };

/* K of a pre-shared key. */
NODISCARD enum err auth_derive(
    uint8_t key[AUTH_KEY_LEN], const uint8_t *psk, size_t len);

/* What `side` has to show in this exchange; `welcome` is the body as it
 * travels, its proof (`proof_at`), which is inside, is left out.  ERR_NOMEM. */
NODISCARD enum err auth_prove(uint8_t proof[RECORD_PROOF_LEN],
    const uint8_t key[AUTH_KEY_LEN], enum auth_side side,
    const struct record *hello, const struct record *welcome, size_t proof_at);

/* Compares in constant time. */
bool auth_is_same(
    const uint8_t a[RECORD_PROOF_LEN], const uint8_t b[RECORD_PROOF_LEN]);

/* Overwrite what nobody may find in memory. */
void auth_forget(void *bytes, size_t len);

#endif
