/* Operators that are formulas once their attributes are known, and those of several outputs. */
#include <float.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

/* A matrix made of a diagonal has its size, and zeros elsewhere. */
static void expect_plain(struct tensorflow_op *o)
{
    int64_t size = tensorflow_dim(o, 0, tensorflow_rank(o, 0) - 1), given = -1;
    for (int i = 2; i < 4; i++)
        if (tensorflow_want_ints(o, i, &given, 1) != 1 || (given != -1 && given != size))
            build_fail(o->b, "a matrix that is not as large as its diagonal is not read");
    const struct tensor *t = o->b->failed ? NULL : o->in[4]->constant;
    if (!t || t->dtype == DTYPE_STRING || t->count != 1 || tensor_get_f64(t, 0) != 0)
        build_fail(o->b, "a matrix that is not filled up with zeros is not read");
}

/* Only the main diagonal of matrices, with its first elements at the left. The older two operators have no batches. */
void tensorflow_read_diagonal(struct tensorflow_op *o)
{
    const char *op = o->node->op;
    int64_t k[2] = {0, 0};
    int at = strncmp(op, "MatrixSet", 9) == 0 ? 2 : 1;
    if (o->in_count > at && (tensorflow_want_ints(o, at, k, 2) < 1 || k[0] != 0 || k[1] != 0))
        build_fail(o->b, "diagonals from %lld to %lld are not read, want the main one", (long long)k[0],
                   (long long)k[1]);
    if (*op == 'D' && tensorflow_rank(o, 0) != (strcmp(op, "Diag") == 0 ? 1 : 2))
        build_fail(o->b, "diagonals of %d axes are not read", tensorflow_rank(o, 0));
    if (o->in_count > 4)
        expect_plain(o);
    tensorflow_formula(o, o->kind->onnx);
}

/* Without an axis it is of a vector. */
void tensorflow_read_unique(struct tensorflow_op *o)
{
    int64_t axis;
    if (tensorflow_want_ints(o, 1, &axis, 1) > 0 && tensorflow_rank(o, 0) != 1)
        build_fail(o->b, "an axis of %d is not read, want a vector", tensorflow_rank(o, 0));
    tensorflow_formula(o, o->kind->onnx);
}

void tensorflow_read_bucketize(struct tensorflow_op *o)
{
    const struct protobuf *list =
        protobuf_find(protobuf_message(tensorflow_attr(o->node->message, "boundaries"), "list"), "f");
    int count = list && list->span.count < 1 << 20 ? (int)list->span.count : 0;
    struct tensor *t = tensor_new(DTYPE_F32, 1, &(int64_t){count}, o->b->err);
    for (int i = 0; t && i < count; i++)
        memcpy((float *)t->data + i, list->span.data + (size_t)i * list->span.step, sizeof(float));
    enum dtype real = tensorflow_dtype_of(o, 0) == DTYPE_F64 ? DTYPE_F64 : DTYPE_F32; /* bounds of integers are real */
    struct value *bounds = build_cast(o->b, build_constant(o->b, NULL, t), real);
    o->in = (struct value *[]){build_cast(o->b, tensorflow_in(o, 0), real), bounds};
    o->in_count = 2;
    tensorflow_formula(o, o->kind->onnx);
}

void tensorflow_read_bincount(struct tensorflow_op *o)
{
    if (tensorflow_dim(o, 2, 0) != 0)
        build_fail(o->b, "counts with weights are not read");
    tensorflow_formula(o, o->kind->onnx);
}

/* They begin with a number that is beyond none: of integers the largest, or smallest, of no elements. */
void tensorflow_read_segment_extremes(struct tensorflow_op *o)
{
    bool is_max = strcmp(o->node->op, "UnsortedSegmentMax") == 0;
    enum dtype dtype = tensorflow_dtype_of(o, 0);
    double most = dtype == DTYPE_F64 ? DBL_MAX : dtype == DTYPE_F16 ? 65504 : (double)FLT_MAX;
    struct value *in[] = {tensorflow_in(o, 0), tensorflow_in(o, 1), tensorflow_in(o, 2), NULL};
    if (dtype_info(dtype)->class == DTYPE_CLASS_FLOAT)
        in[3] = build_number(o->b, dtype, is_max ? -most : most);
    else
        in[3] = build_formula(o->b,
                              is_max ? "$0 [-1] Reshape:2 [0] [0] Slice:3 [0] ReduceMax:2/keepdims=0"
                                     : "$0 [-1] Reshape:2 [0] [0] Slice:3 [0] ReduceMin:2/keepdims=0",
                              1, in);
    o->in = in;
    o->in_count = 4;
    tensorflow_formula(o, o->kind->onnx);
}

void tensorflow_read_partition(struct tensorflow_op *o)
{
    int64_t count = tensorflow_int(o, "num_partitions", 1);
    if (count < 1 || count > TENSORFLOW_OUTPUTS)
        build_fail(o->b, "%lld parts, want at most %d", (long long)count, TENSORFLOW_OUTPUTS);
    for (int64_t i = 0; i < count && !o->b->failed; i++) {
        struct value *is = BUILD(o->b, "Equal", tensorflow_in(o, 1), build_number(o->b, DTYPE_I32, (double)i));
        tensorflow_give(o, (int)i, BUILD(o->b, "Compress/axis=0", tensorflow_in(o, 0), is));
    }
}

/* Rows by their numbers: indices first, then as many tensors of rows, of which later ones count. */
void tensorflow_read_stitch(struct tensorflow_op *o)
{
    struct build *b = o->b;
    int half = o->in_count / 2;
    struct value **parts = arena_alloc(&o->scope->r->arena, (size_t)(o->in_count + 1) * sizeof(*parts), b->err);
    build_check(b, parts != NULL);
    if (half == 0)
        build_fail(b, "it has no indices");
    for (int i = 0; i < half && !b->failed; i++) {
        int rank = tensorflow_rank(o, i), more = tensorflow_rank(o, half + i) - rank;
        struct value *rest = BUILD_LIST(b, -1);
        if (more > 0)
            rest = BUILD(b, "Concat/axis=0", rest, build_shape(b, o->in[half + i], rank, rank + more));
        parts[i] = build_reshape(b, tensorflow_i64(o, i), 2, (int64_t[]){-1, 1});
        parts[half + i] = BUILD(b, "Reshape", o->in[half + i], rest);
    }
    struct value *in[2];
    for (int i = 0; i < 2; i++)
        in[i] = b->failed ? NULL : build_int(b, build_node(b, "Concat", half, parts + i * half), "axis", 0);
    tensorflow_give(o, 0,
                    build_formula(b,
                                  "$1 >x $0 [0,1] ReduceMax:2/keepdims=0 [1] Add:2 $1 Shape/start=1 "
                                  "Concat:2/axis=0 >d =0 d Expand:2 $0 $1 ScatterND:3",
                                  2, in));
}

void tensorflow_read_shape_n(struct tensorflow_op *o)
{
    for (int i = 0; i < o->in_count && !o->b->failed; i++)
        tensorflow_give(o, i,
                        build_cast(o->b, BUILD(o->b, "Shape", o->in[i]), tensorflow_type(o, "out_type", DTYPE_I32)));
}

void tensorflow_read_roll(struct tensorflow_op *o)
{
    int64_t shifts[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int rank = tensorflow_rank(o, 0), count = tensorflow_want_ints(o, 1, shifts, TENSOR_MAX_RANK);
    if (tensorflow_want_ints(o, 2, axes, TENSOR_MAX_RANK) != count)
        build_fail(o->b, "%d shifts of another number of axes", count);
    for (int i = 0; i < count && !o->b->failed; i++)
        axes[i] = tensorflow_axis(o, axes[i], rank);
    tensorflow_give(o, 0, build_roll(o->b, tensorflow_in(o, 0), o->b->failed ? 0 : count, shifts, axes));
}

/* A convolution with one tap for each pixel of the window: channel c's tap k is output c * taps + k. */
struct value *tensorflow_windows(struct build *b, struct value *x, int64_t channels, const int64_t size[2])
{
    int64_t taps = size[0] > 0 && size[1] > 0 && size[0] < 256 && size[1] < 256 ? size[0] * size[1] : 0;
    if (channels < 1 || taps < 1 || channels > (1 << 20) / (taps * taps))
        build_fail(b, "want windows and a number of channels that are known");
    int64_t outs = b->failed ? 1 : taps * channels, dims[4] = {outs, 1, size[0], size[1]};
    struct tensor *t = b->failed ? NULL : tensor_new(DTYPE_F32, 4, dims, b->err);
    for (int64_t i = 0; t && i < outs; i++)
        ((float *)t->data)[i * taps + i % taps] = 1;
    return build_int(b, BUILD(b, "Conv", x, build_constant(b, NULL, t)), "group", channels);
}

struct value *tensorflow_rows_of_windows(struct build *b, struct value *v, int64_t channels, const int64_t size[2])
{
    struct value *inner = BUILD_LIST(b, channels, size[0] * size[1]);
    struct value *shape = BUILD(b, "Concat", build_shape(b, v, 0, 1), inner, build_shape(b, v, 2, 4));
    v = BUILD(b, "Reshape", v, build_int(b, shape, "axis", 0));
    v = build_transpose(b, v, 5, (int64_t[]){0, 3, 4, 2, 1});
    return build_reshape(b, v, 4, (int64_t[]){0, 0, 0, size[0] * size[1] * channels});
}

void tensorflow_read_patches(struct tensorflow_op *o)
{
    int64_t size[4] = {1, 1, 1, 1}, channels = tensorflow_dim(o, 0, 3);
    if (tensorflow_list(o, "ksizes", size, 4) != 4 || tensorflow_rank(o, 0) != 4)
        build_fail(o->b, "want windows of a picture");
    struct value *v = tensorflow_windows(o->b, tensorflow_to_nchw(o, 0), channels, size + 1);
    tensorflow_count_looks(o->scope, o->b->failed ? 0 : (size_t)(channels * size[1] * size[1] * size[2] * size[2]));
    v = tensorflow_window(o, v, 4, "rates");
    tensorflow_give(o, 0, tensorflow_rows_of_windows(o->b, v, channels, size + 1));
}
