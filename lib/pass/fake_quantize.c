/* QuantizeLinear and DequantizeLinear in a row as arithmetic on numbers, which has kernels, any layout and threads:
 * (clamp(round(x / scale) + zero) - zero) * scale, where the bounds, being whole, may come before the rounding. Equal
 * to the bit but for nan, which stays one. */
#include "op/real.h"
#include "pass/qdq.h"

static double number(const struct value *v)
{
    return v ? tensor_get_f64(v->constant, 0) : 0;
}

/* The QuantizeLinear whose integers a DequantizeLinear makes numbers of again, by the same scale. */
static struct node *find_pair(const struct node *n)
{
    struct node *q = node_is(n, "DequantizeLinear") && node_in(n, 0) && node_out(n, 0) ? n->in[0]->producer : NULL;
    if (!q || !q->def || !node_is(q, "QuantizeLinear") || !node_in(q, 0) || !qdq_has_scales(q, -1) ||
        !qdq_has_scales(n, -1) || q->in[0]->type.dtype != DTYPE_F32 || op_int(q, "precision") ||
        (op_int(n, "output_dtype") && op_int(n, "output_dtype") != DTYPE_F32))
        return NULL;
    if (number(q->in[1]) == 0) /* 0 / 0 is no number, but some integer */
        return NULL;
    return number(q->in[1]) == number(n->in[1]) && number(node_in(q, 2)) == number(node_in(n, 2)) ? q : NULL;
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
    struct value *scale = pass_add_scalar(n->graph, DTYPE_F32, number(q->in[1]), err);
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
    return q && dtype_info(q->out[0]->type.dtype)->bits > 8 ? rewrite(n, err) : 0;
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
