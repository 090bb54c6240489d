#include "base/json.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* hn_json is jansson's object under another name. */
static json_t *object(const hn_json *j)
{
    return (json_t *)(uintptr_t)j;
}

hn_json *hn_json_new(void)
{
    return (hn_json *)json_object();
}

void hn_json_number(hn_json *j, const char *key, double value)
{
    json_object_set_new(object(j), key, isfinite(value) ? json_real(value) : json_null());
}

void hn_json_integer(hn_json *j, const char *key, int64_t value)
{
    json_object_set_new(object(j), key, json_integer(value));
}

void hn_json_string(hn_json *j, const char *key, const char *value)
{
    json_object_set_new(object(j), key, json_string(value));
}

hn_status hn_json_line(const hn_json *j, struct hn_text *out)
{
    char *line = j ? json_dumps(object(j), JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;

    if (line == NULL)
        return hn_fail(HN_ENOMEM, "out of memory for a line of JSON");
    hn_text_add(out, "%s\n", line);
    free(line);
    return hn_text_status(out);
}

void hn_json_free(hn_json *j)
{
    json_decref(object(j));
}

bool hn_json_find_integer(const char *line, size_t length, const char *key, int64_t *value)
{
    json_t *root = json_loadb(line, length, 0, NULL);
    json_t *found = json_object_get(root, key);
    bool ok = json_is_integer(found);

    if (ok)
        *value = json_integer_value(found);
    json_decref(root);
    return ok;
}
