#include "exec/widen.h"

#include <stdlib.h>

#include "exec/narrow.h"
#include "op/op.h"

static bool is_half(enum dtype dtype)
{
    return dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

/* A constant matrix, which may be one of weights that products take as they are (narrow.h). */
static bool is_matrix(const struct value *v)
{
    return v->constant && v->constant->rank == 2 && v->constant->count >= NARROW_LEAST && !v->is_input && !v->is_output;
}

/* What nothing but Casts to other types takes: weights that are stored as halves, and numbers of a wider type that are
 * to be rounded. */
static bool is_cast_back(const struct value *v)
{
    const struct node *n = v->producer;
    if (v->is_output || (n ? !node_is(n, "Cast") || is_half(n->in[0]->type.dtype) : !v->constant))
        return false;
    for (size_t i = 0; i < v->use_count; i++)
        if (!node_is(v->uses[i].node, "Cast") || is_half((enum dtype)op_int(v->uses[i].node, "to")))
            return false;
    return true;
}

/* The number of values of a half type, in subgraphs too, but for matrices and what is cast back; those of the root's
 * inputs and outputs apart, when `inside`. */
static size_t count_halves(const struct graph *root, bool inside)
{
    size_t count = 0;
    for (const struct graph *g = root; g; g = graph_next(root, g))
        for (size_t i = 0; i < g->value_count; i++) {
            const struct value *v = g->values[i];
            if (v && is_half(v->type.dtype) && !is_matrix(v) && !is_cast_back(v) &&
                !(inside && g == root && (v->is_input || v->is_output)))
                count++;
        }
    return count;
}

static struct node *add_cast(struct graph *g, enum dtype to, struct node *before, const struct type *type,
                             struct error *err)
{
    struct node *cast = graph_add_node(g, "", "Cast", before, err);
    struct value *out = cast ? node_new_output(cast, NULL, err) : NULL;
    if (!out || node_set_int(cast, "to", to, err) < 0)
        return NULL;
    out->type = *type;
    out->type.dtype = to;
    return cast;
}

/* Every use of a half input goes to its widened self. */
static int widen_input(struct graph *g, struct value *v, enum dtype half, struct error *err)
{
    struct node *cast = add_cast(g, DTYPE_F32, g->first, &v->type, err);
    if (!cast)
        return -1;
    while (v->use_count > 0)
        if (node_set_input(v->uses[0].node, v->uses[0].index, cast->out[0], err) < 0)
            return -1;
    v->type.dtype = half;
    return node_add_input(cast, v, err);
}

static int widen_value(struct graph *g, struct value *v, struct error *err)
{
    if (!is_half(v->type.dtype) || is_cast_back(v))
        return 0;
    if (is_matrix(v)) {
        v->type.dtype = DTYPE_F32;
        return widen_input(g, v, v->constant->dtype, err);
    }
    v->type.dtype = DTYPE_F32;
    if (!v->constant)
        return 0;
    struct tensor *wide = tensor_cast(v->constant, DTYPE_F32, true, err);
    return wide ? graph_make_constant(v, wide, err) : -1;
}

/* A Cast gives f32, but what was wider is rounded before, as the graph says. */
static int widen_cast(struct graph *g, struct node *n, enum dtype half, struct error *err)
{
    struct value *in = n->in[0];
    if (is_cast_back(n->out[0]))
        return 0;
    struct node *rounding = is_half(in->type.dtype) ? NULL : add_cast(g, half, n, &n->out[0]->type, err);
    if (!is_half(in->type.dtype) &&
        (!rounding || node_add_input(rounding, in, err) < 0 || node_set_input(n, 0, rounding->out[0], err) < 0))
        return -1;
    return node_set_int(n, "to", DTYPE_F32, err);
}

/* Attributes that name the type: Cast's `to`, ConstantOfShape's value. */
static int widen_node(struct graph *g, struct node *n, struct error *err)
{
    const struct attr *to = node_attr(n, "to"), *value = node_attr(n, "value");
    if (node_is(n, "Cast") && to && is_half((enum dtype)to->i))
        return widen_cast(g, n, (enum dtype)to->i, err);
    if (!value || value->kind != ATTR_TENSOR || !is_half(value->tensor->dtype))
        return 0;
    struct tensor *wide = tensor_cast(value->tensor, DTYPE_F32, true, err);
    return wide ? node_set_tensor(n, "value", wide, err) : -1;
}

/* Outputs are given anew, in their order, by Casts where they were halves. */
static int narrow_outputs(struct graph *g, const enum dtype *halves, struct error *err)
{
    size_t n = g->output_count;
    struct value **outputs = mem_calloc(n, sizeof *outputs, err);
    int status = outputs ? 0 : -1;
    for (size_t i = 0; outputs && i < n; i++)
        outputs[i] = g->outputs[i];
    while (status == 0 && g->output_count > 0)
        graph_remove_output(g->outputs[g->output_count - 1]);
    for (size_t i = 0; status == 0 && i < n; i++) {
        struct node *cast = halves[i] ? add_cast(g, halves[i], NULL, &outputs[i]->type, err) : NULL;
        if ((halves[i] && !cast) || (cast && node_add_input(cast, outputs[i], err) < 0))
            status = -1;
        else
            status = graph_add_output(g, cast ? cast->out[0] : outputs[i], err);
    }
    free(outputs);
    return status;
}

static int widen_all(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g)) {
        for (struct node *n = g->first; n; n = n->next)
            if (widen_node(g, n, err) < 0)
                return -1;
        for (size_t i = 0; i < g->value_count; i++)
            if (g->values[i] && widen_value(g, g->values[i], err) < 0)
                return -1;
    }
    return 0;
}

/* The half types of the ports, DTYPE_NONE for others: inputs, then outputs; for free(). */
static enum dtype *port_types(const struct graph *g, struct error *err)
{
    enum dtype *types = mem_calloc(g->input_count + g->output_count, sizeof *types, err);
    for (size_t i = 0; types && i < g->input_count; i++)
        types[i] = is_half(g->inputs[i]->type.dtype) ? g->inputs[i]->type.dtype : DTYPE_NONE;
    for (size_t i = 0; types && i < g->output_count; i++)
        types[g->input_count + i] = is_half(g->outputs[i]->type.dtype) ? g->outputs[i]->type.dtype : DTYPE_NONE;
    return types;
}

static int widen_copy(struct graph *g, struct error *err)
{
    enum dtype *ports = port_types(g, err);
    int status = ports ? widen_all(g, err) : -1;
    for (size_t i = 0; status == 0 && i < g->input_count; i++)
        if (ports[i])
            status = widen_input(g, g->inputs[i], ports[i], err);
    if (status == 0)
        status = narrow_outputs(g, ports + g->input_count, err);
    free(ports);
    if (status == 0)
        op_resolve(g);
    return status;
}

struct graph *widen_halves(struct graph *g, struct error *err)
{
    struct error reason; /* that an operator refuses f32 is no error of the caller's */
    if (count_halves(g, false) == 0)
        return g;
    struct graph *wide = graph_clone(g, err);
    if (!wide) {
        graph_free(g);
        return NULL;
    }
    if (widen_copy(wide, &reason) < 0 || op_infer_graph(wide, &reason) < 0 || count_halves(wide, true) > 0) {
        graph_free(wide);
        return g;
    }
    graph_free(g);
    return wide;
}
