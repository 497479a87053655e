/* Weights in fewer bits: linear ones stay so, tables and sparse ones become what they stand for. */
#include <stdlib.h>
#include <string.h>

#include "format/coreml/coreml.h"

/* scale * (data - zero point), of one number or one for each index of an axis. */
void coreml_read_affine(struct coreml_op *o)
{
    struct value *scale = coreml_in(o, "scale"), *zero = coreml_optional(o, "zero_point"), *x = coreml_in(o, o->arg);
    bool many = build_rank_of(o->b, scale) > 0;
    struct value *v = BUILD(o->b, "DequantizeLinear", x, scale, zero);
    coreml_give(o, 0, many ? build_int(o->b, v, "axis", coreml_param(o, "axis", 1)) : v);
}

void coreml_read_quantize(struct coreml_op *o)
{
    struct value *scale = coreml_in(o, "scale"), *zero = coreml_optional(o, "zero_point");
    bool many = build_rank_of(o->b, scale) > 0,
         is_signed = strcmp(coreml_word(o, "output_dtype", "int8"), "uint8") != 0;
    if (!zero && !is_signed)
        zero = build_number(o->b, DTYPE_U8, 0);
    if (!zero && many)
        zero = BUILD(o->b, "Expand", build_number(o->b, DTYPE_I8, 0), BUILD(o->b, "Shape", scale));
    struct value *v =
        BUILD(o->b, "QuantizeLinear", coreml_in(o, "input"), scale, zero ? zero : build_number(o->b, DTYPE_I8, 0));
    coreml_give(o, 0, many ? build_int(o->b, v, "axis", coreml_param(o, "axis", 1)) : v);
}

/* The tensor behind an operand: a constant, or one that is Cast; a failure otherwise. */
static const struct tensor *constant(struct coreml_op *o, const char *name)
{
    struct value *v = coreml_in(o, name);
    struct node *n = v ? v->producer : NULL;
    const struct tensor *t = !v                        ? NULL
                             : v->constant             ? v->constant
                             : n && node_is(n, "Cast") ? n->in[0]->constant
                                                       : NULL;
    if (!t || t->dtype == DTYPE_STRING) {
        build_fail(o->b, "its operand %s is no constant", name);
        return NULL;
    }
    return t;
}

/* A scale for each block: DequantizeLinear where they are blocks of one axis, or of none. */
void coreml_read_blockwise(struct coreml_op *o)
{
    struct value *x = coreml_in(o, "data"), *scale = coreml_in(o, "scale"), *zero = coreml_optional(o, "offset");
    int rank = build_rank_of(o->b, x), axis = -1, along = -1;
    int64_t block = 1;
    if (build_rank_of(o->b, scale) != rank)
        build_fail(o->b, "its scales have %d axes, want %d", build_rank_of(o->b, scale), rank);
    for (int i = 0; i < rank && !o->b->failed; i++) {
        int64_t has = build_dim_of(o->b, x, i), scales = build_dim_of(o->b, scale, i);
        if (scales < 1 || has < 1 || has % scales)
            build_fail(o->b, "%lld scales for %lld elements of an axis", (long long)scales, (long long)has);
        else if (scales != 1 && scales == has && along < 0)
            along = i;
        else if (scales != has)
            axis = axis < 0 || build_dim_of(o->b, scale, i) > 1 ? i : axis;
    }
    if (o->b->failed)
        return;
    struct value *v;
    bool single = true;
    for (int i = 0; i < rank; i++)
        single = single && (i == along || build_dim_of(o->b, scale, i) == 1);
    if (single) {
        int64_t dims[] = {along < 0 ? 1 : build_dim_of(o->b, scale, along)};
        scale = build_reshaped(o->b, scale, along >= 0, dims);
        zero = zero ? build_reshaped(o->b, zero, along >= 0, dims) : NULL;
        v = BUILD(o->b, "DequantizeLinear", x, scale, zero);
        coreml_give(o, 0, along < 0 ? v : build_int(o->b, v, "axis", along));
        return;
    }
    /* ONNX has blocks of one axis, and a scale for each index of all others. */
    int64_t full[TENSOR_MAX_RANK];
    block = build_dim_of(o->b, x, axis) / build_dim_of(o->b, scale, axis);
    for (int i = 0; i < rank; i++) {
        full[i] = build_dim_of(o->b, i == axis ? scale : x, i);
        if (i != axis && build_dim_of(o->b, scale, i) != full[i] && build_dim_of(o->b, scale, i) != 1)
            build_fail(o->b, "blocks of several axes are not read");
    }
    if (o->b->failed)
        return;
    scale = BUILD(o->b, "Expand", scale, build_list(o->b, rank, full));
    zero = zero ? BUILD(o->b, "Expand", zero, build_list(o->b, rank, full)) : NULL;
    v = build_int(o->b, BUILD(o->b, "DequantizeLinear", x, scale, zero), "axis", axis);
    coreml_give(o, 0, build_int(o->b, v, "block_size", block));
}

/* ---- tables ---- */

/* Indices lie in a list of bytes, `bits` each, for one table of 2^bits numbers. */
static void packed(struct coreml_op *o, const struct tensor *indices, const struct tensor *lut)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = coreml_ints(o, "shape", dims, TENSOR_MAX_RANK), bits = 0;
    int64_t count = tensor_count(rank, dims);
    while (bits < 8 && lut->count > 1 << bits)
        bits++;
    if (count < 0 || indices->dtype != DTYPE_U8 || lut->count != 1 << bits || bits < 1 || count > INT64_MAX / 8 ||
        (count * bits + 7) / 8 > indices->count) {
        build_fail(o->b, "%lld indices of a table of %lld in %lld bytes", (long long)count, (long long)lut->count,
                   (long long)indices->count);
        return;
    }
    bool fits = coreml_count_bytes(o->r, &o->r->made, (uint64_t)count * sizeof(float));
    uint8_t *at = fits ? mem_calloc((size_t)count, 1, o->b->err) : NULL;
    struct tensor *t = at ? tensor_new(DTYPE_F32, rank, dims, o->b->err) : NULL;
    if (t) {
        coreml_unpack(indices->data, bits, false, false, count, at);
        for (int64_t i = 0; i < count; i++)
            ((float *)t->data)[i] = (float)tensor_get_f64(lut, at[i]);
    }
    free(at);
    coreml_give(o, 0, build_constant(o->b, o->out_names[0], t));
}

/* Tables [g0, g1, …, palettes, width]: one for each group of indices; their entries stand along an axis. */
static void grouped(struct coreml_op *o, const struct tensor *indices, const struct tensor *lut)
{
    int rank = indices->rank;
    int64_t dims[TENSOR_MAX_RANK], index[TENSOR_MAX_RANK] = {0}, width = lut->dims[lut->rank - 1],
                                   palettes = lut->dims[lut->rank - 2], axis = coreml_param(o, "vector_axis", 0);
    axis = rank ? build_axis(o->b, axis, rank) : 0;
    for (int i = 0; i < rank; i++) {
        dims[i] = indices->dims[i];
        if (lut->dims[i] < 1 || dims[i] % lut->dims[i])
            build_fail(o->b, "%lld tables for %lld indices of an axis", (long long)lut->dims[i], (long long)dims[i]);
    }
    if (width < 1 || width > 1024 || palettes < 1 || rank < 1 || o->b->failed ||
        __builtin_mul_overflow(dims[axis], width, &dims[axis])) {
        build_fail(o->b, "tables of entries of %lld numbers", (long long)width);
        return;
    }
    bool fits = coreml_count_bytes(o->r, &o->r->made, (uint64_t)indices->count * (uint64_t)width * sizeof(float));
    struct tensor *t = fits ? tensor_new(DTYPE_F32, rank, dims, o->b->err) : NULL;
    for (int64_t i = 0; t && i < t->count; i++) { /* i: an element of the result, index[]: its place */
        int64_t from = 0, group = 0;
        for (int k = 0; k < rank; k++) {
            int64_t at = k == axis ? index[k] / width : index[k];
            from = from * indices->dims[k] + at;
            group = group * lut->dims[k] + at / (indices->dims[k] / lut->dims[k]);
        }
        int64_t entry = tensor_get_i64(indices, from);
        if (entry >= 0 && entry < palettes)
            ((float *)t->data)[i] =
                (float)tensor_get_f64(lut, (group * palettes + entry) * width + index[axis] % width);
        for (int k = rank - 1; k >= 0 && ++index[k] == dims[k]; k--)
            index[k] = 0;
    }
    coreml_give(o, 0, build_constant(o->b, o->out_names[0], t));
}

void coreml_read_lut(struct coreml_op *o)
{
    const struct tensor *indices = constant(o, "indices"), *lut = constant(o, "lut");
    if (o->b->failed || !o->out_count)
        return;
    if (lut->rank == indices->rank + 2)
        grouped(o, indices, lut);
    else
        packed(o, indices, lut);
}

/* Numbers where a bit of the mask is set. */
void coreml_read_sparse(struct coreml_op *o)
{
    const struct tensor *data = constant(o, "nonzero_data"), *mask = constant(o, "mask");
    int64_t dims[TENSOR_MAX_RANK];
    int rank = coreml_ints(o, "shape", dims, TENSOR_MAX_RANK);
    bool bits = rank > 0; /* eight to a byte, where there is a shape */
    if (o->b->failed || !o->out_count)
        return;
    if (!bits) {
        rank = mask->rank;
        memcpy(dims, mask->dims, (size_t)rank * sizeof(*dims));
    }
    int64_t count = tensor_count(rank, dims), at = 0;
    if (mask->dtype != DTYPE_U8 || count < 0 || (bits ? count / 8 + (count % 8 > 0) : count) > mask->count) {
        build_fail(o->b, "a mask of %lld bytes for %lld elements", (long long)mask->count, (long long)count);
        return;
    }
    bool fits = coreml_count_bytes(o->r, &o->r->made, (uint64_t)count * sizeof(float));
    struct tensor *t = fits ? tensor_new(DTYPE_F32, rank, dims, o->b->err) : NULL;
    const uint8_t *set = mask->data;
    for (int64_t i = 0; t && i < count; i++)
        if ((bits ? set[i / 8] >> (i % 8) & 1 : set[i]) && at < data->count)
            ((float *)t->data)[i] = (float)tensor_get_f64(data, at++);
    coreml_give(o, 0, build_constant(o->b, o->out_names[0], t));
}
