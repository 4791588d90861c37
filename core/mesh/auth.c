/* SPDX-License-Identifier: MIT
 * auth.c - see auth.h. */

#include "mesh/auth.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { AUTH_BINDING_LEN = 32, AUTH_HASH_LEN = 32 };

static const char auth_label[] = "grapevine peer 1";

static enum err
auth_hmac(uint8_t out[AUTH_HASH_LEN], const uint8_t *key, size_t key_len,
    const uint8_t *bytes, size_t len)
{
	unsigned out_len = 0;

	if (key_len > INT_MAX || HMAC(EVP_sha256(), key, (int)key_len, bytes,
	                             len, out, &out_len) == NULL) {
		return ERR_NOMEM;
	}
	return out_len == AUTH_HASH_LEN ? ERR_OK : ERR_INVALID;
}

enum err
auth_derive(uint8_t key[AUTH_KEY_LEN], const uint8_t *psk, size_t len)
{
	return auth_hmac(
	    key, psk, len, (const uint8_t *)auth_label, sizeof(auth_label) - 1);
}

/* SHA-256 of the HELLO and of the WELCOME around its proof. */
static enum err
auth_transcript(uint8_t hash[AUTH_HASH_LEN], const struct record *hello,
    const struct record *welcome, size_t proof_at)
{
	const uint8_t *behind = welcome->body + proof_at + RECORD_PROOF_LEN;
	size_t behind_len = welcome->len - proof_at - RECORD_PROOF_LEN;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_done = ctx != NULL &&
	               EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	               EVP_DigestUpdate(ctx, hello->body, hello->len) == 1 &&
	               EVP_DigestUpdate(ctx, welcome->body, proof_at) == 1 &&
	               EVP_DigestUpdate(ctx, behind, behind_len) == 1 &&
	               EVP_DigestFinal_ex(ctx, hash, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return is_done ? ERR_OK : ERR_NOMEM;
}

enum err
auth_prove(uint8_t proof[RECORD_PROOF_LEN], const uint8_t key[AUTH_KEY_LEN],
    enum auth_side side, const struct record *hello,
    const struct record *welcome, size_t proof_at)
{
	uint8_t bytes[1 + AUTH_HASH_LEN + AUTH_BINDING_LEN] = { (uint8_t)side };
	enum err err;

	assert(proof_at + RECORD_PROOF_LEN <= welcome->len);
	err = auth_transcript(bytes + 1, hello, welcome, proof_at);
	return err == ERR_OK
	           ? auth_hmac(proof, key, AUTH_KEY_LEN, bytes, sizeof(bytes))
	           : err;
}

bool
auth_is_same(
    const uint8_t a[RECORD_PROOF_LEN], const uint8_t b[RECORD_PROOF_LEN])
{
	return CRYPTO_memcmp(a, b, RECORD_PROOF_LEN) == 0;
}

void
auth_forget(void *bytes, size_t len)
{
	OPENSSL_cleanse(bytes, len);
}
