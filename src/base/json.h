/* base/json.h - one flat JSON object per line, the form of metrics.jsonl (jansson).  Local.
 *
 *   hn_json *j = hn_json_new();  hn_json_number(j, "loss", 5.1);  ...  hn_json_line(j, &text);
 * hn_json_free(j);
 *
 * Keys keep their order.  A number that is not finite is written as null. Memory
 * that runs out shows in hn_json_line's status. */
#ifndef HN_BASE_JSON_H
#define HN_BASE_JSON_H

#include "base/text.h"

typedef struct hn_json hn_json;

hn_json *hn_json_new(void); /* NULL when out of memory: every call below takes it */
void hn_json_number(hn_json *j, const char *key, double value);
void hn_json_integer(hn_json *j, const char *key, int64_t value);
void hn_json_string(hn_json *j, const char *key, const char *value);
/* Appends the object and a newline. */
hn_status hn_json_line(const hn_json *j, struct hn_text *out);
void hn_json_free(hn_json *j);

/* The integer `key` of the object in line[length]; false when the line is no such object. */
bool hn_json_find_integer(const char *line, size_t length, const char *key, int64_t *value);

#endif
