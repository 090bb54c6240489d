#include "backend/table.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 1 << 20 };

static const char first[] = "hardneg table 1", processor[] = "processor ", libraries[] = "libraries ";

static bool same_shape(const struct hn_conv *a, const struct hn_conv *b)
{
    return a->rows == b->rows && a->h == b->h && a->w == b->w && a->c_in == b->c_in && a->c_out == b->c_out &&
           a->kernel == b->kernel && a->stride == b->stride && a->padding == b->padding && a->bias == b->bias;
}

const struct hn_table_line *hn_table_find(const struct hn_table *t, const struct hn_conv *c)
{
    for (size_t i = 0; i < t->lines; i++)
        if (same_shape(&t->line[i].shape, c))
            return &t->line[i];
    return NULL;
}

/* ---- reading ---- */

static bool read_way(enum hn_way *way, const char *name)
{
    for (int i = 0; i < HN_WAYS; i++)
        if (strcmp(hn_way_names()[i], name) == 0) {
            *way = (enum hn_way)i;
            return true;
        }
    return false;
}

/* Numbers that a convolution can have: others would divide by zero, or overflow. */
static bool is_shape(const struct hn_conv *c)
{
    const size_t size[] = {c->rows, c->h, c->w, c->c_in, c->c_out, c->kernel, c->stride};

    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        if (size[i] < 1 || size[i] > LONGEST)
            return false;
    return c->padding < c->kernel && c->kernel <= c->h + 2 * c->padding && c->kernel <= c->w + 2 * c->padding;
}

static bool read_line(struct hn_table_line *l, const char *text)
{
    struct hn_conv *c = &l->shape;
    char way[HN_CONV_WHATS][16];
    unsigned bias;
    int end = 0;

    if (strchr(text, '-') < strchr(text, ':') && strchr(text, '-') != NULL)
        return false; /* sscanf would take a negative number */
    if (sscanf(text, "%zu %zu %zu %zu %zu %zu %zu %zu %u: %15s %15s %15s %n", &c->rows, &c->h, &c->w,
               &c->c_in, &c->c_out, &c->kernel, &c->stride, &c->padding, &bias, way[0], way[1], way[2],
               &end) != 12 ||
        text[end] != '\0' || bias > 1)
        return false;
    c->bias = bias;
    if (!is_shape(c))
        return false;
    for (int i = 0; i < HN_CONV_WHATS; i++)
        if (!read_way(&l->ways.of[i], way[i]))
            return false;
    return true;
}

/* A line of the head must be what this machine and build would write. */
static hn_status check_head(const char *path, const char *line, const char *what, const char *here)
{
    size_t n = strlen(what);

    if (strncmp(line, what, n) != 0)
        return hn_fail(HN_EDATA, "%s: not a table of hardneg tune: \"%.*s\" is missing", path, (int)n - 1,
                       what);
    if (strcmp(line + n, here) != 0)
        return hn_fail(HN_EUSAGE, "%s: made for %s%s, but here is %s: run hardneg tune here (backend.table)",
                       path, what, line + n, here);
    return HN_OK;
}

static hn_status take_line(struct hn_table *t, const char *path, size_t number, const char *line)
{
    if (number == 1)
        return strcmp(line, first) == 0 ? HN_OK : hn_fail(HN_EDATA, "%s: not a table of hardneg tune", path);
    if (number == 2)
        return check_head(path, line, processor, hn_cpu_describe());
    if (number == 3)
        return check_head(path, line, libraries, hn_backend_libraries());
    if (line[0] == '#' || line[0] == '\0')
        return HN_OK;
    if (t->lines == HN_TABLE_ROOM)
        return hn_fail(HN_EDATA, "%s:%zu: more than %d shapes", path, number, HN_TABLE_ROOM);
    struct hn_table_line *l = &t->line[t->lines++];
    if (!read_line(l, line))
        return hn_fail(HN_EDATA, "%s:%zu: not a line of a table: %.60s", path, number, line);
    for (int i = 0; i < HN_CONV_WHATS; i++)
        if (!hn_conv_can(&l->shape, (enum hn_conv_what)i, l->ways.of[i]))
            return hn_fail(HN_EDATA, "%s:%zu: there is no way \"%s\" for this shape", path, number,
                           hn_way_names()[l->ways.of[i]]);
    return HN_OK;
}

static hn_status take_text(struct hn_table *t, const char *path, char *text)
{
    size_t number = 0;
    hn_status st = HN_OK;

    for (char *line = text, *next; line && *line && st == HN_OK; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        st = take_line(t, path, ++number, line);
    }
    if (st == HN_OK && number < 3)
        st = hn_fail(HN_EDATA, "%s: not a table of hardneg tune", path);
    return st;
}

hn_status hn_table_read(struct hn_table *t, const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t n;
    hn_status st = HN_OK;

    if (f == NULL)
        return hn_fail(HN_ENOINPUT, "%s: cannot be read: %s (backend.table)", path, strerror(errno));
    if ((text = hn_zalloc(LONGEST + 1)) == NULL) {
        st = HN_ENOMEM;
        goto out;
    }
    n = fread(text, 1, LONGEST, f);
    if (ferror(f)) {
        st = hn_fail(HN_ENOINPUT, "%s: cannot be read: %s (backend.table)", path, strerror(errno));
        goto out;
    }
    hn_hash_text(hn_hash_bytes(text, n), t->hash);
    t->lines = 0;
    st = memchr(text, '\0', n) || n == LONGEST ? hn_fail(HN_EDATA, "%s: not a table of hardneg tune", path)
                                               : take_text(t, path, text);
out:
    hn_free(text);
    fclose(f);
    return st;
}

/* ---- writing ---- */

static void write_line(struct hn_text *out, const struct hn_table_line *l)
{
    const struct hn_conv *c = &l->shape;

    hn_text_add(out, "%zu %zu %zu %zu %zu %zu %zu %zu %d:", c->rows, c->h, c->w, c->c_in, c->c_out, c->kernel,
                c->stride, c->padding, c->bias);
    for (int i = 0; i < HN_CONV_WHATS; i++)
        hn_text_add(out, " %s", hn_way_names()[l->ways.of[i]]);
    hn_text_add(out, "\n");
}

hn_status hn_table_write(const struct hn_table *t, const char *path)
{
    struct hn_text out = {0};
    hn_status st;

    hn_text_add(&out, "%s\n%s%s\n%s%s\n", first, processor, hn_cpu_describe(), libraries,
                hn_backend_libraries());
    hn_text_add(&out, "# rows h w c_in c_out kernel stride padding bias: forward data weight\n");
    for (size_t i = 0; i < t->lines; i++)
        write_line(&out, &t->line[i]);
    if ((st = hn_text_status(&out)) == HN_OK)
        st = hn_file_replace(path, out.at, out.length);
    hn_text_free(&out);
    return st;
}
