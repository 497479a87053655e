/* What readers share of convolutions and pools: windows, roundings, channels last. */
#include "op/build.h"
#include "op/permuted.h"

/* ---- axes ---- */

/* What is done to the constant below: its axes in another order, or other dims. */
struct remake {
    const int64_t *perm; /* NULL: */
    int rank;
    const int64_t *dims;
};

static struct tensor *remade(const struct tensor *t, const struct remake *r, struct error *err)
{
    return r->perm ? op_permuted(t, r->perm, err) : tensor_reshaped(t, r->rank, r->dims, err);
}

/* A constant, also behind a Cast or a DequantizeLinear of one scale, remade; NULL: x is none. */
static struct value *remake_constant(struct build *b, struct value *x, const struct remake *r)
{
    struct node *n = x->producer;
    if (x->constant && !x->is_input)
        return build_constant(b, x->name, remade(x->constant, r, b->err));
    struct value *below = n && n->in_count ? node_in(n, 0) : NULL, *scale = n ? node_in(n, 1) : NULL;
    if (!below || !below->constant || below->is_input)
        return NULL;
    if (node_is(n, "Cast"))
        return build_cast(b, remake_constant(b, below, r), x->type.dtype);
    if (!node_is(n, "DequantizeLinear") || !scale->constant || scale->constant->count != 1)
        return NULL;
    return BUILD(b, "DequantizeLinear", remake_constant(b, below, r), scale, node_in(n, 2));
}

struct value *build_permuted(struct build *b, struct value *x, int rank, const int64_t *perm)
{
    struct value *v = b->failed || !build_type(b, x) ? NULL : remake_constant(b, x, &(struct remake){.perm = perm});
    return v || b->failed ? v : build_transpose(b, x, rank, perm);
}

struct value *build_reshaped(struct build *b, struct value *x, int rank, const int64_t *dims)
{
    const struct remake r = {.rank = rank, .dims = dims};
    struct value *v = b->failed || !build_type(b, x) ? NULL : remake_constant(b, x, &r);
    return v || b->failed ? v : build_reshape(b, x, rank, dims);
}

struct value *build_swapped(struct build *b, struct value *x)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = build_rank_of(b, x);
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return rank < 2 ? x : build_permuted(b, x, rank, perm);
}

struct value *build_by_channel(struct build *b, struct value *v, int rank)
{
    int64_t dims[TENSOR_MAX_RANK] = {build_dim_of(b, v, 0)};
    for (int i = 1; i < rank - 1; i++)
        dims[i] = 1;
    return rank > 2 && dims[0] > 1 && !b->failed ? build_reshaped(b, v, rank - 1, dims) : v;
}

struct value *build_channels_first(struct build *b, struct value *x, int rank)
{
    int64_t perm[TENSOR_MAX_RANK] = {0, rank - 1};
    for (int i = 2; i < rank; i++)
        perm[i] = i - 1;
    return build_permuted(b, x, rank, perm);
}

struct value *build_channels_last(struct build *b, struct value *x, int rank)
{
    int64_t perm[TENSOR_MAX_RANK] = {0};
    for (int i = 1; i < rank; i++)
        perm[i] = i == rank - 1 ? 1 : i + 1;
    return build_permuted(b, x, rank, perm);
}

/* ---- windows ---- */

#define MOST 65536 /* elements of a side, step or pad: results grow with them */

/* An attribute, unless all are `usual`; none may be below that. */
static void set_unless(struct build *b, struct value *v, const char *name, int count, const int64_t *values,
                       int64_t usual)
{
    bool plain = true;
    for (int i = 0; i < count; i++) {
        plain = plain && values[i] == usual;
        if (values[i] < usual || values[i] > MOST)
            build_fail(b, "%s is %lld, want %lld to %d", name, (long long)values[i], (long long)usual, MOST);
    }
    if (!plain)
        build_ints(b, v, name, count, values);
}

struct build_window build_window(int rank)
{
    struct build_window w = {.rank = rank};
    for (int i = 0; i < rank && i < BUILD_MAX_SPATIAL; i++)
        w.kernel[i] = w.stride[i] = w.dilation[i] = 1;
    return w;
}

struct value *build_set_window(struct build *b, struct value *v, const struct build_window *w)
{
    for (int i = 0; i < w->rank; i++)
        if (w->kernel[i] < 1 || w->kernel[i] > MOST)
            build_fail(b, "its window has a side of %lld, want 1 to %d", (long long)w->kernel[i], MOST);
    build_ints(b, v, "kernel_shape", w->rank, w->kernel);
    set_unless(b, v, "strides", w->rank, w->stride, 1);
    set_unless(b, v, "dilations", w->rank, w->dilation, 1);
    set_unless(b, v, "pads", 2 * w->rank, w->pads, 0);
    return b->failed ? NULL : v;
}

void build_fit_deconv(struct build *b, struct build_window *w, const int64_t *in, const int64_t *want, bool both,
                      int64_t *more)
{
    for (int i = 0; i < w->rank && !b->failed; i++) {
        if (in[i] < 1 || w->kernel[i] < 1 || w->stride[i] < 1 || want[i] < 1 || in[i] > INT32_MAX ||
            w->kernel[i] > INT32_MAX || w->stride[i] > INT32_MAX || want[i] > INT32_MAX)
            build_fail(b, "the sizes of its input and filter must be known");
        int64_t total = b->failed ? 0 : w->stride[i] * (in[i] - 1) + w->kernel[i] - want[i];
        w->pads[i] = both && total > 0 ? total / 2 : 0;
        w->pads[w->rank + i] = total > 0 ? total - w->pads[i] : 0;
        more[i] = total < 0 ? -total : 0;
    }
}

/* ---- pools ---- */

/* How rounding up shows with an input of these sizes: not at all, as ONNX's, or else. */
enum rounding { ROUNDING_NONE, ROUNDING_ONNX, ROUNDING_OWN };

static bool is_padded(const struct build_window *w)
{
    for (int i = 0; i < 2 * w->rank; i++)
        if (w->pads[i])
            return true;
    return false;
}

/* ONNX takes back a last window that begins behind the end. Caffe does not look for one where nothing is padded, so
 * that there one may hold nothing (pooling_layer.cpp); others never do. */
static bool is_own(const struct build_pool *p, int axis, int64_t in, int64_t padded)
{
    const struct build_window *w = &p->window;
    int64_t stride = w->stride[axis], over = padded - w->kernel[axis];
    if (p->rounding == BUILD_CEIL_CAFFE)
        return !is_padded(w) && stride > w->kernel[axis];
    if (in < 0)
        return is_padded(w) || stride > w->kernel[axis];
    return (over + stride - 1) / stride >= (in + w->pads[axis] + stride - 1) / stride;
}

static enum rounding find_rounding(struct build *b, const struct value *x, const struct build_pool *p)
{
    enum rounding found = ROUNDING_NONE;
    const struct build_window *w = &p->window;
    for (int i = 0; i < w->rank && !b->failed; i++) {
        int64_t in = x->type.rank == 2 + w->rank ? x->type.dims[2 + i] : -1, padded = 0;
        in = in < 0 ? -1 : in; /* an open size counts down from the least number */
        if (w->stride[i] < 1 || w->kernel[i] < 1 || w->kernel[i] > INT32_MAX || w->stride[i] > INT32_MAX ||
            w->pads[i] < 0 || w->pads[w->rank + i] < 0 || w->pads[i] > INT32_MAX || w->pads[w->rank + i] > INT32_MAX ||
            __builtin_add_overflow(in, w->pads[i] + w->pads[w->rank + i], &padded) || padded > INT64_MAX / 2)
            build_fail(b, "its window is %lld, in steps of %lld", (long long)w->kernel[i], (long long)w->stride[i]);
        if (in >= 0 && padded < w->kernel[i])
            build_fail(b, "its window of %lld is larger than its input, %lld", (long long)w->kernel[i],
                       (long long)padded);
        if (b->failed || p->rounding == BUILD_FLOOR || (in >= 0 && (padded - w->kernel[i]) % w->stride[i] == 0))
            continue;
        if (found == ROUNDING_NONE)
            found = ROUNDING_ONNX;
        if (is_own(p, i, in, padded))
            found = ROUNDING_OWN;
    }
    return found;
}

struct value *build_window_pool(struct build *b, struct value *x, const struct build_pool *p)
{
    const struct type *type = x ? build_type(b, x) : NULL;
    enum rounding rounding = type && !p->same ? find_rounding(b, x, p) : ROUNDING_NONE;
    bool own = rounding == ROUNDING_OWN;
    const char *op = p->average ? own ? "nn.AveragePool" : "AveragePool" : own ? "nn.MaxPool" : "MaxPool";
    struct value *v = build_set_window(b, b->failed ? NULL : BUILD(b, op, x), &p->window);
    if (p->same)
        return build_string(b, v, "auto_pad", "SAME_UPPER");
    if (own)
        return build_string(b, v, "rounding", p->rounding == BUILD_CEIL_CAFFE ? "ceil_caffe" : "ceil_full");
    if (rounding == ROUNDING_ONNX)
        build_int(b, v, "ceil_mode", 1);
    /* A window counts its padding, but not what lies behind that because of rounding up: as ONNX since opset 19. */
    if (p->average && is_padded(&p->window) && p->counts_pads)
        build_int(b, v, "count_include_pad", 1);
    return v;
}
