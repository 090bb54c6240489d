#include "store/sparse.h"
#include "base/mem.h"
#include <string.h>

enum { PAGE = 4096 };

struct hn_sparse_page {
    uint64_t number;
    unsigned char *bytes;
};

/* The first page whose number is not below: its place in the list. */
static size_t place_of(const struct hn_sparse *s, uint64_t number)
{
    size_t low = 0, high = s->pages;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->page[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const unsigned char *find_page(const struct hn_sparse *s, uint64_t number)
{
    size_t i = place_of(s, number);

    return i < s->pages && s->page[i].number == number ? s->page[i].bytes : NULL;
}

static bool grow(struct hn_sparse *s)
{
    size_t room = s->room ? 2 * s->room : 16;
    struct hn_sparse_page *page = hn_calloc(room, sizeof *page);

    if (page == NULL)
        return false;
    if (s->pages > 0)
        memcpy(page, s->page, s->pages * sizeof *page);
    hn_free(s->page);
    s->page = page;
    s->room = room;
    return true;
}

/* The page's bytes, made of zeros when it is new; NULL without memory. */
static unsigned char *need_page(struct hn_sparse *s, uint64_t number)
{
    size_t i = place_of(s, number);

    if (i < s->pages && s->page[i].number == number)
        return s->page[i].bytes;
    unsigned char *bytes = s->pages < s->room || grow(s) ? hn_zalloc(PAGE) : NULL;
    if (bytes == NULL)
        return NULL;
    memmove(s->page + i + 1, s->page + i, (s->pages - i) * sizeof *s->page);
    s->page[i] = (struct hn_sparse_page){number, bytes};
    s->pages++;
    return bytes;
}

static size_t within_page(uint64_t offset, size_t count)
{
    size_t rest = PAGE - (size_t)(offset % PAGE);

    return count < rest ? count : rest;
}

void hn_sparse_read(const struct hn_sparse *s, unsigned char *bytes, size_t count, uint64_t offset)
{
    while (count > 0) {
        size_t n = within_page(offset, count);
        const unsigned char *page = find_page(s, offset / PAGE);
        if (page != NULL)
            memcpy(bytes, page + offset % PAGE, n);
        else
            memset(bytes, 0, n);
        bytes += n;
        offset += n;
        count -= n;
    }
}

void hn_sparse_copy(const struct hn_sparse *s, unsigned char *bytes)
{
    for (size_t i = 0; i < s->pages; i++) {
        uint64_t at = s->page[i].number * PAGE;
        if (at < s->length)
            memcpy(bytes + at, s->page[i].bytes, s->length - at < PAGE ? (size_t)(s->length - at) : PAGE);
    }
}

static bool write_bytes(struct hn_sparse *s, const unsigned char *bytes, size_t count, uint64_t offset)
{
    while (count > 0) {
        size_t n = within_page(offset, count);
        unsigned char *page = need_page(s, offset / PAGE);
        if (page == NULL)
            return false;
        memcpy(page + offset % PAGE, bytes, n);
        bytes += n;
        offset += n;
        count -= n;
        if (s->end < offset)
            s->end = offset;
    }
    return true;
}

void hn_sparse_free(struct hn_sparse *s)
{
    for (size_t i = 0; i < s->pages; i++)
        hn_free(s->page[i].bytes);
    hn_free(s->page);
    if (s->driver > 0)
        H5FDunregister(s->driver);
    *s = (struct hn_sparse){0};
}

/* ---- HDF5's side ---- */

/* What HDF5 keeps per file: its own part first. */
struct driver_file {
    H5FD_t hdf5;
    struct hn_sparse *content;
};
/* What an access list carries: copied bytewise. */
struct driver_info {
    struct hn_sparse *content;
};

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t largest)
{
    const struct driver_info *info = H5Pget_driver_info(access);
    struct driver_file *f = info ? hn_zalloc(sizeof *f) : NULL;

    (void)name, (void)flags, (void)largest;
    if (f == NULL)
        return NULL;
    f->content = info->content;
    return &f->hdf5;
}

static herr_t driver_close(H5FD_t *f)
{
    hn_free(f);
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return ((const struct driver_file *)f)->content->length;
}

static herr_t driver_set_eoa(H5FD_t *f, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct driver_file *)f)->content->length = end;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return ((const struct driver_file *)f)->content->end;
}

static herr_t driver_read(H5FD_t *f, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t count, void *bytes)
{
    (void)type, (void)transfer;
    hn_sparse_read(((struct driver_file *)f)->content, bytes, count, at);
    return 0;
}

static herr_t driver_write(H5FD_t *f, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t count,
                           const void *bytes)
{
    (void)type, (void)transfer;
    return write_bytes(((struct driver_file *)f)->content, bytes, count, at) ? 0 : -1;
}

static hid_t register_driver(void)
{
    H5FD_class_t c = {.name = "hardneg sparse",
                      .maxaddr = INT64_MAX,
                      .fc_degree = H5F_CLOSE_WEAK,
                      .fapl_size = sizeof(struct driver_info),
                      .open = driver_open,
                      .close = driver_close,
                      .get_eoa = driver_get_eoa,
                      .set_eoa = driver_set_eoa,
                      .get_eof = driver_get_eof,
                      .read = driver_read,
                      .write = driver_write,
                      .fl_map = H5FD_FLMAP_SINGLE};

    return H5FDregister(&c);
}

hn_status hn_sparse_create(hid_t *out, struct hn_sparse *s, uint64_t alignment)
{
    struct driver_info info = {s};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = H5I_INVALID_HID;
    hn_status st = HN_OK;

    s->driver = register_driver();
    if (s->driver >= 0 && access >= 0 && H5Pset_driver(access, s->driver, &info) >= 0 &&
        H5Pset_alignment(access, alignment, alignment) >= 0)
        file = H5Fcreate("sparse", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (file < 0)
        st = hn_fail(HN_ENOMEM, "HDF5 cannot make a file in memory: %s", hn_hdf_reason());
    else
        *out = file;
    if (access >= 0)
        H5Pclose(access);
    return st;
}
