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

static double zero_of(const struct node *n)
{
    const struct tensor *zero = pass_constant(node_in(n, 2));
    return zero ? tensor_get_f64(zero, 0) : 0;
}

bool qdq_same(const struct node *a, const struct node *b)
{
    return a->in[0]->type.dtype == b->in[0]->type.dtype &&
           tensor_get_f64(a->in[1]->constant, 0) == tensor_get_f64(b->in[1]->constant, 0) && zero_of(a) == zero_of(b);
}

int qdq_pad_bytes(struct node *pad, const struct value *bytes, const struct value *zero_point, struct error *err)
{
    if (!node_is(pad, "Pad") || strcmp(op_string(pad, "mode"), "constant") != 0)
        return 0;
    const struct tensor *zero = pass_constant(zero_point);
    struct value *v = pass_add_scalar(pad->graph, bytes->type.dtype, zero ? tensor_get_f64(zero, 0) : 0, err);
    return v ? node_set_input(pad, 2, v, err) : -1;
}

static bool is_crop(const struct node *n)
{
    return strcmp(op_string(n, "coordinate_transformation_mode"), "tf_crop_and_resize") == 0;
}

struct qdq_operands qdq_blended(const struct node *n)
{
    return (struct qdq_operands){0, n->def && node_is(n, "Resize") && node_in(n, 0) && !is_crop(n)};
}

static bool moves(const struct node *n)
{
    if (node_is(n, "Resize"))
        return strcmp(op_string(n, "mode"), "nearest") == 0 && !is_crop(n);
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

struct value *qdq_integers(const struct node *q, const struct value *v)
{
    const struct node *n = qdq_dequantizer(v, -1);
    if (!n || n->in[0]->type.dtype != q->out[0]->type.dtype || zero_of(n) != zero_of(q))
        return NULL;
    double scale = tensor_get_f64(q->in[1]->constant, 0);
    return scale > 1e-30 && scale < 1e30 && tensor_get_f64(n->in[1]->constant, 0) == scale ? n->in[0] : NULL;
}

int qdq_move(struct node *q, struct node *n, struct qdq_operands operands, struct error *err)
{
    for (int i = operands.first; i < operands.end; i++)
        if (!qdq_integers(q, n->in[i]))
            return 0;
    struct node *moved = operands.end ? pass_node(q, n->domain, n->op, n->in_count, n->in, err) : NULL;
    if (!moved || node_take_attrs(moved, n, err))
        return operands.end ? -1 : 0;
    for (int i = operands.first; i < operands.end; i++)
        if (node_set_input(moved, i, qdq_integers(q, n->in[i]), err))
            return -1;
    return qdq_pad_bytes(moved, q->out[0], node_in(q, 2), err) ? -1 : pass_replace(q, moved, err);
}
