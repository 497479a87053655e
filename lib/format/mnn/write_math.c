/* Elementwise operators, reductions, normalisations. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/mnn/writers.h"

/* ---- one operand ---- */

void mnn_write_plain(struct mnn_writer *w, struct node *n)
{
    (void)n;
    mnn_emit_plain(w, mnn_row(w)->type);
}

void mnn_write_identity(struct mnn_writer *w, struct node *n)
{
    int in = mnn_plain(w, n->in[0]), out = mnn_result(w, 0, false);
    mnn_emit(w, 262, NULL, 1, &in, 1, &out);
}

void mnn_write_unary(struct mnn_writer *w, struct node *n)
{
    (void)n;
    mnn_param_unary(w, mnn_row(w)->detail);
    mnn_emit_same(w, 101);
}

void mnn_write_gelu(struct mnn_writer *w, struct node *n)
{
    mnn_param_unary(w, strcmp(op_string(n, "approximate"), "tanh") == 0 ? 32 : 33);
    mnn_emit_same(w, 101);
}

void mnn_write_swish(struct mnn_writer *w, struct node *n)
{
    if (op_float(n, "alpha") != 1)
        mnn_cannot(w, "with a factor other than 1");
    mnn_param_unary(w, 34);
    mnn_emit_same(w, 101);
}

void mnn_write_relu(struct mnn_writer *w, struct node *n)
{
    mnn_begin(w, "Relu");
    mnn_put_float(w, "slope", strcmp(n->op, "LeakyRelu") == 0 ? op_float(n, "alpha") : 0);
    mnn_end_param(w);
    mnn_emit_same(w, 69);
}

void mnn_write_elu(struct mnn_writer *w, struct node *n)
{
    mnn_begin(w, "ELU");
    mnn_put_float(w, "alpha", op_float(n, "alpha"));
    mnn_end_param(w);
    mnn_emit_same(w, 23);
}

void mnn_write_selu(struct mnn_writer *w, struct node *n)
{
    mnn_begin(w, "Selu");
    mnn_put_float(w, "scale", op_float(n, "gamma"));
    mnn_put_float(w, "alpha", op_float(n, "alpha"));
    mnn_end_param(w);
    mnn_emit_same(w, 78);
}

void mnn_param_clip(struct mnn_writer *w, double low, double high)
{
    mnn_begin(w, "Relu6");
    mnn_put_float(w, "minValue", (float)low);
    mnn_put_float(w, "maxValue", (float)high);
    mnn_end_param(w);
}

/* A bound of Clip: false when it is not constant. */
static bool clip_bound(const struct node *n, int i, double *bound)
{
    const struct value *v = node_in(n, i);
    if (v && v->constant && v->constant->count == 1)
        *bound = tensor_get_f64(v->constant, 0);
    return !v || v->constant;
}

void mnn_write_clip(struct mnn_writer *w, struct node *n)
{
    double low = -FLT_MAX, high = FLT_MAX;
    if (!clip_bound(n, 1, &low) || !clip_bound(n, 2, &high)) {
        mnn_cannot(w, "its bounds must be constant");
        return;
    }
    mnn_param_clip(w, low, high);
    mnn_emit_same(w, 70);
}

void mnn_write_cast(struct mnn_writer *w, struct node *n)
{
    enum dtype from = n->in[0]->type.dtype, to = (enum dtype)op_int(n, "to");
    int type = mnn_type_of(to);
    bool integers = mnn_type_of(from) == MNN_INT32 && type == MNN_INT32 && (to != DTYPE_BOOL || from == DTYPE_BOOL);
    if (type == 0 || mnn_type_of(from) == 0) {
        mnn_cannot(w, "from %s to %s", dtype_info(from)->name, dtype_info(to)->name);
        return;
    }
    if (integers && !n->out[0]->is_output) {
        w->at.places[n->out[0]->index].plain = mnn_plain(w, n->in[0]);
        return;
    }
    if (integers) {
        mnn_write_identity(w, n);
        return;
    }
    int x = mnn_plain(w, n->in[0]);
    if (dtype_info(from)->bits == 8 && from != DTYPE_BOOL && type != MNN_FLOAT) { /* what takes bytes makes no others */
        mnn_param_int(w, "CastParam", "dstT", MNN_INT32);
        x = mnn_step(w, 9, "whole", 1, &x);
    }
    mnn_param_int(w, "CastParam", "dstT", to == DTYPE_BOOL ? MNN_BOOL : type);
    mnn_emit(w, 9, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

/* ---- two and more operands ---- */

static bool same_images(const struct mnn_writer *w, const struct node *n)
{
    const struct type *first = &n->in[0]->type;
    for (int i = 0; i < n->in_count; i++) {
        const struct type *type = &n->in[i]->type;
        if (!mnn_is_packed(w, n->in[i]) || type->rank != 4 || first->rank != 4)
            return false;
        for (int d = 0; d < 4; d++)
            if (type->dims[d] != first->dims[d] || type->dims[d] < 0)
                return false;
    }
    return true;
}

/* MNN 3.6.1 compares floats as whole numbers where it looks for the lesser, so that negative ones come out wrong. */
enum { GREATER = 10, LESS = 12 };

static void emit_binary(struct mnn_writer *w, struct node *n, int operation)
{
    bool packed = same_images(w, n), less = operation == LESS;
    int in[2];
    for (int i = 0; i < 2; i++)
        in[i ^ less] = packed ? mnn_packed(w, n->in[i]) : mnn_plain(w, n->in[i]);
    mnn_param_binary(w, less ? GREATER : operation);
    mnn_emit(w, 7, NULL, 2, in, 1, (int[]){mnn_result(w, 0, packed)});
}

void mnn_write_binary(struct mnn_writer *w, struct node *n)
{
    emit_binary(w, n, mnn_row(w)->detail);
}

void mnn_write_mod(struct mnn_writer *w, struct node *n)
{
    bool truncates = op_int(n, "fmod") != 0, is_float = n->in[0]->type.dtype == DTYPE_F32;
    emit_binary(w, n, truncates == is_float ? 19 : 17); /* of integers 19 is the floor's, of floats 17 */
}

void mnn_write_not(struct mnn_writer *w, struct node *n)
{
    const int64_t zero = 0;
    int in[2] = {mnn_plain(w, n->in[0]), mnn_const_ints(w, "zero", &zero, 1, true)};
    mnn_param_binary(w, 15);
    mnn_emit(w, 7, NULL, 2, in, 1, (int[]){mnn_result(w, 0, false)});
}

/* Whether b has several elements, and is broadcast along an axis where a is not. */
static bool is_narrower(const struct type *b, const struct type *a)
{
    bool is_less = b->rank < a->rank;
    for (int i = 0; !is_less && i < b->rank && b->rank == a->rank; i++)
        is_less = b->dims[i] == 1 && a->dims[i] != 1;
    return is_less && tensor_count(b->rank, b->dims) != 1;
}

/* MNN 3.6.1 reads beyond a second choice that is broadcast where the first one is not: they change places. */
void mnn_write_where(struct mnn_writer *w, struct node *n)
{
    const int64_t zero = 0;
    bool swaps = is_narrower(&n->in[2]->type, &n->in[1]->type);
    int in[3] = {mnn_plain(w, n->in[0]), mnn_plain(w, n->in[1 + swaps]), mnn_plain(w, n->in[2 - swaps])};
    if (swaps) {
        int pair[2] = {in[0], mnn_const_ints(w, "zero", &zero, 1, true)};
        mnn_param_binary(w, 15);
        in[0] = mnn_step(w, 7, "otherwise", 2, pair);
    }
    mnn_emit(w, 257, NULL, 3, in, 1, (int[]){mnn_result(w, 0, false)});
}

/* max(x, 0) + slope * min(x, 0) */
static void write_slopes(struct mnn_writer *w, struct node *n)
{
    int x = mnn_plain(w, n->in[0]), slope = mnn_plain(w, n->in[1]), zero = mnn_const_float(w, "zero", 0);
    mnn_param_binary(w, 9);
    int above = mnn_step(w, 7, "above", 2, (int[]){x, zero});
    mnn_param_binary(w, 8);
    int below = mnn_step(w, 7, "below", 2, (int[]){x, zero});
    mnn_param_binary(w, 2);
    below = mnn_step(w, 7, "scaled", 2, (int[]){below, slope});
    mnn_param_binary(w, 0);
    mnn_emit(w, 7, NULL, 2, (int[]){above, below}, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_prelu(struct mnn_writer *w, struct node *n)
{
    const struct value *x = n->in[0], *slope = n->in[1];
    const struct tensor *t = slope->constant;
    int64_t channels = x->type.rank == 4 ? x->type.dims[1] : -1;
    bool image = t && t->dtype == DTYPE_F32 && x->type.rank == 4 &&
                 (t->count == 1 || (t->count == channels && t->rank >= 3 && t->dims[t->rank - 3] == channels));
    if (!image) {
        write_slopes(w, n);
        return;
    }
    int in = mnn_packed(w, n->in[0]);
    uint32_t data = flatbuf_put_vector(&w->out, t->data, (size_t)t->count, 4, 4);
    mnn_begin(w, "PRelu");
    mnn_put_int(w, "slopeCount", t->count);
    mnn_put_ref(w, "slope", data);
    mnn_end_param(w);
    mnn_emit(w, 49, NULL, 1, &in, 1, (int[]){mnn_result(w, 0, true)});
}

/* ---- reductions ---- */

static bool reduced_axes(struct mnn_writer *w, struct node *n, int64_t *axes, int *count)
{
    int rank = mnn_rank_of(n->in[0]);
    *count = node_in(n, 1) ? mnn_input_ints(w, 1, axes, TENSOR_MAX_RANK, true) : 0;
    if (*count == 0 && rank < 0)
        mnn_cannot(w, "the rank of its operand must be known");
    if (*count == 0 && op_int(n, "noop_with_empty_axes")) {
        mnn_cannot(w, "over no axes");
        return false;
    }
    for (int i = 0; *count == 0 && i < rank; i++)
        axes[i] = i;
    if (*count == 0)
        *count = rank;
    return *count >= 0;
}

void mnn_write_reduce(struct mnn_writer *w, struct node *n)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count, x = mnn_plain(w, n->in[0]);
    if (!reduced_axes(w, n, axes, &count))
        return;
    uint32_t dims = mnn_put_ints(w, axes, (size_t)count);
    mnn_begin(w, "ReductionParam");
    mnn_put_int(w, "operation", mnn_row(w)->detail);
    mnn_put_ref(w, "dim", dims);
    mnn_put_int(w, "keepDims", op_int(n, "keepdims"));
    mnn_end_param(w);
    mnn_emit(w, 68, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_arg(struct mnn_writer *w, struct node *n)
{
    int64_t axis = op_int(n, "axis");
    bool keep = op_int(n, "keepdims") != 0;
    int x = mnn_plain(w, n->in[0]);
    if (op_int(n, "select_last_index"))
        mnn_cannot(w, "of the last of equal elements");
    mnn_param_int(w, "ArgMax", "axis", axis < 0 ? axis + mnn_rank_of(n->in[0]) : axis);
    if (keep) {
        x = mnn_step(w, mnn_row(w)->type, "index", 1, &x);
        uint32_t dims = mnn_put_ints(w, &axis, 1);
        mnn_begin(w, "SqueezeParam");
        mnn_put_ref(w, "squeezeDims", dims);
        mnn_end_param(w);
    }
    mnn_emit(w, keep ? 107 : mnn_row(w)->type, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_softmax(struct mnn_writer *w, struct node *n)
{
    int x = mnn_plain(w, n->in[0]);
    mnn_param_int(w, "Axis", "axis", op_int(n, "axis"));
    if (mnn_row(w)->detail) {
        x = mnn_step(w, 85, "softmax", 1, &x);
        mnn_param_unary(w, 8);
    }
    mnn_emit(w, mnn_row(w)->detail ? 101 : 85, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_cumsum(struct mnn_writer *w, struct node *n)
{
    mnn_begin(w, "CumSum");
    mnn_put_int(w, "exclusive", op_int(n, "exclusive"));
    mnn_put_int(w, "reverse", op_int(n, "reverse"));
    mnn_end_param(w);
    mnn_emit_plain(w, 148);
}

void mnn_write_topk(struct mnn_writer *w, struct node *n)
{
    int64_t axis = op_int(n, "axis");
    int in[3] = {mnn_plain(w, n->in[0]), mnn_plain(w, n->in[1]), mnn_const_ints(w, "axis", &axis, 1, true)};
    int out[2] = {mnn_result(w, 0, false), mnn_result(w, 1, false)};
    mnn_begin(w, "TopKV2");
    mnn_put_int(w, "sorted", 1);
    mnn_put_int(w, "largest", op_int(n, "largest"));
    mnn_end_param(w);
    mnn_emit(w, 99, NULL, 3, in, 2, out);
}

/* ---- normalisation ---- */

static uint32_t put_floats(struct mnn_writer *w, const struct tensor *t)
{
    return flatbuf_put_vector(&w->out, t->data, (size_t)t->count, 4, 4);
}

/* scale / sqrt(variance + epsilon), and what makes the mean 0. */
void mnn_write_batch_norm(struct mnn_writer *w, struct node *n)
{
    struct tensor *t[4];
    bool known = n->in[0]->type.rank >= 2 && n->in[0]->type.rank <= 4;
    for (int i = 0; i < 4; i++) {
        t[i] = mnn_floats_of(w, node_in(n, i + 1));
        known = known && t[i] && t[i]->count == t[0]->count;
    }
    struct tensor *scale = known ? tensor_new(DTYPE_F32, 1, t[0]->dims, w->err) : NULL;
    struct tensor *bias = scale ? tensor_new(DTYPE_F32, 1, t[0]->dims, w->err) : NULL;
    for (int64_t c = 0; bias && c < scale->count; c++) {
        float f = ((float *)t[0]->data)[c] / sqrtf(((float *)t[3]->data)[c] + op_float(n, "epsilon"));
        ((float *)scale->data)[c] = f;
        ((float *)bias->data)[c] = ((float *)t[1]->data)[c] - ((float *)t[2]->data)[c] * f;
    }
    if (bias) {
        int in = mnn_packed(w, n->in[0]);
        uint32_t scales = put_floats(w, scale), biases = put_floats(w, bias);
        mnn_begin(w, "Scale");
        mnn_put_int(w, "channels", scale->count);
        mnn_put_ref(w, "scaleData", scales);
        mnn_put_ref(w, "biasData", biases);
        mnn_end_param(w);
        mnn_emit(w, 77, NULL, 1, &in, 1, (int[]){mnn_result(w, 0, true)});
    } else {
        mnn_cannot(w, "its parameters must be constant");
    }
    for (int i = 0; i < 4; i++)
        tensor_unref(t[i]);
    tensor_unref(scale);
    tensor_unref(bias);
}

static void put_layer_norm(struct mnn_writer *w, int axes, float epsilon, const struct tensor *gamma,
                           const struct tensor *beta)
{
    int64_t axis[TENSOR_MAX_RANK];
    for (int i = 0; i < axes; i++)
        axis[i] = i - axes;
    uint32_t dims = mnn_put_ints(w, axis, (size_t)axes), gammas = gamma ? put_floats(w, gamma) : 0;
    uint32_t betas = beta ? put_floats(w, beta) : 0;
    mnn_begin(w, "LayerNorm");
    mnn_put_ref(w, "axis", dims);
    mnn_put_float(w, "epsilon", epsilon);
    mnn_put_ref(w, "gamma", gammas);
    mnn_put_ref(w, "beta", betas);
    mnn_end_param(w);
}

void mnn_write_layer_norm(struct mnn_writer *w, struct node *n)
{
    int64_t axis = op_int(n, "axis");
    int rank = mnn_rank_of(n->in[0]), axes = axis < 0 ? (int)-axis : rank - (int)axis, x = mnn_plain(w, n->in[0]);
    struct tensor *gamma = mnn_floats_of(w, n->in[1]);
    struct tensor *beta = node_in(n, 2) ? mnn_floats_of(w, n->in[2])
                          : gamma       ? tensor_new(DTYPE_F32, gamma->rank, gamma->dims, w->err)
                                        : NULL;
    if (gamma && beta && axes > 0 && axes <= TENSOR_MAX_RANK && n->out_count == 1) {
        put_layer_norm(w, axes, op_float(n, "epsilon"), gamma, beta);
        mnn_emit(w, 603, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
    } else {
        mnn_cannot(w, "its scale and bias must be constant");
    }
    tensor_unref(gamma);
    tensor_unref(beta);
}

/* Channels as rows, normalised, and back; then scale and bias a channel. */
void mnn_write_instance_norm(struct mnn_writer *w, struct node *n)
{
    const struct type *type = &n->in[0]->type;
    int64_t rows[3] = {0, 0, -1}, one[TENSOR_MAX_RANK];
    bool known = type->rank >= 3;
    for (int d = 0; known && d < type->rank; d++) {
        known = type->dims[d] > 0;
        one[d] = 1;
    }
    struct tensor *scale = mnn_floats_of(w, n->in[1]), *bias = mnn_floats_of(w, n->in[2]);
    if (known && scale && bias) {
        int in[2] = {mnn_plain(w, n->in[0]), mnn_const_ints(w, "rows", rows, 3, false)};
        mnn_param_int(w, "Reshape", "dimType", MNN_NCHW);
        in[0] = mnn_step(w, 73, "flat", 2, in);
        put_layer_norm(w, 1, op_float(n, "epsilon"), NULL, NULL);
        in[0] = mnn_step(w, 603, "normal", 1, in);
        in[1] = mnn_const_ints(w, "dims", type->dims, type->rank, false);
        mnn_param_int(w, "Reshape", "dimType", MNN_NCHW);
        in[0] = mnn_step(w, 73, "image", 2, in);
        one[0] = scale->count;
        in[1] = mnn_const_tensor(w, "scale", tensor_reshaped(scale, type->rank - 1, one, w->err));
        mnn_param_binary(w, 2);
        in[0] = mnn_step(w, 7, "scaled", 2, in);
        in[1] = mnn_const_tensor(w, "bias", tensor_reshaped(bias, type->rank - 1, one, w->err));
        mnn_param_binary(w, 0);
        mnn_emit(w, 7, NULL, 2, in, 1, (int[]){mnn_result(w, 0, false)});
    } else {
        mnn_cannot(w, "its dims, scale and bias must be known");
    }
    tensor_unref(scale);
    tensor_unref(bias);
}

void mnn_write_lrn(struct mnn_writer *w, struct node *n)
{
    int in = mnn_packed(w, n->in[0]);
    if (op_int(n, "size") % 2 == 0)
        mnn_cannot(w, "without a channel in the middle");
    mnn_begin(w, "LRN");
    mnn_put_int(w, "localSize", op_int(n, "size"));
    mnn_put_float(w, "alpha", op_float(n, "alpha"));
    mnn_put_float(w, "beta", op_float(n, "beta"));
    mnn_put_float(w, "bias", op_float(n, "bias"));
    mnn_end_param(w);
    mnn_emit(w, 37, NULL, 1, &in, 1, (int[]){mnn_result(w, 0, true)});
}
