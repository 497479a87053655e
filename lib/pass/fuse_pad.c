/* Pad into the convolution or pooling behind it. */
#include <math.h>
#include <string.h>

#include "pass/util.h"

struct pad {
    int rank;
    int64_t begin[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK]; /* of each axis */
    double fill;
};

/* The pads of a Pad node; false when they cannot be told, or are more than plain margins of the spatial axes. */
static bool read_pad(const struct node *n, struct pad *pad)
{
    const struct type *x = pass_type(n->in[0]);
    int64_t pads[2 * TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int count = pass_ints(node_in(n, 1), pads, 2 * TENSOR_MAX_RANK);
    int axis_count = node_in(n, 3) ? pass_ints(n->in[3], axes, TENSOR_MAX_RANK) : x ? x->rank : -1;
    memset(pad, 0, sizeof(*pad));
    if (!x || count < 0 || axis_count < 0 || count != 2 * axis_count || strcmp(op_string(n, "mode"), "constant") != 0 ||
        (node_in(n, 2) && !pass_scalar(n->in[2], &pad->fill)))
        return false;
    pad->rank = x->rank;
    for (int i = 0; i < axis_count; i++) {
        int64_t axis = !node_in(n, 3) ? i : axes[i] < 0 ? axes[i] + x->rank : axes[i];
        if (axis < 0 || axis >= x->rank || pads[i] < 0 || pads[axis_count + i] < 0)
            return false;
        pad->begin[axis] = pads[i];
        pad->end[axis] = pads[axis_count + i];
    }
    return x->rank > 2 && !pad->begin[0] && !pad->end[0] && !pad->begin[1] && !pad->end[1];
}

static bool is_zero(const struct node *n, const char *attr)
{
    int count;
    const int64_t *list = op_ints(n, attr, &count);
    for (int i = 0; i < count; i++)
        if (list[i])
            return false;
    return true;
}

static bool conv_takes(const struct node *n, const struct pad *pad)
{
    (void)n;
    return pad->fill == 0;
}

/* In bytes 0 is the zero point. */
static bool q_conv_takes(const struct node *n, const struct pad *pad)
{
    double zero;
    return pass_scalar(node_in(n, 2), &zero) && pad->fill == zero;
}

/* A pooling's padding must be smaller than its window: many runtimes insist. */
static bool within_window(const struct node *n, const struct pad *pad)
{
    int kernel_count, pad_count;
    const int64_t *kernel = op_ints(n, "kernel_shape", &kernel_count), *pads = op_ints(n, "pads", &pad_count);
    if (kernel_count != pad->rank - 2 || op_int(n, "ceil_mode"))
        return false;
    for (int i = 0; i < kernel_count; i++) {
        int64_t begin = pad_count == 2 * kernel_count ? pads[i] : 0;
        int64_t end = pad_count == 2 * kernel_count ? pads[kernel_count + i] : 0;
        if (pad->begin[2 + i] >= kernel[i] - begin || pad->end[2 + i] >= kernel[i] - end)
            return false;
    }
    return true;
}

/* Zeros around count as what they are, where those of the pooling's own padding do too. */
static bool average_takes(const struct node *n, const struct pad *pad)
{
    return pad->fill == 0 && within_window(n, pad) && (op_int(n, "count_include_pad") || is_zero(n, "pads"));
}

static bool is_never_negative(const struct value *v)
{
    const struct node *n = v->producer;
    double low;
    if (n && op_trait(n, "nonnegative"))
        return true;
    return n && node_is(n, "Clip") && pass_scalar(node_in(n, 1), &low) && low >= 0;
}

/* The padding must never be the largest: there is a pixel in every window. */
static bool max_takes(const struct node *n, const struct pad *pad)
{
    bool lowest = isinf(pad->fill) && pad->fill < 0;
    return pass_is_float(n->in[0]) && within_window(n, pad) && !node_out(n, 1) &&
           (lowest || (pad->fill == 0 && is_never_negative(n->in[0]->producer->in[0])));
}

static const struct {
    const char *op;
    bool (*takes)(const struct node *n, const struct pad *pad);
} takers[] = {{"Conv", conv_takes}, {"QConv", q_conv_takes}, {"AveragePool", average_takes}, {"MaxPool", max_takes}};

static bool takes(const struct node *n, const struct pad *pad)
{
    const char *auto_pad = op_string(n, "auto_pad");
    if (strcmp(auto_pad, "NOTSET") != 0 && strcmp(auto_pad, "VALID") != 0)
        return false;
    for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++)
        if (strcmp(n->op, takers[i].op) == 0)
            return takers[i].takes(n, pad);
    return false;
}

static bool is_taker(const struct node *n)
{
    return n->in_count && n->in[0] && n->in[0]->producer && node_is(n->in[0]->producer, "Pad") &&
           (!n->domain[0] || strcmp(n->domain, "nn") == 0);
}

/* Adds the margins to the node's pads. */
static int set_pads(struct node *n, const struct pad *pad, struct error *err)
{
    int count, spatial = pad->rank - 2;
    int64_t pads[2 * TENSOR_MAX_RANK] = {0};
    const int64_t *own = op_ints(n, "pads", &count);
    bool valid = strcmp(op_string(n, "auto_pad"), "VALID") == 0;
    if (own && !valid && count != 2 * spatial)
        return 0;
    for (int i = 0; i < spatial; i++)
        if (__builtin_add_overflow(own && !valid ? own[i] : 0, pad->begin[2 + i], &pads[i]) ||
            __builtin_add_overflow(own && !valid ? own[spatial + i] : 0, pad->end[2 + i], &pads[spatial + i]))
            return 0;
    node_remove_attr(n, "auto_pad");
    return node_set_ints(n, "pads", pads, (size_t)spatial * 2, err) ? -1 : 1;
}

static int rewrite(struct node *n, struct error *err)
{
    struct pad pad;
    if (!is_taker(n))
        return 0;
    struct node *before = n->in[0]->producer;
    if (!before->def || !node_in(before, 0) || !read_pad(before, &pad) || !takes(n, &pad))
        return 0;
    int changed = set_pads(n, &pad, err);
    if (changed > 0 && node_is(n, "AveragePool") && node_set_int(n, "count_include_pad", 1, err))
        return -1;
    return changed > 0 ? pass_set_input(n, 0, before->in[0], err) : changed;
}

int pass_fuse_pad(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
