/* What readers share of convolutions and pools: windows, roundings, channels last. */
#include <string.h>

#include "op/build.h"
#include "op/permuted.h"

/* ---- axes ---- */

struct value *build_permuted(struct build *b, struct value *x, int rank, const int64_t *perm)
{
    struct node *n = x && !b->failed ? x->producer : NULL;
    const struct tensor *t = b->failed || !x || x->is_input ? NULL : x->constant;
    if (t)
        return build_constant(b, x->name, op_permuted(t, perm, b->err));
    struct value *bytes = n && node_is(n, "DequantizeLinear") ? node_in(n, 0) : NULL,
                 *scale = bytes ? node_in(n, 1) : NULL;
    if (!bytes || !bytes->constant || !scale->constant || scale->constant->count != 1)
        return build_transpose(b, x, rank, perm);
    return BUILD(b, "DequantizeLinear", build_permuted(b, bytes, rank, perm), scale, node_in(n, 2));
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

/* An attribute, unless all are `usual`; none may be below that. */
static void set_unless(struct build *b, struct value *v, const char *name, int count, const int64_t *values,
                       int64_t usual)
{
    bool plain = true;
    for (int i = 0; i < count; i++) {
        plain = plain && values[i] == usual;
        if (values[i] < usual || values[i] > INT32_MAX)
            build_fail(b, "%s is %lld, want %lld or more", name, (long long)values[i], (long long)usual);
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
        if (w->kernel[i] < 1 || w->kernel[i] > INT32_MAX)
            build_fail(b, "its window has a side of %lld, want 1 or more", (long long)w->kernel[i]);
    build_ints(b, v, "kernel_shape", w->rank, w->kernel);
    set_unless(b, v, "strides", w->rank, w->stride, 1);
    set_unless(b, v, "dilations", w->rank, w->dilation, 1);
    set_unless(b, v, "pads", 2 * w->rank, w->pads, 0);
    return b->failed ? NULL : v;
}

/* ---- pools ---- */

/* How Caffe's rounding up shows with an input of these sizes. It takes back a last window that begins behind the end,
 * but does not look for one where nothing is padded, so that there one may hold nothing. Source: pooling_layer.cpp. */
enum rounding { ROUNDING_NONE, ROUNDING_CEIL, ROUNDING_CAFFE };

static bool is_padded(const struct build_window *w)
{
    for (int i = 0; i < 2 * w->rank; i++)
        if (w->pads[i])
            return true;
    return false;
}

static enum rounding find_rounding(struct build *b, const struct value *x, const struct build_pool *p)
{
    enum rounding found = ROUNDING_NONE;
    const struct build_window *w = &p->window;
    for (int i = 0; i < w->rank && !b->failed; i++) {
        int64_t in = x->type.rank == 2 + w->rank ? x->type.dims[2 + i] : -1, padded = 0;
        if (w->stride[i] < 1 || w->kernel[i] < 1 || __builtin_add_overflow(w->pads[i], w->pads[w->rank + i], &padded) ||
            (in >= 0 && __builtin_add_overflow(in, padded, &padded)))
            build_fail(b, "its window is %lld, in steps of %lld", (long long)w->kernel[i], (long long)w->stride[i]);
        if (in >= 0 && padded < w->kernel[i])
            build_fail(b, "its window of %lld is larger than its input, %lld", (long long)w->kernel[i],
                       (long long)padded);
        if (b->failed || !p->ceil || (in >= 0 && (padded - w->kernel[i]) % w->stride[i] == 0))
            continue;
        if (found == ROUNDING_NONE)
            found = ROUNDING_CEIL;
        if (!is_padded(w) && w->stride[i] > w->kernel[i])
            found = ROUNDING_CAFFE;
    }
    return found;
}

struct value *build_window_pool(struct build *b, struct value *x, const struct build_pool *p)
{
    const struct type *type = x ? build_type(b, x) : NULL;
    enum rounding rounding = type ? find_rounding(b, x, p) : ROUNDING_NONE;
    bool own = rounding == ROUNDING_CAFFE;
    const char *op = p->average ? own ? "nn.AveragePool" : "AveragePool" : own ? "nn.MaxPool" : "MaxPool";
    struct value *v = build_set_window(b, b->failed ? NULL : BUILD(b, op, x), &p->window);
    if (own)
        return build_string(b, v, "rounding", "ceil_caffe");
    if (rounding == ROUNDING_CEIL)
        build_int(b, v, "ceil_mode", 1);
    /* A window counts its padding, but not what lies behind that because of rounding up: as ONNX since opset 19. */
    if (p->average && is_padded(&p->window) && p->counts_pads)
        build_int(b, v, "count_include_pad", 1);
    return v;
}
