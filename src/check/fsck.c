#include "check/fsck.h"
#include "base/json.h"
#include "base/mem.h"
#include "ckpt/content.h"
#include "ckpt/folder.h"
#include "hardneg/ckpt.h"
#include "hardneg/config.h"
#include "hardneg/data.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a run directory says about itself, gathered on the way. */
struct run {
    const char *path;
    uint64_t log_every; /* the largest of config.cfg and of the checkpoints */
    uint64_t newest;    /* step of the newest good checkpoint */
};

/* The sentence of a failure without the path it begins with. */
static const char *reason(const char *path)
{
    const char *why = hn_error_text();
    size_t n = strlen(path);

    return strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0 ? why + n + 2 : why;
}

static hn_status not_read(struct hn_fsck *f, const char *path, hn_status st)
{
    f->unread++;
    f->say(f->ctx, "unread", path, reason(path));
    return st;
}

/* The verdict on one file, from its status. */
static hn_status judge(struct hn_fsck *f, const char *path, hn_status st, const char *good)
{
    const char *why = reason(path);

    if (st == HN_OK) {
        f->good++;
        f->say(f->ctx, "good", path, good);
        return HN_OK;
    }
    if (strncmp(why, "damaged: ", 9) == 0)
        why += 9;
    if (st == HN_EDATA || st == HN_EUSAGE) { /* the latter: what a config says */
        f->damaged++;
        f->say(f->ctx, "damaged", path, why);
        return HN_ECHECK;
    }
    return not_read(f, path, st);
}

/* Damage is the first thing to know; otherwise the first thing that went wrong. */
static hn_status worse(hn_status a, hn_status b)
{
    return a == HN_ECHECK || b == HN_OK ? a : b == HN_ECHECK || a == HN_OK ? b : a;
}

/* ---- a checkpoint ---- */

static hn_status check_config(const hn_ckpt *c, struct run *run)
{
    const char *text = hn_ckpt_get_text(c, "config");
    struct hn_config config;
    hn_status st;

    if (text == NULL || run == NULL) /* a file alone may be another program's state */
        return HN_OK;
    if ((st = hn_config_read(&config, hn_ckpt_path(c), text, NULL, 0)) != HN_OK)
        return st;
    run->log_every = config.log_every > run->log_every ? config.log_every : run->log_every;
    return HN_OK;
}

static hn_status check_checkpoint(struct hn_fsck *f, const char *path, struct run *run, const uint64_t *step)
{
    char good[128], hash[33] = "";
    hn_ckpt *c = NULL;
    hn_status st = hn_ckpt_open(&c, path);

    if (st == HN_OK && step)
        st = hn_ckpt_check_name(c, *step);
    if (st == HN_OK && (st = hn_ckpt_hash(c, "model/", hash)) == HN_OK)
        st = check_config(c, run);
    if (st == HN_OK) {
        snprintf(good, sizeof good, "checkpoint of step %llu, weights %s",
                 (unsigned long long)hn_ckpt_step(c), hash);
        if (run && hn_ckpt_step(c) > run->newest)
            run->newest = hn_ckpt_step(c);
    }
    hn_ckpt_close(c);
    if (st != HN_OK && run && access(path, F_OK) != 0 && errno == ENOENT)
        return HN_OK; /* the run is at work, and has retired it */
    return judge(f, path, st, good);
}

/* ---- a data set, or any sealed file ---- */

static hn_status check_dataset(struct hn_fsck *f, const char *path)
{
    char good[160] = "";
    hn_dataset *d = NULL;
    hn_status st = hn_dataset_open(&d, path);

    if (st == HN_OK && (st = hn_dataset_verify(d, NULL, NULL)) == HN_OK) {
        const struct hn_dataset_info *info = hn_dataset_info(d);
        snprintf(good, sizeof good, "data set %.60s, %llu + %llu samples, every block", info->name,
                 (unsigned long long)info->samples[HN_TRAIN], (unsigned long long)info->samples[HN_TEST]);
    }
    hn_dataset_close(d);
    return judge(f, path, st, good);
}

static hn_status check_file(struct hn_fsck *f, const char *path)
{
    char format[64] = "";
    hn_store *s = NULL;
    hn_status st = hn_store_open_head(&s, path);
    bool checkpoint;

    if (st != HN_OK)
        return judge(f, path, st, NULL);
    checkpoint =
        hn_store_attr_text(s, "/", "format", format, sizeof format) && strcmp(format, HN_CKPT_FORMAT) == 0;
    hn_store_close(s);
    return checkpoint ? check_checkpoint(f, path, NULL, NULL) : check_dataset(f, path);
}

/* ---- a run directory ---- */

/* Lines of JSON, looked at one by one. */
struct rows {
    const char *path;
    size_t count;
    uint64_t first, last, log_every;
    bool torn; /* a last line without its end: what a killed process leaves */
};

static hn_status check_row(struct rows *r, const char *line, size_t length, const char *key)
{
    int64_t step = -1;

    r->count++;
    if (!hn_json_find_integer(line, length, key, &step) || step < 0)
        return hn_fail(HN_EDATA, "%s: line %zu has no \"%s\": damaged, or not ours", r->path, r->count, key);
    if (r->log_every == 0)
        return HN_OK;
    if (r->count == 1)
        r->first = r->last = (uint64_t)step;
    if ((uint64_t)step < r->last)
        return hn_fail(HN_EDATA, "%s: line %zu is of step %lld, after one of step %llu", r->path, r->count,
                       (long long)step, (unsigned long long)r->last);
    if ((uint64_t)step > r->last + r->log_every)
        return hn_fail(HN_EDATA, "%s: no rows between steps %llu and %lld", r->path,
                       (unsigned long long)r->last, (long long)step);
    r->last = (uint64_t)step;
    return HN_OK;
}

static hn_status check_rows(struct rows *r, const char *key)
{
    FILE *in = fopen(r->path, "r");
    char *line = NULL;
    size_t room = 0;
    hn_status st = HN_OK;

    if (in == NULL)
        return hn_fail(HN_ENOINPUT, "%s: %s", r->path, strerror(errno));
    for (ssize_t n; st == HN_OK && (n = getline(&line, &room, in)) > 0;) {
        r->torn = line[n - 1] != '\n';
        if (!r->torn)
            st = check_row(r, line, (size_t)n, key);
    }
    if (st == HN_OK && ferror(in))
        st = hn_fail(HN_EIO, "%s: %s", r->path, strerror(errno));
    fclose(in);
    free(line);
    return st;
}

static hn_status check_metrics(struct hn_fsck *f, const struct run *run, const char *path)
{
    struct rows r = {.path = path, .log_every = run->log_every ? run->log_every : UINT64_MAX / 2};
    char good[160];
    hn_status st = check_rows(&r, "step");

    if (st == HN_OK && r.last + r.log_every <= run->newest)
        st = hn_fail(HN_EDATA, "%s: its last row is of step %llu, and there is a checkpoint of step %llu",
                     path, (unsigned long long)r.last, (unsigned long long)run->newest);
    int n = r.count == 0 ? snprintf(good, sizeof good, "no rows yet")
                         : snprintf(good, sizeof good, "%zu rows, steps %llu to %llu without a gap", r.count,
                                    (unsigned long long)r.first, (unsigned long long)r.last);
    if (r.torn)
        snprintf(good + n, sizeof good - (size_t)n, "; the last line is torn, a resume takes it off");
    return judge(f, path, st, good);
}

static hn_status check_starts(struct hn_fsck *f, const char *path)
{
    struct rows r = {.path = path};
    char good[64];
    hn_status st = check_rows(&r, "from_step");

    snprintf(good, sizeof good, "%zu start%s", r.count, r.count == 1 ? "" : "s");
    return judge(f, path, st, good);
}

static hn_status check_used_config(struct hn_fsck *f, struct run *run, const char *path)
{
    struct hn_config config;
    hn_status st = hn_config_read(&config, path, NULL, NULL, 0);

    if (st == HN_OK)
        run->log_every = config.log_every;
    return judge(f, path, st, "config as used");
}

static hn_status check_checkpoints(struct hn_fsck *f, struct run *run)
{
    char folder[PATH_MAX], path[PATH_MAX];
    uint64_t *step = NULL;
    size_t count = 0;
    hn_status st, worst = HN_OK;

    snprintf(folder, sizeof folder, "%s/checkpoints", run->path);
    if ((st = hn_ckpt_list(&step, &count, folder)) != HN_OK)
        return judge(f, folder, st, NULL);
    for (size_t i = count; i-- > 0;) {
        if ((st = hn_ckpt_file_name(path, sizeof path, folder, step[i])) != HN_OK)
            worst = worse(worst, judge(f, folder, st, NULL));
        else if (access(path, F_OK) == 0) /* a run at work may have retired it meanwhile */
            worst = worse(worst, check_checkpoint(f, path, run, &step[i]));
    }
    hn_free(step);
    return worst;
}

static bool in_run(char path[PATH_MAX], const struct run *run, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", run->path, name);
    return access(path, F_OK) == 0;
}

static hn_status check_run(struct hn_fsck *f, const char *folder)
{
    struct run run = {.path = folder};
    char path[PATH_MAX];
    hn_status st = HN_OK;

    if (!in_run(path, &run, "checkpoints") && !in_run(path, &run, "config.cfg"))
        return not_read(f, folder,
                        hn_fail(HN_EDATA,
                                "%s: a folder, but no run directory: neither config.cfg nor "
                                "checkpoints/",
                                folder));
    if (in_run(path, &run, "config.cfg"))
        st = check_used_config(f, &run, path);
    st = worse(st, check_checkpoints(f, &run));
    if (in_run(path, &run, "starts.jsonl"))
        st = worse(st, check_starts(f, path));
    if (in_run(path, &run, "metrics.jsonl"))
        st = worse(st, check_metrics(f, &run, path));
    return st;
}

hn_status hn_fsck(struct hn_fsck *f, const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return judge(f, path, hn_fail(HN_ENOINPUT, "%s: %s", path, strerror(errno)), NULL);
    return S_ISDIR(info.st_mode) ? check_run(f, path) : check_file(f, path);
}
