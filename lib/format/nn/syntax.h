/* Inside lib/format/nn: what its reader and its writer agree on. */
#ifndef FORMAT_NN_SYNTAX_H
#define FORMAT_NN_SYNTAX_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/tensor.h"

#define NN_FIRST_LINE "nn 1"
#define NN_ALIGN 64                       /* of the data in the file, and of each tensor in it */
#define NN_LINE_MAX ((size_t)256 << 20)   /* bytes of a line */
#define NN_INLINE_ELEMENTS 16             /* a constant of at most so many elements stands in the header, */
#define NN_INLINE_BYTES 1024              /* of strings with at most so many bytes in all */

/* Lines that begin with "x-" are nobody's yet: they are kept, with newlines between them, as this property. */
#define NN_UNKNOWN_LINES "x-"

/* NaNs of a floating-point dtype: the one that is written "nan", and the bits of +inf, above which (without the sign
 * bit) all are NaN. */
struct nn_float {
    unsigned bytes;
    uint64_t nan, infinity, sign;
};

/* NULL for a dtype whose elements have no decimal form in the header: their constants always stand in the data. */
const struct nn_float *nn_float_of(enum dtype dtype);
/* The bits of an element of such a dtype, and back. */
uint64_t nn_float_bits(const struct nn_float *f, const void *data, int64_t i);
void nn_float_set_bits(const struct nn_float *f, void *data, int64_t i, uint64_t bits);
bool nn_is_nan(const struct nn_float *f, uint64_t bits);

/* The bits that a decimal, or inf, has as an element of such a dtype: rounded to f32 first when it has 2 bytes. */
bool nn_decimal_bits(const char *text, size_t n, enum dtype dtype, uint64_t *bits);

/* Whether constants of the dtype can stand in the header. */
bool nn_has_text(enum dtype dtype);

/* What a symbolic dim without braces begins with. */
static inline bool nn_begins_symbol(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '(';
}

static inline size_t nn_aligned(size_t offset)
{
    return (offset + NN_ALIGN - 1) / NN_ALIGN * NN_ALIGN;
}

#endif
