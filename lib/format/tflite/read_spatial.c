/* Pooling, resizing, and what moves blocks of pixels: operators that ONNX has with channels second. */
#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

enum pool_slots { POOL_PADDING, POOL_STRIDE_W, POOL_STRIDE_H, POOL_WIDTH, POOL_HEIGHT };
enum lrn_slots { LRN_RADIUS, LRN_BIAS, LRN_ALPHA, LRN_BETA };
enum bilinear_slots { BILINEAR_ALIGN = 2, BILINEAR_HALF };
enum nearest_slots { NEAREST_ALIGN, NEAREST_HALF };

static struct value *nchw(struct tflite_op *o, int k)
{
    int rank = tflite_want_rank(o, k);
    if (rank != 4)
        tflite_fail(o, "an input of rank %d: want 4", rank);
    return tflite_to_nchw(o->b, tflite_in(o, k), 4);
}

static void give_nhwc(struct tflite_op *o, struct value *v)
{
    tflite_give(o, 0, tflite_to_nhwc(o->b, v, 4));
}

static struct value *pool(struct tflite_op *o, const char *op, struct value *x)
{
    int64_t stride[2], kernel[2];
    stride[0] = flatbuf_int(o->options, POOL_STRIDE_H, 4, 0);
    stride[1] = flatbuf_int(o->options, POOL_STRIDE_W, 4, 0);
    kernel[0] = flatbuf_int(o->options, POOL_HEIGHT, 4, 0);
    kernel[1] = flatbuf_int(o->options, POOL_WIDTH, 4, 0);
    if (stride[0] < 1 || stride[1] < 1 || kernel[0] < 1 || kernel[1] < 1)
        tflite_fail(o, "a window of %lldx%lld in steps of %lldx%lld: want at least 1", (long long)kernel[0],
                    (long long)kernel[1], (long long)stride[0], (long long)stride[1]);
    bool is_same = flatbuf_int(o->options, POOL_PADDING, 1, 0) == PADDING_SAME;
    struct value *y = build_ints(o->b, BUILD(o->b, op, x), "kernel_shape", 2, kernel);
    y = build_ints(o->b, y, "strides", 2, stride);
    return build_string(o->b, y, "auto_pad", is_same ? "SAME_UPPER" : "VALID");
}

void tflite_read_pool(struct tflite_op *o)
{
    give_nhwc(o, pool(o, o->row->onnx, nchw(o, 0)));
}

/* The root of the mean of squares. */
void tflite_read_l2_pool(struct tflite_op *o)
{
    struct value *x = nchw(o, 0);
    give_nhwc(o, BUILD(o->b, "Sqrt", pool(o, "AveragePool", BUILD(o->b, "Mul", x, x))));
}

/* ONNX divides alpha by the size of the window. */
void tflite_read_lrn(struct tflite_op *o)
{
    int64_t radius = flatbuf_int(o->options, LRN_RADIUS, 4, 0);
    if (radius < 0 || radius > 1 << 20)
        tflite_fail(o, "a radius of %lld", (long long)radius);
    int64_t size = 2 * radius + 1;
    struct value *y = build_int(o->b, BUILD(o->b, "LRN", nchw(o, 0)), "size", size);
    y = build_float(o->b, y, "bias", flatbuf_float(o->options, LRN_BIAS, 0));
    y = build_float(o->b, y, "alpha", flatbuf_float(o->options, LRN_ALPHA, 0) * (float)size);
    give_nhwc(o, build_float(o->b, y, "beta", flatbuf_float(o->options, LRN_BETA, 0)));
}

/* N, C and the new height and width. */
static struct value *new_size(struct tflite_op *o, struct value *x)
{
    struct value *parts[] = {build_shape(o->b, x, 0, 2), tflite_i64(o, 1)};
    return build_int(o->b, build_node(o->b, "Concat", 2, parts), "axis", 0);
}

static void resize(struct tflite_op *o, const char *mode, bool is_aligned, bool is_half, const char *nearest)
{
    struct value *x = nchw(o, 0);
    struct value *y = BUILD(o->b, "Resize", x, NULL, NULL, new_size(o, x));
    y = build_resize_mode(o->b, y, mode, is_aligned, is_half);
    give_nhwc(o, nearest ? build_string(o->b, y, "nearest_mode", nearest) : y);
}

void tflite_read_bilinear(struct tflite_op *o)
{
    resize(o, "linear", flatbuf_int(o->options, BILINEAR_ALIGN, 1, 0), flatbuf_int(o->options, BILINEAR_HALF, 1, 0),
           NULL);
}

/* With half pixels it takes floor((x + 0.5) * scale), which is what rounding (x + 0.5) * scale - 0.5 half up gives. */
void tflite_read_nearest(struct tflite_op *o)
{
    bool is_aligned = flatbuf_int(o->options, NEAREST_ALIGN, 1, 0),
         is_half = flatbuf_int(o->options, NEAREST_HALF, 1, 0);
    resize(o, "nearest", is_aligned, is_half, is_aligned || is_half ? "round_prefer_ceil" : "floor");
}

void tflite_read_blocks(struct tflite_op *o)
{
    int64_t size = flatbuf_int(o->options, 0, 4, 0);
    if (size < 1)
        tflite_fail(o, "a block of %lld: want at least 1", (long long)size);
    give_nhwc(o, build_int(o->b, BUILD(o->b, o->row->onnx, nchw(o, 0)), "blocksize", size));
}

/* ---- between space and batch ---- */

struct batches {
    int rank, space; /* axes of the input; those of space, which are 1 … space */
    int64_t block[TENSOR_MAX_RANK], edge[2 * TENSOR_MAX_RANK]; /* edge: before and behind each axis of space */
    int64_t dims[TENSOR_MAX_RANK];                             /* of the input; 0: as they are, for Reshape */
};

static bool read_batches(struct tflite_op *o, struct batches *s)
{
    s->rank = tflite_dims(o, 0, s->dims);
    s->space = tflite_want_ints(o, 1, s->block, TENSOR_MAX_RANK);
    if (tflite_want_ints(o, 2, s->edge, 2 * TENSOR_MAX_RANK) != 2 * s->space || s->space >= s->rank ||
        2 * s->space + s->rank > TENSOR_MAX_RANK) {
        tflite_fail(o, "blocks and edges must be of the axes behind the first");
        return false;
    }
    for (int i = 0; i < s->space; i++)
        if (s->block[i] < 1 || s->block[i] > INT32_MAX || (uint64_t)s->edge[2 * i] > INT32_MAX ||
            (uint64_t)s->edge[2 * i + 1] > INT32_MAX)
            tflite_fail(o, "a block of %lld, edges of %lld and %lld", (long long)s->block[i], (long long)s->edge[2 * i],
                        (long long)s->edge[2 * i + 1]);
    for (int i = 0; i < s->rank; i++)
        if (s->dims[i] < 0 && i > 0)
            tflite_fail(o, "the sizes of the input but the first must be known");
    return !o->b->failed;
}

/* Pads, cuts space into blocks, and puts the places within blocks before the batch. */
void tflite_read_space_to_batch(struct tflite_op *o)
{
    struct batches s;
    int64_t pads[2 * TENSOR_MAX_RANK] = {0}, cut[TENSOR_MAX_RANK], perm[TENSOR_MAX_RANK], all[TENSOR_MAX_RANK];
    if (!read_batches(o, &s))
        return;
    int m = s.space, n = 0;
    for (int i = 0; i < m; i++) {
        pads[i + 1] = s.edge[2 * i];
        pads[i + 1 + s.rank] = s.edge[2 * i + 1];
        s.dims[i + 1] += s.edge[2 * i] + s.edge[2 * i + 1];
    }
    cut[n++] = -1;
    all[0] = -1;
    for (int i = 0; i < m; i++) {
        cut[n++] = all[i + 1] = s.dims[i + 1] / s.block[i];
        cut[n++] = s.block[i];
        perm[i] = 2 * i + 2;
        perm[m + 1 + i] = 2 * i + 1;
    }
    perm[m] = 0;
    for (int i = m + 1; i < s.rank; i++) {
        perm[n] = n;
        cut[n++] = all[i] = s.dims[i];
    }
    struct value *v = BUILD(o->b, "Pad", tflite_in(o, 0), build_list(o->b, 2 * s.rank, pads));
    v = build_transpose(o->b, build_reshape(o->b, v, n, cut), n, perm);
    tflite_give(o, 0, build_reshape(o->b, v, s.rank, all));
}

void tflite_read_batch_to_space(struct tflite_op *o)
{
    struct batches s;
    int64_t cut[TENSOR_MAX_RANK], perm[TENSOR_MAX_RANK], all[TENSOR_MAX_RANK];
    if (!read_batches(o, &s))
        return;
    int m = s.space, n = 0;
    for (int i = 0; i < m; i++)
        cut[n++] = s.block[i];
    cut[n++] = -1;
    all[0] = -1;
    perm[0] = m;
    for (int i = 0; i < m; i++) {
        perm[1 + 2 * i] = m + 1 + i;
        perm[2 + 2 * i] = i;
        cut[n++] = s.dims[i + 1];
        all[i + 1] = s.dims[i + 1] * s.block[i];
    }
    for (int i = m + 1; i < s.rank; i++) {
        perm[n] = n;
        cut[n++] = all[i] = s.dims[i];
    }
    struct value *v = build_transpose(o->b, build_reshape(o->b, tflite_in(o, 0), n, cut), n, perm);
    v = build_reshape(o->b, v, s.rank, all);
    for (int i = 0; i < m; i++)
        if (s.edge[2 * i] || s.edge[2 * i + 1])
            v = build_slice(o->b, v, i + 1, s.edge[2 * i], all[i + 1] - s.edge[2 * i + 1]);
    tflite_give(o, 0, v);
}
