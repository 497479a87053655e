/* Convolutions, matrix products, pools, resizing. */
#include <string.h>

#include "format/mnn/writers.h"

/* ---- windows ---- */

/* Attributes of a convolution or pool of signals or images: height and width, 1 and 0 where there is no width. */
struct window {
    int axes;
    int64_t kernel[2], stride[2], dilation[2], pads[4]; /* top, left, bottom, right */
    enum mnn_pad pad;
};

static void take(const struct node *n, const char *attr, int axes, int64_t *to, int64_t otherwise)
{
    int count;
    const int64_t *list = op_ints(n, attr, &count);
    for (int i = 0; i < 2; i++)
        to[i] = i < axes && i < count ? list[i] : otherwise;
}

/* false, with a fault, for what MNN has not. */
static bool read_window(struct mnn_writer *w, struct node *n, int rank, const int64_t *kernel, struct window *at)
{
    const char *pad = op_string(n, "auto_pad");
    int count;
    at->axes = rank - 2;
    const int64_t *pads = op_ints(n, "pads", &count);
    if (at->axes != 1 && at->axes != 2) {
        mnn_cannot(w, "of rank %d, want 3 or 4", at->axes + 2);
        return false;
    }
    take(n, "kernel_shape", at->axes, at->kernel, 1);
    for (int i = 0; kernel && i < at->axes; i++)
        at->kernel[i] = kernel[i];
    take(n, "strides", at->axes, at->stride, 1);
    take(n, "dilations", at->axes, at->dilation, 1);
    memset(at->pads, 0, sizeof(at->pads));
    for (int i = 0; count == 2 * at->axes && i < at->axes; i++) {
        at->pads[i] = pads[i];
        at->pads[i + 2] = pads[i + at->axes];
    }
    at->pad = strcmp(pad, "SAME_UPPER") == 0 ? MNN_PAD_SAME : MNN_PAD_EXPLICIT;
    bool lower = strcmp(pad, "SAME_LOWER") == 0, skips = false;
    for (int i = 0; kernel && at->pad == MNN_PAD_SAME && i < at->axes; i++) /* MNN would begin behind the first pixel */
        skips = skips || at->stride[i] > (kernel[i] - 1) * at->dilation[i] + 2;
    if (lower || skips)
        mnn_cannot(w, lower ? "padded more at the beginning (SAME_LOWER)"
                            : "padded (SAME_UPPER) for a stride beyond its kernel");
    return !lower && !skips;
}

/* ---- what follows ---- */

/* The only user of the node's result, where that is no output. */
static struct node *follower(const struct node *n)
{
    const struct value *y = n->out[0];
    return y->use_count == 1 && !y->is_output && y->uses[0].node->graph == n->graph ? y->uses[0].node : NULL;
}

static bool is_relu6(const struct node *n)
{
    const struct value *low = node_in(n, 1), *high = node_in(n, 2);
    return node_is(n, "Clip") && low && high && low->constant && high->constant && low->constant->count == 1 &&
           high->constant->count == 1 && tensor_get_f64(low->constant, 0) == 0 &&
           tensor_get_f64(high->constant, 0) == 6;
}

/* Takes a Relu or Clip to 0 … 6 behind the node along: the operator is then called after it. */
static void absorb(struct mnn_writer *w, struct node *n, bool *relu, bool *relu6)
{
    struct node *next = follower(n);
    *relu = next && node_is(next, "Relu");
    *relu6 = next && !*relu && is_relu6(next);
    if (!*relu && !*relu6)
        return;
    next->scratch = next;
    w->node = next;
    w->name = mnn_node_name(w, next);
}

/* ---- convolution ---- */

struct conv {
    struct window at;
    int64_t in, out, group;
    bool relu, relu6;
};

static uint32_t put_common(struct mnn_writer *w, const struct conv *c, const int64_t *more)
{
    const struct window *at = &c->at;
    uint32_t pads = at->pad == MNN_PAD_SAME ? 0 : mnn_put_ints(w, at->pads, 4);
    uint32_t out_pads = more ? mnn_put_ints(w, more, 2) : 0;
    mnn_begin(w, "Convolution2DCommon");
    mnn_put_int(w, "padX", at->pad == MNN_PAD_SAME ? 0 : at->pads[1]);
    mnn_put_int(w, "padY", at->pad == MNN_PAD_SAME ? 0 : at->pads[0]);
    mnn_put_int(w, "kernelX", at->kernel[1]);
    mnn_put_int(w, "kernelY", at->kernel[0]);
    mnn_put_int(w, "strideX", at->stride[1]);
    mnn_put_int(w, "strideY", at->stride[0]);
    mnn_put_int(w, "dilateX", at->dilation[1]);
    mnn_put_int(w, "dilateY", at->dilation[0]);
    mnn_put_int(w, "padMode", at->pad);
    mnn_put_int(w, "group", c->group);
    mnn_put_int(w, "outputCount", c->out);
    mnn_put_int(w, "inputCount", c->in);
    mnn_put_int(w, "relu", c->relu);
    mnn_put_int(w, "relu6", c->relu6);
    mnn_put_ref(w, "pads", pads);
    mnn_put_ref(w, "outPads", out_pads);
    return mnn_end(w);
}

static void put_conv(struct mnn_writer *w, const struct conv *c, const struct mnn_weight *weight, const int64_t *more)
{
    uint32_t common = put_common(w, c, more);
    mnn_begin(w, "Convolution2D");
    mnn_put_ref(w, "common", common);
    mnn_put_ref(w, "weight", weight->weight);
    mnn_put_ref(w, "bias", weight->bias);
    mnn_put_ref(w, "quanParameter", weight->quan);
    mnn_end_param(w);
}

/* A signal becomes an image, and its result a signal: where nothing tells it from an image, the number of its axes not
 * being known, and in groups of several channels, which MNN computes for images alone. */
static void emit_signal(struct mnn_writer *w, struct node *n, struct conv *c, const struct mnn_weight *weight, int type)
{
    int x = mnn_plain(w, n->in[0]);
    absorb(w, n, &c->relu, &c->relu6);
    mnn_param_ints(w, "SqueezeParam", "squeezeDims", (int64_t[]){3}, 1);
    x = mnn_pack_step(w, "image", mnn_step(w, 107, "image", 1, &x));
    put_conv(w, c, weight, NULL);
    x = mnn_unpack_step(w, "product", mnn_step(w, type, "product", 1, &x));
    mnn_param_ints(w, "SqueezeParam", "squeezeDims", (int64_t[]){3}, 1);
    mnn_emit(w, 90, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

static void emit_conv(struct mnn_writer *w, struct node *n, struct conv *c, bool transposed, const int64_t *more)
{
    struct mnn_weight weight;
    bool depthwise = c->group > 1 && c->group == c->in && c->group == c->out;
    if (!mnn_put_weights(w, n->in[1], node_in(n, 2), c->out, transposed, &weight)) {
        mnn_cannot(w, "its weights and bias must be constant");
        return;
    }
    bool grouped = c->group > 1 && !depthwise;
    if (c->at.axes == 1 && (mnn_rank_of(n->in[0]) < 0 || grouped)) {
        emit_signal(w, n, c, &weight, 12 + depthwise);
        return;
    }
    int in = mnn_packed(w, n->in[0]);
    absorb(w, n, &c->relu, &c->relu6);
    put_conv(w, c, &weight, more);
    mnn_emit(w, (transposed ? 17 : 12) + depthwise, NULL, 1, &in, 1, (int[]){mnn_result(w, 0, true)});
}

void mnn_write_conv(struct mnn_writer *w, struct node *n)
{
    const struct type *weight = &n->in[1]->type;
    struct conv c = {.group = op_int(n, "group")};
    if (weight->rank < 3 || weight->dims[0] < 0 || weight->dims[1] < 0)
        mnn_cannot(w, "the dims of its weights must be known");
    else if (read_window(w, n, weight->rank, weight->dims + 2, &c.at)) {
        c.out = weight->dims[0];
        c.in = weight->dims[1] * c.group;
        emit_conv(w, n, &c, false, NULL);
    }
}

void mnn_write_conv_transpose(struct mnn_writer *w, struct node *n)
{
    const struct type *weight = &n->in[1]->type;
    struct conv c = {.group = op_int(n, "group")};
    int count, sized;
    const int64_t *more = op_ints(n, "output_padding", &count);
    op_ints(n, "output_shape", &sized);
    int64_t padding[2] = {count > 0 ? more[0] : 0, count > 1 ? more[1] : 0};
    if (weight->rank != 4 || weight->dims[0] < 0 || weight->dims[1] < 0 || sized)
        mnn_cannot(w, "of images, with weights of known dims and without a size of its output, only");
    else if (read_window(w, n, weight->rank, weight->dims + 2, &c.at)) {
        c.in = weight->dims[0];
        c.out = weight->dims[1] * c.group;
        if (c.group > 1 && (c.group != c.in || c.group != c.out))
            mnn_cannot(w, "in groups of several channels");
        emit_conv(w, n, &c, true, padding[0] || padding[1] ? padding : NULL);
    }
}

/* ---- products with constant weights: convolutions of one pixel ---- */

/* a [..., K] times weights [N][K] plus bias: [..., N]. lead, the dims before K, has one unknown (-1) at most. */
static void emit_product(struct mnn_writer *w, struct node *n, const struct mnn_weight *weight, int64_t inputs,
                         int64_t outputs, int lead_count, const int64_t *lead)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct conv c = {
        .at = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}}, .in = inputs, .out = outputs, .group = 1};
    int in[2] = {mnn_plain(w, n->in[0]), mnn_const_ints(w, "pixels", (int64_t[]){-1, inputs, 1, 1}, 4, false)};
    mnn_param_int(w, "Reshape", "dimType", MNN_NCHW);
    in[0] = mnn_pack_step(w, "rows", mnn_step(w, 73, "rows", 2, in));
    put_conv(w, &c, weight, NULL);
    in[0] = mnn_unpack_step(w, "product", mnn_step(w, 12, "product", 1, in));
    memcpy(dims, lead, (size_t)lead_count * sizeof(*dims));
    dims[lead_count] = outputs;
    in[1] = mnn_const_ints(w, "dims", dims, lead_count + 1, false);
    mnn_param_int(w, "Reshape", "dimType", MNN_NCHW);
    mnn_emit(w, 73, NULL, 2, in, 1, (int[]){mnn_result(w, 0, false)});
}

/* Weights [K, N] as [N][K]; false, without a fault, when the form does not fit. */
static bool put_product(struct mnn_writer *w, struct value *b, struct value *bias, bool rows, struct mnn_weight *made)
{
    const struct type *type = &b->type;
    struct tensor *t = type->rank == 2 ? mnn_floats_of(w, b) : NULL;
    int64_t k = t ? t->dims[rows] : 0, count = t ? t->dims[!rows] : 0;
    struct tensor *turned = t ? tensor_new(DTYPE_F32, 2, (int64_t[]){count, k}, w->err) : NULL;
    for (int64_t i = 0; turned && i < count; i++)
        for (int64_t j = 0; j < k; j++)
            ((float *)turned->data)[i * k + j] = ((float *)t->data)[rows ? i * k + j : j * count + i];
    bool fits = turned != NULL;
    if (fits) {
        struct value *v = graph_add_constant(w->at.graph, NULL, turned, w->err);
        fits = v && mnn_put_weights(w, rows ? b : v, bias, count, false, made);
        graph_remove_value(v);
    }
    tensor_unref(t);
    return fits;
}

/* The dims of v before its last, unknown ones -1; false when more than one is. */
static bool leading(const struct value *v, int64_t *lead)
{
    int unknown = 0;
    for (int i = 0; i < v->type.rank - 1; i++) {
        lead[i] = v->type.dims[i] >= 0 ? v->type.dims[i] : -1;
        unknown += lead[i] < 0;
    }
    return v->type.rank >= 1 && unknown <= 1;
}

void mnn_write_gemm(struct mnn_writer *w, struct node *n)
{
    int64_t lead[TENSOR_MAX_RANK];
    struct mnn_weight weight;
    bool rows = op_int(n, "transB") != 0;
    struct value *c = node_in(n, 2);
    const struct type *b = &n->in[1]->type;
    bool fits = !op_int(n, "transA") && op_float(n, "alpha") == 1 && (!c || op_float(n, "beta") == 1) &&
                n->in[0]->type.rank == 2 && leading(n->in[0], lead) && put_product(w, n->in[1], c, rows, &weight);
    if (fits)
        emit_product(w, n, &weight, b->dims[rows], b->dims[!rows], 1, lead);
    else
        mnn_cannot(w, "its weights must be constant, its factors 1");
}

void mnn_write_matmul(struct mnn_writer *w, struct node *n)
{
    int64_t lead[TENSOR_MAX_RANK];
    struct mnn_weight weight;
    const struct type *b = &n->in[1]->type;
    if (leading(n->in[0], lead) && n->in[0]->type.rank >= 2 && put_product(w, n->in[1], NULL, false, &weight)) {
        emit_product(w, n, &weight, b->dims[0], b->dims[1], n->in[0]->type.rank - 1, lead);
        return;
    }
    mnn_param_int(w, "MatMul", "T", MNN_FLOAT);
    mnn_emit_plain(w, 39);
}

/* ---- pools ---- */

/* MNN lets a last window begin in the padding at the end, ONNX does not. None does where padding and stride together
 * are no longer than the kernel, whatever the size. */
static bool rounds_alike(const struct node *n, const struct window *at)
{
    for (int i = 0; i < 2; i++) {
        int64_t size = n->in[0]->type.dims[2 + i];
        if (at->pads[i + 2] + at->stride[i] <= at->kernel[i])
            continue;
        if (size < 0)
            return false;
        int64_t room = size + at->pads[i] + at->pads[i + 2];
        int64_t last = (room - at->kernel[i] + at->stride[i] - 1) / at->stride[i] * at->stride[i];
        if (room < at->kernel[i] || last >= size + at->pads[i])
            return false;
    }
    return true;
}

void mnn_write_pool(struct mnn_writer *w, struct node *n)
{
    struct window at;
    bool average = mnn_row(w)->detail == 1, ceil = op_int(n, "ceil_mode") != 0;
    if (!read_window(w, n, mnn_rank_of(n->in[0]), NULL, &at))
        return;
    bool counts = average && op_int(n, "count_include_pad");
    if (counts && (at.pad == MNN_PAD_SAME || at.pads[2] > at.pads[0] || at.pads[3] > at.pads[1])) {
        mnn_cannot(w, "an average that counts more padding at the end than at the beginning");
        return;
    }
    if (at.axes != 2 || at.dilation[0] != 1 || at.dilation[1] != 1 || n->out_count > 1 ||
        (ceil && !rounds_alike(n, &at))) {
        mnn_cannot(w, "of images, without dilation or indexes, and no window in the padding alone");
        return;
    }
    int in = mnn_packed(w, n->in[0]);
    uint32_t pads = at.pad == MNN_PAD_SAME ? 0 : mnn_put_ints(w, at.pads, 4);
    mnn_begin(w, "Pool");
    mnn_put_int(w, "kernelX", at.kernel[1]);
    mnn_put_int(w, "kernelY", at.kernel[0]);
    mnn_put_int(w, "strideX", at.stride[1]);
    mnn_put_int(w, "strideY", at.stride[0]);
    mnn_put_int(w, "type", average);
    mnn_put_int(w, "padType", at.pad);
    mnn_put_int(w, "ceilModel", ceil);
    mnn_put_ref(w, "pads", pads);
    mnn_put_int(w, "countType", !average ? 0 : counts ? 1 : 2);
    mnn_end_param(w);
    mnn_emit(w, 47, NULL, 1, &in, 1, (int[]){mnn_result(w, 0, true)});
}

/* Of signals and volumes it is a reduction. */
static void write_global_reduction(struct mnn_writer *w, struct node *n, bool average)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = mnn_rank_of(n->in[0]), x = mnn_plain(w, n->in[0]);
    for (int i = 2; i < rank; i++)
        axes[i - 2] = i;
    uint32_t dims = rank > 2 ? mnn_put_ints(w, axes, (size_t)(rank - 2)) : 0;
    if (rank < 3)
        mnn_cannot(w, "of rank %d", rank);
    mnn_begin(w, "ReductionParam");
    mnn_put_int(w, "operation", average ? 3 : 4);
    mnn_put_ref(w, "dim", dims);
    mnn_put_int(w, "keepDims", 1);
    mnn_end_param(w);
    mnn_emit(w, 68, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_global_pool(struct mnn_writer *w, struct node *n)
{
    bool average = mnn_row(w)->detail == 1;
    if (mnn_rank_of(n->in[0]) != 4) {
        write_global_reduction(w, n, average);
        return;
    }
    int in = mnn_packed(w, n->in[0]);
    mnn_begin(w, "Pool");
    mnn_put_int(w, "isGlobal", 1);
    mnn_put_int(w, "type", average);
    mnn_put_int(w, "ceilModel", 0);
    mnn_end_param(w);
    mnn_emit(w, 47, NULL, 1, &in, 1, (int[]){mnn_result(w, 0, true)});
}

/* ---- resizing ---- */

static int place_of(const char *name, const char *const *list, int count)
{
    for (int i = 0; i < count; i++)
        if (list[i] && strcmp(list[i], name) == 0)
            return i;
    return -1;
}

/* Interp.resizeType of a Resize; -1: none. */
static int resize_type(const struct node *n)
{
    const char *mode = op_string(n, "mode"), *nearest = op_string(n, "nearest_mode");
    if (strcmp(mode, "nearest") == 0)
        return strcmp(nearest, "floor") == 0 ? 1 : strcmp(nearest, "round_prefer_floor") == 0 ? 4 : -1;
    return strcmp(mode, "linear") == 0                                            ? 2
           : strcmp(mode, "cubic") == 0 && op_float(n, "cubic_coeff_a") == -0.75f ? 3
                                                                                  : -1;
}

/* Sizes, or factors, of all four axes as a tensor; -1: they are not so. */
static int resize_target(struct mnn_writer *w, struct node *n)
{
    static const int64_t all[4] = {0, 1, 2, 3};
    int count, given;
    const int64_t *axes = op_ints(n, "axes", &count);
    struct value *sizes = node_in(n, 3), *scales = node_in(n, 2);
    int64_t size[4], full[4];
    if (sizes && !count)
        return mnn_plain(w, sizes);
    if (sizes && (given = mnn_input_ints(w, 3, size, 4, false)) == count) {
        for (int i = 0; i < 4; i++)
            full[i] = n->in[0]->type.dims[i];
        for (int i = 0; i < count; i++)
            full[axes[i] & 3] = size[i];
        return full[0] > 0 && full[1] > 0 ? mnn_const_ints(w, "size", full, 4, false)
               : count == 2               ? mnn_const_ints(w, "size", size, 2, false)
                                          : -1;
    }
    if (!scales || !scales->constant || scales->constant->dtype != DTYPE_F32)
        return scales && !count ? mnn_plain(w, scales) : -1;
    struct tensor *t = tensor_new(DTYPE_F32, 1, (int64_t[]){4}, w->err);
    for (int i = 0; t && i < 4; i++)
        ((float *)t->data)[i] = 1;
    for (int i = 0; t && i < scales->constant->count && i < 4; i++)
        ((float *)t->data)[(count ? axes : all)[i] & 3] = ((float *)scales->constant->data)[i];
    return mnn_const_tensor(w, "scale", t);
}

static bool is_larger(const struct node *n)
{
    const int64_t *from = n->in[0]->type.dims, *to = n->out[0]->type.dims;
    return to[2] > from[2] || to[3] > from[3];
}

void mnn_write_resize(struct mnn_writer *w, struct node *n)
{
    static const char *const modes[] = {NULL,         "align_corners",       "half_pixel", "pytorch_half_pixel",
                                        "asymmetric", "tf_half_pixel_for_nn"};
    int type = resize_type(n), ctm = place_of(op_string(n, "coordinate_transformation_mode"), modes, 6);
    if (type < 0 || ctm < 0 || mnn_rank_of(n->in[0]) != 4 || op_int(n, "antialias") || op_int(n, "exclude_outside") ||
        strcmp(op_string(n, "keep_aspect_ratio_policy"), "stretch") != 0) {
        mnn_cannot(w, "of rank %d, %s, %s, %s", mnn_rank_of(n->in[0]), op_string(n, "mode"),
                   op_string(n, "coordinate_transformation_mode"), op_string(n, "nearest_mode"));
        return;
    }
    /* Its kernel takes a place before the first pixel for one behind it. */
    if (type == 3 && (ctm == 2 || ctm == 3) && is_larger(n))
        mnn_cannot(w, "larger by cubic interpolation between centres");
    int in[2] = {mnn_packed(w, n->in[0]), resize_target(w, n)};
    if (in[1] < 0)
        mnn_cannot(w, "its sizes or factors must be constant");
    mnn_begin(w, "Interp");
    mnn_put_int(w, "resizeType", type);
    mnn_put_int(w, "alignCorners", ctm == 1);
    mnn_put_int(w, "halfPixelCenters", ctm == 2);
    mnn_put_int(w, "ctm", ctm);
    mnn_end_param(w);
    mnn_emit(w, 35, NULL, 2, in, 1, (int[]){mnn_result(w, 0, true)});
}
