#include "check/sheet.h"
#include "base/file.h"
#include "base/mem.h"
#include <png.h>
#include <string.h>

/* In pixels of the sheet. */
enum { CELL_SIDE = 96, LINE_WIDTH = 1200, GUTTER = 2, BETWEEN_SETS = 12, SIDE_MOST = 1 << 15 };
static const unsigned char PAPER = 32;

struct hn_sheet {
    size_t sets, pictures, per_line;
    size_t cell_h, cell_w; /* in pixels of a picture */
    size_t c, shown;       /* channels of the pictures, of the sheet */
    size_t enlarge;
    size_t h, w; /* of the sheet */
    unsigned char *pixel;
};

static size_t set_width(const hn_sheet *s)
{
    return s->pictures * (s->cell_w * s->enlarge + GUTTER) - GUTTER;
}

static size_t line_height(const hn_sheet *s)
{
    return s->cell_h * s->enlarge;
}

hn_status hn_sheet_new(hn_sheet **out, size_t sets, size_t pictures, size_t h, size_t w, size_t c)
{
    hn_sheet s = {
        .sets = sets, .pictures = pictures, .cell_h = h, .cell_w = w, .c = c, .shown = c < 3 ? 1 : 3};
    size_t side = h > w ? h : w, lines;
    hn_sheet *made;

    if (sets < 1 || sets > SIDE_MOST || h > SIDE_MOST || w > SIDE_MOST)
        return hn_fail(HN_EUSAGE, "a sheet of %zu pictures of %zu x %zu pixels is too large or empty", sets,
                       h, w);
    s.enlarge = side < CELL_SIDE ? (CELL_SIDE + side / 2) / side : 1;
    s.per_line = (LINE_WIDTH - BETWEEN_SETS) / (set_width(&s) + BETWEEN_SETS);
    s.per_line = s.per_line < 1 ? 1 : s.per_line > sets ? sets : s.per_line;
    lines = (sets + s.per_line - 1) / s.per_line;
    s.h = lines * (line_height(&s) + BETWEEN_SETS) + BETWEEN_SETS;
    s.w = s.per_line * (set_width(&s) + BETWEEN_SETS) + BETWEEN_SETS;
    if (s.h > SIDE_MOST || s.w > SIDE_MOST)
        return hn_fail(HN_EUSAGE,
                       "the sheet would have %zu x %zu pixels, more than %d a side: ask for fewer pictures",
                       s.h, s.w, SIDE_MOST);
    if ((made = hn_zalloc(sizeof *made)) == NULL)
        return HN_ENOMEM;
    *made = s;
    if ((made->pixel = hn_calloc(s.h * s.w, s.shown)) == NULL) {
        hn_sheet_free(made);
        return HN_ENOMEM;
    }
    memset(made->pixel, PAPER, s.h * s.w * s.shown);
    *out = made;
    return HN_OK;
}

void hn_sheet_free(hn_sheet *s)
{
    if (s != NULL)
        hn_free(s->pixel);
    hn_free(s);
}

void hn_sheet_put(hn_sheet *s, size_t set, size_t picture, const unsigned char *pixels, size_t h, size_t w)
{
    size_t e = s->enlarge, margin_h = (s->cell_h - h) / 2, margin_w = (s->cell_w - w) / 2;
    size_t top = BETWEEN_SETS + set / s->per_line * (line_height(s) + BETWEEN_SETS) + margin_h * e;
    size_t left = BETWEEN_SETS + set % s->per_line * (set_width(s) + BETWEEN_SETS) +
                  picture * (s->cell_w * e + GUTTER) + margin_w * e;

    for (size_t y = 0; y < h * e; y++) {
        const unsigned char *row = pixels + y / e * w * s->c;
        unsigned char *to = s->pixel + ((top + y) * s->w + left) * s->shown;
        for (size_t x = 0; x < w * e; x++, to += s->shown)
            memcpy(to, row + x / e * s->c, s->shown);
    }
}

/* ---- the file ---- */
static png_image png_of(const hn_sheet *s)
{
    return (png_image){.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)s->w,
                       .height = (png_uint_32)s->h,
                       .format = s->shown == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
}

hn_status hn_sheet_write(const hn_sheet *s, const char *path)
{
    png_image image = png_of(s);
    png_alloc_size_t count = PNG_IMAGE_PNG_SIZE_MAX(image); /* packed, at worst */
    void *packed = hn_zalloc(count);
    hn_status st = HN_ENOMEM;

    if (packed == NULL)
        return st;
    if (png_image_write_to_memory(&image, packed, &count, 0, s->pixel, 0, NULL))
        st = hn_file_replace(path, packed, count);
    else
        st = hn_fail(HN_EIO, "%s: cannot be packed: %s", path, image.message);
    hn_free(packed);
    return st;
}
