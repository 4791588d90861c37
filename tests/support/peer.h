/* SPDX-License-Identifier: MIT
 * peer.h - a mesh peer written by hand, on top of client.h: it says what it is
 * told to, whether the protocol allows it or not. */
#ifndef TESTS_SUPPORT_PEER_H
#define TESTS_SUPPORT_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "support/client.h"
#include "wire/record.h"

struct daemon;

struct peer {
	struct client *client;
	int buffer;                /* receive buffer of a dial; 0: usual */
	int listen_fd;             /* peer_listen */
	uint16_t port;             /* of it */
	struct record_hello hello; /* what it will say; change it freely */
	struct record_welcome welcome;
	uint32_t counter;   /* of its own messages */
	struct buf message; /* the one that peer_next takes records off */
	const uint8_t *at;
	int close_code; /* of the Close that came; 0: none */
};

/* All bytes of its id are `id`.  Teardown frees it. */
struct peer *peer_create(uint8_t id);
/* cmocka teardown, calls client_teardown too. */
int peer_teardown(void **state);

/* The id of a real node. */
void peer_node_id(struct daemon *daemon, struct nodeid *id);

/* ---- dialling ---- */

/* TCP and upgrade, no more. */
void peer_dial(struct peer *peer, uint16_t port);
void peer_say_hello(struct peer *peer);
/* Until the link is up. */
void peer_dial_up(struct peer *peer, uint16_t port);

/* ---- listening ---- */

void peer_listen(struct peer *peer);
/* The same, and a real node that dials it. */
struct daemon *peer_start_dialler(struct peer *peer);
/* Accept a connection; NULL: none within `ms`. */
struct client *peer_accept_tcp(struct peer *peer, int ms);
/* Accept, read the request, answer 101 with `subprotocol` (NULL: none). */
void peer_accept(struct peer *peer, const char *subprotocol);
/* Until the link is up; the HELLO is in `hello_in`, NULL: do not care. */
void peer_accept_up(struct peer *peer, struct record_hello *hello_in);

/* ---- records ---- */

/* Send `records` as one binary message, and empty it. */
void peer_send(struct peer *peer, struct buf *records);
/* One record with any type and body. */
void peer_send_record(
    struct peer *peer, uint8_t type, const void *body, size_t len);
/* DATA of `origin`; text payload. */
void peer_send_data(struct peer *peer, const struct nodeid *origin,
    uint64_t seq, uint8_t hops, const char *topic, const char *text);
/* DATA of its own, next seq. */
void peer_publish(struct peer *peer, const char *topic, const char *text);
uint64_t peer_seq(const struct peer *peer, uint32_t counter);

/* The next record, pings answered; false: Close (its code in `close_code`,
 * answered) or EOF. */
bool peer_next(struct peer *peer, struct record *record);
/* Skip records until one of `type` comes; fails the test at the end. */
void peer_wait(struct peer *peer, uint8_t type, struct record *record);
/* Skip records until DATA with that text comes; not one before may be DATA
 * with `never` (NULL: any). */
void peer_wait_text(struct peer *peer, const char *text, const char *never);
/* A BYE with that reason must come, then a Close with its code. */
void peer_expect_bye(struct peer *peer, enum bye_reason reason);
/* Skip records; the end must be a Close with that code. */
void peer_expect_close(struct peer *peer, int code);

#endif
