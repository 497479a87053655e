#include "pass/qdq.h"

#include <string.h>

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
    const struct tensor *t = n ? pass_constant(node_in(n, 0)) : NULL;
    bool narrow = t && (t->dtype == DTYPE_I4 || t->dtype == DTYPE_U4);
    return n && n->def && node_is(n, "DequantizeLinear") && (narrow || qdq_is_byte(node_in(n, 0))) &&
                   qdq_has_scales(n, axis)
               ? n
               : NULL;
}

/* Numbers that are there already, or zeros, which any scale has. */
static bool pads_zeros(const struct node *n)
{
    double number;
    bool constant = node_is(n, "Pad") && strcmp(op_string(n, "mode"), "constant") == 0;
    return node_is(n, "Pad") && (!constant || !node_in(n, 2) || (pass_scalar(n->in[2], &number) && number == 0));
}

bool qdq_same(const struct node *a, const struct node *b)
{
    const struct tensor *zero = pass_constant(node_in(a, 2)), *other = pass_constant(node_in(b, 2));
    return a->in[0]->type.dtype == b->in[0]->type.dtype &&
           tensor_get_f64(a->in[1]->constant, 0) == tensor_get_f64(b->in[1]->constant, 0) &&
           (zero ? tensor_get_f64(zero, 0) : 0) == (other ? tensor_get_f64(other, 0) : 0);
}

int qdq_pad_bytes(struct node *pad, const struct value *bytes, const struct value *zero_point, struct error *err)
{
    if (!node_is(pad, "Pad") || strcmp(op_string(pad, "mode"), "constant") != 0)
        return 0;
    const struct tensor *zero = pass_constant(zero_point);
    struct value *v = pass_add_scalar(pad->graph, bytes->type.dtype, zero ? tensor_get_f64(zero, 0) : 0, err);
    return v ? node_set_input(pad, 2, v, err) : -1;
}

static bool moves(const struct node *n)
{
    if (node_is(n, "Resize"))
        return strcmp(op_string(n, "mode"), "nearest") == 0 &&
               strcmp(op_string(n, "coordinate_transformation_mode"), "tf_crop_and_resize") != 0;
    return op_trait(n, "moves") || node_is(n, "MaxPool") || node_is(n, "Where") || pads_zeros(n);
}

struct qdq_operands qdq_moved(const struct node *n)
{
    static const struct qdq_operands none = {0, 0};
    if (!n->def || n->out_count != 1 || !moves(n))
        return none;
    struct qdq_operands moved = {0, node_is(n, "Concat") ? n->in_count : 1};
    if (node_is(n, "Where"))
        moved = (struct qdq_operands){1, 3};
    for (int i = moved.first; i < moved.end; i++)
        if (!node_in(n, i))
            return none;
    return moved;
}
