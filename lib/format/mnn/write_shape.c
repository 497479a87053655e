/* Operators that move, cut and join. */
#include <limits.h>
#include <string.h>

#include "format/mnn/writers.h"

/* ---- shapes ---- */

void mnn_write_shape(struct mnn_writer *w, struct node *n)
{
    int64_t bounds[2] = {op_int(n, "start"), op_has(n, "end") ? op_int(n, "end") : INT32_MAX};
    int x = mnn_plain(w, n->in[0]);
    int rank = mnn_rank_of(n->in[0]);
    if (rank >= 0 && bounds[0] < -rank)
        bounds[0] = 0;
    if (bounds[0] == 0 && !op_has(n, "end")) {
        mnn_emit_plain(w, 80);
        return;
    }
    int in[3] = {mnn_step(w, 80, "all", 1, &x), mnn_const_ints(w, "begin", bounds, 1, false),
                 mnn_const_ints(w, "end", bounds + 1, 1, false)};
    mnn_param_int(w, "StridedSliceParam", "fromType", 1);
    mnn_emit(w, 91, NULL, 3, in, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_reshape(struct mnn_writer *w, struct node *n)
{
    (void)n;
    mnn_param_int(w, "Reshape", "dimType", MNN_NCHW);
    mnn_emit_plain(w, 73);
}

void mnn_write_flatten(struct mnn_writer *w, struct node *n)
{
    mnn_param_int(w, "Flatten", "axis", op_int(n, "axis"));
    mnn_emit_plain(w, 28);
}

void mnn_param_ints(struct mnn_writer *w, const char *table, const char *field, const int64_t *list, int count)
{
    uint32_t ref = count > 0 ? mnn_put_ints(w, list, (size_t)count) : 0;
    mnn_begin(w, table);
    mnn_put_ref(w, field, ref);
    mnn_end_param(w);
}

void mnn_write_squeeze(struct mnn_writer *w, struct node *n)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = node_in(n, 1) ? mnn_input_ints(w, 1, axes, TENSOR_MAX_RANK, true) : 0, x = mnn_plain(w, n->in[0]);
    mnn_param_ints(w, "SqueezeParam", "squeezeDims", axes, count);
    mnn_emit(w, mnn_row(w)->type, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_transpose(struct mnn_writer *w, struct node *n)
{
    int64_t reversed[TENSOR_MAX_RANK];
    int count, rank = mnn_rank_of(n->in[0]), x = mnn_plain(w, n->in[0]);
    const int64_t *perm = op_ints(n, "perm", &count);
    for (int i = 0; i < rank; i++)
        reversed[i] = rank - 1 - i;
    if (count == 0 && rank < 0)
        mnn_cannot(w, "the rank of its operand must be known");
    mnn_param_ints(w, "Permute", "dims", count ? perm : reversed, count ? count : rank);
    mnn_emit(w, 46, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_depth_space(struct mnn_writer *w, struct node *n)
{
    bool crd = strcmp(n->op, "DepthToSpace") == 0 && strcmp(op_string(n, "mode"), "CRD") == 0;
    mnn_begin(w, "DepthSpaceParam");
    mnn_put_int(w, "blockSize", op_int(n, "blocksize"));
    mnn_put_int(w, "mode", crd);
    mnn_end_param(w);
    mnn_emit_plain(w, mnn_row(w)->type);
}

/* ---- joining ---- */

void mnn_write_concat(struct mnn_writer *w, struct node *n)
{
    int in[1024];
    bool packed = n->in_count <= 1024 && mnn_rank_of(n->out[0]) == 4;
    for (int i = 0; i < n->in_count; i++)
        packed = packed && mnn_is_packed(w, n->in[i]);
    if (n->in_count > 1024) {
        mnn_cannot(w, "%d operands", n->in_count);
        return;
    }
    for (int i = 0; i < n->in_count; i++)
        in[i] = packed ? mnn_packed(w, n->in[i]) : mnn_plain(w, n->in[i]);
    mnn_param_int(w, "Axis", "axis", op_int(n, "axis"));
    mnn_emit(w, 10, NULL, n->in_count, in, 1, (int[]){mnn_result(w, 0, packed)});
}

void mnn_write_expand(struct mnn_writer *w, struct node *n)
{
    (void)n;
    mnn_emit_plain(w, 120);
}

void mnn_write_constant_of_shape(struct mnn_writer *w, struct node *n)
{
    const struct tensor *value = op_tensor(n, "value");
    int in[2] = {mnn_plain(w, n->in[0]), -1};
    int64_t number = value ? tensor_get_i64(value, 0) : 0;
    in[1] = !value || value->dtype == DTYPE_F32
                ? mnn_const_float(w, "value", value ? (float)tensor_get_f64(value, 0) : 0)
                : mnn_const_ints(w, "value", &number, 1, true);
    mnn_emit(w, 27, NULL, 2, in, 1, (int[]){mnn_result(w, 0, false)});
}

/* Pads of all axes, begins then ends, as pairs. */
static bool read_pads(struct mnn_writer *w, struct node *n, int rank, int64_t *pairs)
{
    int64_t pads[2 * TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int count = mnn_input_ints(w, 1, pads, 2 * TENSOR_MAX_RANK, true), given = rank;
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    if (node_in(n, 3))
        given = mnn_input_ints(w, 3, axes, TENSOR_MAX_RANK, true);
    if (count < 0 || given < 0 || count != 2 * given)
        return false;
    memset(pairs, 0, (size_t)(2 * rank) * sizeof(*pairs));
    for (int i = 0; i < given; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank)
            return false;
        pairs[2 * axis] = pads[i];
        pairs[2 * axis + 1] = pads[i + given];
    }
    return true;
}

/* MNN 3.6.1 takes no pads that cut. From the first padded axis on it copies edges and reflections of up to three runs
 * of axes: each that is padded, and those between. */
static void check_pads(struct mnn_writer *w, int rank, const int64_t *pairs, int mode)
{
    int runs = 0;
    bool was_padded = false, cuts = false;
    for (int i = 0; i < rank; i++) {
        bool is_padded = pairs[2 * i] || pairs[2 * i + 1];
        runs += is_padded || was_padded;
        was_padded = is_padded;
        cuts = cuts || pairs[2 * i] < 0 || pairs[2 * i + 1] < 0;
    }
    if (cuts)
        mnn_cannot(w, "that cuts");
    if (mode && runs > 3)
        mnn_cannot(w, "of edges or reflections along so many axes");
}

void mnn_write_pad(struct mnn_writer *w, struct node *n)
{
    static const char *const modes[] = {"constant", "reflect", NULL, "edge"};
    int64_t pairs[2 * TENSOR_MAX_RANK];
    int rank = mnn_rank_of(n->in[0]), mode = -1, in[3];
    for (int i = 0; i < 4; i++)
        mode = modes[i] && strcmp(op_string(n, "mode"), modes[i]) == 0 ? i : mode;
    if (mode < 0 || rank < 1 || !read_pads(w, n, rank, pairs)) {
        mnn_cannot(w, "its rank and pads must be known, its mode constant, reflect or edge");
        return;
    }
    check_pads(w, rank, pairs, mode);
    in[0] = mnn_plain(w, n->in[0]);
    in[1] = mnn_const_ints(w, "pads", pairs, 2 * rank, false);
    in[2] = node_in(n, 2) ? mnn_plain(w, n->in[2]) : -1;
    mnn_param_int(w, "PadParam", "mode", mode);
    mnn_emit(w, 45, NULL, in[2] >= 0 ? 3 : 2, in, 1, (int[]){mnn_result(w, 0, false)});
}

/* ---- parts ---- */

void mnn_write_slice(struct mnn_writer *w, struct node *n)
{
    int64_t axes[TENSOR_MAX_RANK];
    int in[5], count = n->in_count;
    for (int i = 0; i < count && i < 5; i++)
        in[i] = mnn_plain(w, n->in[i]);
    if (count == 5 && !n->in[3]) {
        int64_t given = n->in[1]->type.rank == 1 ? n->in[1]->type.dims[0] : -1;
        for (int i = 0; i < TENSOR_MAX_RANK; i++)
            axes[i] = i;
        if (given < 1 || given > TENSOR_MAX_RANK)
            mnn_cannot(w, "the number of its bounds must be known");
        else
            in[3] = mnn_const_ints(w, "axes", axes, (int)given, false);
    }
    mnn_param_int(w, "StridedSliceParam", "fromType", 1);
    mnn_emit(w, 91, NULL, count, in, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_split(struct mnn_writer *w, struct node *n)
{
    int64_t sizes[1024], axis = op_int(n, "axis");
    int out[1024], count = node_in(n, 1) ? mnn_input_ints(w, 1, sizes, 1024, true) : 0, x = mnn_plain(w, n->in[0]);
    const struct type *type = &n->in[0]->type;
    int64_t at = axis < 0 ? axis + type->rank : axis;
    if (n->out_count > 1024 || count < 0 || at < 0 || at >= type->rank) {
        mnn_cannot(w, "of %d pieces, whose sizes must be known", n->out_count);
        return;
    }
    for (int i = 0; i < n->out_count; i++) {
        const struct type *piece = n->out[i] ? &n->out[i]->type : NULL;
        if (count == 0 && (!piece || piece->rank <= at || piece->dims[at] < 0))
            mnn_cannot(w, "the sizes of its pieces must be known");
        sizes[i] = count ? sizes[i] : piece && piece->rank > at ? piece->dims[at] : 0;
        out[i] = mnn_result(w, i, false);
    }
    uint32_t points = mnn_put_ints(w, sizes, (size_t)n->out_count);
    mnn_begin(w, "Slice");
    mnn_put_int(w, "axis", axis);
    mnn_put_ref(w, "slicePoints", points);
    mnn_put_int(w, "sourceType", MNN_TENSORFLOW);
    mnn_end_param(w);
    mnn_emit(w, 83, NULL, 1, &x, n->out_count, out);
}

/* ---- indexes ---- */

#define MOST_INDICES 64

/* Indices that are constant and count from the end, which MNN takes from before the first element, count from it. */
static int indices_of(struct mnn_writer *w, struct node *n)
{
    const struct tensor *t = n->in[1]->constant;
    const struct type *x = &n->in[0]->type;
    int64_t axis = op_int(n, "axis"), values[MOST_INDICES], at = axis < 0 ? axis + x->rank : axis;
    bool negative = false;
    for (int64_t i = 0; t && i < t->count; i++)
        negative = negative || tensor_get_i64(t, i) < 0;
    if (!negative)
        return mnn_plain(w, n->in[1]);
    if (t->rank > 1 || t->count > MOST_INDICES || at < 0 || at >= x->rank || x->dims[at] < 0) {
        mnn_cannot(w, "with indices that count from the end");
        return -1;
    }
    for (int i = 0; i < (int)t->count; i++) {
        values[i] = tensor_get_i64(t, i);
        values[i] += values[i] < 0 ? x->dims[at] : 0;
    }
    return mnn_const_ints(w, "indices", values, (int)t->count, t->rank == 0);
}

void mnn_write_gather_nd(struct mnn_writer *w, struct node *n)
{
    if (op_int(n, "batch_dims"))
        mnn_cannot(w, "with batch axes");
    mnn_emit_plain(w, 115);
}

/* Gather and GatherElements: the axis is an input. */
void mnn_write_gather(struct mnn_writer *w, struct node *n)
{
    int64_t axis = op_int(n, "axis");
    int in[3] = {mnn_plain(w, n->in[0]), indices_of(w, n), mnn_const_ints(w, "axis", &axis, 1, true)};
    mnn_emit(w, mnn_row(w)->type, NULL, 3, in, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_scatter(struct mnn_writer *w, struct node *n)
{
    int64_t axis = op_int(n, "axis");
    int in[4] = {mnn_plain(w, n->in[0]), indices_of(w, n), mnn_plain(w, n->in[2]),
                 mnn_const_ints(w, "axis", &axis, 1, true)};
    if (strcmp(op_string(n, "reduction"), "none") != 0)
        mnn_cannot(w, "with a reduction");
    mnn_param_binary(w, -1); /* which MNN does not run without */
    mnn_emit(w, 151, NULL, 4, in, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_scatter_nd(struct mnn_writer *w, struct node *n)
{
    int data = mnn_plain(w, n->in[0]);
    int in[4] = {mnn_plain(w, n->in[1]), mnn_plain(w, n->in[2]), mnn_step(w, 80, "dims", 1, &data), data};
    if (strcmp(op_string(n, "reduction"), "none") != 0)
        mnn_cannot(w, "with a reduction");
    mnn_emit(w, 118, NULL, 4, in, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_non_zero(struct mnn_writer *w, struct node *n)
{
    int x = mnn_plain(w, n->in[0]);
    mnn_begin(w, "Extra");
    mnn_end_param(w);
    x = mnn_step(w, 103, "rows", 1, &x);
    mnn_param_ints(w, "Permute", "dims", (int64_t[]){1, 0}, 2);
    mnn_emit(w, 46, NULL, 1, &x, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_one_hot(struct mnn_writer *w, struct node *n)
{
    const struct value *values = n->in[2];
    int in[4] = {mnn_plain(w, n->in[0]), mnn_plain(w, n->in[1]), -1, -1};
    if (!values->constant || values->constant->count != 2) {
        mnn_cannot(w, "its two values must be constant");
        return;
    }
    for (int i = 0; i < 2; i++) {
        int64_t number = tensor_get_i64(values->constant, 1 - i);
        const char *what = i ? "off" : "on";
        in[2 + i] = values->constant->dtype == DTYPE_F32
                        ? mnn_const_float(w, what, (float)tensor_get_f64(values->constant, 1 - i))
                        : mnn_const_ints(w, what, &number, 1, true);
    }
    mnn_begin(w, "OneHotParam");
    mnn_put_int(w, "dType", values->constant->dtype == DTYPE_F32 ? MNN_FLOAT : MNN_INT32);
    mnn_put_int(w, "axis", op_int(n, "axis"));
    mnn_end_param(w);
    mnn_emit(w, 119, NULL, 4, in, 1, (int[]){mnn_result(w, 0, false)});
}

void mnn_write_grid_sample(struct mnn_writer *w, struct node *n)
{
    const char *mode = op_string(n, "mode"), *border = op_string(n, "padding_mode");
    int in[2] = {mnn_packed(w, n->in[0]), mnn_plain(w, n->in[1])};
    if (strcmp(mode, "cubic") == 0 || mnn_rank_of(n->in[0]) != 4)
        mnn_cannot(w, "of images, linear or nearest, only");
    mnn_begin(w, "GridSample");
    mnn_put_int(w, "mode", strcmp(mode, "nearest") == 0);
    mnn_put_int(w, "paddingMode", strcmp(border, "zeros") == 0 ? 0 : strcmp(border, "border") == 0 ? 1 : 2);
    mnn_put_int(w, "alignCorners", op_int(n, "align_corners"));
    mnn_end_param(w);
    mnn_emit(w, 604, NULL, 2, in, 1, (int[]){mnn_result(w, 0, true)});
}
