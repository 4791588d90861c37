/* SPDX-License-Identifier: MIT
 * api.c - see api.h. */

#include "host/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/private.h"
#include "wire/topic.h"
#include "wire/utf8.h"

#define API_LINE_MAX 1024

_Static_assert(GV_TEXT == MESSAGE_TEXT && GV_REPLY == MESSAGE_REPLY,
    "flags are passed on as they are");

/* The plugin got the first member of its struct plugin, which is ours. */
static struct plugin *
api_plugin(const struct gv_host *api)
{
	return (struct plugin *)(uintptr_t)api;
}

static void
api_log(const struct gv_host *api, int32_t level, const char *line)
{
	struct plugin *plugin = api_plugin(api);
	enum log_level at = level <= GV_LOG_ERROR  ? LOG_ERROR
	                    : level <= GV_LOG_WARN ? LOG_WARN
	                    : level <= GV_LOG_INFO ? LOG_INFO
	                                           : LOG_DEBUG;
	char text[API_LINE_MAX + 1];

	(void)snprintf(
	    text, sizeof(text), "%s", line == NULL ? "(null)" : line);
	if (at == LOG_ERROR) {
		(void)pthread_mutex_lock(&plugin->lock);
		(void)snprintf(plugin->reason, sizeof(plugin->reason), "%.*s",
		    PLUGIN_REASON_BYTES - 1, text);
		(void)pthread_mutex_unlock(&plugin->lock);
	}
	if (log_is_on(at, plugin->label)) {
		log_write(at, plugin->label, "plugin_log", text, NULL, 0);
	}
}

static int32_t
api_check(const struct plugin *plugin, const char *topic, const void *payload,
    size_t payload_len, uint32_t flags)
{
	if (atomic_load(&plugin->stopped)) {
		return GV_ESTOPPED;
	}
	if (topic == NULL || (payload == NULL && payload_len > 0) ||
	    (flags & ~GV_TEXT) != 0 ||
	    !topic_is_valid(topic, strnlen(topic, TOPIC_MAX + 1))) {
		return GV_EINVAL;
	}
	if (payload_len > plugin->host->config.max_message) {
		return GV_ETOOBIG;
	}
	if ((flags & GV_TEXT) != 0 && !utf8_is_valid(payload, payload_len)) {
		return GV_EINVAL;
	}
	return GV_OK;
}

static int32_t
api_put(struct plugin *plugin, struct host_request *request)
{
	struct host *host = plugin->host;
	bool was_empty = false;
	enum err err = queue_put(&host->requests, &request->item, &was_empty);

	if (err != ERR_OK) {
		host_request_destroy(request);
		host_count(&host->counts.requests_full, err == ERR_FULL);
		return err == ERR_FULL ? GV_EFULL : GV_ESTOPPED;
	}
	host_count(&host->counts.requests, 1);
	if (was_empty && host->config.wake != NULL) {
		host->config.wake(host->config.wake_ctx);
	}
	return GV_OK;
}

static struct host_request *
api_request_create(
    struct plugin *plugin, uint64_t to, const struct message_view *view)
{
	struct host_request *request = calloc(1, sizeof(*request));

	if (request == NULL) {
		return NULL;
	}
	request->message = message_create(view);
	if (request->message == NULL) {
		free(request);
		return NULL;
	}
	request->plugin = plugin->number;
	request->to = to;
	request->item.bytes = sizeof(*request) + sizeof(*request->message) +
	                      view->topic_len + view->payload_len;
	return request;
}

static int32_t
api_request(struct plugin *plugin, uint64_t to, const char *topic,
    const void *payload, size_t payload_len, uint32_t flags)
{
	int32_t result = api_check(plugin, topic, payload, payload_len, flags);
	struct host_request *request = NULL;

	if (result == GV_OK) {
		struct message_view view = {
			.received_ns = clock_now_ns(),
			.flags = flags | (to != 0 ? MESSAGE_REPLY : 0),
			.topic = topic,
			.topic_len = strlen(topic),
			.payload = payload,
			.payload_len = payload_len,
		};

		request = api_request_create(plugin, to, &view);
		result = request == NULL ? GV_ENOMEM : api_put(plugin, request);
	}
	if (result == GV_OK) {
		host_count(
		    to == 0 ? &plugin->counts.published : &plugin->counts.sent,
		    1);
	} else {
		host_count(result == GV_EFULL ? &plugin->counts.full
		                              : &plugin->counts.refused,
		    1);
	}
	return result;
}

static int32_t
api_publish(const struct gv_host *api, const char *topic, const void *payload,
    size_t payload_len, uint32_t flags)
{
	return api_request(
	    api_plugin(api), 0, topic, payload, payload_len, flags);
}

static int32_t
api_send(const struct gv_host *api, uint64_t to, const void *payload,
    size_t payload_len, uint32_t flags)
{
	/* Connection 0 is this node, which nobody can answer. */
	const char *topic = to == 0 ? NULL : HOST_REPLY_TOPIC;

	return api_request(
	    api_plugin(api), to, topic, payload, payload_len, flags);
}

static int32_t
api_timer_start(const struct gv_host *api, uint64_t timer, uint64_t deadline_ns)
{
	enum err err = timers_start(
	    &api_plugin(api)->timers, timer, deadline_ns);

	return err == ERR_OK ? GV_OK : err == ERR_FULL ? GV_EFULL : GV_ENOMEM;
}

static int32_t
api_timer_cancel(const struct gv_host *api, uint64_t timer)
{
	return timers_cancel(&api_plugin(api)->timers, timer) == ERR_OK
	           ? GV_OK
	           : GV_EINVAL;
}

static int32_t
api_counter_find(struct plugin *plugin, const char *name)
{
	int32_t at = 0;

	while (at < plugin->counter_count &&
	       strcmp(plugin->counter_names[at], name) != 0) {
		at++;
	}
	if (at == PLUGIN_COUNTERS_MAX) {
		return GV_EFULL;
	}
	if (at == plugin->counter_count) {
		(void)snprintf(plugin->counter_names[at],
		    sizeof(plugin->counter_names[at]), "%s", name);
		plugin->counter_count++;
	}
	return at;
}

static int32_t
api_counter(const struct gv_host *api, const char *name)
{
	struct plugin *plugin = api_plugin(api);
	size_t len = name == NULL
	                 ? 0
	                 : strspn(
	                       name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	int32_t counter;

	if (len == 0 || len > PLUGIN_COUNTER_NAME_MAX || name[len] != '\0') {
		return GV_EINVAL;
	}
	(void)pthread_mutex_lock(&plugin->lock);
	counter = api_counter_find(plugin, name);
	(void)pthread_mutex_unlock(&plugin->lock);
	return counter;
}

static void
api_counter_add(const struct gv_host *api, int32_t counter, uint64_t n)
{
	if (counter >= 0 && counter < PLUGIN_COUNTERS_MAX) {
		host_count(&api_plugin(api)->counters[counter], n);
	}
}

static uint64_t
api_now(const struct gv_host *api)
{
	(void)api;
	return clock_now_ns();
}

static uint64_t
api_wall_ns(const struct gv_host *api)
{
	(void)api;
	return clock_wall_ns();
}

static const struct gv_node *
api_node(const struct gv_host *api)
{
	return atomic_load(&api_plugin(api)->host->node);
}

static const void *
api_extension(const struct gv_host *api, const char *name)
{
	(void)api;
	(void)name;
	return NULL;
}

void
api_init(struct gv_host *api)
{
	*api = (struct gv_host){
		.struct_size = sizeof(*api),
		.abi_major = GV_ABI_MAJOR,
		.abi_minor = GV_ABI_MINOR,
		.log = api_log,
		.publish = api_publish,
		.send = api_send,
		.timer_start = api_timer_start,
		.timer_cancel = api_timer_cancel,
		.counter = api_counter,
		.counter_add = api_counter_add,
		.now = api_now,
		.wall_ns = api_wall_ns,
		.node = api_node,
		.extension = api_extension,
	};
}
