/* Activations of u8 as s8, with a zero point that is 128 less, and the reverse. */
#include <stdlib.h>

#include "base/text.h"
#include "base/mem.h"
#include "op/quant.h"

/* Operators that give the bytes that they are given, or the greatest of some. */
static bool is_mover(const struct node *n)
{
    return !n->domain[0] &&
           text_has_word("Reshape Transpose Concat Slice Split MaxPool Squeeze Flatten Unsqueeze Tile Gather", n->op);
}

static bool is_of(const struct value *v, enum dtype type)
{
    return v && v->type.dtype == type;
}

/* What is turned: bytes of a type whose zero points are all below a number. */
struct bytes {
    enum dtype type;
    int below;
};

static bool is_scaled(const struct node *n, const char *op, struct bytes b)
{
    const struct tensor *zero = node_is(n, op) && node_in(n, 2) ? n->in[2]->constant : NULL;
    bool is = zero && is_of(n->in[2], b.type);
    for (int64_t i = 0; is && i < zero->count; i++)
        is = tensor_get_i64(zero, i) < b.below;
    return is;
}

/* Whether bytes have a zero point, or are moved, where they are made and wherever they are taken. */
static bool is_inner(const struct value *v, struct bytes b)
{
    const struct node *from = v->producer;
    bool good =
        from && from->graph == v->graph && !v->is_output && (is_mover(from) || is_scaled(from, "QuantizeLinear", b));
    for (size_t i = 0; good && i < v->use_count; i++) {
        const struct use *u = &v->uses[i];
        good = u->node->graph == v->graph &&
               (is_mover(u->node) || (u->index == 0 && is_scaled(u->node, "DequantizeLinear", b)));
    }
    return good;
}

/* All bytes that a mover takes or gives stay, or none. Returns whether any does now that did not before. */
static bool spread(const struct node *n, enum dtype type, bool *stays)
{
    int bytes = 0, kept = 0, ends = n->in_count + n->out_count;
    for (int i = 0; i < ends; i++) {
        const struct value *v = i < n->in_count ? n->in[i] : n->out[i - n->in_count];
        bytes += is_of(v, type);
        kept += is_of(v, type) && stays[v->index];
    }
    for (int i = 0; kept && i < ends; i++) {
        const struct value *v = i < n->in_count ? n->in[i] : n->out[i - n->in_count];
        if (is_of(v, type))
            stays[v->index] = true;
    }
    return kept > 0 && kept < bytes;
}

/* Gives a QuantizeLinear or DequantizeLinear a zero point of the other type. */
static int turn(struct node *n, enum dtype to, struct error *err)
{
    const struct tensor *old = n->in[2]->constant;
    struct tensor *zero = tensor_new(to, old->rank, old->dims, err);
    for (int64_t i = 0; zero && i < old->count; i++)
        tensor_set_f64(zero, i, tensor_get_f64(old, i) + (to == DTYPE_U8 ? 128 : -128));
    struct value *v = zero ? graph_add_constant(n->graph, NULL, zero, err) : NULL;
    return v ? node_set_input(n, 2, v, err) : -1;
}

int op_turn_bytes(struct graph *g, enum dtype to, int below, struct error *err)
{
    const struct bytes b = {to == DTYPE_U8 ? DTYPE_I8 : DTYPE_U8, below};
    bool *stays = mem_calloc(g->value_count, sizeof *stays, err), any = true;
    if (!stays)
        return -1;
    for (size_t i = 0; i < g->value_count; i++)
        stays[i] = is_of(g->values[i], b.type) && !is_inner(g->values[i], b);
    while (any) {
        any = false;
        for (const struct node *n = g->first; n; n = n->next)
            any |= is_mover(n) && spread(n, b.type, stays);
    }
    int status = 0;
    for (struct node *n = g->first; n && status == 0; n = n->next) {
        const struct value *bytes = node_is(n, "QuantizeLinear") ? node_out(n, 0) : node_in(n, 0);
        bool scaled = is_scaled(n, "QuantizeLinear", b) || is_scaled(n, "DequantizeLinear", b);
        if (scaled && is_of(bytes, b.type) && !stays[bytes->index])
            status = turn(n, to, err);
    }
    free(stays);
    return status ? -1 : op_infer_graph(g, err);
}
