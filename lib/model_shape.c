/* Giving open sizes of inputs a value. */
#include "model_private.h"

#include <stdio.h>
#include <string.h>

#include "op/op.h"

const char *model_dims_text(int rank, const int64_t *dims, char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "scalar");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? "x%lld" : "%lld", (long long)dims[i]);
    return text;
}

static int does_not_fit(const struct value *v, int rank, const int64_t *dims, struct error *err)
{
    char have[200], want[200];
    return error_set(err, "input '%s': given %s, wants %s", v->name, model_dims_text(rank, dims, have, sizeof have),
                     type_text(v->graph, &v->type, want, sizeof want));
}

/* One size of an input; what is open becomes it. */
static int bind_dim(struct graph *g, struct value *v, int i, int64_t size, struct error *err)
{
    int64_t dim = v->type.dims[i];
    if (dim < 0 && dim != DIM_UNKNOWN && graph_bind_symbol(g, dim, size, err) < 0)
        return -1;
    v->type.dims[i] = size;
    return 0;
}

/* Whether the sizes are those of the type, and the same where a symbol is the same. */
static bool agrees(const struct type *t, int rank, const int64_t *dims)
{
    if (t->kind != TYPE_TENSOR || (t->rank >= 0 && t->rank != rank))
        return false;
    for (int i = 0; i < t->rank; i++) {
        if (t->dims[i] >= 0 && t->dims[i] != dims[i])
            return false;
        for (int k = 0; k < i && t->dims[i] != DIM_UNKNOWN; k++)
            if (t->dims[k] == t->dims[i] && dims[k] != dims[i])
                return false;
    }
    return true;
}

static int bind_input(struct graph *g, struct value *v, int rank, const int64_t *dims, struct error *err)
{
    struct type *t = &v->type;
    if (!agrees(t, rank, dims)) /* before anything is changed */
        return does_not_fit(v, rank, dims, err);
    if (t->rank < 0) {
        t->rank = rank;
        for (int i = 0; i < rank; i++)
            t->dims[i] = DIM_UNKNOWN;
    }
    for (int i = 0; i < rank; i++) {
        if (t->dims[i] >= 0 && t->dims[i] != dims[i]) /* by a symbol just bound, of which it is an expression */
            return does_not_fit(v, rank, dims, err);
        if (bind_dim(g, v, i, dims[i], err) < 0)
            return -1;
    }
    return 0;
}

/* The symbol of that name, when inputs mention it. */
static bool find_symbol(const struct graph *g, const char *name, int64_t *symbol)
{
    for (size_t i = 0; i < g->input_count; i++) {
        const struct type *t = &g->inputs[i]->type;
        for (int d = 0; t->kind == TYPE_TENSOR && d < t->rank; d++) {
            *symbol = t->dims[d];
            if (*symbol < 0 && *symbol != DIM_UNKNOWN && strcmp(graph_symbol_name(g, *symbol), name) == 0)
                return true;
        }
    }
    return false;
}

static int unknown_name(const struct graph *g, const char *name, struct error *err)
{
    char names[600] = "";
    size_t used = 0;
    for (size_t i = 0; used + 1 < sizeof names && i < g->input_count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, i ? ", '%s'" : "'%s'", g->inputs[i]->name);
    return error_set(err, "no input '%s', nor an open size of that name: want one of %s", name, names);
}

static struct value *find_input(const struct graph *g, const char *name)
{
    for (size_t i = 0; i < g->input_count; i++)
        if (strcmp(g->inputs[i]->name, name) == 0)
            return g->inputs[i];
    return NULL;
}

int model_bind(struct model *m, const char *name, int rank, const int64_t *dims, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct graph *g = m->graph;
    struct value *v = find_input(g, name);
    int64_t symbol;
    int status;
    if (rank > TENSOR_MAX_RANK)
        return error_set(err, "input '%s': %d sizes: want at most %d", name, rank, TENSOR_MAX_RANK);
    if (v)
        status = bind_input(g, v, rank, dims, err);
    else if (rank == 1 && find_symbol(g, name, &symbol))
        status = graph_bind_symbol(g, symbol, dims[0], err);
    else
        return unknown_name(g, name, err);
    return status < 0 ? -1 : op_infer_graph(g, err);
}

/* A Reshape to stated sizes: those that its input has in front are copied from it. If one is left, it follows; of more
 * none does where other sizes than the batch change, since what is stated of them may be what was built for the old. */
static int loosen(struct node *n, bool of_batch, struct error *err)
{
    const struct value *data = node_in(n, 0), *list = node_in(n, 1);
    const struct tensor *stated = node_is(n, "Reshape") && data && list && !list->is_input ? list->constant : NULL;
    int64_t sizes[TENSOR_MAX_RANK], count, i = 0;
    bool open = false;
    if (!stated || stated->dtype != DTYPE_I64 || stated->count > TENSOR_MAX_RANK || data->type.kind != TYPE_TENSOR ||
        op_int(n, "allowzero"))
        return 0;
    const struct type *t = &data->type;
    count = stated->count;
    for (int64_t k = 0; k < count; k++) {
        sizes[k] = tensor_get_i64(stated, k);
        open |= sizes[k] < 0;
    }
    for (; i < count && i < t->rank && (sizes[i] == 0 || sizes[i] == t->dims[i]); i++)
        sizes[i] = 0;
    if (!open && (i == count - 1 || (i == 0 && count > 0 && of_batch)))
        sizes[i] = -1;
    struct value *v = graph_add_constant(n->graph, NULL, tensor_ints(count, sizes, err), err);
    return v ? node_set_input(n, 1, v, err) : -1;
}

int model_reshape(struct model *m, const char *name, int rank, const int64_t *dims, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct graph *g = m->graph;
    struct value *v = find_input(g, name);
    if (!v || v->type.rank != rank || agrees(&v->type, rank, dims))
        return model_bind(m, name, rank, dims, error);
    bool of_batch = true;
    for (int i = 1; i < rank; i++)
        of_batch &= dims[i] == v->type.dims[i];
    for (struct node *n = g->last; n; n = n->prev) { /* backwards: a node's input is as it was */
        if (loosen(n, of_batch, err) < 0)
            return -1;
        for (int o = 0; o < n->out_count; o++)
            if (n->out[o] && n->def && n->def->infer)
                n->out[o]->type.rank = -1;
    }
    for (int i = 0; i < rank; i++)
        if (bind_dim(g, v, i, dims[i], err) < 0)
            return -1;
    graph_sweep_constants(g);
    char text[200];
    if (op_infer_graph(g, err) == 0)
        return 0;
    return error_prefix(err, "input '%s' as %s", name, model_dims_text(rank, dims, text, sizeof text));
}

/* Open sizes of states are batches; rows of numbers are sound, of which a network wants a few hundred samples. */
static int64_t size_wanted(const void *m, const struct graph *g, size_t input, int axis)
{
    const struct type *t = &g->inputs[input]->type;
    if (axis == 0 || model_state(m, input) >= 0)
        return 1;
    return t->rank == 2 && dtype_info(t->dtype)->class == DTYPE_CLASS_FLOAT ? 512 : t->rank == 4 && axis >= 2 ? 64 : 16;
}

int model_bind_rest(struct model *m, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct graph *g = m->graph;
    int count = 0;
    for (size_t i = 0; i < g->input_count; i++) {
        const struct type *t = &g->inputs[i]->type;
        if (t->kind != TYPE_TENSOR || t->rank < 0)
            return error_set(err, "input '%s': its shape is not known: give it", g->inputs[i]->name);
        for (int d = 0; d < t->rank; d++)
            count += t->dims[d] < 0;
    }
    if (graph_bind_inputs(g, size_wanted, m, err) < 0)
        return -1;
    for (size_t i = 0; i < g->input_count; i++) {
        struct value *v = g->inputs[i];
        for (int d = 0; d < v->type.rank; d++)
            if (v->type.dims[d] < 0 && bind_dim(g, v, d, size_wanted(m, g, i, d), err) < 0)
                return -1;
    }
    return op_infer_graph(g, err) < 0 ? -1 : count;
}
