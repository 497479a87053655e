/* What only moves elements between DequantizeLinear and QuantizeLinear of one scale moves the integers themselves,
 * since each of these comes back as it was. */
#include "pass/qdq.h"

static int rewrite(struct node *q, struct error *err)
{
    if (!node_is(q, "QuantizeLinear") || !node_in(q, 0) || !qdq_is_byte(node_out(q, 0)) || !qdq_has_scales(q, -1))
        return 0;
    struct value *same = qdq_integers(q, q->in[0]);
    if (same)
        return pass_bypass(q, 0, same, err);
    struct node *n = pass_is_single(q->in[0]) ? q->in[0]->producer : NULL;
    return n ? qdq_move(q, n, qdq_moved(n), err) : 0;
}

int pass_move_quantized(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
