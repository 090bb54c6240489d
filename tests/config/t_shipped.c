/* Every config of configs/ is one. */
#include "base/mem.h"
#include "hardneg/config.h"
#include "tap.h"
#include <glob.h>

int main(void)
{
    const char *top = getenv("HN_TOP");
    char pattern[2048];
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s/configs/*.cfg", top ? top : ".");
    if (glob(pattern, 0, NULL, &found) != 0) {
        tap_plan(1);
        ok(false, "%s: no configs", pattern);
        return tap_done();
    }
    tap_plan((int)found.gl_pathc + 2);
    ok(found.gl_pathc >= 12, "%zu configs are shipped", found.gl_pathc);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct hn_config c;
        tap_status(hn_config_read(&c, found.gl_pathv[i], NULL, NULL, 0), HN_OK, "%s reads",
                   found.gl_pathv[i] + strlen(top ? top : ".") + 1);
    }
    globfree(&found);
    ok(hn_live_blocks() == 0, "no memory is left behind");
    return tap_done();
}
