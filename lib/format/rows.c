#include "format/rows.h"

#include <stdbool.h>
#include <string.h>

/* The next row; false behind the last of a group. */
static bool next(const char **row)
{
    *row += strlen(*row) + 1;
    *row += strlen(*row) + 1;
    return **row != '\0';
}

const struct rows *rows_find(const struct rows *groups, size_t count, const char *name, const char **arg)
{
    for (const struct rows *g = groups; g < groups + count; g++) {
        const char *row = g->text;
        do
            if (strcmp(row, name) == 0) {
                *arg = row + strlen(row) + 1;
                return g;
            }
        while (next(&row));
    }
    return NULL;
}

const char *rows_name(const struct rows *groups, size_t count, size_t index)
{
    for (const struct rows *g = groups; g < groups + count; g++) {
        const char *row = g->text;
        do
            if (index-- == 0)
                return row;
        while (next(&row));
    }
    return NULL;
}
