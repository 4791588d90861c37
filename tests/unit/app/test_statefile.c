/* SPDX-License-Identifier: MIT */

#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/statefile.h"
#include "base/clock.h"
#include "base/log.h"
#include "mesh/mesh.h"

/* A mesh that nobody talks to, and a folder. */
struct box {
	char dir[64], sub[128];
	struct mesh_io io;
	struct rng rng;
	struct diag diag;
};

static int
box_setup(void **state)
{
	struct box *box = calloc(1, sizeof(*box));

	assert_non_null(box);
	assert_int_equal(
	    log_open(&(struct log_config){ .filter = "error" }, NULL), ERR_OK);
	(void)snprintf(box->dir, sizeof(box->dir), "/tmp/gv-state-XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	(void)snprintf(box->sub, sizeof(box->sub), "%s/s", box->dir);
	rng_init(&box->rng, 3);
	*state = box;
	return 0;
}

static int
box_teardown(void **state)
{
	static const char *const names[] = { "state", "state.new", "lock",
		"state.damaged-1", "state.damaged-2", "log" };
	struct box *box = *state;
	char path[192];

	(void)chmod(box->sub, 0700);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", box->sub, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(box->sub);
	assert_int_equal(rmdir(box->dir), 0);
	free(box);
	return 0;
}

static struct mesh *
box_mesh(struct box *box, uint8_t id)
{
	struct mesh_config config = {
		.boot = (uint32_t)(clock_wall_ns() / UINT64_C(1000000000)),
		.name = "n",
		.network = "grapevine",
		.advertise = "ws://n:1",
		.max_message = 1000,
		.max_hops = 64,
		.ping_ms = 3000,
		.soft = 1000,
		.hard = 2000,
		.is_auto = true,
	};
	struct mesh *mesh;

	memset(config.node_id.bytes, id, sizeof(config.node_id.bytes));
	assert_int_equal(
	    mesh_create(&mesh, &config, &box->io, &box->rng, NULL), ERR_OK);
	return mesh;
}

static void
box_open(struct box *box, struct statefile *file)
{
	assert_int_equal(statefile_open(file, box->sub, &box->diag), ERR_OK);
}

static size_t
box_read(const struct box *box, const char *name, char *out, size_t cap)
{
	char path[192];
	FILE *file;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", box->sub, name);
	file = fopen(path, "r");
	if (file == NULL) {
		return SIZE_MAX;
	}
	len = fread(out, 1, cap, file);
	assert_int_equal(fclose(file), 0);
	return len;
}

static void
box_write(const struct box *box, const char *bytes, size_t len)
{
	char path[192];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/state", box->sub);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A first life of the node 0x11, with its state written. */
static void
box_live(struct box *box)
{
	struct mesh *mesh = box_mesh(box, 0x11);
	struct statefile file;

	box_open(box, &file);
	assert_int_equal(statefile_restore(&file, mesh), ERR_OK);
	mesh_destroy(mesh);
	statefile_close(&file);
}

static void
makes_a_folder_that_only_its_user_may_enter(void **state)
{
	struct box *box = *state;
	struct statefile file;
	struct nodeid id;
	struct stat stat_of;
	char path[192];

	box_open(box, &file);
	assert_false(statefile_id(&file, &id));
	statefile_close(&file);
	box_live(box);
	assert_int_equal(stat(box->sub, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0700);
	(void)snprintf(path, sizeof(path), "%s/state", box->sub);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0600);
}

static void
the_node_id_survives_and_the_boot_number_grows(void **state)
{
	struct box *box = *state;
	struct mesh *mesh;
	struct statefile file;
	struct nodeid id;
	char before[4096], after[4096];
	size_t len;

	box_live(box);
	len = box_read(box, "state", before, sizeof(before));
	assert_true(len < sizeof(before));
	box_open(box, &file);
	assert_true(statefile_id(&file, &id));
	assert_int_equal(id.bytes[0], 0x11);
	mesh = box_mesh(box, 0x22);
	assert_int_equal(statefile_restore(&file, mesh), ERR_OK);
	assert_int_equal(box_read(box, "state", after, sizeof(after)), len);
	assert_memory_equal(before, after, 54); /* head and id */
	assert_memory_not_equal(before, after, len);
	mesh_destroy(mesh);
	statefile_close(&file);
}

static void
keeps_a_second_process_out(void **state)
{
	struct box *box = *state;
	struct statefile first;
	struct statefile second;

	box_open(box, &first);
	assert_int_equal(
	    statefile_open(&second, box->sub, &box->diag), ERR_SYSTEM);
	assert_non_null(strstr(box->diag.text, "in use by another process"));
	statefile_close(&second);
	statefile_close(&first);
	box_open(box, &second);
	statefile_close(&second);
}

static void
a_damaged_state_is_set_aside_and_replaced(void **state)
{
	struct box *box = *state;
	struct mesh *mesh;
	struct statefile file;
	struct nodeid id;
	char bytes[4096];
	size_t len;

	box_live(box);
	len = box_read(box, "state", bytes, sizeof(bytes));
	bytes[30] ^= 1;
	box_write(box, bytes, len);
	box_open(box, &file);
	assert_false(statefile_id(&file, &id));
	assert_int_equal(
	    box_read(box, "state.damaged-1", bytes, sizeof(bytes)), len);
	mesh = box_mesh(box, 0x22);
	assert_int_equal(statefile_restore(&file, mesh), ERR_OK);
	statefile_close(&file);

	/* The next one does not replace the first. */
	box_write(box, "nonsense", 8);
	box_open(box, &file);
	assert_int_equal(
	    box_read(box, "state.damaged-2", bytes, sizeof(bytes)), 8);
	assert_int_equal(
	    box_read(box, "state.damaged-1", bytes, sizeof(bytes)), len);
	statefile_close(&file);
	mesh_destroy(mesh);
}

static void
writes_at_most_each_ten_seconds_and_only_what_changed(void **state)
{
	struct box *box = *state;
	struct mesh *mesh = box_mesh(box, 0x11);
	struct statefile file;
	char bytes[4096];

	box_open(box, &file);
	statefile_on_tick(&file, mesh, 20000);
	assert_true(box_read(box, "state", bytes, sizeof(bytes)) < 4096);
	box_write(box, "", 0);
	statefile_on_tick(&file, mesh, 60000);
	assert_int_equal(box_read(box, "state", bytes, sizeof(bytes)), 0);
	file.version++; /* as if something else had been written */
	statefile_on_tick(&file, mesh, 29999);
	assert_int_equal(box_read(box, "state", bytes, sizeof(bytes)), 0);
	statefile_on_tick(&file, mesh, 30000);
	assert_true(box_read(box, "state", bytes, sizeof(bytes)) > 0);
	mesh_destroy(mesh);
	statefile_close(&file);
}

/* Lines about it in the log when a folder of that mode is opened. */
static unsigned
warnings_of(struct box *box, mode_t mode)
{
	struct statefile file;
	char text[8192], path[192];
	unsigned count = 0;
	size_t len;

	assert_true(mkdir(box->sub, 0700) == 0 || errno == EEXIST);
	assert_int_equal(chmod(box->sub, mode), 0);
	(void)snprintf(path, sizeof(path), "%s/log", box->sub);
	(void)unlink(path);
	assert_int_equal(
	    log_open(
	        &(struct log_config){ .filter = "warn", .file = path }, NULL),
	    ERR_OK);
	box_open(box, &file);
	statefile_close(&file);
	log_close();
	len = box_read(box, "log", text, sizeof(text) - 1);
	assert_true(len < sizeof(text));
	text[len] = '\0';
	for (const char *at = text; (at = strstr(at, "go-w")) != NULL; at++) {
		count++;
	}
	if (count > 0) {
		assert_non_null(strstr(text, "mode 0777, owner uid"));
		assert_non_null(strstr(text, box->sub));
	}
	return count;
}

static void
a_folder_that_others_may_write_is_told_once(void **state)
{
	struct box *box = *state;

	assert_int_equal(warnings_of(box, 0700), 0);
	assert_int_equal(warnings_of(box, 0755), 0);
	assert_int_equal(warnings_of(box, 0777), 1);
	/* The group is this user's own. */
	assert_int_equal(warnings_of(box, 0775), 0);
}

static void
a_folder_that_cannot_be_is_told(void **state)
{
	struct box *box = *state;
	struct statefile file;

	assert_int_equal(
	    statefile_open(&file, "/proc/no/such", &box->diag), ERR_SYSTEM);
	assert_non_null(strstr(box->diag.text, "--state /proc/no/such"));
	statefile_close(&file);
	assert_int_equal(
	    statefile_open(&file, "/dev/null", &box->diag), ERR_SYSTEM);
	statefile_close(&file);
}

static void
a_state_that_is_no_file_is_told_and_not_waited_for(void **state)
{
	struct box *box = *state;
	struct statefile file;
	struct mesh *mesh = box_mesh(box, 0x11);
	char path[192];

	(void)alarm(20); /* opened as a file it would wait for a writer */
	assert_int_equal(mkdir(box->sub, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/state", box->sub);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(
	    statefile_open(&file, box->sub, &box->diag), ERR_SYSTEM);
	assert_non_null(strstr(box->diag.text, "no regular file"));
	statefile_close(&file);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s/state.new", box->sub);
	assert_int_equal(mkfifo(path, 0600), 0);
	box_open(box, &file);
	statefile_save(&file, mesh);
	assert_false(file.is_written);
	(void)alarm(0);
	mesh_destroy(mesh);
	statefile_close(&file);
}

static void
a_write_that_fails_leaves_the_old_state(void **state)
{
	struct box *box = *state;
	struct mesh *mesh = box_mesh(box, 0x11);
	struct statefile file;
	char before[4096], after[4096];
	char path[192];
	size_t len;

	box_live(box);
	len = box_read(box, "state", before, sizeof(before));
	box_open(box, &file);
	/* Something that cannot be opened for writing is in the way. */
	(void)snprintf(path, sizeof(path), "%s/state.new", box->sub);
	assert_int_equal(mkdir(path, 0700), 0);
	statefile_save(&file, mesh);
	assert_false(file.is_written);
	assert_int_equal(box_read(box, "state", after, sizeof(after)), len);
	assert_memory_equal(before, after, len);
	assert_int_equal(rmdir(path), 0);
	statefile_save(&file, mesh);
	assert_true(file.is_written);
	mesh_destroy(mesh);
	statefile_close(&file);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(makes_a_folder_that_only_its_user_may_enter),
		TEST(the_node_id_survives_and_the_boot_number_grows),
		TEST(keeps_a_second_process_out),
		TEST(a_damaged_state_is_set_aside_and_replaced),
		TEST(writes_at_most_each_ten_seconds_and_only_what_changed),
		TEST(a_folder_that_others_may_write_is_told_once),
		TEST(a_folder_that_cannot_be_is_told),
		TEST(a_state_that_is_no_file_is_told_and_not_waited_for),
		TEST(a_write_that_fails_leaves_the_old_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
