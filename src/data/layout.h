/* data/layout.h - where everything of a data set lies in its file: what rank 0 finds out and passes on.
 *
 * Local.  The layout of a set in HDF5:
 *
 *   /                     attributes format "hardneg data set", version 1, name, classes, importer, source
 *   /train/images         u8 (N, H, W, C), or /train/vectors f32 (N, C); also /test, /unlabeled
 *   /train/labels         i32 (N), 0 .. classes-1; not there when the split has none
 *   /class_names          u8: the names, each ended by a newline; may be missing
 *
 * All arrays are ranges of the sealed file (store/seal.h): images and vectors
 * in blocks of whole samples of about 1 MiB.
 *
 * As bytes: struct hn_layout, then the block hashes of all extents in order,
 * then the texts `importer` and `source`. */
#ifndef HN_DATA_LAYOUT_H
#define HN_DATA_LAYOUT_H

#include "data/blocks.h"

#define HN_LAYOUT_FORMAT     "hardneg data set"
#define HN_LAYOUT_CLASSNAMES "/class_names"
enum { HN_LAYOUT_VERSION = 1, HN_LAYOUT_BLOCK = 1 << 20, HN_LAYOUT_CLASSES = 1 << 20 };

/* Extents of a set: samples and labels of every split, the class names. */
enum { HN_EXTENT_NAMES = 2 * HN_SPLITS, HN_EXTENTS };
#define HN_EXTENT_SAMPLES(split) (2 * (size_t)(split))
#define HN_EXTENT_LABELS(split)  (2 * (size_t)(split) + 1)

struct hn_layout_extent {
    uint64_t offset, length, block, count;
};

struct hn_layout { /* 64-bit numbers throughout: no padding */
    char magic[8];
    uint64_t bytes, file_bytes; /* of the layout, of the file */
    uint64_t kind, h, w, c, sample_bytes, classes;
    uint64_t samples[HN_SPLITS], labelled[HN_SPLITS];
    struct hn_layout_extent extent[HN_EXTENTS];
    uint64_t importer_bytes, source_bytes; /* with their ends */
    char name[64];
};

/* Samples per block. */
uint64_t hn_layout_block_samples(uint64_t sample_bytes);
/* "/train/images" and the like; returns path. */
char *hn_layout_path(char path[32], enum hn_split split, const char *array);
const char *hn_layout_array(enum hn_sample_kind kind); /* "images" or "vectors" */

/* Reads and checks the layout of a sealed file with HDF5; *out is hn_free's. */
hn_status hn_layout_read(struct hn_layout **out, const char *path);
/* Bytes from elsewhere: sizes and sums hold. */
hn_status hn_layout_check(const void *bytes, size_t count, const char *path);

#endif
