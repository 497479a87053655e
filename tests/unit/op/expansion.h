/* Whether an operator with an evaluation of its own means what its expansion into ONNX's operators says. */
#ifndef TESTS_UNIT_OP_EXPANSION_H
#define TESTS_UNIT_OP_EXPANSION_H

#include "one.h"

/* Puts the expansion in the place of the node; every node of it must be sound, and have ONNX's domain. */
static bool expansion_replace(struct one *o)
{
    op_resolve(o->g);
    if (op_infer_graph(o->g, &o->err) || o->n->def->expand(o->n, &o->err))
        return false;
    graph_remove_node(o->n);
    o->n = NULL;
    op_resolve(o->g);
    for (const struct node *n = o->g->first; n; n = n->next)
        if (n->domain[0] || op_check(n, &o->err))
            return false;
    return op_infer_graph(o->g, &o->err) == 0;
}

static bool expansion_near(const struct tensor *a, const struct tensor *b, double slack)
{
    if (a->dtype != b->dtype || a->rank != b->rank || memcmp(a->dims, b->dims, sizeof(int64_t) * (size_t)a->rank)) {
        printf("  other dims: rank %d, %lld elements, and rank %d, %lld elements\n", a->rank, (long long)a->count,
               b->rank, (long long)b->count);
        return false;
    }
    for (int64_t i = 0; i < a->count; i++) {
        double x = tensor_get_f64(a, i), y = tensor_get_f64(b, i);
        if (isnan(x) ? !isnan(y) : x != y && !(fabs(x - y) <= slack * fmax(1, fabs(x)))) {
            printf("  element %lld is %.9g, expanded %.9g\n", (long long)i, x, y);
            return false;
        }
    }
    return true;
}

/* Runs the node, then its expansion. */
ONE_UNUSED static bool expansion_agrees(struct one *o, double slack)
{
    struct item *first[ONE_MAX] = {NULL};
    size_t count = o->g->output_count;
    if (one_run(o)) {
        printf("  %s\n", o->err.text);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        first[i] = o->out[i];
        o->out[i] = NULL;
    }
    bool fine = expansion_replace(o) && one_eval(o) == 0;
    if (!fine)
        printf("  expanded: %s\n", o->err.text);
    for (size_t i = 0; i < count; i++) {
        fine = fine && expansion_near(first[i]->tensor, o->out[i]->tensor, slack);
        item_unref(first[i]);
    }
    return fine;
}

#endif
