/* QuantizeLinear and DequantizeLinear in a row as arithmetic on numbers, which has kernels, any layout and threads:
 * (clamp(round(x / scale) + zero) - zero) * scale, where the bounds, being whole, may come before the rounding. Equal
 * to the bit but for nan, which stays one. */
#include <math.h>
#include <string.h>

#include "op/fused.h"
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

/* Whether scales are numbers that can be divided by: 0 / 0 is none, but some integer. */
static bool can_divide(const struct tensor *scale)
{
    bool can = true;
    for (int64_t i = 0; can && i < scale->count; i++)
        can = tensor_get_f64(scale, i) != 0;
    return can;
}

static bool has_one_zero(const struct node *q)
{
    double zero;
    return !node_in(q, 2) || pass_scalar(q->in[2], &zero);
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
    return same && can_divide(q->in[1]->constant) ? q : NULL;
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

/* An end of the integers' range less the zero point, or zero points, which broadcast as `scale` does. */
static struct value *bound_of(const struct node *q, double end, const struct value *scale, struct error *err)
{
    if (has_one_zero(q))
        return pass_add_scalar(q->graph, DTYPE_F32, end - number(node_in(q, 2)), err);
    struct tensor *t = tensor_new(DTYPE_F32, scale->constant->rank, scale->constant->dims, err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, end - tensor_get_f64(q->in[2]->constant, i));
    return pass_add_constant(q->graph, t, err);
}

static struct value *apply(struct node *before, const char *op, struct value *x, struct value *a, struct value *b,
                           struct error *err)
{
    return x ? pass_output(pass_node(before, "", op, 3, (struct value *[]){x, a, b}, err), err) : NULL;
}

/* x * scale in n's place. */
static int give_scaled(struct node *n, struct value *x, struct value *scale, struct error *err)
{
    struct node *back = x ? pass_node(n, "", "Mul", 2, (struct value *[]){x, scale}, err) : NULL;
    return back ? pass_replace(n, back, err) : -1;
}

/* What q makes of its input, less the zero point, as numbers, which nodes before n compute; NULL after an error. */
static struct value *rounded(struct node *n, const struct node *q, struct value *scale, struct error *err)
{
    double low, high;
    real_int_range(q->out[0]->type.dtype, &low, &high);
    struct value *least = scale ? bound_of(q, low, scale, err) : NULL;
    struct value *most = least ? bound_of(q, high, scale, err) : NULL;
    struct value *v = most ? apply(n, "Div", q->in[0], scale, NULL, err) : NULL;
    if (has_one_zero(q))
        v = apply(n, "Clip", v, least, most, err);
    else
        v = apply(n, "Min", apply(n, "Max", v, least, NULL, err), most, NULL, err);
    return apply(n, "Round", v, NULL, NULL, err);
}

static bool is_narrow(const struct node *q)
{
    double low, high;
    return real_int_range(q->out[0]->type.dtype, &low, &high) && dtype_info(q->out[0]->type.dtype)->bits <= 16;
}

static int rewrite(struct node *n, struct error *err)
{
    struct node *q = find_pair(n);
    if (!q || !is_narrow(q))
        return 0;
    struct value *scale = scale_of(q, err);
    return give_scaled(n, rounded(n, q, scale, err), scale, err);
}

/* ---- 16 bits that something lies between ---- */

static bool is_wide(const struct type *type)
{
    return type && (type->dtype == DTYPE_I16 || type->dtype == DTYPE_U16);
}

static struct node *cast(struct node *before, struct value *x, enum dtype dtype, struct error *err)
{
    struct node *n = x ? pass_node(before, "", "Cast", 1, &x, err) : NULL;
    return n && node_set_int(n, "to", dtype, err) == 0 ? n : NULL;
}

/* One number, or one that only a run tells. */
static bool is_one(const struct value *v, enum dtype dtype)
{
    const struct type *t = pass_type(v);
    return t && t->dtype == dtype && (t->rank == 0 || (t->rank == 1 && t->dims[0] == 1));
}

/* Whether DequantizeLinear's scale is one that only a run tells. */
static bool is_dynamic(const struct node *n)
{
    return n->in[0]->type.rank > 0 && !pass_constant(n->in[1]) && is_one(n->in[1], DTYPE_F32) &&
           !op_int(n, "block_size") && (is_wide(&n->in[0]->type) || qdq_is_byte(n->in[0])) &&
           (!node_in(n, 2) || is_one(n->in[2], n->in[0]->type.dtype));
}

static struct value *number_of(struct node *n, int in, struct error *err)
{
    struct value *v = node_in(n, in);
    if (!v || pass_constant(v))
        return pass_add_scalar(n->graph, DTYPE_F32, number(v), err);
    return v->type.dtype == DTYPE_F32 ? v : pass_output(cast(n, v, DTYPE_F32, err), err);
}

/* DequantizeLinear: (x - zero) * scale. */
static int rewrite_back(struct node *n, struct error *err)
{
    const struct type *x = pass_type(n->in[0]);
    bool fixed = is_wide(x) && qdq_has_scales(n, -1) && has_one_zero(n);
    if (!x || pass_constant(n->in[0]) || n->out[0]->type.dtype != DTYPE_F32 || (!fixed && !is_dynamic(n)))
        return 0;
    struct value *zero = number_of(n, 2, err), *scale = zero ? number_of(n, 1, err) : NULL;
    struct node *numbers = scale ? cast(n, n->in[0], DTYPE_F32, err) : NULL;
    return give_scaled(n, numbers ? apply(n, "Sub", pass_output(numbers, err), zero, NULL, err) : NULL, scale, err);
}

/* QuantizeLinear whose integers are not made numbers of again at once. */
static int rewrite_integers(struct node *q, struct error *err)
{
    if (!is_wide(pass_type(q->out[0])) || node_is_dead(q) || !qdq_has_scales(q, -1) || !has_one_zero(q) ||
        op_int(q, "precision") || q->in[0]->type.dtype != DTYPE_F32 || !can_divide(q->in[1]->constant))
        return 0;
    struct value *zero = pass_add_scalar(q->graph, DTYPE_F32, number(node_in(q, 2)), err);
    struct value *v = zero ? rounded(q, q, scale_of(q, err), err) : NULL;
    struct node *n = cast(q, apply(q, "Add", v, zero, NULL, err), q->out[0]->type.dtype, err);
    return n ? pass_replace(q, n, err) : -1;
}

static int rewrite_alone(struct node *n, struct error *err)
{
    bool back = node_is(n, "DequantizeLinear"), is = back || node_is(n, "QuantizeLinear");
    return !is || !node_in(n, 0) || !node_out(n, 0) ? 0 : (back ? rewrite_back : rewrite_integers)(n, err);
}

static int rewrite_wide(struct node *n, struct error *err)
{
    const struct node *q = find_pair(n);
    return q && (is_wide(&q->out[0]->type) || q->in[1]->constant->count > 1) ? rewrite(n, err) : 0;
}

int pass_fake_quantize_wide(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g))
        if (pass_each(g, rewrite_wide, err) < 0 || pass_each(g, rewrite_alone, err) < 0)
            return -1;
    return 0;
}

int pass_fake_quantize(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}

/* ---- one scale before depthwise convolutions ---- */

/* Whether rounding with each of the scales bounds numbers as a bound does: the upper one, or the lower. */
static bool bounds_anyway(const struct node *q, double bound, bool upper)
{
    const struct tensor *scale = q->in[1]->constant;
    double range[2], zero = number(node_in(q, 2));
    bool anyway = real_int_range(q->out[0]->type.dtype, &range[0], &range[1]);
    for (int64_t i = 0; anyway && i < scale->count; i++) {
        double at = (double)nearbyintf((float)bound / (float)tensor_get_f64(scale, i)) + zero;
        anyway = upper ? at >= range[1] : at <= range[0];
    }
    return anyway;
}

/* What q rounds, without bounds that rounding has anyway, or with a Relu for them. */
static struct value *unbounded(struct node *before, const struct node *q, struct error *err)
{
    struct value *x = q->in[0];
    float low = 0, high = INFINITY;
    const struct fused_activation *a =
        pass_is_single(x) && x->producer->def ? fused_activation_of(x->producer, &low, &high) : NULL;
    if (!a || strcmp(a->name, "Clip") != 0 || !bounds_anyway(q, high, true))
        return x;
    x = x->producer->in[0];
    if (bounds_anyway(q, low, false))
        return x;
    return low == 0 ? apply(before, "Relu", x, NULL, NULL, err) : q->in[0];
}

/* Whether the only use of v is by a convolution of each channel with weights of its own that a scale goes into. */
static bool is_for_depthwise(const struct value *v)
{
    const struct node *n = pass_is_single(v) ? v->uses[0].node : NULL;
    const struct type *w = n && n->def && node_is(n, "Conv") && !v->uses[0].index ? pass_type(node_in(n, 1)) : NULL;
    return w && w->dims[1] == 1 && w->dims[0] > 1 && pass_type(v) && v->type.dims[1] == op_int(n, "group") &&
           (pass_constant(n->in[1]) || qdq_dequantizer(n->in[1], 0));
}

static bool is_positive(const struct tensor *scale)
{
    bool positive = true;
    for (int64_t i = 0; positive && i < scale->count; i++)
        positive = tensor_get_f64(scale, i) > 0;
    return positive;
}

/* The scales of channels leave QuantizeLinear and DequantizeLinear for what is before and behind. */
static int rewrite_channels(struct node *n, struct error *err)
{
    struct node *q = find_pair(n);
    if (!q || q->in[1]->constant->count == 1 || !has_one_zero(q) || axis_of(q) != 1 || !qdq_is_byte(q->out[0]) ||
        !pass_is_single(q->out[0]) || !is_for_depthwise(n->out[0]) || !is_positive(q->in[1]->constant))
        return 0;
    struct value *scale = scale_of(q, err);
    struct value *one = scale ? pass_add_scalar(n->graph, DTYPE_F32, 1, err) : NULL;
    struct value *zero = one ? pass_add_scalar(n->graph, q->out[0]->type.dtype, number(node_in(q, 2)), err) : NULL;
    struct value *v = zero ? apply(n, "Div", unbounded(n, q, err), scale, NULL, err) : NULL;
    v = apply(n, "DequantizeLinear", apply(n, "QuantizeLinear", v, one, zero, err), one, zero, err);
    return give_scaled(n, v, scale, err);
}

int pass_common_scale(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite_channels, err);
}
