/* data/partners.h - which sample of the same label a sample is paired with.  Local.
 *
 * The papers' oracle: HCL's (and H-SCL's) CIFAR100Pair_true_label draws the second image uniformly from all
 * of the first one's label, itself among them, anew whenever the sample is visited; both get a random view.
 */
#ifndef HN_DATA_PARTNERS_H
#define HN_DATA_PARTNERS_H

#include "hardneg/data.h"

typedef struct hn_partners hn_partners;

/* Reads the labels of a split that has them. */
hn_status hn_partners_new(hn_partners **out, hn_dataset *d, enum hn_split split);
void hn_partners_free(hn_partners *p);
/* A function of its arguments alone; label is the sample's. */
uint64_t hn_partners_draw(const hn_partners *p, uint64_t seed, uint64_t epoch, uint64_t id, int64_t label);
uint64_t hn_partners_bytes(const struct hn_dataset_info *info, enum hn_split split);

#endif
