/* train/start.h - what is said, recorded and compared when a run starts.  Collective. */
#ifndef HN_TRAIN_START_H
#define HN_TRAIN_START_H

#include "train/trainer.h"

/* Refuses ranks that differ in what decides bits: program, processor, libraries, config, data file. */
hn_status hn_start_compare(hn_comm *comm, const char *config_text, const char *data_path);
/* Libraries and processor, as text lines. */
void hn_start_versions(struct hn_text *out);
/* The lines that a user wants to see first, by hn_log on rank 0, with warnings about threads and cores; and
 * the row in starts.jsonl. */
hn_status hn_start_announce(hn_trainer *t);

#endif
