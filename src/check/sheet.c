#include "check/sheet.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
static hn_status write_png(const hn_sheet *s, FILE *f, const char *path)
{
    png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)s->w, .height = (png_uint_32)s->h};

    image.format = s->shown == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    errno = 0;
    if (!png_image_write_to_stdio(&image, f, 0, s->pixel, 0, NULL))
        return hn_fail(HN_EIO, "%s: %s%s%s", path, image.message, errno ? ": " : "",
                       errno ? strerror(errno) : "");
    if (fflush(f) != 0 || fsync(fileno(f)) != 0)
        return hn_fail(HN_EIO, "%s: %s", path, strerror(errno));
    return HN_OK;
}

static hn_status cannot_create(const char *path)
{
    return hn_fail(HN_ECREATE, "%s: cannot be created: %s", path, strerror(errno));
}

/* Never in place of a device or a folder. */
static hn_status check_place(const char *path)
{
    struct stat there;

    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return hn_fail(HN_ECREATE, "%s: cannot be created: something else than a file is there", path);
    return HN_OK;
}

/* Makes the name last: the folder that holds it. */
static void sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + (slash == path) : 1;
    int fd;

    snprintf(folder, sizeof folder, "%.*s", (int)length, slash ? path : ".");
    if ((fd = open(folder, O_RDONLY | O_DIRECTORY)) < 0)
        return; /* the file is there; it only may not outlive a power cut */
    (void)fsync(fd);
    close(fd);
}

hn_status hn_sheet_write(const hn_sheet *s, const char *path)
{
    char beside[4096];
    hn_status st = check_place(path);
    FILE *f = NULL;
    int fd = -1;

    if (st != HN_OK)
        return st;
    if (snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof beside)
        return hn_fail(HN_ECREATE, "%s: cannot be created: the name is too long", path);
    if ((fd = open(beside, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666)) < 0)
        return cannot_create(path);
    if ((f = fdopen(fd, "wb")) == NULL) {
        st = cannot_create(path);
        close(fd);
        goto out;
    }
    st = write_png(s, f, path);
    if (fclose(f) != 0 && st == HN_OK)
        st = hn_fail(HN_EIO, "%s: %s", path, strerror(errno));
    if (st == HN_OK && rename(beside, path) != 0)
        st = cannot_create(path);
out:
    if (st == HN_OK)
        sync_folder(path);
    else
        unlink(beside);
    return st;
}
