/* SPDX-License-Identifier: MIT */

#include "support/fault.h"
#include "unit/mesh/lab.h"

#include "mesh/auth.h"
#include "mesh/identity.h"

static const uint8_t key_a[] = "0123456789abcdef";
static const uint8_t key_b[] = "0123456789abcdeF";

/* The other side of the lab's exchange, with its own key. */
struct other {
	struct buf hello, welcome; /* whole records */
	uint8_t key[AUTH_KEY_LEN];
};

static void
with_key(struct lab *lab, const uint8_t *psk)
{
	lab->config.psk = psk;
	lab->config.psk_len = 16;
	lab_make(lab);
}

/* The same, and it dials one address. */
static void
dials_with_key(struct lab *lab, const uint8_t *psk)
{
	static const char *const peers[] = { "ws://a:1" };

	lab_set_peers(lab, peers, 1);
	with_key(lab, psk);
}

static struct record
body_of(const struct buf *buf)
{
	const uint8_t *at = buf->bytes;
	struct record record;

	assert_int_equal(
	    record_next(&at, buf->bytes + buf->len, &record), ERR_OK);
	return record;
}

static void
other_init(struct other *other, const uint8_t *psk)
{
	memset(other, 0, sizeof(*other));
	assert_int_equal(auth_derive(other->key, psk, 16), ERR_OK);
}

static void
other_fini(struct other *other)
{
	buf_fini(&other->hello);
	buf_fini(&other->welcome);
}

static void
other_prove(
    struct other *other, enum auth_side side, uint8_t proof[RECORD_PROOF_LEN])
{
	struct record hello = body_of(&other->hello);
	struct record welcome = body_of(&other->welcome);
	struct record_welcome decoded;

	assert_int_equal(record_welcome_decode(&welcome, &decoded), ERR_OK);
	assert_int_equal(auth_prove(proof, other->key, side, &hello, &welcome,
	                     record_welcome_proof_at(&decoded)),
	    ERR_OK);
}

/* The lab was dialled: HELLO in, its WELCOME kept. */
static struct lab_link *
other_dial(struct lab *lab, struct other *other)
{
	struct lab_link *at = lab_accept(lab);
	struct record_hello hello = lab_hello(lab, 0x10);
	struct record record = { .len = 0 };

	memset(hello.nonce, 0x77, sizeof(hello.nonce));
	assert_int_equal(record_hello_encode(&other->hello, &hello), ERR_OK);
	lab_message(lab, at, other->hello.bytes, other->hello.len);
	assert_true(lab_find(at, RECORD_WELCOME, &record));
	assert_int_equal(
	    buf_append(&other->welcome, record.body - RECORD_HEADER_LEN,
	        record.len + RECORD_HEADER_LEN),
	    ERR_OK);
	return at;
}

/* The first to dial a lab with key A, whatever key it has. */
static struct lab_link *
other_dials_in(struct lab *lab, struct other *other, const uint8_t *psk)
{
	other_init(other, psk);
	with_key(lab, key_a);
	return other_dial(lab, other);
}

static void
other_say_auth(struct lab *lab, struct lab_link *at, struct other *other)
{
	struct record_auth auth;
	struct buf buf = { 0 };

	other_prove(other, AUTH_DIALLER, auth.proof);
	assert_int_equal(record_auth_encode(&buf, &auth), ERR_OK);
	lab_say_buf(lab, at, &buf);
}

/* The lab dials: its HELLO kept, a WELCOME of `n` with our proof is said. */
static struct lab_link *
other_answer_as(struct lab *lab, struct other *other, uint8_t n)
{
	struct lab_link *at = lab_open(lab);
	struct record_welcome welcome = lab_welcome(n);
	struct record record = { .len = 0 };

	assert_true(lab_find(at, RECORD_HELLO, &record));
	assert_int_equal(
	    buf_append(&other->hello, record.body - RECORD_HEADER_LEN,
	        record.len + RECORD_HEADER_LEN),
	    ERR_OK);
	welcome.flags = WELCOME_AUTH;
	assert_int_equal(
	    record_welcome_encode(&other->welcome, &welcome), ERR_OK);
	other_prove(other, AUTH_LISTENER, welcome.proof);
	buf_clear(&other->welcome);
	assert_int_equal(
	    record_welcome_encode(&other->welcome, &welcome), ERR_OK);
	lab_message(lab, at, other->welcome.bytes, other->welcome.len);
	return at;
}

static struct lab_link *
other_answer(struct lab *lab, struct other *other)
{
	return other_answer_as(lab, other, 0x10);
}

/* Expected values computed with another implementation of HMAC-SHA256. */
static void
proves_as_the_protocol_says(void **state)
{
	static const uint8_t k[AUTH_KEY_LEN] = { 0x61, 0x28, 0x32, 0x74, 0x37,
		0xfd, 0xc7, 0xa1, 0x85, 0x2e, 0xab, 0xf7, 0xe2, 0x56, 0xc5,
		0xaa, 0x2b, 0x6d, 0x6c, 0x34, 0xf2, 0xe9, 0xa7, 0x6a, 0x6b,
		0x67, 0x23, 0x43, 0xdc, 0x21, 0x06, 0x9e };
	static const uint8_t l[RECORD_PROOF_LEN] = { 0x67, 0xaf, 0x99, 0xbd,
		0x58, 0xae, 0xea, 0x43, 0x47, 0x7d, 0x86, 0xe8, 0x31, 0x1a,
		0xc8, 0xd3, 0x58, 0x0d, 0xc1, 0x20, 0x47, 0x66, 0xcb, 0x45,
		0x14, 0x98, 0x72, 0x15, 0x57, 0x0d, 0x3c, 0xe7 };
	static const uint8_t d[RECORD_PROOF_LEN] = { 0x8c, 0xb2, 0x47, 0xd7,
		0x52, 0x74, 0x45, 0x00, 0x6f, 0x56, 0xb9, 0xe4, 0x5f, 0xa4,
		0x34, 0xb0, 0x21, 0x80, 0x88, 0x7b, 0xfc, 0x0d, 0x6f, 0x9c,
		0x41, 0x3c, 0xd0, 0x08, 0x28, 0x01, 0xe1, 0xc0 };
	uint8_t welcome_bytes[3 + RECORD_PROOF_LEN + 4] = { 'w', 'e', 'l' };
	const struct record hello = { RECORD_HELLO, (const uint8_t *)"hello",
		5 };
	const struct record welcome = { RECORD_WELCOME, welcome_bytes,
		sizeof(welcome_bytes) };
	uint8_t key[AUTH_KEY_LEN];
	uint8_t proof[RECORD_PROOF_LEN];

	(void)state;
	memset(welcome_bytes + 3, 0x55, RECORD_PROOF_LEN);
	memcpy(welcome_bytes + 3 + RECORD_PROOF_LEN, "come", 4);
	assert_int_equal(auth_derive(key, key_a, 16), ERR_OK);
	assert_memory_equal(key, k, sizeof(k));
	assert_int_equal(
	    auth_prove(proof, key, AUTH_LISTENER, &hello, &welcome, 3), ERR_OK);
	assert_memory_equal(proof, l, sizeof(l));
	assert_int_equal(
	    auth_prove(proof, key, AUTH_DIALLER, &hello, &welcome, 3), ERR_OK);
	assert_memory_equal(proof, d, RECORD_PROOF_LEN);
}

static void
the_proof_covers_every_byte_but_itself(void **state)
{
	uint8_t hello_bytes[60], welcome_bytes[90];
	const struct record hello = { RECORD_HELLO, hello_bytes, 60 };
	struct record welcome = { RECORD_WELCOME, welcome_bytes, 90 };
	uint8_t key[AUTH_KEY_LEN] = { 1 };
	uint8_t first[RECORD_PROOF_LEN], other[RECORD_PROOF_LEN];

	(void)state;
	memset(hello_bytes, 1, sizeof(hello_bytes));
	memset(welcome_bytes, 2, sizeof(welcome_bytes));
	assert_int_equal(
	    auth_prove(first, key, AUTH_LISTENER, &hello, &welcome, 50),
	    ERR_OK);
	for (size_t i = 0; i < 60 + 90; i++) {
		uint8_t *byte = i < 60 ? &hello_bytes[i]
		                       : &welcome_bytes[i - 60];
		bool inside = i >= 60 + 50 && i < 60 + 50 + RECORD_PROOF_LEN;

		*byte ^= 0x80;
		assert_int_equal(
		    auth_prove(other, key, AUTH_LISTENER, &hello, &welcome, 50),
		    ERR_OK);
		assert_int_equal(auth_is_same(first, other), inside);
		*byte ^= 0x80;
	}
	assert_int_equal(
	    auth_prove(other, key, AUTH_DIALLER, &hello, &welcome, 50), ERR_OK);
	assert_false(auth_is_same(first, other));
}

static void
a_dialler_with_the_key_comes_up(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;
	uint8_t proof[RECORD_PROOF_LEN];
	struct record record;
	struct record_welcome welcome;

	at = other_dials_in(lab, &other, key_a);
	assert_int_equal(lab_welcome_flags(at), WELCOME_AUTH | WELCOME_ORPHAN);
	assert_false(lab_has_sent(at, RECORD_WELCOME2));
	assert_int_equal(lab->ups, 0);
	record = body_of(&other.welcome);
	assert_int_equal(record_welcome_decode(&record, &welcome), ERR_OK);
	other_prove(&other, AUTH_LISTENER, proof);
	assert_memory_equal(proof, welcome.proof, sizeof(proof));

	other_say_auth(lab, at, &other);
	assert_true(lab_has_sent(at, RECORD_WELCOME2));
	assert_int_equal(lab->ups, 1);
	other_fini(&other);
}

/* Behind AUTH, nothing else is said again. */
static void
who_has_shown_the_key_is_refused_with_a_bye(void **state)
{
	struct lab *lab = *state;
	struct record_welcome2 welcome2 = { .last_seq = 0 };
	struct other there, here;
	struct lab_link *at;
	struct buf buf = { 0 };

	lab->config.node_id = lab_id(8); /* the link that it dials stays */
	dials_with_key(lab, key_a);
	other_init(&there, key_a);
	other_init(&here, key_a);
	at = other_answer(lab, &there);
	assert_int_equal(record_welcome2_encode(&buf, &welcome2), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_true(link_is_up(at->link));
	at = other_dial(lab, &here);
	buf_clear(&at->sent);
	other_say_auth(lab, at, &here);
	assert_int_equal(lab_bye(at), BYE_DUPLICATE);
	assert_int_equal(at->sent.bytes[0], RECORD_BYE);
	other_fini(&there);
	other_fini(&here);
}

static void
a_dialler_with_another_key_is_refused(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;

	at = other_dials_in(lab, &other, key_b);
	other_say_auth(lab, at, &other);
	assert_int_equal(lab_bye(at), BYE_AUTH);
	assert_int_equal(at->close_code, 1008);
	assert_int_equal(lab->ups, 0);
	assert_int_equal(mesh_stats(lab->mesh)->auth_failed, 1);
	lab_say_data(lab, at, 0x10, 1); /* it never was UP */
	assert_int_equal(mesh_stats(lab->mesh)->received, 0);
	other_fini(&other);
}

static void
a_dialler_without_a_key_never_gets_past_the_welcome(void **state)
{
	static const uint8_t types[] = { RECORD_HELLO, RECORD_DATA,
		RECORD_WELCOME2, RECORD_SHUFFLE, 0x70 };
	struct lab *lab = *state;

	with_key(lab, key_a);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct other other;
		struct lab_link *at;

		other_init(&other, key_a);
		at = other_dial(lab, &other);
		lab_record(lab, at, types[i], "", 0);
		assert_int_equal(at->close_code, 1002);
		lab_closed(lab, at, MESH_CLOSED);
		other_fini(&other);
	}
	assert_int_equal(lab->ups, 0);
}

static void
who_does_not_answer_the_question_is_dropped(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;

	at = other_dials_in(lab, &other, key_a);
	lab_pass(lab, 4999);
	assert_int_equal(at->close_code, -1);
	lab_pass(lab, 1);
	assert_int_equal(at->close_code, 0);
	other_fini(&other);
}

static void
an_answer_that_is_none_breaks_the_protocol(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;

	at = other_dials_in(lab, &other, key_a);
	lab_record(lab, at, RECORD_AUTH, "short", 5);
	assert_int_equal(at->close_code, 1002);
	assert_int_equal(lab->ups, 0);
	other_fini(&other);
}

static void
a_bye_instead_of_auth_is_understood(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;

	at = other_dials_in(lab, &other, key_a);
	lab_say_bye(lab, at, BYE_AUTH);
	assert_int_equal(at->close_code, 1008);
	assert_int_equal(mesh_stats(lab->mesh)->auth_failed, 1);
	assert_int_equal(mesh_stats(lab->mesh)->refused, 1);
	other_fini(&other);
}

static void
a_listener_with_the_key_is_shown_ours(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;
	uint8_t proof[RECORD_PROOF_LEN];
	struct record record;
	struct record_auth auth;

	other_init(&other, key_a);
	dials_with_key(lab, key_a);
	at = other_answer(lab, &other);
	assert_true(lab_find(at, RECORD_AUTH, &record));
	assert_int_equal(record_auth_decode(&record, &auth), ERR_OK);
	other_prove(&other, AUTH_DIALLER, proof);
	assert_memory_equal(proof, auth.proof, sizeof(proof));
	assert_int_equal(lab->ups, 0);
	lab_say_welcome2(lab, at, 0);
	assert_int_equal(lab->ups, 1);
	other_fini(&other);
}

static void
a_listener_with_another_key_is_left_alone_for_a_minute(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;

	other_init(&other, key_b);
	dials_with_key(lab, key_a);
	at = other_answer(lab, &other);
	assert_int_equal(lab_bye(at), BYE_AUTH);
	assert_false(lab_has_sent(at, RECORD_AUTH));
	assert_int_equal(mesh_stats(lab->mesh)->auth_failed, 1);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 59999);
	assert_int_equal(lab->dials, 1);
	lab_pass(lab, 7000);
	assert_int_equal(lab->dials, 2);
	other_fini(&other);
}

static void
a_key_on_one_side_only_is_refused_by_the_dialler(void **state)
{
	struct lab *lab = *state;
	struct record_welcome welcome = lab_welcome(0x10);
	struct lab_link *at;

	dials_with_key(lab, key_a);
	at = lab_open(lab);
	lab_say_welcome(lab, at, &welcome);
	assert_int_equal(lab_bye(at), BYE_AUTH);

	mesh_destroy(lab->mesh);
	lab->config.psk = NULL;
	lab_make(lab);
	at = lab_open(lab);
	welcome.flags = WELCOME_AUTH;
	lab_say_welcome(lab, at, &welcome);
	assert_int_equal(lab_bye(at), BYE_AUTH);
	assert_int_equal(lab->ups, 0);
}

/* Addresses are for those who have shown the key. */
static void
a_listener_that_has_shown_nothing_is_told_of_nobody(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *dialled;

	lab->config.is_auto = true;
	other_init(&other, key_a);
	dials_with_key(lab, key_a);
	dialled = lab_open(lab);
	other_say_auth(lab, other_dial(lab, &other), &other);
	assert_int_equal(lab->ups, 1);
	mesh_stop(lab->mesh, lab->now);
	assert_int_equal(lab_bye(dialled), BYE_LEAVING);
	assert_false(lab_has_sent(dialled, RECORD_PEERS));
	other_fini(&other);
}

static void
nor_is_it_believed_whom_it_names(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;
	struct record_bye bye = { .reason = BYE_FULL };
	struct record_peers named = { .count = 1 };
	struct buf buf = { 0 };

	lab->config.is_auto = true;
	dials_with_key(lab, key_a);
	at = lab_open(lab);
	named.peers[0].node_id = lab_id(9);
	named.peers[0].addr = (struct str8){ .text = "ws://b:1", .len = 8 };
	assert_int_equal(record_bye_encode(&buf, &bye), ERR_OK);
	assert_int_equal(record_peers_encode(&buf, &named), ERR_OK);
	lab_say_buf(lab, at, &buf);
	assert_int_equal(at->close_code, 1000);
	assert_int_equal(mesh_stats(lab->mesh)->learned, 0);
	assert_int_equal(mesh_stats(lab->mesh)->ignored, 1);
}

/* Anybody can dial, and say BYE 3 instead of AUTH. */
static void
who_has_not_shown_the_key_is_no_sign_of_a_twin(void **state)
{
	struct lab *lab = *state;
	struct other other;
	struct lab_link *at;

	with_key(lab, key_a);
	for (unsigned i = 0; i < 4; i++) {
		other_init(&other, key_b);
		at = other_dial(lab, &other);
		lab_say_bye(lab, at, BYE_DUPLICATE);
		assert_int_equal(at->close_code, 4001);
		lab_closed(lab, at, MESH_CLOSED);
		lab_pass(lab, IDENTITY_APART_MS);
		other_fini(&other);
	}
	assert_int_equal(mesh_stats(lab->mesh)->twins, 0);
	assert_int_equal(mesh_stats(lab->mesh)->renamed, 0);
	/* Who has shown it is one. */
	other_init(&other, key_a);
	at = other_dial(lab, &other);
	other_say_auth(lab, at, &other);
	lab_say_bye(lab, at, BYE_DUPLICATE);
	assert_int_equal(mesh_stats(lab->mesh)->twins, 1);
	other_fini(&other);
}

/* A living link with the id that it claims would keep this node from dialling
 * the address ever again. */
static void
a_listener_that_has_shown_nothing_is_not_who_it_says(void **state)
{
	struct lab *lab = *state;
	struct other real, other;
	struct lab_link *in, *at;

	other_init(&real, key_a);
	other_init(&other, key_b);
	dials_with_key(lab, key_a);
	at = other_answer(lab, &other);
	assert_int_equal(lab_bye(at), BYE_AUTH);
	lab_closed(lab, at, MESH_CLOSED);
	in = other_dial(lab, &real);
	other_say_auth(lab, in, &real);
	for (unsigned i = 0; i < 14; i++) {
		lab_pass(lab, 5000);
		mesh_on_activity(in->link, lab->now);
	}
	assert_true(link_is_up(in->link));
	assert_int_equal(lab->dials, 2);
	other_fini(&real);
	other_fini(&other);
}

/* An address that is this node's own is left alone for ten minutes. */
static void
who_says_that_it_is_this_node_has_to_show_the_key(void **state)
{
	struct lab *lab = *state;
	struct other mine, other;
	struct lab_link *at;

	other_init(&mine, key_a);
	other_init(&other, key_b);
	dials_with_key(lab, key_a);
	at = other_answer_as(lab, &other, 0x80);
	assert_int_equal(lab_bye(at), BYE_AUTH);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 67000);
	assert_int_equal(lab->dials, 2);
	at = lab_open(lab);
	lab_say_bye(lab, at, BYE_SELF);
	assert_int_equal(mesh_stats(lab->mesh)->auth_failed, 2);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 67000);
	assert_int_equal(lab->dials, 3);
	at = other_answer_as(lab, &mine, 0x80);
	assert_int_equal(lab_bye(at), BYE_SELF);
	lab_closed(lab, at, MESH_CLOSED);
	lab_pass(lab, 599999);
	assert_int_equal(lab->dials, 3);
	other_fini(&mine);
	other_fini(&other);
}

static void
a_message_before_the_key_was_shown_closes_and_is_none(void **state)
{
	struct lab *lab = *state;
	struct other in, out;
	struct lab_link *at;

	other_init(&in, key_a);
	other_init(&out, key_a);
	dials_with_key(lab, key_a);
	at = other_answer(lab, &out); /* shown, but not UP yet */
	lab_say_data(lab, at, 0x10, 1);
	assert_int_equal(at->close_code, 1002);
	at = other_dial(lab, &in);
	lab_say_data(lab, at, 0x10, 1);
	assert_int_equal(at->close_code, 1002);
	lab_say_data(lab, at, 0x10, 2);
	assert_int_equal(mesh_stats(lab->mesh)->received, 0);
	assert_int_equal(mesh_stats(lab->mesh)->origins, 0);
	other_fini(&in);
	other_fini(&out);
}

static void
a_key_that_is_too_short_is_refused(void **state)
{
	struct lab *lab = *state;
	struct diag diag = { .text = "" };

	lab->config.psk = key_a;
	lab->config.psk_len = 15;
	assert_int_equal(
	    mesh_create(&lab->mesh, &lab->config, &lab->io, &lab->rng, &diag),
	    ERR_INVALID);
	assert_non_null(strstr(diag.text, "15 bytes"));
	assert_null(lab->mesh);
}

static void
without_randomness_nobody_comes_up(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 0x10);
	struct lab_link *at;

	lab->io.secret = lab_no_secret;
	dials_with_key(lab, key_a);
	at = lab_last(lab);
	mesh_on_opened(lab->mesh, at->link, lab->now, 9, "127.0.0.1", lab);
	assert_int_equal(at->close_code, 0);
	assert_int_equal(at->sent.len, 0);
	at = lab_accept(lab);
	lab_say_hello(lab, at, &hello);
	assert_int_equal(at->close_code, 1011);
	assert_int_equal(at->sent.len, 0);
}

/* The reason must do, without a word on who says it. */
static void
nor_is_anybody_refused_without_a_reason(void **state)
{
	struct lab *lab = *state;
	struct record_hello hello = lab_hello(lab, 0x80);
	struct lab_link *at;

	lab->io.secret = lab_no_secret;
	lab_make(lab);
	at = lab_accept(lab);
	lab_say_hello(lab, at, &hello);
	assert_int_equal(lab_bye(at), BYE_SELF);
	assert_false(lab_has_sent(at, RECORD_WELCOME));
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 1);
	hello = lab_hello(lab, 0x10);
	at = lab_accept(lab);
	lab_say_hello(lab, at, &hello);
	assert_int_equal(at->close_code, 1011);
	assert_int_equal(at->sent.len, 0);
}

static void
a_hello_that_cannot_be_kept_ends_the_dial(void **state)
{
	struct lab *lab = *state;
	struct lab_link *at;

	dials_with_key(lab, key_a);
	at = lab_last(lab);
	fault_fail_nth(1);
	mesh_on_opened(lab->mesh, at->link, lab->now, 9, "127.0.0.1", lab);
	assert_true(fault_off());
	assert_int_equal(at->close_code, 0);
	assert_int_equal(mesh_stats(lab->mesh)->nomem, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup_raw, lab_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(proves_as_the_protocol_says),
		TEST(the_proof_covers_every_byte_but_itself),
		TEST(a_dialler_with_the_key_comes_up),
		TEST(who_has_shown_the_key_is_refused_with_a_bye),
		TEST(a_dialler_with_another_key_is_refused),
		TEST(a_dialler_without_a_key_never_gets_past_the_welcome),
		TEST(who_does_not_answer_the_question_is_dropped),
		TEST(an_answer_that_is_none_breaks_the_protocol),
		TEST(a_bye_instead_of_auth_is_understood),
		TEST(a_listener_with_the_key_is_shown_ours),
		TEST(a_listener_with_another_key_is_left_alone_for_a_minute),
		TEST(a_key_on_one_side_only_is_refused_by_the_dialler),
		TEST(a_listener_that_has_shown_nothing_is_told_of_nobody),
		TEST(nor_is_it_believed_whom_it_names),
		TEST(who_has_not_shown_the_key_is_no_sign_of_a_twin),
		TEST(a_listener_that_has_shown_nothing_is_not_who_it_says),
		TEST(who_says_that_it_is_this_node_has_to_show_the_key),
		TEST(a_message_before_the_key_was_shown_closes_and_is_none),
		TEST(a_key_that_is_too_short_is_refused),
		TEST(without_randomness_nobody_comes_up),
		TEST(nor_is_anybody_refused_without_a_reason),
		TEST(a_hello_that_cannot_be_kept_ends_the_dial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
