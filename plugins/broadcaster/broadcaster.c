/* SPDX-License-Identifier: MIT
 * broadcaster.c - publish a text in a steady beat. */

#include <grapevine/plugin.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BROADCASTER_TEXT_MAX  4096
#define BROADCASTER_TOPIC_MAX 255
#define BROADCASTER_BEAT      1 /* the number of its only timer */

struct broadcaster {
	const struct gv_host *host;
	uint64_t interval_ns;
	uint64_t sent;
	int32_t missed; /* counter: beats that could not be published */
	char topic[BROADCASTER_TOPIC_MAX + 1];
	char text[BROADCASTER_TEXT_MAX];
};

/* A text that grows up to BROADCASTER_TEXT_MAX bytes. */
struct broadcaster_out {
	char bytes[BROADCASTER_TEXT_MAX];
	size_t len;
	bool cut;
};

static void
broadcaster_put(struct broadcaster_out *out, const char *text, size_t len)
{
	if (len > sizeof(out->bytes) - out->len) {
		out->cut = true;
		return;
	}
	memcpy(out->bytes + out->len, text, len);
	out->len += len;
}

static void
broadcaster_time(const struct broadcaster *broadcaster, char time[32])
{
	uint64_t wall_ns = broadcaster->host->wall_ns(broadcaster->host);
	time_t seconds = (time_t)(wall_ns / UINT64_C(1000000000));
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(time, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Put what the placeholder at `text` stands for; returns its length, 0 if it
 * is none: braces that mean nothing here may mean something to the reader. */
static size_t
broadcaster_expand(const struct broadcaster *broadcaster, const char *text,
    struct broadcaster_out *out)
{
	const struct gv_node *node = broadcaster->host->node(broadcaster->host);
	char number[32];
	char time[32];
	const struct {
		const char *key, *value;
	} placeholders[] = {
		{ "{name}", node->name },
		{ "{bind}", node->bind },
		{ "{n}", number },
		{ "{time}", time },
	};

	(void)snprintf(number, sizeof(number), "%llu",
	    (unsigned long long)broadcaster->sent + 1);
	broadcaster_time(broadcaster, time);
	for (size_t i = 0; i < sizeof(placeholders) / sizeof(*placeholders);
	     i++) {
		size_t len = strlen(placeholders[i].key);

		if (strncmp(text, placeholders[i].key, len) == 0) {
			broadcaster_put(out, placeholders[i].value,
			    strlen(placeholders[i].value));
			return len;
		}
	}
	return 0;
}

static void
broadcaster_render(
    const struct broadcaster *broadcaster, struct broadcaster_out *out)
{
	const char *at = broadcaster->text;

	out->len = 0;
	out->cut = false;
	while (*at != '\0') {
		size_t used = 0;

		if (*at == '{') {
			used = broadcaster_expand(broadcaster, at, out);
		}
		if (used == 0) {
			broadcaster_put(out, at, 1);
			used = 1;
		}
		at += used;
	}
}

static int32_t
broadcaster_create(const struct gv_host *host, void **self)
{
	struct broadcaster *broadcaster = calloc(1, sizeof(*broadcaster));

	if (broadcaster == NULL) {
		return GV_ENOMEM;
	}
	broadcaster->host = host;
	broadcaster->missed = host->counter(host, "missed");
	*self = broadcaster;
	return GV_OK;
}

static int32_t
broadcaster_refuse(const struct broadcaster *broadcaster, const char *why)
{
	broadcaster->host->log(broadcaster->host, GV_LOG_ERROR, why);
	return GV_EINVAL;
}

static int32_t
broadcaster_configure(void *self, const char *key, const char *value)
{
	struct broadcaster *broadcaster = self;

	if (strcmp(key, "interval") == 0) {
		broadcaster->interval_ns = strtoull(value, NULL, 10);
		if (broadcaster->interval_ns < UINT64_C(1000000)) {
			return broadcaster_refuse(
			    broadcaster, "interval must be at least 1ms");
		}
	} else if (strcmp(key, "topic") == 0) {
		(void)snprintf(broadcaster->topic, sizeof(broadcaster->topic),
		    "%s", value);
	} else if (strcmp(key, "text") == 0) {
		if (strlen(value) >= sizeof(broadcaster->text)) {
			return broadcaster_refuse(
			    broadcaster, "text must be below 4096 bytes");
		}
		(void)snprintf(
		    broadcaster->text, sizeof(broadcaster->text), "%s", value);
	}
	return GV_OK;
}

static int32_t
broadcaster_start(void *self)
{
	struct broadcaster *broadcaster = self;
	const struct gv_host *host = broadcaster->host;

	return host->timer_start(
	    host, BROADCASTER_BEAT, host->now(host) + broadcaster->interval_ns);
}

static int32_t
broadcaster_on_timer(void *self, uint64_t timer, uint64_t deadline_ns)
{
	struct broadcaster *broadcaster = self;
	const struct gv_host *host = broadcaster->host;
	uint64_t now_ns = host->now(host);
	struct broadcaster_out out;
	int32_t result = GV_ETOOBIG;

	/* The beat is kept; beats that a sleeping machine missed are not. */
	deadline_ns += broadcaster->interval_ns;
	if (deadline_ns <= now_ns) {
		uint64_t late_ns = now_ns - deadline_ns;

		deadline_ns += late_ns - late_ns % broadcaster->interval_ns +
		               broadcaster->interval_ns;
	}
	broadcaster_render(broadcaster, &out);
	if (!out.cut) {
		result = host->publish(
		    host, broadcaster->topic, out.bytes, out.len, GV_TEXT);
	}
	if (result == GV_OK) {
		broadcaster->sent++;
	} else {
		host->counter_add(host, broadcaster->missed, 1);
	}
	return host->timer_start(host, timer, deadline_ns);
}

static void
broadcaster_destroy(void *self)
{
	free(self);
}

static const struct gv_option broadcaster_options[] = {
	{ "interval", "10s", "time between two messages", NULL, GV_DURATION,
	    0 },
	{ "text", "Message from {name} at {bind}",
	    "what to say; {name} {bind} {n} {time} are filled in", NULL,
	    GV_STRING, 0 },
	{ "topic", "public", "where to say it", NULL, GV_TOPIC, 0 },
};

GV_PLUGIN("broadcaster", "1.0", 0, "publishes a text in a steady beat",
    .option_count = 3, .options = broadcaster_options,
    .create = broadcaster_create, .configure = broadcaster_configure,
    .start = broadcaster_start, .on_timer = broadcaster_on_timer,
    .destroy = broadcaster_destroy);
