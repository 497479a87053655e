#include "op/lifetimes.h"

#include <stdlib.h>

static void note_use(const struct lifetimes *l, const struct value *v, int64_t place)
{
    if (v && v->graph == l->graph)
        l->last[v->index] = place;
}

static int note_node(const struct lifetimes *l, const struct node *n, int64_t place, int depth, struct error *err)
{
    if (depth > GRAPH_MAX_DEPTH)
        return error_set(err, "subgraphs are nested more than %d deep", GRAPH_MAX_DEPTH);
    for (int i = 0; i < n->in_count; i++)
        note_use(l, n->in[i], place);
    for (const struct attr *a = n->attrs; a; a = a->next) {
        if (a->kind != ATTR_GRAPH)
            continue;
        for (const struct node *inner = a->graph->first; inner; inner = inner->next)
            if (note_node(l, inner, place, depth + 1, err))
                return -1;
        for (size_t i = 0; i < a->graph->output_count; i++)
            note_use(l, a->graph->outputs[i], place);
    }
    return 0;
}

int lifetimes_init(struct lifetimes *l, const struct graph *g, struct error *err)
{
    l->graph = g;
    l->last = mem_calloc(g->value_count, sizeof(*l->last), err);
    l->after = mem_calloc(g->value_count, sizeof(*l->after), err);
    l->ends = mem_calloc(g->node_count, sizeof(*l->ends), err);
    if (!l->last || !l->after || !l->ends)
        return -1;
    for (size_t i = 0; i < g->value_count; i++)
        l->last[i] = -1;
    for (size_t i = 0; i < g->node_count; i++)
        l->ends[i] = -1;
    int64_t place = 0;
    for (const struct node *n = g->first; n; n = n->next, place++) {
        for (int o = 0; o < n->out_count; o++)
            note_use(l, n->out[o], place);
        if (note_node(l, n, place, 0, err))
            return -1;
    }
    for (size_t i = 0; i < g->value_count; i++)
        if (l->last[i] >= 0 && !g->values[i]->is_output) {
            l->after[i] = l->ends[l->last[i]];
            l->ends[l->last[i]] = (int64_t)i;
        }
    return 0;
}

void lifetimes_release(struct lifetimes *l)
{
    free(l->last);
    free(l->after);
    free(l->ends);
}
