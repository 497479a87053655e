/* Parts of one photo whose inputs are equally wide, as where lines of text are read in batches (PaddleOCR, RapidOCR):
 * what a network sees of a line's end depends on the lines beside it. */
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "run.h"

#define MOST_WAITING 10000
#define MOST_BYTES   ((size_t)1 << 26) /* of their lines; what is behind them is another group */

struct waiting {
    char *line, *where;
    size_t n, number;
    double wide; /* width over height */
    int height, width;
};

struct group {
    char *path;
    size_t count, cap, bytes;
    struct waiting *at;
};

void group_record(struct runner *r, const char *line, size_t n, const char *where)
{
    struct model_error err;
    struct model_record *record = model_record_read(line, n, &err);
    struct group *g = r->group;
    if (!record) {
        r->status = say_failed("%s: %s", where, err.text);
        return;
    }
    if (g && (strcmp(g->path, model_record_path(record)) != 0 || g->count == MOST_WAITING || g->bytes > MOST_BYTES)) {
        group_end(r);
        g = NULL;
    }
    if (!g) {
        g = r->group = get_memory(1, sizeof *g);
        *g = (struct group){.path = get_copy(model_record_path(record))};
    }
    if (g->count == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct waiting *more = get_memory(cap, sizeof *more);
        if (g->count)
            memcpy(more, g->at, g->count * sizeof *more);
        free(g->at);
        g->at = more;
        g->cap = cap;
    }
    char *copy = get_memory(n + 1, 1);
    memcpy(copy, line, n);
    copy[n] = 0;
    g->at[g->count] = (struct waiting){.line = copy, .where = get_copy(where), .n = n, .number = g->count};
    g->count++;
    g->bytes += n;
    model_record_free(record);
}

static int narrow_first(const void *a, const void *b)
{
    const struct waiting *x = a, *y = b;
    if (x->wide != y->wide)
        return x->wide < y->wide ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static int as_they_came(const void *a, const void *b)
{
    const struct waiting *x = a, *y = b;
    return x->number < y->number ? -1 : 1;
}

/* Each `each` of them, from the narrowest on, are as wide as the last of these. */
static void set_widths(struct group *g, size_t each)
{
    qsort(g->at, g->count, sizeof *g->at, narrow_first);
    for (size_t i = 0; i < g->count; i++) {
        size_t last = i / each * each + each - 1;
        const struct waiting *widest = &g->at[last < g->count ? last : g->count - 1];
        double width = widest->height * widest->wide;
        g->at[i].width = width < 65535 ? (int)width : 65535;
    }
    qsort(g->at, g->count, sizeof *g->at, as_they_came);
}

void group_end(struct runner *r)
{
    struct group *g = r->group;
    bool goes_on = g && r->picture && strcmp(r->picture_path, g->path) == 0;
    r->group = NULL;
    for (size_t i = 0; g && i < g->count; i++)
        g->at[i].wide = part_proportion(r, g->at[i].line, g->at[i].n, &g->at[i].height);
    if (g) {
        set_widths(g, (size_t)r->request->group);
        r->frame = goes_on ? r->frame : (size_t)-1; /* the photo is there already; its first record is number 0 */
    }
    for (size_t i = 0; g && i < g->count; i++) {
        r->width = g->at[i].width;
        feed_record(r, g->at[i].line, g->at[i].n, g->at[i].where);
        free(g->at[i].line);
        free(g->at[i].where);
    }
    r->width = 0;
    if (g) {
        free(g->at);
        free(g->path);
    }
    free(g);
}
