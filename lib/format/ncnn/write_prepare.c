/* Before a graph is written: sizes of batches are set, constants computed, operators expanded. */
#include <string.h>

#include "format/lower.h"
#include "format/ncnn/write.h"

#define OPERANDS 64
#define ROUNDS   16 /* what is computed may tell more sizes; an expansion may give what is expanded again */

/* ---- constants ---- */

static bool all_constant(const struct node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !n->in[i]->constant)
            return false;
    return n->in_count > 0 && n->in_count <= OPERANDS && n->out_count <= OPERANDS && n->def;
}

/* Results of a node whose operands are constants; whether there are any. The caller unrefs. */
static bool evaluate(struct node *n, struct item **out, struct error *err)
{
    struct item *in[OPERANDS] = {NULL};
    bool made = true;
    for (int i = 0; made && i < n->in_count; i++)
        if (n->in[i] && n->in[i]->constant)
            made = (in[i] = item_of_tensor(tensor_ref(n->in[i]->constant), err)) != NULL;
    made = made && op_compute(n, in, out, OPERANDS, err) == 0;
    for (int i = 0; i < n->in_count; i++)
        item_unref(in[i]);
    return made;
}

struct tensor *ncnn_write_evaluate(struct node *n, struct error *err)
{
    struct item *out[OPERANDS] = {NULL};
    struct tensor *t = NULL;
    if (all_constant(n) && evaluate(n, out, err) && out[0]->kind == ITEM_TENSOR)
        t = tensor_ref(out[0]->tensor);
    for (int i = 0; i < OPERANDS; i++)
        item_unref(out[i]);
    return t;
}

/* What inference knows of a value; NULL when that is not all. */
static struct tensor *known_tensor(const struct value *v, struct error *err)
{
    const struct type *t = &v->type;
    if (!v->known || t->kind != TYPE_TENSOR || t->rank < 0 || t->rank > 1 || t->dtype == DTYPE_NONE)
        return NULL;
    for (int i = 0; i < v->known_count; i++)
        if (v->known[i].kind != KNOWN_NUMBER)
            return NULL;
    struct tensor *to = tensor_new(t->dtype, t->rank, (int64_t[]){v->known_count}, err);
    for (int i = 0; to && i < v->known_count; i++)
        tensor_set_i64(to, i, v->known[i].value);
    return to;
}

/* DequantizeLinear of constants stays, for layers of 8 bits. A node that fails here says why when it is written. */
static int fold_node(struct node *n, bool *any, struct error *err)
{
    struct error ignored;
    struct item *out[OPERANDS] = {NULL};
    bool made =
        all_constant(n) && !node_is(n, "DequantizeLinear") && !op_trait(n, "random") && evaluate(n, out, &ignored);
    int status = 0;
    for (int o = 0; o < n->out_count && status == 0; o++) {
        struct value *v = n->out[o];
        struct tensor *t = !v || v->is_output ? NULL
                           : made && out[o]   ? out[o]->kind == ITEM_TENSOR ? tensor_ref(out[o]->tensor) : NULL
                                              : known_tensor(v, &ignored);
        *any |= t != NULL;
        if (t)
            status = graph_make_constant(v, t, err);
    }
    for (int i = 0; i < OPERANDS; i++)
        item_unref(out[i]);
    return status;
}

static int fold(struct graph *g, bool *any, struct error *err)
{
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (fold_node(n, any, err) != 0)
            return -1;
    }
    graph_sweep(g);
    return 0;
}

/* ---- operators ---- */

/* Of norms there is a layer for that of channels alone; of powers for those of a base that is not negative. */
static bool has_row(const struct node *n)
{
    int64_t axis = node_is(n, "LpNormalization") ? op_int(n, "axis") : 1;
    bool other =
        node_is(n, "LpNormalization") && (op_int(n, "p") != 2 || n->in[0]->type.rank != 4 || (axis != 1 && axis != -3));
    return ncnn_write_row(n) && !other && !format_is_product(n);
}

/* Of other types than a row's there is no layer for a Cast either. */
static int lower(struct node *n, struct error *err)
{
    return format_lower_unless(n, has_row(n) ? "any" : NULL, err);
}

static void expand(struct graph *g, bool *any)
{
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (!n->def || !n->def->expand || has_row(n))
            continue;
        struct error ignored;
        if (n->def->expand(n, &ignored) != 0)
            continue; /* it is listed as what cannot be written */
        graph_remove_node(n);
        *any = true;
    }
}

static bool is_number(const struct value *v, int64_t number)
{
    return v && v->constant && v->constant->count == 1 && tensor_get_i64(v->constant, 0) == number;
}

/* Embed itself keeps indices within its table. */
static int drop_clips(struct graph *g, struct error *err)
{
    for (struct node *n = g->first; n; n = n->next) {
        const struct node *clip = node_is(n, "Gather") && op_int(n, "axis") == 0 ? n->in[1]->producer : NULL;
        const struct tensor *table = clip ? n->in[0]->constant : NULL;
        if (table && node_is(clip, "Clip") && table->rank == 2 && is_number(node_in(clip, 1), 0) &&
            is_number(node_in(clip, 2), table->dims[0] - 1) && node_set_input(n, 1, clip->in[0], err) != 0)
            return -1;
    }
    return 0;
}

static int64_t size_of_batch(const void *arg, const struct graph *g, size_t input, int axis)
{
    (void)arg;
    return axis == 0 && g->inputs[input]->type.rank >= 2 ? 1 : -1;
}

/* An open first size of an input is that of the batch. */
static int bind_batches(struct graph *g, struct error *err)
{
    if (graph_bind_inputs(g, size_of_batch, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < g->input_count; i++) {
        struct type *t = &g->inputs[i]->type;
        if (t->kind != TYPE_TENSOR || t->rank < 2 || t->dims[0] >= 0)
            continue;
        if (t->dims[0] != DIM_UNKNOWN && graph_bind_symbol(g, t->dims[0], 1, err) != 0)
            return -1;
        t->dims[0] = 1;
    }
    return 0;
}

static int prepare(struct graph *g, struct error *err)
{
    bool any = true;
    op_resolve(g);
    for (size_t i = 0; i < g->input_count; i++) { /* what one has where nothing is given, ncnn cannot say */
        tensor_unref(g->inputs[i]->constant);
        g->inputs[i]->constant = NULL;
    }
    if (bind_batches(g, err) != 0)
        return -1;
    for (int round = 0; any && round < ROUNDS; round++) {
        any = false;
        if (op_infer_graph(g, err) != 0 || fold(g, &any, err) != 0)
            return -1;
        expand(g, &any);
        int made = format_lower_all(g, lower, err);
        if (made < 0)
            return -1;
        any = any || made;
    }
    if (drop_clips(g, err) != 0)
        return -1;
    graph_sweep(g);
    return 0;
}

struct graph *ncnn_write_prepare(const struct graph *g, struct error *err)
{
    struct graph *copy = graph_clone(g, err);
    return graph_if(copy && prepare(copy, err) == 0, copy);
}
