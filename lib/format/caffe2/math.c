/* Functions of each element, products, reductions. */
#include <math.h>
#include <string.h>

#include "format/caffe2/caffe2.h"

void caffe2_read_plain(struct netdef_op *o)
{
    netdef_give(o, 0, BUILD(o->b, o->kind->onnx, netdef_in(o, 0)));
}

void caffe2_read_square(struct netdef_op *o)
{
    netdef_give(o, 0, BUILD(o->b, "Mul", netdef_in(o, 0), netdef_in(o, 0)));
}

void caffe2_read_rsqrt(struct netdef_op *o)
{
    netdef_give(o, 0, BUILD(o->b, "Reciprocal", BUILD(o->b, "Sqrt", netdef_in(o, 0))));
}

void caffe2_read_scaled(struct netdef_op *o)
{
    bool elu = strcmp(o->kind->onnx, "Elu") == 0;
    struct value *v = BUILD(o->b, o->kind->onnx, netdef_in(o, 0));
    netdef_give(o, 0, build_float(o->b, v, "alpha", netdef_float(o, "alpha", elu ? 1 : 0.01f)));
}

void caffe2_read_clip(struct netdef_op *o)
{
    struct value *low = build_number(o->b, DTYPE_F32, netdef_float(o, "min", -INFINITY));
    struct value *high = build_number(o->b, DTYPE_F32, netdef_float(o, "max", INFINITY));
    netdef_give(o, 0, BUILD(o->b, "Clip", netdef_in(o, 0), low, high));
}

void caffe2_read_power(struct netdef_op *o)
{
    struct value *exponent =
        o->in_count > 1 ? netdef_in(o, 1) : build_number(o->b, DTYPE_F32, netdef_float(o, "exponent", 1));
    netdef_give(o, 0, BUILD(o->b, "Pow", netdef_in(o, 0), exponent));
}

void caffe2_read_scale(struct netdef_op *o)
{
    struct value *by = build_number(o->b, DTYPE_F32, netdef_float(o, "scale", 1));
    netdef_give(o, 0, BUILD(o->b, "Mul", netdef_in(o, 0), by));
}

void caffe2_read_cast(struct netdef_op *o)
{
    static const char *const names[] = {"UNDEFINED", "FLOAT",  "INT32", "BYTE",  "STRING", "BOOL",    "UINT8",
                                        "INT8",      "UINT16", "INT16", "INT64", "",       "FLOAT16", "DOUBLE"};
    const char *name = netdef_text(o, "to", "");
    int64_t number = netdef_int(o, "to", 0);
    for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)) && *name; i++)
        if (strcasecmp(names[i], name) == 0)
            number = i;
    if (caffe2_dtype(number) == DTYPE_NONE)
        build_fail(o->b, "it converts to a type that is not read");
    else
        netdef_give(o, 0, build_cast(o->b, netdef_in(o, 0), caffe2_dtype(number)));
}

/* Over all axes from `axis` on, as one; a single one of more than one element needs no flattening. */
void caffe2_read_softmax(struct netdef_op *o)
{
    int rank = netdef_rank(o, 0), axis = build_axis(o->b, netdef_int(o, "axis", 1), rank);
    bool alone = true;
    for (int i = axis + 1; i < rank; i++)
        alone = alone && netdef_dim(o, 0, i) == 1;
    struct value *x = netdef_in(o, 0), *v;
    if (alone) {
        netdef_give(o, 0, build_int(o->b, BUILD(o->b, o->kind->onnx, x), "axis", axis));
        return;
    }
    v = build_int(o->b, BUILD(o->b, "Flatten", x), "axis", axis);
    v = build_int(o->b, BUILD(o->b, o->kind->onnx, v), "axis", 1);
    netdef_give(o, 0, BUILD(o->b, "Reshape", v, BUILD(o->b, "Shape", x)));
}

/* ---- several inputs ---- */

/* The second's axes are those of the first from the argument "axis" on, or the last ones. */
void caffe2_read_binary(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK] = {0};
    struct value *x = netdef_in(o, 0), *y = netdef_in(o, 1);
    if (netdef_int(o, "broadcast", 0) && netdef_has(o, "axis") && netdef_int(o, "axis", -1) >= 0) {
        int rank = netdef_rank(o, 0), own = netdef_rank(o, 1), axis = build_axis(o->b, netdef_int(o, "axis", 0), rank);
        if (own > rank - axis)
            build_fail(o->b, "its second input has %d axes, which do not fit behind axis %d of %d", own, axis, rank);
        for (int i = own; i < rank - axis && !o->b->failed; i++)
            dims[i] = 1;
        if (!o->b->failed && own != rank - axis)
            y = build_reshape(o->b, y, rank - axis, dims);
    }
    netdef_give(o, 0, BUILD(o->b, o->kind->onnx, x, y));
}

void caffe2_read_many(struct netdef_op *o)
{
    bool two = strcmp(o->kind->onnx, "Sum") == 0 && o->in_count == 2;
    netdef_in(o, 0);
    netdef_give(o, 0, build_node(o->b, two ? "Add" : o->kind->onnx, o->in_count, o->in));
}

/* ---- products ---- */

/* x with all axes from `axis` on as one, times W [out, in, …], whose axes from axis_w on are one too. */
void caffe2_read_fc(struct netdef_op *o)
{
    bool transposed = o->kind->onnx != NULL;
    int64_t axis = netdef_int(o, "axis", 1), axis_w = netdef_int(o, "axis_w", 1);
    struct value *x = netdef_in(o, 0), *w = netdef_in(o, 1);
    int rank_w = netdef_rank(o, 1);
    const struct type *type = x ? build_type(o->b, x) : NULL;
    if (axis != 1 || axis_w != 1 || rank_w < 2)
        build_fail(o->b, "axis is %lld, axis_w %lld, of weights of %d axes, want 1, 1 and 2 axes or more",
                   (long long)axis, (long long)axis_w, rank_w);
    if (type && type->rank != 2) /* also of an input of the net, whose rank no file tells */
        x = BUILD(o->b, "Flatten/axis=1", x);
    if (rank_w != 2)
        w = BUILD(o->b, "Flatten/axis=1", w);
    struct value *v = BUILD(o->b, "Gemm", x, w, o->in_count > 2 ? o->in[2] : NULL);
    netdef_give(o, 0, build_int(o->b, v, "transB", !transposed));
}

void caffe2_read_matmul(struct netdef_op *o)
{
    netdef_give(o, 0, BUILD(o->b, "MatMul", netdef_transposed(o, 0, "trans_a"), netdef_transposed(o, 1, "trans_b")));
}

/* ---- reductions ---- */

void caffe2_read_reduce(struct netdef_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = netdef_ints(o, "axes", axes, TENSOR_MAX_RANK);
    if (count > TENSOR_MAX_RANK)
        build_fail(o->b, "it has %d axes, want at most %d", count, TENSOR_MAX_RANK);
    struct value *over = count > 0 && !o->b->failed ? build_list(o->b, count, axes) : NULL;
    struct value *v = BUILD(o->b, o->kind->onnx, netdef_in(o, 0), over);
    netdef_give(o, 0, build_int(o->b, v, "keepdims", netdef_int(o, "keepdims", 1) != 0));
}

void caffe2_read_arg_extreme(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, o->kind->onnx, netdef_in(o, 0));
    build_int(o->b, v, "axis", netdef_int(o, "axis", -1));
    netdef_give(o, 0, build_int(o->b, v, "keepdims", netdef_int(o, "keepdims", 1) != 0));
}

void caffe2_read_top_k(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, "TopK", netdef_in(o, 0), BUILD_LIST(o->b, netdef_int(o, "k", 1)));
    build_int(o->b, v, "axis", netdef_int(o, "axis", -1));
    netdef_give(o, 0, v);
    netdef_give(o, 1, build_output(o->b, v, 1));
}

/* x / max(|x|, 1e-12) along an axis. */
void caffe2_read_normalize(struct netdef_op *o)
{
    struct value *x = netdef_in(o, 0);
    struct value *norm = BUILD(o->b, "ReduceL2", x, BUILD_LIST(o->b, netdef_int(o, "axis", -1)));
    netdef_give(o, 0, BUILD(o->b, "Div", x, BUILD(o->b, "Max", norm, build_number(o->b, DTYPE_F32, 1e-12))));
}
