/* What is known while a graph is filled; and what an input must be, where the file does not say it. */
#include <stdio.h>

#include "op/build.h"

#define MOST_STEPS 64 /* of functions between an input and where its rank is told */

/* Whether a node gives each element by that of its first operand, or the same axes: pads of those that it names. */
static bool is_each(const struct node *n)
{
    if (node_is(n, "Pad"))
        return node_in(n, 3) != NULL;
    bool quant = n->in_count > 1 && (node_is(n, "QuantizeLinear") || node_is(n, "DequantizeLinear"));
    return quant ? n->in[1] && n->in[1]->constant && n->in[1]->constant->count == 1 : op_trait(n, "axes=each");
}

/* The graph input that v comes from by functions of element by element; *chain: the nodes between, last first. */
static struct value *find_input(struct value *v, struct node **chain, int *count)
{
    *count = 0;
    while (v && !v->is_input && *count < MOST_STEPS) {
        struct node *n = v->producer;
        if (!n || n->in_count == 0 || !is_each(n))
            return NULL;
        chain[(*count)++] = n;
        v = n->in[0];
    }
    return v && v->is_input && !v->constant ? v : NULL;
}

void build_expect(struct build *b, struct value *v, int rank, int axis, int64_t channels, enum dtype dtype)
{
    struct node *chain[MOST_STEPS];
    char name[300];
    struct error ignored;
    int count = 0;
    const struct type *type = v && !b->failed ? build_type(b, v) : NULL;
    struct value *in = type && type->rank < 0 ? find_input(v, chain, &count) : NULL;
    if (!in || rank < 0 || rank > TENSOR_MAX_RANK)
        return;
    in->type.rank = rank;
    if (dtype != DTYPE_NONE && dtype_info(in->type.dtype)->class != dtype_info(dtype)->class)
        in->type.dtype = dtype;
    for (int i = 0; i < rank; i++) {
        snprintf(name, sizeof(name), i ? "%.250s_%d" : "batch", in->name, i);
        in->type.dims[i] = i == axis && channels > 0 ? channels : graph_symbol(b->graph, name, b->err);
        build_check(b, in->type.dims[i] != 0);
    }
    while (count-- > 0 && !b->failed)
        op_infer_node(chain[count], &ignored);
}

int build_known(struct build *b, struct value *v, int64_t *values, int max, const int64_t *open)
{
    const struct type *type = v && !b->failed ? build_type(b, v) : NULL;
    if (!type || v->is_input)
        return -1;
    if (v->constant && (v->constant->dtype == DTYPE_STRING || v->constant->count > max))
        return -1;
    if (v->constant) {
        tensor_load_i64(v->constant, 0, v->constant->count, values);
        return (int)v->constant->count;
    }
    if (!v->known || v->known_count > max)
        return -1;
    for (int i = 0; i < v->known_count; i++) {
        if (v->known[i].kind != KNOWN_NUMBER && !open)
            return -1;
        values[i] = v->known[i].kind == KNOWN_NUMBER ? v->known[i].value : *open;
    }
    return v->known_count;
}
