/* SPDX-License-Identifier: MIT
 * replay_main.c - run a fuzzer over every file of a corpus folder, once.
 *
 *     replay_frame tests/fuzz/corpus/frame
 *
 * Fails if the folder is missing or empty: a replay of nothing is no test. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

/* The file's bytes, in a block of exactly that size, so that a sanitizer sees
 * the first read behind the end. */
static uint8_t *
replay_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *bytes = NULL;

	if (file == NULL) {
		return NULL;
	}
	if (fstat(fileno(file), &st) == 0 && st.st_size >= 0) {
		*len = (size_t)st.st_size;
		bytes = malloc(*len > 0 ? *len : 1);
	}
	if (bytes != NULL && fread(bytes, 1, *len, file) != *len) {
		free(bytes);
		bytes = NULL;
	}
	(void)fclose(file);
	return bytes;
}

static int
replay_file(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *bytes;
	size_t len = 0;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >=
	    (int)sizeof(path)) {
		(void)fprintf(stderr, "%s: path too long\n", name);
		return -1;
	}
	bytes = replay_read(path, &len);
	if (bytes == NULL) {
		perror(path);
		return -1;
	}
	/* Before the run: the last name printed is the one that crashed. */
	(void)printf("%s\n", name);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	return 0;
}

int
main(int argc, char **argv)
{
	unsigned count = 0;
	struct dirent *entry;
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

	if (folder == NULL) {
		(void)fprintf(stderr, "usage: %s <corpus folder>\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.') {
			continue;
		}
		if (replay_file(argv[1], entry->d_name) != 0) {
			(void)closedir(folder);
			return 1;
		}
		count++;
	}
	(void)closedir(folder);
	(void)printf("%u files\n", count);
	return count > 0 ? 0 : 1;
}
