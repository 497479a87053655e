/* Layers of several bottoms or tops, and those that reduce. */
#include <stdlib.h>

#include "format/caffe/caffe.h"

void caffe_read_nothing(struct caffe_read *l)
{
    (void)l;
}

/* All tops are the bottom. */
void caffe_read_identity(struct caffe_read *l)
{
    caffe_rank(l, 0);
    for (int i = 0; i < l->out_count && !l->b->failed; i++)
        l->out[i] = l->in[0];
}

/* ---- element by element ---- */

/* Bottom i times its coefficient; *sign takes a -1 that a subtraction serves for. */
static struct value *term(struct caffe_read *l, int i, const struct protobuf **coeff, bool *negative)
{
    float by = (float)protobuf_as_float(*coeff, 1);
    if (*coeff)
        *coeff = protobuf_more(*coeff);
    *negative = by == -1 && i > 0;
    return *negative ? l->in[i] : caffe_scaled(l, l->in[i], by);
}

static struct value *weighted_sum(struct caffe_read *l)
{
    const struct protobuf *coeff = protobuf_first(l->param, "coeff");
    size_t given = protobuf_count(l->param, "coeff");
    bool negative;
    if (given && given != (size_t)l->in_count)
        build_fail(l->b, "coeff is given %zu times, want %d, one for each bottom", given, l->in_count);
    struct value *sum = l->b->failed ? NULL : term(l, 0, &coeff, &negative);
    for (int i = 1; i < l->in_count && !l->b->failed; i++) {
        struct value *more = term(l, i, &coeff, &negative);
        sum = BUILD(l->b, negative ? "Sub" : "Add", sum, more);
    }
    return sum;
}

void caffe_read_eltwise(struct caffe_read *l)
{
    static const char *const operations[] = {"PROD", "SUM", "MAX"};
    int operation = protobuf_enum(l->param, "operation", operations, 3, 1);
    caffe_rank(l, l->in_count > 1 ? l->in_count - 1 : 1);
    if (operation < 0)
        build_fail(l->b, "its operation is not read, want PROD, SUM or MAX");
    if (l->b->failed)
        return;
    if (operation == 1) {
        l->out[0] = weighted_sum(l);
        return;
    }
    struct value *v = l->in[0];
    for (int i = 1; i < l->in_count; i++)
        v = BUILD(l->b, operation ? "Max" : "Mul", v, l->in[i]);
    l->out[0] = v;
}

/* scale * x + y, one scale for each channel. */
void caffe_read_axpy(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0);
    caffe_rank(l, 2);
    struct value *scale = l->b->failed ? NULL : l->in[0];
    if (!l->b->failed && rank == 2)
        scale = build_reshape(l->b, scale, 4, (int64_t[]){0, 0, 1, 1});
    if (!l->b->failed)
        l->out[0] = BUILD(l->b, "Add", BUILD(l->b, "Mul", l->in[1], scale), l->in[2]);
}

/* ---- joining and cutting ---- */

/* Older files give the axis another name. */
static int join_axis(struct caffe_read *l, const char *old, int rank)
{
    bool is_old = !protobuf_find(l->param, "axis") && protobuf_find(l->param, old);
    return rank ? caffe_axis(l, is_old ? old : "axis", 1, rank) : 0;
}

void caffe_read_concat(struct caffe_read *l)
{
    int axis = join_axis(l, "concat_dim", caffe_rank(l, 0));
    if (l->b->failed)
        return;
    l->out[0] =
        l->in_count == 1 ? l->in[0] : build_int(l->b, build_node(l->b, "Concat", l->in_count, l->in), "axis", axis);
}

/* The sizes of the parts: between the points, or equal ones. */
static void slice_sizes(struct caffe_read *l, int64_t size, int64_t *parts)
{
    const struct protobuf *p = protobuf_first(l->param, "slice_point");
    size_t points = protobuf_count(l->param, "slice_point");
    int64_t from = 0;
    if (points ? points != (size_t)l->out_count - 1 : size % l->out_count != 0) {
        build_fail(l->b, "an axis of %lld is to be cut into %d parts by %zu points", (long long)size, l->out_count,
                   points);
        return;
    }
    for (int i = 0; i < l->out_count; i++) {
        int64_t to = i == l->out_count - 1 ? size : points ? protobuf_as_int(p, -1) : from + size / l->out_count;
        if (p)
            p = protobuf_more(p);
        if (to <= from || to > size) {
            build_fail(l->b, "slice_point %lld lies not between %lld and %lld", (long long)to, (long long)from,
                       (long long)size);
            return;
        }
        parts[i] = to - from;
        from = to;
    }
}

void caffe_read_slice(struct caffe_read *l)
{
    int axis = join_axis(l, "slice_dim", caffe_rank(l, 0));
    int64_t size = caffe_dim(l, 0, axis);
    int64_t *parts =
        l->b->failed || l->out_count < 1 ? NULL : mem_calloc((size_t)l->out_count, sizeof(*parts), l->b->err);
    if (l->out_count == 1 && !l->b->failed)
        l->out[0] = l->in[0];
    if (!parts || l->out_count == 1) {
        free(parts);
        return;
    }
    slice_sizes(l, size, parts);
    if (!l->b->failed) {
        struct value *v = BUILD(l->b, "Split", l->in[0], build_list(l->b, l->out_count, parts));
        build_int(l->b, v, "axis", axis);
        for (int i = 0; i < l->out_count; i++)
            l->out[i] = build_output(l->b, v, i);
    }
    free(parts);
}

/* The first bottom cut to the sizes of the second, from `axis` on. */
void caffe_read_crop(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 2, rank) : 0, n = 0;
    int64_t offsets[TENSOR_MAX_RANK];
    for (const struct protobuf *p = protobuf_first(l->param, "offset"); p && !l->b->failed; p = protobuf_more(p)) {
        if (n == rank - axis)
            build_fail(l->b, "offset is given more than %d times", n);
        else
            offsets[n++] = protobuf_as_int(p, 0);
    }
    caffe_rank(l, 1);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.Crop", l->in[0], l->in[1]);
    if (n)
        build_ints(l->b, v, "offsets", n, offsets);
    l->out[0] = build_int(l->b, v, "axis", axis);
}

/* ---- reducing ---- */

/* Over all axes from `axis` on. */
void caffe_read_reduction(struct caffe_read *l)
{
    static const char *const operations[] = {NULL, "SUM", "ASUM", "SUMSQ", "MEAN"};
    static const char *const ops[] = {NULL, "ReduceSum", "ReduceL1", "ReduceSumSquare", "ReduceMean"};
    int operation = protobuf_enum(l->param, "operation", operations, 5, 1);
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 0, rank) : 0;
    int64_t axes[TENSOR_MAX_RANK] = {0};
    if (operation < 1)
        build_fail(l->b, "its operation is not read, want SUM, ASUM, SUMSQ or MEAN");
    if (l->b->failed)
        return;
    for (int i = axis; i < rank; i++)
        axes[i - axis] = i;
    struct value *v = BUILD(l->b, ops[operation], l->in[0], build_list(l->b, rank - axis, axes));
    l->out[0] = caffe_scaled(l, build_int(l->b, v, "keepdims", 0), caffe_float(l, "coeff", 1));
}

/* Without an axis, of all elements behind the batch: [N, 1, k], with the values too [N, 2, k]. */
static struct value *best_of_all(struct caffe_read *l, int64_t k, bool values, int rank)
{
    struct build *b = l->b;
    int64_t dims[TENSOR_MAX_RANK] = {0, 1, k};
    for (int i = 3; i < rank; i++)
        dims[i] = 1;
    int n = rank < 3 ? 3 : rank;
    struct value *flat = BUILD(b, "Flatten/axis=1", l->in[0]);
    struct value *best = BUILD(b, "TopK", flat, build_list(b, 1, &k));
    struct value *at = build_cast(b, build_output(b, best, 1), DTYPE_F32);
    at = build_reshape(b, at, n, dims);
    return values ? BUILD(b, "Concat/axis=1", at, build_reshape(b, best, n, dims)) : at;
}

void caffe_read_argmax(struct caffe_read *l)
{
    int64_t k = caffe_int_in(l, "top_k", 1, 1, INT32_MAX);
    bool values = caffe_int(l, "out_max_val", 0) != 0;
    int rank = caffe_rank(l, 0);
    if (l->b->failed)
        return;
    if (!protobuf_find(l->param, "axis")) {
        l->out[0] = best_of_all(l, k, values, rank);
        return;
    }
    struct value *best =
        build_int(l->b, BUILD(l->b, "TopK", l->in[0], build_list(l->b, 1, &k)), "axis", caffe_axis(l, "axis", 0, rank));
    l->out[0] = values ? best : build_cast(l->b, build_output(l->b, best, 1), DTYPE_F32);
}

/* The images of the first bottom that the second names by number. */
void caffe_read_batch_reindex(struct caffe_read *l)
{
    caffe_rank(l, 1);
    if (!l->b->failed)
        l->out[0] = BUILD(l->b, "Gather", l->in[0], build_cast(l->b, l->in[1], DTYPE_I64));
}
