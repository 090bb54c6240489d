/* backend/choose.c - which way for which shape: decided before a run, from its shapes and the processor
 * alone. */
#include "backend/onednn.h"
#include "backend/openblas.h"
#include <stdio.h>

static int kind = HN_BACKEND_AUTO;

const char *const *hn_backend_names(void)
{
    static const char *const names[] = {
        [HN_BACKEND_AUTO] = "auto", [HN_BACKEND_ONEDNN] = "onednn", [HN_BACKEND_OPENBLAS] = "openblas", NULL};
    return names;
}

hn_status hn_backend_choose(const struct hn_backend_options *options)
{
    if (options->kind == HN_BACKEND_ONEDNN && hn_onednn_version() == NULL)
        return hn_fail(HN_EUSAGE,
                       "backend.kind = \"onednn\": this program (%s) was built without oneDNN; choose "
                       "\"auto\" or \"openblas\"",
                       sizeof(real) == 4 ? "float" : "double");
    kind = options->kind;
    return HN_OK;
}

/* Measured with AVX2: patches of few channels make products too narrow for a GEMM. */
static enum hn_way built_in(const struct hn_conv *c, enum hn_conv_what what)
{
    (void)what;
    return c->kernel > 1 && c->c_in <= 32 && c->c_out <= 64 ? HN_WAY_NHWC : HN_WAY_UNFOLD;
}

static enum hn_way wish(const struct hn_conv *c, enum hn_conv_what what)
{
    switch (kind) {
    case HN_BACKEND_ONEDNN:
        return HN_WAY_NHWC;
    case HN_BACKEND_OPENBLAS:
        return HN_WAY_UNFOLD;
    default:
        return built_in(c, what);
    }
}

struct hn_ways hn_conv_choose(const struct hn_conv *c)
{
    struct hn_ways ways;

    for (int i = 0; i < HN_CONV_WHATS; i++) {
        ways.of[i] = wish(c, (enum hn_conv_what)i);
        if (!hn_conv_can(c, (enum hn_conv_what)i, ways.of[i]))
            ways.of[i] = HN_WAY_UNFOLD;
    }
    return ways;
}

const char *hn_backend_libraries(void)
{
    static _Thread_local char text[128];
    const char *onednn = hn_onednn_version();

    snprintf(text, sizeof text, "%s%s%s", hn_openblas_describe(), onednn ? ", oneDNN " : "",
             onednn ? onednn : "");
    return text;
}

const char *hn_backend_describe(void)
{
    static _Thread_local char text[256];

    snprintf(text, sizeof text, "%s%s; %s%s", hn_backend_libraries(),
             hn_onednn_version() ? "" : ", without oneDNN", hn_backend_names()[kind],
             kind == HN_BACKEND_AUTO ? ", built-in table 1" : "");
    return text;
}
