/* Operators that move elements; branches. */
#include <string.h>

#include "format/coreml/coreml.h"

void coreml_read_transpose(struct coreml_op *o)
{
    int64_t perm[TENSOR_MAX_RANK];
    int count = coreml_ints(o, "perm", perm, TENSOR_MAX_RANK);
    struct value *x = coreml_in(o, "x");
    coreml_give(o, 0, o->b->failed ? NULL : build_transpose(o->b, x, count, perm));
}

void coreml_read_gather(struct coreml_op *o)
{
    struct value *x = coreml_in(o, "x"), *indices = build_cast(o->b, coreml_in(o, "indices"), DTYPE_I64);
    int64_t batch = coreml_param(o, "batch_dims", 0);
    int rank = build_rank_of(o->b, x), axis = build_axis(o->b, coreml_param(o, "axis", 0), rank);
    if (batch < 0 || batch > axis)
        build_fail(o->b, "batch_dims is %lld, want 0 to %d", (long long)batch, axis);
    if (!o->b->failed)
        coreml_give(o, 0, build_gather(o->b, x, rank, indices, build_rank_of(o->b, indices), axis, (int)batch));
}

/* How updates meet what is there. */
static const char *reduction(struct coreml_op *o)
{
    static const char *const words[][2] = {{"update", "none"}, {"add", "add"}, {"sub", NULL}, {"mul", "mul"},
                                           {"div", NULL},      {"max", "max"}, {"min", "min"}};
    const char *mode = coreml_word(o, "mode", NULL);
    int64_t number = mode ? -1 : coreml_param(o, "mode", 1);
    for (int i = 0; i < 7; i++)
        if (words[i][1] && (mode ? strcmp(mode, words[i][0]) == 0 : number == i))
            return words[i][1];
    build_fail(o->b, "its mode '%.20s' is not read", mode ? mode : "");
    return "none";
}

/* Whole slices along an axis are moved to the first. */
static struct value *axis_first(struct coreml_op *o, struct value *v, int rank, int axis, bool back)
{
    int64_t perm[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = back ? i < axis ? i + 1 : i == axis ? 0 : i : i == 0 ? axis : i <= axis ? i - 1 : i;
    return axis ? build_transpose(o->b, v, rank, perm) : v;
}

void coreml_read_scatter(struct coreml_op *o)
{
    struct value *x = coreml_in(o, "data"), *at = build_cast(o->b, coreml_in(o, "indices"), DTYPE_I64),
                 *updates = coreml_in(o, "updates"), *v;
    const char *how = reduction(o);
    int rank = build_rank_of(o->b, x), axis = *o->arg == 'n' ? 0 : build_axis(o->b, coreml_param(o, "axis", 0), rank);
    if (*o->arg == 'e')
        v = build_int(o->b, BUILD(o->b, "ScatterElements", x, at, updates), "axis", axis);
    else if (*o->arg == 'n')
        v = BUILD(o->b, "ScatterND", x, at, updates);
    else {
        if (build_rank_of(o->b, at) != 1)
            build_fail(o->b, "its indices have %d axes, want 1", build_rank_of(o->b, at));
        v = BUILD(o->b, "ScatterND", axis_first(o, x, rank, axis, false), build_unsqueeze(o->b, at, 1),
                  axis_first(o, updates, rank, axis, false));
    }
    build_string(o->b, v, "reduction", how);
    coreml_give(o, 0, *o->arg ? v : axis_first(o, v, rank, axis, true));
}

static uint32_t mask(struct coreml_op *o, const char *name)
{
    int64_t flags[TENSOR_MAX_RANK];
    uint32_t bits = 0;
    for (int i = 0, count = coreml_ints(o, name, flags, TENSOR_MAX_RANK); i < count; i++)
        bits |= flags[i] ? 1u << i : 0;
    return bits;
}

/* Bounds that are only known at run time, as a list. */
static int bounds(struct coreml_op *o, const char *name, int64_t *numbers, struct value **later)
{
    double list[TENSOR_MAX_RANK];
    int count = coreml_params(o, name, list, TENSOR_MAX_RANK);
    if (count == NUMBERS_LATER)
        *later = build_cast(o->b, coreml_in(o, name), DTYPE_I64);
    for (int i = 0; i < count && i < TENSOR_MAX_RANK; i++)
        numbers[i] = list[i] > -9e18 && list[i] < 9e18 ? (int64_t)list[i] : 0;
    return count;
}

void coreml_read_slice(struct coreml_op *o)
{
    struct build_slice_entries e = {0};
    struct value *x = coreml_in(o, "x");
    int rank = build_rank_of(o->b, x), steps = coreml_ints(o, "stride", e.step, TENSOR_MAX_RANK),
        from = bounds(o, "begin", e.begin, &e.begins), to = bounds(o, "end", e.end, &e.ends);
    if ((from >= 0 && from != rank) || (to >= 0 && to != rank) || (steps && steps != rank))
        build_fail(o->b, "begin and end must have %d numbers", rank);
    e.count = rank;
    for (int i = steps; i < rank; i++)
        e.step[i] = 1;
    e.no_begin = mask(o, "begin_mask");
    e.no_end = mask(o, "end_mask");
    e.shrink = mask(o, "squeeze_mask");
    coreml_give(o, 0, o->b->failed ? NULL : build_slice_all(o->b, x, rank, &e));
}

/* Sizes of -1 reach to the end. */
void coreml_read_slice_size(struct coreml_op *o)
{
    int64_t from[TENSOR_MAX_RANK], size[TENSOR_MAX_RANK];
    struct value *x = coreml_in(o, "x"), *later = NULL, *sizes = NULL;
    int rank = build_rank_of(o->b, x), count = bounds(o, "begin", from, &later);
    if (o->fields && *o->fields) { /* a layer: of one axis, from where its input says */
        struct value *begin =
            build_reshape(o->b, build_cast(o->b, coreml_in(o, "begin"), DTYPE_I64), 1, (int64_t[]){1});
        struct value *end = BUILD(o->b, "Add", begin, BUILD_LIST(o->b, coreml_param(o, "size", 1)));
        coreml_give(o, 0, BUILD(o->b, "Slice", x, begin, end, BUILD_LIST(o->b, coreml_param(o, "axis", 0))));
        return;
    }
    int given = bounds(o, "size", size, &sizes);
    if ((count != NUMBERS_LATER && count != rank) || given != rank)
        build_fail(o->b, "begin and size must have %d numbers, size known ones", rank);
    struct value *begin = later ? later : o->b->failed ? NULL : build_list(o->b, rank, from);
    for (int i = 0; i < rank && !o->b->failed; i++)
        size[i] = size[i] < 0 ? INT32_MAX : size[i];
    struct value *end = o->b->failed ? NULL : BUILD(o->b, "Add", begin, build_list(o->b, rank, size));
    coreml_give(o, 0, BUILD(o->b, "Slice", x, begin, end));
}

void coreml_read_split(struct coreml_op *o)
{
    int64_t sizes[64], parts = coreml_param(o, "num_splits", 0);
    int count = coreml_ints(o, "split_sizes", sizes, 64);
    if (!count && (parts < 1 || parts > o->out_count))
        build_fail(o->b, "it makes %lld parts for %d outputs", (long long)parts, o->out_count);
    struct value *v = BUILD(o->b, "Split", coreml_in(o, "x"), count ? build_list(o->b, count, sizes) : NULL);
    build_int(o->b, v, "axis", coreml_param(o, "axis", 0));
    if (!count)
        build_int(o->b, v, "num_outputs", parts);
    if (count && count != o->out_count)
        build_fail(o->b, "it makes %d parts for %d outputs", count, o->out_count);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        coreml_give(o, k, build_output(o->b, v, k));
}

void coreml_read_stack(struct coreml_op *o)
{
    int64_t axis = coreml_param(o, "axis", 0);
    const struct coreml_arg *a = NULL;
    for (int i = 0; i < o->arg_count; i++)
        a = strcmp(o->args[i].role, "values") == 0 ? &o->args[i] : a;
    struct value **in = a ? coreml_alloc(o->r, (size_t)a->count, sizeof(*in)) : NULL;
    coreml_count_ops(o->r, a ? (size_t)a->count : 0);
    for (int i = 0; in && i < a->count && !o->b->failed; i++)
        in[i] = build_unsqueeze(o->b, coreml_get(o->r, a->all[i]), axis);
    if (in && !o->b->failed)
        coreml_give(o, 0, build_int(o->b, build_node(o->b, "Concat", a->count, in), "axis", axis));
}

/* Pairs for the last axes. */
void coreml_read_pad(struct coreml_op *o)
{
    static const char *const modes[][2] = {{"constant", "constant"}, {"reflect", "reflect"}, {"replicate", "edge"}};
    int64_t pairs[2 * TENSOR_MAX_RANK], pads[2 * TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    const char *said = coreml_word(o, "mode", "constant"), *mode = NULL;
    struct value *x = coreml_in(o, "x");
    int rank = build_rank_of(o->b, x), count = coreml_ints(o, "pad", pairs, 2 * TENSOR_MAX_RANK) / 2;
    for (int i = 0; i < 3; i++)
        mode = strcmp(said, modes[i][0]) == 0 ? modes[i][1] : mode;
    if (!mode || count > rank)
        build_fail(o->b, "pads of %d axes in mode '%.20s'", count, said);
    for (int i = 0; i < count && !o->b->failed; i++) {
        pads[i] = pairs[2 * i];
        pads[count + i] = pairs[2 * i + 1];
        axes[i] = rank - count + i;
    }
    if (o->b->failed || !mode)
        return;
    struct value *fill = *mode == 'c' ? coreml_number(o, x, (double)coreml_float(o, "constant_val", 0)) : NULL;
    struct value *v = BUILD(o->b, "Pad", x, build_list(o->b, 2 * count, pads), fill, build_list(o->b, count, axes));
    coreml_give(o, 0, build_string(o->b, v, "mode", mode));
}

/* Axes, all where it names none, or, of a layer, those with a flag. */
void coreml_read_flip(struct coreml_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], all[2][TENSOR_MAX_RANK];
    struct value *x = coreml_in(o, "x");
    int rank = build_rank_of(o->b, x), count = coreml_ints(o, "axes", axes, TENSOR_MAX_RANK);
    uint32_t flags = mask(o, "flags");
    bool given = count > 0;
    for (int i = 0; i < rank && !given; i++)
        if (!flags || flags >> i & 1)
            axes[count++] = i;
    for (int i = 0; i < count; i++) {
        all[0][i] = -1;
        all[1][i] = INT64_MIN;
    }
    if (!o->b->failed)
        coreml_give(o, 0,
                    BUILD(o->b, "Slice", x, build_list(o->b, count, all[0]), build_list(o->b, count, all[1]),
                          build_list(o->b, count, axes), build_list(o->b, count, all[0])));
}

/* Interleaved: the first channel of each, then the second ones. */
void coreml_read_concat(struct coreml_op *o)
{
    struct value *v = coreml_formula(o, "$* Concat:*/axis@axis");
    if (coreml_param(o, "interleave", 0) != 0 && v) {
        if (build_axis(o->b, coreml_param(o, "axis", 0), build_rank_of(o->b, v)) != 1)
            build_fail(o->b, "its values interleave along another axis than the channels");
        v = build_int(o->b, BUILD(o->b, "nn.ShuffleChannel", v), "group", v->producer->in_count);
    }
    coreml_give(o, 0, v);
}

void coreml_read_one_hot(struct coreml_op *o)
{
    float values[] = {coreml_float(o, "off_value", 0), coreml_float(o, "on_value", 1)};
    bool whole = !(o->fields && *o->fields);
    struct value *depth = build_number(o->b, DTYPE_I64, (double)coreml_param(o, "one_hot_vector_size", 1));
    struct value *v =
        build_one_hot(o->b, coreml_in(o, "indices"), depth, build_f32s(o->b, 2, values), coreml_param(o, "axis", -1));
    coreml_give(o, 0, whole ? build_cast(o->b, v, DTYPE_I32) : v);
}

/* What lies at most `lower` below and `upper` above the diagonal; below 0: all. */
void coreml_read_band_part(struct coreml_op *o)
{
    int64_t lower = coreml_param(o, "lower", -1), upper = coreml_param(o, "upper", -1);
    struct value *v = coreml_in(o, "x");
    if (upper >= 0)
        v = BUILD(o->b, "Trilu/upper=0", v, build_number(o->b, DTYPE_I64, (double)upper));
    if (lower >= 0)
        v = BUILD(o->b, "Trilu/upper=1", v, build_number(o->b, DTYPE_I64, (double)-lower));
    coreml_give(o, 0, v);
}

/* Coordinates [N, H, W, 2] of x and y in a picture. */
void coreml_read_resample(struct coreml_op *o)
{
    static const char *const modes[][2] = {{"constant", "zeros"}, {"border", "border"}, {"reflection", "reflection"}};
    const char *said = coreml_word(o, "padding_mode", "constant"), *pads = NULL;
    for (int i = 0; i < 3; i++)
        pads = strcmp(said, modes[i][0]) == 0 ? modes[i][1] : pads;
    if (!pads || strcmp(coreml_word(o, "coordinates_mode", ""), "normalized_minus_one_to_one") != 0 ||
        coreml_float(o, "padding_value", 0) != 0)
        build_fail(o->b, "pads of mode '%.20s', or coordinates that are not read", said);
    struct value *v = BUILD(o->b, "GridSample", coreml_in(o, "x"), coreml_in(o, "coordinates"));
    build_string(o->b, v, "mode",
                 strcmp(coreml_word(o, "sampling_mode", "bilinear"), "nearest") ? "linear" : "nearest");
    build_string(o->b, v, "padding_mode", pads ? pads : "");
    coreml_give(o, 0, build_int(o->b, v, "align_corners", coreml_param(o, "align_corners", 0) != 0));
}

/* ---- branches and loops ---- */

/* They write what stands outside of them. */
void coreml_read_refused(struct coreml_op *o)
{
    build_fail(o->b, "loops and branches of layers are not read: want an ML program");
}

/* One truth value, of one element or none of axes. */
static struct value *truth(struct coreml_op *o, struct value *v)
{
    const struct type *type = v ? build_type(o->b, v) : NULL;
    bool is_bool = type && type->dtype == DTYPE_BOOL, has_axes = !type || type->rank != 0;
    v = is_bool ? v : build_cast(o->b, v, DTYPE_BOOL);
    return has_axes ? build_reshape(o->b, v, 0, NULL) : v;
}

/* A block as a subgraph. */
static struct graph *branch(struct coreml_op *o, int which)
{
    struct protobuf_field f;
    struct bytes block = o->blocks[which];
    struct build outer = build_enter(o->b, NULL);
    coreml_read_operations(o->r, block);
    while (!o->b->failed && coreml_next(&block, 2, &f)) {
        const char *name = coreml_text(o->r, bytes_of(f.data, f.size));
        struct coreml_value *v = coreml_find(o->r, name);
        coreml_count_ops(o->r, 1);
        if (!v)
            build_fail(o->b, "a block gives '%.200s', which nothing in it makes", name);
        else
            build_body_output(o->b, coreml_get(o->r, v));
    }
    return build_leave(o->b, outer);
}

void coreml_read_cond(struct coreml_op *o)
{
    static const char *const names[] = {"then_branch", "else_branch"};
    struct graph *graphs[2] = {NULL};
    struct value *which = truth(o, coreml_in(o, "pred"));
    if (o->block_count != 2)
        build_fail(o->b, "it has %d blocks, want 2", o->block_count);
    for (int i = 0; i < 2 && !o->b->failed; i++)
        graphs[i] = branch(o, i);
    build_layer(o->b, o->name);
    struct value *v = BUILD(o->b, "If", which);
    for (int i = 0; i < 2 && !o->b->failed; i++)
        build_check(o->b, node_set_graph(v->producer, names[i], graphs[i], o->b->err) == 0);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        coreml_give(o, k, build_output(o->b, v, k));
}

/* The names that a block gives to what it is given, or of what it gives: value k. */
static const char *name_at(struct coreml_op *o, struct bytes block, uint64_t number, int k)
{
    struct protobuf_field f;
    while (coreml_next(&block, number, &f))
        if (k-- == 0) {
            struct bytes text = bytes_of(f.data, f.size);
            return coreml_text(o->r, number == 1 ? coreml_part(text, 1) : text);
        }
    build_fail(o->b, "a block that takes or gives less than the loop");
    return "";
}

/* Reads a block of values: out[count] of what it gives. */
static void read_block(struct coreml_op *o, struct bytes block, int given, struct value *const *in, int count,
                       struct value **out)
{
    for (int k = 0; k < given && !o->b->failed; k++)
        coreml_set(o->r, name_at(o, block, 1, k), in[k], bytes_of("", 0));
    coreml_read_operations(o->r, block);
    for (int k = 0; k < count && !o->b->failed; k++) {
        struct coreml_value *v = coreml_find(o->r, name_at(o, block, 2, k));
        if (!v)
            build_fail(o->b, "a block gives '%.200s', which nothing in it makes", name_at(o, block, 2, k));
        out[k] = v ? coreml_get(o->r, v) : NULL;
    }
}

#define MOST_VARIABLES 64

/* The first block says whether there is another round, the second one is a round. */
void coreml_read_loop(struct coreml_op *o)
{
    struct value *vars[MOST_VARIABLES + 2] = {NULL}, *inner[MOST_VARIABLES], *next[MOST_VARIABLES], *again = NULL;
    const struct coreml_arg *a = o->arg_count ? &o->args[0] : NULL;
    int count = a ? a->count : 0;
    if (o->block_count != 2 || count < 1 || count > MOST_VARIABLES) {
        build_fail(o->b, "a loop of %d blocks and %d variables", o->block_count, count);
        return;
    }
    for (int k = 0; k < count; k++)
        vars[k + 2] = coreml_get(o->r, a->all[k]);
    read_block(o, o->blocks[0], count, vars + 2, 1, &vars[1]);
    vars[1] = truth(o, vars[1]);
    if (o->b->failed)
        return;
    struct build outer = build_enter(o->b, NULL);
    build_input(o->b, NULL, DTYPE_I64, 0, NULL);
    build_input(o->b, NULL, DTYPE_BOOL, 0, NULL);
    for (int k = 0; k < count && !o->b->failed; k++) {
        const struct type *type = &vars[k + 2]->type;
        inner[k] = build_input(o->b, NULL, type->dtype, type->rank, type->dims);
    }
    read_block(o, o->blocks[1], count, inner, count, next);
    read_block(o, o->blocks[0], count, next, 1, &again);
    build_body_output(o->b, truth(o, again));
    for (int k = 0; k < count && !o->b->failed; k++)
        build_body_output(o->b, next[k]);
    struct graph *body = build_leave(o->b, outer);
    build_layer(o->b, o->name);
    struct value *v = o->b->failed ? NULL : build_node(o->b, "Loop", count + 2, vars);
    build_check(o->b, !o->b->failed && node_set_graph(v->producer, "body", body, o->b->err) == 0);
    for (int k = 0; k < count && k < o->out_count && !o->b->failed; k++)
        coreml_give(o, k, build_output(o->b, v, k));
}
