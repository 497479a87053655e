/* What only moves elements between DequantizeLinear and QuantizeLinear of one scale moves the integers themselves,
 * since each of these comes back as it was. */
#include <math.h>

#include "pass/qdq.h"

static double zero_of(const struct node *n)
{
    const struct tensor *zero = pass_constant(node_in(n, 2));
    return zero ? tensor_get_f64(zero, 0) : 0;
}

/* The integers that QuantizeLinear would make of a value again; NULL when they are others. */
static struct value *integers(const struct node *q, const struct value *v)
{
    const struct node *n = qdq_dequantizer(v, -1);
    if (!n || n->in[0]->type.dtype != q->out[0]->type.dtype || zero_of(n) != zero_of(q))
        return NULL;
    double scale = tensor_get_f64(q->in[1]->constant, 0);
    return scale > 1e-30 && scale < 1e30 && tensor_get_f64(n->in[1]->constant, 0) == scale ? n->in[0] : NULL;
}

/* The same operator on integers. */
static int move(struct node *q, struct node *n, struct error *err)
{
    struct node *moved = pass_node(q, n->domain, n->op, n->in_count, n->in, err);
    const struct qdq_operands operands = qdq_moved(n);
    if (!moved || node_take_attrs(moved, n, err))
        return -1;
    for (int i = operands.first; i < operands.end; i++)
        if (node_set_input(moved, i, integers(q, n->in[i]), err))
            return -1;
    return qdq_pad_bytes(moved, q->out[0], node_in(q, 2), err) ? -1 : pass_replace(q, moved, err);
}

static int rewrite(struct node *q, struct error *err)
{
    if (!node_is(q, "QuantizeLinear") || !node_in(q, 0) || !qdq_is_byte(node_out(q, 0)) || !qdq_has_scales(q, -1))
        return 0;
    struct value *same = integers(q, q->in[0]);
    if (same)
        return pass_bypass(q, 0, same, err);
    struct node *n = pass_is_single(q->in[0]) ? q->in[0]->producer : NULL;
    const struct qdq_operands operands = n ? qdq_moved(n) : (struct qdq_operands){0, 0};
    for (int i = operands.first; i < operands.end; i++)
        if (!integers(q, n->in[i]))
            return 0;
    return operands.end ? move(q, n, err) : 0;
}

int pass_move_quantized(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
