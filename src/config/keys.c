#include "config/keys.h"
#include <string.h>

/* Names that belong to enums of the rooms below; rooms with tables of kinds bring their own. */
static const char *const *split_names(void)
{
    static const char *const names[] = {
        [HN_TRAIN] = "train", [HN_TEST] = "test", [HN_UNLABELED] = "unlabeled", [HN_SPLITS] = NULL};
    return names;
}

static const char *const *order_names(void)
{
    static const char *const names[] = {[HN_ORDER_FULL] = "full", [HN_ORDER_BLOCKS] = "blocks", NULL};
    return names;
}

static const char *const *pair_names(void)
{
    static const char *const names[] = {[HN_PAIR_AUGMENT] = "augment", [HN_PAIR_LABEL] = "label", NULL};
    return names;
}

static const char *const *scope_names(void)
{
    static const char *const names[] = {
        [HN_NORM_GLOBAL] = "global", [HN_NORM_MICROBATCH] = "microbatch", NULL};
    return names;
}

static const char *const *positive_names(void)
{
    static const char *const names[] = {[HN_POSITIVES_VIEW] = "view", [HN_POSITIVES_LABEL] = "label", NULL};
    return names;
}

static const char *const *preset_names(void)
{
    static const char *const names[] = {"none", "hcl-cifar", "simclr-cifar", "simclr-imagenet", NULL};
    return names;
}

static const char *const *reduction_names(void)
{
    static const char *const names[] = {
        [HN_REDUCTION_ANCHORS] = "anchors", [HN_REDUCTION_PAIRS] = "pairs", NULL};
    return names;
}

static const char *const *nonfinite_names(void)
{
    static const char *const names[] = {"stop", "skip", NULL};
    return names;
}

static const char *const *drift_names(void)
{
    static const char *const names[] = {"reload", "stop", NULL};
    return names;
}

static const char *const *stem_names(void)
{
    static const char *const names[] = {[HN_STEM_CIFAR] = "cifar", [HN_STEM_IMAGENET] = "imagenet", NULL};
    return names;
}

static const char *const *reduce_names(void)
{
    static const char *const names[] = {[HN_REDUCE_ORDERED] = "ordered", [HN_REDUCE_MPI] = "mpi", NULL};
    return names;
}

/* clang-format off */
#define AT(field)        offsetof(struct hn_config, field), sizeof(((struct hn_config *)0)->field)
#define ANY              {0, 0, NULL, 0, 0}
#define BETWEEN(lo, hi)  {(lo), (hi), NULL, 0, 0}
#define ONE_OF(names)    {0, 0, (names), 0, 0}
#define LIST(n, m, a, b) {(a), (b), NULL, (n), (m)} /* n to m numbers of a .. b */
#define WHOLE            9007199254740992.0 /* 2^53: a double, and JSON, still count by ones */

const struct hn_key hn_keys[] = {
{"run.seed", HN_KEY_COUNT, AT(seed), "1", BETWEEN(0, WHOLE), HN_FIXED,
 "decides initial weights, order and views", 0},
{"run.epochs", HN_KEY_COUNT, AT(epochs), "20", BETWEEN(1, 1e9), HN_FREE_UNLESS_COSINE,
 "passes over the data in all", 0},
{"run.threads", HN_KEY_COUNT, AT(threads), "0", BETWEEN(0, 4096), HN_FREE,
 "threads of each rank; 0: as many as it has cores, at most its microbatches; never changes a bit", 0},
{"run.max_minutes", HN_KEY_REAL, AT(max_minutes), "0", BETWEEN(0, 1e7), HN_FREE,
 "after so many minutes save and stop with exit code 75; 0: no limit", 0},
{"run.stall_minutes", HN_KEY_REAL, AT(stall_minutes), "10", BETWEEN(0, 1e6), HN_FREE,
 "a rank that hangs, has stopped or is gone for so long is named and the job ends with exit code 69; a call to a file "
 "system may take three times as long; 0: never, as when a debugger stops ranks", 0},
{"run.log_every", HN_KEY_COUNT, AT(log_every), "10", BETWEEN(1, 1e9), HN_FREE,
 "steps from one row of metrics.jsonl to the next", 0},

{"run.nonfinite", HN_KEY_NAME, AT(nonfinite), "stop", ONE_OF(nonfinite_names), HN_FREE,
 "a step whose loss or gradient is not finite: stop: exit code 79, nothing is saved over good state; skip: leaves "
 "the update out, and BatchNorm's statistics as they were", 0},
{"run.max_skips", HN_KEY_COUNT, AT(max_skips), "10", BETWEEN(1, 1e12), HN_FREE,
 "run.nonfinite skip: so many updates of the whole run at most; the next one stops it", 0},
{"run.check_every", HN_KEY_COUNT, AT(check_every), "100", BETWEEN(0, 1e12), HN_FREE,
 "steps from one comparison of the ranks' weights and optimiser state to the next, and before every save; 0: none", 0},
{"run.drift", HN_KEY_NAME, AT(drift), "reload", ONE_OF(drift_names), HN_FREE,
 "a rank whose state differs from the others': reload: all go back to the last checkpoint, three times at most; stop: "
 "exit code 69", 0},

{"batch.size", HN_KEY_COUNT, AT(batch), "256", BETWEEN(2, 16777216), HN_FIXED,
 "samples of a step over all ranks; every other sample of it is a candidate negative", 0},
{"batch.microbatches", HN_KEY_COUNT, AT(microbatches), "0", BETWEEN(0, 65536), HN_FIXED,
 "equal parts of the batch, the unit that ranks and threads share out: as many ranks can work at most; "
 "0: the largest divisor of batch.size up to 16", 0},

{"data.path", HN_KEY_TEXT, AT(data.path), "", ANY, HN_FREE,
 "data set in our layout (made by hardneg import), absolute or from the current directory; "
 "must be given; may move on resume, but must be the same data", 0},
{"data.split", HN_KEY_NAME, AT(data.split), "train", ONE_OF(split_names), HN_FIXED,
 "part of the data set that is trained on", 0},
{"data.order", HN_KEY_NAME, AT(data.order), "full", ONE_OF(order_names), HN_FIXED,
 "order of an epoch: full: all samples are permuted; blocks: blocks of the file are, then samples within "
 "groups of them (for sets larger than memory)", 0},
{"data.group", HN_KEY_COUNT, AT(data.group), "64", BETWEEN(1, 1e9), HN_FIXED,
 "data.order blocks: how many blocks (about 1 MiB each) are mixed with one another", 0},
{"data.positives", HN_KEY_NAME, AT(data.positives), "augment", ONE_OF(pair_names), HN_FIXED,
 "the two views are of one sample, or (label: the oracle of HCL's and H-SCL's papers) the second is of a sample "
 "drawn anew each epoch from all of the same label, itself among them; those lie anywhere in the file, "
 "whatever data.order", 0},
{"data.cache_mib", HN_KEY_MIB, AT(data.cache_bytes), "1024", BETWEEN(1, 16777216), HN_FREE,
 "memory of each rank for blocks that were read, in MiB", 0},

{"augment.preset", HN_KEY_NAME, AT(augment_preset), "none", ONE_OF(preset_names), HN_FREE,
 "published pipeline from which the keys below follow unless they are given; hcl-cifar: the code of HCL and of "
 "H-SCL; simclr-cifar: SimCLR's, without blur; simclr-imagenet: SimCLR's on 224 pixels", 0},
{"augment.size", HN_KEY_COUNT, AT(augment.size), "0", BETWEEN(0, 4096), HN_FIXED,
 "side of a view in pixels; 0: as the data", 0},
{"augment.test_crop", HN_KEY_REAL, AT(augment.test_crop), "1", BETWEEN(0.01, 1), HN_FIXED,
 "evaluation: how much of the image's shorter side is seen, in the middle, when augment.size is given", 0},
{"augment.crop_scale", HN_KEY_REALS, AT(augment.crop_scale), "0.2, 1", LIST(2, 2, 1e-4, 1), HN_FIXED,
 "random resized crop: share of the image's area, least and most; 1, 1: no crop", 0},
{"augment.crop_ratio", HN_KEY_REALS, AT(augment.crop_ratio), "0.75, 1.3333333333333333", LIST(2, 2, 0.01, 100), HN_FIXED,
 "random resized crop: width over height, least and most", 0},
{"augment.flip", HN_KEY_REAL, AT(augment.flip), "0.5", BETWEEN(0, 1), HN_FIXED,
 "probability that a view is mirrored left to right", 0},
{"augment.jitter", HN_KEY_REAL, AT(augment.jitter), "0.8", BETWEEN(0, 1), HN_FIXED,
 "probability that the colours of a view are changed: brightness, contrast, saturation and hue, in a random "
 "order", 0},
{"augment.brightness", HN_KEY_REAL, AT(augment.brightness), "0.4", BETWEEN(0, 10), HN_FIXED,
 "strength s: the factor lies in max(0, 1 - s) .. 1 + s; 0: none", 0},
{"augment.contrast", HN_KEY_REAL, AT(augment.contrast), "0.4", BETWEEN(0, 10), HN_FIXED,
 "strength, as brightness", 0},
{"augment.saturation", HN_KEY_REAL, AT(augment.saturation), "0", BETWEEN(0, 10), HN_FIXED,
 "strength, as brightness; nothing on images that are not RGB", 0},
{"augment.hue", HN_KEY_REAL, AT(augment.hue), "0", BETWEEN(0, 0.5), HN_FIXED,
 "strength s: colours are turned by -s .. s of their circle; 0: none; nothing on images that are not RGB", 0},
{"augment.greyscale", HN_KEY_REAL, AT(augment.greyscale), "0", BETWEEN(0, 1), HN_FIXED,
 "probability that a view loses its colours", 0},
{"augment.blur", HN_KEY_NAME, AT(augment.blur), "none", ONE_OF(hn_blur_names), HN_FIXED,
 "Gaussian blur as OpenCV does it (HCL's code) or as torchvision does it (SimCLR)", 0},
{"augment.blur_probability", HN_KEY_REAL, AT(augment.blur_probability), "0.5", BETWEEN(0, 1), HN_FIXED,
 "probability that a view is blurred", 0},
{"augment.blur_kernel", HN_KEY_COUNT, AT(augment.blur_kernel), "0", BETWEEN(0, 4096), HN_FIXED,
 "side of the blur in pixels, odd; 0: a tenth of a view's shorter side, made odd, at least 3", 0},
{"augment.blur_sigma", HN_KEY_REALS, AT(augment.blur_sigma), "0.1, 2", LIST(2, 2, 1e-3, 1e3), HN_FIXED,
 "standard deviation of the blur in pixels, least and most", 0},
{"augment.mean", HN_KEY_REALS, AT(augment.mean), "0.5", LIST(1, HN_CHANNELS, -1e3, 1e3), HN_FIXED,
 "subtracted from pixels on 0 .. 1, per channel; the last number stands for channels left", 0},
{"augment.std", HN_KEY_REALS, AT(augment.std), "0.25", LIST(1, HN_CHANNELS, 1e-6, 1e3), HN_FIXED,
 "then divided by, per channel", 0},
{"augment.noise", HN_KEY_REAL, AT(augment.noise), "0", BETWEEN(0, 1e6), HN_FIXED,
 "vectors: standard deviation of normal noise added to every entry", 0},
{"augment.mask", HN_KEY_REAL, AT(augment.mask), "0", BETWEEN(0, 1), HN_FIXED,
 "vectors: probability that an entry is set to 0", 0},

{"model.encoder", HN_KEY_NAME, AT(model.encoder), "convnet", ONE_OF(hn_encoder_names), HN_FIXED,
 "kind of encoder; resnet18, resnet34, resnet50: as in torchvision", 0},
{"model.channels", HN_KEY_COUNTS, AT(model.channels), "32, 64, 128", LIST(1, HN_MODEL_STAGES, 1, 65536), HN_FIXED,
 "convnet: channels of each stage; mlp: width of each hidden layer", offsetof(struct hn_config, model.stages)},
{"model.width", HN_KEY_COUNT, AT(model.width), "64", BETWEEN(1, HN_MODEL_WIDTH), HN_FIXED,
 "resnets: channels after the stem; 64 in the papers; the feature is 8 times as wide, resnet50's 32 times", 0},
{"model.stem", HN_KEY_NAME, AT(model.stem), "cifar", ONE_OF(stem_names), HN_FIXED,
 "resnets: how they begin: cifar: 3x3 convolution of stride 1; imagenet: 7x7 of stride 2, max pool 3x3 of "
 "stride 2", 0},
{"model.norm", HN_KEY_BOOL, AT(model.norm), "true", ANY, HN_FIXED,
 "BatchNorm in the encoder, whose layers then have no bias; resnets have it always", 0},
{"model.head_hidden", HN_KEY_COUNT, AT(model.head_hidden), "512", BETWEEN(0, 65536), HN_FIXED,
 "projection head: width of its hidden layer; 0: none (the default without a head)", 0},
{"model.head_out", HN_KEY_COUNT, AT(model.head_out), "128", BETWEEN(0, 65536), HN_FIXED,
 "projection head: dimensions of the embedding; 0: no head, the loss sees the features", 0},
{"model.head_norm", HN_KEY_BOOL, AT(model.head_norm), "true", ANY, HN_FIXED,
 "projection head: BatchNorm after the hidden layer, which then has no bias", 0},

{"batchnorm.scope", HN_KEY_NAME, AT(norm_scope), "global", ONE_OF(scope_names), HN_FIXED,
 "statistics over the whole batch on all ranks, or of each microbatch apart", 0},
{"batchnorm.per_view", HN_KEY_BOOL, AT(norm_per_view), "true", ANY, HN_FIXED,
 "statistics of each view apart (as with two forward passes), or over both", 0},

{"memory.activations_mib", HN_KEY_MIB, AT(activation_bytes), "0", BETWEEN(0, 16777216), HN_FREE,
 "what activations and scratch of a rank may take, in MiB; where they would take more, backward runs parts of "
 "forward again; 0: no limit; never changes a bit", 0},

{"backend.kind", HN_KEY_NAME, AT(backend.kind), "auto", ONE_OF(hn_backend_names), HN_FIXED,
 "library of convolutions and products; auto: by a table, for each shape and direction; onednn, openblas: that one "
 "wherever it can", 0},
{"backend.table", HN_KEY_TEXT, AT(backend.table), "", ANY, HN_FIXED,
 "backend.kind auto: the table, a file that hardneg tune wrote on such a machine; empty: the one built in", 0},

{"loss.kind", HN_KEY_NAME, AT(loss.kind), "hard", ONE_OF(hn_loss_names), HN_FIXED,
 "objective; hard: HCL (Robinson et al. 2021), hard_scl: H-SCL (Jiang et al. 2022), debiased: Chuang et al. "
 "2020; supcon: Khosla et al. 2020; infonce and scl: without hardening", 0},
{"loss.temperature", HN_KEY_REAL, AT(loss.temperature), "0.5", BETWEEN(1e-3, 100), HN_FIXED,
 "softmax temperature", 0},
{"loss.beta", HN_KEY_REAL, AT(loss.beta), "1", BETWEEN(0, 1000), HN_FIXED,
 "hard, hard_scl: how strongly similar negatives outweigh others; 0: all alike", 0},
{"loss.tau_plus", HN_KEY_REAL, AT(loss.tau_plus), "0.1", BETWEEN(0, 0.999), HN_FIXED,
 "debiased, hard: assumed share of samples of the anchor's own class; 0: no correction", 0},
{"loss.clamp", HN_KEY_BOOL, AT(loss.clamp), "true", ANY, HN_FIXED,
 "debiased, hard: keep the corrected sum over the negatives above its theoretical least value", 0},
{"loss.hardening", HN_KEY_NAME, AT(loss.hardening), "tilt", ONE_OF(hn_hardening_names), HN_FIXED,
 "hard, hard_scl: weights of the negatives; tilt: exp(beta * similarity); threshold: those from loss.threshold "
 "on alone; topk: the loss.topk most similar alone; none: all alike", 0},
{"loss.threshold", HN_KEY_REAL, AT(loss.threshold), "0", BETWEEN(-1, 1), HN_FIXED,
 "loss.hardening threshold: least cosine with the anchor; an anchor with no such negative takes all", 0},
{"loss.topk", HN_KEY_COUNT, AT(loss.topk), "0", BETWEEN(0, 1e9), HN_FIXED,
 "loss.hardening topk: how many negatives of each anchor count", 0},
{"loss.beta_schedule", HN_KEY_NAME, AT(loss.beta_schedule), "constant", ONE_OF(hn_beta_schedule_names), HN_FIXED,
 "beta from epoch to epoch; hcl_down: HCL's `anneal down`, in eighths from loss.beta to 0; linear, cosine: "
 "from loss.beta in the first epoch to loss.beta_end in the last", 0},
{"loss.beta_end", HN_KEY_REAL, AT(loss.beta_end), "0", BETWEEN(0, 1000), HN_FIXED,
 "loss.beta_schedule linear, cosine: beta of the last epoch", 0},
{"loss.detach", HN_KEY_BOOL, AT(loss.detach), "false", ANY, HN_FIXED,
 "hard, hard_scl: weights of the negatives are constants for the gradient", 0},
{"loss.positives", HN_KEY_NAME, AT(loss.positives), "view", ONE_OF(positive_names), HN_FIXED,
 "the other view alone, or every sample of the same label", 0},
{"loss.reduction", HN_KEY_NAME, AT(loss.reduction), "anchors", ONE_OF(reduction_names), HN_FIXED,
 "mean over anchors of their mean over positives, or over all pairs of anchor and positive", 0},
{"loss.tile", HN_KEY_COUNT, AT(tile), "512", BETWEEN(1, 65536), HN_FIXED,
 "rows of a block of similarities: memory and speed (and the last bits of sums)", 0},

{"optim.kind", HN_KEY_NAME, AT(optim.kind), "adam", ONE_OF(hn_optim_names), HN_FIXED,
 "adam, sgd and lars add weight decay to the gradient (L2), adamw decays the weights themselves; lars is sgd "
 "with a rate per parameter, for large batches", 0},
{"optim.lr", HN_KEY_REAL, AT(optim.lr), "0.001", BETWEEN(0, 1000), HN_FIXED,
 "learning rate after the warm-up, for the batch that optim.lr_scaling says", 0},
{"optim.lr_scaling", HN_KEY_NAME, AT(optim.lr_scaling), "none", ONE_OF(hn_lr_scaling_names), HN_FIXED,
 "rates grow with batch.size / optim.lr_batch: linear, by its square root (sqrt), or not at all", 0},
{"optim.lr_batch", HN_KEY_COUNT, AT(optim.lr_batch), "256", BETWEEN(1, 16777216), HN_FIXED,
 "with lr_scaling: the batch size that optim.lr and optim.floor are meant for", 0},
{"optim.beta1", HN_KEY_REAL, AT(optim.beta1), "0.9", BETWEEN(0, 0.999999), HN_FIXED,
 "adam, adamw: decay of the running mean of gradients", 0},
{"optim.beta2", HN_KEY_REAL, AT(optim.beta2), "0.999", BETWEEN(0, 0.999999), HN_FIXED,
 "adam, adamw: decay of the running mean of squared gradients", 0},
{"optim.eps", HN_KEY_REAL, AT(optim.eps), "1e-8", BETWEEN(0, 1), HN_FIXED,
 "adam, adamw: added to the root in the denominator; lars: to the norm of the gradient", 0},
{"optim.weight_decay", HN_KEY_REAL, AT(optim.weight_decay), "1e-6", BETWEEN(0, 1000), HN_FIXED,
 "strength of the weight decay", 0},
{"optim.exclude", HN_KEY_NAME, AT(optim.exclude), "none", ONE_OF(hn_optim_exclude_names), HN_FIXED,
 "bias_norm: biases and BatchNorm's parameters have no weight decay and, with lars, no rate of their own", 0},
{"optim.momentum", HN_KEY_REAL, AT(optim.momentum), "0", BETWEEN(0, 0.999999), HN_FIXED,
 "sgd, lars: share of the last step's change that is made again", 0},
{"optim.nesterov", HN_KEY_BOOL, AT(optim.nesterov), "false", ANY, HN_FIXED,
 "sgd, lars: Nesterov's momentum", 0},
{"optim.trust", HN_KEY_REAL, AT(optim.trust), "0", BETWEEN(0, 1000), HN_FIXED,
 "lars: a parameter's rate is optim.lr times this, times its norm over that of its gradient", 0},
{"optim.clip", HN_KEY_REAL, AT(optim.clip), "0", BETWEEN(0, 1e12), HN_FIXED,
 "largest norm of the whole gradient, which is scaled down to it; 0: none", 0},
{"optim.schedule", HN_KEY_NAME, AT(optim.schedule), "constant", ONE_OF(hn_schedule_names), HN_FIXED,
 "learning rate after the warm-up", 0},
{"optim.warmup_epochs", HN_KEY_REAL, AT(optim.warmup_epochs), "0", BETWEEN(0, 1e9), HN_FIXED,
 "epochs, or a fraction of one, in which the rate rises linearly to optim.lr", 0},
{"optim.warmup_start", HN_KEY_REAL, AT(optim.warmup_start), "0", BETWEEN(0, 1), HN_FIXED,
 "share of optim.lr at which the warm-up starts", 0},
{"optim.floor", HN_KEY_REAL, AT(optim.floor), "0", BETWEEN(0, 1000), HN_FIXED,
 "schedule cosine: learning rate at the end", 0},
{"optim.step_epochs", HN_KEY_COUNT, AT(optim.step_epochs), "0", BETWEEN(0, 1e9), HN_FIXED,
 "schedule step: epochs from one drop of the rate to the next", 0},
{"optim.milestones", HN_KEY_COUNTS, AT(optim.milestone), "", LIST(0, HN_MILESTONES, 1, 1e9), HN_FIXED,
 "schedule multistep: epochs after which the rate drops, in order", offsetof(struct hn_config, optim.milestones)},
{"optim.gamma", HN_KEY_REAL, AT(optim.gamma), "1", BETWEEN(0, 1), HN_FIXED,
 "schedule step, multistep: factor on the rate at each drop", 0},

{"reduce.algorithm", HN_KEY_NAME, AT(reduce), "ordered", ONE_OF(reduce_names), HN_FIXED,
 "ordered: gradients are summed in one order, the same bits on any number of ranks; mpi: however the MPI "
 "library likes, without that promise", 0},
{"comm.ranks_per_node", HN_KEY_COUNT, AT(comm.ranks_per_node), "0", BETWEEN(0, 1048576), HN_FREE,
 "pretend nodes of so many ranks, for tests on one machine; 0: ask the machine", 0},

{"ckpt.every_steps", HN_KEY_COUNT, AT(ckpt.every_steps), "0", BETWEEN(0, 1e12), HN_FREE,
 "steps from one checkpoint to the next; 0: not by steps (the end and every stop are saved always)", 0},
{"ckpt.every_epochs", HN_KEY_COUNT, AT(ckpt.every_epochs), "1", BETWEEN(0, 1e9), HN_FREE,
 "epochs from one checkpoint to the next; 0: not by epochs", 0},
{"ckpt.every_minutes", HN_KEY_REAL, AT(ckpt.every_minutes), "0", BETWEEN(0, 1e7), HN_FREE,
 "minutes from one checkpoint to the next; 0: not by time", 0},
{"ckpt.keep", HN_KEY_COUNT, AT(ckpt.keep), "3", BETWEEN(1, 1e9), HN_FREE,
 "how many of the latest checkpoints are kept", 0},
{"ckpt.keep_every", HN_KEY_COUNT, AT(ckpt.keep_every), "0", BETWEEN(0, 1e12), HN_FREE,
 "those of every so many steps are kept for good; 0: none", 0},

{"eval.every_epochs", HN_KEY_REAL, AT(eval.every_epochs), "1", BETWEEN(0, 1e9), HN_FREE,
 "epochs from one evaluation to the next while training; 0: only at the end", 0},
{"eval.k", HN_KEY_COUNT, AT(eval.k), "200", BETWEEN(1, 1e9), HN_FREE,
 "neighbours that vote in the kNN evaluation", 0},
{"eval.temperature", HN_KEY_REAL, AT(eval.temperature), "0.5", BETWEEN(1e-3, 100), HN_FREE,
 "a neighbour of similarity s votes with weight exp(s / temperature)", 0},
};

const struct hn_key_section hn_key_sections[] = {
    {"run", "the run as a whole"},
    {"batch", "the global batch"},
    {"data", "the data set and its order"},
    {"augment", "views of a sample"},
    {"model", "encoder and projection head"},
    {"batchnorm", "statistics of BatchNorm"},
    {"memory", "limits of memory"},
    {"backend", "libraries of linear algebra"},
    {"loss", "the contrastive loss"},
    {"optim", "optimiser and learning rate"},
    {"reduce", "sums over ranks"},
    {"comm", "ranks and nodes"},
    {"ckpt", "checkpoints"},
    {"eval", "kNN evaluation on the test split"},
};

/* The pipelines of HCL's image/utils.py, which H-SCL's main/utils_2.py repeats, and of SimCLR (Chen et al. 2020,
 * appendices A and B.9: strength 0.5 on CIFAR, 1 on ImageNet); where they agree with the table they are not here. */
#define PRESET(name) "augment.preset", (name)
#define CIFAR_MEAN "0.4914, 0.4822, 0.4465"
#define CIFAR_STD "0.2023, 0.1994, 0.201"
/* The published settings of each loss; hard's (HCL) are the table's own.  debiased has no weights, infonce and
 * scl neither weights nor correction, hard_scl no correction (H-SCL's main.py, gradient through the weights). */
#define LOSS(kind) "loss.kind", (kind)
#define HARDENING(kind) "loss.hardening", (kind)
#define OPTIM(kind) "optim.kind", (kind)
#define SCHEDULE(kind) "optim.schedule", (kind)
const struct hn_key_follow hn_key_follows[] = {
    {"augment.size", PRESET("hcl-cifar"), "32"},
    {"augment.size", PRESET("simclr-cifar"), "32"},
    {"augment.size", PRESET("simclr-imagenet"), "224"},
    {"augment.test_crop", PRESET("simclr-imagenet"), "0.875"},
    {"augment.crop_scale", PRESET("hcl-cifar"), "0.08, 1"},
    {"augment.crop_scale", PRESET("simclr-cifar"), "0.08, 1"},
    {"augment.crop_scale", PRESET("simclr-imagenet"), "0.08, 1"},
    {"augment.brightness", PRESET("simclr-imagenet"), "0.8"},
    {"augment.contrast", PRESET("simclr-imagenet"), "0.8"},
    {"augment.saturation", PRESET("hcl-cifar"), "0.4"},
    {"augment.saturation", PRESET("simclr-cifar"), "0.4"},
    {"augment.saturation", PRESET("simclr-imagenet"), "0.8"},
    {"augment.hue", PRESET("hcl-cifar"), "0.1"},
    {"augment.hue", PRESET("simclr-cifar"), "0.1"},
    {"augment.hue", PRESET("simclr-imagenet"), "0.2"},
    {"augment.greyscale", PRESET("hcl-cifar"), "0.2"},
    {"augment.greyscale", PRESET("simclr-cifar"), "0.2"},
    {"augment.greyscale", PRESET("simclr-imagenet"), "0.2"},
    {"augment.blur", PRESET("hcl-cifar"), "opencv"},
    {"augment.blur", PRESET("simclr-imagenet"), "torchvision"},
    {"augment.mean", PRESET("hcl-cifar"), CIFAR_MEAN},
    {"augment.mean", PRESET("simclr-cifar"), CIFAR_MEAN},
    {"augment.mean", PRESET("simclr-imagenet"), "0.485, 0.456, 0.406"},
    {"augment.std", PRESET("hcl-cifar"), CIFAR_STD},
    {"augment.std", PRESET("simclr-cifar"), CIFAR_STD},
    {"augment.std", PRESET("simclr-imagenet"), "0.229, 0.224, 0.225"},
    {"loss.tau_plus", LOSS("infonce"), "0"},      {"loss.tau_plus", LOSS("scl"), "0"},
    {"loss.tau_plus", LOSS("hard_scl"), "0"},     {"loss.clamp", LOSS("infonce"), "false"},
    {"loss.clamp", LOSS("scl"), "false"},         {"loss.clamp", LOSS("hard_scl"), "false"},
    {"loss.positives", LOSS("scl"), "label"},     {"loss.positives", LOSS("hard_scl"), "label"},
    {"optim.gamma", SCHEDULE("step"), "0.1"},     {"optim.gamma", SCHEDULE("multistep"), "0.1"},
    {"optim.beta1", OPTIM("sgd"), "0"},           {"optim.beta1", OPTIM("lars"), "0"},
    {"optim.beta2", OPTIM("sgd"), "0"},           {"optim.beta2", OPTIM("lars"), "0"},
    {"optim.eps", OPTIM("sgd"), "0"},             {"optim.eps", OPTIM("lars"), "0"},
    {"optim.momentum", OPTIM("sgd"), "0.9"},      {"optim.momentum", OPTIM("lars"), "0.9"},
    {"optim.trust", OPTIM("lars"), "0.001"},      {"optim.exclude", OPTIM("lars"), "bias_norm"},
    {"loss.reduction", LOSS("scl"), "pairs"},     {"loss.reduction", LOSS("hard_scl"), "pairs"},
    {"loss.tau_plus", LOSS("supcon"), "0"},
    {"loss.clamp", LOSS("supcon"), "false"},      {"loss.positives", LOSS("supcon"), "label"},
    {"loss.hardening", LOSS("infonce"), "none"},  {"loss.hardening", LOSS("debiased"), "none"},
    {"loss.hardening", LOSS("scl"), "none"},      {"loss.hardening", LOSS("supcon"), "none"},
    {"loss.beta", LOSS("hard_scl"), "0.5"},       {"loss.beta", HARDENING("none"), "0"},
    {"loss.beta", HARDENING("threshold"), "0"},   {"loss.beta", HARDENING("topk"), "0"},
    {"loss.topk", HARDENING("topk"), "10"},
};
/* clang-format on */

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))
const size_t hn_key_count = COUNT_OF(hn_keys);
const size_t hn_key_section_count = COUNT_OF(hn_key_sections);
const size_t hn_key_follow_count = COUNT_OF(hn_key_follows);
_Static_assert(COUNT_OF(hn_keys) <= HN_KEYS_ROOM, "HN_KEYS_ROOM holds every key");
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "HN_KEY_COUNT fields have one size");

const struct hn_key *hn_key_find(const char *name)
{
    for (size_t i = 0; i < hn_key_count; i++)
        if (strcmp(hn_keys[i].name, name) == 0)
            return &hn_keys[i];
    return NULL;
}

bool hn_key_in(const struct hn_key *k, const char *section)
{
    size_t n = strlen(section);

    return strncmp(k->name, section, n) == 0 && k->name[n] == '.';
}

const char *hn_key_short(const struct hn_key *k)
{
    return strchr(k->name, '.') + 1;
}
