/* SPDX-License-Identifier: MIT
 * plugin.c - see plugin.h. */

#include "host/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/api.h"
#include "host/option.h"
#include "host/private.h"

/* The user's value of `option`, NULL if there is none. */
static const char *
plugin_given(const struct spec *spec, const char *option)
{
	for (size_t i = 0; i < spec->option_count; i++) {
		if (strcmp(spec->options[i].key, option) == 0) {
			return spec->options[i].value;
		}
	}
	return NULL;
}

static enum err
plugin_unknown_option(
    const struct loader *loader, const char *key, struct diag *diag)
{
	struct buf names;

	buf_init(&names);
	if (option_names(&names, loader->options,
	        loader->manifest.option_count) != ERR_OK) {
		buf_fini(&names);
		diag_set(diag, "%s: out of memory", loader->path);
		return ERR_NOMEM;
	}
	diag_set(diag,
	    "plugin %s: \"%s\" is none of its options, which are: %s; see: "
	    "grapevine --plugin-help %s",
	    loader->manifest.name, key, (const char *)names.bytes,
	    loader->manifest.name);
	buf_fini(&names);
	return ERR_INVALID;
}

static bool
plugin_has_option(const struct loader *loader, const char *key)
{
	for (size_t i = 0; i < loader->manifest.option_count; i++) {
		if (strcmp(loader->options[i].name, key) == 0) {
			return true;
		}
	}
	return false;
}

/* Why a callback failed, in the plugin's own words if it has any. */
static enum err
plugin_failed(
    struct plugin *plugin, const char *call, int32_t result, struct diag *diag)
{
	(void)pthread_mutex_lock(&plugin->lock);
	diag_set(diag,
	    "plugin %s (%s): its %s returned %" PRId32 "%s%s, expected 0",
	    plugin->label, plugin->loader->path, call, result,
	    plugin->reason[0] == '\0' ? "" : ": ", plugin->reason);
	(void)pthread_mutex_unlock(&plugin->lock);
	return ERR_PLUGIN;
}

static enum err
plugin_configure_one(
    struct plugin *plugin, const struct gv_option *option, struct diag *diag)
{
	const struct gv_plugin *manifest = &plugin->loader->manifest;
	const char *text = plugin_given(&plugin->spec, option->name);
	struct option_value value;
	struct diag flaw;
	int32_t result = GV_OK;

	if (text == NULL) {
		text = option->fallback;
	}
	if (text == NULL) {
		diag_set(diag,
		    "plugin %s: %s is not given, expected %s=%s (%s)",
		    plugin->label, option->name, option->name,
		    option_shape(option),
		    option->help == NULL ? "required" : option->help);
		return ERR_INVALID;
	}
	if (option_check(option, text, &value, &flaw) != ERR_OK) {
		diag_set(diag, "plugin %s: %s; see: grapevine --plugin-help %s",
		    plugin->label, flaw.text, manifest->name);
		return ERR_INVALID;
	}
	if (manifest->configure != NULL) {
		result = manifest->configure(
		    plugin->self, option->name, value.text);
	}
	return result == GV_OK
	           ? ERR_OK
	           : plugin_failed(plugin, "configure", result, diag);
}

static enum err
plugin_configure(struct plugin *plugin, struct diag *diag)
{
	const struct loader *loader = plugin->loader;
	enum err err = ERR_OK;

	for (size_t i = 0; i < loader->manifest.option_count && err == ERR_OK;
	     i++) {
		err = plugin_configure_one(plugin, &loader->options[i], diag);
	}
	return err;
}

/* Before anything is made: a typing error should cost nothing. */
static enum err
plugin_check_spec(
    const struct loader *loader, const struct spec *spec, struct diag *diag)
{
	for (size_t i = 0; i < spec->option_count; i++) {
		if (!plugin_has_option(loader, spec->options[i].key)) {
			return plugin_unknown_option(
			    loader, spec->options[i].key, diag);
		}
	}
	return ERR_OK;
}

static void
plugin_name_it(struct plugin *plugin)
{
	const struct host *host = plugin->host;
	const char *name = plugin->loader->manifest.name;
	unsigned nth = 1;

	for (size_t i = 0; i < host->plugin_count; i++) {
		if (host->plugins[i]->loader == plugin->loader) {
			nth++;
		}
	}
	if (nth == 1) {
		(void)snprintf(
		    plugin->label, sizeof(plugin->label), "%.32s", name);
	} else {
		(void)snprintf(plugin->label, sizeof(plugin->label), "%.32s#%u",
		    name, nth);
	}
}

static enum err
plugin_make(struct plugin *plugin, struct diag *diag)
{
	const struct gv_plugin *manifest = &plugin->loader->manifest;
	int32_t result = GV_OK;

	if (manifest->create != NULL) {
		result = manifest->create(&plugin->api, &plugin->self);
	}
	if (result != GV_OK) {
		return plugin_failed(plugin, "create", result, diag);
	}
	plugin->created = true;
	return plugin_configure(plugin, diag);
}

enum err
plugin_create(struct plugin **plugin, struct host *host, struct loader *loader,
    struct spec *spec, struct diag *diag)
{
	struct plugin *made;
	enum err err = plugin_check_spec(loader, spec, diag);

	if (err != ERR_OK) {
		return err;
	}
	made = calloc(1, sizeof(*made));
	if (made == NULL) {
		diag_set(diag, "%s: out of memory", loader->path);
		return ERR_NOMEM;
	}
	api_init(&made->api);
	(void)pthread_mutex_init(&made->lock, NULL);
	timers_init(&made->timers);
	made->host = host;
	made->loader = loader;
	made->spec = *spec;
	made->number = (int32_t)host->plugin_count;
	plugin_name_it(made);
	err = plugin_make(made, diag);
	if (err != ERR_OK) {
		memset(&made->spec, 0, sizeof(made->spec));
		made->loader = NULL;
		if (made->created && loader->manifest.destroy != NULL) {
			loader->manifest.destroy(made->self);
		}
		made->created = false;
		plugin_destroy(made);
		return err;
	}
	memset(spec, 0, sizeof(*spec));
	*plugin = made;
	return ERR_OK;
}

void
plugin_destroy(struct plugin *plugin)
{
	if (plugin == NULL) {
		return;
	}
	if (plugin->created && plugin->loader->manifest.destroy != NULL) {
		plugin->loader->manifest.destroy(plugin->self);
	}
	loader_close(plugin->loader, &plugin->host->loaders);
	spec_fini(&plugin->spec);
	timers_fini(&plugin->timers);
	(void)pthread_mutex_destroy(&plugin->lock);
	free(plugin);
}

enum err
plugin_start(struct plugin *plugin, struct diag *diag)
{
	const struct gv_plugin *manifest = &plugin->loader->manifest;
	int32_t result = GV_OK;

	if (manifest->start != NULL) {
		result = manifest->start(plugin->self);
	}
	if (result != GV_OK) {
		atomic_store(&plugin->stopped, true);
		return plugin_failed(plugin, "start", result, diag);
	}
	plugin->started = true;
	return ERR_OK;
}

void
plugin_stop(struct plugin *plugin)
{
	const struct gv_plugin *manifest = &plugin->loader->manifest;

	if (!plugin->started) {
		return;
	}
	plugin->started = false;
	if (manifest->stop != NULL) {
		manifest->stop(plugin->self);
	}
	atomic_store(&plugin->stopped, true);
}

static enum err
plugin_own_counters_json(struct plugin *plugin, struct buf *out)
{
	enum err err = ERR_OK;

	(void)pthread_mutex_lock(&plugin->lock);
	for (int32_t i = 0; i < plugin->counter_count && err == ERR_OK; i++) {
		err = buf_printf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		    plugin->counter_names[i],
		    atomic_load_explicit(
		        &plugin->counters[i], memory_order_relaxed));
	}
	(void)pthread_mutex_unlock(&plugin->lock);
	return err;
}

enum err
plugin_stats_json(struct plugin *plugin, struct buf *out)
{
	struct plugin_counts *counts = &plugin->counts;
	const struct {
		const char *name;
		_Atomic uint64_t *value;
	} table[] = {
		{ "messages", &counts->messages },
		{ "errors", &counts->errors },
		{ "slow", &counts->slow },
		{ "stopped", &counts->stopped },
		{ "published", &counts->published },
		{ "sent", &counts->sent },
		{ "full", &counts->full },
		{ "refused", &counts->refused },
	};
	enum err err = buf_printf(out, "\"%s\":{", plugin->label);

	for (size_t i = 0; i < ARRAY_LEN(table) && err == ERR_OK; i++) {
		err = buf_printf(out, "\"%s\":%" PRIu64 ",", table[i].name,
		    atomic_load_explicit(table[i].value, memory_order_relaxed));
	}
	if (err == ERR_OK) {
		err = buf_append(out, "\"own\":{", 7);
	}
	if (err == ERR_OK) {
		err = plugin_own_counters_json(plugin, out);
	}
	return err == ERR_OK ? buf_append(out, "}}", 2) : err;
}
