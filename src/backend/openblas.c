/* backend/openblas.c - GEMM by OpenBLAS, one thread per call.
 *
 * OpenBLAS's bits change with the number of threads, of rows, and with a row's
 * place in the matrix; callers fix shapes, this file fixes the threads. */
#include "backend/openblas.h"
#include <cblas.h>
#include <stdio.h>
#include <string.h>

void hn_backend_start(void)
{
    openblas_set_num_threads(1);
}

const char *hn_openblas_describe(void)
{
    static _Thread_local char text[64];
    const char *config = openblas_get_config(); /* "OpenBLAS 0.3.21 NO_AFFINITY ..." */
    const char *end = strchr(config, ' ');

    end = end == NULL ? NULL : strchr(end + 1, ' ');
    int length = (int)(end == NULL ? strlen(config) : (size_t)(end - config));
    snprintf(text, sizeof text, "%.*s (%s)", length, config, openblas_get_corename());
    return text;
}

void hn_gemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, real alpha, const real *a,
             size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc)
{
    _Generic((real)0, float
             : cblas_sgemm, double
             : cblas_dgemm)(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                            b_transposed ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k,
                            alpha, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
