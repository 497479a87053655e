/* Operators that move elements. */
#include <string.h>

#include "format/tengine/tengine.h"

#define MOST_PARTS 1024

void tengine_read_identity(struct tengine_op *o)
{
    tengine_give(o, 0, tengine_in(o, 0));
}

void tengine_read_concat(struct tengine_op *o)
{
    struct value *in[MOST_PARTS];
    int axis = build_axis(o->b, tengine_int(o, 0), tengine_rank(o, 0));
    if (o->in.count > MOST_PARTS)
        build_fail(o->b, "it has %u inputs, want at most %d", o->in.count, MOST_PARTS);
    for (uint32_t k = 0; k < o->in.count && !o->b->failed; k++)
        in[k] = tengine_in(o, k);
    struct value *v = o->b->failed ? NULL : build_node(o->b, "Concat", (int)o->in.count, in);
    tengine_give(o, 0, build_int(o->b, v, "axis", axis));
}

/* All axes from the first to the last that it names, as one. */
void tengine_read_flatten(struct tengine_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = tengine_rank(o, 0), first = build_axis(o->b, tengine_int(o, 0), rank),
        last = tengine_int(o, 1) >= rank ? rank - 1 : build_axis(o->b, tengine_int(o, 1), rank), n = 0;
    if (first > last)
        build_fail(o->b, "it flattens axes %d to %d", first, last);
    for (int i = 0; i < rank && !o->b->failed; i++) {
        if (i > first && i <= last)
            continue;
        dims[n] = i == first ? -1 : i < first ? 0 : tengine_dim(o, 0, i);
        n++;
    }
    tengine_give(o, 0, o->b->failed ? NULL : build_reshape(o->b, tengine_in(o, 0), n, dims));
}

static void permute(struct tengine_op *o, int count, const int64_t *order)
{
    int rank = tengine_rank(o, 0);
    if (count != rank)
        build_fail(o->b, "an order of %d axes, want %d", count, rank);
    tengine_give(o, 0, o->b->failed ? NULL : build_transpose(o->b, tengine_in(o, 0), rank, order));
}

void tengine_read_permute(struct tengine_op *o)
{
    int64_t order[4];
    for (uint32_t i = 0; i < 4; i++)
        order[i] = tengine_int(o, 1 + i);
    permute(o, tengine_rank(o, 0) == 3 ? 3 : 4, order);
}

void tengine_read_transpose(struct tengine_op *o)
{
    int64_t order[TENSOR_MAX_RANK];
    int count = tengine_list(o, 0, order, TENSOR_MAX_RANK);
    permute(o, count, order);
}

void tengine_read_swap_axis(struct tengine_op *o)
{
    int64_t order[TENSOR_MAX_RANK];
    int rank = tengine_rank(o, 0), a = build_axis(o->b, tengine_int(o, 0), rank),
        b = build_axis(o->b, tengine_int(o, 1), rank);
    for (int i = 0; i < rank; i++)
        order[i] = i == a ? b : i == b ? a : i;
    permute(o, rank, order);
}

/* Dim `at` of input 0 as dim n of the result: ONNX's 0 where it is the same place. */
static int64_t copied_dim(struct tengine_op *o, int at, int n)
{
    return at == n ? 0 : tengine_dim(o, 0, at);
}

/* A 0 is the dim as it is for MXNet and ONNX, else 1; -2 is all that are left over, -3 the product of two. */
void tengine_read_reshape(struct tengine_op *o)
{
    int64_t want[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    int count = tengine_list(o, 2, want, TENSOR_MAX_RANK), rank = tengine_rank(o, 0), at = 0, n = 0;
    bool copies = tengine_int(o, 0) || tengine_int(o, 3);
    if (tengine_int(o, 1))
        build_fail(o->b, "its shape is reversed, which is not read");
    for (int i = 0; i < count && !o->b->failed; i++) {
        if (n >= TENSOR_MAX_RANK || want[i] < -3) {
            build_fail(o->b, "its shape has %lld, want -3 or more, and at most %d axes", (long long)want[i],
                       TENSOR_MAX_RANK);
        } else if (want[i] == -2) {
            for (; at < rank && n < TENSOR_MAX_RANK; at++, n++)
                dims[n] = copied_dim(o, at, n);
        } else if (want[i] == -3) {
            int64_t a = tengine_dim(o, 0, at), b = tengine_dim(o, 0, at + 1);
            dims[n++] = a >= 0 && b >= 0 && a <= INT32_MAX && b <= INT32_MAX ? a * b : -1;
            at += 2;
        } else {
            dims[n] = want[i] != 0 ? want[i] : copies ? copied_dim(o, at, n) : 1;
            n++;
            at++;
        }
    }
    tengine_give(o, 0, o->b->failed ? NULL : build_reshape(o->b, tengine_in(o, 0), n, dims));
}

/* ---- parts ---- */

/* Parts of these sizes; count 0: equal ones. */
static void split(struct tengine_op *o, int axis, int count, const int64_t *sizes)
{
    int outputs = o->out.count > MOST_PARTS ? MOST_PARTS : (int)o->out.count;
    if (count && count != outputs)
        build_fail(o->b, "%d sizes of parts, want %d", count, outputs);
    struct value *v = BUILD(o->b, "Split", tengine_in(o, 0), count ? build_list(o->b, count, sizes) : NULL);
    build_int(o->b, v, "axis", axis);
    if (!count)
        build_int(o->b, v, "num_outputs", outputs);
    for (int k = 0; k < outputs && !o->b->failed; k++)
        tengine_give(o, (uint32_t)k, k ? build_output(o->b, v, k) : v);
}

void tengine_read_split(struct tengine_op *o)
{
    int64_t sizes[MOST_PARTS];
    int axis = build_axis(o->b, tengine_int(o, 0), tengine_rank(o, 0)), count = tengine_list(o, 3, sizes, MOST_PARTS);
    split(o, axis, count, sizes);
}

/* Caffe's points between parts. */
static void slice_caffe(struct tengine_op *o, int axis)
{
    int64_t points[MOST_PARTS + 1];
    int count = tengine_list(o, 1, points, MOST_PARTS);
    int64_t from = 0, whole = tengine_dim(o, 0, axis);
    if (count > 0 && whole < 0)
        build_fail(o->b, "the size of axis %d must be known", axis);
    for (int i = 0; i <= count && count > 0; i++) {
        int64_t to = i < count ? points[i] : whole;
        points[i] = to - from;
        from = to;
    }
    split(o, axis, count ? count + 1 : 0, points);
}

/* In the form of Caffe, MXNet, ONNX or TensorFlow. */
void tengine_read_slice(struct tengine_op *o)
{
    int64_t from[TENSOR_MAX_RANK], sizes[TENSOR_MAX_RANK];
    int rank = tengine_rank(o, 0), axis = build_axis(o->b, tengine_int(o, 0), rank);
    struct build_slice_entries e = {0};
    if (tengine_int(o, 4)) {
        slice_caffe(o, axis);
        return;
    }
    if (tengine_int(o, 5) || tengine_int(o, 6)) {
        int64_t step = tengine_int(o, 6) ? tengine_int(o, 9) : 1;
        struct value *v = BUILD(o->b, "Slice", tengine_in(o, 0), BUILD_LIST(o->b, tengine_int(o, 7)),
                                BUILD_LIST(o->b, tengine_int(o, 8)), BUILD_LIST(o->b, axis), BUILD_LIST(o->b, step));
        tengine_give(o, 0, v);
        return;
    }
    e.count = tengine_list(o, 2, from, TENSOR_MAX_RANK);
    if (tengine_list(o, 3, sizes, TENSOR_MAX_RANK) != e.count || e.count > rank)
        build_fail(o->b, "it has %d beginnings of %d axes, want as many sizes", e.count, rank);
    for (int i = 0; i < e.count && !o->b->failed; i++) {
        e.begin[i] = from[i];
        e.end[i] = from[i] + sizes[i];
        e.step[i] = 1;
        e.no_end |= sizes[i] < 0 ? 1u << i : 0;
    }
    tengine_give(o, 0, o->b->failed ? NULL : build_slice_all(o->b, tengine_in(o, 0), rank, &e));
}

/* Beginning, end, step of each of four axes. */
void tengine_read_strided_slice(struct tengine_op *o)
{
    struct build_slice_entries e = {.count = 4};
    int rank = tengine_rank(o, 0);
    if (rank != 4)
        build_fail(o->b, "an input of %d axes, want 4", rank);
    for (int i = 0; i < 4; i++) {
        e.begin[i] = tengine_int(o, (uint32_t)(3 * i));
        e.end[i] = tengine_int(o, (uint32_t)(3 * i + 1));
        e.step[i] = tengine_int(o, (uint32_t)(3 * i + 2));
        e.no_end |= e.end[i] == 0 ? 1u << i : 0;
    }
    tengine_give(o, 0, o->b->failed ? NULL : build_slice_all(o->b, tengine_in(o, 0), rank, &e));
}

/* To height and width, those of the second input or given, from an offset. */
void tengine_read_crop(struct tengine_op *o)
{
    int64_t from[2] = {tengine_int(o, 2), tengine_int(o, 3)}, size[2] = {tengine_int(o, 4), tengine_int(o, 5)}, end = 0;
    if (tengine_rank(o, 0) != 4 || tengine_word(&o->param, 6) % 256)
        build_fail(o->b, "want an input of 4 axes, cropped from an offset");
    if (o->in.count > 1) {
        struct value *v = BUILD(o->b, "nn.Crop", tengine_in(o, 0), tengine_in(o, 1));
        tengine_give(o, 0, build_ints(o->b, v, "offsets", 2, from));
        return;
    }
    struct value *v = tengine_in(o, 0);
    for (int i = 0; i < 2; i++) {
        if (size[i] < 1 || from[i] < 0 || __builtin_add_overflow(from[i], size[i], &end))
            build_fail(o->b, "it crops to %lld from %lld", (long long)size[i], (long long)from[i]);
        v = o->b->failed ? NULL : build_slice(o->b, v, 2 + i, from[i], end);
    }
    tengine_give(o, 0, v);
}

/* ---- axes ---- */

/* Axes are named as in NHWC, unused ones -2; those of more than one element stay. */
void tengine_read_squeeze(struct tengine_op *o)
{
    static const int to_nchw[] = {0, 2, 3, 1};
    int64_t axes[4];
    int rank = tengine_rank(o, 0), count = 0, given = 0;
    for (uint32_t i = 0; i < 4; i++) {
        int32_t axis = tengine_int(o, i);
        given += axis != -2;
        if (axis >= 0 && axis < 4 && tengine_dim(o, 0, to_nchw[axis]) == 1)
            axes[count++] = to_nchw[axis];
    }
    for (int i = 0; i < rank && given == 0 && count < 4; i++)
        if (tengine_dim(o, 0, i) == 1)
            axes[count++] = i;
    struct value *x = tengine_in(o, 0);
    tengine_give(o, 0, count ? BUILD(o->b, "Squeeze", x, build_list(o->b, count, axes)) : x);
}

static void unsqueeze(struct tengine_op *o, int count, const int64_t *axes)
{
    tengine_give(o, 0, BUILD(o->b, "Unsqueeze", tengine_in(o, 0), build_list(o->b, count, axes)));
}

void tengine_read_unsqueeze(struct tengine_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = tengine_list(o, 0, axes, TENSOR_MAX_RANK);
    unsqueeze(o, count, axes);
}

void tengine_read_expand_dims(struct tengine_op *o)
{
    unsqueeze(o, 1, (int64_t[]){tengine_int(o, 0)});
}

/* ---- copies ---- */

/* Pads before and behind of four axes; 0 a number, 1 the edge, 2 mirrored. */
void tengine_read_pad(struct tengine_op *o)
{
    static const char *const modes[] = {"constant", "edge", "reflect"};
    uint32_t mode = (uint32_t)tengine_int(o, 8);
    int64_t pads[8];
    for (int i = 0; i < 4; i++) {
        pads[i] = tengine_int(o, (uint32_t)(2 * i));
        pads[4 + i] = tengine_int(o, (uint32_t)(2 * i + 1));
        if (pads[i] < 0 || pads[4 + i] < 0)
            pads[i] = pads[4 + i] = 0;
    }
    if (tengine_rank(o, 0) != 4 || mode > 2)
        build_fail(o->b, "want an input of 4 axes, and mode 0 to 2");
    if (o->b->failed)
        return;
    struct value *fill = build_number(o->b, DTYPE_F32, (double)tengine_float(o, 9));
    struct value *v = BUILD(o->b, "Pad", tengine_in(o, 0), build_list(o->b, 8, pads), mode ? NULL : fill);
    tengine_give(o, 0, build_string(o->b, v, "mode", modes[mode]));
}

void tengine_read_gather(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "Gather", tengine_in(o, 0), build_cast(o->b, tengine_in(o, 1), DTYPE_I64));
    tengine_give(o, 0, build_int(o->b, v, "axis", build_axis(o->b, tengine_int(o, 0), tengine_rank(o, 0))));
}

void tengine_read_expand(struct tengine_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int count = tengine_list(o, 0, dims, TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++)
        dims[i] = dims[i] < 1 ? 1 : dims[i];
    tengine_give(o, 0, BUILD(o->b, "Expand", tengine_in(o, 0), build_list(o->b, count, dims)));
}

void tengine_read_tile(struct tengine_op *o)
{
    int64_t times[TENSOR_MAX_RANK];
    int rank = tengine_rank(o, 0), count = tengine_list(o, 2, times, TENSOR_MAX_RANK);
    if (count != rank)
        build_fail(o->b, "it repeats %d axes of %d", count, rank);
    tengine_give(o, 0, o->b->failed ? NULL : BUILD(o->b, "Tile", tengine_in(o, 0), build_list(o->b, rank, times)));
}

void tengine_read_shape(struct tengine_op *o)
{
    tengine_give(o, 0, BUILD(o->b, "Shape", tengine_in(o, 0)));
}
