/* The operations, each for itself: cases worked by hand, and what must hold for any image. */
#include "augment/ops.h"
#include "base/mem.h"
#include "tap.h"

enum { MOST = 40 };

static void *must(void *block)
{
    if (block == NULL)
        exit(1);
    return block;
}

/* Bytes that look like nothing in particular. */
static void scramble(unsigned char *bytes, size_t n, uint64_t what)
{
    hn_draws d = hn_draws_for(11, HN_DRAW_TEST, what, 0);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)hn_draw_u32(&d);
}

static void resize(unsigned char *out, size_t out_h, size_t out_w, const unsigned char *in, size_t h,
                   size_t w, size_t c)
{
    void *scratch = must(hn_zalloc(hn_resize_scratch(out_h, out_w, h, w, c)));

    hn_resize(out, out_h, out_w, in, w, c, (struct hn_box){.h = h, .w = w}, scratch);
    hn_free(scratch);
}

static void resize_by_hand(void)
{
    unsigned char out[16];

    resize(out, 1, 1, (const unsigned char[]){10, 21}, 1, 2, 1);
    ok(out[0] == 16, "two to one: (10 + 21) / 2, halves up");
    resize(out, 1, 4, (const unsigned char[]){0, 100}, 1, 2, 1);
    ok(memcmp(out, (unsigned char[]){0, 25, 75, 100}, 4) == 0, "two to four: 1, 3/4, 1/4, 0 of the first");
    resize(out, 4, 1, (const unsigned char[]){0, 100}, 2, 1, 1);
    ok(memcmp(out, (unsigned char[]){0, 25, 75, 100}, 4) == 0, "the same down the other axis");
    resize(out, 1, 2, (const unsigned char[]){0, 60, 120, 180}, 1, 4, 1);
    /* Centre 1, reach 2: taps 0, 1, 2 weigh 3/4, 3/4, 1/4, 7/4 in all. */
    ok(out[0] == (unsigned char)(0.5 + (0.75 * 60 + 0.25 * 120) / 1.75),
       "four to two: wider, so that nothing is lost");
    /* Width first: 0.5 becomes 1; then height: 0.5 again.  At once it would be 0.25. */
    resize(out, 1, 1, (const unsigned char[]){0, 1, 0, 0}, 2, 2, 1);
    ok(out[0] == 1, "rounded between the passes");
}

static void resize_keeps_a_constant(void)
{
    unsigned char in[MOST * MOST], out[MOST * MOST];
    size_t bad = 0;

    memset(in, 255, sizeof in);
    for (size_t n = 1; n <= MOST; n++)
        for (size_t m = 1; m <= MOST; m++) {
            memset(out, 0, sizeof out);
            resize(out, m, MOST + 1 - m, in, n, MOST + 1 - n, 1);
            for (size_t i = 0; i < m * (MOST + 1 - m); i++)
                bad += out[i] != 255;
        }
    ok(bad == 0, "a white image stays white in any size");
}

static void resize_knows_its_box(void)
{
    unsigned char in[12 * 15 * 3], part[7 * 9 * 3], out[2][6 * 11 * 3];
    struct hn_box box = {.top = 3, .left = 4, .h = 7, .w = 9};
    void *scratch = must(hn_zalloc(hn_resize_scratch(6, 11, 12, 15, 3)));

    scramble(in, sizeof in, 1);
    for (size_t y = 0; y < box.h; y++)
        memcpy(part + y * box.w * 3, in + ((box.top + y) * 15 + box.left) * 3, box.w * 3);
    hn_resize(out[0], 6, 11, in, 15, 3, box, scratch);
    resize(out[1], 6, 11, part, 7, 9, 3);
    ok(memcmp(out[0], out[1], sizeof out[0]) == 0, "pixels outside the box have no influence");
    hn_resize(part, 7, 9, in, 15, 3, box, scratch);
    resize(out[0], 7, 9, part, 7, 9, 3);
    ok(memcmp(part, out[0], sizeof part) == 0, "a box of the right size is cut out");
    hn_free(scratch);
}

static void resize_keeps_channels_apart(void)
{
    unsigned char in[9 * 7 * HN_CHANNELS], one[9 * 7], out[5 * 13 * HN_CHANNELS], want[5 * 13];
    size_t bad = 0;

    scramble(in, sizeof in, 2);
    for (size_t c = 1; c <= HN_CHANNELS; c++) {
        resize(out, 5, 13, in, 9, 7, c);
        for (size_t k = 0; k < c; k++) {
            for (size_t i = 0; i < sizeof one; i++)
                one[i] = in[i * c + k];
            resize(want, 5, 13, one, 9, 7, 1);
            for (size_t i = 0; i < sizeof want; i++)
                bad += out[i * c + k] != want[i];
        }
    }
    ok(bad == 0, "every channel of 1 .. 4 is resized as if alone");
}

static void flips(void)
{
    unsigned char image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, again[5 * 7 * HN_CHANNELS],
                  first[sizeof again];
    size_t bad = 0;

    hn_flip(image, 2, 3, 2);
    ok(memcmp(image, (unsigned char[]){5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}, sizeof image) == 0,
       "left and right change places, channels do not");
    scramble(first, sizeof first, 3);
    for (size_t c = 1; c <= HN_CHANNELS; c++)
        for (size_t w = 1; w <= 7; w++) {
            memcpy(again, first, sizeof again);
            hn_flip(again, 5, w, c);
            bad += w > 1 && memcmp(again, first, sizeof again) == 0;
            hn_flip(again, 5, w, c);
            bad += memcmp(again, first, sizeof again) != 0;
        }
    ok(bad == 0, "twice is as it was, for any width and number of channels");
}

static void colours_by_hand(void)
{
    unsigned char grey[4] = {0, 100, 200, 255}, rgb[6] = {255, 0, 0, 0, 0, 255}, out[2], pair[2] = {0, 255};
    unsigned char ramp[256 * 3], luma[256];
    size_t bad = 0;

    hn_brightness(grey, 4, 1, 1.4f);
    ok(memcmp(grey, (unsigned char[]){0, 140, 255, 255}, 4) == 0, "brighter, and no further than white");
    hn_brightness(pair, 2, 1, 0.5f);
    ok(pair[1] == 127, "truncated, not rounded");
    pair[1] = 255;
    hn_contrast(pair, 2, 1, 0.5f); /* base trunc(127.5 + 0.5) = 128: 128 - 64, 128 + 63.5 */
    ok(pair[0] == 64 && pair[1] == 191, "contrast around the rounded mean");
    hn_luma(out, rgb, 2);
    ok(out[0] == 76 && out[1] == 29, "luma of red and blue");
    hn_contrast(rgb, 2, 3, 0.0f); /* (76 + 29) / 2 = 52.5 -> 53 */
    ok(memcmp(rgb, (unsigned char[]){53, 53, 53, 53, 53, 53}, 6) == 0,
       "no contrast: the mean luma everywhere");
    for (size_t i = 0; i < sizeof ramp; i++)
        ramp[i] = (unsigned char)(i / 3);
    hn_luma(luma, ramp, 256);
    hn_contrast(ramp, 256, 3, 1.0f);
    hn_brightness(ramp, 256, 3, 1.0f);
    for (size_t i = 0; i < 256; i++)
        bad += luma[i] != i || ramp[3 * i] != i || ramp[3 * i + 2] != i;
    ok(bad == 0, "grey has itself as luma; a factor of 1 changes nothing");
}

static void saturation_by_hand(void)
{
    unsigned char rgb[3] = {100, 50, 0}, none[6] = {255, 0, 0, 0, 0, 255}, luma[2], image[2 * HN_CHANNELS],
                  before[sizeof image];
    size_t bad = 0;

    hn_saturation(rgb, 1, 3, 2.0f); /* luma 59 */
    ok(memcmp(rgb, (unsigned char[]){141, 41, 0}, 3) == 0, "away from the pixel's luma");
    hn_luma(luma, none, 2);
    hn_saturation(none, 2, 3, 0.0f);
    for (size_t i = 0; i < 6; i++)
        bad += none[i] != luma[i / 3];
    hn_greyscale(rgb, 1, 3);
    ok(bad == 0 && rgb[0] == 66 && rgb[1] == 66 && rgb[2] == 66, "none is grey: three equal channels");
    scramble(before, sizeof before, 4);
    for (size_t c = 1; c <= HN_CHANNELS; c++) {
        memcpy(image, before, sizeof image);
        hn_saturation(image, 2, c, 1.5f);
        hn_hue(image, 2, c, 0.2f);
        hn_greyscale(image, 2, c);
        bad += (memcmp(image, before, sizeof image) == 0) != (c != 3);
    }
    ok(bad == 0, "without three channels there are no colours to change");
}

/* As Pillow's C has it (Convert.c, rgb2hsv_row and hsv2rgb_row), one pixel at a time. */
static void pillow_hue(unsigned char *rgb, int shift)
{
    int r = rgb[0], g = rgb[1], b = rgb[2], h = 0, s = 0;
    int max = r > g ? (r > b ? r : b) : (g > b ? g : b), min = r < g ? (r < b ? r : b) : (g < b ? g : b);

    if (max != min) {
        float cr = (float)(max - min), turn;
        float rc = (float)(max - r) / cr, gc = (float)(max - g) / cr, bc = (float)(max - b) / cr;
        if (r == max)
            turn = bc - gc;
        else if (g == max)
            turn = (float)(2.0 + (double)rc - (double)bc);
        else
            turn = (float)(4.0 + (double)gc - (double)rc);
        turn = (float)fmod((double)turn / 6.0 + 1.0, 1.0);
        h = (int)((double)turn * 255.0);
        s = (int)((double)(cr / (float)max) * 255.0);
    }
    h = (h + shift) & 255;
    if (s == 0) {
        memset(rgb, max, 3);
        return;
    }
    double x = (double)h * 6.0 / 255.0;
    int sector = (int)floor(x);
    float f = (float)(x - sector), fs = (float)((double)s / 255.0), product = fs * f;
    unsigned char v = (unsigned char)max, p = (unsigned char)round(max * (1.0 - (double)fs)),
                  q = (unsigned char)round(max * (1.0 - (double)product)),
                  t = (unsigned char)round(max * (1.0 - (double)fs * (1.0 - (double)f)));
    const unsigned char table[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    memcpy(rgb, table[sector % 6], 3);
}

static void hues(void)
{
    enum { EVERY = 31, MANY = (1 << 24) / EVERY + 1 }; /* prime to 2: all corners of the cube are near */
    static const float factor[] = {0.0f, 0.1f, -0.1f, 0.3333f, -0.5f, 0.5f};
    unsigned char *got = must(hn_calloc(MANY, 3)), *want = must(hn_calloc(MANY, 3));
    unsigned char red[6] = {255, 0, 0, 255, 0, 0};
    size_t bad = 0;

    hn_hue(red, 1, 3, 0.3333f);   /* H = 84: sector 1, f = 249 / 255 */
    hn_hue(red + 3, 1, 3, -0.5f); /* H = 129: sector 3, f = 9 / 255 */
    ok(memcmp(red, (unsigned char[]){6, 255, 0, 0, 246, 255}, 6) == 0, "red turned to green and to cyan");
    for (size_t k = 0; k < sizeof factor / sizeof *factor; k++) {
        for (size_t i = 0; i < MANY; i++)
            for (size_t c = 0; c < 3; c++)
                got[3 * i + c] = want[3 * i + c] = (unsigned char)((i * EVERY + k) >> 8 * c);
        hn_hue(got, MANY, 3, factor[k]);
        for (size_t i = 0; i < MANY; i++)
            pillow_hue(want + 3 * i, (int)(255.0 * (double)factor[k]));
        bad += memcmp(got, want, (size_t)MANY * 3) != 0;
    }
    ok(bad == 0, "%d colours, six turns: as one pixel at a time, Pillow's way", MANY);
    hn_free(got);
    hn_free(want);
}

static void blurred(hn_blur *blur, unsigned char *image, size_t h, size_t w, size_t c, size_t kernel,
                    double sigma)
{
    void *scratch = must(hn_zalloc(hn_blur_scratch(h, w, c, kernel)));

    blur(image, h, w, c, kernel, sigma, scratch);
    hn_free(scratch);
}

static void blurs_by_hand(void)
{
    unsigned char dot[9] = {0, 0, 0, 0, 255, 0, 0, 0, 0}, same[9], other[9];

    memcpy(same, dot, 9);
    memcpy(other, dot, 9);
    /* Weights 85, 86, 85; edges mirrored: from a corner the dot is seen twice in each direction. */
    blurred(hn_blur_opencv, dot, 3, 3, 1, 3, 1e6);
    ok(memcmp(dot, (unsigned char[]){112, 57, 112, 57, 29, 57, 112, 57, 112}, 9) == 0,
       "OpenCV's: a dot, flat weights");
    blurred(hn_blur_torchvision, other, 3, 3, 1, 3, 1e6); /* 4/9, 2/9, 1/9 of 255 */
    ok(memcmp(other, (unsigned char[]){113, 57, 113, 57, 28, 57, 113, 57, 113}, 9) == 0, "torchvision's");
    memcpy(other, same, 9);
    blurred(hn_blur_opencv, same, 3, 3, 1, 3, 1e-3);
    ok(memcmp(same, other, 9) == 0, "next to no sigma: nothing happens");
    blurred(hn_blur_torchvision, same, 3, 3, 1, 3, 1e-3);
    ok(memcmp(same, other, 9) == 0, "with either");
}

/* What is not special about an image: its size, its channels, its left and right. */
static void blurs_of_any_image(hn_blur *blur, const char *whose)
{
    unsigned char in[MOST * MOST], out[MOST * MOST * HN_CHANNELS], one[MOST * MOST];
    size_t bad = 0, mixed = 0;

    for (size_t h = 1; h <= 11; h++)
        for (size_t w = 1; w <= 11; w++)
            for (size_t kernel = 1; kernel <= (h < w ? h : w); kernel += 2) {
                memset(in, 255, h * w);
                blurred(blur, in, h, w, 1, kernel, 0.1 + 0.2 * (double)(h + w));
                for (size_t i = 0; i < h * w; i++)
                    bad += in[i] != 255;
            }
    ok(bad == 0, "%s: a white image stays white", whose);
    for (size_t c = 1; c <= HN_CHANNELS; c++) {
        scramble(out, sizeof out, 20 + c);
        for (size_t k = 0; k < c; k++) {
            for (size_t i = 0; i < MOST * 31; i++)
                one[i] = out[i * c + k];
            memcpy(in, one, sizeof in);
            blurred(blur, in, 31, MOST, 1, 5, 1.3);
            unsigned char *all = must(hn_calloc(MOST * 31, c));
            memcpy(all, out, MOST * 31 * c);
            blurred(blur, all, 31, MOST, c, 5, 1.3);
            for (size_t i = 0; i < MOST * 31; i++)
                mixed += all[i * c + k] != in[i];
            hn_free(all);
        }
    }
    ok(mixed == 0, "%s: every channel of 1 .. 4 as if alone", whose);
}

static void blurs(void)
{
    blurs_by_hand();
    blurs_of_any_image(hn_blur_opencv, "OpenCV's");
    blurs_of_any_image(hn_blur_torchvision, "torchvision's");
}

static void normalises(void)
{
    real table[2][256], out[4];

    hn_normalize_table(table[0], 0.5, 0.25);
    hn_normalize_table(table[1], 0.0, 1.0);
    hn_normalize(out, (const unsigned char[]){0, 0, 255, 51}, 2, 2, (const real(*)[256])table);
    ok(out[0] == (real)-2 && out[1] == 0 && out[2] == (real)2 && out[3] == (real)(51.0f / 255.0f),
       "each channel with its own mean and std, in float32 in both builds");
}

static void crop_boxes(void)
{
    const double scale[2] = {0.08, 1.0}, ratio[2] = {3.0 / 4.0, 4.0 / 3.0};
    size_t outside = 0, odd = 0, whole = 0;

    for (uint64_t i = 0; i < 20000; i++) {
        hn_draws d = hn_draws_for(1, HN_DRAW_TEST, i, 0);
        struct hn_box box = hn_crop_draw(&d, 28, 40, scale, ratio);
        double area = (double)(box.h * box.w) / (28.0 * 40.0);
        outside += box.h < 1 || box.w < 1 || box.top + box.h > 28 || box.left + box.w > 40 || d.next > 44;
        /* Sides are off by half a pixel at most. */
        odd += ((double)box.w + 0.5) / ((double)box.h - 0.5) < ratio[0] ||
               ((double)box.w - 0.5) / ((double)box.h + 0.5) > ratio[1] || area < 0.06 || area > 1.0;
        whole += box.h == 28 && box.w > 36;
    }
    ok(outside == 0, "20000 boxes lie within the image, with at most 44 draws each");
    ok(odd == 0 && whole > 0, "their areas and ratios are allowed ones, up to whole pixels");

    hn_draws d = hn_draws_for(1, HN_DRAW_TEST, 0, 0);
    struct hn_box box = hn_crop_draw(&d, 20, 60, (const double[]){0.5, 1.0}, ratio);
    ok(box.h == 20 && box.w == 27 && box.top == 0 && box.left == 16,
       "too wide for any: the largest in the middle");
    box = hn_crop_draw(&d, 60, 20, (const double[]){0.5, 1.0}, ratio);
    ok(box.h == 27 && box.w == 20 && box.top == 16 && box.left == 0, "too high for any: likewise");
    box = hn_crop_draw(&d, 1, 1000, (const double[]){1.0, 1.0}, (const double[]){1e-6, 1e-5});
    ok(box.h == 1 && box.w == 1, "never without a pixel");
}

static void jitter_draws(void)
{
    size_t seen[4][4] = {{0}}, bad = 0, uneven = 0;
    float low = 9.0f, high = -9.0f;

    for (uint64_t i = 0; i < 24000; i++) {
        hn_draws d = hn_draws_for(2, HN_DRAW_TEST, i, 0);
        struct hn_jitter j = hn_jitter_draw(&d, (const double[]){0.4, 3.0, 0.0, 0.1});
        unsigned all = 0;
        for (size_t p = 0; p < 4; p++) {
            all |= 1u << j.order[p];
            seen[p][j.order[p] & 3]++;
        }
        bad += all != 15 || d.next != 10 || !(j.factor[0] >= 0.6f && j.factor[0] <= 1.4f);
        bad += !j.on[0] || j.on[2] || !j.on[3] || !(fabsf(j.factor[3]) <= 0.1f);
        low = fminf(low, j.factor[1]);
        high = fmaxf(high, j.factor[1]);
    }
    for (size_t p = 0; p < 16; p++) /* 6000 expected, standard deviation 67 */
        uneven += fabs((double)seen[p / 4][p % 4] - 6000.0) > 5.0 * 67.0;
    ok(bad == 0, "orders are permutations, factors lie within 1 - s .. 1 + s, ten draws");
    ok(uneven == 0, "every operation is in every place equally often");
    ok(low >= 0.0f && low < 0.01f && high > 3.99f && high <= 4.0f, "a strength above 1 starts at 0");
}

static void jitter_order_matters(void)
{
    struct hn_jitter j = {.order = {3, 1, 2, 0}, .on = {true, true}, .factor = {2.0f, 0.5f}};
    unsigned char image[2] = {0, 200}, other[2] = {0, 200};

    hn_jitter_apply(&j, image, 2, 1); /* contrast: base 100: 50, 150; brightness: 100, 255 */
    ok(image[0] == 100 && image[1] == 255, "contrast, then brightness");
    memcpy(j.order, (unsigned char[]){0, 2, 1, 3}, 4);
    hn_jitter_apply(&j, other, 2, 1); /* brightness: 0, 255; base 128: 64, 191 */
    ok(other[0] == 64 && other[1] == 191, "brightness, then contrast");
}

static void fits(void)
{
    unsigned char in[5 * 3], out[25];
    size_t h, w;

    hn_fit_shape(&h, &w, 133, 200, 64);
    ok(h == 64 && w == 96, "the longer side is rounded down");
    hn_fit_shape(&h, &w, 200, 133, 64);
    ok(h == 96 && w == 64, "whichever it is");
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)(i + 1);
    hn_centre_crop(out, 2, 2, in, 5, 3, 1); /* rows: round(1.5) = 2; columns: round(0.5) = 0 */
    ok(memcmp(out, (unsigned char[]){7, 8, 10, 11}, 4) == 0, "the middle, halves to even");
    hn_centre_crop(out, 5, 5, in, 2, 2, 1);
    ok(out[6] == 1 && out[7] == 2 && out[11] == 3 && out[12] == 4 && out[0] + out[8] + out[24] == 0,
       "too small: zeros around it, the smaller half first");
}

int main(void)
{
    tap_plan(33 + 5 + 8);
    resize_by_hand();
    resize_keeps_a_constant();
    resize_knows_its_box();
    resize_keeps_channels_apart();
    flips();
    colours_by_hand();
    saturation_by_hand();
    hues();
    blurs();
    normalises();
    crop_boxes();
    jitter_draws();
    jitter_order_matters();
    fits();
    ok(hn_live_blocks() == 0, "all memory is given back");
    return tap_done();
}
