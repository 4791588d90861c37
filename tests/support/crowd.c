/* SPDX-License-Identifier: MIT
 * crowd.c - see crowd.h. */
#include "support/crowd.h"

#include <stdio.h>
#include <unistd.h>

#include "support/test.h"

void
crowd_launch(struct crowd *crowd, unsigned i, const char *more)
{
	char peers[64] = "";

	if (crowd->nodes[i] == NULL) {
		crowd->nodes[i] = daemon_create();
	}
	if (i > 0 && crowd->join != NULL) {
		snprintf(peers, sizeof(peers), "--peers %s", crowd->join);
	} else if (i > 0) {
		snprintf(peers, sizeof(peers), "--peers ws://127.0.0.1:%u",
		    (unsigned)crowd->nodes[0]->port);
	}
	/* The port of a node that was killed may be another program's node's
	 * by the time it is dialled: that one is no friend. */
	daemon_launch(crowd->nodes[i],
	    "--mesh auto --network crowd-%d --name n%u %s %s", (int)getpid(), i,
	    peers, more);
	daemon_wait_ready(crowd->nodes[i]);
}

void
crowd_start(struct crowd *crowd, const char *more)
{
	memset(crowd, 0, sizeof(*crowd));
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		crowd_launch(crowd, i, more);
	}
}

void
crowd_kill(struct crowd *crowd, unsigned i)
{
	daemon_kill(crowd->nodes[i]);
	crowd->nodes[i] = NULL;
	crowd_leave(crowd, i);
}

/* ---- links ---- */

static unsigned
crowd_number(const cJSON *peer)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(peer, "name");
	unsigned i;

	assert_true(cJSON_IsString(name));
	assert_int_equal(sscanf(name->valuestring, "n%u", &i), 1);
	assert_true(i < CROWD_NODES);
	return i;
}

/* To whom node `i` says that it has links. */
static unsigned
crowd_links(struct crowd *crowd, unsigned i)
{
	const cJSON *peers = cJSON_GetObjectItemCaseSensitive(
	    daemon_state(crowd->nodes[i]), "peers");
	const cJSON *peer;
	unsigned links = 0;

	assert_true(cJSON_IsArray(peers));
	cJSON_ArrayForEach(peer, peers)
	{
		links |= 1U << crowd_number(peer);
	}
	return links;
}

/* Which nodes can be reached from `first`, over links that both ends know. */
static unsigned
crowd_reach(const unsigned links[CROWD_NODES], unsigned first)
{
	unsigned reached = 1U << first;
	unsigned before;

	do {
		before = reached;
		for (unsigned i = 0; i < CROWD_NODES; i++) {
			for (unsigned j = 0; j < CROWD_NODES; j++) {
				if ((reached >> i & 1) != 0 &&
				    (links[i] >> j & 1) != 0 &&
				    (links[j] >> i & 1) != 0) {
					reached |= 1U << j;
				}
			}
		}
	} while (reached != before);
	return reached;
}

static bool
crowd_is_whole(struct crowd *crowd, unsigned nodes, int atleast)
{
	unsigned links[CROWD_NODES] = { 0 };

	for (unsigned i = 0; i < CROWD_NODES; i++) {
		if ((nodes >> i & 1) != 0) {
			links[i] = crowd_links(crowd, i);
			if (__builtin_popcount(links[i]) < atleast ||
			    (links[i] & ~nodes) != 0) {
				return false;
			}
		}
	}
	return crowd_reach(links, (unsigned)__builtin_ctz(nodes)) == nodes;
}

/* ---- messages ---- */

void
crowd_listen(struct crowd *crowd, unsigned i)
{
	crowd->clients[i] = client_open(crowd->nodes[i]->port, "/t");
	client_sync(crowd->clients[i]);
}

void
crowd_listen_all(struct crowd *crowd)
{
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		crowd_listen(crowd, i);
	}
}

void
crowd_leave(struct crowd *crowd, unsigned i)
{
	if (crowd->clients[i] != NULL) {
		client_close(crowd->clients[i]);
		crowd->clients[i] = NULL;
	}
	memset(crowd->due[i], 0, sizeof(crowd->due[i]));
	memset(crowd->seen[i], 0, sizeof(crowd->seen[i]));
}

static void
crowd_say(struct crowd *crowd, unsigned author)
{
	unsigned number = crowd->said[author]++;
	char text[32];

	assert_true(number < CROWD_ROUNDS);
	snprintf(text, sizeof(text), "%u/%u.", author, number);
	client_text(crowd->clients[author], text);
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		crowd->due[i][author][number] = i != author &&
		                                crowd->clients[i] != NULL;
	}
}

void
crowd_publish(struct crowd *crowd, unsigned authors, unsigned count)
{
	for (unsigned round = 0; round < count; round++) {
		for (unsigned i = 0; i < CROWD_NODES; i++) {
			if ((authors >> i & 1) != 0) {
				crowd_say(crowd, i);
			}
		}
	}
}

/* Nothing comes: tell what is owed, and by whom. */
static void
crowd_give_up(const struct crowd *crowd, unsigned reader)
{
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		for (unsigned k = 0; k < crowd->said[i]; k++) {
			if (crowd->due[reader][i][k]) {
				print_message(
				    "n%u lacks %u/%u\n", reader, i, k);
			}
		}
	}
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		if (crowd->nodes[i] != NULL && i != reader) {
			print_message("n%u:\n", i);
			daemon_show(crowd->nodes[i], "log");
		}
	}
	daemon_give_up(crowd->nodes[reader], "messages", NULL);
}

/* Take one frame of a reader's; false: it was no message, only a keep-alive. */
static bool
crowd_take(struct crowd *crowd, unsigned reader)
{
	struct client *client = crowd->clients[reader];
	struct client_frame frame;
	unsigned author, number;
	bool is_text;

	assert_true(client_read_frame(client, &frame));
	is_text = frame.first == CLIENT_TEXT;
	if (frame.first == CLIENT_PING) {
		client_frame(client, CLIENT_PONG, frame.bytes, frame.len);
	} else if (is_text) {
		assert_int_equal(
		    sscanf((char *)frame.bytes, "%u/%u.", &author, &number), 2);
		assert_true(author < CROWD_NODES && author != reader &&
		            number < crowd->said[author]);
		if (crowd->seen[reader][author][number]) {
			fail_msg("n%u got %u/%u twice", reader, author, number);
		}
		crowd->seen[reader][author][number] = true;
		crowd->due[reader][author][number] = false;
	}
	client_frame_free(&frame);
	return is_text;
}

static bool
crowd_can_take(const struct crowd *crowd, unsigned reader, int ms)
{
	const struct client *client = crowd->clients[reader];

	return client->in_len > 0 || test_wait_readable(client->fd, ms);
}

static void
crowd_read_one(struct crowd *crowd, unsigned reader)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;

	/* A keep-alive is no progress. */
	do {
		if (test_now_ms() >= deadline ||
		    !crowd_can_take(crowd, reader, DEADLINE_MS)) {
			crowd_give_up(crowd, reader);
		}
	} while (!crowd_take(crowd, reader));
}

static bool
crowd_is_owed(const struct crowd *crowd, unsigned reader)
{
	return memchr(crowd->due[reader], true, sizeof(crowd->due[reader])) !=
	       NULL;
}

/* What has come for anybody, so that nobody is dropped for silence. */
static void
crowd_take_all(struct crowd *crowd)
{
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		while (
		    crowd->clients[i] != NULL && crowd_can_take(crowd, i, 0)) {
			(void)crowd_take(crowd, i);
		}
	}
}

void
crowd_wait_whole(struct crowd *crowd, unsigned nodes, int atleast)
{
	/* Who was refused, or did not answer, is not dialled for 10 s; twice,
	 * with a shuffle before, leaves a busy machine no time. */
	uint64_t deadline = test_now_ms() + 2 * DEADLINE_MS;

	while (!crowd_is_whole(crowd, nodes, atleast)) {
		if (test_now_ms() >= deadline) {
			daemon_give_up(crowd->nodes[__builtin_ctz(nodes)],
			    "one component", NULL);
		}
		crowd_take_all(crowd);
	}
}

void
crowd_read(struct crowd *crowd, unsigned readers)
{
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		while ((readers >> i & 1) != 0 && crowd_is_owed(crowd, i)) {
			crowd_read_one(crowd, i);
		}
	}
}

static void
crowd_check_gaps(struct daemon *node)
{
	uint64_t gaps = daemon_counter(node, "mesh.gaps");

	if (gaps != 0) {
		daemon_show(node, "log");
	}
	assert_int_equal(gaps, 0);
}

void
crowd_check(struct crowd *crowd, unsigned readers)
{
	crowd_read(crowd, readers);
	for (unsigned i = 0; i < CROWD_NODES; i++) {
		if ((readers >> i & 1) != 0) {
			client_expect_nothing(crowd->clients[i]);
			crowd_check_gaps(crowd->nodes[i]);
		}
	}
}
