/* Views: functions of (sample, seed, epoch, id, view) and of nothing else; what may be asked for. */
#include "augment/view.h"
#include "base/mem.h"
#include "base/threads.h"
#include "tap.h"

enum { SIDE = 32, SAMPLE = SIDE * SIDE * 3, VIEWS = 256 };

static struct hn_augment_options usual(void)
{
    return (struct hn_augment_options){.h = SIDE,
                                       .w = SIDE,
                                       .c = 3,
                                       .crop_scale = {0.08, 1.0},
                                       .crop_ratio = {3.0 / 4.0, 4.0 / 3.0},
                                       .flip = 0.5,
                                       .jitter = 0.8,
                                       .brightness = 0.4,
                                       .contrast = 0.4,
                                       .saturation = 0.4,
                                       .hue = 0.1,
                                       .greyscale = 0.2,
                                       .blur = HN_BLUR_OPENCV,
                                       .blur_probability = 0.5,
                                       .blur_sigma = {0.1, 2.0},
                                       .mean = {0.4914, 0.4822, 0.4465},
                                       .std = {0.2023, 0.1994, 0.2010}};
}

static hn_augment *make(const struct hn_augment_options *o, uint64_t seed)
{
    hn_augment *a = NULL;

    if (hn_augment_new(&a, o, seed) != HN_OK) {
        printf("# %s\n", hn_error_text());
        exit(1);
    }
    return a;
}

static void *room(size_t bytes)
{
    void *block = hn_zalloc(bytes);

    if (block == NULL)
        exit(1);
    return block;
}

static void scramble(unsigned char *bytes, size_t n)
{
    hn_draws d = hn_draws_for(5, HN_DRAW_TEST, 0, 0);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(hn_draw_u32(&d) >> 8);
}

/* ---- the same whatever the thread and the order ---- */
struct crew {
    const hn_augment *a;
    const unsigned char *sample;
    real *out;
    char *scratch;
    size_t values, bytes;
    bool backwards;
};

static void make_view(void *ctx, size_t item, size_t index)
{
    const struct crew *c = ctx;
    size_t i = c->backwards ? VIEWS - 1 - item : item;

    hn_augment_view(c->a, c->out + i * c->values, c->sample, i / 64, i / 2 % 32, (int)(i % 2),
                    c->scratch + index * c->bytes);
}

static void views_are_pure(void)
{
    struct hn_augment_options o = usual();
    hn_augment *a = make(&o, 1);
    size_t values = hn_augment_view_size(a), bytes = hn_augment_scratch_bytes(a) + 3; /* aligned to nothing */
    unsigned char *sample = room(SAMPLE);
    real *one = room(VIEWS * values * sizeof *one), *other = room(VIEWS * values * sizeof *other);
    char *scratch = room(4 * bytes);
    hn_threads *threads = NULL;

    scramble(sample, SAMPLE);
    memset(scratch, 0xa5, 4 * bytes);
    if (hn_threads_new(&threads, 4) != HN_OK)
        exit(1);
    struct crew crew = {a, sample, one, scratch, values, bytes, false};
    size_t blocks = hn_total_blocks();
    for (size_t i = 0; i < VIEWS; i++)
        make_view(&crew, i, 0);
    ok(hn_total_blocks() == blocks, "making views allocates nothing");
    crew.out = other;
    crew.backwards = true;
    hn_threads_each(threads, VIEWS, make_view, &crew);
    ok(memcmp(one, other, VIEWS * values * sizeof *one) == 0, "four threads, backwards: the same bits");

    size_t same = 0;
    for (size_t i = 1; i < VIEWS; i++)
        same += memcmp(one, one + i * values, values * sizeof *one) == 0;
    ok(same == 0, "another epoch, id or view: another picture");
    hn_augment *b = make(&o, 2);
    hn_augment_view(b, other, sample, 0, 0, 0, scratch);
    ok(memcmp(one, other, values * sizeof *one) != 0, "another seed: another picture");

    unsigned char *picture = room(values);
    real table[HN_CHANNELS][256];
    for (size_t k = 0; k < 3; k++)
        hn_normalize_table(table[k], o.mean[k], o.std[k]);
    hn_augment_picture(a, picture, sample, 0, 3, 1, scratch);
    hn_normalize(other, picture, SIDE * SIDE, 3, (const real(*)[256])table);
    ok(memcmp(one + 7 * values, other, values * sizeof *one) == 0,
       "the picture is the view before normalisation");
    hn_free(picture);
    hn_augment_free(b);
    hn_threads_free(threads);
    hn_free(scratch);
    hn_free(other);
    hn_free(one);
    hn_free(sample);
    hn_augment_free(a);
}

/* ---- draws ---- */
static bool same_box(struct hn_box a, struct hn_box b)
{
    return a.top == b.top && a.left == b.left && a.h == b.h && a.w == b.w;
}

static bool same_jitter(const struct hn_jitter *a, const struct hn_jitter *b)
{
    return memcmp(a->order, b->order, sizeof a->order) == 0 &&
           memcmp(a->factor, b->factor, sizeof a->factor) == 0;
}

static void decisions_do_not_shift_each_other(void)
{
    struct hn_augment_options o = usual(), bare = usual(), still = usual();
    size_t bad = 0;

    bare.flip = 0.0;
    bare.jitter = 0.0;
    bare.greyscale = 0.0;
    bare.blur_probability = 1.0;
    still.blur = HN_BLUR_NONE;
    still.crop_scale[0] = 1.0;
    still.jitter = 1.0;
    hn_augment *a = make(&o, 1), *b = make(&bare, 1), *c = make(&still, 1);
    for (uint64_t id = 0; id < 1000; id++) {
        struct hn_view_plan x = hn_view_draw(a, 3, id, 1), y = hn_view_draw(b, 3, id, 1),
                            z = hn_view_draw(c, 3, id, 1);
        bad += !same_box(x.box, y.box) || y.flip || y.jittered || z.crop || !z.jittered;
        bad += y.grey || z.blurred || x.grey != z.grey || !y.blurred || (x.blurred && x.sigma != y.sigma);
        bad += x.flip != z.flip || (x.jittered && !same_jitter(&x.jitter, &z.jitter));
    }
    ok(bad == 0, "switching a decision off leaves the others as they were");
    hn_augment_free(a);
    hn_augment_free(b);
    hn_augment_free(c);
}

/* A seed means the same views in every version. */
static void seeds_keep_their_meaning(void)
{
    struct hn_augment_options o = usual();
    hn_augment *a = make(&o, 2024);
    struct hn_view_plan p = hn_view_draw(a, 3, 12350, 1);

    ok(same_box(p.box, (struct hn_box){11, 5, 18, 19}) && p.flip && p.jittered,
       "seed 2024, epoch 3, id 12350, view 1: the box and the flip");
    ok(memcmp(p.jitter.order, (unsigned char[]){2, 1, 3, 0}, 4) == 0 && p.jitter.factor[0] == 1.1109482f &&
           p.jitter.factor[1] == 1.14959478f,
       "and the jitter");
    ok(p.jitter.factor[2] == 0.625124872f && p.jitter.factor[3] == 0.0415642187f && !p.grey && !p.blurred,
       "all of it");
    p = hn_view_draw(a, 3, 12362, 1);
    ok(p.grey && p.blurred && p.sigma == 0.93810827269168373, "id 12362: grey and the blur");
    hn_augment_free(a);
}

static void chances(void)
{
    enum { N = 20000 };
    struct hn_augment_options o = usual();
    size_t flips = 0, jitters = 0, both = 0, greys = 0, blurs = 0, always = 0, never = 0;
    double least = 9.0, most = 0.0;

    o.flip = 0.3;
    hn_augment *a = make(&o, 9);
    for (uint64_t id = 0; id < N; id++) {
        struct hn_view_plan p = hn_view_draw(a, 0, id, 0), q = hn_view_draw(a, 0, id, 1);
        flips += p.flip;
        jitters += p.jittered;
        both += p.flip && q.flip;
        greys += p.grey;
        blurs += p.blurred;
        least = p.blurred ? fmin(least, p.sigma) : least;
        most = p.blurred ? fmax(most, p.sigma) : most;
    }
    hn_augment_free(a);
    /* Five standard deviations each. */
    ok(fabs((double)flips / N - 0.3) < 5 * sqrt(0.3 * 0.7 / N), "flipped with probability 0.3");
    ok(fabs((double)jitters / N - 0.8) < 5 * sqrt(0.8 * 0.2 / N), "jittered with probability 0.8");
    ok(fabs((double)both / N - 0.09) < 5 * sqrt(0.09 * 0.91 / N), "the two views are independent");
    ok(fabs((double)greys / N - 0.2) < 5 * sqrt(0.2 * 0.8 / N), "grey with probability 0.2");
    ok(fabs((double)blurs / N - 0.5) < 5 * sqrt(0.25 / N), "blurred with probability 0.5");
    ok(least >= 0.1 && least < 0.105 && most > 1.995 && most < 2.0, "sigma takes its whole range");
    o.flip = o.greyscale = o.blur_probability = 1.0;
    o.jitter = 0.0;
    a = make(&o, 9);
    for (uint64_t id = 0; id < 1000; id++) {
        struct hn_view_plan p = hn_view_draw(a, 0, id, 0);
        always += p.flip && p.grey && p.blurred;
        never += p.jittered;
    }
    hn_augment_free(a);
    ok(always == 1000 && never == 0, "probabilities 1 and 0 are certain");
}

/* ---- geometry ---- */
static void without_draws(void)
{
    struct hn_augment_options o = usual();
    unsigned char *sample = room(SAMPLE);
    real *view = room(SAMPLE * sizeof *view), *plain = room(SAMPLE * sizeof *plain);
    size_t h, w, c;

    scramble(sample, SAMPLE);
    o.crop_scale[0] = 1.0;
    o.flip = o.jitter = o.greyscale = o.blur_probability = 0.0;
    hn_augment *a = make(&o, 1);
    char *scratch = room(hn_augment_scratch_bytes(a));
    hn_augment_view(a, view, sample, 0, 0, 0, scratch);
    hn_augment_plain(a, plain, sample, scratch);
    ok(memcmp(view, plain, SAMPLE * sizeof *view) == 0, "nothing switched on: the view is the plain image");
    hn_free(scratch);
    hn_augment_free(a);

    o.h = 16; /* 16 x 64, made 24 x 96, of which the middle 24 */
    o.w = 64;
    o.size = 24;
    a = make(&o, 1);
    scratch = room(hn_augment_scratch_bytes(a));
    hn_augment_view_shape(a, &h, &w, &c);
    ok(h == 24 && w == 24 && c == 3 && hn_augment_view_size(a) == 24 * 24 * 3, "a size: views are square");
    hn_augment_plain(a, plain, sample, scratch);
    hn_augment_view(a, view, sample, 0, 0, 1, scratch);
    ok(memcmp(view, plain, 24 * 24 * 3 * sizeof *view) == 0, "the whole of an oblong image: its middle, too");
    hn_free(scratch);
    hn_augment_free(a);

    o.size = 0;
    o.crop_scale[0] = 0.08;
    a = make(&o, 1);
    scratch = room(hn_augment_scratch_bytes(a));
    hn_augment_view_shape(a, &h, &w, &c);
    ok(h == 16 && w == 64, "no size: views are as the data");
    hn_augment_view(a, view, sample, 0, 0, 1, scratch);
    hn_free(scratch);
    hn_augment_free(a);
    hn_free(plain);
    hn_free(view);
    hn_free(sample);
}

static void evaluation_sees_the_middle(void)
{
    struct hn_augment_options o = usual();
    unsigned char *sample = room(SAMPLE), *middle = room(28 * 28 * 3);
    real *plain = room(SAMPLE * sizeof *plain), *want = room(SAMPLE * sizeof *want), table[HN_CHANNELS][256];

    scramble(sample, SAMPLE);
    o.size = 28;
    o.test_crop = 0.875; /* 28 / 0.875 = 32: resizing changes nothing */
    hn_augment *a = make(&o, 1);
    char *scratch = room(hn_augment_scratch_bytes(a));
    hn_augment_plain(a, plain, sample, scratch);
    hn_centre_crop(middle, 28, 28, sample, SIDE, SIDE, 3);
    for (size_t k = 0; k < 3; k++)
        hn_normalize_table(table[k], o.mean[k], o.std[k]);
    hn_normalize(want, middle, 28 * 28, 3, (const real(*)[256])table);
    ok(memcmp(plain, want, 28 * 28 * 3 * sizeof *want) == 0,
       "evaluation sees the middle, as much as asked for");
    hn_free(scratch);
    hn_augment_free(a);
    hn_free(want);
    hn_free(plain);
    hn_free(middle);
    hn_free(sample);
}

/* Colours and their jitter are all that a grey image lacks. */
static void grey_images(void)
{
    struct hn_augment_options o = usual(), bare;
    unsigned char *sample = room(SAMPLE), one[SIDE * SIDE], other[SIDE * SIDE];
    size_t bad = 0;

    scramble(sample, SAMPLE);
    o.c = 1;
    bare = o;
    bare.saturation = bare.hue = bare.greyscale = 0.0;
    hn_augment *a = make(&o, 3), *b = make(&bare, 3);
    char *scratch = room(hn_augment_scratch_bytes(a));
    for (uint64_t id = 0; id < 200; id++) {
        hn_augment_picture(a, one, sample, 0, id, 0, scratch);
        hn_augment_picture(b, other, sample, 0, id, 0, scratch);
        bad += memcmp(one, other, sizeof one) != 0;
    }
    ok(bad == 0, "one channel: saturation, hue and grey do nothing");
    hn_free(scratch);
    hn_augment_free(a);
    hn_augment_free(b);
    hn_free(sample);
}

/* Blocks of exactly the size that was asked for: the sanitizer watches their ends. */
static void odd_shapes(void)
{
    static const size_t shape[][3] = {{1, 1, 0},  {1, 9, 0},  {9, 1, 0},   {3, 3, 0},   {2, 5, 7},
                                      {40, 3, 0}, {3, 41, 5}, {33, 17, 0}, {64, 65, 3}, {5, 5, 31}};
    struct hn_augment_options o = usual();
    size_t views = 0;

    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (o.c = 1; o.c <= HN_CHANNELS; o.c++) {
            o.h = shape[i][0];
            o.w = shape[i][1];
            o.size = shape[i][2];
            o.test_crop = o.size ? 0.7 : 1.0;
            o.mean[3] = 0.1;
            o.std[3] = 0.2;
            o.blur = o.c % 2 ? HN_BLUR_OPENCV : HN_BLUR_TORCHVISION;
            o.blur_kernel = (o.size ? o.size : o.h < o.w ? o.h : o.w) < 3 ? 1 : 3;
            hn_augment *a = make(&o, 1);
            unsigned char *sample = room(o.h * o.w * o.c);
            real *out = room(hn_augment_view_size(a) * sizeof *out);
            char *scratch = room(hn_augment_scratch_bytes(a));
            scramble(sample, o.h * o.w * o.c);
            hn_augment_plain(a, out, sample, scratch);
            for (uint64_t id = 0; id < 40; id++, views++)
                hn_augment_view(a, out, sample, 0, id, 1, scratch);
            hn_free(scratch);
            hn_free(out);
            hn_free(sample);
            hn_augment_free(a);
        }
    ok(views == 1600, "images of one pixel, of one row, oblong, of 1 .. 4 channels");
}

/* ---- vectors ---- */
static void vectors(void)
{
    enum { N = 20000 };
    struct hn_augment_options o = {.h = 1, .w = 1, .c = N, .vectors = true, .noise = 0.5, .mask = 0.25};
    hn_augment *a = make(&o, 1);
    float *x = room((N + 1) * sizeof *x);
    unsigned char *sample = (unsigned char *)x + 1; /* aligned to nothing */
    real *out = room(N * sizeof *out), *other = room(N * sizeof *other);
    double sum = 0.0, squares = 0.0;
    size_t zeros = 0, moved = 0, shown = 0;

    for (size_t i = 0; i < N; i++) {
        float v = 3.0f + (float)(i % 7);
        memcpy(sample + i * sizeof v, &v, sizeof v);
    }
    hn_augment_view(a, out, sample, 2, 77, 0, NULL);
    for (size_t i = 0; i < N; i++) {
        double d = (double)out[i] - 3.0 - (double)(i % 7);
        if (out[i] == 0) {
            zeros++;
            continue;
        }
        sum += d;
        squares += d * d;
        shown++;
    }
    ok(fabs((double)zeros / N - 0.25) < 5 * sqrt(0.25 * 0.75 / N), "a quarter of the entries is masked");
    ok(fabs(sum / (double)shown) < 5 * 0.5 / sqrt((double)shown), "noise has mean 0");
    ok(fabs(squares / (double)shown - 0.25) < 5 * 0.25 * sqrt(2.0 / (double)shown),
       "and the variance asked for");
    hn_augment_view(a, other, sample, 2, 77, 0, NULL);
    ok(memcmp(out, other, N * sizeof *out) == 0, "again: the same bits");
    hn_augment_view(a, other, sample, 2, 77, 1, NULL);
    ok(memcmp(out, other, N * sizeof *out) != 0, "the other view: others");
    hn_augment_free(a);

    o.noise = 0.0;
    a = make(&o, 1);
    hn_augment_view(a, other, sample, 2, 77, 0, NULL);
    for (size_t i = 0; i < N; i++)
        moved += (out[i] == 0) != (other[i] == 0) || (other[i] != 0 && other[i] != (real)(3 + i % 7));
    ok(moved == 0, "without noise the same entries are masked");
    hn_augment_plain(a, other, sample, NULL);
    for (size_t i = 0; i < N; i++)
        moved += other[i] != (real)(3 + i % 7);
    ok(moved == 0 && hn_augment_view_size(a) == N && hn_augment_scratch_bytes(a) == 0,
       "plain: the vector itself");
    hn_augment_free(a);
    hn_free(other);
    hn_free(out);
    hn_free(x);
}

/* ---- what may be asked for ---- */
#define REFUSED(what, change)                                                                                \
    do {                                                                                                     \
        struct hn_augment_options o = usual();                                                               \
        hn_augment *a = NULL;                                                                                \
        change;                                                                                              \
        hn_status st = hn_augment_new(&a, &o, 1);                                                            \
        ok(st == HN_EUSAGE && a == NULL && strstr(hn_error_text(), what) != NULL, "refused: %s",             \
           hn_error_text());                                                                                 \
        hn_augment_free(a);                                                                                  \
    } while (0)

/* The least std that the config's key allows. */
static void least_std(void)
{
    struct hn_augment_options o = usual();
    hn_augment *a = NULL;

    o.std[0] = 1e-6;
    tap_status(hn_augment_new(&a, &o, 1), HN_OK, "a std of 1e-6 is allowed");
    hn_augment_free(a);
}

static void refusals(void)
{
    least_std();
    REFUSED("channels", o.c = 5);
    REFUSED("channels", o.c = 0);
    REFUSED("pixels", o.h = 0);
    REFUSED("pixels", o.w = 1 << 20);
    REFUSED("size", o.size = 1 << 20);
    REFUSED("crop scale", o.crop_scale[0] = 0.0);
    REFUSED("crop scale", o.crop_scale[1] = 1.5);
    REFUSED("crop scale", (o.crop_scale[0] = 0.9, o.crop_scale[1] = 0.5));
    REFUSED("crop scale", o.crop_scale[0] = NAN);
    REFUSED("crop ratio", o.crop_ratio[0] = 0.0);
    REFUSED("crop ratio", o.crop_ratio[1] = 0.5);
    REFUSED("flip", o.flip = 1.1);
    REFUSED("colour jitter", o.jitter = -0.1);
    REFUSED("brightness", o.brightness = -1.0);
    REFUSED("contrast", o.contrast = INFINITY);
    REFUSED("saturation", o.saturation = NAN);
    REFUSED("hue", o.hue = 0.6);
    REFUSED("hue", o.hue = -0.1);
    REFUSED("grey", o.greyscale = 2.0);
    REFUSED("blur 9", o.blur = (enum hn_blur_kind)9);
    REFUSED("a blur", o.blur_probability = -1.0);
    REFUSED("must be odd", o.blur_kernel = 4);
    REFUSED("larger than views of 32 x 32", o.blur_kernel = 33);
    REFUSED("3 pixels is larger than views of 2 x 32", o.h = 2);
    REFUSED("sigma", (o.blur_sigma[0] = 2.0, o.blur_sigma[1] = 1.0));
    REFUSED("sigma", o.blur_sigma[0] = 0.0);
    REFUSED("seen in evaluation", o.test_crop = 1.5);
    REFUSED("needs a size", (o.size = 0, o.test_crop = 0.5));
    REFUSED("are for vectors", o.noise = 0.1);
    REFUSED("mean of channel 1", o.mean[1] = NAN);
    REFUSED("std of channel 2", o.std[2] = 0.0);
    REFUSED("numbers", (o.vectors = true, o.c = 0));
    REFUSED("noise", (o.vectors = true, o.noise = -1.0));
    REFUSED("masking", (o.vectors = true, o.mask = 2.0));
}

int main(void)
{
    tap_plan(47 + 2 + 3 + 3 + 12);
    views_are_pure();
    decisions_do_not_shift_each_other();
    seeds_keep_their_meaning();
    chances();
    without_draws();
    evaluation_sees_the_middle();
    grey_images();
    odd_shapes();
    vectors();
    refusals();
    ok(hn_live_blocks() == 0, "all memory is given back");
    return tap_done();
}
