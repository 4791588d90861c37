/* SPDX-License-Identifier: MIT
 * note.c - see note.h. */

#include "host/note.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#define NOTE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define NOTE_MACHINE EM_AARCH64
#elif defined(__riscv)
#define NOTE_MACHINE EM_RISCV
#elif defined(__arm__)
#define NOTE_MACHINE EM_ARM
#elif defined(__i386__)
#define NOTE_MACHINE EM_386
#else
#define NOTE_MACHINE EM_NONE /* any: dlopen will tell */
#endif

#define NOTE_OWNER "grapevine"
#define NOTE_TYPE  1

/* Look for ours in the data of one section. */
static bool
note_find_in(Elf_Data *data, struct gv_note *note)
{
	const uint8_t *bytes = data->d_buf;
	size_t at = 0;
	size_t name;
	size_t desc;
	size_t next;
	GElf_Nhdr head;

	while (at < data->d_size &&
	       (next = gelf_getnote(data, at, &head, &name, &desc)) > 0) {
		if (head.n_type == NOTE_TYPE &&
		    head.n_namesz == sizeof(NOTE_OWNER) &&
		    memcmp(bytes + name, NOTE_OWNER, sizeof(NOTE_OWNER)) == 0 &&
		    head.n_descsz >= sizeof(*note)) {
			memcpy(note, bytes + desc, sizeof(*note));
			return true;
		}
		at = next;
	}
	return false;
}

static bool
note_find(Elf *elf, struct gv_note *note)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr head;
		Elf_Data *data;

		if (gelf_getshdr(section, &head) == NULL ||
		    head.sh_type != SHT_NOTE) {
			continue;
		}
		data = elf_getdata(section, NULL);
		if (data != NULL && data->d_buf != NULL &&
		    note_find_in(data, note)) {
			return true;
		}
	}
	return false;
}

static enum err
note_read_elf(
    Elf *elf, struct gv_note *note, const char *path, struct diag *diag)
{
	GElf_Ehdr head;

	if (elf == NULL || elf_kind(elf) != ELF_K_ELF ||
	    gelf_getehdr(elf, &head) == NULL || head.e_type != ET_DYN) {
		diag_set(diag,
		    "%s: no shared object, expected a plugin; build it with: "
		    "cc -shared -fPIC",
		    path);
		return ERR_PLUGIN;
	}
	if (gelf_getclass(elf) !=
	        (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    (NOTE_MACHINE != EM_NONE && head.e_machine != NOTE_MACHINE)) {
		diag_set(diag,
		    "%s: made for another machine (ELF machine %u), expected "
		    "%u; build it here",
		    path, (unsigned)head.e_machine, (unsigned)NOTE_MACHINE);
		return ERR_PLUGIN;
	}
	if (!note_find(elf, note)) {
		diag_set(diag,
		    "%s: no grapevine note, expected the one that GV_PLUGIN "
		    "makes; the file is no plugin, or cut short: build it "
		    "again",
		    path);
		return ERR_PLUGIN;
	}
	return ERR_OK;
}

/* The bytes come from a file that nobody has vouched for. */
static void
note_clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~') {
			*text = '?';
		}
	}
}

enum err
note_read(struct gv_note *note, int fd, const char *path, struct diag *diag)
{
	struct gv_note found;
	Elf *elf;
	enum err err;

	(void)elf_version(EV_CURRENT);
	/* Not mapped: a file that shrinks meanwhile is an error, no SIGBUS. */
	elf = elf_begin(fd, ELF_C_READ, NULL);
	err = note_read_elf(elf, &found, path, diag);
	(void)elf_end(elf);
	if (err == ERR_OK) {
		note_clean(found.name, sizeof(found.name));
		note_clean(found.version, sizeof(found.version));
		*note = found;
	}
	return err;
}

static bool
note_name_is_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= NOTE_NAME_MAX && name[len] == '\0';
}

enum err
note_check(const struct gv_note *note, const char *path, struct diag *diag)
{
	if (note->abi_major != GV_ABI_MAJOR) {
		diag_set(diag,
		    "%s: built for plugin ABI %u.%u, expected %d.x: this node "
		    "has %d.%d; build it against this node's "
		    "grapevine/plugin.h",
		    path, note->abi_major, note->abi_minor, GV_ABI_MAJOR,
		    GV_ABI_MAJOR, GV_ABI_MINOR);
		return ERR_PLUGIN;
	}
	if ((note->flags & ~GV_FILTER) != 0) {
		diag_set(diag,
		    "%s: plugin flags 0x%x (ABI %u.%u), expected only 0x%x "
		    "(ABI %d.%d); it needs a newer node",
		    path, (unsigned)note->flags, note->abi_major,
		    note->abi_minor, (unsigned)GV_FILTER, GV_ABI_MAJOR,
		    GV_ABI_MINOR);
		return ERR_PLUGIN;
	}
	if (!note_name_is_valid(note->name)) {
		diag_set(diag,
		    "%s: its name is \"%s\", expected [a-z0-9-]{1,32}; change "
		    "it in GV_PLUGIN",
		    path, note->name);
		return ERR_PLUGIN;
	}
	return ERR_OK;
}
