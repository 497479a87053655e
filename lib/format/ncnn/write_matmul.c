/* Matrix products and sums along an axis. */
#include <string.h>

#include "format/ncnn/write.h"
#include "format/ncnn/write_int8.h"

/* [n][k] of a weight that is [k][n], as a fully connected layer has it. */
static const struct tensor *transposed(struct writer *w, const struct tensor *t)
{
    int64_t k = t->dims[0], n = t->dims[1];
    struct tensor *to = tensor_new(t->dtype, 2, (int64_t[]){n, k}, w->err);
    size_t size = dtype_info(t->dtype)->bits / 8;
    for (int64_t i = 0; to && i < n; i++)
        for (int64_t j = 0; j < k; j++)
            memcpy((char *)to->data + (size_t)(i * k + j) * size, (const char *)t->data + (size_t)(j * n + i) * size,
                   size);
    return ncnn_keep(w, to);
}

static const struct tensor *scaled(struct writer *w, const struct tensor *t, float factor)
{
    if (!t || factor == 1)
        return t;
    struct tensor *to = tensor_new(DTYPE_F32, t->rank, t->dims, w->err);
    for (int64_t i = 0; to && i < t->count; i++)
        ((float *)to->data)[i] = ((const float *)t->data)[i] * factor;
    return ncnn_keep(w, to);
}

/* y = x W^T + bias; the blob's last axis is what a neuron takes. */
static void put_linear(struct writer *w, const char *in, const struct tensor *weight, const struct tensor *bias,
                       const struct int8_layer *q)
{
    struct ncnn_fused fused = ncnn_fuse(w, w->n->out[0]);
    const char *out = ncnn_result(w, fused.out);
    ncnn_layer_of(w, "InnerProduct", 1, &in, 1, &out);
    if (w->failed)
        return;
    ncnn_put_int(w, 0, weight->dims[0]);
    ncnn_put_int(w, 1, bias != NULL);
    ncnn_put_int(w, 2, weight->count);
    if (q)
        ncnn_put_int(w, 8, 2);
    ncnn_put_fused(w, &fused, 9);
    ncnn_put_record(w, weight, true);
    ncnn_put_record(w, bias, false);
    if (q)
        ncnn_int8_put(w, q, weight->dims[0]);
}

/* A constant that is added to each row: one number for each column, or one for all, which is repeated. */
static const struct tensor *row_bias(struct writer *w, const struct tensor *c, int64_t columns)
{
    struct tensor *to = tensor_new(DTYPE_F32, 1, &columns, w->err);
    for (int64_t i = 0; to && i < columns; i++)
        ((float *)to->data)[i] = ((const float *)c->data)[c->count == 1 ? 0 : i];
    return ncnn_keep(w, to);
}

void ncnn_write_gemm(struct writer *w)
{
    struct int8_layer q;
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    bool quantised = op_int(w->n, "transB") && op_float(w->n, "alpha") == 1 && ncnn_int8_find(w, &q, x, w->n->in[1]);
    const struct tensor *weight = quantised ? q.weight : ncnn_constant_of(w, w->n->in[1]);
    const struct tensor *c = ncnn_constant_of(w, node_in(w->n, 2));
    int64_t columns = y->type.rank == 2 ? y->type.dims[1] : -1;
    bool by_column =
        !node_in(w->n, 2) || (c && (c->count == 1 || (c->count == columns && c->dims[c->rank - 1] == columns)));
    if (op_int(w->n, "transA") || !weight || weight->rank != 2 || !by_column || columns < 0) {
        ncnn_miss(w, "of a form that is no fully connected layer");
        return;
    }
    if (!op_int(w->n, "transB"))
        weight = transposed(w, weight);
    if (!quantised)
        weight = scaled(w, weight, op_float(w->n, "alpha"));
    const struct tensor *bias = c ? scaled(w, row_bias(w, c, columns), op_float(w->n, "beta")) : NULL;
    put_linear(w, ncnn_blob(w, quantised ? q.input : x), weight, bias, quantised ? &q : NULL);
}

/* A blob for a product: of two axes at least. */
static const char *matrix(struct writer *w, const struct value *v, int axes)
{
    struct blob_shape s = ncnn_shape(w, v);
    while (s.n < axes) {
        memmove(s.dims + 1, s.dims, (size_t)s.n * sizeof(*s.dims));
        s.dims[0] = 1;
        s.n++;
    }
    return ncnn_blob_as(w, v, &s);
}

/* Products of two blobs, or of one with a constant on the left. */
static void put_matmul(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->in[1], *out = w->n->out[0];
    struct blob_shape a = ncnn_shape(w, x), b = ncnn_shape(w, y), to = ncnn_shape(w, out);
    int axes = a.n > b.n ? a.n : b.n;
    if (x->type.rank < 2 || y->type.rank < 2 || to.n != axes || a.n < 2 || b.n < 2) {
        ncnn_miss(w, "of vectors, or of the batch");
        return;
    }
    const char *in[2] = {matrix(w, x, axes), matrix(w, y, axes)}, *name = ncnn_result(w, out);
    ncnn_layer_of(w, "MatMul", 2, in, 1, &name);
}

void ncnn_write_matmul(struct writer *w)
{
    const struct value *x = w->n->in[0];
    const struct tensor *weight = ncnn_constant_of(w, w->n->in[1]);
    struct blob_shape s = ncnn_shape(w, x);
    bool constant = weight && weight->rank == 2 && !ncnn_constant_of(w, x);
    if (constant && s.n <= 2 && ncnn_blob_axis(w, x, -1) == s.n - 1)
        put_linear(w, ncnn_blob(w, x), transposed(w, weight), NULL, NULL);
    else
        put_matmul(w);
}

void ncnn_write_cum_sum(struct writer *w)
{
    const struct value *x = w->n->in[0];
    const struct tensor *axis = w->n->in[1]->constant;
    int at = axis && axis->count == 1 ? ncnn_blob_axis(w, x, tensor_get_i64(axis, 0)) : -1;
    if (at < 0 || op_int(w->n, "exclusive") || op_int(w->n, "reverse")) {
        ncnn_miss(w, "along the batch or an axis that is no constant, backwards, or without the element itself");
        return;
    }
    ncnn_simple_layer(w, "CumulativeSum");
    ncnn_put_int(w, 0, at);
}
