/* SPDX-License-Identifier: MIT
 * topic.c - see topic.h. */

#include "wire/topic.h"

#include <stdint.h>
#include <string.h>

/* What a byte of a topic is: 0 not allowed, 1 the dot, 2 of a token. */
static const uint8_t topic_bytes[256] = {
	['-'] = 2,
	['.'] = 1,
	['0'] = 2,
	['1'] = 2,
	['2'] = 2,
	['3'] = 2,
	['4'] = 2,
	['5'] = 2,
	['6'] = 2,
	['7'] = 2,
	['8'] = 2,
	['9'] = 2,
	['A'] = 2,
	['B'] = 2,
	['C'] = 2,
	['D'] = 2,
	['E'] = 2,
	['F'] = 2,
	['G'] = 2,
	['H'] = 2,
	['I'] = 2,
	['J'] = 2,
	['K'] = 2,
	['L'] = 2,
	['M'] = 2,
	['N'] = 2,
	['O'] = 2,
	['P'] = 2,
	['Q'] = 2,
	['R'] = 2,
	['S'] = 2,
	['T'] = 2,
	['U'] = 2,
	['V'] = 2,
	['W'] = 2,
	['X'] = 2,
	['Y'] = 2,
	['Z'] = 2,
	['_'] = 2,
	['a'] = 2,
	['b'] = 2,
	['c'] = 2,
	['d'] = 2,
	['e'] = 2,
	['f'] = 2,
	['g'] = 2,
	['h'] = 2,
	['i'] = 2,
	['j'] = 2,
	['k'] = 2,
	['l'] = 2,
	['m'] = 2,
	['n'] = 2,
	['o'] = 2,
	['p'] = 2,
	['q'] = 2,
	['r'] = 2,
	['s'] = 2,
	['t'] = 2,
	['u'] = 2,
	['v'] = 2,
	['w'] = 2,
	['x'] = 2,
	['y'] = 2,
	['z'] = 2,
};

bool
topic_is_valid(const char *topic, size_t len)
{
	uint8_t before = 1; /* a dot, as far as what may follow goes */
	size_t i = 0;

	if (len > TOPIC_MAX) {
		return false;
	}
	/* Most have no dot, or none soon. */
	while (i < len && topic_bytes[(uint8_t)topic[i]] == 2) {
		before = 2;
		i++;
	}
	for (; i < len; i++) {
		uint8_t kind = topic_bytes[(uint8_t)topic[i]];

		/* Not allowed, or a dot behind a dot. */
		if (kind + before < 3) {
			return false;
		}
		before = kind;
	}
	return before == 2;
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
