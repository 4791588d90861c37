/* SPDX-License-Identifier: MIT
 * presence.c - see presence.h. */

#include "wire/presence.h"

#include <string.h>

#include <cjson/cJSON.h>

enum err
presence_encode(struct buf *out, const struct presence *presence)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;
	enum err err = ERR_NOMEM;

	if (json != NULL &&
	    cJSON_AddStringToObject(json, "name", presence->name) != NULL &&
	    cJSON_AddStringToObject(json, "addr", presence->addr) != NULL &&
	    cJSON_AddNumberToObject(json, "links", presence->links) != NULL &&
	    cJSON_AddStringToObject(json, "version", presence->version) !=
	        NULL &&
	    (!presence->is_new || cJSON_AddTrueToObject(json, "new") != NULL)) {
		text = cJSON_PrintUnformatted(json);
	}
	if (text != NULL) {
		err = buf_append(out, text, strlen(text));
	}
	cJSON_free(text);
	cJSON_Delete(json);
	return err;
}

static bool
presence_text(const cJSON *json, const char *key, char *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
	const char *text = cJSON_GetStringValue(item);
	size_t len;

	*out = '\0';
	if (item == NULL) {
		return true;
	}
	if (text == NULL || strlen(text) > PRESENCE_TEXT_MAX) {
		return false;
	}
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)text[i];

		out[i] = byte < 0x20 || byte == 0x7f ? '?' : text[i];
	}
	out[len] = '\0';
	return true;
}

static bool
presence_links(const cJSON *json, uint32_t *links)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "links");

	*links = 0;
	if (item == NULL) {
		return true;
	}
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
	    item->valuedouble > UINT32_MAX) {
		return false;
	}
	*links = (uint32_t)item->valuedouble;
	return true;
}

static bool
presence_new(const cJSON *json, bool *is_new)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "new");

	*is_new = cJSON_IsTrue(item);
	return item == NULL || cJSON_IsBool(item);
}

enum err
presence_decode(const void *bytes, size_t len, struct presence *presence)
{
	cJSON *json;
	bool is_good;

	if (len > PRESENCE_MAX) {
		return ERR_INVALID;
	}
	json = cJSON_ParseWithLength(bytes, len);
	is_good = cJSON_IsObject(json) &&
	          presence_text(json, "name", presence->name) &&
	          presence_text(json, "addr", presence->addr) &&
	          presence_text(json, "version", presence->version) &&
	          presence_links(json, &presence->links) &&
	          presence_new(json, &presence->is_new);
	cJSON_Delete(json);
	return is_good ? ERR_OK : ERR_INVALID;
}
