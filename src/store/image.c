/* store/image.c - whole files as bytes: sealed, written, checked.  No HDF5, so any thread may. */
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/sealed.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static hn_status seal(struct hn_store_image *i)
{
    unsigned char *end = i->bytes + i->length;
    hn_hasher *h = NULL;
    hn_status st = hn_hasher_new(&h);

    if (st != HN_OK)
        return st;
    hn_seal_write_end(end, i->length, 0);
    hn_hasher_add(h, i->bytes, i->length + HN_SEAL_HASHED);
    hn_hash_store(hn_hasher_value(h), end + HN_SEAL_HASHED);
    hn_hasher_free(h);
    return HN_OK;
}

uint64_t hn_store_image_file_bytes(const struct hn_store_image *i)
{
    return i->length + HN_SEAL_END;
}

hn_status hn_store_image_room(const struct hn_store_image *i, const char *folder)
{
    return hn_file_check_room(folder, hn_store_image_file_bytes(i));
}

hn_status hn_store_write_image(struct hn_store_image *i, const char *path, hn_status (*may)(void *ctx),
                               void *ctx)
{
    struct hn_file f;
    hn_status st = seal(i);

    if (st != HN_OK || (st = hn_file_begin(&f, path)) != HN_OK)
        return st;
    if ((st = hn_file_write(&f, i->bytes, i->length + HN_SEAL_END)) == HN_OK && may)
        st = may(ctx);
    if (st == HN_OK)
        return hn_file_commit(&f);
    hn_file_drop(&f);
    return st;
}

hn_status hn_store_check(const char *path)
{
    struct hn_sealed s = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    hn_status st;

    if (fd < 0)
        return hn_fail(HN_ENOINPUT, "%s: %s", path, strerror(errno));
    st = hn_sealed_read(&s, fd, path, "");
    if (st == HN_OK && s.ranges > 0)
        st = hn_fail(HN_EDATA, "%s: has ranges, which are not checked here", path);
    if (st == HN_OK)
        st = hn_sealed_verify_head(&s, fd, NULL, path);
    hn_sealed_free(&s);
    close(fd);
    return st;
}
