/* Every key of the table: sane, set by file and by --set alike, written and read back to the same bits. */
#include "base/mem.h"
#include "config/reading.h"
#include "tap.h"

static const char *const odd_text = "a b/\"q\" \\n back\\slash\ttab\n#no comment @include \xc3\xa4.h5";

static bool ends_are_sane(const struct hn_key *k)
{
    size_t number = k->type == HN_KEY_REALS ? k->allowed.most * sizeof(double) : sizeof(double);

    switch (k->type) {
    case HN_KEY_BOOL:
        return k->bytes == sizeof(bool);
    case HN_KEY_NAME:
        return k->bytes == sizeof(int) && k->allowed.names()[0] != NULL;
    case HN_KEY_TEXT:
        return k->bytes > 1;
    case HN_KEY_COUNTS:
        number = k->allowed.most * sizeof(size_t);
        return k->bytes == number && k->count_at > 0 && k->allowed.most <= HN_KEY_LIST;
    default:
        return k->bytes == number && k->allowed.lo < k->allowed.hi && k->allowed.most <= HN_KEY_LIST;
    }
}

static void table(void)
{
    bool sane = true, once = true, sections = true, helped = true, follows = true;

    for (size_t i = 0; i < hn_key_count; i++) {
        size_t in = 0;
        for (size_t s = 0; s < hn_key_section_count; s++)
            in += hn_key_in(&hn_keys[i], hn_key_sections[s].name);
        sections = sections && in == 1;
        once = once && hn_key_find(hn_keys[i].name) == &hn_keys[i];
        sane = sane && ends_are_sane(&hn_keys[i]);
        helped = helped && strlen(hn_keys[i].help) > 10;
        for (size_t j = 0; j < i; j++)
            once = once && hn_keys[j].at != hn_keys[i].at;
    }
    for (size_t i = 0; i < hn_key_follow_count; i++) {
        const char *const *n = hn_key_find(hn_key_follows[i].chooser)->allowed.names();
        while (*n && strcmp(*n, hn_key_follows[i].choice) != 0)
            n++;
        follows = follows && *n && hn_key_find(hn_key_follows[i].key);
    }
    ok(sane, "fields have the size, ranges the order that their type asks for");
    ok(once, "every key and every field is there once");
    ok(sections, "every key stands in one section");
    ok(helped, "every key is explained");
    ok(follows, "defaults that follow name a key and a choice that exist");
}

/* Enums of the rooms below and the names of the table, in the same order. */
static void names(void)
{
    const struct hn_key *split = hn_key_find("data.split");
    bool same = true;

    for (int i = 0; i < HN_SPLITS; i++)
        same = same && strcmp(split->allowed.names()[i], hn_split_name((enum hn_split)i)) == 0;
    ok(same && split->allowed.names()[HN_SPLITS] == NULL, "splits have the data room's names");
}

/* The v-th value to try, as --set has it; false: no more. */
static bool sample(const struct hn_key *k, int v, char *text, size_t room)
{
    double lo = k->allowed.lo, hi = k->allowed.hi, mid = lo + (hi - lo) / 3;

    switch (k->type) {
    case HN_KEY_BOOL:
        snprintf(text, room, "%s", v == 0 ? "true" : "false");
        return v < 2;
    case HN_KEY_COUNT:
    case HN_KEY_MIB:
        snprintf(text, room, "%.0f", v == 0 ? lo : v == 1 ? hi : floor(mid));
        return v < 3;
    case HN_KEY_REAL:
        if (v < 3)
            hn_real_text(text, v == 0 ? lo : v == 1 ? hi : mid);
        return v < 3;
    case HN_KEY_NAME:
        for (int i = 0; i <= v; i++)
            if (k->allowed.names()[i] == NULL)
                return false;
        snprintf(text, room, "%s", k->allowed.names()[v]);
        return true;
    case HN_KEY_TEXT:
        snprintf(text, room, "%s", odd_text);
        return v < 1;
    case HN_KEY_COUNTS:
        snprintf(text, room, v == 0 ? "[%.0f]" : "[%.0f, %.0f, 7, 8]", lo, hi);
        return v < 2;
    case HN_KEY_REALS:
        snprintf(text, room, "[%.17g, %.17g]", lo, v == 0 ? hi : mid);
        return v < 2;
    }
    return false;
}

static bool same(const struct hn_config *a, const struct hn_config *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* The key by --set, written as text, read from that text as a file: equal, and only this field has moved. */
static bool round_trip(const struct hn_key *k, const char *value, bool *moved)
{
    struct hn_config set = {0}, file = {0}, def = {0};
    struct hn_reading a = {.c = &set, .file = "a"}, b = {.c = &file, .file = "b"},
                      d = {.c = &def, .file = "d"};
    char argument[300];
    struct hn_text text = {0};
    bool good;

    snprintf(argument, sizeof argument, "%s=%s", k->name, value);
    good = hn_reading_defaults(&a) == HN_OK && hn_reading_defaults(&b) == HN_OK &&
           hn_reading_defaults(&d) == HN_OK && hn_reading_set(&a, argument) == HN_OK;
    hn_text_add(&text, "%.*s: {\n%s = ", (int)(hn_key_short(k) - k->name - 1), k->name, hn_key_short(k));
    hn_value_write(&text, k, &set);
    hn_text_add(&text, ";\n};\n");
    good = good && hn_reading_file(&b, text.at, text.length) == HN_OK && same(&set, &file);
    *moved = *moved || !same(&set, &def);
    memcpy((char *)&def + k->at, (char *)&set + k->at, k->bytes);
    if (k->type == HN_KEY_COUNTS)
        memcpy((char *)&def + k->count_at, (char *)&set + k->count_at, sizeof(size_t));
    good = good && same(&set, &def);
    if (!good)
        printf("# %s: %s\n# %s\n", argument, text.at, hn_error_text());
    hn_text_free(&text);
    return good;
}

static void every_key(void)
{
    for (size_t i = 0; i < hn_key_count; i++) {
        char value[200];
        bool good = true, moved = false;
        for (int v = 0; sample(&hn_keys[i], v, value, sizeof value); v++)
            good = round_trip(&hn_keys[i], value, &moved) && good;
        ok(good && moved, "%s is set by file and by --set", hn_keys[i].name);
    }
}

/* Just outside of every range, by both ways. */
static void ranges(void)
{
    bool refused = true;

    for (size_t i = 0; i < hn_key_count; i++) {
        const struct hn_key *k = &hn_keys[i];
        struct hn_config c = {0};
        struct hn_reading r = {.c = &c, .file = "f"};
        char text[200];
        if (k->type != HN_KEY_COUNT && k->type != HN_KEY_MIB && k->type != HN_KEY_REAL)
            continue;
        for (int end = 0; end < 2; end++) {
            double x = end ? k->allowed.hi : k->allowed.lo;
            bool whole = k->type != HN_KEY_REAL;
            if (whole)
                snprintf(text, sizeof text, "%s=%lld", k->name, (long long)x + (end ? 1 : -1));
            else
                snprintf(text, sizeof text, "%s=%.17g", k->name, nextafter(x, end ? INFINITY : -INFINITY));
            bool good = hn_reading_set(&r, text) == HN_EUSAGE && strstr(hn_error_text(), "is outside");
            if (!good)
                printf("# %s: %s\n", text, hn_error_text());
            refused = refused && good;
        }
    }
    ok(refused, "the next number outside of every range is refused");
}

static void reals(void)
{
    uint64_t bits = 0x9e3779b97f4a7c15u;
    bool exact = true;
    char text[HN_NUMBER_TEXT];

    for (int i = 0; i < 20000; i++) {
        double x;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        hn_real_text(text, x);
        exact = exact && strtod(text, NULL) == x && strpbrk(text, ".e") && strlen(text) <= 25;
    }
    ok(exact, "reals are written so that they read back to the same bits");
    hn_real_text(text, 0.1);
    ok(strcmp(text, "0.1") == 0, "and as short as that allows");
    hn_real_text(text, 3);
    ok(strcmp(text, "3.0") == 0, "marked as reals");
}

/* A whole config with everything off its default, through dump and back. */
static void whole(void)
{
    static const char *const sets[] = {"run.seed=9007199254740992",
                                       "run.epochs=7",
                                       "run.threads=3",
                                       "run.max_minutes=0.1",
                                       "run.log_every=1",
                                       "batch.size=96",
                                       "batch.microbatches=6",
                                       "data.path=dir with \"blanks\"/x.h5",
                                       "data.split=test",
                                       "data.order=blocks",
                                       "data.group=3",
                                       "data.positives=label",
                                       "data.cache_mib=7",
                                       "augment.size=24",
                                       "augment.crop_scale=0.1,0.30000000000000004",
                                       "augment.mean=0.1,0.2,0.2",
                                       "model.encoder=mlp",
                                       "model.channels=[5,6,7,8]",
                                       "model.norm=false",
                                       "model.head_out=0",
                                       "batchnorm.scope=microbatch",
                                       "batchnorm.per_view=false",
                                       "loss.kind=hard_scl",
                                       "loss.detach=true",
                                       "loss.temperature=0.07",
                                       "loss.tile=64",
                                       "optim.kind=lars",
                                       "optim.schedule=multistep",
                                       "optim.milestones=[4,9]",
                                       "optim.lr_scaling=sqrt",
                                       "optim.warmup_epochs=0.3",
                                       "reduce.algorithm=mpi",
                                       "ckpt.keep_every=5",
                                       "eval.every_epochs=1e-3"};
    struct hn_config first, second;
    char *text = NULL, *again = NULL;

    tap_status(hn_config_read(&first, "w", "", sets, sizeof sets / sizeof sets[0]), HN_OK,
               "all sets are taken");
    tap_status(hn_config_dump(&first, &text), HN_OK, "the config is written");
    tap_status(hn_config_read(&second, "w", text, NULL, 0), HN_OK, "and read back");
    ok(same(&first, &second), "to the same bits");
    ok(hn_config_dump(&second, &again) == HN_OK && strcmp(text, again) == 0, "and written alike again");
    hn_config_text_free(text);
    hn_config_text_free(again);
}

static void reference(void)
{
    char *text = NULL;
    bool all = true, narrow = true;

    tap_status(hn_config_help(&text), HN_OK, "the reference is written");
    for (size_t i = 0; i < hn_key_count; i++)
        all = all && strstr(text, hn_keys[i].name) != NULL;
    for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
        narrow = narrow && strcspn(p, "\n") <= 120;
    ok(all, "with every key");
    ok(narrow, "in lines of at most 120 letters");
    ok(strstr(text, "default 1; 0.5 with hard_scl; 0 with none, threshold, topk"),
       "and the defaults that follow from the loss");
    hn_config_text_free(text);
}

int main(void)
{
    tap_plan(20 + (int)hn_key_count);
    table();
    names();
    every_key();
    ranges();
    reals();
    whole();
    reference();
    ok(hn_live_blocks() == 0, "no memory is left behind");
    return tap_done();
}
