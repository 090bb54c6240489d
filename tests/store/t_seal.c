/* The seal's bytes: a table of nonsense is refused, whatever it claims. */
#include "base/mem.h"
#include "store/seal.h"
#include "tap.h"

static void end_of_file(void)
{
    unsigned char bytes[HN_SEAL_END];
    struct hn_seal_end e;

    hn_seal_write_end(bytes, 1000, 40);
    ok(hn_seal_is_end(bytes), "an end is known by its magic");
    ok(hn_seal_read_end(&e, bytes, 1088, "x") == HN_OK && e.hdf5 == 1000 && e.table == 40,
       "lengths that fit");
    tap_status(hn_seal_read_end(&e, bytes, 1089, "x"), HN_EDATA, "lengths that do not");
    hn_seal_write_end(bytes, UINT64_MAX, 41);
    tap_status(hn_seal_read_end(&e, bytes, 88, "x"), HN_EDATA, "nor when they overflow");
    hn_seal_write_end(bytes, 40, UINT64_MAX);
    tap_status(hn_seal_read_end(&e, bytes, 87, "x"), HN_EDATA, "either way");
    tap_status(hn_seal_read_end(&e, bytes, 3, "x"), HN_EDATA, "nor in a file shorter than the end");
    hn_seal_write_end(bytes, 1000, 40);
    bytes[8] = 2;
    ok(hn_seal_read_end(&e, bytes, 1088, "x") == HN_EDATA && strstr(hn_error_text(), "version 2"),
       "a later version");
}

/* One range of one block more than it is given hashes for is nonsense, and so on. */
static hn_status table(uint64_t offset, uint64_t length, uint64_t block, size_t hashes)
{
    unsigned char bytes[HN_SEAL_RANGE + 16 * 8] = {0};
    struct hn_seal_range *r = NULL;
    size_t n = 0;

    hn_seal_write_range(bytes, offset, length, block);
    hn_status st = hn_seal_read_table(&r, &n, bytes, HN_SEAL_RANGE + 16 * hashes, 1000, "x");
    if (st == HN_OK && (n != 1 || r[0].offset != offset || r[0].blocks != hashes))
        st = HN_EBUG;
    hn_free(r);
    return st;
}

static void tables(void)
{
    unsigned char bytes[2 * (HN_SEAL_RANGE + 16)] = {0};
    struct hn_seal_range *r = NULL;
    size_t n = 7;

    tap_status(table(0, 1000, 400, 3), HN_OK, "a range of three blocks");
    tap_status(table(999, 1, UINT64_MAX, 1), HN_OK, "of one, larger than itself");
    tap_status(table(0, 1000, 400, 2), HN_EDATA, "a hash too few");
    tap_status(table(0, 1000, 400, 4), HN_EDATA, "a hash too many");
    tap_status(table(0, 0, 400, 0), HN_EDATA, "nothing in it");
    tap_status(table(0, 10, 0, 1), HN_EDATA, "blocks of nothing");
    tap_status(table(1, 1000, 1000, 1), HN_EDATA, "beyond the end");
    tap_status(table(UINT64_MAX, 2, 2, 1), HN_EDATA, "an offset that overflows");
    tap_status(table(2, UINT64_MAX, UINT64_MAX, 1), HN_EDATA, "a length that overflows");
    tap_status(table(0, 1000, 1, 8), HN_EDATA, "a thousand blocks, eight hashes");
    hn_seal_write_range(bytes, 0, 100, 100);
    hn_seal_write_range(bytes + HN_SEAL_RANGE + 16, 100, 50, 50);
    tap_status(hn_seal_read_table(&r, &n, bytes, sizeof bytes, 1000, "x"), HN_OK, "two that touch");
    ok(n == 2, "are two");
    hn_free(r);
    hn_seal_write_range(bytes + HN_SEAL_RANGE + 16, 99, 50, 50);
    tap_status(hn_seal_read_table(&r, &n, bytes, sizeof bytes, 1000, "x"), HN_EDATA, "two that overlap");
    tap_status(hn_seal_read_table(&r, &n, bytes, 3, 1000, "x"), HN_EDATA, "three bytes");
    tap_status(hn_seal_read_table(&r, &n, bytes, 0, 1000, "x"), HN_OK, "no table");
    ok(n == 0, "no ranges");
    hn_free(r);
}

int main(void)
{
    tap_plan(24);
    end_of_file();
    tables();
    ok(hn_live_blocks() == 0, "no memory is left behind");
    return tap_done();
}
