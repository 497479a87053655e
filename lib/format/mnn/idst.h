/* The codings of quantised weights: a small book of values, and indexes into it packed into as few bits as it needs,
 * most significant bit first; all elements, or only those that are not zero. As in alibaba/MNN's ConvolutionCommon.cpp
 * (reading) and IDSTEncoder.hpp (writing). */
#ifndef FORMAT_MNN_IDST_H
#define FORMAT_MNN_IDST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

enum idst_coding { IDST_DENSE = 1, IDST_SPARSE = 2, IDST_HALF = 3, IDST_BYTES = 4, IDST_EXTERNAL_FLOAT = 8 };

/* What the sparse coding leaves out: zero, or what stands for zero in each of `rows` equal parts. */
struct idst_rest {
    const float *pairs; /* (smallest value, step) of each row; NULL: the rest is 0 */
    int64_t rows;
};

/* Decodes into bytes [count]; bits: of a code. wide: dims are of 32 bits, not 16. NULL with
 * a message when the bytes are malformed or hold another count. */
struct blob *idst_read(enum idst_coding coding, const void *data, size_t size, bool wide, int64_t count,
                       const struct idst_rest *rest, int *bits, struct error *err);

/* The dense coding of [rows][count / rows] codes of `bits` bits (4 or 8), with a linear book: a buffer for free(). */
void *idst_write(const int8_t *codes, int64_t rows, int64_t count, int bits, size_t *size, bool *wide,
                 struct error *err);

#endif
