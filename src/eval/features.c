#include "base/mem.h"
#include "eval/shares.h"

void hn_features_free(struct hn_features *f)
{
    if (f == NULL)
        return;
    hn_free(f->row);
    hn_free(f->label);
    *f = (struct hn_features){0};
}

hn_status hn_eval_shares(struct hn_range **share, hn_comm *comm, const struct hn_features *f)
{
    size_t size = hn_comm_size(comm);
    struct hn_range *all = hn_calloc(size, sizeof *all);
    size_t *count = hn_calloc(size, sizeof *count);
    hn_status st = hn_comm_agree(comm, all && count ? HN_OK : HN_ENOMEM);

    if (st == HN_OK) {
        for (size_t r = 0; r < size; r++)
            count[r] = sizeof *all;
        hn_comm_gather(comm, &f->own, all, count);
        *share = all;
        all = NULL;
    }
    hn_free(count);
    hn_free(all);
    return st;
}
