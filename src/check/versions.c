#include "check/versions.h"
#include "base/build.h"
#include "base/cpu.h"
#include "base/libraries.h"
#include "data/archive.h"
#include "hardneg/comm.h"
#include "hardneg/config.h"
#include "hardneg/engine.h"
#include "store/store.h"
#include <png.h>

void hn_versions(struct hn_text *out)
{
    hn_text_add(out, "hardneg %s (%s)\n", HN_VERSION, sizeof(real) == 4 ? "float" : "double");
    hn_text_add(out, "  build           %s\n", hn_build_id());
    hn_text_add(out, "  processor       %s\n", hn_cpu_describe());
    hn_text_add(out, "  linear algebra  %s\n", hn_engine_describe());
    hn_text_add(out, "  MPI             %s\n", hn_comm_version());
    hn_text_add(out, "  HDF5            %s\n", hn_store_version());
    hn_text_add(out, "  libconfig       %s\n", hn_config_version());
    hn_text_add(out, "  libarchive      %s\n", hn_archive_version());
    hn_text_add(out, "  libpng          %s\n", png_get_libpng_ver(NULL));
    hn_text_add(out, "  jansson         %s\n", hn_jansson_version());
    hn_text_add(out, "  xxHash          %s\n", hn_xxhash_version());
}
