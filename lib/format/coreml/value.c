/* Constants: values of MIL, in the model or in the file of weights, and weights of layers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/coreml/coreml.h"

/* ---- types ---- */

enum dtype coreml_dtype(int64_t number, int *bits)
{
    static const struct {
        uint8_t number, dtype, bits;
    } dtypes[] = {
        {1, DTYPE_BOOL, 8},      {2, DTYPE_STRING, 8},  {10, DTYPE_F16, 16}, {11, DTYPE_F32, 32}, {12, DTYPE_F64, 64},
        {13, DTYPE_BF16, 16},    {21, DTYPE_I8, 8},     {22, DTYPE_I16, 16}, {23, DTYPE_I32, 32}, {24, DTYPE_I64, 64},
        {25, DTYPE_I8, 4},       {31, DTYPE_U8, 8},     {32, DTYPE_U16, 16}, {33, DTYPE_U32, 32}, {34, DTYPE_U64, 64},
        {35, DTYPE_U8, 4},       {36, DTYPE_U8, 2},     {37, DTYPE_U8, 1},   {38, DTYPE_U8, 6},   {39, DTYPE_U8, 3},
        {40, DTYPE_F8E4M3FN, 8}, {41, DTYPE_F8E5M2, 8},
    };
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(*dtypes); i++)
        if (dtypes[i].number == number) {
            *bits = dtypes[i].bits;
            return dtypes[i].dtype;
        }
    return DTYPE_NONE;
}

void coreml_unpack(const uint8_t *from, int bits, bool high_first, bool is_signed, int64_t count, uint8_t *to)
{
    for (int64_t i = 0, at = 0; i < count; i++) {
        int value = 0;
        for (int k = 0; k < bits; k++, at++) {
            int bit = from[at / 8] >> (high_first ? 7 - at % 8 : at % 8) & 1;
            value |= bit << (high_first ? bits - 1 - k : k);
        }
        to[i] = (uint8_t)(is_signed && value >> (bits - 1) ? value - (1 << bits) : value);
    }
}

struct kind {
    enum dtype dtype;
    int bits, rank;
    int64_t dims[TENSOR_MAX_RANK];
};

/* The type of a tensor, all of whose dims are known. */
static bool read_kind(struct coreml_reader *r, struct bytes value, struct kind *k)
{
    struct bytes type = coreml_part(coreml_part(value, 2), 1);
    struct protobuf_field f;
    k->dtype = coreml_dtype(coreml_int(type, 1), &k->bits);
    k->rank = 0;
    while (coreml_next(&type, 3, &f)) {
        if (k->rank == TENSOR_MAX_RANK) {
            build_fail(&r->b, "a constant of more than %d axes", TENSOR_MAX_RANK);
            return false;
        }
        k->dims[k->rank++] = coreml_int(coreml_part(bytes_of(f.data, f.size), 1), 1);
    }
    if (k->dtype == DTYPE_NONE || tensor_count(k->rank, k->dims) < 0)
        build_fail(&r->b, "a constant of a type or size that is not read");
    return !r->b.failed;
}

/* Elements that lie in a blob from `at` on, `size` bytes. */
static struct tensor *of_bytes(struct coreml_reader *r, const struct kind *k, struct blob *blob, const uint8_t *at,
                               size_t size)
{
    int64_t count = tensor_count(k->rank, k->dims);
    size_t want;
    bool small = k->bits < 8;
    if (!tensor_bytes(k->dtype, count, &want) || (small && (size_t)count > size / (size_t)k->bits * 8 + 8) ||
        (small ? ((size_t)count * (size_t)k->bits + 7) / 8 : want) > size || k->dtype == DTYPE_STRING) {
        build_fail(&r->b, "a constant of %lld elements of %d bits in %zu bytes", (long long)count, k->bits, size);
        return NULL;
    }
    if (!small)
        return tensor_of_blob(k->dtype, k->rank, k->dims, blob, (size_t)(at - (const uint8_t *)blob->data), r->b.err);
    struct tensor *t = tensor_new(k->dtype, k->rank, k->dims, r->b.err);
    if (t)
        coreml_unpack(at, k->bits, false, k->dtype == DTYPE_I8, count, t->data);
    return t;
}

/* ---- the file of weights ---- */

#define SENTINEL 0xDEADBEEF

/* "@model_path/weights/weight.bin" */
static struct blob *weights_file(struct coreml_reader *r, const char *name)
{
    static const char root[] = "@model_path/";
    char path[600];
    for (int i = 0; i < r->weights_count; i++)
        if (strcmp(name, r->weights[i].name) == 0)
            return r->weights[i].blob;
    if (r->weights_count == COREML_FILES)
        build_fail(&r->b, "more than %d files of weights", COREML_FILES);
    if (r->b.failed)
        return NULL;
    const char *inside = strncmp(name, root, sizeof(root) - 1) == 0 ? name + sizeof(root) - 1 : name;
    snprintf(path, sizeof(path), "%s%.400s", r->folder, inside);
    struct blob *blob =
        r->source->second ? source_twin(r->source, "", r->b.err) : source_member(r->source, path, r->b.err);
    build_check(&r->b, blob != NULL);
    if (!blob)
        return NULL;
    r->weights[r->weights_count].name = name;
    r->weights[r->weights_count++].blob = blob;
    r->file_bytes += blob->size;
    return blob;
}

/* A record at an offset says where the bytes lie. */
static struct tensor *of_file(struct coreml_reader *r, const struct kind *k, struct bytes place)
{
    struct blob *blob = weights_file(r, coreml_text(r, coreml_part(place, 1)));
    uint64_t at = (uint64_t)coreml_int(place, 2), size = 0, offset = 0;
    uint32_t sentinel = 0;
    if (blob && at < blob->size) {
        struct bytes in = bytes_of((const uint8_t *)blob->data + at, blob->size - at);
        sentinel = bytes_u32(&in);
        bytes_u32(&in);
        size = bytes_u64(&in);
        offset = bytes_u64(&in);
    }
    if (blob && (sentinel != SENTINEL || offset > blob->size || size > blob->size - offset))
        build_fail(&r->b, "no weights at %llu of a file of %zu bytes", (unsigned long long)at, blob->size);
    return r->b.failed ? NULL : of_bytes(r, k, blob, (const uint8_t *)blob->data + offset, size);
}

/* ---- values in the model ---- */

static struct tensor *of_texts(struct coreml_reader *r, const struct kind *k, struct bytes list)
{
    struct protobuf_field f;
    size_t count = coreml_count(list, 1), i = 0;
    struct str *texts = coreml_alloc(r, count + 1, sizeof(*texts));
    if (texts && (int64_t)count != tensor_count(k->rank, k->dims))
        build_fail(&r->b, "a constant of %zu texts, want %lld", count, (long long)tensor_count(k->rank, k->dims));
    if (r->b.failed)
        return NULL;
    while (coreml_next(&list, 1, &f))
        texts[i++] = (struct str){(const char *)f.data, f.size};
    return tensor_of_strings(k->rank, k->dims, texts, r->b.err);
}

static struct tensor *of_numbers(struct coreml_reader *r, const struct kind *k, struct bytes list, int field)
{
    int64_t count = tensor_count(k->rank, k->dims);
    bool is_float = field == 1;
    if (k->dtype == DTYPE_STRING) {
        build_fail(&r->b, "a constant of texts that holds numbers");
        return NULL;
    }
    if (field == 6) { /* doubles, which lie packed */
        struct kind f64 = *k;
        f64.dtype = DTYPE_F64;
        f64.bits = 64;
        struct bytes all = coreml_part(list, 1);
        return of_bytes(r, &f64, r->file, all.at, bytes_left(&all));
    }
    if (coreml_numbers(list, 1, is_float, NULL, 0) != count) {
        build_fail(&r->b, "a constant of %d numbers, want %lld", coreml_numbers(list, 1, is_float, NULL, 0),
                   (long long)count);
        return NULL;
    }
    double *numbers = mem_calloc((size_t)count, sizeof(*numbers), r->b.err);
    struct tensor *t = numbers ? tensor_new(k->dtype, k->rank, k->dims, r->b.err) : NULL;
    if (t) {
        coreml_numbers(list, 1, is_float, numbers, (int)count);
        tensor_store_f64(t, 0, count, numbers);
    }
    free(numbers);
    return t;
}

struct tensor *coreml_tensor(struct coreml_reader *r, struct bytes value)
{
    struct kind k;
    struct bytes tensor = coreml_part(coreml_part(value, 3), 1);
    struct tensor *t = NULL;
    if (!read_kind(r, value, &k))
        return NULL;
    if (coreml_has(value, 5))
        t = of_file(r, &k, coreml_part(value, 5));
    else if (coreml_has(tensor, 7)) {
        struct bytes bytes = coreml_part(coreml_part(tensor, 7), 1);
        t = of_bytes(r, &k, r->file, bytes.at, bytes_left(&bytes));
    } else if (coreml_has(tensor, 4))
        t = of_texts(r, &k, coreml_part(tensor, 4));
    else
        for (int field = 1; field <= 6 && !t && !r->b.failed; field++)
            if (field != 4 && coreml_has(tensor, (uint64_t)field))
                t = of_numbers(r, &k, coreml_part(tensor, (uint64_t)field), field);
    if (!t)
        build_fail(&r->b, "a constant that holds nothing");
    if (t && coreml_count_bytes(r, &r->made, t->size))
        return t;
    tensor_unref(t);
    return NULL;
}

/* Whether the graph being filled sees the values of another: it is that one, or within. */
static bool is_seen(const struct coreml_reader *r, const struct graph *of)
{
    const struct graph *g = r->b.graph;
    while (g && g != of)
        g = g->parent;
    return g != NULL;
}

/* A constant that was made for another block is made again. */
struct value *coreml_get(struct coreml_reader *r, struct coreml_value *v)
{
    bool again = v->value && bytes_left(&v->constant) && !is_seen(r, v->value->graph);
    if (r->b.failed || (v->value && !again))
        return r->b.failed ? NULL : v->value;
    struct tensor *t = coreml_tensor(r, v->constant);
    bool half = t && (t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16 || t->dtype == DTYPE_F64);
    if (half && t->count <= 16) { /* numbers, not weights */
        struct tensor *whole = tensor_cast(t, DTYPE_F32, false, r->b.err);
        tensor_unref(t);
        t = whole;
        half = false;
    }
    v->value = build_constant(&r->b, v->name, t);
    if (half)
        v->value = build_cast(&r->b, v->value, DTYPE_F32);
    return v->value;
}

/* ---- weights of layers ---- */

enum { WEIGHT_FLOATS = 1, WEIGHT_HALVES = 2, WEIGHT_RAW = 30, WEIGHT_INT8 = 31, WEIGHT_QUANT = 40 };

uint64_t coreml_field_of(const struct coreml_op *o, const char *name, char *flag)
{
    size_t size = strlen(name);
    for (const char *at = o->fields; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strncmp(at, name, size) == 0 && at[size] >= '0' && at[size] <= '9') {
            char *end;
            uint64_t number = strtoul(at + size, &end, 10);
            *flag = *end;
            return number;
        }
    return 0;
}

static struct bytes weights_of(const struct coreml_op *o, const char *name)
{
    char flag = 0;
    uint64_t number = coreml_field_of(o, name, &flag);
    return flag == '!' ? coreml_part(o->params, number) : bytes_of("", 0);
}

int64_t coreml_weight_count(struct coreml_op *o, const char *name)
{
    struct bytes w = weights_of(o, name), quant = coreml_part(w, WEIGHT_QUANT), raw = coreml_part(w, WEIGHT_RAW),
                 half = coreml_part(w, WEIGHT_HALVES), bytes = coreml_part(w, WEIGHT_INT8);
    int64_t bits = coreml_int(quant, 1);
    if (bytes_left(&raw) && bits > 0 && bits <= 8)
        return (int64_t)bytes_left(&raw) * 8 / bits;
    if (bytes_left(&half))
        return (int64_t)bytes_left(&half) / 2;
    return bytes_left(&bytes) ? (int64_t)bytes_left(&bytes) : coreml_numbers(w, WEIGHT_FLOATS, true, NULL, 0);
}

static struct tensor *float_list(struct coreml_op *o, struct bytes message, uint64_t number)
{
    int64_t count = coreml_numbers(message, number, true, NULL, 0);
    struct kind k = {DTYPE_F32, 32, 1, {count}};
    struct protobuf_field f;
    struct bytes rest = message;
    if (coreml_next(&rest, number, &f) && f.wire == PROTOBUF_WIRE_BYTES && f.size == (size_t)count * 4)
        return of_bytes(o->r, &k, o->r->file, f.data, f.size);
    struct bytes list = message;
    double *numbers = mem_calloc((size_t)count, sizeof(*numbers), o->b->err);
    struct tensor *t = numbers ? tensor_new(DTYPE_F32, 1, &count, o->b->err) : NULL;
    if (t) {
        coreml_numbers(list, number, true, numbers, (int)count);
        tensor_store_f64(t, 0, count, numbers);
    }
    free(numbers);
    return t;
}

/* scale * q + bias, of one scale or one for each index of the first axis. */
static struct value *linear(struct coreml_op *o, struct value *q, int rank, const int64_t *dims, struct bytes quant)
{
    struct tensor *scale = float_list(o, quant, 1), *bias = float_list(o, quant, 2);
    int64_t shape[TENSOR_MAX_RANK] = {1};
    bool many = scale && scale->count > 1;
    if (!scale || !bias || scale->count < 1 || (many && scale->count != dims[0]) ||
        (bias->count != 0 && bias->count != scale->count))
        build_fail(o->b, "its scales do not fit its weights");
    shape[0] = many ? scale->count : 1;
    for (int i = 1; i < rank; i++)
        shape[i] = 1;
    bool shifted = bias && bias->count > 0;
    struct value *by = build_constant(o->b, NULL, scale), *shift = build_constant(o->b, NULL, bias);
    if (!many)
        by = build_reshaped(o->b, by, 0, NULL);
    struct value *v = BUILD(o->b, "DequantizeLinear", q, by);
    if (many)
        build_int(o->b, v, "axis", 0);
    return shifted && !o->b->failed ? BUILD(o->b, "Add", v, build_reshaped(o->b, shift, rank, shape)) : v;
}

static struct value *looked_up(struct coreml_op *o, struct tensor *q, struct bytes table)
{
    struct tensor *lut = float_list(o, table, 1), *t = NULL;
    if (q && lut && (t = tensor_new(DTYPE_F32, q->rank, q->dims, o->b->err)))
        for (int64_t i = 0; i < q->count; i++) {
            uint8_t at = ((const uint8_t *)q->data)[i];
            ((float *)t->data)[i] = at < lut->count ? ((const float *)lut->data)[at] : 0;
        }
    tensor_unref(lut);
    tensor_unref(q);
    return build_constant(o->b, NULL, t);
}

struct value *coreml_weights(struct coreml_op *o, const char *name, int rank, const int64_t *dims)
{
    struct bytes w = weights_of(o, name), quant = coreml_part(w, WEIGHT_QUANT), raw = coreml_part(w, WEIGHT_RAW),
                 half = coreml_part(w, WEIGHT_HALVES), bytes = coreml_part(w, WEIGHT_INT8);
    int64_t count = coreml_weight_count(o, name), bits = coreml_int(quant, 1);
    if (rank == 0)
        rank = 1, dims = &count;
    int64_t want = tensor_count(rank, dims);
    if (want < 0 || want > count || (want < count && bits == 0)) {
        build_fail(o->b, "it has %lld numbers as %s, want %lld", (long long)count, name, (long long)want);
        return NULL;
    }
    struct kind k = {DTYPE_F16, 16, rank, {0}};
    memcpy(k.dims, dims, (size_t)rank * sizeof(*dims));
    if (bytes_left(&half))
        return build_cast(o->b, build_constant(o->b, NULL, of_bytes(o->r, &k, o->r->file, half.at, bytes_left(&half))),
                          DTYPE_F32);
    if (bytes_left(&bytes)) {
        k.dtype = DTYPE_I8;
        k.bits = 8;
        struct tensor *q = of_bytes(o->r, &k, o->r->file, bytes.at, bytes_left(&bytes));
        return linear(o, build_constant(o->b, NULL, q), rank, dims, coreml_part(quant, 101));
    }
    if (!bytes_left(&raw)) {
        struct tensor *list = float_list(o, w, WEIGHT_FLOATS), *t = NULL;
        t = list ? tensor_reshaped(list, rank, dims, o->b->err) : NULL;
        tensor_unref(list);
        return build_constant(o->b, NULL, t);
    }
    if (bits < 1 || bits > 8)
        build_fail(o->b, "it has numbers of %lld bits as %s, want 1 to 8", (long long)bits, name);
    struct tensor *q = o->b->failed ? NULL : tensor_new(DTYPE_U8, rank, dims, o->b->err);
    if (q)
        coreml_unpack(raw.at, (int)bits, true, false, want, q->data);
    if (coreml_has(quant, 102))
        return looked_up(o, q, coreml_part(quant, 102));
    return linear(o, build_constant(o->b, NULL, q), rank, dims, coreml_part(quant, 101));
}

struct value *coreml_bias(struct coreml_op *o, int64_t count)
{
    bool inside = coreml_weight_count(o, "bias") > 0;
    return inside ? coreml_weights(o, "bias", 1, &count) : coreml_optional(o, "bias");
}
