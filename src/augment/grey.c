/* augment/grey.c - colours to grey: luma of RGB, (19595 R + 38470 G + 7471 B + 32768) >> 16, Pillow's mode L.
 */
#include "augment/ops.h"

void hn_luma(unsigned char *out, const unsigned char *rgb, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        out[i] = hn_luma_of(rgb + 3 * i);
}

void hn_greyscale(unsigned char *image, size_t pixels, size_t c)
{
    if (c != 3)
        return;
    for (size_t i = 0; i < pixels; i++)
        image[3 * i] = image[3 * i + 1] = image[3 * i + 2] = hn_luma_of(image + 3 * i);
}
