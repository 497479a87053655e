#include "pass/qdq.h"

bool qdq_is_byte(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR && (v->type.dtype == DTYPE_I8 || v->type.dtype == DTYPE_U8);
}

bool qdq_has_scales(const struct node *n, int axis)
{
    const struct tensor *scale = pass_constant(node_in(n, 1)), *zero = pass_constant(node_in(n, 2));
    const struct type *x = pass_type(node_in(n, 0));
    if (!scale || scale->dtype != DTYPE_F32 || !x || op_int(n, "block_size") || (node_in(n, 2) && !zero) ||
        (zero && zero->count != scale->count))
        return false;
    int64_t at = op_int(n, "axis");
    return scale->count == 1 || (axis >= 0 && scale->rank == 1 && (at < 0 ? at + x->rank : at) == axis);
}

struct node *qdq_dequantizer(const struct value *v, int axis)
{
    struct node *n = v ? v->producer : NULL;
    return n && n->def && node_is(n, "DequantizeLinear") && qdq_is_byte(node_in(n, 0)) && qdq_has_scales(n, axis)
               ? n
               : NULL;
}
