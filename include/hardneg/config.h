/* hardneg/config.h - everything one can turn, in one table (src/config/keys.c).  Local.
 *
 * A libconfig file, then --set overrides, into the rooms' own option structs. */
#ifndef HARDNEG_CONFIG_H
#define HARDNEG_CONFIG_H

#include "hardneg/augment.h"
#include "hardneg/backend.h"
#include "hardneg/ckpt.h"
#include "hardneg/comm.h"
#include "hardneg/data.h"
#include "hardneg/engine.h"
#include "hardneg/eval.h"
#include "hardneg/loss.h"
#include "hardneg/model.h"
#include "hardneg/optim.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hn_config {
    uint64_t seed;
    uint64_t epochs;
    size_t batch, microbatches; /* 0: the largest divisor of batch up to 16 */
    size_t threads;             /* per rank; 0: from the cores allowed to it, at most its microbatches */
    size_t tile;                /* rows of a block of the loss */
    int reduce;                 /* enum hn_reduce_algorithm */
    int norm_scope;             /* enum hn_norm_scope */
    bool norm_per_view;
    uint64_t activation_bytes; /* of a rank; 0: no limit */
    double max_minutes;        /* 0: no limit */
    double stall_minutes;      /* 0: nobody is waited for in vain */
    size_t log_every;          /* steps per row of metrics */
    int nonfinite;             /* 0: stop, 1: skip the update */
    uint64_t max_skips;        /* in all */
    size_t check_every;        /* steps from one comparison of the replicas to the next; 0: none */
    int drift;                 /* 0: reload, 1: stop */
    struct hn_comm_options comm;
    struct hn_data_options data;
    struct hn_augment_options augment; /* h, w, c come from the data */
    int augment_preset;                /* what augment's defaults came from */
    struct hn_model_options model;     /* h, w, c come from the views */
    struct hn_backend_options backend;
    struct hn_loss_options loss;
    struct hn_optim_options optim;
    struct hn_ckpt_options ckpt;
    struct hn_eval_options eval;
};

/* text NULL: read the file at path; else path is what messages call the text.  sets: "section.key=value", the
 * last one wins.  Errors are one line "FILE:LINE: key: what is wrong, what is allowed" (HN_EUSAGE;
 * HN_ENOINPUT when the file cannot be read).  Fills defaults that follow from others.  *out is set only on
 * success. */
hn_status hn_config_read(struct hn_config *out, const char *path, const char *text, const char *const *sets,
                         size_t count);
/* The whole config as libconfig text that reads back to the same values; free with hn_config_text_free. */
hn_status hn_config_dump(const struct hn_config *c, char **text);
void hn_config_text_free(char *text);
/* May a run saved with `before` go on with `now`?  HN_EUSAGE listing what differs and may not. */
hn_status hn_config_resumable(const struct hn_config *before, const struct hn_config *now);
/* The reference: every key with type, range, default, help, whether it may change on resume. */
hn_status hn_config_help(char **text);

const char *hn_config_version(void); /* of libconfig */

#ifdef __cplusplus
}
#endif

#endif
