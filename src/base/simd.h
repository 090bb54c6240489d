/* base/simd.h - hot loops, compiled once more for each vector width.
 *
 *   HN_EACH_WIDTH static void add(real *restrict y, const real *restrict x, size_t n) { ... }
 *
 * The program is compiled for any x86-64, whose vectors are short.  A function
 * so marked, with the functions of its file that it calls, exists once per
 * width; the loader picks the widest that the processor has.  A loop whose
 * rounds do not need each other has the same bits at any width, since nothing is
 * contracted to FMAs and the compiler reorders no sums.  Mark functions that
 * do much work per call: the call is indirect.
 *
 * Elsewhere nothing happens: other processors, clang, which knows no such
 * attributes, and sanitizers, which do not get along with the loader's choice. */
#ifndef HN_BASE_SIMD_H
#define HN_BASE_SIMD_H

#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define HN_EACH_WIDTH __attribute__((flatten, target_clones("default", "avx2", "avx512f")))
#else
#define HN_EACH_WIDTH
#endif

#endif
