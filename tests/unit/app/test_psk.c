/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/psk.h"

struct box {
	char dir[64], path[128];
	struct psk psk;
	struct diag diag;
};

static int
box_setup(void **state)
{
	struct box *box = calloc(1, sizeof(*box));

	assert_non_null(box);
	(void)snprintf(box->dir, sizeof(box->dir), "/tmp/gv-psk-XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	(void)snprintf(box->path, sizeof(box->path), "%s/key", box->dir);
	*state = box;
	return 0;
}

static int
box_teardown(void **state)
{
	struct box *box = *state;

	(void)unlink(box->path);
	(void)rmdir(box->dir);
	free(box);
	return 0;
}

static void
box_write(const struct box *box, size_t len, mode_t mode)
{
	FILE *file = fopen(box->path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < len; i++) {
		assert_int_not_equal(fputc((int)(i % 256), file), EOF);
	}
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(box->path, mode), 0);
}

static void
assert_refused(struct box *box, const char *words)
{
	box->diag.text[0] = '\0';
	assert_int_not_equal(
	    psk_read(&box->psk, box->path, &box->diag), ERR_OK);
	assert_int_equal(box->psk.len, 0);
	if (strstr(box->diag.text, words) == NULL) {
		fail_msg("no '%s' in: %s", words, box->diag.text);
	}
}

static void
reads_every_byte_as_it_is(void **state)
{
	struct box *box = *state;

	box_write(box, 16, 0600);
	assert_int_equal(psk_read(&box->psk, box->path, &box->diag), ERR_OK);
	assert_int_equal(box->psk.len, 16);
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(box->psk.bytes[i], i);
	}
	psk_forget(&box->psk);
	assert_int_equal(box->psk.len, 0);
	assert_int_equal(box->psk.bytes[7], 0);

	box_write(box, PSK_MAX, 0400);
	assert_int_equal(psk_read(&box->psk, box->path, &box->diag), ERR_OK);
	assert_int_equal(box->psk.len, PSK_MAX);
}

static void
refuses_a_key_that_is_too_short_or_too_long(void **state)
{
	struct box *box = *state;

	box_write(box, 15, 0600);
	assert_refused(box, "found 15 bytes");
	box_write(box, 0, 0600);
	assert_refused(box, "found 0 bytes");
	box_write(box, PSK_MAX + 1, 0600);
	assert_refused(box, "found more than 4096 bytes");
}

static void
refuses_a_file_that_others_may_read(void **state)
{
	struct box *box = *state;

	box_write(box, 32, 0640);
	assert_refused(box, "0640");
	box_write(box, 32, 0604);
	assert_refused(box, "chmod 600");
}

static void
refuses_what_is_no_file_of_its_own(void **state)
{
	struct box *box = *state;

	assert_refused(box, "No such file");
	assert_int_equal(symlink("/etc/hostname", box->path), 0);
	assert_refused(box, "symbolic link");
	assert_int_equal(unlink(box->path), 0);
	assert_int_equal(mkfifo(box->path, 0600), 0);
	assert_refused(box, "no regular file");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    reads_every_byte_as_it_is, box_setup, box_teardown),
		cmocka_unit_test_setup_teardown(
		    refuses_a_key_that_is_too_short_or_too_long, box_setup,
		    box_teardown),
		cmocka_unit_test_setup_teardown(
		    refuses_a_file_that_others_may_read, box_setup,
		    box_teardown),
		cmocka_unit_test_setup_teardown(
		    refuses_what_is_no_file_of_its_own, box_setup,
		    box_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
