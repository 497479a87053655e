/* Layers of neural networks that no operation of a program is like. Their axes count from the end: channels, height,
 * width. */
#include <stdio.h>
#include <string.h>

#include "format/coreml/coreml.h"

static bool is_nd(const struct coreml_op *o)
{
    return *o->arg != '\0';
}

/* Numbers of [N, 1, 1, 1] to [N, C, 1, 1]; of any rank [.., 1] to [.., C] (ND). */
void coreml_read_embedding(struct coreml_op *o)
{
    int64_t dims[] = {coreml_param(o, "channels", 0), coreml_param(o, "size", 0)};
    struct value *x = build_cast(o->b, coreml_in(o, "x"), DTYPE_I64), *bias = coreml_bias(o, dims[0]);
    struct value *table = build_permuted(o->b, coreml_weights(o, "weight", 2, dims), 2, (int64_t[]){1, 0});
    x = is_nd(o) ? BUILD(o->b, "Squeeze", x, BUILD_LIST(o->b, -1)) : build_reshape(o->b, x, 1, (int64_t[]){-1});
    struct value *v = build_add(o->b, BUILD(o->b, "Gather", table, x), bias);
    coreml_give(o, 0, is_nd(o) ? v : build_reshape(o->b, v, 4, (int64_t[]){0, -1, 1, 1}));
}

/* f(scale * x + shift) */
void coreml_read_unary(struct coreml_op *o)
{
    static const char *const formulas[] = {"Sqrt",
                                           "%epsilon Add:2 Sqrt Reciprocal",
                                           "%epsilon Add:2 Reciprocal",
                                           "%alpha Pow:2",
                                           "Exp",
                                           "%epsilon Add:2 Log",
                                           "Abs",
                                           "%alpha Max:2"};
    char text[100];
    int64_t type = coreml_param(o, "type", 0);
    double one = 1;
    if (type < 0 || type > 7) {
        build_fail(o->b, "its type is %lld, want 0 to 7", (long long)type);
        return;
    }
    bool scaled = coreml_has(o->params, 5) && coreml_params(o, "scale", &one, 1) == 1 && one != 1;
    snprintf(text, sizeof(text), "$x %s%s%s", scaled ? "%scale Mul:2 " : "",
             coreml_float(o, "shift", 0) != 0 ? "%shift Add:2 " : "", formulas[type]);
    coreml_give(o, 0, coreml_formula(o, text));
}

/* All inputs joined, or one and a number. */
void coreml_read_with_alpha(struct coreml_op *o)
{
    const struct coreml_arg *a = o->arg_count ? &o->args[0] : NULL;
    struct value *v = a ? coreml_get(o->r, a->all[0]) : NULL;
    if (!a)
        build_fail(o->b, "it has no inputs");
    coreml_count_ops(o->r, a ? (size_t)a->count : 0);
    for (int i = 1; a && i < a->count && !o->b->failed; i++)
        v = BUILD(o->b, o->arg, v, coreml_get(o->r, a->all[i]));
    if (a && a->count == 1)
        v = BUILD(o->b, o->arg, v, coreml_number(o, v, (double)coreml_float(o, "alpha", 0)));
    coreml_give(o, 0, v);
}

void coreml_read_layer_reduce(struct coreml_op *o)
{
    static const char *const ops[] = {"ReduceSum", "ReduceMean", "ReduceProd", "ReduceLogSum", "ReduceSumSquare",
                                      "ReduceL1",  "ReduceL2",   "ReduceMax",  "ReduceMin"};
    static const struct {
        int count;
        int64_t axes[3];
    } over[] = {{3, {-3, -2, -1}}, {2, {-2, -1}}, {1, {-3}}, {1, {-2}}, {1, {-1}}};
    int64_t mode = coreml_param(o, "mode", 0), axis = coreml_param(o, "axis", 0);
    struct value *x = coreml_in(o, "x");
    if (mode < 0 || mode > 9 || axis < 0 || axis > 4 || (mode == 9 && axis < 2)) {
        build_fail(o->b, "its mode is %lld, of axes %lld, which is not read", (long long)mode, (long long)axis);
        return;
    }
    if (mode == 9) {
        struct value *v = build_int(o->b, BUILD(o->b, "ArgMax", x), "axis", over[axis].axes[0]);
        coreml_give(o, 0, build_cast(o->b, v, DTYPE_F32));
        return;
    }
    coreml_give(o, 0, BUILD(o->b, ops[mode], x, build_list(o->b, over[axis].count, over[axis].axes)));
}

/* Edges {start, end} of height and width (BorderAmounts). */
static void read_edges(struct bytes borders, int64_t edges[2][2])
{
    struct protobuf_field f;
    for (int i = 0; i < 2 && coreml_next(&borders, 10, &f); i++)
        for (int k = 0; k < 2; k++)
            edges[i][k] = coreml_int(bytes_of(f.data, f.size), (uint64_t)k + 1);
}

/* By amounts, or from an offset to the size of another input. */
void coreml_read_crop(struct coreml_op *o)
{
    int64_t edges[2][2] = {{0}}, from[2] = {0}, to[2] = {0};
    struct value *x = coreml_in(o, "x"), *like = coreml_optional(o, "y"), *axes = BUILD_LIST(o->b, -2, -1);
    if (!o->fields) { /* an operation */
        coreml_ints(o, "crop_height", edges[0], 2);
        coreml_ints(o, "crop_width", edges[1], 2);
    } else if (like && o->arg_count > 1) {
        coreml_ints(o, "offset", from, 2);
        struct value *begin = build_list(o->b, 2, from);
        struct value *end = BUILD(o->b, "Add", begin, build_shape(o->b, like, -2, INT64_MAX));
        coreml_give(o, 0, BUILD(o->b, "Slice", x, begin, end, axes));
        return;
    }
    if (o->fields)
        read_edges(coreml_part(o->params, 1), edges);
    for (int i = 0; i < 2; i++) {
        if (edges[i][0] < 0 || edges[i][1] < 0)
            build_fail(o->b, "it crops %lld and %lld, want 0 or more", (long long)edges[i][0], (long long)edges[i][1]);
        from[i] = edges[i][0];
        to[i] = edges[i][1] > 0 ? -edges[i][1] : INT64_MAX;
    }
    coreml_give(o, 0, BUILD(o->b, "Slice", x, build_list(o->b, 2, from), build_list(o->b, 2, to), axes));
}

void coreml_read_padding(struct coreml_op *o)
{
    int64_t edges[2][2] = {{0}};
    double value = 0;
    const char *mode = coreml_has(o->params, 2) ? "reflect" : coreml_has(o->params, 3) ? "edge" : "constant";
    struct value *x = coreml_in(o, "x");
    read_edges(coreml_part(o->params, 10), edges);
    coreml_numbers(coreml_part(o->params, 1), 1, true, &value, 1);
    struct value *pads = BUILD_LIST(o->b, edges[0][0], edges[1][0], edges[0][1], edges[1][1]);
    struct value *v =
        BUILD(o->b, "Pad", x, pads, *mode == 'c' ? coreml_number(o, x, value) : NULL, BUILD_LIST(o->b, -2, -1));
    coreml_give(o, 0, build_string(o->b, v, "mode", mode));
}

/* Weights of a shape [C] or [C, H, W] (or those with ones), against x. */
static struct value *shaped(struct coreml_op *o, const char *name, const char *shape_name)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = coreml_ints(o, shape_name, dims, TENSOR_MAX_RANK - 2);
    if (rank == 1)
        dims[1] = dims[2] = 1, rank = 3;
    return o->b->failed ? NULL : coreml_weights(o, name, rank, dims);
}

void coreml_read_scale(struct coreml_op *o)
{
    struct value *x = coreml_in(o, "x"), *v = shaped(o, "scale", "shape");
    if (is_nd(o)) { /* a bias alone */
        coreml_give(o, 0, BUILD(o->b, "Add", x, v));
        return;
    }
    v = BUILD(o->b, "Mul", x, v);
    coreml_give(o, 0, coreml_param(o, "has_bias", 0) ? BUILD(o->b, "Add", v, shaped(o, "bias", "bias_shape")) : v);
}

/* [C, H, W] as [1, C, H, W], but where arrays have their own axes. */
void coreml_read_load_constant(struct coreml_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = coreml_ints(o, "shape", dims, TENSOR_MAX_RANK);
    struct value *v = o->b->failed || !rank ? NULL : coreml_weights(o, "data", rank, dims);
    if (!v)
        build_fail(o->b, "a constant without a shape");
    else
        coreml_give(o, 0, !is_nd(o) && rank == 3 && !o->r->is_exact ? build_unsqueeze(o->b, v, 0) : v);
}

/* To [C, H, W], or all four axes; mode 1: as if channels stood last. */
void coreml_read_layer_reshape(struct coreml_op *o)
{
    int64_t dims[4] = {0};
    bool last = coreml_param(o, "mode", 0) == 1, flat = is_nd(o);
    struct value *x = coreml_in(o, "x");
    int rank = build_rank_of(o->b, x), count = flat ? 0 : coreml_ints(o, "shape", dims, 4);
    if (flat)
        dims[0] = 0, dims[1] = -1, dims[2] = dims[3] = 1;
    else if (count == 3)
        memmove(dims + 1, dims, 3 * sizeof(*dims)), dims[0] = 0;
    else if (count != 4)
        build_fail(o->b, "it reshapes to %d axes, want 3 or 4", count);
    if (last && rank != 4)
        build_fail(o->b, "its input has %d axes, want 4", rank);
    if (!last) {
        coreml_give(o, 0, build_reshape(o->b, x, 4, dims));
        return;
    }
    x = BUILD(o->b, "Transpose/perm=0,2,3,1", x);
    x = build_reshape(o->b, x, 4, (int64_t[]){dims[0], dims[2], dims[3], dims[1]});
    coreml_give(o, 0, BUILD(o->b, "Transpose/perm=0,3,1,2", x));
}

void coreml_read_layer_concat(struct coreml_op *o)
{
    coreml_give(o, 0, coreml_formula(o, coreml_param(o, "sequence", 0) ? "$* Concat:*/axis=0" : "$* Concat:*/axis=-3"));
}

void coreml_read_layer_split(struct coreml_op *o)
{
    struct value *v = BUILD(o->b, "Split/axis=-3", coreml_in(o, "x"));
    build_int(o->b, v, "num_outputs", o->out_count);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        coreml_give(o, k, build_output(o->b, v, k));
}

void coreml_read_layer_slice(struct coreml_op *o)
{
    int64_t axis = coreml_param(o, "axis", 0), step = coreml_param(o, "stride", 1), end = coreml_param(o, "end", 0);
    if (axis < 0 || axis > 2)
        build_fail(o->b, "its axis is %lld, want 0 to 2", (long long)axis);
    coreml_give(o, 0,
                BUILD(o->b, "Slice", coreml_in(o, "x"), BUILD_LIST(o->b, coreml_param(o, "begin", 0)),
                      BUILD_LIST(o->b, end ? end : INT64_MAX), BUILD_LIST(o->b, axis - 3),
                      BUILD_LIST(o->b, step > 0 ? step : 1)));
}

void coreml_read_reorganize(struct coreml_op *o)
{
    static const char *const formulas[] = {"$x SpaceToDepth/blocksize@block", "$x DepthToSpace/blocksize@block",
                                           "$x DepthToSpace/mode=CRD/blocksize@block"};
    int64_t mode = coreml_param(o, "mode", 0);
    if (mode < 0 || mode > 2)
        build_fail(o->b, "its mode is %lld, want 0 to 2", (long long)mode);
    else
        coreml_give(o, 0, coreml_formula(o, formulas[mode]));
}
