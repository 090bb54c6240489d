/* What rank 0 has read goes to all. */
#include "base/mem.h"
#include "base/pulse.h"
#include "hardneg/train.h"
#include "train/session.h"
#include <string.h>

hn_status hn_share_text(hn_comm *comm, const char *text, char **out)
{
    uint64_t bytes = text ? strlen(text) + 1 : 1;
    hn_status st;

    hn_comm_bcast(comm, &bytes, sizeof bytes, 0);
    *out = hn_zalloc(bytes);
    if ((st = hn_comm_agree(comm, *out ? HN_OK : HN_ENOMEM)) != HN_OK)
        return st;
    if (hn_comm_rank(comm) == 0 && text)
        memcpy(*out, text, bytes);
    hn_comm_bcast(comm, *out, bytes, 0);
    return HN_OK;
}

hn_status hn_config_read_shared(struct hn_config *out, hn_comm *comm, const char *path,
                                const char *const *sets, size_t count)
{
    char *dump = NULL, *text = NULL;
    hn_status st = HN_OK;

    hn_comm_phase("reading the config");
    if (hn_comm_rank(comm) == 0) {
        hn_disk_begin(path);
        if ((st = hn_config_read(out, path, NULL, sets, count)) == HN_OK)
            st = hn_config_dump(out, &dump);
        hn_disk_end();
    }
    if ((st = hn_comm_agree(comm, st)) != HN_OK || (st = hn_share_text(comm, dump, &text)) != HN_OK)
        goto out;
    st = hn_comm_agree(comm, hn_config_read(out, path, text, NULL, 0));
out:
    hn_config_text_free(dump);
    hn_free(text);
    return st;
}
