/* The public API: pairing the layers of two models. */
#include "model_pair.h"

#include <stdlib.h>

#include "base/lookup.h"
#include "op/op.h"

/* ---- binding sizes as the other model has them ---- */

static size_t given_inputs(const struct graph *g, struct value **list)
{
    size_t n = 0;
    for (size_t i = 0; i < g->input_count; i++)
        if (!g->inputs[i]->constant)
            list[n++] = g->inputs[i];
    return n;
}

/* The layouts in which a picture may come: the second's axis k is the first's axis perm[k]. */
static const unsigned char layouts[][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}};

static bool may_be(const struct type *a, const struct type *b, const unsigned char *perm)
{
    for (int i = 0; i < a->rank; i++) {
        int64_t x = a->dims[a->rank == 4 ? perm[i] : i], y = b->dims[i];
        if (x >= 0 && y >= 0 && x != y)
            return false;
    }
    return true;
}

/* What the size is in the other's input, others[input]: negative, open there too, or of no axis of it. */
static int64_t size_in_other(const void *others, const struct graph *g, size_t input, int axis)
{
    const struct value *from = ((struct value *const *)others)[input];
    const struct type *a = from ? &from->type : NULL, *b = &g->inputs[input]->type;
    size_t at = 0, count = sizeof layouts / sizeof *layouts;
    if (!a || a->kind != TYPE_TENSOR || b->kind != TYPE_TENSOR || a->rank != b->rank)
        return -1;
    while (at < count && !may_be(a, b, layouts[at]))
        at += a->rank == 4 ? 1 : count;
    return at < count ? a->dims[a->rank == 4 ? layouts[at][axis] : axis] : -1;
}

/* Gives open sizes of `to` those of the others. */
static int take_sizes(struct graph *to, struct value *const *others, struct error *err)
{
    if (graph_bind_inputs(to, size_in_other, others, err) < 0)
        return -1;
    for (size_t i = 0; i < to->input_count; i++) {
        struct type *t = &to->inputs[i]->type;
        for (int d = 0; t->kind == TYPE_TENSOR && d < t->rank; d++) {
            int64_t dim = t->dims[d], size = dim < 0 ? size_in_other(others, to, i, d) : -1;
            if (size < 0)
                continue;
            if (dim != DIM_UNKNOWN && graph_bind_symbol(to, dim, size, err) < 0)
                return -1;
            t->dims[d] = size;
        }
    }
    return 0;
}

static int add_names(struct lookup *names, struct value *const *list, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!lookup_find(names, list[i]->name) && lookup_add(names, list[i]->name, list[i], err) != 0)
            return -1;
    return 0;
}

/* Inputs correspond by name, else by number. */
static int take_all_sizes(struct graph *to, const struct graph *from, struct error *err)
{
    struct value **a = mem_calloc(from->input_count, sizeof *a, err), **others = NULL;
    struct lookup names = {0};
    size_t n = a ? given_inputs(from, a) : 0, given = 0;
    int status = a && (others = mem_calloc(to->input_count, sizeof *others, err)) ? add_names(&names, a, n, err) : -1;
    for (size_t i = 0; status == 0 && i < to->input_count; i++) {
        if (to->inputs[i]->constant)
            continue;
        others[i] = lookup_find(&names, to->inputs[i]->name);
        others[i] = others[i] ? others[i] : given < n ? a[given] : NULL;
        given++;
    }
    if (status == 0)
        status = take_sizes(to, others, err);
    lookup_release(&names);
    free(a);
    free(others);
    return status;
}

/* Open sizes get those of the other; then the first's usual ones, and what is open in the second as well these. */
static int bind_both(struct model *a, struct model *b, struct model_error *error)
{
    struct error *err = model_inner(error);
    if (take_all_sizes(a->graph, b->graph, err) < 0 || model_bind_rest(a, error) < 0 ||
        take_all_sizes(b->graph, a->graph, err) < 0)
        return -1;
    return model_bind_rest(b, error) < 0 ? -1 : 0;
}

/* ---- the pairing ---- */

/* Takes the models over. */
static struct model_pairing *pair_models(struct model *a, struct model *b, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct model_pairing *p = a && b ? mem_calloc(1, sizeof *p, err) : NULL;
    if (p) {
        p->first = a;
        p->second = b;
        if (pair_init(&p->pair, a->graph, b->graph, err) == 0)
            return p;
        model_pairing_free(p);
        return NULL;
    }
    model_free(a);
    model_free(b);
    return NULL;
}

struct model_pairing *model_pairing_new(const struct model *first, const struct model *second,
                                        struct model_error *error)
{
    struct model *a = model_copy(first, error), *b = a ? model_copy(second, error) : NULL;
    if (b && bind_both(a, b, NULL) == 0) {
        struct model_pairing *p = pair_models(a, b, error);
        if (p)
            return p;
    } else {
        model_free(a);
        model_free(b);
    }
    a = model_copy(first, error); /* sizes that cannot be: paired with open ones */
    b = a ? model_copy(second, error) : NULL;
    return pair_models(a, b, error);
}

void model_pairing_free(struct model_pairing *p)
{
    if (!p)
        return;
    pair_release(&p->pair);
    model_free(p->first);
    model_free(p->second);
    free(p);
}

bool model_pairing_finding(const struct model_pairing *p, size_t index, struct model_finding *finding)
{
    if (index >= p->pair.finding_count)
        return false;
    const struct pair_finding *f = &p->pair.findings[index];
    const struct pair_layer *a = f->a == PAIR_NONE ? NULL : &p->pair.a.layers[f->a];
    const struct pair_layer *b = f->b == PAIR_NONE ? NULL : &p->pair.b.layers[f->b];
    *finding = (struct model_finding){.what = f->what,
                                      .first = a ? pair_name(a) : NULL,
                                      .second = b ? pair_name(b) : NULL,
                                      .op = a ? a->op : b->op,
                                      .text = f->text};
    return true;
}

double model_pairing_rounding(const struct model_pairing *p)
{
    return p->pair.rounding;
}
