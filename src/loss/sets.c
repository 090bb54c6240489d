/* loss/sets.c - which of a line's columns belong together with its row. */
#include "loss/parts.h"

bool hn_has_column(const struct hn_line *line, size_t row)
{
    return row >= line->first && row - line->first < line->count;
}

size_t hn_same_class(uint32_t *list, const struct hn_line *line)
{
    const int64_t *label = line->pool->label + line->first, own = line->pool->label[line->row];
    size_t n = 0;

    for (size_t j = 0; j < line->count; j++) {
        list[n] = (uint32_t)j;
        n += label[j] == own;
    }
    return n;
}

size_t hn_classmates(uint32_t *list, const struct hn_line *line)
{
    size_t n = hn_same_class(list, line), kept = 0;

    for (size_t i = 0; i < n; i++)
        if (line->first + list[i] != line->row)
            list[kept++] = list[i];
    return kept;
}

size_t hn_own_sample(uint32_t *list, const struct hn_line *line)
{
    size_t partner = line->pool->partner[line->row], n = 0;

    if (hn_has_column(line, line->row))
        list[n++] = (uint32_t)(line->row - line->first);
    if (hn_has_column(line, partner))
        list[n++] = (uint32_t)(partner - line->first);
    return n;
}

size_t hn_positives(const hn_loss *l, uint32_t *list, const struct hn_line *line)
{
    size_t partner = line->pool->partner[line->row];

    if (l->o.positives == HN_POSITIVES_LABEL)
        return hn_classmates(list, line);
    if (!hn_has_column(line, partner))
        return 0;
    list[0] = (uint32_t)(partner - line->first);
    return 1;
}

void hn_absorb_partner(struct hn_anchor *a, const struct hn_line *line)
{
    size_t partner = line->pool->partner[line->row];

    if (hn_has_column(line, partner))
        a->partner = (double)line->s[partner - line->first];
}
