/* Quantised operands in expansions. */
#include "op/quant.h"

struct value *quant_build_real(struct build *b, int x, int scale, int zero, int64_t axis)
{
    const struct node *n = b->node;
    struct value *v = BUILD(b, "DequantizeLinear", node_in(n, x), node_in(n, scale), node_in(n, zero));
    return build_int(b, v, "axis", axis);
}

void quant_build_give(struct build *b, struct value *v, int scale, int zero, int like)
{
    struct value *y = BUILD(b, "QuantizeLinear", v, node_in(b->node, scale), node_in(b->node, zero));
    if (!node_in(b->node, zero))
        y = build_int(b, y, "output_dtype", build_dtype(b, like));
    build_give(b, 0, y);
}
