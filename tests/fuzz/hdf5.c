/* Any values in somebody's HDF5 file (fuzz/recipe.h), imported. */
#include "fuzz/dataset.h"
#include "fuzz/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hn_import_options options = {0};

    fuzz_begin();
    if (recipe_make("source.h5", data, size, false, false)) {
        const char *out = fuzz_path("out.h5");
        if (fuzz_good(hn_import_hdf5(fuzz_path("source.h5"), out, &options), HN_EDATA))
            fuzz_check_dataset(out);
    }
    return fuzz_end();
}
