/* hardneg/ckpt.h - checkpoints: named arrays and texts in one sealed HDF5 file.  Local, rank-blind:
 * rank 0 writes and reads, others get bytes.
 *
 * A file has no rank count in it.  Its life: image in memory -> temporary ->
 * fsync -> renamed to step-00001234.h5 -> folder synced -> (maybe) retired. */
#ifndef HARDNEG_CKPT_H
#define HARDNEG_CKPT_H

#include "hardneg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hn_ckpt_options {
    uint64_t every_steps, every_epochs; /* 0: not */
    double every_minutes;
    size_t keep;         /* the last K */
    uint64_t keep_every; /* plus every M-th step; 0: none */
};

/* One array to save or load. Types: real or int64. */
struct hn_ckpt_array {
    const char *name; /* "model/encoder.0.weight"; without a leading "/", not below "text/" */
    bool integer; /* int64, else real (a float file loads into a double build and back, widened or rounded) */
    int rank;
    uint64_t dim[4];
    void *data;
};
struct hn_ckpt_text {
    const char *name; /* "config", "versions", ... */
    const char *text;
};

/* A checkpoint to be: laid out once, filled and written time and again.  It holds one copy of the arrays,
 * made in new(); array (with its names) and text are the caller's, array must outlive it. */
typedef struct hn_ckpt_image hn_ckpt_image;
hn_status hn_ckpt_image_new(hn_ckpt_image **out, const struct hn_ckpt_array *array, size_t arrays,
                            const struct hn_ckpt_text *text, size_t texts);
void hn_ckpt_image_free(hn_ckpt_image *c);
uint64_t hn_ckpt_image_bytes(const hn_ckpt_image *c); /* of the file */
/* Has the file system of a folder room for it?  HN_ECREATE with the sizes. */
hn_status hn_ckpt_image_room(const hn_ckpt_image *c, const char *dir);
/* Hot: copies the arrays' bytes. */
void hn_ckpt_image_take(hn_ckpt_image *c, uint64_t step);
/* Writes what was taken to DIR/step-NNNNNNNN.h5 (DIR is made when missing, its parent is not).  Any thread,
 * no HDF5.  What was there stays when it fails: HN_ECREATE (also: no room), HN_EIO, HN_ENOMEM, HN_EDIVERGED
 * (a number is not finite: it would be resumed from for ever).  may, if not NULL, is asked just before the
 * file is put in place, and its failure is the write's. */
hn_status hn_ckpt_image_write(hn_ckpt_image *c, const char *dir, hn_status (*may)(void *ctx), void *ctx);

/* All of it at once. */
hn_status hn_ckpt_save(const char *dir, uint64_t step, const struct hn_ckpt_array *array, size_t arrays,
                       const struct hn_ckpt_text *text, size_t texts);
/* The size that such a file would have on disk; nothing is written, arrays need no data. */
hn_status hn_ckpt_measure(uint64_t *bytes, const struct hn_ckpt_array *array, size_t arrays,
                          const struct hn_ckpt_text *text, size_t texts);
/* Deletes what the options do not keep, never the newest one nor the newest whose seal holds; deletes none
 * when no seal holds.  Any thread, no HDF5.  HN_EIO: one cannot be deleted. */
hn_status hn_ckpt_retire(const char *dir, const struct hn_ckpt_options *options);
/* Removes the temporaries of killed processes, and says so. */
void hn_ckpt_sweep(const char *dir);

/* An opened checkpoint: hash of the whole file verified, and of every array. */
typedef struct hn_ckpt hn_ckpt;
hn_status hn_ckpt_open(hn_ckpt **out, const char *path);
/* The newest in dir that verifies and is of the step in its name; says by hn_log which it skipped and why.
 * *out = NULL and HN_OK when there is none at all; HN_EDATA when there are some and all are damaged; HN_EIO:
 * one cannot be read, after a few tries (2 s). */
hn_status hn_ckpt_newest(hn_ckpt **out, const char *dir);
/* Renames all newer than `step`, the newest good one, to NAME.damaged, and says so: they count no more. */
void hn_ckpt_set_aside(const char *dir, uint64_t step);
/* The largest step that has a file in dir, good or not; false: none has. */
bool hn_ckpt_latest(const char *dir, uint64_t *step);
void hn_ckpt_close(hn_ckpt *c);
const char *hn_ckpt_path(const hn_ckpt *c);
uint64_t hn_ckpt_step(const hn_ckpt *c);
bool hn_ckpt_has(const hn_ckpt *c, const char *name);             /* an array */
const char *hn_ckpt_get_text(const hn_ckpt *c, const char *name); /* NULL: none */
/* Fills every array, or none: HN_EUSAGE naming the first that is missing or of another shape ("another
 * model?"). */
hn_status hn_ckpt_load(const hn_ckpt *c, const struct hn_ckpt_array *array, size_t arrays);
/* XXH3-128 over names, types, shapes and bytes as stored of all arrays whose name begins with `prefix`
 * ("model/";
 * "" for all), as text.  Float and double builds store other bytes, so their hashes differ. */
hn_status hn_ckpt_hash(const hn_ckpt *c, const char *prefix, char text[33]);

#ifdef __cplusplus
}
#endif

#endif
