/* Quantising and back. MNN's own operators have int8 with one scale, and how these integers lie in memory is the
 * processor's business: they serve between two operators that are theirs. All else, and what a user gives or gets, is
 * written as arithmetic. */
#include "format/mnn/writers.h"

enum { CAST = 9, BINARY = 7, CLIP = 70, UNARY = 101 };
enum { ADD = 0, SUB = 1, MUL = 2, DIVIDE = 7, ROUND = 23 };

static bool is_one_scale(const struct node *n)
{
    const struct value *scale = n->in[1], *zero = node_in(n, 2);
    return scale->constant && scale->constant->count == 1 && scale->constant->dtype == DTYPE_F32 && zero &&
           zero->constant && zero->constant->dtype == DTYPE_I8;
}

/* Whether the integers go from one of MNN's operators straight to others. */
static bool is_own(const struct value *codes)
{
    const struct node *from = codes->producer;
    if (!from || !node_is(from, "QuantizeLinear") || !is_one_scale(from) || codes->is_output)
        return false;
    for (size_t i = 0; i < codes->use_count; i++) {
        const struct node *to = codes->uses[i].node;
        if (!node_is(to, "DequantizeLinear") || codes->uses[i].index != 0 || !is_one_scale(to))
            return false;
    }
    return true;
}

static void write_own(struct mnn_writer *w, struct node *n, bool inverted)
{
    float f = *(const float *)n->in[1]->constant->data;
    f = inverted ? 1 / f : f;
    int in = mnn_packed(w, n->in[0]);
    uint32_t scales = flatbuf_put_vector(&w->out, &f, 1, 4, 4);
    mnn_begin(w, "QuantizedFloatParam");
    mnn_put_ref(w, "tensorScale", scales);
    mnn_put_int(w, "zeroPoint", tensor_get_i64(n->in[2]->constant, 0));
    mnn_end_param(w);
    mnn_emit(w, mnn_row(w)->type, NULL, 1, &in, 1, (int[]){mnn_result(w, 0, true)});
}

/* ---- as arithmetic ---- */

/* A scale or zero point as floats that broadcast against the node's input; -1 for one that is not constant, or that
 * belongs to blocks. */
static int operand(struct mnn_writer *w, struct node *n, int i, const char *what)
{
    struct value *v = n->in[i];
    int rank = mnn_rank_of(n->in[0]);
    int64_t dims[TENSOR_MAX_RANK], axis = op_int(n, "axis");
    if (!v->constant || v->constant->rank > 1 || op_int(n, "block_size") || (v->constant->rank == 1 && rank < 1)) {
        mnn_cannot(w, "its %s is not one constant, or one for each of an axis", what);
        return -1;
    }
    struct tensor *t = mnn_floats_of(w, v), *shaped = NULL;
    for (int a = 0; a < rank; a++)
        dims[a] = a == (axis < 0 ? axis + rank : axis) ? v->constant->count : 1;
    if (t)
        shaped = v->constant->count == 1 ? tensor_reshaped(t, 0, NULL, w->err) : tensor_reshaped(t, rank, dims, w->err);
    tensor_unref(t);
    return mnn_const_tensor(w, what, shaped);
}

static int binary(struct mnn_writer *w, int operation, const char *part, int x, int y)
{
    mnn_param_binary(w, operation);
    return mnn_step(w, BINARY, part, 2, (int[]){x, y});
}

static bool is_zero(const struct value *v)
{
    return !v || (v->constant && v->constant->count == 1 && tensor_get_f64(v->constant, 0) == 0);
}

/* The least and the largest of an integer type; false for those that MNN has not. */
static bool range_of(enum dtype dtype, float *low, float *high)
{
    *low = dtype == DTYPE_I8 ? -128 : 0;
    *high = dtype == DTYPE_I8 ? 127 : 255;
    return dtype == DTYPE_I8 || dtype == DTYPE_U8;
}

/* Zeros for all of an axis are written all the same: only a scalar zero changes nothing. */
static void write_codes(struct mnn_writer *w, struct node *n)
{
    float low, high;
    enum dtype dtype = n->out[0]->type.dtype;
    if (!range_of(dtype, &low, &high)) {
        mnn_cannot(w, "to integers of type %s", dtype_info(dtype)->name);
        return;
    }
    int scale = operand(w, n, 1, "scale"), x = mnn_plain(w, n->in[0]);
    x = binary(w, DIVIDE, "scaled", x, scale);
    mnn_param_unary(w, ROUND);
    x = mnn_step(w, UNARY, "rounded", 1, &x);
    if (!is_zero(node_in(n, 2)))
        x = binary(w, ADD, "shifted", x, operand(w, n, 2, "zero point"));
    mnn_param_clip(w, low, high);
    x = mnn_step(w, CLIP, "clipped", 1, &x);
    mnn_param_int(w, "CastParam", "dstT", mnn_type_of(dtype));
    mnn_emit(w, CAST, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

static void write_reals(struct mnn_writer *w, struct node *n)
{
    int scale = operand(w, n, 1, "scale"), x = mnn_plain(w, n->in[0]);
    mnn_param_int(w, "CastParam", "dstT", MNN_FLOAT);
    x = mnn_step(w, CAST, "codes", 1, &x);
    if (!is_zero(node_in(n, 2)))
        x = binary(w, SUB, "shifted", x, operand(w, n, 2, "zero point"));
    mnn_param_binary(w, MUL);
    mnn_emit(w, BINARY, NULL, 2, (int[]){x, scale}, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_quantize(struct mnn_writer *w, struct node *n)
{
    if (is_own(n->out[0]))
        write_own(w, n, true);
    else
        write_codes(w, n);
}

void mnn_write_dequantize(struct mnn_writer *w, struct node *n)
{
    if (is_own(n->in[0]))
        write_own(w, n, false);
    else
        write_reals(w, n);
}
