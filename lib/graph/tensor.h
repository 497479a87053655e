/* Element types, and dense tensors of constants and run-time data. */
#ifndef GRAPH_TENSOR_H
#define GRAPH_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/half.h"
#include "base/mem.h"

#define TENSOR_MAX_RANK 12

/* The numbers are those of ONNX's TensorProto.DataType. */
enum dtype {
    DTYPE_NONE = 0,
    DTYPE_F32 = 1,
    DTYPE_U8 = 2,
    DTYPE_I8 = 3,
    DTYPE_U16 = 4,
    DTYPE_I16 = 5,
    DTYPE_I32 = 6,
    DTYPE_I64 = 7,
    DTYPE_STRING = 8,
    DTYPE_BOOL = 9,
    DTYPE_F16 = 10,
    DTYPE_F64 = 11,
    DTYPE_U32 = 12,
    DTYPE_U64 = 13,
    DTYPE_C64 = 14,
    DTYPE_C128 = 15,
    DTYPE_BF16 = 16,
    DTYPE_F8E4M3FN = 17,
    DTYPE_F8E4M3FNUZ = 18,
    DTYPE_F8E5M2 = 19,
    DTYPE_F8E5M2FNUZ = 20,
    DTYPE_U4 = 21,
    DTYPE_I4 = 22,
    DTYPE_F4E2M1 = 23,
    DTYPE_F8E8M0 = 24,
    DTYPE_U2 = 25,
    DTYPE_I2 = 26,
    DTYPE_COUNT
};

enum dtype_class {
    DTYPE_CLASS_NONE,
    DTYPE_CLASS_FLOAT,
    DTYPE_CLASS_INT,
    DTYPE_CLASS_UINT,
    DTYPE_CLASS_BOOL,
    DTYPE_CLASS_COMPLEX,
    DTYPE_CLASS_STRING
};

struct dtype_info {
    const char *name; /* "f32", "u8", "str", … as in .nn files; "none" for DTYPE_NONE */
    unsigned bits;    /* of an element; for strings those of struct str */
    enum dtype_class class;
};

/* Never NULL: a number that is no dtype gives DTYPE_NONE's. */
const struct dtype_info *dtype_info(enum dtype dtype);
enum dtype dtype_from_name(const char *name, size_t n); /* DTYPE_NONE when unknown */

/* An element of a DTYPE_STRING tensor; the bytes belong to the tensor. Not NUL-terminated. */
struct str {
    const char *data;
    size_t size;
};

/* Row-major, dense, in the machine's (little-endian) order; elements below 8 bits are packed low bits first, rows not
 * padded. Immutable once shared. */
struct tensor {
    void *data;    /* 64-byte aligned when made by tensor_new() */
    int64_t count; /* product of dims */
    size_t size;   /* bytes */
    enum dtype dtype;
    int rank;
    int64_t dims[TENSOR_MAX_RANK];
    struct blob *blob;
    uint64_t id; /* of all tensors ever, this one alone has it */
    int refs;
};

/* Bytes of `count` elements; false when that does not fit. */
bool tensor_bytes(enum dtype dtype, int64_t count, size_t *size);

/* Product of dims; -1 when one is negative or the product does not fit. For the latter zeros count as ones, so that the
 * strides of a tensor of no elements fit too. */
int64_t tensor_count(int rank, const int64_t *dims);

/* Zeroed (strings: empty). Fails for a bad dtype, rank or dims, and beyond TENSOR_MAX_BYTES. */
struct tensor *tensor_new(enum dtype dtype, int rank, const int64_t *dims, struct error *err);
/* For one that is written all over now: gets its memory in one go. */
void tensor_populate(struct tensor *t);

/* Over bytes of a blob (of which it takes a reference), from `offset` on. Misaligned data, and little of a
 * file, is copied. Not for strings. */
struct tensor *tensor_of_blob(enum dtype dtype, int rank, const int64_t *dims, struct blob *blob, size_t offset,
                              struct error *err);

/* The strings' bytes are copied. */
struct tensor *tensor_of_strings(int rank, const int64_t *dims, const struct str *strings, struct error *err);

/* The same data with other dims of the same count; shares the bytes. */
struct tensor *tensor_reshaped(const struct tensor *t, int rank, const int64_t *dims, struct error *err);

/* Convenience: rank 0 and rank 1. */
struct tensor *tensor_scalar_i64(int64_t value, struct error *err);
struct tensor *tensor_scalar_f32(float value, struct error *err);
struct tensor *tensor_ints(int64_t n, const int64_t *values, struct error *err);

struct tensor *tensor_ref(struct tensor *t); /* NULL gives NULL */
void tensor_unref(struct tensor *t);         /* NULL is allowed */

/* Same dtype, dims and bytes (strings by content). */
bool tensor_equal(const struct tensor *a, const struct tensor *b);

/* Element i as a number, from any dtype but strings and complex (whose real part it gives). */
double tensor_get_f64(const struct tensor *t, int64_t i);
/* Floats truncate; out of range clamps. */
int64_t tensor_get_i64(const struct tensor *t, int64_t i);
/* Stores a number into a tensor not yet shared: floats round to nearest even (8-bit and 4-bit floats saturate, E8M0
 * rounds up), integers truncate and wrap, what is not finite giving 0. Not for strings. */
void tensor_set_f64(struct tensor *t, int64_t i, double value);
void tensor_set_i64(struct tensor *t, int64_t i, int64_t value);

/* Elements first … first + n - 1 at once, as above. */
void tensor_load_f64(const struct tensor *t, int64_t first, int64_t n, double *values);
void tensor_load_i64(const struct tensor *t, int64_t first, int64_t n, int64_t *values);
void tensor_store_f64(struct tensor *t, int64_t first, int64_t n, const double *values);
void tensor_store_i64(struct tensor *t, int64_t first, int64_t n, const int64_t *values);

/* Conversion as ONNX Cast does it (rounding up for DTYPE_F8E8M0), strings included: numbers as text and back. The
 * result shares t's bytes when nothing changes. */
struct tensor *tensor_cast(const struct tensor *t, enum dtype to, bool saturate, struct error *err);
/* The same with Cast's round_mode, for DTYPE_F8E8M0. */
struct tensor *tensor_cast_round(const struct tensor *t, enum dtype to, bool saturate, enum half_round round,
                                 struct error *err);

/* Appends one element as the casts write it: integers, the shortest float that reads back, a string's bytes. */
struct text;
void tensor_element_text(const struct tensor *t, int64_t i, struct text *text);

/* No tensor may be larger: a header's word alone must not take the machine's memory. */
#define TENSOR_MAX_BYTES ((size_t)1 << 40)

#endif
