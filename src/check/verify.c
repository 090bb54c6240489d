#include "check/verify.h"
#include "base/mem.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct hn_verify_kind *const kinds[] = {&hn_verify_losses, &hn_verify_training,
                                                     &hn_verify_layers, &hn_verify_augment,
                                                     &hn_verify_knn,    &hn_verify_schedules};

struct note {
    char kind[40], name[80];
    const char *skipped; /* why, or NULL */
    double deviation, tolerance;
};

struct hn_verify_report {
    struct note *note;
    size_t count, room;
    bool broken; /* memory ran out: notes are missing */
};

static struct note *add(struct hn_verify *v, const char *kind, const char *name)
{
    struct hn_verify_report *r = v->report;

    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 256;
        struct note *wider = hn_calloc(room, sizeof *wider);
        if (wider == NULL) {
            r->broken = true;
            return NULL;
        }
        if (r->count)
            memcpy(wider, r->note, r->count * sizeof *wider);
        hn_free(r->note);
        r->note = wider;
        r->room = room;
    }
    struct note *n = &r->note[r->count++];
    *n = (struct note){0};
    snprintf(n->kind, sizeof n->kind, "%s", kind);
    snprintf(n->name, sizeof n->name, "%s", name);
    return n;
}

void hn_verify_note(struct hn_verify *v, const char *kind, const char *name, double deviation,
                    double tolerance)
{
    struct note *n = add(v, kind, name);

    if (n == NULL)
        return;
    n->deviation = isnan(deviation) ? INFINITY : deviation;
    n->tolerance = tolerance * v->factor;
}

void hn_verify_skip(struct hn_verify *v, const char *kind, const char *name, const char *why)
{
    struct note *n = add(v, kind, name);

    if (n != NULL)
        n->skipped = why;
}

/* The largest deviation that any rank saw, note by note. */
static hn_status merge_ranks(struct hn_verify *v)
{
    struct hn_verify_report *r = v->report;
    size_t ranks = hn_comm_size(v->comm), most = (size_t)hn_comm_max(v->comm, (int64_t)r->count);
    double *all = hn_calloc(ranks * most + 1, sizeof *all), *mine = hn_calloc(most + 1, sizeof *mine);
    size_t *bytes = hn_calloc(ranks, sizeof *bytes);
    hn_status st = all && mine && bytes && !r->broken ? HN_OK : HN_ENOMEM;

    if (st == HN_OK && r->count != most)
        st = hn_fail(HN_EBUG, "the ranks compared %zu and %zu values", r->count, most);
    if ((st = hn_comm_agree(v->comm, st)) != HN_OK)
        goto out;
    for (size_t i = 0; i < most; i++)
        mine[i] = r->note[i].deviation;
    for (size_t k = 0; k < ranks; k++)
        bytes[k] = most * sizeof *mine;
    hn_comm_gather(v->comm, mine, all, bytes);
    for (size_t k = 0; k < ranks; k++)
        for (size_t i = 0; i < most; i++)
            r->note[i].deviation = fmax(r->note[i].deviation, all[k * most + i]);
out:
    hn_free(bytes);
    hn_free(mine);
    hn_free(all);
    return st;
}

static bool over(const struct note *n)
{
    return n->skipped == NULL && !(n->deviation <= n->tolerance);
}

/* One line per kind: how many comparisons, and the one nearest to (or furthest over) its tolerance. */
static void print_kind(const struct hn_verify_report *r, size_t first, struct hn_text *out)
{
    const struct note *worst = &r->note[first];
    size_t count = 0, bad = 0;

    for (size_t i = first; i < r->count; i++) {
        const struct note *n = &r->note[i];
        if (n->skipped || strcmp(n->kind, worst->kind) != 0)
            continue;
        count++;
        bad += over(n);
        if (n->deviation * worst->tolerance > worst->deviation * n->tolerance || (over(n) && !over(worst)))
            worst = n;
    }
    hn_text_add(out, "  %-26s %5zu  %10.2e  %9.1e  %-8s %s\n", worst->kind, count, worst->deviation,
                worst->tolerance, bad ? "OVER" : "ok", worst->name);
}

static bool seen_before(const struct hn_verify_report *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!r->note[k].skipped == !r->note[i].skipped && strcmp(r->note[k].kind, r->note[i].kind) == 0 &&
            (!r->note[i].skipped || strcmp(r->note[k].skipped, r->note[i].skipped) == 0))
            return true;
    return false;
}

/* What was not run: one line per kind and reason, with every name. */
static void print_skipped(const struct hn_verify_report *r, size_t first, struct hn_text *out)
{
    const struct note *head = &r->note[first];

    hn_text_add(out, "  not run: %s (%s):", head->kind, head->skipped);
    for (size_t i = first; i < r->count; i++) {
        const struct note *n = &r->note[i];
        if (n->skipped && strcmp(n->kind, head->kind) == 0 && strcmp(n->skipped, head->skipped) == 0)
            hn_text_add(out, " %s", n->name);
    }
    hn_text_add(out, "\n");
}

static hn_status print(const struct hn_verify *v, const char *path, const char *what, struct hn_text *out)
{
    const struct hn_verify_report *r = v->report;
    size_t compared = 0, bad = 0;

    hn_text_add(out, "%s: %s, %zu rank%s, %s\n", path, what, hn_comm_size(v->comm),
                hn_comm_size(v->comm) == 1 ? "" : "s", sizeof(real) == 4 ? "float" : "double");
    hn_text_add(out, "  %-26s %5s  %10s  %9s  %-8s %s\n", "kind", "cases", "deviation", "tolerance", "",
                "worst case");
    for (size_t i = 0; i < r->count; i++)
        if (!r->note[i].skipped && !seen_before(r, i))
            print_kind(r, i, out);
    for (size_t i = 0; i < r->count; i++)
        if (r->note[i].skipped && !seen_before(r, i))
            print_skipped(r, i, out);
    for (size_t i = 0; i < r->count; i++) {
        compared += !r->note[i].skipped;
        bad += over(&r->note[i]);
    }
    hn_text_add(out, "  %zu compared, %zu over tolerance, %zu not run\n", compared, bad, r->count - compared);
    if (bad > 0)
        return hn_fail(HN_ECHECK, "%s: %zu of %zu comparisons are over their tolerance", path, bad, compared);
    return HN_OK;
}

static hn_status read_bytes(const char *path, void **bytes, size_t *count)
{
    FILE *f = fopen(path, "rb");
    hn_status st = HN_OK;
    struct stat info;
    long size;

    if (f == NULL)
        return hn_fail(HN_ENOINPUT, "%s: %s", path, strerror(errno));
    if (fstat(fileno(f), &info) != 0 || !S_ISREG(info.st_mode)) {
        fclose(f);
        return hn_fail(HN_ENOINPUT, "%s: not a file", path);
    }
    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0)
        st = hn_fail(HN_ENOINPUT, "%s: not a file that can be read", path);
    else if ((*bytes = hn_zalloc((size_t)size)) == NULL)
        st = HN_ENOMEM;
    else if (fread(*bytes, 1, (size_t)size, f) != (size_t)size)
        st = hn_fail(HN_EIO, "%s: %s", path, strerror(errno));
    else
        *count = (size_t)size;
    fclose(f);
    return st;
}

/* Rank 0 reads the file, everyone opens the same image of it. */
static hn_status open_everywhere(struct hn_verify *v, const char *path)
{
    void *bytes = NULL;
    size_t count = 0;
    uint64_t size;
    hn_status st = HN_OK;

    if (hn_comm_rank(v->comm) == 0)
        st = read_bytes(path, &bytes, &count);
    if ((st = hn_comm_agree(v->comm, st)) != HN_OK)
        goto out;
    size = count;
    hn_comm_bcast(v->comm, &size, sizeof size, 0);
    if (bytes == NULL && (bytes = hn_zalloc(size)) == NULL)
        st = HN_ENOMEM;
    if ((st = hn_comm_agree(v->comm, st)) != HN_OK)
        goto out;
    hn_comm_bcast(v->comm, bytes, size, 0);
    st = hn_comm_agree(v->comm, hn_store_open_image(&v->file, bytes, size, path));
out:
    hn_free(bytes);
    return st;
}

static const struct hn_verify_kind *recognise(const hn_store *file)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->recognise(file))
            return kinds[i];
    return NULL;
}

hn_status hn_verify_file(hn_comm *comm, hn_threads *threads, const char *path, double factor,
                         struct hn_text *table)
{
    struct hn_verify_report report = {0};
    struct hn_verify v = {.comm = comm, .threads = threads, .factor = factor, .report = &report};
    const struct hn_verify_kind *kind;
    hn_status st = open_everywhere(&v, path);

    if (st != HN_OK)
        goto out;
    if ((kind = recognise(v.file)) == NULL) {
        st = hn_fail(HN_EDATA, "%s: an HDF5 file, but none of reference values in a layout that is known",
                     path);
        goto out;
    }
    if ((st = hn_comm_agree(comm, kind->run(&v))) != HN_OK || (st = merge_ranks(&v)) != HN_OK)
        goto out;
    st = print(&v, path, kind->name, table);
out:
    hn_store_close(v.file);
    hn_free(report.note);
    return st;
}
