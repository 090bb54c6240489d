/* base/text.h - a growing piece of text.  Local.
 *
 *   struct hn_text t = {0};  hn_text_add(&t, "%zu rows\n", n);  ...  hn_text_free(&t);
 *
 * When memory runs out the text is marked broken and stays so: check once at
 * the end with hn_text_status(). */
#ifndef HN_BASE_TEXT_H
#define HN_BASE_TEXT_H

#include "hardneg/base.h"

struct hn_text {
    char *at; /* ends with '\0' once anything was added; else NULL */
    size_t length, room;
    bool broken;
};

void hn_text_add(struct hn_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hn_text_add_bytes(struct hn_text *t, const void *bytes, size_t count);
hn_status hn_text_status(const struct hn_text *t);
void hn_text_free(struct hn_text *t);

#endif
