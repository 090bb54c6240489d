/* What is wrong is said in one line: where, which key, what is allowed.  And what is right is taken. */
#include "base/mem.h"
#include "hardneg/config.h"
#include "tap.h"
#include <unistd.h>

#define PATH "data: { path = \"x.h5\"; };\n"

static const struct {
    const char *text, *set, *message;
} wrong[] = {
    /* keys */
    {PATH "los: { temperature = 0.5; };", NULL,
     "run.cfg:2: los.temperature: no such key (did you mean loss.temperature?)"},
    {PATH "\nloss:\n{\n  temprature = 0.5;\n};", NULL,
     "run.cfg:5: loss.temprature: no such key (did you mean loss.temperature?)"},
    {PATH "epochs = 3;", NULL, "run.cfg:2: epochs: no such key (did you mean run.epochs?)"},
    {PATH "run: { lr = 0.1; };", NULL, "run.cfg:2: run.lr: no such key (did you mean optim.lr?)"},
    {PATH "loss: { xyzzyplugh = 1; };", NULL, "run.cfg:2: loss.xyzzyplugh: no such key"},
    {PATH "nothing: { };", NULL, "run.cfg:2: nothing: no such section"},
    {PATH "loss = 3;", NULL, "run.cfg:2: loss: is a section: write loss: { key = value; ... }"},
    {PATH, "los.temperature=1", "--set los.temperature=1: no such key (did you mean loss.temperature?)"},
    {PATH, "loss.temperature", "--set loss.temperature: wants section.key=value"},
    {PATH, "=", "--set =: no such key"},
    {PATH, "run.=3", "--set run.=3: no such key"},
    /* types */
    {PATH "loss: { temperature = \"hot\"; };", NULL,
     "run.cfg:2: loss.temperature: wants a number, not \"hot\""},
    {PATH "loss: { temperature = true; };", NULL, "run.cfg:2: loss.temperature: wants a number, not true"},
    {PATH "loss: { temperature = [0.1]; };", NULL, "run.cfg:2: loss.temperature: wants a number, not a list"},
    {PATH "loss: { temperature = { x = 1; }; };", NULL, "run.cfg:2: loss.temperature: wants a number"},
    {PATH "batch: { size = 256.0; };", NULL, "run.cfg:2: batch.size: wants a whole number, not 256.0"},
    {PATH "loss: { clamp = 1; };", NULL, "run.cfg:2: loss.clamp: wants true or false, not 1"},
    {PATH "loss: { kind = 1; };", NULL, "run.cfg:2: loss.kind: wants a text in quotes, not 1"},
    {PATH "model: { channels = [1.5]; };", NULL,
     "run.cfg:2: model.channels: wants a list of whole numbers, [1, 2], not 1.5"},
    {PATH "model: { channels = (1, \"a\"); };", NULL,
     "run.cfg:2: model.channels: wants a list of whole numbers, [1, 2]"},
    {PATH "run: { seed = 0x10; };", NULL, "run.cfg:2: run.seed: write decimal numbers"},
    {PATH, "run.seed=0x10", "--set run.seed=0x10: wants a whole number, not \"0x10\""},
    {PATH, "run.seed=", "--set run.seed=: wants a whole number, not \"\""},
    {PATH, "loss.clamp=yes", "--set loss.clamp=yes: wants true or false, not \"yes\""},
    {PATH, "loss.beta=nan", "--set loss.beta=nan: wants a number, not \"nan\""},
    {PATH, "loss.beta=1 2", "--set loss.beta=1 2: wants a number, not \"1 2\""},
    {PATH, "augment.crop_scale=[0.1,0.2",
     "--set augment.crop_scale=[0.1,0.2: wants a list of numbers, [0.5, "
     "1.0], not \"[0.1,0.2\""},
    {PATH "loss: { kind = \"two\nlines\"; };", NULL,
     "run.cfg:2: loss.kind: \"two?lines\" is none of infonce, debiased, hard, scl, hard_scl, supcon"},
    /* ranges and names */
    {PATH "loss: { temperature = 0; };", NULL, "run.cfg:2: loss.temperature: 0 is outside 0.001 .. 100"},
    {PATH "loss: { beta = 1e999; };", NULL, "run.cfg:2: loss.beta: inf is outside 0 .. 1000"},
    {PATH "batch: { size = 1; };", NULL, "run.cfg:2: batch.size: 1 is outside 2 .. 16777216"},
    {PATH "batch: { size = -4; };", NULL, "run.cfg:2: batch.size: -4 is outside 2 .. 16777216"},
    {PATH "batch: { size = 4294967552; };", NULL,
     "run.cfg:2: batch.size: 4294967552 is outside 2 .. 16777216"},
    {PATH "loss: { kind = \"hrad\"; };", NULL,
     "run.cfg:2: loss.kind: \"hrad\" is none of infonce, debiased, hard, scl, hard_scl, supcon (did you mean "
     "hard?)"},
    {PATH "augment: { crop_scale = [0.1, 0.2, 0.3]; };", NULL,
     "run.cfg:2: augment.crop_scale: wants 2 numbers, not 3"},
    {PATH "model: { channels = []; };", NULL, "run.cfg:2: model.channels: wants 1 to 8 numbers, not 0"},
    {PATH "model: { channels = [8, 0]; };", NULL, "run.cfg:2: model.channels: 0 is outside 1 .. 65536"},
    {PATH, "run.seed=9007199254740993",
     "--set run.seed=9007199254740993: 9007199254740993 is outside 0 .. 9007199254740992"},
    {PATH "run: { seed = 9007199254740993; };", NULL,
     "run.cfg:2: run.seed: 9007199254740993 is outside 0 .. 9007199254740992"},
    {PATH, "loss.beta=-1", "--set loss.beta=-1: -1 is outside 0 .. 1000"},
    /* syntax */
    {PATH "loss: { kind = hard; };", NULL,
     "run.cfg:2: syntax error here or in the line above (name = value; a text in \"quotes\"; section: { ... "
     "};)"},
    {PATH "run: { seed = 1; seed = 2; };", NULL, "run.cfg:2: duplicate setting name"},
    {PATH "run: { seed = 1; };\nrun: { epochs = 2; };", NULL, "run.cfg:3: duplicate setting name"},
    {PATH "augment: { crop_scale = [0.5, 1]; };", NULL,
     "run.cfg:2: mismatched element type in array (write 1.0 beside 0.5, or (0.5, 1) with round brackets)"},
    {PATH "@include \"other.cfg\"", NULL,
     "run.cfg:2: @include is not supported: one file holds the whole config"},
    /* contradictions */
    {"", NULL,
     "run.cfg: no key at all: data.path, the data set to train on, is missing; write data: { path = "
     "\"FILE.h5\"; }; or --set data.path=FILE.h5 (hardneg import makes one)"},
    {"run: { seed = 5; };", NULL,
     "run.cfg: incomplete: data.path, the data set to train on, is missing; write data: { path = "
     "\"FILE.h5\"; }; or --set data.path=FILE.h5 (hardneg import makes one)"},
    {PATH "batch: { size = 100;\n microbatches = 16; };", NULL,
     "run.cfg:3: batch.microbatches: a batch of 100 samples cannot be cut into 16 equal microbatches"},
    {PATH "batch: { microbatches = 16; };", "batch.size=8",
     "--set batch.size=8: 16 microbatches of a batch of 8 samples"},
    {PATH "batch: { size = 4; microbatches = 4; };\nbatchnorm: { scope = \"microbatch\"; };", NULL,
     "run.cfg:3: batchnorm.scope: a microbatch of one sample has no variance per view (fewer "
     "batch.microbatches, scope \"global\" or per_view false)"},
    {PATH "loss: { kind = \"scl\"; };", "data.split=unlabeled",
     "--set data.split=unlabeled: the split \"unlabeled\" has no labels, which loss.kind \"scl\" needs"},
    {PATH "augment: { crop_scale = [0.5, 0.25]; };", NULL,
     "run.cfg:2: augment.crop_scale: least 0.5 is more than most 0.25"},
    {PATH, "augment.crop_ratio=2,1", "--set augment.crop_ratio=2,1: least 2 is more than most 1"},
    {PATH "augment: { blur_sigma = [2.0, 0.1]; };", NULL,
     "run.cfg:2: augment.blur_sigma: least 2 is more than most 0.1"},
    {PATH "augment: { blur_kernel = 4; };", NULL,
     "run.cfg:2: augment.blur_kernel: 4 is even: a blur needs a middle"},
    {PATH "augment: { blur_probability = 0.3; };", NULL,
     "run.cfg:2: augment.blur_probability: blur_probability belongs to blur opencv and torchvision, not to "
     "none"},
    {PATH "augment: { preset = \"hcl-cifar\"; blur_kernel = 5; };", "augment.blur=none",
     "--set augment.blur=none: blur_kernel belongs to blur opencv and torchvision, not to none"},
    {PATH "augment: { preset = \"hcl-cifar\"; };", "augment.blur_kernel=33",
     "--set augment.blur_kernel=33: a blur of 33 pixels is larger than views of 32 (augment.size)"},
    {PATH "model: { encoder = \"resnet18\";\n norm = false; };", NULL,
     "run.cfg:3: model.norm: resnet18 always has BatchNorm"},
    {PATH "model: { encoder = \"resnet50\";\n channels = [8, 16]; };", NULL,
     "run.cfg:3: model.channels: channels belong to mlp and convnet, not to resnet50 (model.width)"},
    {PATH "model: { width = 32; };", "model.encoder=mlp",
     "--set model.encoder=mlp: width belongs to resnets, not to mlp"},
    {PATH "model: { stem = \"imagenet\"; };", NULL,
     "run.cfg:2: model.stem: stem belongs to resnets, not to convnet"},
    {PATH "model: { encoder = \"resnet18\"; width = 0; };", NULL,
     "run.cfg:2: model.width: 0 is outside 1 .. 1024"},
    {PATH "model: { encoder = \"resnet18\"; stem = \"mnist\"; };", NULL,
     "run.cfg:2: model.stem: \"mnist\" is none of cifar, imagenet"},
    {PATH "model: { head_hidden = 64;\n head_out = 0; };", NULL,
     "run.cfg:3: model.head_out: a hidden layer of 64 without a head (model.head_out 0)"},
    {PATH "loss: { kind = \"infonce\";\n tau_plus = 0.1; };", NULL,
     "run.cfg:3: loss.tau_plus: tau_plus 0.1 belongs to debiased and hard, not to infonce"},
    {PATH "loss: { beta = 0.5; };", "loss.kind=debiased",
     "--set loss.kind=debiased: beta 0.5 belongs to hard and hard_scl, not to debiased"},
    {PATH "loss: { kind = \"scl\"; clamp = true; };", NULL,
     "run.cfg:2: loss.clamp: the clamp belongs to debiased and hard, not to scl"},
    {PATH "loss: { kind = \"scl\"; detach = true; };", NULL,
     "run.cfg:2: loss.detach: detach belongs to hard and hard_scl, not to scl"},
    {PATH "loss: { hardening = \"topk\"; topk = 0; };", NULL,
     "run.cfg:2: loss.topk: topk 0: at least one negative is chosen"},
    {PATH "loss: { kind = \"supcon\"; };", "loss.hardening=tilt",
     "--set loss.hardening=tilt: hardening \"tilt\" belongs to hard and hard_scl: supcon weighs all "
     "negatives "
     "alike"},
    {PATH "loss: { topk = 5; };", NULL,
     "run.cfg:2: loss.topk: topk 5 belongs to hardening topk, not to tilt"},
    {PATH "loss: { threshold = 0.5; };", "loss.hardening=topk",
     "--set loss.hardening=topk: threshold 0.5 belongs to hardening threshold, not to topk"},
    {PATH "loss: { hardening = \"threshold\";\n beta = 2; };", NULL,
     "run.cfg:3: loss.beta: beta 2 belongs to hardening tilt, not to threshold"},
    {PATH "loss: { hardening = \"topk\";\n detach = true; };", NULL,
     "run.cfg:3: loss.detach: detach belongs to hardening tilt: the choice of topk is a constant anyway"},
    {PATH "loss: { hardening = \"topk\";\n kind = \"supcon\"; };", NULL,
     "run.cfg:3: loss.kind: hardening \"topk\" belongs to hard and hard_scl: supcon weighs all negatives "
     "alike"},
    {PATH "loss: { hardening = \"none\";\n beta_schedule = \"linear\"; };", NULL,
     "run.cfg:3: loss.beta_schedule: a schedule of beta belongs to hardening tilt, not to none"},
    {PATH "loss: { beta_end = 2; };", "loss.beta_schedule=hcl_down",
     "--set loss.beta_schedule=hcl_down: the last beta 2 belongs to schedules linear and cosine, not to "
     "hcl_down"},
    {PATH "loss: { kind = \"supcon\"; reduction = \"pairs\"; };", NULL,
     "run.cfg:2: loss.reduction: supcon is a mean over anchors: reduction \"pairs\" belongs to the other "
     "losses"},
    {PATH "loss: { positives = \"label\"; };", NULL,
     "run.cfg:2: loss.positives: positives \"label\" belong to scl, hard_scl and supcon, not to hard"},
    {PATH "run: { epochs = 2; };\noptim: { warmup_epochs = 2.5; };", NULL,
     "run.cfg:3: optim.warmup_epochs: a warm-up of 2.5 epochs in a run of 2"},
    {PATH "optim: { schedule = \"cosine\"; floor = 0.1; };", NULL,
     "run.cfg:2: optim.floor: the last rate 0.1 is above the first, 0.001"},
    {PATH "optim: { floor = 0.0001; };", NULL,
     "run.cfg:2: optim.floor: the last rate 0.0001 belongs to schedule cosine, not to constant"},
    {PATH "optim: { warmup_start = 0.1; };", NULL,
     "run.cfg:2: optim.warmup_start: a warm-up that starts at 0.1 of the rate, but takes no epochs "
     "(optim.warmup_epochs)"},
    {"data: { path = \"x\"; split = \"unlabeled\";\n positives = \"label\"; };", NULL,
     "run.cfg:2: data.positives: the split \"unlabeled\" has no labels, which data.positives \"label\" "
     "needs"},
    {PATH "optim: { momentum = 0.9; };", NULL,
     "run.cfg:2: optim.momentum: momentum belongs to sgd and lars, not to adam (which has optim.beta1)"},
    {PATH "optim: { kind = \"sgd\"; nesterov = true; };", "optim.momentum=0",
     "--set optim.momentum=0: Nesterov's momentum, but momentum 0"},
    {PATH "optim: { kind = \"lars\"; trust = 0; };", NULL,
     "run.cfg:2: optim.trust: lars with trust 0 would not move a weight"},
    {PATH "optim: { kind = \"sgd\"; trust = 0.1; };", NULL,
     "run.cfg:2: optim.trust: trust 0.1 belongs to lars alone"},
    {PATH "optim: { kind = \"sgd\"; beta1 = 0.9; };", NULL,
     "run.cfg:2: optim.beta1: beta1 and beta2 belong to adam and adamw, not to sgd (which has "
     "optim.momentum)"},
    {PATH "optim: { eps = 0; };", NULL,
     "run.cfg:2: optim.eps: adam divides by zero with eps 0 where a gradient is zero"},
    {PATH "optim: { kind = \"sgd\"; eps = 0.1; };", NULL,
     "run.cfg:2: optim.eps: sgd knows no eps: 0.1 belongs to adam, adamw and lars"},
    {PATH "optim: { schedule = \"step\"; };", NULL,
     "run.cfg:2: optim.schedule: schedule step wants optim.step_epochs, the epochs from one drop to the "
     "next"},
    {PATH "optim: { step_epochs = 3; };", NULL,
     "run.cfg:2: optim.step_epochs: step_epochs belongs to schedule step alone"},
    {PATH "optim: { schedule = \"multistep\"; milestones = []; };", NULL,
     "run.cfg:2: optim.milestones: schedule multistep wants optim.milestones, the epochs after which it "
     "drops"},
    {PATH "optim: { milestones = [2, 3]; };", NULL,
     "run.cfg:2: optim.milestones: milestones belong to schedule multistep alone"},
    {PATH "optim: { schedule = \"multistep\"; milestones = [3, 3]; };", NULL,
     "run.cfg:2: optim.milestones: 3 does not come after 3"},
    {PATH "optim: { gamma = 0.1; };", NULL,
     "run.cfg:2: optim.gamma: gamma 0.1 belongs to schedules step and multistep"},
    {PATH "optim: { lr_batch = 128; };", NULL,
     "run.cfg:2: optim.lr_batch: lr_batch belongs to lr_scaling linear and sqrt, not to none"},
};
enum { WRONG = sizeof wrong / sizeof wrong[0] };

static void every_wrong_thing(void)
{
    for (size_t i = 0; i < WRONG; i++) {
        struct hn_config c = {.seed = 77};
        hn_status st = hn_config_read(&c, "run.cfg", wrong[i].text, &wrong[i].set, wrong[i].set != NULL);
        if (!ok(st == HN_EUSAGE && strcmp(hn_error_text(), wrong[i].message) == 0 && c.seed == 77, "%s",
                wrong[i].message))
            printf("# got: %s\n", st == HN_OK ? "no error" : hn_error_text());
    }
}

static void files(void)
{
    char path[] = "/tmp/hn-config-XXXXXX";
    struct hn_config c;
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    tap_status(hn_config_read(&c, "no/such.cfg", NULL, NULL, 0), HN_ENOINPUT, "a missing file is no input");
    ok(strcmp(hn_error_text(), "no/such.cfg: No such file or directory") == 0, "and named");
    tap_status(hn_config_read(&c, "/", NULL, NULL, 0), HN_ENOINPUT, "nor is a folder");
    fwrite("run:\n\0", 1, 6, f);
    fflush(f);
    tap_status(hn_config_read(&c, path, NULL, NULL, 0), HN_EUSAGE, "a file with a byte 0 is refused");
    ok(strstr(hn_error_text(), ":2: a byte 0"), "with its line");
    for (int i = 0; i < 300000; i++)
        fputs("# ##", f);
    fflush(f);
    tap_status(hn_config_read(&c, path, NULL, NULL, 0), HN_EUSAGE, "so is one of a megabyte");
    rewind(f);
    ok(ftruncate(fd, 0) == 0 && fputs(PATH "run: { seed = 5; };\n", f) > 0, "a good one");
    fflush(f);
    tap_status(hn_config_read(&c, path, NULL, NULL, 0), HN_OK, "is read");
    ok(c.seed == 5 && strcmp(c.data.path, "x.h5") == 0, "with its values");
    fclose(f);
    unlink(path);
}

static bool reads(struct hn_config *c, const char *text, const char *set)
{
    hn_status st = hn_config_read(c, "run.cfg", text, &set, set != NULL);

    if (st != HN_OK)
        printf("# %s\n", hn_error_text());
    return st == HN_OK;
}

static void right_things(void)
{
    struct hn_config c;
    const char *two[] = {"run.seed=1", "run.seed=2"};
    const char *full[] = {"data.path="};
    char path[1100];

    ok(reads(&c, PATH "run: { max_minutes = 3; };", NULL) && c.max_minutes == 3, "1 is a real number");
    ok(reads(&c, PATH "augment: { mean = 0.25; };", NULL) && c.augment.mean[0] == 0.25 &&
           c.augment.mean[3] == 0.25,
       "one number stands for all channels");
    ok(reads(&c, PATH "augment: { crop_scale = (0.5, 1); };", NULL) && c.augment.crop_scale[1] == 1,
       "a list in round brackets may mix whole and real numbers");
    ok(reads(&c, PATH "run: { seed = 4294967297; }", NULL) && c.seed == 4294967297, "numbers past 32 bits");
    ok(reads(&c, PATH "run: { seed = 12L; } # 4 \"\n// 5 @include\n/* 6 \" */", NULL) && c.seed == 12,
       "comments of all kinds");
    ok(reads(&c, "data: { path = \"a 12 \\\" 13 // 14 # 15\"; }", NULL) &&
           strcmp(c.data.path, "a 12 \" 13 // 14 # 15") == 0,
       "numbers in a text stay as they are");
    ok(reads(&c, PATH "run: { seed = 3; }", "run.seed=4") && c.seed == 4, "--set wins over the file");
    ok(hn_config_read(&c, "run.cfg", PATH, two, 2) == HN_OK && c.seed == 2, "the last --set wins");
    ok(reads(&c, PATH, "data.path=\"quoted\"") && strcmp(c.data.path, "quoted") == 0,
       "a text may have quotes");
    memset(path, 'p', sizeof path);
    memcpy(path, "data.path=", 10);
    path[10 + 1023] = '\0';
    full[0] = path;
    ok(hn_config_read(&c, "run.cfg", "", full, 1) == HN_OK && strlen(c.data.path) == 1023, "a long path");
    path[10 + 1023] = 'p';
    path[10 + 1024] = '\0';
    ok(hn_config_read(&c, "run.cfg", "", full, 1) == HN_EUSAGE && strstr(hn_error_text(), "1024 bytes"),
       "one that is too long is refused");
}

/* design: losses.md section 3, the published settings of each loss */
static void defaults_that_follow(void)
{
    struct hn_config c;

    ok(reads(&c, PATH, NULL) && c.loss.beta == 1 && c.loss.tau_plus == 0.1 && c.loss.clamp &&
           c.loss.temperature == 0.5 && c.loss.positives == HN_POSITIVES_VIEW,
       "hard is HCL's");
    ok(reads(&c, PATH, "loss.kind=hard_scl") && c.loss.beta == 0.5 && c.loss.tau_plus == 0 && !c.loss.clamp &&
           !c.loss.detach && c.loss.temperature == 0.5 && c.loss.positives == HN_POSITIVES_LABEL &&
           c.loss.reduction == HN_REDUCTION_PAIRS,
       "hard_scl is H-SCL's");
    ok(reads(&c, PATH, "loss.kind=scl") && c.loss.beta == 0 && c.loss.positives == HN_POSITIVES_LABEL,
       "scl has no weights");
    ok(reads(&c, PATH, "loss.hardening=topk") && c.loss.beta == 0 && c.loss.topk == 10,
       "top-k has no beta, and ten columns unless told");
    ok(reads(&c, PATH, "loss.kind=supcon") && c.loss.positives == HN_POSITIVES_LABEL &&
           c.loss.hardening == HN_HARDEN_NONE && c.loss.reduction == HN_REDUCTION_ANCHORS,
       "supcon takes its positives by label");
    ok(reads(&c, PATH, "loss.kind=debiased") && c.loss.beta == 0 && c.loss.tau_plus == 0.1 && c.loss.clamp,
       "debiased keeps the correction");
    ok(reads(&c, PATH, "loss.kind=infonce") && c.loss.beta == 0 && c.loss.tau_plus == 0 && !c.loss.clamp,
       "infonce has neither");
    ok(reads(&c, PATH "loss: { beta = 3; };", "loss.kind=hard_scl") && c.loss.beta == 3,
       "what is given does not follow");
    ok(reads(&c, PATH, NULL) && c.microbatches == 16, "256 samples: 16 microbatches");
    ok(reads(&c, PATH, "batch.size=90") && c.microbatches == 15, "90 samples: 15");
    ok(reads(&c, PATH, "batch.size=34") && c.microbatches == 2, "34 samples: 2");
    ok(reads(&c, PATH, "batch.size=13") && c.microbatches == 13, "13 samples: 13");
    ok(reads(&c, PATH, "model.head_out=0") && c.model.head_hidden == 0, "no head, no hidden layer of it");
}

/* HCL's and H-SCL's code, and SimCLR's appendices. */
static void presets(void)
{
    struct hn_config c;
    const struct hn_augment_options *a = &c.augment;

    ok(reads(&c, PATH, NULL) && a->size == 0 && a->crop_scale[0] == 0.2 && a->saturation == 0 &&
           a->hue == 0 && a->greyscale == 0 && a->blur == HN_BLUR_NONE,
       "no preset: brightness and contrast alone");
    ok(reads(&c, PATH, "augment.preset=hcl-cifar") && a->size == 32 && a->crop_scale[0] == 0.08 &&
           a->flip == 0.5 && a->jitter == 0.8 && a->brightness == 0.4 && a->contrast == 0.4 &&
           a->saturation == 0.4 && a->hue == 0.1 && a->greyscale == 0.2 && a->blur == HN_BLUR_OPENCV &&
           a->blur_probability == 0.5 && a->blur_sigma[0] == 0.1 && a->blur_sigma[1] == 2 &&
           a->mean[2] == 0.4465 && a->std[0] == 0.2023,
       "hcl-cifar");
    ok(reads(&c, PATH, "augment.preset=simclr-cifar") && a->hue == 0.1 && a->blur == HN_BLUR_NONE,
       "simclr-cifar has no blur");
    ok(reads(&c, PATH, "augment.preset=simclr-imagenet") && a->size == 224 && a->test_crop == 0.875 &&
           a->brightness == 0.8 && a->hue == 0.2 && a->blur == HN_BLUR_TORCHVISION && a->mean[0] == 0.485,
       "simclr-imagenet");
    ok(reads(&c, PATH "augment: { hue = 0.3; };", "augment.preset=hcl-cifar") && a->hue == 0.3 &&
           a->saturation == 0.4,
       "what is given stays");
}

static void resuming(void)
{
    struct hn_config a, b;

    ok(reads(&a, PATH, NULL) && reads(&b,
                                      PATH "run: { threads = 2; log_every = 1; max_minutes = 2; };\n"
                                           "ckpt: { keep = 9; };\ncomm: { ranks_per_node = 2; };",
                                      "data.path=elsewhere.h5"),
       "two configs that differ in what is free");
    tap_status(hn_config_resumable(&a, &b), HN_OK, "may go on");
    ok(reads(&b, PATH, "run.epochs=50"), "with a constant schedule");
    tap_status(hn_config_resumable(&a, &b), HN_OK, "a run may be made longer");
    ok(reads(&a, PATH "optim: { schedule = \"cosine\"; };", NULL) &&
           reads(&b, PATH "optim: { schedule = \"cosine\"; lr = 0.002; };\nrun: { epochs = 50; };",
                 "loss.kind=infonce"),
       "two that differ in what is fixed");
    tap_status(hn_config_resumable(&a, &b), HN_EUSAGE, "may not");
    ok(strcmp(hn_error_text(),
              "a resumed run may not change: run.epochs was 20, now 50; loss.kind was \"hard\", now "
              "\"infonce\"; loss.beta was 1.0, now 0.0; loss.tau_plus was 0.1, now 0.0; loss.clamp was true, "
              "now false; loss.hardening was \"tilt\", now \"none\"; optim.lr was 0.001, now 0.002") == 0,
       "and every difference is named");
    tap_status(hn_config_resumable(&a, &a), HN_OK, "a config goes on with itself");
}

int main(void)
{
    tap_plan(WRONG + 9 + 11 + 5 + 13 + 8 + 1);
    every_wrong_thing();
    files();
    right_things();
    defaults_that_follow();
    presets();
    resuming();
    ok(hn_live_blocks() == 0, "no memory is left behind");
    return tap_done();
}
