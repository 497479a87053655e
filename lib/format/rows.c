#include "format/rows.h"

#include <string.h>

/* The row behind this one, of any group. */
static const char *next(const char *row, size_t *group)
{
    row += strlen(row) + 1;
    row += strlen(row) + 1;
    if (*row)
        return row;
    ++*group;
    return row + 1;
}

rows_fn *rows_find(struct packed_table *groups, const char *name, const char **arg)
{
    const char *row = packed_text(groups);
    for (size_t group = 0; group < groups->count; row = next(row, &group))
        if (strcmp(row, name) == 0) {
            *arg = row + strlen(row) + 1;
            return *(rows_fn *const *)packed_row(groups, group);
        }
    return NULL;
}

const char *rows_name(struct packed_table *groups, size_t index)
{
    const char *row = packed_text(groups);
    for (size_t group = 0; group < groups->count; row = next(row, &group))
        if (index-- == 0)
            return row;
    return NULL;
}
