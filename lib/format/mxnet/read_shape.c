/* Operators that move elements. */
#include <string.h>

#include "format/mxnet/mxnet.h"

/* ---- joining and cutting ---- */

void mxnet_read_stack(struct mxnet_op *o)
{
    struct value **in = mxnet_all(o);
    int64_t axis = mxnet_int(o, "axis", 0);
    for (int i = 0; i < o->in_count && !o->b->failed; i++)
        in[i] = build_unsqueeze(o->b, in[i], axis);
    if (!o->b->failed)
        mxnet_give(o, 0, build_int(o->b, build_node(o->b, "Concat", o->in_count, in), "axis", axis));
}

static void give_parts(struct mxnet_op *o, struct value *v, int count, int64_t axis, bool squeeze)
{
    if (!o->b->failed)
        build_output(o->b, v, count - 1);
    for (int k = 0; k < o->node->wanted && k < count && !o->b->failed; k++) {
        struct value *part = build_output(o->b, v, k);
        mxnet_give(o, k, squeeze ? BUILD(o->b, "Squeeze", part, BUILD_LIST(o->b, axis)) : part);
    }
}

#define MOST_PARTS 4096

static bool is_part_count(struct mxnet_op *o, int64_t count)
{
    if (count < 1 || count > MOST_PARTS)
        build_fail(o->b, "it makes %lld parts, want 1 to %d", (long long)count, MOST_PARTS);
    return !o->b->failed;
}

void mxnet_read_split(struct mxnet_op *o)
{
    int64_t count = mxnet_int(o, "num_outputs", 1), axis = mxnet_int(o, "axis", 1);
    if (!is_part_count(o, count))
        return;
    struct value *v = build_int(o->b, BUILD(o->b, "Split", mxnet_in(o, 0)), "axis", axis);
    build_int(o->b, v, "num_outputs", count);
    give_parts(o, v, (int)count, axis, mxnet_bool(o, "squeeze_axis", false));
}

/* Where parts begin, or how many equal ones there are. */
void mxnet_read_split_at(struct mxnet_op *o)
{
    int64_t from[256], sections = mxnet_int(o, "sections", 0);
    struct value *x = mxnet_in(o, 0);
    int count = mxnet_ints(o, "indices", from, 256),
        axis = build_axis(o->b, mxnet_int(o, "axis", 1), build_rank_of(o->b, x));
    bool squeeze = mxnet_bool(o, "squeeze_axis", false);
    if (sections > 0 && is_part_count(o, sections)) {
        struct value *v = build_int(o->b, BUILD(o->b, "Split", x), "axis", axis);
        give_parts(o, build_int(o->b, v, "num_outputs", sections), (int)sections, axis, squeeze);
        return;
    }
    for (int k = 0; k < count && k < o->node->wanted && !o->b->failed; k++) {
        struct value *part = build_slice(o->b, x, axis, from[k], k + 1 < count ? from[k + 1] : INT64_MAX);
        mxnet_give(o, k, squeeze ? BUILD(o->b, "Squeeze", part, BUILD_LIST(o->b, axis)) : part);
    }
}

void mxnet_read_slice(struct mxnet_op *o)
{
    struct build_slice_entries e = {0};
    int64_t step[TENSOR_MAX_RANK];
    struct value *x = mxnet_in(o, 0);
    e.count = mxnet_ints(o, "begin", e.begin, TENSOR_MAX_RANK);
    int ends = mxnet_ints(o, "end", e.end, TENSOR_MAX_RANK), steps = mxnet_ints(o, "step", step, TENSOR_MAX_RANK);
    int rank = build_rank_of(o->b, x);
    if (ends != e.count || e.count > rank)
        build_fail(o->b, "begin and end must be lists of the same number of at most %d", rank);
    for (int i = 0; i < e.count; i++) {
        e.step[i] = i < steps && step[i] != MXNET_NONE ? step[i] : 1;
        e.no_begin |= e.begin[i] == MXNET_NONE ? 1u << i : 0;
        e.no_end |= e.end[i] == MXNET_NONE ? 1u << i : 0;
    }
    mxnet_give(o, 0, o->b->failed ? NULL : build_slice_all(o->b, x, rank, &e));
}

/* x from the first on, to the size of another on some axes, or all. */
void mxnet_read_slice_like(struct mxnet_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], zeros[TENSOR_MAX_RANK] = {0};
    struct value *x = mxnet_in(o, 0), *like = mxnet_in(o, 1);
    int count = mxnet_ints(o, "axes", axes, TENSOR_MAX_RANK), rank = count ? count : build_rank_of(o->b, x);
    for (int i = 0; i < rank && !count; i++)
        axes[i] = i;
    if (o->b->failed)
        return;
    struct value *over = build_list(o->b, rank, axes), *shape = BUILD(o->b, "Shape", like);
    struct value *to = count ? BUILD(o->b, "Gather", shape, over) : shape;
    mxnet_give(o, 0, BUILD(o->b, "Slice", x, build_list(o->b, rank, zeros), to, over));
}

/* The last two axes, from an offset or in the centre, to a size or that of a second input. */
void mxnet_read_crop(struct mxnet_op *o)
{
    int64_t from[2] = {0}, size[2] = {0};
    struct value *x = mxnet_in(o, 0), *like = o->in_count > 1 ? mxnet_in(o, 1) : NULL;
    mxnet_ints(o, "offset", from, 2);
    mxnet_ints(o, "h_w", size, 2);
    for (int i = 0; i < 2; i++) {
        if (like)
            size[i] = build_dim_of(o->b, like, 2 + i);
        int64_t in = build_dim_of(o->b, x, 2 + i);
        if (size[i] < 1 || (in < 1 && mxnet_bool(o, "center_crop", false)))
            build_fail(o->b, "the sizes that it crops to must be known");
        else if (mxnet_bool(o, "center_crop", false))
            from[i] = (in - size[i]) / 2;
        if (__builtin_add_overflow(from[i], size[i], &size[i]))
            build_fail(o->b, "it crops beyond the end");
    }
    mxnet_give(o, 0,
               BUILD(o->b, "Slice", x, build_list(o->b, 2, from), build_list(o->b, 2, size), BUILD_LIST(o->b, 2, 3)));
}

/* ---- shapes ---- */

#define MOST_CODES 32

/* Dims of x as parts of a new shape: of i64 [1] each. */
struct shape {
    struct mxnet_op *o;
    struct value *x;
    int rank, at; /* which of x's axes is next */
    bool reverse;
    int64_t dims[MOST_CODES];        /* numbers, or 0: */
    struct value *parts[MOST_CODES]; /* what is only known at run time */
    int count;
};

/* The dim of the next axis, or the product of the next `axes` ones. */
static void take(struct shape *s, int axes)
{
    int64_t product = 1;
    struct value *part = NULL;
    bool known = true;
    for (int i = 0; i < axes; i++, s->at++) {
        int axis = s->reverse ? s->rank - 1 - s->at : s->at;
        int64_t dim = build_dim_of(s->o->b, s->x, axis);
        if (s->at >= s->rank)
            build_fail(s->o->b, "its shape names more than the %d axes of its input", s->rank);
        known = known && dim >= 0 && !__builtin_mul_overflow(product, dim, &product);
    }
    for (int i = axes; i > 0 && !known && !s->o->b->failed; i--) {
        int axis = s->reverse ? s->rank - 1 - (s->at - i) : s->at - i;
        struct value *dim = build_shape(s->o->b, s->x, axis, axis + 1);
        part = part ? BUILD(s->o->b, "Mul", part, dim) : dim;
    }
    s->parts[s->count] = part;
    s->dims[s->count++] = known ? product : 0;
}

/* Two dims for one axis, of which one may be -1: what is left over. */
static void take_apart(struct shape *s, int64_t first, int64_t second)
{
    int64_t dim = build_dim_of(s->o->b, s->x, s->at++);
    if (first == -1 && second > 0 && dim >= 0)
        first = dim / second;
    if (second == -1 && first > 0 && dim >= 0)
        second = dim / first;
    s->dims[s->count++] = first;
    s->dims[s->count++] = second;
}

static struct value *joined(struct shape *s)
{
    struct build *b = s->o->b;
    bool known = true;
    for (int i = 0; i < s->count / 2 && s->reverse; i++) {
        int j = s->count - 1 - i;
        int64_t dim = s->dims[i];
        struct value *part = s->parts[i];
        s->dims[i] = s->dims[j], s->parts[i] = s->parts[j];
        s->dims[j] = dim, s->parts[j] = part;
    }
    for (int i = 0; i < s->count; i++)
        known = known && !s->parts[i];
    if (known || b->failed)
        return b->failed ? NULL : build_list(b, s->count, s->dims);
    for (int i = 0; i < s->count; i++)
        if (!s->parts[i])
            s->parts[i] = BUILD_LIST(b, s->dims[i]);
    return build_int(b, build_node(b, "Concat", s->count, s->parts), "axis", 0);
}

/* Codes: 0 an axis as it is, -1 what is left over, -2 all axes that follow, -3 two as one, -4 one as the next two. */
void mxnet_read_reshape(struct mxnet_op *o)
{
    struct shape s = {.o = o, .x = mxnet_in(o, 0), .reverse = mxnet_bool(o, "reverse", false)};
    int64_t codes[MOST_CODES];
    int count = mxnet_ints(o, "shape", codes, MOST_CODES);
    bool plain = !s.reverse && count <= TENSOR_MAX_RANK;
    for (int i = 0; i < count; i++)
        plain = plain && codes[i] >= -1;
    if (plain) {
        mxnet_give(o, 0, o->b->failed ? NULL : build_reshape(o->b, s.x, count, codes));
        return;
    }
    s.rank = build_rank_of(o->b, s.x);
    for (int i = 0; i < count && !o->b->failed && s.count < MOST_CODES - TENSOR_MAX_RANK; i++) {
        int64_t code = codes[s.reverse ? count - 1 - i : i];
        if (code == 0 || code == -3)
            take(&s, code == 0 ? 1 : 2);
        else if (code == -2)
            while (s.at < s.rank)
                take(&s, 1);
        else if (code == -4 && i + 2 < count && !s.reverse)
            take_apart(&s, codes[i + 1], codes[i + 2]), i += 2;
        else
            s.dims[s.count++] = code, s.at++;
    }
    mxnet_give(o, 0, BUILD(o->b, "Reshape", s.x, joined(&s)));
}

void mxnet_read_transpose(struct mxnet_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    struct value *x = mxnet_in(o, 0);
    int count = mxnet_ints(o, "axes", axes, TENSOR_MAX_RANK);
    build_expect(o->b, x, count ? count : 2, -1, 0, DTYPE_NONE);
    int rank = build_rank_of(o->b, x);
    for (int i = 0; i < rank && !count; i++)
        axes[i] = rank - 1 - i;
    if (count && count != rank)
        build_fail(o->b, "axes has %d numbers, want %d", count, rank);
    mxnet_give(o, 0, o->b->failed ? NULL : build_transpose(o->b, x, rank, axes));
}

void mxnet_read_swap(struct mxnet_op *o)
{
    int64_t perm[TENSOR_MAX_RANK];
    struct value *x = mxnet_in(o, 0);
    int rank = build_rank_of(o->b, x), a = build_axis(o->b, mxnet_int(o, "dim1", 0), rank),
        b = build_axis(o->b, mxnet_int(o, "dim2", 0), rank);
    for (int i = 0; i < rank; i++)
        perm[i] = i == a ? b : i == b ? a : i;
    mxnet_give(o, 0, o->b->failed ? NULL : build_transpose(o->b, x, rank, perm));
}

void mxnet_read_tile(struct mxnet_op *o)
{
    int64_t times[TENSOR_MAX_RANK], all[TENSOR_MAX_RANK];
    struct value *x = mxnet_in(o, 0);
    int count = mxnet_ints(o, "reps", times, TENSOR_MAX_RANK), rank = build_rank_of(o->b, x);
    for (int i = 0; i < count - rank; i++)
        x = build_unsqueeze(o->b, x, 0);
    rank = rank < count ? count : rank;
    for (int i = 0; i < rank; i++)
        all[i] = i < rank - count ? 1 : times[i - (rank - count)];
    mxnet_give(o, 0, o->b->failed ? NULL : BUILD(o->b, "Tile", x, build_list(o->b, rank, all)));
}

/* Each element `repeats` times: along a new axis behind, which then goes into the one before. */
void mxnet_read_repeat(struct mxnet_op *o)
{
    int64_t times[TENSOR_MAX_RANK + 1];
    struct value *x = mxnet_in(o, 0);
    bool flat = !mxnet_text(o, "axis", NULL);
    if (flat)
        x = build_reshape(o->b, x, 1, (int64_t[]){-1});
    int rank = build_rank_of(o->b, x), axis = build_axis(o->b, mxnet_int(o, "axis", 0), rank);
    if (rank >= TENSOR_MAX_RANK)
        build_fail(o->b, "its input has %d axes, want less", rank);
    for (int i = 0; i <= rank && !o->b->failed; i++)
        times[i] = i == axis + 1 ? mxnet_int(o, "repeats", 1) : 1;
    if (o->b->failed)
        return;
    struct value *v = BUILD(o->b, "Tile", build_unsqueeze(o->b, x, axis + 1), build_list(o->b, rank + 1, times));
    struct value *shape = BUILD(o->b, "Shape", x);
    for (int i = 0; i < rank; i++)
        times[i] = i == axis ? times[axis + 1] : 1;
    struct value *by = build_list(o->b, rank, times);
    mxnet_give(o, 0, BUILD(o->b, "Reshape", v, BUILD(o->b, "Mul", shape, by)));
}

/* 0: the dim as it is. */
void mxnet_read_broadcast_to(struct mxnet_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int count = mxnet_ints(o, "shape", dims, TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++)
        dims[i] = dims[i] ? dims[i] : 1;
    mxnet_give(o, 0, o->b->failed ? NULL : BUILD(o->b, "Expand", mxnet_in(o, 0), build_list(o->b, count, dims)));
}

void mxnet_read_broadcast_axis(struct mxnet_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], sizes[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    struct value *x = mxnet_in(o, 0);
    int count = mxnet_ints(o, "axis", axes, TENSOR_MAX_RANK), rank = build_rank_of(o->b, x);
    if (mxnet_ints(o, "size", sizes, TENSOR_MAX_RANK) != count)
        build_fail(o->b, "axis and size must be lists of as many numbers");
    for (int i = 0; i < rank; i++)
        dims[i] = 1;
    for (int i = 0; i < count; i++)
        dims[build_axis(o->b, axes[i], rank)] = sizes[i];
    mxnet_give(o, 0, o->b->failed ? NULL : BUILD(o->b, "Expand", x, build_list(o->b, rank, dims)));
}

/* Pads stand in pairs for each axis. */
void mxnet_read_pad(struct mxnet_op *o)
{
    int64_t pairs[2 * TENSOR_MAX_RANK], pads[2 * TENSOR_MAX_RANK];
    const char *mode = mxnet_text(o, "mode", "constant");
    struct value *x = mxnet_in(o, 0);
    int rank = mxnet_ints(o, "pad_width", pairs, 2 * TENSOR_MAX_RANK) / 2;
    for (int i = 0; i < rank; i++) {
        pads[i] = pairs[2 * i];
        pads[rank + i] = pairs[2 * i + 1];
    }
    bool constant = strcmp(mode, "constant") == 0;
    struct value *fill = constant ? mxnet_number(o, x, mxnet_float(o, "constant_value", 0)) : NULL;
    struct value *v = o->b->failed ? NULL : BUILD(o->b, "Pad", x, build_list(o->b, 2 * rank, pads), fill);
    mxnet_give(o, 0, build_string(o->b, v, "mode", mode));
}

void mxnet_read_flip(struct mxnet_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], all[3][TENSOR_MAX_RANK];
    int count = mxnet_ints(o, "axis", axes, TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++) {
        all[0][i] = -1;
        all[1][i] = INT64_MIN;
    }
    mxnet_give(o, 0,
               o->b->failed ? NULL
                            : BUILD(o->b, "Slice", mxnet_in(o, 0), build_list(o->b, count, all[0]),
                                    build_list(o->b, count, all[1]), build_list(o->b, count, axes),
                                    build_list(o->b, count, all[0])));
}

/* ---- choosing ---- */

/* Indices are often numbers of float32; those beyond the end are cut, or wrap. */
static struct value *indices(struct mxnet_op *o, int k)
{
    return build_cast(o->b, mxnet_in(o, k), DTYPE_I64);
}

/* One element of each row along an axis. */
void mxnet_read_pick(struct mxnet_op *o)
{
    bool less = build_rank_of(o->b, mxnet_in(o, 1)) < build_rank_of(o->b, mxnet_in(o, 0));
    struct value *v = mxnet_formula(o, less ? "$0 $1 Cast/to=7 @axis=-1 Unsqueeze:2 GatherElements:2/axis@axis=-1"
                                            : "$0 $1 Cast/to=7 GatherElements:2/axis@axis=-1");
    mxnet_give(
        o, 0,
        mxnet_bool(o, "keepdims", false) ? v : BUILD(o->b, "Squeeze", v, BUILD_LIST(o->b, mxnet_int(o, "axis", -1))));
}

/* Indices stand along the first axis, in ONNX along the last. */
void mxnet_read_gather_nd(struct mxnet_op *o)
{
    int64_t perm[TENSOR_MAX_RANK];
    struct value *index = indices(o, 1);
    int rank = build_rank_of(o->b, index);
    for (int i = 0; i < rank; i++)
        perm[i] = (i + 1) % rank;
    if (!o->b->failed)
        mxnet_give(o, 0, BUILD(o->b, "GatherND", mxnet_in(o, 0), build_transpose(o->b, index, rank, perm)));
}

void mxnet_read_one_hot(struct mxnet_op *o)
{
    float values[] = {mxnet_float(o, "off_value", 0), mxnet_float(o, "on_value", 1)};
    struct value *depth = build_number(o->b, DTYPE_I64, (double)mxnet_int(o, "depth", 1));
    struct value *v = build_one_hot(o->b, mxnet_in(o, 0), depth, build_f32s(o->b, 2, values), -1);
    mxnet_give(o, 0, build_cast(o->b, v, mxnet_dtype(o, "dtype", DTYPE_F32)));
}

/* Steps [time, batch, …] (or batch first) at or behind a length of each get a number; without lengths nothing does. */
void mxnet_read_sequence_mask(struct mxnet_op *o)
{
    int64_t axis = mxnet_int(o, "axis", 0), dims[TENSOR_MAX_RANK];
    struct value *x = mxnet_in(o, 0);
    if (!mxnet_bool(o, "use_sequence_length", false)) {
        mxnet_give(o, 0, x);
        return;
    }
    int rank = build_rank_of(o->b, x);
    struct value *steps = build_range(o->b, BUILD_LIST(o->b, 0), build_shape(o->b, x, axis, axis + 1));
    for (int i = 0; i < 2; i++)
        dims[i] = i == axis ? -1 : 1;
    steps = build_reshape(o->b, steps, 2, dims);
    struct value *keep = BUILD(o->b, "Less", steps, build_unsqueeze(o->b, indices(o, 1), axis ? 1 : 0));
    for (int i = 0; i < rank; i++)
        dims[i] = i < 2 ? 0 : 1;
    if (!o->b->failed && rank > 2)
        keep = build_reshape(o->b, keep, rank, dims);
    mxnet_give(o, 0, BUILD(o->b, "Where", keep, x, mxnet_number(o, x, mxnet_float(o, "value", 0))));
}

void mxnet_read_sequence_reverse(struct mxnet_op *o)
{
    bool lengths = mxnet_bool(o, "use_sequence_length", false);
    mxnet_give(o, 0,
               mxnet_formula(o, lengths ? "$0 $1 Cast/to=7 ReverseSequence:2/time_axis=0/batch_axis=1"
                                        : "$0 [-1] [-inf] [0] [-1] Slice:5"));
}

void mxnet_read_sequence_last(struct mxnet_op *o)
{
    bool lengths = mxnet_bool(o, "use_sequence_length", false), batch_first = mxnet_int(o, "axis", 0) == 1;
    mxnet_give(o, 0,
               mxnet_formula(o, !lengths ? "$0 #_=-1 Gather:2/axis@axis=0"
                                : batch_first
                                    ? "$0 $1 Cast/to=7 #_=1 Sub:2 >a #_=0 a Size #_=1 Range:3 [1] Unsqueeze:2 "
                                      "a [1] Unsqueeze:2 Concat:2/axis=1 GatherND:2"
                                    : "$0 $1 Cast/to=7 #_=1 Sub:2 >a a [1] Unsqueeze:2 #_=0 a Size #_=1 "
                                      "Range:3 [1] Unsqueeze:2 Concat:2/axis=1 GatherND:2"));
}

/* ---- making ---- */

/* A size of 0 follows from what the result meets: one element is like all. */
void mxnet_read_filled(struct mxnet_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = mxnet_ints(o, "shape", dims, TENSOR_MAX_RANK);
    for (int i = 0; i < rank; i++)
        dims[i] += dims[i] == 0;
    double value = *o->arg == '?' ? (double)mxnet_float(o, "value", 0) : *o->arg - '0';
    struct value *one = build_number(o->b, mxnet_dtype(o, "dtype", DTYPE_F32), value);
    mxnet_give(o, 0, o->b->failed ? NULL : BUILD(o->b, "Expand", one, build_list(o->b, rank, dims)));
}

/* From start, or 0, in steps; start alone is the end. */
void mxnet_read_arange(struct mxnet_op *o)
{
    enum dtype dtype = mxnet_dtype(o, "dtype", DTYPE_F32);
    double start = (double)mxnet_float(o, "start", 0), stop = (double)mxnet_float(o, "stop", 0);
    if (mxnet_int(o, "repeat", 1) != 1)
        build_fail(o->b, "it repeats each number, which is not read");
    if (!mxnet_text(o, "stop", NULL))
        stop = start, start = 0;
    mxnet_give(o, 0,
               BUILD(o->b, "Range", build_number(o->b, dtype, start), build_number(o->b, dtype, stop),
                     build_number(o->b, dtype, (double)mxnet_float(o, "step", 1))));
}

/* As many numbers as an axis of x, or all of it, has elements. */
void mxnet_read_arange_like(struct mxnet_op *o)
{
    struct value *x = mxnet_in(o, 0), *shape = BUILD(o->b, "Shape", x), *count;
    bool whole = !mxnet_text(o, "axis", NULL);
    double start = (double)mxnet_float(o, "start", 0), step = (double)mxnet_float(o, "step", 1);
    if (mxnet_int(o, "repeat", 1) != 1)
        build_fail(o->b, "it repeats each number, which is not read");
    count = whole ? BUILD(o->b, "Size", x)
                  : BUILD(o->b, "Gather", shape, build_number(o->b, DTYPE_I64, (double)mxnet_int(o, "axis", 0)));
    struct value *v = BUILD(o->b, "Range", build_number(o->b, DTYPE_I64, 0), count, build_number(o->b, DTYPE_I64, 1));
    struct value *in[] = {build_cast(o->b, v, build_dtype_of(o->b, x)), mxnet_number(o, x, step),
                          mxnet_number(o, x, start)};
    v = build_formula(o->b, "$0 $1 Mul:2 $2 Add:2", 3, in);
    mxnet_give(o, 0, whole ? BUILD(o->b, "Reshape", v, shape) : v);
}
