/* Any bytes as the four files of IDX: pieces between lines of "----" (train images, train labels, t10k
 * images, t10k labels); an empty piece is a file that is not there. */
#include "fuzz/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const name[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                       "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    const struct hn_import_options options = {0};
    const uint8_t *at = data, *end = data + size;

    fuzz_begin();
    for (int i = 0; i < 4; i++) {
        const uint8_t *cut = at < end ? memmem(at, (size_t)(end - at), "----\n", 5) : NULL;
        size_t n = (size_t)((cut ? cut : end) - at);
        if (n > 0)
            fuzz_file(name[i], at, n);
        else
            remove(fuzz_path(name[i]));
        at = cut ? cut + 5 : end;
    }
    const char *out = fuzz_path("out.h5");
    if (fuzz_good(hn_import_idx(fuzz_folder, out, &options), HN_EDATA, HN_ENOINPUT))
        fuzz_check_dataset(out);
    return fuzz_end();
}
