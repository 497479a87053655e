/* Operators that move elements: shapes, lists, joining and taking apart. */
#include <string.h>

#include "format/paddle/paddle.h"

#define MOST_PARTS 1024

/* ---- no computation ---- */

void paddle_read_same(struct paddle_node *o)
{
    struct value **all;
    int count = paddle_all(o, 0, &all);
    if (count == 1)
        paddle_give(o, 0, all[0]);
    else
        paddle_give_all(o, 0, count, all);
}

void paddle_read_nothing(struct paddle_node *o)
{
    (void)o;
}

void paddle_read_combine(struct paddle_node *o)
{
    struct value **all = paddle_alloc(o->r, (size_t)o->op->in_count, sizeof(struct value *));
    for (int i = 0; i < o->op->in_count && !o->b->failed; i++)
        all[i] = paddle_in(o, i);
    paddle_give_all(o, 0, o->op->in_count, all);
}

void paddle_read_uncombine(struct paddle_node *o)
{
    struct value **all;
    int count = paddle_all(o, 0, &all);
    for (int i = 0; i < count && i < o->op->out_count; i++)
        paddle_give(o, i, all[i]);
}

void paddle_read_element(struct paddle_node *o)
{
    struct value **all;
    int count = paddle_all(o, 0, &all);
    int64_t index = paddle_int(o, "index", 0);
    if (index < 0 || index >= count)
        build_fail(o->b, "element %lld of a list of %d", (long long)index, count);
    else
        paddle_give(o, 0, all[index]);
}

/* ---- shapes ---- */

void paddle_read_reshape(struct paddle_node *o)
{
    paddle_give(o, 0, BUILD(o->b, "Reshape", paddle_in(o, 0), paddle_numbers(o, "shape", 1, 2)));
}

void paddle_read_transpose(struct paddle_node *o)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = paddle_list(o, "axis|perm", perm, TENSOR_MAX_RANK);
    for (int i = 0; i < rank; i++)
        perm[i] = perm[i] < 0 ? perm[i] + rank : perm[i];
    paddle_give(o, 0, build_transpose(o->b, paddle_in(o, 0), rank < 0 ? 0 : rank, perm));
}

/* flatten2 makes a matrix; the others one axis of several. */
void paddle_read_flatten(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *parts[3];
    int rank = paddle_rank(o, x), count = 0;
    if (paddle_attr(o, "axis")) {
        paddle_give(o, 0, build_int(o->b, BUILD(o->b, "Flatten", x), "axis", paddle_int(o, "axis", 1)));
        return;
    }
    if (rank == 0) {
        paddle_give(o, 0, build_reshape(o->b, x, 1, (int64_t[]){1}));
        return;
    }
    int first = paddle_axis(o, paddle_int(o, "start_axis", 1), rank),
        last = paddle_axis(o, paddle_int(o, "stop_axis", -1), rank);
    int64_t dims[TENSOR_MAX_RANK] = {0};
    bool known = true;
    if (last < first) {
        build_fail(o->b, "axes %d to %d become one", first, last);
        return;
    }
    for (int i = last + 1; i < rank; i++) {
        dims[first + i - last] = paddle_dim(o, x, i);
        known = known && dims[first + i - last] >= 0;
    }
    dims[first] = -1;
    if (known) {
        paddle_give(o, 0, build_reshape(o->b, x, rank - last + first, dims));
        return;
    }
    if (first > 0)
        parts[count++] = build_shape(o->b, x, 0, first);
    parts[count++] = BUILD_LIST(o->b, -1);
    if (last + 1 < rank)
        parts[count++] = build_shape(o->b, x, last + 1, rank);
    paddle_give(o, 0, BUILD(o->b, "Reshape", x, paddle_concat(o, count, parts, 0)));
}

/* Axes that are not 1 long stay. */
void paddle_read_squeeze(struct paddle_node *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    struct value *x = paddle_in(o, 0);
    int given = paddle_ints(o, "axes|axis", 1, -1, axes, TENSOR_MAX_RANK, NULL), rank = paddle_rank(o, x), count = 0;
    for (int i = 0; given <= 0 && i < rank; i++)
        axes[i] = i;
    for (int i = 0; i < (given <= 0 ? rank : given) && !o->b->failed; i++) {
        int axis = paddle_axis(o, axes[i], rank);
        int64_t dim = paddle_dim(o, x, axis);
        if (dim == 1 || (dim < 0 && given > 0))
            axes[count++] = axis;
    }
    paddle_give(o, 0, count ? BUILD(o->b, "Squeeze", x, build_list(o->b, count, axes)) : x);
}

void paddle_read_unsqueeze(struct paddle_node *o)
{
    paddle_give(o, 0, BUILD(o->b, "Unsqueeze", paddle_in(o, 0), paddle_numbers(o, "axes|axis", 1, 2)));
}

void paddle_read_shape(struct paddle_node *o)
{
    struct value *v = BUILD(o->b, "Shape", paddle_in(o, 0));
    bool wide = strcmp(o->op->type, "shape64") == 0;
    paddle_give(o, 0, wide ? v : build_cast(o->b, v, DTYPE_I32));
}

void paddle_read_cast(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    enum dtype to = paddle_dtype_of(o, "out_dtype|dtype", DTYPE_NONE);
    if (to == DTYPE_NONE)
        build_fail(o->b, "a cast to a type that is not read");
    paddle_give(o, 0, paddle_as(o, x, to));
}

/* ---- joining ---- */

/* All of the first one's type; those without axes are lists of one. */
static int joinable(struct paddle_node *o, struct value ***all, bool stack)
{
    int count = paddle_all(o, 0, all);
    if (count == 0)
        build_fail(o->b, "it joins nothing");
    for (int i = 0; i < count && !o->b->failed; i++) {
        (*all)[i] = paddle_as(o, (*all)[i], paddle_type(o, (*all)[0]));
        const struct type *type = build_type(o->b, (*all)[i]);
        if (!stack && type && type->rank == 0)
            (*all)[i] = build_reshape(o->b, (*all)[i], 1, (int64_t[]){1});
    }
    return o->b->failed ? 0 : count;
}

void paddle_read_concat(struct paddle_node *o)
{
    struct value **all;
    int count = joinable(o, &all, false);
    int64_t axis = paddle_want_int(o, "axis", 1, 0);
    if (count)
        paddle_give(o, 0, paddle_concat(o, count, all, axis));
}

void paddle_read_stack(struct paddle_node *o)
{
    struct value **all;
    int count = joinable(o, &all, true);
    int axis = count ? paddle_axis(o, paddle_int(o, "axis", 0), paddle_rank(o, all[0]) + 1) : 0;
    for (int i = 0; i < count; i++)
        all[i] = build_unsqueeze(o->b, all[i], axis);
    if (count)
        paddle_give(o, 0, paddle_concat(o, count, all, axis));
}

/* ---- taking apart ---- */

/* How many parts there are: the program has a name for each. */
static int parts_of(struct paddle_node *o, int64_t stated)
{
    int64_t count = o->r->is_pir || stated > 0 ? stated : paddle_out_count(o, 0);
    if (count < 1 || count > MOST_PARTS) {
        build_fail(o->b, "%lld parts", (long long)count);
        return 0;
    }
    return (int)count;
}

static void give_parts(struct paddle_node *o, struct value *v, int count)
{
    struct value **parts = paddle_alloc(o->r, (size_t)count, sizeof(struct value *));
    for (int i = 0; i < count && !o->b->failed; i++)
        parts[i] = build_output(o->b, v, i);
    paddle_give_all(o, 0, count, parts);
}

static void split_evenly(struct paddle_node *o, int64_t count, int axis)
{
    int parts = parts_of(o, count);
    struct value *v = build_int(o->b, BUILD(o->b, "Split", paddle_in(o, 0)), "axis", axis);
    give_parts(o, build_int(o->b, v, "num_outputs", parts), parts);
}

void paddle_read_split_evenly(struct paddle_node *o)
{
    int axis = paddle_axis(o, paddle_want_int(o, "axis", 1, 0), paddle_rank(o, paddle_in(o, 0)));
    split_evenly(o, paddle_int(o, "num", 0), axis);
}

/* One size of -1 is what the others leave. */
void paddle_read_split(struct paddle_node *o)
{
    int64_t sizes[MOST_PARTS], sum = 0, open = -1;
    struct value *x = paddle_in(o, 0);
    int axis = paddle_axis(o, paddle_want_int(o, "axis", 2, 0), paddle_rank(o, x)), at = -1;
    int count = paddle_ints(o, "sections", 1, 3, sizes, MOST_PARTS, &open);
    if (count <= 0) {
        split_evenly(o, paddle_int(o, "num", 0), axis);
        return;
    }
    for (int i = 0; i < count; i++) {
        at = sizes[i] < 0 ? i : at;
        sum += sizes[i] < 0 || sizes[i] > INT32_MAX ? 0 : sizes[i];
    }
    struct value *list;
    if (at >= 0 && paddle_dim(o, x, axis) >= 0)
        sizes[at] = paddle_dim(o, x, axis) - sum;
    if (at < 0 || sizes[at] >= 0) {
        list = build_list(o->b, count, sizes);
    } else {
        struct value *parts[3] = {build_list(o->b, at, sizes),
                                  BUILD(o->b, "Sub", build_shape(o->b, x, axis, axis + 1), BUILD_LIST(o->b, sum)),
                                  build_list(o->b, count - at - 1, sizes + at + 1)};
        list = paddle_concat(o, 3, parts, 0);
    }
    give_parts(o, build_int(o->b, BUILD(o->b, "Split", x, list), "axis", axis), parts_of(o, count));
}

void paddle_read_unstack(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int axis = paddle_axis(o, paddle_int(o, "axis", 0), paddle_rank(o, x));
    int64_t size = paddle_dim(o, x, axis);
    int count = parts_of(o, size > 0 ? size : paddle_int(o, "num", 0));
    struct value **parts = paddle_alloc(o->r, (size_t)count, sizeof(struct value *));
    for (int i = 0; i < count && !o->b->failed; i++)
        parts[i] = build_int(o->b, BUILD(o->b, "Gather", x, build_number(o->b, DTYPE_I64, i)), "axis", axis);
    paddle_give_all(o, 0, count, parts);
}

/* ---- repeating ---- */

/* x with as many axes as the list has numbers, where that has more. */
static struct value *widened(struct paddle_node *o, struct value *x, int64_t count)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = paddle_rank(o, x), more = 0;
    for (; rank + more < count && more < TENSOR_MAX_RANK; more++)
        axes[more] = more;
    return more ? BUILD(o->b, "Unsqueeze", x, build_list(o->b, more, axes)) : x;
}

static void tiled(struct paddle_node *o, struct value *x, struct value *times)
{
    int64_t count = paddle_dim(o, times, 0), ones[TENSOR_MAX_RANK];
    int rank = paddle_rank(o, x);
    for (int i = 0; i < TENSOR_MAX_RANK; i++)
        ones[i] = 1;
    if (count < 0)
        build_fail(o->b, "the number of its repeats must be known");
    else if (count < rank)
        times = paddle_concat(o, 2, (struct value *[]){build_list(o->b, rank - (int)count, ones), times}, 0);
    paddle_give(o, 0, BUILD(o->b, "Tile", widened(o, x, count), times));
}

void paddle_read_tile(struct paddle_node *o)
{
    tiled(o, paddle_in(o, 0), paddle_numbers(o, o->kind->arg, 1, 2));
}

/* A size of -1 stays as it is, which 1 says too. The first form repeats. */
void paddle_read_expand(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    if (paddle_attr(o, "expand_times")) {
        tiled(o, x, paddle_numbers(o, "expand_times", 3, 4));
        return;
    }
    struct value *shape = paddle_numbers(o, "shape", 1, 2);
    paddle_give(o, 0, BUILD(o->b, "Expand", x, BUILD(o->b, "Max", shape, BUILD_LIST(o->b, 1))));
}

void paddle_read_expand_as(struct paddle_node *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *like = paddle_has(o, 1) ? paddle_in(o, 1) : paddle_optional(o, 2), *shape;
    int count = paddle_list(o, "target_shape", dims, TENSOR_MAX_RANK);
    bool known = count > 0;
    for (int i = 0; i < count; i++)
        known = known && dims[i] > 0;
    if (!like && !known)
        build_fail(o->b, "neither a shape nor a tensor that has it");
    shape = like ? BUILD(o->b, "Shape", like) : build_list(o->b, count, dims);
    paddle_give(o, 0, BUILD(o->b, "Expand", paddle_in(o, 0), shape));
}

void paddle_read_meshgrid(struct paddle_node *o)
{
    struct value **all, *sizes[TENSOR_MAX_RANK];
    int count = paddle_all(o, 0, &all);
    if (count < 1 || count > TENSOR_MAX_RANK)
        build_fail(o->b, "%d axes", count);
    for (int i = 0; i < count && !o->b->failed; i++)
        sizes[i] = BUILD(o->b, "Size", all[i]);
    for (int i = 0; i < count && !o->b->failed; i++)
        sizes[i] = build_reshape(o->b, sizes[i], 1, (int64_t[]){1});
    struct value *shape = o->b->failed ? NULL : paddle_concat(o, count, sizes, 0);
    for (int i = 0; i < count && !o->b->failed; i++) {
        int64_t dims[TENSOR_MAX_RANK];
        for (int k = 0; k < count; k++)
            dims[k] = k == i ? -1 : 1;
        all[i] = BUILD(o->b, "Expand", build_reshape(o->b, all[i], count, dims), shape);
    }
    paddle_give_all(o, 0, count, all);
}

/* ---- order ---- */

/* What leaves an axis at its end comes in at its beginning. */
void paddle_read_roll(struct paddle_node *o)
{
    int64_t shifts[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    struct value *v = paddle_in(o, 0);
    int rank = paddle_rank(o, v), count = paddle_want_ints(o, "shifts", 1, -1, shifts, TENSOR_MAX_RANK);
    int axis_count = paddle_list(o, "axis", axes, TENSOR_MAX_RANK);
    bool flat = axis_count <= 0 && count == 1;
    struct value *x = v;
    if (flat)
        v = build_reshape(o->b, v, 1, (int64_t[]){-1});
    else if (axis_count != count)
        build_fail(o->b, "%d shifts of %d axes", count, axis_count);
    for (int i = 0; i < count && !o->b->failed; i++)
        axes[i] = flat ? 0 : paddle_axis(o, axes[i], rank);
    v = build_roll(o->b, v, o->b->failed ? 0 : count, shifts, axes);
    paddle_give(o, 0, flat ? BUILD(o->b, "Reshape", v, BUILD(o->b, "Shape", x)) : v);
}

void paddle_read_flip(struct paddle_node *o)
{
    int64_t axes[TENSOR_MAX_RANK], last[TENSOR_MAX_RANK], ends[TENSOR_MAX_RANK];
    int count = paddle_want_ints(o, "axis", 1, -1, axes, TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++) {
        last[i] = -1;
        ends[i] = INT64_MIN;
    }
    struct value *step = build_list(o->b, count, last);
    paddle_give(o, 0,
                BUILD(o->b, "Slice", paddle_in(o, 0), step, build_list(o->b, count, ends),
                      build_list(o->b, count, axes), step));
}

void paddle_read_tril(struct paddle_node *o)
{
    bool upper = o->kind->arg ? *o->kind->arg == 'u' : !paddle_bool(o, "lower", true);
    struct value *v =
        BUILD(o->b, "Trilu", paddle_in(o, 0), build_number(o->b, DTYPE_I64, (double)paddle_int(o, "diagonal", 0)));
    paddle_give(o, 0, build_int(o->b, v, "upper", upper));
}

/* ---- between channels and places ---- */

/* [N * T, C, H, W]: the first channels come from the time before, the next from the one behind. */
void paddle_read_temporal_shift(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int64_t times = paddle_int(o, "seg_num", 1), channels = paddle_dim(o, x, 1), h = paddle_dim(o, x, 2),
            w = paddle_dim(o, x, 3), part = 0;
    float ratio = paddle_float(o, "shift_ratio", 0.25f);
    if (channels < 0 || h < 0 || w < 0 || times < 1 || times > INT32_MAX || !(ratio >= 0 && ratio <= 0.5f))
        build_fail(o->b, "%lld times, moved by %g, or sizes of its input that are not known", (long long)times,
                   (double)ratio);
    if (o->b->failed)
        return;
    part = (int64_t)((float)channels * ratio);
    int64_t pads[] = {0, 1, 0, 0, 0, 0, 1, 0, 0, 0};
    struct value *v = build_reshape(o->b, x, 5, (int64_t[]){-1, times, channels, h, w}), *parts[3];
    v = BUILD(o->b, "Pad", v, build_list(o->b, 10, pads));
    for (int i = 0; i < 3; i++) {
        int64_t from = i == 0 ? 0 : i == 1 ? 2 : 1;
        struct value *time = build_slice(o->b, v, 1, from, from + times);
        parts[i] = build_slice(o->b, time, 2, i * part, i == 2 ? channels : (i + 1) * part);
    }
    paddle_give(o, 0, build_reshape(o->b, paddle_concat(o, 3, parts, 2), 4, (int64_t[]){-1, channels, h, w}));
}
