/* Operators that take parts of a tensor. */
#include <limits.h>
#include <string.h>

#include "format/mnn/handlers.h"

/* ---- in pieces ---- */

static struct value *split(struct mnn_op *o, struct value *x, int64_t axis, struct value *sizes)
{
    struct value *y = build_int(o->b, BUILD(o->b, "Split", x, sizes), "axis", axis);
    return sizes ? y : build_int(o->b, y, "num_outputs", (int64_t)o->out.count);
}

/* Offsets, as Caffe has them, as sizes; the last piece is what is left of the axis. */
static int sizes_of_offsets(struct mnn_op *o, const struct type *type, int64_t axis, int64_t *sizes, int count)
{
    int64_t at = axis < 0 ? axis + type->rank : axis, before = 0;
    if (at < 0 || at >= type->rank || type->dims[at] < 0) {
        build_fail(o->b, "the size of axis %lld must be known", (long long)axis);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        int64_t offset = sizes[i];
        sizes[i] = offset - before;
        before = offset;
    }
    sizes[count] = type->dims[at] - before;
    return count + 1;
}

/* -1 among sizes stands for what the others leave. */
static void fill_rest(const struct type *type, int64_t axis, int64_t *sizes, int count)
{
    int64_t at = axis < 0 ? axis + type->rank : axis, sum = 0;
    int open = -1;
    for (int i = 0; i < count; i++) {
        if (sizes[i] < 0)
            open = i;
        else if (__builtin_add_overflow(sum, sizes[i], &sum))
            return; /* what Split says of such sizes will be the message */
    }
    if (open >= 0 && at >= 0 && at < type->rank && type->dims[at] >= sum)
        sizes[open] = type->dims[at] - sum;
}

#define MAX_PIECES 1024

void mnn_read_slice(struct mnn_op *o)
{
    int64_t sizes[MAX_PIECES + 1], axis = mnn_int(&o->param, "axis"), source = mnn_int(&o->param, "sourceType");
    struct value *x = mnn_in_any(o, 0);
    const struct type *type = x ? build_type(o->b, x) : NULL;
    int count = mnn_has_in(o, 1) ? mnn_in_ints(o, 1, sizes, MAX_PIECES)
                                 : mnn_ints(o, &o->param, "slicePoints", sizes, MAX_PIECES);
    if (!type || (count < 0 && !mnn_has_in(o, 1))) {
        build_fail(o->b, "the sizes of its pieces must be known");
        return;
    }
    bool equal = !mnn_has_in(o, 1) && source != MNN_CAFFE && count <= 1;
    if (source == MNN_CAFFE && !mnn_has_in(o, 1))
        count = sizes_of_offsets(o, type, axis, sizes, count);
    else if (!equal)
        fill_rest(type, axis, sizes, count);
    if (equal && source == MNN_TORCH && count == 1 && o->out.count > 1)
        for (equal = false; count < (int)o->out.count && count < MAX_PIECES; count++)
            sizes[count] = count + 1 < (int)o->out.count ? sizes[0] : -1;
    if (!equal)
        fill_rest(type, axis, sizes, count);
    struct value *wanted = count < 0 ? mnn_int_vector(o, mnn_in(o, 1)) : NULL;
    struct value *y = split(o, x, axis, equal || wanted || o->b->failed ? wanted : build_list(o->b, count, sizes));
    build_output(o->b, y, (int)o->out.count - 1);
    for (size_t i = 0; i < o->out.count && !o->b->failed; i++)
        mnn_give(o, i, build_output(o->b, y, (int)i));
}

void mnn_read_unpack(struct mnn_op *o)
{
    int64_t axis = mnn_int(&o->param, "axis");
    struct value *x = mnn_in_any(o, 0), *y = o->out.count > 1 ? split(o, x, axis, NULL) : x;
    if (o->out.count > 1)
        build_output(o->b, y, (int)o->out.count - 1);
    for (size_t i = 0; i < o->out.count && !o->b->failed; i++)
        mnn_give(o, i,
                 BUILD(o->b, "Squeeze", o->out.count > 1 ? build_output(o->b, y, (int)i) : y, BUILD_LIST(o->b, axis)));
}

/* Numbers of an input, or of a blob among the parameters. */
static int numbers_of(struct mnn_op *o, size_t input, const char *field, int64_t *values, int max)
{
    struct mnn_table blob = mnn_sub(&o->param, field);
    return mnn_has_in(o, input) ? mnn_in_ints(o, input, values, max) : mnn_ints(o, &blob, "int32s", values, max);
}

#define MOST_PAD 65536 /* as windows have at most: results grow with them */

/* Space in blocks to batches, or back; the axes cut are those behind the batch, or behind the channels in NCHW. */
void mnn_read_space_batch(struct mnn_op *o)
{
    struct build *b = o->b;
    bool last = mnn_layout_in(o, 0) == MNN_NHWC;
    int64_t block[3], edges[6], pads[2 * TENSOR_MAX_RANK] = {0};
    struct value *x = mnn_in(o, 0), *y;
    int rank = mnn_in_rank(o, 0), n = numbers_of(o, 1, "blockShape", block, 3);
    if (!b->failed && (n < 1 || n >= rank || numbers_of(o, 2, "padding", edges, 6) != 2 * n))
        build_fail(b, "its blocks and pads must be known");
    for (int i = 0; i < n && !b->failed; i++) {
        pads[1 + i] = edges[2 * i];
        pads[rank + 1 + i] = edges[2 * i + 1];
        if (block[i] < 1 || edges[2 * i] > MOST_PAD || edges[2 * i + 1] > MOST_PAD)
            build_fail(b, "a block of %lld elements, pads of %lld and %lld", (long long)block[i],
                       (long long)edges[2 * i], (long long)edges[2 * i + 1]);
    }
    if (b->failed)
        return;
    x = last ? x : mnn_channels_last(b, x);
    if (strcmp(o->kind->name, "SpaceToBatchND") == 0)
        y = build_space_to_batch(b, x, rank, n, block, build_list(b, 2 * rank, pads));
    else
        y = build_batch_to_space(b, x, rank, n, block, build_list(b, n, pads + 1), build_list(b, n, pads + rank + 1));
    mnn_give(o, 0, last ? y : mnn_channels_first(b, y));
}

/* ---- one part ---- */

/* Beginnings and sizes of all axes: a size of -1 means up to the end, and a beginning may count from there. */
void mnn_read_slice_tf(struct mnn_op *o)
{
    struct value *in[3] = {mnn_in_any(o, 0), mnn_int_vector(o, mnn_in(o, 1)), mnn_int_vector(o, mnn_in(o, 2))};
    const char *formula = "$0 $1 $1 $2 Add:2 >e $2 #_=0 Less:2 $1 #_=0 Less:2 e #_=0 Less:2 Not And:2 Or:2 "
                          "#_=2147483647 e Where:3 Slice:3";
    mnn_give(o, 0, build_formula(o->b, formula, 3, in));
}

/* A part as large as the second input, from axis `axis` on; one offset may serve for all axes. */
void mnn_read_crop(struct mnn_op *o)
{
    int64_t axis = mnn_int(&o->param, "axis"), offset[TENSOR_MAX_RANK], starts[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int rank = mnn_in_rank(o, 0), count = mnn_ints(o, &o->param, "offset", offset, TENSOR_MAX_RANK);
    struct value *x = mnn_in(o, 0), *like = mnn_in_any(o, 1);
    axis += axis < 0 ? rank : 0;
    int n = rank - (int)axis;
    if (!o->b->failed && (axis < 0 || n < 1 || (count > 1 && count < n)))
        build_fail(o->b, "axis %lld, with %d offsets, of rank %d", (long long)axis, count, rank);
    if (o->b->failed)
        return;
    for (int i = 0; i < n; i++) {
        starts[i] = count == 0 ? 0 : offset[count == 1 ? 0 : i];
        axes[i] = axis + i;
    }
    struct value *from = build_list(o->b, n, starts);
    struct value *end = BUILD(o->b, "Add", build_shape(o->b, like, axis, rank), from);
    mnn_give(o, 0, BUILD(o->b, "Slice", x, from, end, build_list(o->b, n, axes)));
}

void mnn_read_reverse(struct mnn_op *o)
{
    int64_t axis = 0;
    struct value *x = mnn_in_any(o, 0);
    if (mnn_has_in(o, 1) ? mnn_in_ints(o, 1, &axis, 1) != 1 : false)
        build_fail(o->b, "its axis must be known");
    struct value *y = BUILD(o->b, "Slice", x, BUILD_LIST(o->b, -1), BUILD_LIST(o->b, -(int64_t)INT32_MAX),
                            BUILD_LIST(o->b, axis), BUILD_LIST(o->b, -1));
    mnn_give(o, 0, y);
}

/* ---- TensorFlow's strided slice ---- */

struct strided {
    int count, rank; /* of entries; of the input, -1 when not needed */
    int64_t begin_mask, end_mask, new_mask, shrink_mask, ellipsis_mask;
    int64_t strides[TENSOR_MAX_RANK];
    int entry[TENSOR_MAX_RANK];    /* which entries cut an axis, … */
    int64_t axis[TENSOR_MAX_RANK]; /* … and which axis of the input */
    int cuts;
    int64_t dropped[TENSOR_MAX_RANK], added[TENSOR_MAX_RANK]; /* axes of the result before and after it */
    int drops, adds;
};

/* Goes through the entries: those behind an ellipsis belong to the last axes. */
static void walk_entries(struct strided *s)
{
    int64_t axis = 0, place = 0;
    for (int i = 0; i < s->count; i++) {
        int64_t bit = INT64_C(1) << i;
        if (s->ellipsis_mask & bit) {
            int64_t behind = 0;
            for (int j = i + 1; j < s->count; j++)
                behind += !(s->new_mask >> j & 1);
            place += s->rank - behind - axis;
            axis = s->rank - behind;
        } else if (s->new_mask & bit) {
            s->added[s->adds++] = place++;
        } else {
            s->entry[s->cuts] = i;
            s->axis[s->cuts++] = axis;
            if (s->shrink_mask & bit)
                s->dropped[s->drops++] = axis;
            else
                place++;
            axis++;
        }
    }
}

/* The bounds of the cutting entries: where a mask has the entry's bit, `open` instead. */
static struct value *bounds(struct mnn_op *o, const struct strided *s, struct value *given, int64_t mask,
                            const int64_t *open)
{
    int64_t picked[TENSOR_MAX_RANK], instead[TENSOR_MAX_RANK];
    bool any = false, all = s->cuts == s->count;
    struct tensor *flags = tensor_new(DTYPE_BOOL, 1, (int64_t[]){s->cuts}, o->b->err);
    build_check(o->b, flags != NULL);
    for (int i = 0; flags && i < s->cuts; i++) {
        bool masked = mask >> s->entry[i] & 1;
        picked[i] = s->entry[i];
        instead[i] = open[i];
        any = any || masked;
        tensor_set_i64(flags, i, masked);
    }
    if (!all)
        given = BUILD(o->b, "Gather", given, build_list(o->b, s->cuts, picked));
    if (any)
        return BUILD(o->b, "Where", build_constant(o->b, NULL, flags), build_list(o->b, s->cuts, instead), given);
    tensor_unref(flags);
    return given;
}

/* An entry that takes one element ends behind it; behind the last, at the far end. */
static struct value *end_behind(struct mnn_op *o, const struct strided *s, struct value *begin, struct value *end)
{
    struct tensor *flags = tensor_new(DTYPE_BOOL, 1, (int64_t[]){s->cuts}, o->b->err);
    build_check(o->b, flags != NULL);
    for (int i = 0; flags && i < s->cuts; i++)
        tensor_set_i64(flags, i, s->shrink_mask >> s->entry[i] & 1);
    struct value *next = BUILD(o->b, "Add", begin, build_number(o->b, DTYPE_I64, 1));
    struct value *last = BUILD(o->b, "Equal", next, build_number(o->b, DTYPE_I64, 0));
    next = BUILD(o->b, "Where", last, build_number(o->b, DTYPE_I64, INT32_MAX), next);
    if (!o->b->failed)
        return BUILD(o->b, "Where", build_constant(o->b, NULL, flags), next, end);
    tensor_unref(flags);
    return NULL;
}

static void read_masks(struct mnn_op *o, struct strided *s)
{
    const struct mnn_table *t = &o->param;
    struct value *begin = mnn_in(o, 1);
    const struct type *type = begin ? build_type(o->b, begin) : NULL;
    s->begin_mask = mnn_int(t, "beginMask"), s->end_mask = mnn_int(t, "endMask");
    s->new_mask = mnn_int(t, "newAxisMask"), s->shrink_mask = mnn_int(t, "shrinkAxisMask");
    s->ellipsis_mask = mnn_int(t, "ellipsisMask");
    s->count = type && type->rank == 1 && type->dims[0] <= TENSOR_MAX_RANK ? (int)type->dims[0] : -1;
    s->rank = s->ellipsis_mask ? mnn_in_rank(o, 0) : -1;
    if (s->count < 0 || (s->ellipsis_mask & (s->ellipsis_mask - 1)))
        build_fail(o->b, "the number of its bounds must be known, and one ellipsis be among them");
    for (int i = 0; i < TENSOR_MAX_RANK; i++)
        s->strides[i] = 1;
    if (mnn_has_in(o, 3) && mnn_in_ints(o, 3, s->strides, TENSOR_MAX_RANK) < 0)
        build_fail(o->b, "its strides must be known");
}

static struct value *cut(struct mnn_op *o, const struct strided *s, struct value *x)
{
    int64_t first[TENSOR_MAX_RANK], last[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    for (int i = 0; i < s->cuts; i++) {
        bool one = s->shrink_mask >> s->entry[i] & 1;
        step[i] = one ? 1 : s->strides[s->entry[i]];
        first[i] = step[i] < 0 ? INT32_MAX : 0;
        last[i] = step[i] < 0 ? -(int64_t)INT32_MAX : INT32_MAX;
    }
    struct value *begin = bounds(o, s, mnn_int_vector(o, mnn_in(o, 1)), s->begin_mask, first);
    struct value *end = bounds(o, s, mnn_int_vector(o, mnn_in(o, 2)), s->end_mask, last);
    if (s->drops)
        end = end_behind(o, s, begin, end);
    return BUILD(o->b, "Slice", x, begin, end, build_list(o->b, s->cuts, s->axis), build_list(o->b, s->cuts, step));
}

static void read_masked(struct mnn_op *o)
{
    struct strided s = {0};
    struct value *x = mnn_in_any(o, 0);
    read_masks(o, &s);
    if (o->b->failed)
        return;
    walk_entries(&s);
    if (s.cuts)
        x = cut(o, &s, x);
    if (s.drops)
        x = BUILD(o->b, "Squeeze", x, build_list(o->b, s.drops, s.dropped));
    if (s.adds)
        x = BUILD(o->b, "Unsqueeze", x, build_list(o->b, s.adds, s.added));
    mnn_give(o, 0, x);
}

/* fromType 1: bounds, axes and steps as ONNX has them. */
void mnn_read_strided_slice(struct mnn_op *o)
{
    struct value *in[5] = {0};
    if (mnn_int(&o->param, "fromType") == 0 && o->in.count < 5) {
        read_masked(o);
        return;
    }
    if (mnn_int(&o->param, "fromType") == 0) {
        mnn_read_opaque(o);
        return;
    }
    for (size_t i = 0; i < 5 && i < o->in.count; i++)
        in[i] = i == 0 ? mnn_in_any(o, 0) : mnn_has_in(o, i) ? mnn_int_vector(o, mnn_in(o, i)) : NULL;
    mnn_give(o, 0, build_node(o->b, "Slice", 5, in));
}
