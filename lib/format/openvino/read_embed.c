/* Sums of embeddings, texts of probabilities, patches of images. */
#include <string.h>

#include "format/openvino/openvino.h"
#include "op/build_filled.h"

/* ---- embeddings ---- */

static bool is_mean(struct openvino_read *l)
{
    static const char *const reductions[] = {"sum", "mean", NULL};
    return openvino_word(l, "reduction", "sum", reductions) == 1;
}

/* Rows of the table (input 0) that input 1 names, times weights. */
static struct value *rows_of(struct openvino_read *l, int weights)
{
    struct value *v = BUILD(l->b, "Gather", openvino_in(l, 0), openvino_i64(l, 1));
    if (openvino_has(l, weights))
        v = BUILD(l->b, "Mul", v, build_unsqueeze(l->b, l->in[weights], -1));
    if (openvino_rank(l, 0) != 2)
        build_fail(l->b, "a table but of 2 axes");
    return v;
}

void openvino_read_embedding_packed(struct openvino_read *l)
{
    struct value *v = BUILD(l->b, is_mean(l) ? "ReduceMean" : "ReduceSum", rows_of(l, 2), BUILD_LIST(l->b, 1));
    l->out[0] = build_int(l->b, v, "keepdims", 0);
}

/* Sums of segments; an empty one is zeros, or a row of its own. */
void openvino_read_embedding(struct openvino_read *l)
{
    bool offsets = *l->kind->onnx;
    int fallback = offsets ? 3 : 4;
    int64_t row = -1;
    struct value *in[] = {openvino_in(l, 0), rows_of(l, fallback + 1), openvino_i64(l, 2), NULL, NULL};
    if (openvino_has(l, fallback))
        openvino_want_ints(l, fallback, &row, 1);
    in[3] = offsets ? build_shape(l->b, in[2], 0, 1) : build_reshape(l->b, openvino_i64(l, 3), 1, (int64_t[]){1});
    if (offsets) /* how many begin at or before it */
        in[2] = build_formula(l->b,
                              "#_=0 $1 Shape/start=0/end=1 Squeeze #_=1 Range:3 [1] Unsqueeze:2 $2 GreaterOrEqual:2 "
                              "Cast/to=7 [1] ReduceSum:2/keepdims=0 #_=1 Sub:2",
                              4, in);
    struct value *sum = build_formula(
        l->b, "=0 $3 $0 Shape/start=1/end=2 Concat:2/axis=0 Expand:2 $2 [1] Unsqueeze:2 $1 ScatterND:3/reduction=add",
        4, in);
    struct value *count = build_formula(
        l->b, "=0 $3 Expand:2 $2 [1] Unsqueeze:2 =1 $2 Shape Expand:2 ScatterND:3/reduction=add [1] Unsqueeze:2", 4,
        in);
    if (is_mean(l))
        sum = BUILD(l->b, "Div", sum, BUILD(l->b, "Max", count, build_number(l->b, DTYPE_F32, 1)));
    in[1] = sum;
    in[2] = count;
    in[4] = row >= 0 ? BUILD_LIST(l->b, row) : NULL;
    l->out[0] = row < 0 ? sum : build_formula(l->b, "$2 =0 Greater:2 $1 $0 $4 Gather:2 Where:3", 5, in);
}

/* ---- texts ---- */

/* The best class of each frame; repeated ones and blanks go, what is left moves to the front and -1 stands behind. */
void openvino_read_ctc_decode(struct openvino_read *l)
{
    bool lengths = *l->kind->onnx, merge = openvino_bool(l, lengths ? "merge_repeated" : "ctc_merge_repeated", true);
    struct value *in[6] = {openvino_in(l, 0), openvino_in(l, 1)};
    in[0] = build_formula(
        l->b, lengths ? "$0 ArgMax/axis=2/keepdims=0" : "$0 ArgMax/axis=2/keepdims=0 Transpose/perm=1,0", 1, in);
    in[2] = lengths && openvino_has(l, 2)
                ? openvino_i64(l, 2)
                : BUILD(l->b, "Sub", build_shape(l->b, openvino_in(l, 0), 2, 3), BUILD_LIST(l->b, 1));
    in[3] = build_number(l->b, DTYPE_BOOL, merge);
    in[4] = build_shape(l->b, in[0], 1, 2);
    in[5] = build_formula(l->b, "#_=0 $4 Squeeze #_=1 Range:3", 5, in);
    in[1] = build_formula(l->b, lengths ? "$5 $1 Cast/to=7 [1] Unsqueeze:2 Less:2" : "$1 Transpose/perm=1,0 Cast/to=9",
                          6, in);
    in[1] =
        build_formula(l->b,
                      "$0 $2 Equal:2 Not $0 [0] [-1] [1] Slice:4 [0,1,0,0] #_=-1 Pad:3 $0 Equal:2 $3 And:2 Not And:2 "
                      "$1 And:2",
                      4, in);
    struct value *v = build_formula(l->b,
                                    "$1 $0 #_=-1 Where:3 $1 Cast/to=7 #_=1073741824 Mul:2 $5 Sub:2 $4 TopK:2 .1 "
                                    "GatherElements:2/axis=1",
                                    6, in);
    l->out[0] = lengths ? openvino_as(l, v, "classes_index_type", "i32")
                        : build_formula(l->b, "$0 Cast/to=1 [2,3] Unsqueeze:2", 1, &v);
    if (l->layer->out_count > 1)
        l->out[1] = openvino_as(l, build_formula(l->b, "$1 Cast/to=7 [1] ReduceSum:2/keepdims=0", 2, in),
                                "sequence_length_type", "i32");
}

/* ---- matrices and patches ---- */

void openvino_read_eye(struct openvino_read *l)
{
    struct value *in[] = {openvino_scalar(l->b, openvino_i64(l, 0)), openvino_scalar(l->b, openvino_i64(l, 1)),
                          openvino_scalar(l->b, openvino_i64(l, 2)), NULL};
    struct value *v =
        build_formula(l->b, "#_=0 $0 #_=1 Range:3 $2 Add:2 [1] Unsqueeze:2 #_=0 $1 #_=1 Range:3 Equal:2", 3, in);
    if (openvino_has(l, 3)) {
        in[0] = v;
        in[1] = openvino_list(l, 3);
        v = build_formula(l->b, "$0 $1 $0 Shape Concat:2/axis=0 Expand:2", 2, in);
    }
    l->out[0] = openvino_as(l, v, "output_type", "f32");
}

void openvino_read_col2im(struct openvino_read *l)
{
    static const char *const names[] = {"strides", "dilations", "pads_begin", "pads_end"};
    struct value *v = BUILD(l->b, "Col2Im", openvino_in(l, 0), openvino_list(l, 1), openvino_list(l, 2));
    for (int i = 0; i < 3; i++) {
        int64_t values[4] = {i < 2, i < 2};
        openvino_ints(l, names[i], values, 2);
        if (i == 2)
            openvino_ints(l, names[3], values + 2, 2);
        build_ints(l->b, v, i == 2 ? "pads" : names[i], i == 2 ? 4 : 2, values);
    }
    l->out[0] = v;
}

/* [taps, 1, h, w]: each place of a window by itself. */
static struct value *places_of(struct openvino_read *l, int64_t h, int64_t w)
{
    int64_t taps = h * w;
    struct tensor *t = build_zeros(l->b, DTYPE_F32, 4, (int64_t[]){taps, 1, h, w});
    for (int64_t i = 0; t && i < taps; i++)
        ((float *)t->data)[i * taps + i] = 1;
    return build_constant(l->b, NULL, t);
}

/* A convolution that copies each place of a window to a channel: all channels of the first place stand first. */
void openvino_read_patches(struct openvino_read *l)
{
    static const char *const names[] = {"sizes", "strides", "rates"};
    static const char *const pads[] = {"valid", "same_upper", "same_lower", NULL}, *const onnx[] = {"VALID",
                                                                                                    "SAME_UPPER",
                                                                                                    "SAME_LOWER"};
    int64_t list[3][2] = {{1, 1}, {1, 1}, {1, 1}}, channels = openvino_dim(l, 0, 1);
    int pad = openvino_word(l, "auto_pad", "valid", pads);
    for (int i = 0; i < 3; i++)
        openvino_ints(l, names[i], list[i], 2);
    int64_t h = list[0][0], w = list[0][1], taps = h > 0 && w > 0 && h <= 64 && w <= 64 ? h * w : 0;
    if (openvino_rank(l, 0) != 4 || channels < 1 || channels > INT32_MAX || taps < 1)
        build_fail(l->b, "want windows of at most 64 x 64 and a number of channels that is known");
    if (l->b->failed)
        return;
    struct value *in[] = {openvino_in(l, 0), places_of(l, h, w), BUILD_LIST(l->b, -1, channels, taps),
                          BUILD_LIST(l->b, -1, taps * channels), NULL};
    struct value *v = build_formula(l->b, "$0 [-1,1] $0 Shape/start=2 Concat:2/axis=0 Reshape:2 $1 Conv:2", 2, in);
    build_ints(l->b, build_ints(l->b, v, "strides", 2, list[1]), "dilations", 2, list[2]);
    in[4] = build_string(l->b, v, "auto_pad", onnx[pad]);
    l->out[0] = build_formula(l->b,
                              "$4 Shape/start=2 >s $4 $2 s Concat:2/axis=0 Reshape:2 Transpose/perm=0,2,1,3,4 $3 s "
                              "Concat:2/axis=0 Reshape:2",
                              5, in);
}
