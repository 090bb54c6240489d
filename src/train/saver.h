/* train/saver.h - a thread that writes checkpoints while training goes on.  Local: rank 0 has one.
 *
 *   idle --hn_saver_begin--> writing --(the thread)--> ended --hn_saver_result--> idle
 *
 * begin copies the state and returns; the thread hashes, writes, syncs, renames
 * and deletes what is not kept.  It calls neither MPI nor HDF5 nor the log. */
#ifndef HN_TRAIN_SAVER_H
#define HN_TRAIN_SAVER_H

#include "hardneg/ckpt.h"
#include "train/dirlock.h"
#include "train/rows.h"

typedef struct hn_saver hn_saver;

/* image is taken over, also on failure; dir, options, lock and rows must outlive the saver.  Rows are
 * synced before a file is put in place.  Nothing is written
 * when the lock is lost: the status is that of hn_dirlock_check(). */
hn_status hn_saver_new(hn_saver **out, hn_ckpt_image *image, const char *dir,
                       const struct hn_ckpt_options *options, hn_dirlock *lock, const struct hn_rows *rows);
/* Waits for what is being written.  Takes NULL. */
void hn_saver_free(hn_saver *s);

/* Hot.  Idle before. */
void hn_saver_begin(hn_saver *s, uint64_t step);
/* Is there a result to be taken? */
bool hn_saver_ended(hn_saver *s);
void hn_saver_wait(hn_saver *s); /* until there is, if a save was begun */
/* Of the save that has ended. */
hn_status hn_saver_status(const hn_saver *s);
/* The same with its sentence; idle afterwards.  An old checkpoint that could not be deleted is said by
 * hn_log. */
hn_status hn_saver_result(hn_saver *s);

#endif
