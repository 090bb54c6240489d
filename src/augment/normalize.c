/* augment/normalize.c - 8 bits to numbers: (v / 255 - mean) / std.
 *
 * Three float32 operations, as in torchvision's ToTensor and Normalize, in both
 * builds: a network in double sees the very numbers that one in float sees. */
#include "augment/ops.h"

void hn_normalize_table(real table[256], double mean, double std)
{
    for (int v = 0; v < 256; v++)
        table[v] = (real)(((float)v / 255.0f - (float)mean) / (float)std);
}

void hn_normalize(real *out, const unsigned char *in, size_t pixels, size_t c, const real (*table)[256])
{
    if (c == 1) {
        for (size_t i = 0; i < pixels; i++)
            out[i] = table[0][in[i]];
        return;
    }
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < c; k++)
            out[i * c + k] = table[k][in[i * c + k]];
}
