/* store/open.c - four ways to open, one to close. */
#include "base/mem.h"
#include "store/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static hn_store *new_store(const char *label)
{
    hn_store *s = hn_zalloc(sizeof *s);

    hn_hdf_start();
    if (s == NULL)
        return NULL;
    s->file = H5I_INVALID_HID;
    s->fd = -1;
    snprintf(s->label, sizeof s->label, "%s", label);
    return s;
}

static hn_status open_fd(hn_store *s, const char *path)
{
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        return hn_fail(HN_ENOINPUT, "%s: cannot be opened: %s", s->label, strerror(errno));
    return HN_OK;
}

/* Makes the pages of image bytes [from, to) writable: only those count as memory. */
static bool make_writable(hn_store *s, uint64_t from, uint64_t to)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    from -= from % page;
    return from >= to || mprotect((char *)s->map + from, (size_t)(to - from), PROT_READ | PROT_WRITE) == 0;
}

/* Address space for the HDF5 part, memory for what will be written there: all of it, or what lies outside
 * the ranges. */
static hn_status map_image(hn_store *s, bool head)
{
    size_t count = (size_t)s->seal.end.hdf5;
    uint64_t at = 0;
    bool done = true;

    if (count == 0)
        return hn_fail(HN_EDATA, "%s: nothing but a seal", s->label);
    void *map = mmap(NULL, count, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return hn_fail(HN_ENOMEM, "%s: no address space for %zu bytes: %s", s->label, count, strerror(errno));
    s->map = map;
    for (size_t i = 0; head && done && i < s->seal.ranges; i++) {
        done = make_writable(s, at, s->seal.range[i].offset);
        at = s->seal.range[i].offset + s->seal.range[i].length;
    }
    if (!done || !make_writable(s, at, count))
        return hn_fail(HN_ENOMEM, "%s: no memory for its contents: %s", s->label, strerror(errno));
    return HN_OK;
}

static hn_status verify_ranges(hn_store *s)
{
    for (size_t i = 0; i < s->seal.ranges; i++) {
        const struct hn_seal_range *r = &s->seal.range[i];
        for (size_t b = 0; b < r->blocks; b++) {
            unsigned char *to = (unsigned char *)s->map + r->offset + b * r->block;
            hn_status st = hn_sealed_read_block(r, b, s->fd, to, s->label);
            if (st != HN_OK)
                return st;
        }
    }
    return HN_OK;
}

static hn_status open_sealed(hn_store *s, const char *path, bool head)
{
    const char *remedy = head ? "; `hardneg import hdf5` makes a sealed copy" : "";
    hn_status st = open_fd(s, path);

    if (st == HN_OK)
        st = hn_sealed_read(&s->seal, s->fd, s->label, remedy);
    if (st == HN_OK)
        st = map_image(s, head);
    if (st == HN_OK)
        st = hn_sealed_verify_head(&s->seal, s->fd, s->map, s->label);
    if (st == HN_OK && !head)
        st = verify_ranges(s);
    if (st == HN_OK)
        st = hn_hdf_open_bytes(&s->file, s->map, (size_t)s->seal.end.hdf5, s->label);
    s->file_bytes = s->seal.file_bytes;
    if (st == HN_OK && !head) {
        close(s->fd);
        s->fd = -1;
    }
    return st;
}

static hn_status finish(hn_store **out, hn_store *s, hn_status st)
{
    if (st != HN_OK)
        hn_store_close(s);
    else
        *out = s;
    return st;
}

hn_status hn_store_open(hn_store **out, const char *path)
{
    hn_store *s = new_store(path);

    return s ? finish(out, s, open_sealed(s, path, false)) : HN_ENOMEM;
}

hn_status hn_store_open_head(hn_store **out, const char *path)
{
    hn_store *s = new_store(path);

    return s ? finish(out, s, open_sealed(s, path, true)) : HN_ENOMEM;
}

/* By path, since such a file may be larger than memory.  No file locks: they fail on some parallel file
 * systems, and we only read. */
static hn_status open_path(hn_store *s, const char *path)
{
    struct stat info;
    hn_status st = open_fd(s, path); /* to tell a file that is not there from one that is not HDF5 */

    if (st != HN_OK)
        return st;
    if (fstat(s->fd, &info) != 0 || !S_ISREG(info.st_mode))
        st = hn_fail(HN_ENOINPUT, "%s: not a regular file", s->label);
    s->file_bytes = (uint64_t)info.st_size;
    close(s->fd);
    s->fd = -1;
    if (st != HN_OK)
        return st;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0 || H5Pset_file_locking(access, false, true) < 0 ||
        (s->file = H5Fopen(path, H5F_ACC_RDONLY, access)) < 0)
        st = hn_fail(HN_EDATA, "%s: HDF5 cannot open it: %s", s->label, hn_hdf_reason());
    if (access >= 0)
        H5Pclose(access);
    return st;
}

hn_status hn_store_open_foreign(hn_store **out, const char *path)
{
    hn_store *s = new_store(path);

    return s ? finish(out, s, open_path(s, path)) : HN_ENOMEM;
}

hn_status hn_store_open_image(hn_store **out, const void *bytes, size_t count, const char *label)
{
    hn_store *s = new_store(label);
    hn_status st = HN_ENOMEM;

    if (s == NULL)
        return HN_ENOMEM;
    s->file_bytes = count;
    if (count == 0)
        return finish(out, s, hn_fail(HN_EDATA, "%s: an empty file", s->label));
    s->copy = hn_zalloc(count);
    if (s->copy != NULL) {
        memcpy(s->copy, bytes, count);
        st = hn_hdf_open_bytes(&s->file, s->copy, count, s->label);
    }
    return finish(out, s, st);
}

void hn_store_close(hn_store *s)
{
    if (s == NULL)
        return;
    if (s->file >= 0)
        H5Fclose(s->file);
    if (s->map != NULL)
        munmap(s->map, (size_t)s->seal.end.hdf5);
    if (s->fd >= 0)
        close(s->fd);
    hn_sealed_free(&s->seal);
    hn_free(s->copy);
    hn_free(s);
}
