/* GGUF: facts by name, which are passed over, then names, shapes, types and places of tensors, then their bytes.
 * Elements in blocks of 4, 5 and 8 bits with a scale are widened; of other blocks the bytes are given as they are.
 * Source: ggml's gguf.md and ggml-quants.h. */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/half.h"
#include "format/weights/weights.h"

#define MOST_DEPTH 8 /* of lists within lists */

bool weights_is_gguf(const struct blob *blob)
{
    return blob->size > 24 && memcmp(blob->data, "GGUF", 4) == 0;
}

/* ---- types ---- */

struct gguf_type {
    uint32_t number;
    enum dtype dtype;         /* DTYPE_NONE: in blocks */
    unsigned elements, bytes; /* of a block */
    unsigned bits;            /* of an element, where the block is one that is widened; else 0 */
    bool has_min;
};

static const struct gguf_type types[] = {
    {0, DTYPE_F32, 1, 4, 0, false},       {1, DTYPE_F16, 1, 2, 0, false},       {30, DTYPE_BF16, 1, 2, 0, false},
    {28, DTYPE_F64, 1, 8, 0, false},      {24, DTYPE_I8, 1, 1, 0, false},       {25, DTYPE_I16, 1, 2, 0, false},
    {26, DTYPE_I32, 1, 4, 0, false},      {27, DTYPE_I64, 1, 8, 0, false},      {2, DTYPE_NONE, 32, 18, 4, false},
    {3, DTYPE_NONE, 32, 20, 4, true},     {6, DTYPE_NONE, 32, 22, 5, false},    {7, DTYPE_NONE, 32, 24, 5, true},
    {8, DTYPE_NONE, 32, 34, 8, false},    {10, DTYPE_NONE, 256, 84, 0, false},  {11, DTYPE_NONE, 256, 110, 0, false},
    {12, DTYPE_NONE, 256, 144, 0, false}, {13, DTYPE_NONE, 256, 176, 0, false}, {14, DTYPE_NONE, 256, 210, 0, false},
    {15, DTYPE_NONE, 256, 292, 0, false}, {16, DTYPE_NONE, 256, 66, 0, false},  {17, DTYPE_NONE, 256, 74, 0, false},
    {18, DTYPE_NONE, 256, 98, 0, false},  {19, DTYPE_NONE, 256, 50, 0, false},  {20, DTYPE_NONE, 32, 18, 0, false},
    {21, DTYPE_NONE, 256, 110, 0, false}, {22, DTYPE_NONE, 256, 82, 0, false},  {23, DTYPE_NONE, 256, 136, 0, false},
    {29, DTYPE_NONE, 256, 56, 0, false},  {34, DTYPE_NONE, 256, 54, 0, false},  {35, DTYPE_NONE, 256, 66, 0, false},
    {39, DTYPE_NONE, 32, 17, 0, false},
};

static const struct gguf_type *find_type(uint32_t number)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (types[i].number == number)
            return &types[i];
    return NULL;
}

/* ---- facts ---- */

/* A text's bytes; NULL when they are not there. */
static const char *take_text(struct bytes *in, uint64_t *size)
{
    *size = bytes_u64(in);
    const uint8_t *at = *size <= bytes_left(in) ? bytes_take(in, (size_t)*size) : NULL;
    in->bad = in->bad || !at;
    return (const char *)at;
}

enum { KIND_STRING = 8, KIND_ARRAY = 9 };

static void skip_value(struct bytes *in, uint32_t kind, int depth)
{
    static const unsigned char widths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    uint64_t size;
    if (kind >= sizeof(widths) || depth > MOST_DEPTH) {
        in->bad = true;
    } else if (kind == KIND_STRING) {
        take_text(in, &size);
    } else if (kind == KIND_ARRAY) {
        uint32_t inner = bytes_u32(in);
        uint64_t count = bytes_u64(in);
        unsigned width = inner < sizeof(widths) ? widths[inner] : 0;
        if (width) {
            in->bad = in->bad || count > bytes_left(in) / width || !bytes_take(in, (size_t)count * width);
            return;
        }
        for (uint64_t i = 0; i < count && !in->bad; i++)
            skip_value(in, inner, depth + 1);
    } else {
        bytes_take(in, widths[kind]);
    }
}

/* Passes the facts over; one of them is how tensors are aligned. */
static uint32_t take_facts(struct bytes *in, uint64_t count)
{
    static const char key[] = "general.alignment";
    uint32_t alignment = 32;
    for (uint64_t i = 0; i < count && !in->bad; i++) {
        uint64_t size;
        const char *name = take_text(in, &size);
        uint32_t kind = bytes_u32(in);
        if (name && size == sizeof(key) - 1 && memcmp(name, key, size) == 0 && kind == 4)
            alignment = bytes_u32(in);
        else
            skip_value(in, kind, 0);
    }
    return alignment;
}

/* ---- blocks ---- */

static float half_at(const uint8_t *at)
{
    struct bytes b = bytes_of(at, 2);
    return half_f16_to_f32(bytes_u16(&b));
}

/* A scale, a least value or none, fifth bits, then halves of bytes: the first 16 elements are the lower ones. */
static void widen_block(const struct gguf_type *type, const uint8_t *at, float *to)
{
    float scale = half_at(at), least = type->has_min ? half_at(at + 2) : 0;
    const uint8_t *high = at + (type->has_min ? 4 : 2), *low = high + (type->bits == 5 ? 4 : 0);
    for (unsigned i = 0; i < 32; i++) {
        int q = type->bits == 8 ? (int8_t)low[i] : i < 16 ? low[i] & 15 : low[i - 16] >> 4;
        if (type->bits == 5)
            q |= (high[i / 8] >> i % 8 & 1) << 4;
        if (!type->has_min && type->bits != 8)
            q -= type->bits == 4 ? 8 : 16;
        to[i] = scale * (float)q + least;
    }
}

static struct tensor *widened(const struct gguf_type *type, const uint8_t *data, int rank, const int64_t *dims,
                              struct error *err)
{
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, err);
    for (int64_t i = 0; t && i < t->count / 32; i++)
        widen_block(type, data + (size_t)i * type->bytes, (float *)t->data + 32 * i);
    return t;
}

/* ---- tensors ---- */

struct info {
    char name[200];
    int rank;
    int64_t dims[TENSOR_MAX_RANK];
    const struct gguf_type *type;
    uint64_t offset;
};

static bool take_info(struct bytes *in, struct info *t)
{
    uint64_t size;
    const char *name = take_text(in, &size);
    uint32_t rank = bytes_u32(in);
    if (!name || size >= sizeof(t->name) || rank > 4)
        return false;
    memcpy(t->name, name, size);
    t->name[size] = '\0';
    t->rank = (int)rank;
    for (uint32_t i = 0; i < rank; i++) /* the innermost first */
        t->dims[rank - 1 - i] = (int64_t)(bytes_u64(in) & INT64_MAX);
    t->type = find_type(bytes_u32(in));
    t->offset = bytes_u64(in);
    return !in->bad;
}

/* *left: bytes that no tensor has yet. No two share any, so that what is widened is no more than the file can hold. */
static void add_tensor(struct build *b, struct blob *blob, const struct info *t, uint64_t start, uint64_t *left)
{
    int64_t count = tensor_count(t->rank, t->dims), blocks = t->type ? count / t->type->elements : 0, bytes = 0;
    uint64_t at = 0;
    if (!t->type || count < 0 || count % t->type->elements || __builtin_mul_overflow(blocks, t->type->bytes, &bytes) ||
        __builtin_add_overflow(start, t->offset, &at) || at > blob->size || (uint64_t)bytes > blob->size - at ||
        (uint64_t)bytes > *left) {
        build_fail(b,
                   "tensor '%s' has a type that is not known, or bytes beyond the end of the file or of "
                   "others",
                   t->name);
        return;
    }
    *left -= (uint64_t)bytes;
    const uint8_t *data = (const uint8_t *)blob->data + at;
    struct tensor *tensor;
    if (t->type->dtype != DTYPE_NONE)
        tensor = tensor_of_blob(t->type->dtype, t->rank, t->dims, blob, (size_t)at, b->err);
    else if (t->type->bits)
        tensor = widened(t->type, data, t->rank, t->dims, b->err);
    else
        tensor = tensor_of_blob(DTYPE_U8, 1, &bytes, blob, (size_t)at, b->err);
    build_constant(b, t->name, tensor);
}

void weights_read_gguf(struct build *b, struct blob *blob)
{
    struct bytes in = bytes_of(blob->data, blob->size), facts;
    struct info t;
    bytes_u32(&in);
    uint32_t version = bytes_u32(&in);
    uint64_t tensors = bytes_u64(&in);
    if (version < 2 || version > 3)
        build_fail(b, "GGUF of version %u, want 2 or 3", version);
    uint32_t alignment = take_facts(&in, bytes_u64(&in));
    if (alignment == 0 || alignment > 65536)
        build_fail(b, "tensors aligned to %u bytes", alignment);
    facts = in;
    for (uint64_t i = 0; i < tensors && !b->failed; i++)
        if (!take_info(&in, &t))
            build_fail(b, "the file is damaged or cut off before its tensors");
    uint64_t start = (uint64_t)(in.at - (const uint8_t *)blob->data);
    start += b->failed ? 0 : (alignment - start % alignment) % alignment;
    uint64_t left = blob->size;
    for (uint64_t i = 0; i < tensors && !b->failed && take_info(&facts, &t); i++)
        add_tensor(b, blob, &t, start, &left);
}
