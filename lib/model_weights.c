/* The public API: weights that come from a file of their own. */
#include "model_private.h"

#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "pair/weights.h"

struct model *model_read_weights(const char *path, struct model_error *err)
{
    bool is_network = !path || strcmp(path, "-") == 0; /* which is read but once */
    struct graph *g = is_network ? NULL : format_read_weights(path, &is_network, model_inner(err));
    return is_network ? model_read(path, NULL, err) : model_of_graph(g, model_inner(err));
}

static struct model_misfit outer(const struct pair_misfit *p)
{
    const struct tensor *t = p->value->constant;
    struct model_misfit m = {.name = p->value->name, .dtype = dtype_info(t->dtype)->name, .rank = t->rank};
    memcpy(m.dims, t->dims, sizeof(m.dims));
    m.given = p->given;
    m.why = p->why;
    return m;
}

struct model_misfit *model_take_weights(struct model *m, const struct model *from, size_t *count,
                                        struct model_error *err)
{
    struct pair_misfit *inner;
    if (pair_take_weights(m->graph, from->graph, &inner, count, model_inner(err)) != 0)
        return NULL;
    struct model_misfit *list = mem_calloc(*count + 1, sizeof(*list), model_inner(err));
    for (size_t i = 0; list && i < *count; i++)
        list[i] = outer(&inner[i]);
    free(inner);
    return list;
}
