/* Activations of u8 as s8, which is all that TFLite multiplies by weights of s8: with a zero point that is 128 less. */
#include <stdlib.h>

#include "base/mem.h"
#include "format/tflite/lower.h"

/* Operators that give the bytes that they are given, or the greatest of some. */
static bool is_mover(const struct node *n)
{
    static const char *const movers[] = {"Reshape", "Transpose", "Concat",    "Slice", "Split", "MaxPool",
                                         "Squeeze", "Flatten",   "Unsqueeze", "Tile",  "Gather"};
    for (size_t i = 0; i < sizeof movers / sizeof *movers; i++)
        if (node_is(n, movers[i]))
            return true;
    return false;
}

static bool is_u8(const struct value *v)
{
    return v && v->type.dtype == DTYPE_U8;
}

static bool is_scaled(const struct node *n, const char *op)
{
    return node_is(n, op) && node_in(n, 2) && n->in[2]->constant && is_u8(n->in[2]);
}

/* Whether bytes have a zero point, or are moved, where they are made and wherever they are taken. */
static bool is_inner(const struct value *v)
{
    const struct node *from = v->producer;
    bool good =
        from && from->graph == v->graph && !v->is_output && (is_mover(from) || is_scaled(from, "QuantizeLinear"));
    for (size_t i = 0; good && i < v->use_count; i++) {
        const struct use *u = &v->uses[i];
        good = u->node->graph == v->graph &&
               (is_mover(u->node) || (u->index == 0 && is_scaled(u->node, "DequantizeLinear")));
    }
    return good;
}

/* All bytes that a mover takes or gives stay, or none. Returns whether any does now that did not before. */
static bool spread(const struct node *n, bool *stays)
{
    int bytes = 0, kept = 0, ends = n->in_count + n->out_count;
    for (int i = 0; i < ends; i++) {
        const struct value *v = i < n->in_count ? n->in[i] : n->out[i - n->in_count];
        bytes += is_u8(v);
        kept += is_u8(v) && stays[v->index];
    }
    for (int i = 0; kept && i < ends; i++) {
        const struct value *v = i < n->in_count ? n->in[i] : n->out[i - n->in_count];
        if (is_u8(v))
            stays[v->index] = true;
    }
    return kept > 0 && kept < bytes;
}

/* Gives a QuantizeLinear or DequantizeLinear a zero point of s8. */
static int make_signed(struct node *n, struct error *err)
{
    const struct tensor *old = n->in[2]->constant;
    struct tensor *zero = tensor_new(DTYPE_I8, old->rank, old->dims, err);
    for (int64_t i = 0; zero && i < old->count; i++)
        tensor_set_f64(zero, i, tensor_get_f64(old, i) - 128);
    struct value *v = zero ? graph_add_constant(n->graph, NULL, zero, err) : NULL;
    return v ? node_set_input(n, 2, v, err) : -1;
}

/* Weights of u8 are those of older files, whose kernels take such activations. */
static bool has_old_weights(const struct graph *g)
{
    for (const struct node *n = g->first; n; n = n->next)
        if (node_is(n, "DequantizeLinear") && is_u8(n->in[0]) && n->in[0]->constant && n->in[0]->type.rank > 1)
            return true;
    return false;
}

int tflite_sign_bytes(struct graph *g, struct error *err)
{
    bool *stays = has_old_weights(g) ? NULL : mem_calloc(g->value_count, sizeof *stays, err), any = true;
    if (!stays)
        return has_old_weights(g) ? 0 : -1;
    for (size_t i = 0; i < g->value_count; i++)
        stays[i] = is_u8(g->values[i]) && !is_inner(g->values[i]);
    while (any) {
        any = false;
        for (const struct node *n = g->first; n; n = n->next)
            any |= is_mover(n) && spread(n, stays);
    }
    int status = 0;
    for (struct node *n = g->first; n && status == 0; n = n->next) {
        const struct value *bytes = node_is(n, "QuantizeLinear") ? node_out(n, 0) : node_in(n, 0);
        bool scaled = is_scaled(n, "QuantizeLinear") || is_scaled(n, "DequantizeLinear");
        if (scaled && is_u8(bytes) && !stays[bytes->index])
            status = make_signed(n, err);
    }
    free(stays);
    return status ? -1 : op_infer_graph(g, err);
}
