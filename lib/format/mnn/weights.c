/* Weights of convolutions and inner products, in all the ways in which files store them. */
#include <stdlib.h>
#include <string.h>

#include "format/mnn/idst.h"
#include "format/mnn/read.h"

/* Codes and what they mean: row r of [rows][count / rows] is code * scale[r] + offset[r]. */
struct coded {
    struct tensor *codes;          /* i8 or i4, of the dims wanted or [rows][area] */
    struct tensor *scale, *offset; /* f32 [rows]; offset NULL: 0 */
    int64_t rows;
};

/* ---- scales ---- */

/* The field alpha: a scale for each row, or (smallest value, step). f32, or f16 where scaleStorage says so. */
static struct tensor *read_alpha(struct mnn_op *o, const struct mnn_table *param, const struct mnn_table *quan)
{
    bool half = mnn_int(quan, "scaleStorage") == 1;
    struct flatbuf_vector v = mnn_vector(quan, half ? "alphaFp16" : "alpha");
    enum dtype dtype = half ? DTYPE_F16 : DTYPE_F32;
    int64_t outside = mnn_external_bytes(param, 2) / (half ? 2 : 4), count = v.count ? (int64_t)v.count : outside;
    struct tensor *t =
        v.count || outside == 0 ? mnn_tensor(o, v, dtype, 1, &count) : mnn_external(o, param, 2, dtype, 1, &count);
    struct tensor *wide = t ? tensor_cast(t, DTYPE_F32, false, o->b->err) : NULL;
    tensor_unref(t);
    build_check(o->b, wide != NULL);
    return wide;
}

/* Old files of coding 4 say neither of these, and are asymmetric. */
static bool is_old_bytes(const struct mnn_table *quan)
{
    float extra = mnn_float(quan, "quantScale");
    return mnn_int(quan, "type") == IDST_BYTES && mnn_int(quan, "aMin") == 0 && extra > -1e-6f && extra < 1e-6f;
}

static bool is_asymmetric(const struct mnn_table *quan)
{
    return mnn_int(quan, "readType") != 0 || is_old_bytes(quan);
}

/* Splits alpha into a scale and an offset a row. */
static void split_alpha(struct mnn_op *o, const struct mnn_table *quan, const struct tensor *alpha, struct coded *c)
{
    bool pairs = is_asymmetric(quan);
    int64_t low = mnn_int(quan, "aMin") ? mnn_int(quan, "aMin") : -128;
    float extra = mnn_int(quan, "has_scaleInt") || is_old_bytes(quan) ? 1 : mnn_float(quan, "quantScale");
    const float *from = alpha->data;
    c->rows = alpha->count / (pairs ? 2 : 1);
    c->scale = tensor_new(DTYPE_F32, 1, &c->rows, o->b->err);
    c->offset = pairs ? tensor_new(DTYPE_F32, 1, &c->rows, o->b->err) : NULL;
    build_check(o->b, c->scale && (c->offset || !pairs));
    for (int64_t r = 0; !o->b->failed && r < c->rows; r++) {
        float step = from[pairs ? 2 * r + 1 : r];
        ((float *)c->scale->data)[r] = step * extra;
        if (pairs)
            ((float *)c->offset->data)[r] = (from[2 * r] - (low < 0 ? (float)low * step : 0)) * extra;
    }
}

/* ---- codes ---- */

/* The bytes of the coding: of the file itself, or of the second one. */
static struct tensor *read_buffer(struct mnn_op *o, const struct mnn_table *param, const struct mnn_table *quan)
{
    struct flatbuf_vector v = mnn_vector(quan, "buffer");
    int64_t outside = mnn_external_bytes(param, 1), count = v.count ? (int64_t)v.count : outside;
    return v.count || outside == 0 ? mnn_tensor(o, v, DTYPE_U8, 1, &count)
                                   : mnn_external(o, param, 1, DTYPE_U8, 1, &count);
}

static struct tensor *make_codes(struct blob *codes, int bits, int rank, const int64_t *dims, struct error *err)
{
    if (bits > 4)
        return tensor_of_blob(DTYPE_I8, rank, dims, codes, 0, err);
    struct tensor *t = tensor_new(DTYPE_I4, rank, dims, err);
    for (int64_t i = 0; t && i < t->count; i++)
        ((uint8_t *)t->data)[i / 2] |= (uint8_t)((((const int8_t *)codes->data)[i] & 15) << 4 * (i & 1));
    return t;
}

/* No coding of integers makes more than 256 of a byte, none of floats more than 32; operators that share their bytes
 * could make more of them together. `each` counts a weight as so many integers. */
static bool may_unpack(struct mnn_op *o, int64_t count, uint64_t each)
{
    struct mnn_reader *r = o->scope->reader;
    uint64_t bytes = (uint64_t)r->file.size + (r->weights ? r->weights->size : 0), most = bytes * 256;
    if ((uint64_t)count <= most / each && (r->unpacked += (uint64_t)count * each) <= most)
        return true;
    build_fail(o->b, "weights that are more together than the file's %llu bytes can mean", (unsigned long long)bytes);
    return false;
}

static void read_codes(struct mnn_op *o, const struct mnn_table *param, const struct mnn_table *quan,
                       const struct tensor *alpha, struct coded *c, int rank, const int64_t *dims)
{
    struct tensor *buffer = o->b->failed ? NULL : read_buffer(o, param, quan);
    int64_t count = tensor_count(rank, dims);
    struct idst_rest rest = {.pairs = is_asymmetric(quan) ? alpha->data : NULL, .rows = c->rows};
    int bits = 8;
    if (buffer && (c->rows < 1 || count % c->rows))
        build_fail(o->b, "%lld weights have %lld scales", (long long)count, (long long)c->rows);
    struct blob *codes = buffer && !o->b->failed && may_unpack(o, count, 1)
                             ? idst_read((enum idst_coding)mnn_int(quan, "type"), buffer->data, buffer->size,
                                         mnn_int(quan, "shapeInt32") != 0, count, &rest, &bits, o->b->err)
                             : NULL;
    bool direct = c->rows == 1 || (c->rows == dims[0] && strncmp(o->kind->name, "Deconvolution", 13) != 0);
    c->codes = !codes   ? NULL
               : direct ? make_codes(codes, bits, rank, dims, o->b->err)
                        : make_codes(codes, bits, 2, (int64_t[]){c->rows, count / c->rows}, o->b->err);
    build_check(o->b, c->codes != NULL);
    blob_unref(codes);
    tensor_unref(buffer);
}

/* ---- in the graph ---- */

/* f32 [rows] → [rows, 1, …], as an operand of elementwise operators. */
static struct tensor *as_column(struct tensor *t, int rank, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        dims[i] = i ? 1 : t->count;
    struct tensor *column = tensor_reshaped(t, rank, dims, err);
    tensor_unref(t);
    return column;
}

static struct value *emit_coded(struct mnn_op *o, struct coded *c, int rank, const int64_t *dims)
{
    struct build *b = o->b;
    int stored = c->codes->rank;
    bool reshape = stored != rank;
    struct tensor *scale = c->rows == 1 ? tensor_reshaped(c->scale, 0, NULL, b->err) : tensor_ref(c->scale);
    struct value *v = BUILD(b, "DequantizeLinear", mnn_constant(o, "weight", tensor_ref(c->codes)),
                            mnn_constant(o, "weight_scale", scale));
    v = c->rows == 1 ? v : build_int(b, v, "axis", 0);
    if (c->offset)
        v = BUILD(b, "Add", v, mnn_constant(o, "weight_offset", as_column(tensor_ref(c->offset), stored, b->err)));
    return reshape ? build_reshape(b, v, rank, dims) : v;
}

static struct value *read_coded(struct mnn_op *o, const struct mnn_table *param, const struct mnn_table *quan, int rank,
                                const int64_t *dims)
{
    struct coded c = {0};
    struct value *v = NULL;
    struct tensor *alpha = read_alpha(o, param, quan);
    if (alpha)
        split_alpha(o, quan, alpha, &c);
    if (alpha)
        read_codes(o, param, quan, alpha, &c, rank, dims);
    if (!o->b->failed)
        v = emit_coded(o, &c, rank, dims);
    tensor_unref(alpha);
    tensor_unref(c.codes);
    tensor_unref(c.scale);
    tensor_unref(c.offset);
    return v;
}

struct tensor *mnn_codes(struct mnn_op *o, const struct mnn_table *param, int rank, const int64_t *dims)
{
    struct mnn_table quan = mnn_sub(param, "quanParameter");
    struct coded c = {.rows = 1};
    struct tensor *alpha = tensor_scalar_f32(1, o->b->err);
    if (alpha && tensor_count(rank, dims) >= 0)
        read_codes(o, param, &quan, alpha, &c, rank, dims);
    tensor_unref(alpha);
    return c.codes;
}

/* Floats of which only those are stored that are not 0. */
static struct tensor *read_sparse_floats(struct mnn_op *o, const struct mnn_table *param, const struct mnn_table *quan,
                                         int rank, const int64_t *dims)
{
    struct tensor *alpha = read_alpha(o, param, quan);
    struct flatbuf_vector index = mnn_vector(quan, "index");
    bool fits = alpha && may_unpack(o, tensor_count(rank, dims), 8);
    struct tensor *t = fits ? tensor_new(DTYPE_F32, rank, dims, o->b->err) : NULL;
    if (t && (int64_t)index.count != alpha->count)
        build_fail(o->b, "%u places have %lld values", index.count, (long long)alpha->count);
    for (size_t i = 0; t && !o->b->failed && i < index.count; i++) {
        int64_t at = (uint32_t)flatbuf_vector_int(index, i);
        if (at < t->count)
            ((float *)t->data)[at] = ((const float *)alpha->data)[i];
        else
            build_fail(o->b, "weight %lld of %lld", (long long)at, (long long)t->count);
    }
    tensor_unref(alpha);
    return t;
}

static struct value *read_halves(struct mnn_op *o, const struct mnn_table *param, const struct mnn_table *quan,
                                 int rank, const int64_t *dims)
{
    struct flatbuf_vector v = mnn_vector(quan, "buffer");
    struct tensor *t = v.count || !mnn_external_bytes(param, 1) ? mnn_tensor(o, v, DTYPE_F16, rank, dims)
                                                                : mnn_external(o, param, 1, DTYPE_F16, rank, dims);
    return build_cast(o->b, mnn_constant(o, "weight", t), DTYPE_F32);
}

static struct value *read_floats(struct mnn_op *o, const struct mnn_table *param, int rank, const int64_t *dims)
{
    struct flatbuf_vector v = mnn_vector(param, "weight");
    bool outside = v.count == 0 && mnn_external_bytes(param, 1);
    if (v.count == 0 && !outside)
        build_fail(o->b, "it has no weights: the file holds the network's structure alone");
    struct tensor *t =
        outside ? mnn_external(o, param, 1, DTYPE_F32, rank, dims) : mnn_tensor(o, v, DTYPE_F32, rank, dims);
    return mnn_constant(o, "weight", t);
}

struct value *mnn_weights(struct mnn_op *o, const struct mnn_table *param, int rank, const int64_t *dims)
{
    struct mnn_table quan = mnn_sub(param, "quanParameter");
    int64_t type = mnn_int(&quan, "type"), count = tensor_count(rank, dims);
    if (count < 0)
        build_fail(o->b, "the dims of its weights are malformed");
    if (o->b->failed)
        return NULL;
    if (mnn_vector(&quan, "index").count) {
        if (mnn_int(&quan, "weightSize") == count)
            return mnn_constant(o, "weight", read_sparse_floats(o, param, &quan, rank, dims));
        build_fail(o->b, "%lld weights, want %lld", (long long)mnn_int(&quan, "weightSize"), (long long)count);
        return NULL;
    }
    if (type == IDST_HALF)
        return read_halves(o, param, &quan, rank, dims);
    if (type == IDST_DENSE || type == IDST_SPARSE || type == IDST_BYTES)
        return read_coded(o, param, &quan, rank, dims);
    return read_floats(o, param, rank, dims);
}

/* In the second file the bias comes behind the weights, and scales where there are some. */
struct value *mnn_bias(struct mnn_op *o, const struct mnn_table *param, int64_t count)
{
    struct mnn_table quan = mnn_sub(param, "quanParameter");
    struct flatbuf_vector v = mnn_vector(param, "bias");
    int64_t type = mnn_int(&quan, "type");
    size_t part = type != 0 && type != IDST_EXTERNAL_FLOAT ? 3 : 2;
    if (v.count)
        return mnn_constant(o, "bias", mnn_tensor(o, v, DTYPE_F32, 1, &count));
    if (!mnn_external_bytes(param, part))
        return NULL;
    return mnn_constant(o, "bias", mnn_external(o, param, part, DTYPE_F32, 1, &count));
}
