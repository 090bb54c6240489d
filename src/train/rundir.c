#include "train/rundir.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/pulse.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void in_dir(const struct hn_rundir *d, const char *name, char path[1200])
{
    snprintf(path, 1200, "%s/%s", d->path, name);
}

/* The log's second sink: every line with the time of day, while the directory is ours. */
static void to_log(void *ctx, enum hn_log_level level, const char *line)
{
    const struct hn_rundir *d = ctx;
    time_t now = time(NULL);
    struct tm parts;
    char stamp[32];

    if (hn_dirlock_lost(d->lock))
        return;
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &parts));
    fprintf(d->log, "%s %s%s\n", stamp, level == HN_LOG_WARN ? "warning: " : "", line);
    fflush(d->log);
}

hn_status hn_rundir_open(struct hn_rundir *d, const char *path)
{
    char log[1200];
    hn_status st;

    *d = (struct hn_rundir){0};
    if (strlen(path) >= sizeof d->path)
        return hn_fail(HN_ECREATE, "%.60s...: the name of the run directory is too long", path);
    snprintf(d->path, sizeof d->path, "%s", path);
    snprintf(d->checkpoints, sizeof d->checkpoints, "%s/checkpoints", d->path);
    if ((st = hn_file_make_folders(path)) != HN_OK ||
        (st = hn_dirlock_take(&d->lock, d->path, HN_DIRLOCK_TIMES)) != HN_OK)
        goto out;
    in_dir(d, "log.txt", log);
    if ((d->log = fopen(log, "a")) == NULL) {
        st = hn_fail(HN_ECREATE, "%s: %s", log, strerror(errno));
        goto out;
    }
    hn_log_tee(to_log, d);
out:
    if (st != HN_OK)
        hn_rundir_close(d);
    return st;
}

static bool rows_wait(const struct hn_rundir *d)
{
    return d->rows.waiting.length > 0;
}

void hn_rundir_close(struct hn_rundir *d)
{
    if (d->path[0] == '\0')
        return;
    hn_disk_begin(d->path);
    hn_rows_close(&d->rows, rows_wait(d) && hn_dirlock_check(d->lock) == HN_OK);
    if (d->log) {
        hn_log_tee(NULL, NULL);
        fclose(d->log);
    }
    hn_dirlock_free(d->lock);
    hn_disk_end();
    *d = (struct hn_rundir){0};
}

bool hn_rundir_used(const struct hn_rundir *d)
{
    char metrics[1200];
    DIR *folder = opendir(d->checkpoints);
    bool used = false;

    in_dir(d, "metrics.jsonl", metrics);
    if (folder) {
        for (struct dirent *e; (e = readdir(folder)) != NULL;)
            used |= strncmp(e->d_name, "step-", 5) == 0;
        closedir(folder);
    }
    return used || access(metrics, F_OK) == 0;
}

static hn_status replace(const struct hn_rundir *d, const char *name, const char *text, size_t length)
{
    char path[1200];
    hn_status st = hn_dirlock_check(d->lock);

    in_dir(d, name, path);
    return st == HN_OK ? hn_file_replace(path, text, length) : st;
}

hn_status hn_rundir_write(const struct hn_rundir *d, const char *name, const char *text)
{
    return replace(d, name, text, strlen(text));
}

hn_status hn_rundir_append(const struct hn_rundir *d, const char *name, const char *text)
{
    char path[1200];
    FILE *f;
    bool good;
    hn_status st = hn_dirlock_check(d->lock);

    if (st != HN_OK)
        return st;
    in_dir(d, name, path);
    hn_disk_begin(path);
    if ((f = fopen(path, "a")) == NULL) {
        st = hn_fail(HN_ECREATE, "%s: %s", path, strerror(errno));
    } else {
        good = fputs(text, f) >= 0;
        if (fclose(f) != 0 || !good)
            st = hn_fail(HN_EIO, "%s: %s", path, strerror(errno));
    }
    hn_disk_end();
    return st;
}

/* The rows of steps up to last_step; torn lines go. */
static void keep_rows(const char *all, size_t length, uint64_t last_step, struct hn_text *kept,
                      uint64_t *judged)
{
    for (const char *line = all, *end; (end = memchr(line, '\n', (size_t)(all + length - line))) != NULL;
         line = end + 1) {
        int64_t step;
        size_t n = (size_t)(end - line);
        if (!hn_json_find_integer(line, n, "step", &step) || (uint64_t)step > last_step)
            continue;
        hn_text_add_bytes(kept, line, n + 1);
        if (memmem(line, n, "\"kind\":\"eval\"", 13))
            *judged = (uint64_t)step;
    }
}

static hn_status read_all(const char *path, struct hn_text *out)
{
    FILE *f = fopen(path, "r");
    char piece[65536];
    size_t n;
    hn_status st = HN_OK;

    if (f == NULL)
        return errno == ENOENT ? HN_OK : hn_fail(HN_EIO, "%s: %s", path, strerror(errno));
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        hn_text_add_bytes(out, piece, n);
    if (ferror(f))
        st = hn_fail(HN_EIO, "%s: %s", path, strerror(errno));
    fclose(f);
    return st != HN_OK ? st : hn_text_status(out);
}

void hn_rundir_catch_up(struct hn_rundir *d)
{
    if (rows_wait(d) && hn_dirlock_check(d->lock) == HN_OK)
        hn_rows_catch_up(&d->rows);
}

hn_status hn_rundir_open_metrics(struct hn_rundir *d, uint64_t last_step)
{
    struct hn_text all = {0}, kept = {0}, waiting = {0}, waited;
    size_t lost;
    char path[1200];
    hn_status st;

    hn_rundir_catch_up(d);
    waited = d->rows.waiting; /* still: no reason to fail */
    lost = d->rows.lost;
    d->rows.waiting = (struct hn_text){0};
    hn_rows_close(&d->rows, false);
    in_dir(d, "metrics.jsonl", path);
    hn_disk_begin(path);
    if ((st = read_all(path, &all)) != HN_OK)
        goto out;
    if (all.length > 0)
        keep_rows(all.at, all.length, last_step, &kept, &d->judged);
    if (waited.length > 0)
        keep_rows(waited.at, waited.length, last_step, &waiting, &d->judged);
    if ((st = hn_text_status(&kept)) != HN_OK || (st = hn_text_status(&waiting)) != HN_OK)
        goto out;
    if (kept.length != all.length &&
        (st = replace(d, "metrics.jsonl", kept.at ? kept.at : "", kept.length)) != HN_OK)
        goto out;
    if ((st = hn_rows_open(&d->rows, path)) != HN_OK)
        goto out;
    d->rows.waiting = waiting;
    d->rows.lost = lost;
    waiting = (struct hn_text){0};
out:
    hn_disk_end();
    hn_text_free(&waiting);
    hn_text_free(&waited);
    hn_text_free(&all);
    hn_text_free(&kept);
    return st;
}

void hn_rundir_row(struct hn_rundir *d, const struct hn_text *line)
{
    if (d->rows.path[0] && hn_dirlock_check(d->lock) == HN_OK)
        hn_rows_add(&d->rows, line);
}
