/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include "fixtures/folder.h"
#include "host/trust.h"

static void
expect_refusal(const char *path, enum err expected, const char *part)
{
	struct diag diag = { "" };
	struct stat st;
	int fd = -7;

	assert_int_equal(trust_open(&fd, &st, path, &diag), expected);
	assert_int_equal(fd, -7);
	if (strstr(diag.text, part) == NULL || strstr(diag.text, "/") == NULL) {
		fail_msg("%s is not in: %s", part, diag.text);
	}
}

static void
opens_a_file_that_only_its_owner_writes(void **state)
{
	struct folder folder;
	struct stat st;
	const char *path;
	int fd;

	(void)state;
	folder_open(&folder);
	path = folder_write(&folder, "a.so", "x");
	assert_int_equal(trust_open(&fd, &st, path, NULL), ERR_OK);
	assert_int_equal(st.st_size, 1);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	(void)close(fd);
	folder_close(&folder);
}

static void
takes_paths_relative_to_here_too(void **state)
{
	struct folder folder;
	struct stat st;
	int fd;

	(void)state;
	folder_open(&folder);
	(void)folder_write(&folder, "a.so", "x");
	assert_int_equal(chdir(folder.path), 0);
	assert_int_equal(trust_open(&fd, &st, "./a.so", NULL), ERR_OK);
	(void)close(fd);
	assert_int_equal(trust_open(&fd, &st, "a.so", NULL), ERR_OK);
	(void)close(fd);
	assert_int_equal(chdir("/"), 0);
	folder_close(&folder);
}

static void
refuses_a_file_that_others_write(void **state)
{
	struct folder folder;
	const char *path;

	(void)state;
	folder_open(&folder);
	path = folder_write(&folder, "a.so", "x");
	assert_int_equal(chmod(path, 0646), 0);
	expect_refusal(path, ERR_PLUGIN, "(mode 0646)");
	expect_refusal(path, ERR_PLUGIN, "run: chmod o-w /tmp/");
	folder_close(&folder);
}

static void
refuses_a_folder_that_others_write(void **state)
{
	struct folder folder;
	const char *path;

	(void)state;
	folder_open(&folder);
	path = folder_write(&folder, "a.so", "x");
	assert_int_equal(chmod(folder.path, 0757), 0);
	expect_refusal(path, ERR_PLUGIN, "run: chmod o-w /tmp/gv-test-");
	/* Sticky is for folders further up. */
	assert_int_equal(chmod(folder.path, 01757), 0);
	expect_refusal(path, ERR_PLUGIN, "writable by others");
	folder_close(&folder);
}

static void
refuses_a_group_that_is_not_ours(void **state)
{
	struct folder folder;
	const char *path;

	(void)state;
	folder_open(&folder);
	path = folder_write(&folder, "a.so", "x");
	assert_int_equal(chmod(path, 0664), 0);
	if (chown(path, (uid_t)-1, 54321) == 0) { /* only root can */
		expect_refusal(path, ERR_PLUGIN, "run: chmod g-w ");
		assert_int_equal(chown(path, (uid_t)-1, getegid()), 0);
	}
	expect_refusal("/nowhere/a.so", ERR_NOTFOUND, "cannot open its folder");
	folder_close(&folder);
}

static void
refuses_another_owner(void **state)
{
	struct folder folder;
	const char *path;

	(void)state;
	folder_open(&folder);
	path = folder_write(&folder, "a.so", "x");
	if (chown(path, 54321, (gid_t)-1) == 0) { /* only root can */
		expect_refusal(path, ERR_PLUGIN, "owned by uid 54321");
		expect_refusal(path, ERR_PLUGIN, "run: chown 0 /tmp/");
	}
	folder_close(&folder);
}

static void
lets_only_sticky_folders_above_be_written(void **state)
{
	struct folder folder;
	struct stat st;
	char inner[96];
	char path[128];
	int fd;

	(void)state;
	folder_open(&folder);
	(void)snprintf(inner, sizeof(inner), "%s/inner", folder.path);
	(void)snprintf(path, sizeof(path), "%s/a.so", inner);
	assert_int_equal(mkdir(inner, 0755), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(chmod(folder.path, 0777), 0);
	expect_refusal(path, ERR_PLUGIN, "a folder 1 above its own");
	assert_int_equal(chmod(folder.path, 01777), 0);
	assert_int_equal(trust_open(&fd, &st, path, NULL), ERR_OK);
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(inner);
	folder_close(&folder);
}

static void
refuses_links_folders_and_pipes(void **state)
{
	struct folder folder;
	const char *path;
	const char *link;
	const char *pipe;

	(void)state;
	folder_open(&folder);
	path = folder_write(&folder, "a.so", "x");
	link = folder_file(&folder, "b.so");
	pipe = folder_file(&folder, "c.so");
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(mkfifo(pipe, 0644), 0);
	expect_refusal(link, ERR_PLUGIN, "readlink -f /tmp/");
	expect_refusal(pipe, ERR_PLUGIN, "no regular file");
	expect_refusal(folder.path, ERR_PLUGIN, "no regular file");
	folder_close(&folder);
}

static void
knows_what_is_not_there(void **state)
{
	char longest[8192];

	(void)state;
	expect_refusal("/tmp/nowhere-at-all.so", ERR_NOTFOUND, "No such file");
	memset(longest, '/', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	expect_refusal(longest, ERR_NOTFOUND, "name too long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_a_file_that_only_its_owner_writes),
		cmocka_unit_test(takes_paths_relative_to_here_too),
		cmocka_unit_test(refuses_a_file_that_others_write),
		cmocka_unit_test(refuses_a_folder_that_others_write),
		cmocka_unit_test(refuses_a_group_that_is_not_ours),
		cmocka_unit_test(refuses_another_owner),
		cmocka_unit_test(lets_only_sticky_folders_above_be_written),
		cmocka_unit_test(refuses_links_folders_and_pipes),
		cmocka_unit_test(knows_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
