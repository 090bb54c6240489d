#include "base/build.h"
#include "hardneg/base.h"
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

const char HN_JOIN(hn_real_is_, HN_REAL) = 1;

static char text[2 * 32 + 1];

static void take_id(const unsigned char *id, size_t bytes)
{
    for (size_t i = 0; i < bytes && 2 * i + 2 < sizeof text; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
}

/* Notes: name size, description size, type, then both, each padded to 4 bytes. */
static void search_notes(const char *at, size_t bytes)
{
    for (const char *end = at + bytes; at + sizeof(ElfW(Nhdr)) <= end;) {
        const ElfW(Nhdr) *note = (const void *)at;
        const char *name = at + sizeof *note, *id = name + (note->n_namesz + 3) / 4 * 4;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0)
            take_id((const unsigned char *)id, note->n_descsz);
        at = id + (note->n_descsz + 3) / 4 * 4;
    }
}

static bool holds(const struct dl_phdr_info *info, const void *address)
{
    uintptr_t at = (uintptr_t)address - info->dlpi_addr;

    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && at >= p->p_vaddr && at - p->p_vaddr < p->p_memsz)
            return true;
    }
    return false;
}

/* The object that this code is in: the program, or the shared library. */
static int search_own(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    if (!holds(info, text))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_NOTE)
            search_notes((const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
                         info->dlpi_phdr[i].p_memsz);
    return 1;
}

const char *hn_build_id(void)
{
    if (text[0] == '\0')
        dl_iterate_phdr(search_own, NULL);
    return text[0] ? text : "unknown";
}
