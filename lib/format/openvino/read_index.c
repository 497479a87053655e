/* Splits, slices, gathers and scatters. */
#include <string.h>

#include "format/openvino/openvino.h"

/* ---- splits ---- */

static void give_parts(struct openvino_read *l, struct value *v, int axis)
{
    build_int(l->b, v, "axis", axis);
    for (int o = 0; o < l->layer->out_count && !l->b->failed; o++)
        build_output(l->b, v, o);
    for (int o = 0; o < l->layer->out_count && !l->b->failed; o++)
        l->out[o] = build_output(l->b, v, o);
}

void openvino_read_split(struct openvino_read *l)
{
    int axis = openvino_in_axis(l, 1, openvino_rank(l, 0));
    struct value *v = BUILD(l->b, "Split", openvino_in(l, 0));
    give_parts(l, build_int(l->b, v, "num_outputs", l->layer->out_count), axis);
}

/* Lengths that are only known at run time; what a length of -1 stands for is worked out there. */
static void split_later(struct openvino_read *l, int axis)
{
    struct value *in[] = {openvino_list(l, 2), build_shape(l->b, openvino_in(l, 0), axis, axis + 1)};
    struct value *lengths =
        build_formula(l->b, "#_=0 $0 Greater:2 $1 $0 [0] ReduceSum:2 Sub:2 #_=1 Sub:2 $0 Where:3", 2, in);
    give_parts(l, BUILD(l->b, "Split", openvino_in(l, 0), lengths), axis);
}

/* One length may be -1: what is left. */
void openvino_read_variadic_split(struct openvino_read *l)
{
    int axis = openvino_in_axis(l, 1, openvino_rank(l, 0)), count = l->layer->out_count, open = -1;
    int64_t rest = openvino_dim(l, 0, axis);
    int64_t *lengths = arena_alloc(&l->body->reader->arena, ((size_t)count + 1) * sizeof(*lengths), l->b->err);
    build_check(l->b, lengths != NULL);
    int known = l->b->failed ? -1 : openvino_in_ints(l, 2, lengths, count);
    if (known != count && (known >= 0 || l->b->failed)) {
        build_fail(l->b, "%d lengths of %d outputs", known, count);
        return;
    }
    for (int i = 0; i < known; i++) {
        if (lengths[i] < 0)
            open = i;
        else if (__builtin_sub_overflow(rest, lengths[i], &rest))
            rest = -1;
    }
    if (known < 0 || (open >= 0 && rest < 0)) {
        split_later(l, axis);
        return;
    }
    if (open >= 0)
        lengths[open] = rest;
    give_parts(l, BUILD(l->b, "Split", openvino_in(l, 0), build_list(l->b, count, lengths)), axis);
}

/* ---- slices ---- */

static uint32_t mask(struct openvino_read *l, const char *name)
{
    int64_t bits[TENSOR_MAX_RANK];
    uint32_t all = 0;
    int count = openvino_ints(l, name, bits, TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++)
        all |= (uint32_t)(bits[i] != 0) << i;
    return all;
}

void openvino_read_strided_slice(struct openvino_read *l)
{
    struct build_slice_entries e = {0};
    int begin = openvino_in_ints(l, 1, e.begin, TENSOR_MAX_RANK), end = openvino_in_ints(l, 2, e.end, TENSOR_MAX_RANK);
    int64_t count = openvino_dim(l, 1, 0);
    if (count < 0 || count > TENSOR_MAX_RANK)
        build_fail(l->b, "the number of its begins must be known");
    e.count = l->b->failed ? 0 : (int)count;
    for (int i = 0; i < e.count; i++)
        e.step[i] = 1;
    if (openvino_has(l, 3) && openvino_want_ints(l, 3, e.step, TENSOR_MAX_RANK) != e.count)
        build_fail(l->b, "it has not as many strides as begins");
    if (begin != e.count)
        e.begins = openvino_list(l, 1);
    if (end != e.count)
        e.ends = openvino_list(l, 2);
    e.no_begin = mask(l, "begin_mask");
    e.no_end = mask(l, "end_mask");
    e.new_axis = mask(l, "new_axis_mask");
    e.shrink = mask(l, "shrink_axis_mask");
    e.ellipsis = mask(l, "ellipsis_mask");
    l->out[0] = build_slice_all(l->b, openvino_in(l, 0), openvino_rank(l, 0), &e);
}

/* The step stands before the axes here, behind them in ONNX. */
void openvino_read_slice(struct openvino_read *l)
{
    struct value *axes = openvino_has(l, 4) ? openvino_list(l, 4) : NULL;
    l->out[0] =
        BUILD(l->b, "Slice", openvino_in(l, 0), openvino_list(l, 1), openvino_list(l, 2), axes, openvino_list(l, 3));
}

void openvino_read_reverse(struct openvino_read *l)
{
    static const char *const modes[] = {"index", "mask", NULL};
    int64_t axes[TENSOR_MAX_RANK], from[TENSOR_MAX_RANK], to[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int count = openvino_want_ints(l, 1, axes, TENSOR_MAX_RANK), n = 0;
    bool is_mask = openvino_word(l, "mode", "index", modes) == 1;
    for (int i = 0; i < count; i++) {
        if (is_mask && !axes[i])
            continue;
        axes[n] = is_mask ? i : axes[i];
        from[n] = INT64_MAX;
        to[n] = INT64_MIN;
        steps[n++] = -1;
    }
    l->out[0] = BUILD(l->b, "Slice", openvino_in(l, 0), build_list(l->b, n, from), build_list(l->b, n, to),
                      build_list(l->b, n, axes), build_list(l->b, n, steps));
}

void openvino_read_reverse_sequence(struct openvino_read *l)
{
    int rank = openvino_rank(l, 0), batch = openvino_axis(l, openvino_int(l, "batch_axis", 0), rank),
        time = openvino_axis(l, openvino_int(l, "seq_axis", 1), rank);
    l->out[0] = build_reverse_sequence(l->b, openvino_in(l, 0), rank, openvino_i64(l, 1), batch, time);
}

/* The blocks of all axes but the first; their number. */
static int blocks_of(struct openvino_read *l, int64_t *block)
{
    int rank = openvino_rank(l, 0);
    if (openvino_want_ints(l, 1, block, TENSOR_MAX_RANK) != rank || rank < 2 || block[0] != 1)
        build_fail(l->b, "want a block for each axis, 1 for the first");
    for (int i = 0; i < rank && !l->b->failed; i++)
        if (block[i] < 1 || block[i] > INT16_MAX || openvino_dim(l, 0, i) > INT32_MAX)
            build_fail(l->b, "a block of %lld, or an axis of too many", (long long)block[i]);
    return l->b->failed ? 1 : rank - 1;
}

void openvino_read_space_to_batch(struct openvino_read *l)
{
    int64_t block[TENSOR_MAX_RANK] = {1};
    int n = blocks_of(l, block);
    struct value *pads = BUILD(l->b, "Concat/axis=0", openvino_list(l, 2), openvino_list(l, 3));
    l->out[0] = build_space_to_batch(l->b, openvino_in(l, 0), n + 1, n, block + 1, pads);
}

void openvino_read_batch_to_space(struct openvino_read *l)
{
    int64_t block[TENSOR_MAX_RANK] = {1};
    int n = blocks_of(l, block);
    l->out[0] = build_batch_to_space(l->b, openvino_in(l, 0), n + 1, n, block + 1,
                                     build_slice(l->b, openvino_list(l, 2), 0, 1, n + 1),
                                     build_slice(l->b, openvino_list(l, 3), 0, 1, n + 1));
}

/* ---- gathers and scatters ---- */

void openvino_read_gather(struct openvino_read *l)
{
    int rank = openvino_rank(l, 0), index_rank = openvino_rank(l, 1);
    int axis = openvino_in_axis(l, 2, rank);
    int64_t batch = openvino_int(l, "batch_dims", 0);
    if (batch < 0)
        batch += index_rank;
    bool fits = !batch && openvino_dtype(l, 1) == DTYPE_I32; /* else places of bytes, say, in a table of weights */
    struct value *indices = fits ? openvino_in(l, 1) : openvino_i64(l, 1);
    l->out[0] = build_gather(l->b, openvino_in(l, 0), rank, indices, index_rank, axis, (int)batch);
}

void openvino_read_gather_elements(struct openvino_read *l)
{
    struct value *v = BUILD(l->b, "GatherElements", openvino_in(l, 0), openvino_in(l, 1));
    l->out[0] = build_int(l->b, v, "axis", openvino_int(l, "axis", 0));
}

void openvino_read_gather_nd(struct openvino_read *l)
{
    struct value *v = BUILD(l->b, "GatherND", openvino_in(l, 0), openvino_i64(l, 1));
    int64_t batch = openvino_int(l, "batch_dims", 0);
    if (batch)
        build_int(l->b, v, "batch_dims", batch);
    l->out[0] = v;
    if (batch > 1 && l->layer->version < 8) { /* the older operator makes one axis of these */
        struct value *in[] = {v, BUILD_LIST(l->b, batch)};
        build_infer(l->b);
        l->out[0] = build_formula(l->b, "$0 [-1] $0 Shape $1 [9999] Slice:3 Concat:2/axis=0 Reshape:2", 2, in);
    }
}

enum { SCATTER_SUM = 1, SCATTER_PROD, SCATTER_MEAN = 5, SCATTER_SUB };
static const char *const reductions[] = {"none", "sum", "prod", "min", "max", "mean", "sub", NULL};
static const char *const onnx_reductions[] = {NULL, "add", "mul", "min", "max", "add", "add"};

static struct value *scatter(struct openvino_read *l, struct value *x, struct value *updates, int how)
{
    struct value *v = BUILD(l->b, "ScatterElements", x, openvino_in(l, 1), updates);
    build_int(l->b, v, "axis", openvino_in_axis(l, 3, openvino_rank(l, 0)));
    return how ? build_string(l->b, v, "reduction", onnx_reductions[how]) : v;
}

/* A number as often as v has elements. */
static struct value *filled(struct openvino_read *l, struct value *v, double number)
{
    return BUILD(l->b, "Expand", build_number(l->b, openvino_dtype(l, 0), number), BUILD(l->b, "Shape", v));
}

/* Where the first values do not count, 0, 1 or one of the updates stands there before; a mean is a sum by a count. */
void openvino_read_scatter_elements(struct openvino_read *l)
{
    int how = openvino_word(l, "reduction", "none", reductions);
    if (how == SCATTER_SUB)
        build_fail(l->b, "its reduction is \"sub\", want one that is known");
    bool mean = how == SCATTER_MEAN, sum = how == SCATTER_SUM || mean;
    struct value *x = openvino_in(l, 0), *updates = openvino_in(l, 2), *count = mean ? filled(l, x, 1) : NULL;
    if (how && !openvino_bool(l, "use_init_val", true)) {
        x = scatter(l, x, sum || how == SCATTER_PROD ? filled(l, updates, sum ? 0 : 1) : updates, 0);
        count = mean ? scatter(l, count, filled(l, updates, 0), 0) : NULL;
    }
    x = scatter(l, x, updates, how);
    l->out[0] = mean ? BUILD(l->b, "Div", x, scatter(l, count, filled(l, updates, 1), how)) : x;
}

void openvino_read_scatter_nd(struct openvino_read *l)
{
    int how = openvino_word(l, "reduction", "none", reductions);
    struct value *updates = openvino_in(l, 2);
    if (how == SCATTER_MEAN)
        build_fail(l->b, "its reduction is \"mean\", want one that is known");
    if (how == SCATTER_SUB)
        updates = BUILD(l->b, "Neg", updates);
    struct value *v = BUILD(l->b, "ScatterND", openvino_in(l, 0), openvino_i64(l, 1), updates);
    l->out[0] = how ? build_string(l->b, v, "reduction", onnx_reductions[how]) : v;
}

/* Whole slices of the data along an axis are replaced: that axis is moved to the front for it. */
void openvino_read_scatter_update(struct openvino_read *l)
{
    int rank = openvino_rank(l, 0), axis = openvino_in_axis(l, 3, rank), index_rank = openvino_rank(l, 1);
    int64_t to[TENSOR_MAX_RANK], back[TENSOR_MAX_RANK], updates[TENSOR_MAX_RANK];
    if (axis > 0 && index_rank != 1)
        build_fail(l->b, "it updates axis %d with indices of %d axes, want 1", axis, index_rank);
    for (int i = 0; i < rank && !l->b->failed; i++) {
        to[i] = updates[i] = i == 0 ? axis : i <= axis ? i - 1 : i;
        back[i] = i < axis ? i + 1 : i == axis ? 0 : i;
    }
    struct value *x = openvino_in(l, 0), *new = openvino_in(l, 2);
    struct value *indices = build_unsqueeze(l->b, openvino_i64(l, 1), -1);
    if (axis == 0) {
        l->out[0] = BUILD(l->b, "ScatterND", x, indices, new);
        return;
    }
    struct value *v = BUILD(l->b, "ScatterND", build_transpose(l->b, x, rank, to), indices,
                            build_transpose(l->b, new, rank, updates));
    l->out[0] = build_transpose(l->b, v, rank, back);
}

/* ---- finding ---- */

void openvino_read_one_hot(struct openvino_read *l)
{
    static const char *const modes[] = {"ignore_negative", "normalize", NULL};
    bool wraps = openvino_word(l, "negative_indices_mode", modes[0], modes) == 1;
    int64_t axis = openvino_int(l, "axis", -1);
    struct value *off = BUILD(l->b, "Reshape", openvino_in(l, 3), BUILD_LIST(l->b, 1));
    struct value *on = BUILD(l->b, "Reshape", openvino_in(l, 2), BUILD_LIST(l->b, 1));
    struct value *both = BUILD(l->b, "Concat/axis=0", off, on);
    l->out[0] = wraps ? build_int(l->b, BUILD(l->b, "OneHot", openvino_in(l, 0), openvino_in(l, 1), both), "axis", axis)
                      : build_one_hot(l->b, openvino_in(l, 0), openvino_i64(l, 1), both, axis);
}

void openvino_read_non_zero(struct openvino_read *l)
{
    l->out[0] = openvino_as(l, BUILD(l->b, "NonZero", openvino_in(l, 0)), "output_type", "i64");
}

void openvino_read_top_k(struct openvino_read *l)
{
    static const char *const modes[] = {"max", "min", NULL};
    static const char *const sorts[] = {"value", "none", "index", NULL};
    struct value *v = BUILD(l->b, "TopK", openvino_in(l, 0), openvino_list(l, 1));
    build_int(l->b, v, "axis", openvino_int(l, "axis", -1));
    if (openvino_word(l, "mode", "max", modes) == 1)
        build_int(l->b, v, "largest", 0);
    struct value *at = build_output(l->b, v, 1);
    if (openvino_word(l, "sort", "value", sorts) == 2) {
        struct value *in[] = {at, openvino_list(l, 1), openvino_in(l, 0)};
        at = build_int(l->b, build_int(l->b, BUILD(l->b, "TopK", at, in[1]), "axis", openvino_int(l, "axis", -1)),
                       "largest", 0);
        v = build_int(l->b, BUILD(l->b, "GatherElements", in[2], at), "axis", openvino_int(l, "axis", -1));
    }
    l->out[0] = v;
    if (l->layer->out_count > 1)
        l->out[1] = openvino_as(l, at, "index_element_type", "i32");
}
