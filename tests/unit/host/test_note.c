/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "fixtures/folder.h"
#include "host/note.h"

static enum err
read_note(const char *path, struct gv_note *note, struct diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err err;

	assert_true(fd >= 0);
	err = note_read(note, fd, path, diag);
	(void)close(fd);
	return err;
}

static void
reads_a_file_without_running_it(void **state)
{
	struct gv_note note;

	(void)state;
	assert_int_equal(
	    read_note(GV_ZOO_DIR "/constructor.so", &note, NULL), ERR_OK);
	assert_string_equal(note.name, "constructor");
	assert_string_equal(note.version, "1.0");
	assert_int_equal(note.abi_major, GV_ABI_MAJOR);
	assert_int_equal(note.abi_minor, GV_ABI_MINOR);
	assert_int_equal(note.flags, 0);
	assert_int_equal(note_check(&note, "x", NULL), ERR_OK);
}

static void
lets_no_name_disturb_a_terminal(void **state)
{
	struct gv_note note;
	struct diag diag;

	(void)state;
	assert_int_equal(
	    read_note(GV_ZOO_DIR "/bad-name.so", &note, NULL), ERR_OK);
	assert_string_equal(note.name, "Bad?[2J/Name");
	assert_int_equal(note_check(&note, "x", &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "expected [a-z0-9-]{1,32}"));
}

static void
finds_no_note_where_there_is_none(void **state)
{
	struct gv_note note = { .name = "kept" };
	struct diag diag;

	(void)state;
	assert_int_equal(
	    read_note(GV_ZOO_DIR "/no-note.so", &note, &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "no grapevine note"));
	assert_string_equal(note.name, "kept");
}

static void
refuses_what_is_no_shared_object(void **state)
{
	struct folder folder;
	struct gv_note note;
	struct diag diag;

	(void)state;
	folder_open(&folder);
	assert_int_equal(read_note(folder_write(&folder, "a.so", "#!/bin/sh\n"),
	                     &note, &diag),
	    ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "no shared object"));
	assert_int_equal(
	    read_note(folder_write(&folder, "b.so", ""), &note, &diag),
	    ERR_PLUGIN);
	assert_int_equal(
	    read_note(folder_write(&folder, "c.so", "\177ELF"), &note, &diag),
	    ERR_PLUGIN);
	folder_close(&folder);
}

static void
survives_every_cut(void **state)
{
	static const long cuts[] = { 4, 16, 63, 64, 65, 100, 500, 700, 1000,
		4096, 8192, 12000 };
	struct folder folder;
	struct gv_note note;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		folder_open(&folder);
		assert_int_equal(
		    read_note(folder_copy(&folder, GV_ZOO_DIR "/twin-a.so",
		                  "a.so", cuts[i]),
		        &note, &diag),
		    ERR_PLUGIN);
		folder_close(&folder);
	}
}

/* Flip a byte of the ELF header. */
static const char *
spoil(struct folder *folder, const char *name, long at, char byte)
{
	const char *path = folder_copy(
	    folder, GV_ZOO_DIR "/twin-a.so", name, 1L << 30);
	FILE *file = fopen(path, "r+b");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	(void)fputc(byte, file);
	(void)fclose(file);
	return path;
}

static void
refuses_other_machines(void **state)
{
	struct folder folder;
	struct gv_note note;
	struct diag diag;

	(void)state;
	folder_open(&folder);
	assert_int_equal(
	    read_note(spoil(&folder, "a.so", 18, 0x16), &note, &diag),
	    ERR_PLUGIN); /* e_machine: S390 */
	assert_non_null(strstr(diag.text, "another machine (ELF machine 22)"));
	assert_int_equal(read_note(spoil(&folder, "b.so", 16, 2), &note, &diag),
	    ERR_PLUGIN); /* e_type: EXEC */
	assert_non_null(strstr(diag.text, "no shared object"));
	folder_close(&folder);
}

static void
checks_the_version_and_the_flags(void **state)
{
	struct gv_note note = { .abi_minor = 9, .name = "ok" };
	struct diag diag;

	(void)state;
	assert_int_equal(note_check(&note, "x", &diag), ERR_OK);
	note.flags = GV_FILTER;
	assert_int_equal(note_check(&note, "x", &diag), ERR_OK);
	note.flags = 6;
	assert_int_equal(note_check(&note, "x", &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "plugin flags 0x6"));
	note.flags = 0;
	note.abi_major = 1;
	assert_int_equal(note_check(&note, "x", &diag), ERR_PLUGIN);
	assert_non_null(strstr(diag.text, "ABI 1.9, expected 0.x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_file_without_running_it),
		cmocka_unit_test(lets_no_name_disturb_a_terminal),
		cmocka_unit_test(finds_no_note_where_there_is_none),
		cmocka_unit_test(refuses_what_is_no_shared_object),
		cmocka_unit_test(survives_every_cut),
		cmocka_unit_test(refuses_other_machines),
		cmocka_unit_test(checks_the_version_and_the_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
