/* SPDX-License-Identifier: MIT
 * grapevine/plugin.h - everything a plugin author needs, and nothing else.
 *
 * A plugin is a shared object with one exported constant, `gv_plugin`, and an
 * ELF note that repeats its vital facts; GV_PLUGIN makes both.  The node reads
 * the note before it loads the file, and the constant before it calls anything:
 *
 *   note -> dlopen -> gv_plugin -> create -> configure* -> start
 *        -> on_message, on_timer, on_peer, on_gap ... -> stop -> destroy
 *
 * One file may be enabled several times: each instance has its own `self`, its
 * own host and its own options.  Two files of one name are refused.
 *
 * Thread tags
 *   [setup]     no other callback of this instance runs; which thread it is is
 *               not promised, and other instances may be active
 *   [dispatch]  the dispatcher: never two callbacks of one instance at once
 *   [any]       any thread, concurrently
 * Ownership: what a callback or a call is handed is borrowed until it returns.
 * Whoever allocates, frees.  A member that is NULL means: not needed.
 * Fixed-width types, pointers and size_t only; new members come last, and
 * struct_size tells which are there.
 */
#ifndef GRAPEVINE_PLUGIN_H
#define GRAPEVINE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* History: 0.1 first shape, promises nothing. */
#define GV_PLUGIN_MAGIC UINT32_C(0x50565247) /* "GRVP" */
#define GV_ABI_MAJOR    0                    /* differs: refused */
#define GV_ABI_MINOR    1                    /* grows: members were appended */

#define GV_OK       INT32_C(0)  /* done, or queued: later trouble is counted */
#define GV_EINVAL   INT32_C(-1) /* the caller broke the contract */
#define GV_ENOMEM   INT32_C(-2)
#define GV_EFULL    INT32_C(-3) /* not taken; try later or let go */
#define GV_ETOOBIG  INT32_C(-4) /* over max_message; not taken */
#define GV_ESTOPPED INT32_C(-5) /* the instance has stopped; not taken */
#define GV_EFAILED  INT32_C(-6) /* for callbacks: something else went wrong */

#define GV_PASS INT32_C(0) /* the next plugin sees it too */
#define GV_STOP INT32_C(1) /* handled, ends the local chain; needs GV_FILTER */

#define GV_TEXT  UINT32_C(1) /* message: UTF-8 text, else bytes */
#define GV_REPLY UINT32_C(2) /* message: an answer; do not answer it */

#define GV_FILTER UINT32_C(1) /* plugin: on_message may return GV_STOP */

#define GV_PEER_UP UINT32_C(1) /* peer: it came; else it went */

#define GV_GAP_SUM UINT32_C(1) /* gap: of several, there was no room for each */

#define GV_LOG_ERROR INT32_C(3)
#define GV_LOG_WARN  INT32_C(4)
#define GV_LOG_INFO  INT32_C(6)
#define GV_LOG_DEBUG INT32_C(7)

/* Types of options: what the user may write -> what configure gets. */
#define GV_STRING   UINT32_C(0) /* anything -> the same */
#define GV_BOOL     UINT32_C(1) /* true yes on 1, false no off 0 -> 1 or 0 */
#define GV_U64      UINT32_C(2) /* decimal digits -> the same */
#define GV_DURATION UINT32_C(3) /* 10s, 500ms, 2m, 1h -> nanoseconds */
#define GV_SIZE     UINT32_C(4) /* 512, 64K, 1M, 2G (1024) -> bytes */
#define GV_CHOICE   UINT32_C(5) /* one of `choices` -> the same */
#define GV_TOPIC    UINT32_C(6) /* a topic that publish takes -> the same */

struct gv_option {
	const char *name; /* [a-z0-9_]{1,32} */
	const char
	    *fallback;       /* the default, as a user writes; NULL: required */
	const char *help;    /* one line */
	const char *choices; /* GV_CHOICE: "text|json", else NULL */
	uint32_t type;
	uint32_t flags; /* 0 */
};

struct gv_message {
	uint32_t struct_size;
	uint32_t flags; /* GV_TEXT, GV_REPLY */
	uint32_t hops;  /* links it crossed; 0: published here */
	uint32_t topic_len;
	uint64_t from;       /* connection it came over; 0: this node */
	uint8_t origin[16];  /* node id of its author */
	uint64_t seq;        /* grows by one per message of that origin */
	const char *topic;   /* NUL-terminated */
	const void *payload; /* not NUL-terminated */
	size_t payload_len;
	uint64_t received_ns; /* gv_host.now's clock */
};

struct gv_peer {
	uint32_t struct_size;
	uint32_t flags; /* GV_PEER_UP */
	uint64_t conn;  /* as gv_message.from; never used again in a process */
	uint8_t node_id[16];
	const char *name; /* as the peer says; UTF-8 is not promised */
};

/* Messages that never come: the numbers first .. first + count - 1.  With
 * GV_GAP_SUM `count` numbers from `first` on, and others between them came; an
 * origin of zeros: of many origins. */
struct gv_gap {
	uint32_t struct_size;
	uint32_t flags; /* GV_GAP_SUM */
	uint8_t origin[16];
	uint64_t first;
	uint64_t count;
};

/* This node.  Valid, with its strings, until destroy returns; but the id may
 * change, when another node turns out to have it: ask again, do not keep it. */
struct gv_node {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	uint8_t id[16];
	const char *name;
	const char *bind; /* the first --bind, as written */
	const char *version;
	uint64_t max_message; /* payload bytes that publish and send take */
};

/* What the node gives a plugin; pass it first to each of its calls.  Valid
 * from create until destroy returns. */
struct gv_host {
	uint32_t struct_size;
	uint16_t abi_major;
	uint16_t abi_minor;

	/* One line under the plugin's name; copied, cut at 1024 bytes.  The last
	 * GV_LOG_ERROR before a failing create, configure or start is what the
	 * user is told as its reason.  [any] */
	void (*log)(
	    const struct gv_host *host, int32_t level, const char *line);

	/* To every node and client that listens to `topic`, but not to this
	 * instance; copied.  `flags`: GV_TEXT or 0.  GV_EINVAL (topic, flags,
	 * text that is not UTF-8), GV_ETOOBIG, GV_EFULL, GV_ENOMEM, GV_ESTOPPED
	 * (after stop).  [any] */
	int32_t (*publish)(const struct gv_host *host, const char *topic,
	    const void *payload, size_t payload_len, uint32_t flags);

	/* Back over connection `to`, a neighbour's or a client's; copied,
	 * arrives there with GV_REPLY.  `to` 0 is GV_EINVAL; a connection that
	 * is gone is counted by the node, not told.  Errors as publish.  [any] */
	int32_t (*send)(const struct gv_host *host, uint64_t to,
	    const void *payload, size_t payload_len, uint32_t flags);

	/* Call on_timer once with `timer`, a number of the plugin's choice, as
	 * soon as now() reaches `deadline_ns`; a running timer of that number is
	 * moved.  GV_EFULL: 1024 are running.  GV_ENOMEM.
	 * In create, configure, start [setup]; later [dispatch]. */
	int32_t (*timer_start)(
	    const struct gv_host *host, uint64_t timer, uint64_t deadline_ns);
	/* GV_EINVAL: it is not running.  As timer_start. */
	int32_t (*timer_cancel)(const struct gv_host *host, uint64_t timer);

	/* Find or make a counter, which users see as [a-z0-9_]{1,48}: its
	 * number >= 0.  GV_EINVAL (name), GV_EFULL: there are 32.  [any] */
	int32_t (*counter)(const struct gv_host *host, const char *name);
	/* Unknown numbers are ignored.  [any] */
	void (*counter_add)(
	    const struct gv_host *host, int32_t counter, uint64_t n);

	/* CLOCK_MONOTONIC, and CLOCK_REALTIME since 1970.  [any] */
	uint64_t (*now)(const struct gv_host *host);
	uint64_t (*wall_ns)(const struct gv_host *host);

	/* Never NULL.  [any] */
	const struct gv_node *(*node)(const struct gv_host *host);

	/* A table of more functions, NULL if the node has none of that name;
	 * this version has none at all.  [any] */
	const void *(*extension)(const struct gv_host *host, const char *name);

	/* New members only here; raise GV_ABI_MINOR. */
};

/* Callbacks return GV_OK (GV_PASS) or a negative number.  From create,
 * configure and start it ends the load; later it is counted and logged. */
struct gv_plugin {
	uint32_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t struct_size;
	uint32_t flags; /* GV_FILTER; a node refuses bits it does not know */

	const char *name;    /* [a-z0-9-]{1,32} */
	const char *version; /* at most 31 bytes */
	const char *summary; /* one line */

	uint32_t option_size; /* sizeof(struct gv_option) */
	uint32_t option_count;
	const struct gv_option *options;

	/* Make an instance and keep `host`; no I/O yet.  [setup] */
	int32_t (*create)(const struct gv_host *host, void **self);
	/* Once per option, in their order, defaults included; `value` has been
	 * checked and put into the form of its type.  [setup] */
	int32_t (*configure)(void *self, const char *key, const char *value);
	/* Take exclusive resources here: files, sockets, threads.  [setup] */
	int32_t (*start)(void *self);

	/* A message that this instance did not publish.  Must not block: calls
	 * over 100 ms are counted and logged.  [dispatch] */
	int32_t (*on_message)(void *self, const struct gv_message *message);
	/* `deadline_ns` is what was asked for: add to it for a steady beat, now
	 * may be later.  [dispatch] */
	int32_t (*on_timer)(void *self, uint64_t timer, uint64_t deadline_ns);
	/* A neighbour came or went.  [dispatch] */
	int32_t (*on_peer)(void *self, const struct gv_peer *peer);
	/* [dispatch] */
	int32_t (*on_gap)(void *self, const struct gv_gap *gap);

	/* Give back what start took; called iff start succeeded.  May still
	 * publish.  [setup] */
	void (*stop)(void *self);
	/* Free the instance; called iff create succeeded.  [setup] */
	void (*destroy)(void *self);

	/* New members only here; raise GV_ABI_MINOR. */
};

/* What the note holds: owner "grapevine", type 1, this descriptor. */
struct gv_note {
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t flags;
	char name[40];
	char version[32];
};

struct gv_note_record { /* Elf32_Nhdr, Elf64_Nhdr and what follows them */
	uint32_t owner_size;
	uint32_t note_size;
	uint32_t type;
	char owner[12];
	struct gv_note note;
};

#if defined(__GNUC__)
#define GV_EXPORT_ __attribute__((visibility("default")))
#define GV_NOTE_   __attribute__((section(".note.grapevine"), aligned(4), used))
#else
#error "grapevine plugins are built with gcc or clang"
#endif

extern GV_EXPORT_ const struct gv_plugin gv_plugin;

/* Once per plugin, at file scope:
 *
 *     GV_PLUGIN("echo", "1.0", 0, "answers every message",
 *         .create = echo_create, .on_message = echo_on_message);
 *
 * Name, version, flags and summary, then the members from option_count on: by
 * name in C; in C++17 in order and without gaps, nullptr where there is none. */
#define GV_PLUGIN(name_, version_, flags_, summary_, ...)                   \
	GV_NOTE_ static const struct gv_note_record gv_note_record = { 10,  \
		sizeof(struct gv_note), 1, "grapevine",                     \
		{ GV_ABI_MAJOR, GV_ABI_MINOR, flags_, name_, version_ } };  \
	const struct gv_plugin gv_plugin = { GV_PLUGIN_MAGIC, GV_ABI_MAJOR, \
		GV_ABI_MINOR, sizeof(struct gv_plugin), flags_, name_,      \
		version_, summary_, sizeof(struct gv_option), __VA_ARGS__ }

#ifdef __cplusplus
}
#endif

#endif /* GRAPEVINE_PLUGIN_H */
