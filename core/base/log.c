/* SPDX-License-Identifier: MIT
 * log.c - see log.h. */

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/log_sink.h"

#define LOG_SECOND_NS UINT64_C(1000000000)

enum {
	LOG_RULES = 16,     /* mod=level in a filter */
	LOG_MOD_BYTES = 32, /* of a module's name */
	LOG_RATES = 128,    /* events that are counted apart; see log_rate_of */
	LOG_BURST = 10,     /* lines of an event in any one second */
};

/* A module's level.  Read without the lock: every word is atomic, and whoever
 * reads while a filter changes sees the old or the new, or misses a rule. */
struct log_rule {
	_Atomic uint64_t mod[LOG_MOD_BYTES / sizeof(uint64_t)];
	atomic_int level;
};

struct log_filter {
	int level; /* of modules without a rule */
	size_t count;
	struct {
		char mod[LOG_MOD_BYTES]; /* zeros behind the name */
		int level;
	} rules[LOG_RULES];
};

struct log_rate {
	char key[64]; /* mod/event */
	uint64_t lines_ns[LOG_BURST], suppressed;
	unsigned next;
};

static struct {
	atomic_int highest, fallback; /* level: of any module, of the others */
	atomic_size_t rule_count;
	struct log_rule rules[LOG_RULES];
	atomic_uint_fast64_t dropped;

	pthread_mutex_t lock; /* of everything below */
	struct log_sink sink;
	enum log_format asked, format;
	uint64_t dropped_told;
	size_t rate_count;
	struct log_rate rates[LOG_RATES];
} the_log = {
	.highest = LOG_INFO,
	.fallback = LOG_INFO,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.sink = LOG_SINK_STDERR,
	.asked = LOG_FORMAT_TEXT,
	.format = LOG_FORMAT_TEXT,
};

/* The level named by `len` bytes of `text`, -1 if none is. */
static int
log_level_find(const char *text, size_t len)
{
	for (int level = LOG_ERROR; level <= LOG_TRACE; level++) {
		const char *name = log_level_name((enum log_level)level);

		if (strlen(name) == len && memcmp(name, text, len) == 0) {
			return level;
		}
	}
	return -1;
}

/* One part of a filter between commas: LEVEL or MOD=LEVEL. */
static bool
log_filter_add(struct log_filter *filter, const char *part, size_t len)
{
	const char *equals = memchr(part, '=', len);
	size_t mod_len = equals == NULL ? 0 : (size_t)(equals - part);
	size_t skip = equals == NULL ? 0 : mod_len + 1;
	int level = log_level_find(part + skip, len - skip);

	if (level < 0) {
		return false;
	}
	if (equals == NULL) {
		filter->level = level;
		return true;
	}
	if (mod_len == 0 || mod_len >= LOG_MOD_BYTES ||
	    strspn(part, "abcdefghijklmnopqrstuvwxyz0123456789_-") != mod_len ||
	    filter->count == LOG_RULES) {
		return false;
	}
	memcpy(filter->rules[filter->count].mod, part, mod_len);
	filter->rules[filter->count].level = level;
	filter->count++;
	return true;
}

static enum err
log_filter_parse(struct log_filter *filter, const char *text, struct diag *diag)
{
	memset(filter, 0, sizeof(*filter));
	filter->level = LOG_INFO;
	while (text != NULL) {
		const char *comma = strchr(text, ',');
		size_t len = comma == NULL ? strlen(text)
		                           : (size_t)(comma - text);

		if (!log_filter_add(filter, text, len)) {
			char part[64];

			(void)log_escape(part, sizeof(part), text, len);
			diag_set(diag,
			    "log filter: found '%s', expected LEVEL or "
			    "MODULE=LEVEL (at most %d) with a level of error, "
			    "warn, info, debug or trace: as in "
			    "info,mesh=debug",
			    part, (int)LOG_RULES);
			return ERR_INVALID;
		}
		text = comma == NULL ? NULL : comma + 1;
	}
	return ERR_OK;
}

enum err
log_check_filter(const char *filter, struct diag *diag)
{
	struct log_filter parsed;

	return log_filter_parse(&parsed, filter, diag);
}

static void
log_filter_use(const struct log_filter *filter)
{
	int highest = filter->level;

	atomic_store(&the_log.rule_count, 0);
	for (size_t i = 0; i < filter->count; i++) {
		uint64_t words[LOG_MOD_BYTES / sizeof(uint64_t)];

		memcpy(words, filter->rules[i].mod, sizeof(words));
		for (size_t k = 0; k < ARRAY_LEN(words); k++) {
			atomic_store(&the_log.rules[i].mod[k], words[k]);
		}
		atomic_store(&the_log.rules[i].level, filter->rules[i].level);
		if (filter->rules[i].level > highest) {
			highest = filter->rules[i].level;
		}
	}
	atomic_store(&the_log.fallback, filter->level);
	atomic_store(&the_log.rule_count, filter->count);
	atomic_store(&the_log.highest, highest);
}

static bool
log_rule_matches(const struct log_rule *rule, const uint64_t *words)
{
	for (size_t k = 0; k < LOG_MOD_BYTES / sizeof(*words); k++) {
		if (atomic_load_explicit(&rule->mod[k], memory_order_relaxed) !=
		    words[k]) {
			return false;
		}
	}
	return true;
}

bool
log_is_on(enum log_level level, const char *mod)
{
	uint64_t words[LOG_MOD_BYTES / sizeof(uint64_t)] = { 0 };
	size_t count;

	if (LIKELY((int)level > atomic_load_explicit(
	                            &the_log.highest, memory_order_relaxed))) {
		return false;
	}
	memcpy(words, mod, strnlen(mod, sizeof(words) - 1));
	count = atomic_load_explicit(&the_log.rule_count, memory_order_acquire);
	while (count-- > 0) { /* the last rule for a module counts */
		const struct log_rule *rule = &the_log.rules[count];

		if (log_rule_matches(rule, words)) {
			return (int)level <= atomic_load(&rule->level);
		}
	}
	return (int)level <= atomic_load(&the_log.fallback);
}

static enum log_format
log_format_of(enum log_format asked, const struct log_sink *sink)
{
	if (asked != LOG_FORMAT_AUTO) {
		return asked;
	}
	return isatty(sink->fd) == 1 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
}

/* Lock held. */
static void
log_use(const struct log_sink *sink, enum log_format asked)
{
	log_sink_close(&the_log.sink);
	the_log.sink = *sink;
	the_log.asked = asked;
	the_log.format = log_format_of(asked, sink);
}

enum err
log_open(const struct log_config *config, struct diag *diag)
{
	struct log_filter filter;
	struct log_sink sink;
	enum err err = log_filter_parse(&filter, config->filter, diag);

	if (err != ERR_OK) {
		return err;
	}
	err = log_sink_open(&sink, config->file);
	if (err != ERR_OK) {
		diag_set(diag,
		    "log file '%s': %s; expected a file that can be appended "
		    "to, in a folder that exists: mend that or name another "
		    "with --log-file",
		    config->file == NULL ? "stderr" : config->file,
		    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
		return err;
	}
	(void)pthread_mutex_lock(&the_log.lock);
	log_use(&sink, config->format);
	(void)pthread_mutex_unlock(&the_log.lock);
	log_filter_use(&filter);
	return ERR_OK;
}

void
log_close(void)
{
	struct log_sink sink = LOG_SINK_STDERR;

	(void)pthread_mutex_lock(&the_log.lock);
	log_use(&sink, the_log.asked);
	(void)pthread_mutex_unlock(&the_log.lock);
}

void
log_reopen(void)
{
	(void)pthread_mutex_lock(&the_log.lock);
	log_sink_reopen(&the_log.sink, clock_now_ns());
	(void)pthread_mutex_unlock(&the_log.lock);
}

/* The count of an event.  Event names are literals, so the table does not
 * fill; if it does, the events past it share its last row. */
static struct log_rate *
log_rate_of(const char *mod, const char *event)
{
	char key[sizeof(the_log.rates[0].key)] = { 0 };
	size_t mod_len = strnlen(mod, LOG_MOD_BYTES - 1);
	struct log_rate *rate;

	memcpy(key, mod, mod_len);
	key[mod_len] = '/';
	memcpy(key + mod_len + 1, event,
	    strnlen(event, sizeof(key) - LOG_MOD_BYTES - 1));
	for (size_t i = 0; i < the_log.rate_count; i++) {
		if (memcmp(the_log.rates[i].key, key, sizeof(key)) == 0) {
			return &the_log.rates[i];
		}
	}
	if (the_log.rate_count == LOG_RATES) {
		return &the_log.rates[LOG_RATES - 1];
	}
	rate = &the_log.rates[the_log.rate_count++];
	memcpy(rate->key, key, sizeof(key));
	return rate;
}

/* May this event have a line now?  `lines_ns` holds when its last ten were. */
static bool
log_rate_take(struct log_rate *rate, uint64_t now_ns, uint64_t *suppressed)
{
	uint64_t tenth_ns = rate->lines_ns[rate->next];

	if (tenth_ns != 0 && now_ns - tenth_ns < LOG_SECOND_NS) {
		rate->suppressed++;
		return false;
	}
	rate->lines_ns[rate->next] = now_ns;
	rate->next = (rate->next + 1) % LOG_BURST;
	*suppressed = rate->suppressed;
	return true;
}

static bool
log_emit(struct log_record *record, uint64_t now_ns)
{
	char small[LOG_LINE_BYTES];
	size_t cap = log_line_max(record);
	char *line = cap > sizeof(small) ? malloc(cap) : small;
	bool ok = false;

	if (line != NULL) {
		size_t len = log_line_format(line, cap, the_log.format, record);

		ok = log_sink_write(&the_log.sink, line, len, now_ns);
	}
	if (line != small) {
		free(line);
	}
	return ok;
}

void
log_write(enum log_level level, const char *mod, const char *event,
    const char *msg, const struct log_field *fields, size_t count)
{
	uint64_t dropped, now_ns;
	struct log_rate *rate;
	struct log_record record = {
		.level = level,
		.mod = mod,
		.event = event,
		.msg = msg,
		.fields = fields,
		.count = count,
		.wall_ns = clock_wall_ns(),
	};

	(void)pthread_mutex_lock(&the_log.lock);
	now_ns = clock_now_ns();
	rate = log_rate_of(mod, event);
	if (log_rate_take(rate, now_ns, &record.suppressed)) {
		dropped = atomic_load(&the_log.dropped);
		record.dropped = dropped - the_log.dropped_told;
		if (log_emit(&record, now_ns)) {
			rate->suppressed = 0;
			the_log.dropped_told = dropped;
		} else {
			atomic_fetch_add(&the_log.dropped, 1);
		}
	}
	(void)pthread_mutex_unlock(&the_log.lock);
}

uint64_t
log_dropped(void)
{
	return atomic_load(&the_log.dropped);
}
