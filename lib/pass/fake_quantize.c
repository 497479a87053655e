/* QuantizeLinear and DequantizeLinear in a row as arithmetic on numbers, which has kernels, any layout and threads:
 * (clamp(round(x / scale) + zero) - zero) * scale, where the bounds, being whole, may come before the rounding. Equal
 * to the bit but for nan, which stays one. */
#include "op/real.h"
#include "pass/qdq.h"

static double number(const struct value *v)
{
    return v ? tensor_get_f64(v->constant, 0) : 0;
}

/* Whether they are the same numbers, absent ones 0. */
static bool are_equal(const struct tensor *a, const struct tensor *b)
{
    int64_t count = a ? a->count : b ? b->count : 0;
    if (a && b && a->count != b->count)
        return false;
    for (int64_t i = 0; i < count; i++)
        if ((a ? tensor_get_f64(a, i) : 0) != (b ? tensor_get_f64(b, i) : 0))
            return false;
    return true;
}

/* Whether scales are numbers that can be divided by, all with one zero point. */
static bool is_simple(const struct node *q)
{
    const struct tensor *scale = q->in[1]->constant, *zero = pass_constant(node_in(q, 2));
    for (int64_t i = 0; i < scale->count; i++)
        if (tensor_get_f64(scale, i) == 0 || (zero && tensor_get_f64(zero, i) != tensor_get_f64(zero, 0)))
            return false; /* 0 / 0 is no number, but some integer */
    return true;
}

static int64_t axis_of(const struct node *n)
{
    const struct type *x = pass_type(n->in[0]);
    int64_t axis = op_int(n, "axis");
    return x && axis < 0 ? axis + x->rank : axis;
}

/* The QuantizeLinear whose integers a DequantizeLinear makes numbers of again, by the same scale. */
static struct node *find_pair(const struct node *n)
{
    struct node *q = node_is(n, "DequantizeLinear") && node_in(n, 0) && node_out(n, 0) ? n->in[0]->producer : NULL;
    if (!q || !q->def || !node_is(q, "QuantizeLinear") || !node_in(q, 0) || !qdq_has_scales(q, (int)axis_of(q)) ||
        !qdq_has_scales(n, (int)axis_of(q)) || q->in[0]->type.dtype != DTYPE_F32 || op_int(q, "precision") ||
        (op_int(n, "output_dtype") && op_int(n, "output_dtype") != DTYPE_F32))
        return NULL;
    bool same = are_equal(q->in[1]->constant, n->in[1]->constant) &&
                are_equal(pass_constant(node_in(q, 2)), pass_constant(node_in(n, 2)));
    return same && is_simple(q) ? q : NULL;
}

/* The scale, or those along an axis as they broadcast. */
static struct value *scale_of(const struct node *q, struct error *err)
{
    const struct tensor *t = q->in[1]->constant;
    int64_t axis = axis_of(q), dims[TENSOR_MAX_RANK] = {t->count, 1, 1, 1, 1, 1, 1, 1};
    if (t->count == 1)
        return pass_add_scalar(q->graph, DTYPE_F32, number(q->in[1]), err);
    return pass_add_constant(q->graph, tensor_reshaped(t, q->in[0]->type.rank - (int)axis, dims, err), err);
}

static struct value *apply(struct node *before, const char *op, struct value *x, struct value *a, struct value *b,
                           struct error *err)
{
    return x ? pass_output(pass_node(before, "", op, 3, (struct value *[]){x, a, b}, err), err) : NULL;
}

static int rewrite(struct node *n, struct error *err)
{
    struct node *q = find_pair(n);
    double low, high, zero = q ? number(node_in(q, 2)) : 0;
    if (!q || !real_int_range(q->out[0]->type.dtype, &low, &high) || dtype_info(q->out[0]->type.dtype)->bits > 16)
        return 0;
    struct value *scale = scale_of(q, err);
    struct value *least = scale ? pass_add_scalar(n->graph, DTYPE_F32, low - zero, err) : NULL;
    struct value *most = least ? pass_add_scalar(n->graph, DTYPE_F32, high - zero, err) : NULL;
    if (!most)
        return -1;
    struct value *v = apply(n, "Div", q->in[0], scale, NULL, err);
    v = apply(n, "Round", apply(n, "Clip", v, least, most, err), NULL, NULL, err);
    struct node *back = v ? pass_node(n, "", "Mul", 2, (struct value *[]){v, scale}, err) : NULL;
    return back ? pass_replace(n, back, err) : -1;
}

static int rewrite_wide(struct node *n, struct error *err)
{
    const struct node *q = find_pair(n);
    return q && (dtype_info(q->out[0]->type.dtype)->bits > 8 || q->in[1]->constant->count > 1) ? rewrite(n, err) : 0;
}

int pass_fake_quantize_wide(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g))
        if (pass_each(g, rewrite_wide, err) < 0)
            return -1;
    return 0;
}

int pass_fake_quantize(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
