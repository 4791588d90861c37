/* SPDX-License-Identifier: MIT
 * topic.c - see topic.h. */

#include "wire/topic.h"

#include <stdint.h>
#include <string.h>

/* What a byte of a topic is: 0 not allowed, 1 of a token, 2 the dot. */
static const uint8_t topic_bytes[256] = {
	['-'] = 1,
	['.'] = 2,
	['0'] = 1,
	['1'] = 1,
	['2'] = 1,
	['3'] = 1,
	['4'] = 1,
	['5'] = 1,
	['6'] = 1,
	['7'] = 1,
	['8'] = 1,
	['9'] = 1,
	['A'] = 1,
	['B'] = 1,
	['C'] = 1,
	['D'] = 1,
	['E'] = 1,
	['F'] = 1,
	['G'] = 1,
	['H'] = 1,
	['I'] = 1,
	['J'] = 1,
	['K'] = 1,
	['L'] = 1,
	['M'] = 1,
	['N'] = 1,
	['O'] = 1,
	['P'] = 1,
	['Q'] = 1,
	['R'] = 1,
	['S'] = 1,
	['T'] = 1,
	['U'] = 1,
	['V'] = 1,
	['W'] = 1,
	['X'] = 1,
	['Y'] = 1,
	['Z'] = 1,
	['_'] = 1,
	['a'] = 1,
	['b'] = 1,
	['c'] = 1,
	['d'] = 1,
	['e'] = 1,
	['f'] = 1,
	['g'] = 1,
	['h'] = 1,
	['i'] = 1,
	['j'] = 1,
	['k'] = 1,
	['l'] = 1,
	['m'] = 1,
	['n'] = 1,
	['o'] = 1,
	['p'] = 1,
	['q'] = 1,
	['r'] = 1,
	['s'] = 1,
	['t'] = 1,
	['u'] = 1,
	['v'] = 1,
	['w'] = 1,
	['x'] = 1,
	['y'] = 1,
	['z'] = 1,
};

bool
topic_is_valid(const char *topic, size_t len)
{
	bool token = false; /* the token at hand has a byte */

	if (len > TOPIC_MAX) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t kind = topic_bytes[(uint8_t)topic[i]];

		if (kind == 0 || (kind == 2 && !token)) {
			return false;
		}
		token = kind == 1;
	}
	return token;
}

bool
topic_is_valid_from_peer(const char *topic, size_t len)
{
	if (len > 0 && len <= TOPIC_MAX && topic[0] == '$') {
		return topic_is_valid(topic + 1, len - 1);
	}
	return topic_is_valid(topic, len);
}

static int
topic_hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9') {
		return digit - '0';
	}
	if (digit >= 'a' && digit <= 'f') {
		return digit - 'a' + 10;
	}
	if (digit >= 'A' && digit <= 'F') {
		return digit - 'A' + 10;
	}
	return -1;
}

/* Take the next byte of a path off `*at`, percent-decoded; -1: bad escape. */
static int
topic_path_byte(const char **at, const char *end)
{
	const char *p = *at;
	int high;
	int low;

	*at = p + 1;
	if (*p != '%') {
		return (uint8_t)*p;
	}
	if (end - p < 3) {
		return -1;
	}
	high = topic_hex_digit(p[1]);
	low = topic_hex_digit(p[2]);
	*at = p + 3;
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static enum err
topic_refuse(struct diag *diag, const char *why)
{
	diag_set(diag,
	    "the path is no topic: %s; expected segments of [A-Za-z0-9_-], "
	    "such as /chat/room1",
	    why);
	return ERR_INVALID;
}

enum err
topic_from_path(const char *path, char topic[TOPIC_MAX + 1], struct diag *diag)
{
	const char *end = path + strcspn(path, "?");
	char made[TOPIC_MAX + 1];
	size_t len = 0;

	if (*path != '/') {
		return topic_refuse(diag, "it does not begin with /");
	}
	path++;
	if (path == end) {
		memcpy(topic, "public", sizeof("public"));
		return ERR_OK;
	}
	if (end[-1] == '/') {
		end--;
	}
	while (path < end) {
		bool slash = *path == '/';
		int byte = slash ? '.' : topic_path_byte(&path, end);

		path += slash ? 1 : 0;
		if (byte < 0) {
			return topic_refuse(diag, "a % without two hex digits");
		}
		if (len == TOPIC_MAX) {
			return topic_refuse(diag, "longer than 255 bytes");
		}
		made[len++] = (char)byte;
	}
	if (!topic_is_valid(made, len)) {
		return topic_refuse(diag, "an empty segment or other bytes");
	}
	made[len] = '\0';
	memcpy(topic, made, len + 1);
	return ERR_OK;
}
