/* SPDX-License-Identifier: MIT
 * plugin.h - one instance of a plugin: its life and its calls. */
#ifndef HOST_PLUGIN_H
#define HOST_PLUGIN_H

#include <grapevine/plugin.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "host/loader.h"
#include "host/spec.h"
#include "host/timers.h"

#define PLUGIN_COUNTERS_MAX     32
#define PLUGIN_COUNTER_NAME_MAX 48
#define PLUGIN_REASON_BYTES     256

struct host;

struct plugin_counts {
	_Atomic uint64_t messages; /* on_message calls */
	_Atomic uint64_t errors;   /* callbacks that returned < 0 */
	_Atomic uint64_t slow;     /* calls over 100 ms */
	_Atomic uint64_t stopped;  /* messages that it ended (GV_STOP) */
	_Atomic uint64_t published, sent;
	_Atomic uint64_t full;    /* publishes and sends that found no room */
	_Atomic uint64_t refused; /* publishes and sends with other errors */
};

struct plugin {
	struct gv_host api; /* first: what the plugin gets points to it */
	struct host *host;
	struct loader *loader; /* a reference */
	struct spec spec;
	int32_t number; /* its place in the order of dispatch */
	/* Its name, and #2 and so on from its second instance on. */
	char label[48];
	void *self;
	bool created;
	bool started;
	atomic_bool stopped;  /* publish and send are over */
	struct timers timers; /* [setup], [dispatch] */
	struct plugin_counts counts;
	pthread_mutex_t lock; /* of what follows */
	char counter_names[PLUGIN_COUNTERS_MAX][PLUGIN_COUNTER_NAME_MAX + 1];
	_Atomic uint64_t counters[PLUGIN_COUNTERS_MAX]; /* any thread */
	int32_t counter_count;
	char reason[PLUGIN_REASON_BYTES]; /* its last GV_LOG_ERROR */
};

/* create and configure.  Takes `loader` and `spec` on success only.
 * ERR_PLUGIN, ERR_INVALID (an option), ERR_NOMEM. */
NODISCARD enum err plugin_create(struct plugin **plugin, struct host *host,
    struct loader *loader, struct spec *spec, struct diag *diag);
/* Without plugin_start, or after plugin_stop.  NULL is fine. */
void plugin_destroy(struct plugin *plugin);

/* ERR_PLUGIN. */
NODISCARD enum err plugin_start(struct plugin *plugin, struct diag *diag);
/* Nothing if it is not started. */
void plugin_stop(struct plugin *plugin);

/* Append `"label":{counters}`. */
NODISCARD enum err plugin_stats_json(struct plugin *plugin, struct buf *out);

#endif
