/* Every key of a config as libconfig text: what a run directory and a checkpoint keep. */
#include "base/mem.h"
#include "config/value.h"

hn_status hn_config_dump(const struct hn_config *c, char **text)
{
    struct hn_text t = {0};
    hn_status st;

    hn_text_add(&t, "# hardneg " HN_VERSION ", every key\n");
    for (size_t s = 0; s < hn_key_section_count; s++) {
        hn_text_add(&t, "\n%s:\n{\n", hn_key_sections[s].name);
        for (size_t i = 0; i < hn_key_count; i++)
            if (hn_key_in(&hn_keys[i], hn_key_sections[s].name)) {
                hn_text_add(&t, "    %s = ", hn_key_short(&hn_keys[i]));
                hn_value_write(&t, &hn_keys[i], c);
                hn_text_add(&t, ";\n");
            }
        hn_text_add(&t, "};\n");
    }
    if ((st = hn_text_status(&t)) == HN_OK)
        *text = t.at;
    else
        hn_text_free(&t);
    return st;
}

void hn_config_text_free(char *text)
{
    hn_free(text);
}
