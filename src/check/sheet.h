/* check/sheet.h - a contact sheet: rows of pictures on one canvas, written as PNG; the only door to libpng.
 *
 * Local.  new, put each picture, write, free.  A cell is (h, w) pixels, shown
 * enlarged by a whole number; a smaller picture is put in its middle. */
#ifndef HN_CHECK_SHEET_H
#define HN_CHECK_SHEET_H

#include "hardneg/base.h"

typedef struct hn_sheet hn_sheet;

/* Room for `sets` of `pictures` cells each, several sets side by side; c: 1 .. 4 channels of the pictures. */
hn_status hn_sheet_new(hn_sheet **out, size_t sets, size_t pictures, size_t h, size_t w, size_t c);
/* pixels (h, w, c), not larger than a cell.  Of two channels the first is shown, of four the first three. */
void hn_sheet_put(hn_sheet *s, size_t set, size_t picture, const unsigned char *pixels, size_t h, size_t w);
/* Whole or not at all: HN_ECREATE when the file cannot be made, HN_EIO when writing fails on the way. */
hn_status hn_sheet_write(const hn_sheet *s, const char *path);
void hn_sheet_free(hn_sheet *s);

#endif
