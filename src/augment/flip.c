/* augment/flip.c - left and right change places. */
#include "augment/ops.h"

/* c is a constant where this is called. */
static inline void mirror_row(unsigned char *row, size_t w, size_t c)
{
    for (size_t left = 0, right = w - 1; left < right; left++, right--)
        for (size_t k = 0; k < c; k++) {
            unsigned char byte = row[left * c + k];
            row[left * c + k] = row[right * c + k];
            row[right * c + k] = byte;
        }
}

void hn_flip(unsigned char *image, size_t h, size_t w, size_t c)
{
    for (size_t y = 0; y < h; y++, image += w * c)
        switch (c) {
        case 1:
            mirror_row(image, w, 1);
            break;
        case 3:
            mirror_row(image, w, 3);
            break;
        default:
            mirror_row(image, w, c);
        }
}
