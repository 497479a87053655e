/* Convolutions, pools, normalisations: with channels last, unless data_format says otherwise. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

#define MOST_AXES 5

/* The spatial elements of a list of one number an axis. */
static bool spatial(struct tensorflow_op *o, const char *name, int rank, int64_t otherwise, int64_t *values)
{
    int64_t all[MOST_AXES];
    int count = tensorflow_list(o, name, all, MOST_AXES), first = tensorflow_is_nchw(o) ? 2 : 1;
    bool plain = true;
    if (count < 0 && o->in_count == 3 && strcmp(o->node->op, "MaxPoolV2") == 0)
        count = tensorflow_want_ints(o, *name == 'k' ? 1 : 2, all, MOST_AXES);
    if (count > 0 && count != rank)
        build_fail(o->b, "%s has %d numbers, want %d", name, count, rank);
    for (int i = 0; i < rank - 2 && !o->b->failed; i++) {
        values[i] = count > 0 ? all[first + i] : otherwise;
        plain = plain && values[i] == otherwise;
        if (values[i] < 1)
            build_fail(o->b, "%s has %lld, want 1 or more", name, (long long)values[i]);
    }
    return !plain;
}

static void set_padding(struct tensorflow_op *o, struct value *v, int rank)
{
    const char *padding = tensorflow_text(o, "padding", "VALID");
    int64_t all[2 * MOST_AXES], pads[2 * MOST_AXES];
    if (strcmp(padding, "EXPLICIT") != 0) {
        build_string(o->b, v, "auto_pad", strcmp(padding, "SAME") == 0 ? "SAME_UPPER" : "VALID");
        return;
    }
    int first = tensorflow_is_nchw(o) ? 2 : 1;
    if (tensorflow_list(o, "explicit_paddings", all, 2 * MOST_AXES) != 2 * rank)
        build_fail(o->b, "explicit_paddings must have %d numbers", 2 * rank);
    for (int i = 0; i < rank - 2 && !o->b->failed; i++) {
        pads[i] = all[2 * (first + i)];
        pads[rank - 2 + i] = all[2 * (first + i) + 1];
    }
    build_ints(o->b, v, "pads", 2 * (rank - 2), pads);
}

struct value *tensorflow_window(struct tensorflow_op *o, struct value *v, int rank, const char *dilations)
{
    int64_t values[MOST_AXES];
    if (spatial(o, "strides", rank, 1, values))
        build_ints(o->b, v, "strides", rank - 2, values);
    if (spatial(o, dilations, rank, 1, values))
        build_ints(o->b, v, "dilations", rank - 2, values);
    set_padding(o, v, rank);
    return v;
}

/* A filter [h, w, in, out] becomes [out, in, h, w]. */
void tensorflow_read_conv(struct tensorflow_op *o)
{
    static const int64_t two[] = {3, 2, 0, 1}, three[] = {4, 3, 0, 1, 2};
    tensorflow_expect(o, 0, tensorflow_rank(o, 1), tensorflow_dim(o, 1, tensorflow_rank(o, 1) - 2));
    int rank = tensorflow_rank(o, 0);
    int64_t channels = tensorflow_dim(o, 0, tensorflow_is_nchw(o) ? 1 : rank - 1), in = tensorflow_dim(o, 1, rank - 2);
    if (rank != 4 && rank != 5)
        build_fail(o->b, "an input of %d axes, want 4 or 5", rank);
    struct value *w = tensorflow_permuted(o, 1, rank, rank == 4 ? two : three);
    struct value *v = tensorflow_window(o, BUILD(o->b, "Conv", tensorflow_to_nchw(o, 0), w), rank, "dilations");
    if (channels > 0 && in > 0 && channels != in)
        build_int(o->b, v, "group", channels / in);
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, rank));
}

/* A filter [h, w, channels, times]: result c * times + m takes channel c. */
void tensorflow_read_depthwise(struct tensorflow_op *o)
{
    int64_t channels = tensorflow_dim(o, 1, 2), times = tensorflow_dim(o, 1, 3), h = tensorflow_dim(o, 1, 0),
            w = tensorflow_dim(o, 1, 1);
    int64_t out = 1;
    tensorflow_expect(o, 0, 4, channels);
    if (tensorflow_rank(o, 0) != 4 || channels < 1 || times < 1 || h < 1 || w < 1 ||
        __builtin_mul_overflow(channels, times, &out))
        build_fail(o->b, "want an input of 4 axes and a filter of known size");
    struct value *filter = o->b->failed ? NULL : tensorflow_permuted(o, 1, 4, (int64_t[]){2, 3, 0, 1});
    const struct tensor *t = filter ? filter->constant : NULL;
    int64_t dims[4] = {o->b->failed ? 1 : out, 1, h, w};
    if (t)
        filter = build_constant(o->b, filter->name, tensor_reshaped(t, 4, dims, o->b->err));
    else
        filter = build_reshape(o->b, filter, 4, dims);
    struct value *v = tensorflow_window(o, BUILD(o->b, "Conv", tensorflow_to_nchw(o, 0), filter), 4, "dilations");
    tensorflow_give(o, 0, tensorflow_from_nchw(o, build_int(o->b, v, "group", channels), 4));
}

/* Inputs: the size of the result, a filter [h, w, out, in], x. ONNX pads so that the size comes out; where sizes are
 * not known, the result is taken to be as large as can be without output_padding: in * stride, or the whole of it. */
void tensorflow_read_deconv(struct tensorflow_op *o)
{
    static const int64_t two[] = {3, 2, 0, 1}, three[] = {4, 3, 0, 1, 2};
    int64_t size[MOST_AXES], values[MOST_AXES], in[3], more[3] = {0};
    int rank = tensorflow_rank(o, 1), spatials = rank - 2, first = tensorflow_is_nchw(o) ? 2 : 1;
    bool same = strcmp(tensorflow_text(o, "padding", "VALID"), "SAME") == 0;
    tensorflow_expect(o, 2, rank, tensorflow_dim(o, 1, rank - 1));
    if ((rank != 4 && rank != 5) || tensorflow_rank(o, 2) != rank) {
        build_fail(o->b, "an input of %d axes, want 4 or 5", rank);
        return;
    }
    struct build_window w = build_window(spatials);
    int count = tensorflow_open_ints(o, 0, size, MOST_AXES), at = count == spatials ? 0 : first; /* h and w alone */
    spatial(o, "strides", rank, 1, w.stride);
    struct value *filter = tensorflow_permuted(o, 1, rank, rank == 4 ? two : three);
    struct value *v = BUILD(o->b, "ConvTranspose", tensorflow_to_nchw(o, 2), filter);
    for (int i = 0; i < spatials && !o->b->failed; i++) {
        in[i] = tensorflow_dim(o, 2, first + i);
        w.kernel[i] = tensorflow_dim(o, 1, i);
        int64_t over = w.kernel[i] > w.stride[i] ? w.kernel[i] - w.stride[i] : 0;
        if ((count != rank && count != spatials) || in[i] < 0 || size[at + i] < 0) {
            in[i] = 1;
            size[at + i] = w.stride[i] + (same ? 0 : over);
        }
    }
    build_fit_deconv(o->b, &w, in, size + at, same, more);
    if (spatial(o, "dilations", rank, 1, values))
        build_fail(o->b, "dilated ones are not read");
    build_set_window(o->b, v, &w);
    if (more[0] || more[1] || more[2])
        build_ints(o->b, v, "output_padding", spatials, more);
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, rank));
}

/* Where a pool found what it took: ONNX counts channels, rows, columns; TensorFlow rows, columns, channels. */
static void give_places(struct tensorflow_op *o, struct value *v)
{
    struct value *in[] = {o->b->failed ? NULL : build_output(o->b, v, 1), tensorflow_to_nchw(o, 0),
                          build_number(o->b, DTYPE_I64, tensorflow_bool(o, "include_batch_in_index", false))};
    v = build_formula(o->b,
                      "$1 Shape/start=1/end=2 >c $1 Shape/start=2 [0] ReduceProd:2 >q $0 q Mod:2 c Mul:2 $0 q Div:2 c "
                      "Mod:2 Add:2 $0 q c Mul:2 >q q Div:2 q Mul:2 $2 Mul:2 Add:2",
                      3, in);
    v = o->b->failed ? NULL : build_cast(o->b, v, tensorflow_type(o, "Targmax", DTYPE_I64));
    tensorflow_give(o, 1, tensorflow_from_nchw(o, v, 4));
}

void tensorflow_read_pool(struct tensorflow_op *o)
{
    int64_t values[MOST_AXES];
    tensorflow_expect(o, 0, strstr(o->node->op, "3D") ? 5 : 4, 0);
    int rank = tensorflow_rank(o, 0);
    if (rank != 4 && rank != 5)
        build_fail(o->b, "an input of %d axes, want 4 or 5", rank);
    struct value *v = BUILD(o->b, o->kind->onnx, tensorflow_to_nchw(o, 0));
    spatial(o, "ksize", rank, 1, values);
    build_ints(o->b, v, "kernel_shape", rank - 2, values);
    if (spatial(o, "strides", rank, 1, values))
        build_ints(o->b, v, "strides", rank - 2, values);
    if (!o->b->failed)
        set_padding(o, v, rank);
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, rank));
    if (strstr(o->node->op, "Argmax"))
        give_places(o, v);
}

/* With the statistics of the batch, as some networks use it. ONNX says so of one image by InstanceNormalization. */
static void norm_of_batch(struct tensorflow_op *o, struct value *x)
{
    struct value *scale = tensorflow_in(o, 1), *offset = tensorflow_in(o, 2);
    bool is_one = tensorflow_dim(o, 0, 0) == 1;
    if (tensorflow_rank(o, 0) != 4)
        build_fail(o->b, "the statistics of a batch of %d axes are not read", tensorflow_rank(o, 0));
    o->in = (struct value *[]){x, scale, offset};
    o->in_count = 3;
    tensorflow_formula(o,
                       "$0 [0,2,3] ReduceMean:2 >m $0 m Sub:2 >x x x Mul:2 [0,2,3] ReduceMean:2 >v "
                       "x $1 [-1,1,1] Reshape:2 v %epsilon=0.0001 Add:2 Sqrt Div:2 Mul:2 $2 [-1,1,1] Reshape:2 Add:2 "
                       "m [0,2,3] Squeeze:2 $0 Size m Size Div:2 Cast/to=1 >n "
                       "v n Mul:2 n #_=1 Cast/to=1 Sub:2 Div:2 [0,2,3] Squeeze:2");
    struct value *v = o->b->failed ? NULL : o->node->out[0];
    if (is_one) {
        v = BUILD(o->b, "InstanceNormalization", x, scale, offset);
        build_float(o->b, v, "epsilon", tensorflow_float(o, "epsilon", 1e-4f));
    }
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, 4));
}

void tensorflow_read_batch_norm(struct tensorflow_op *o)
{
    int rank = tensorflow_rank(o, 0);
    struct value *x = tensorflow_to_nchw(o, 0);
    if (tensorflow_bool(o, "is_training", true)) {
        norm_of_batch(o, x);
        return;
    }
    struct value *v = BUILD(o->b, "BatchNormalization", x, tensorflow_in(o, 1), tensorflow_in(o, 2),
                            tensorflow_in(o, 3), tensorflow_in(o, 4));
    build_float(o->b, v, "epsilon", tensorflow_float(o, "epsilon", 1e-4f));
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, rank));
    tensorflow_give(o, 1, tensorflow_in(o, 3));
    tensorflow_give(o, 2, tensorflow_in(o, 4));
}

/* ONNX divides alpha by the size of the window. */
void tensorflow_read_lrn(struct tensorflow_op *o)
{
    int64_t radius = tensorflow_int(o, "depth_radius", 5),
            size = radius >= 0 && radius < (1 << 20) ? 2 * radius + 1 : 0;
    if (size == 0)
        build_fail(o->b, "a radius of %lld", (long long)radius);
    struct value *v = build_int(o->b, BUILD(o->b, "LRN", tensorflow_to_nchw(o, 0)), "size", size);
    build_float(o->b, v, "bias", tensorflow_float(o, "bias", 1));
    build_float(o->b, v, "alpha", tensorflow_float(o, "alpha", 1) * (float)size);
    build_float(o->b, v, "beta", tensorflow_float(o, "beta", 0.5f));
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, 4));
}

/* ---- sizes ---- */

void tensorflow_read_depth_to_space(struct tensorflow_op *o)
{
    struct value *v = BUILD(o->b, o->kind->onnx, tensorflow_to_nchw(o, 0));
    v = build_int(o->b, v, "blocksize", tensorflow_int(o, "block_size", 2));
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, 4));
}
