/* NumPy's array files. Source of the format: numpy.lib.format, versions 1.0 to 3.0. */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "base/file.h"
#include "graph/tensor.h"

/* The array in bytes [offset, offset + size) of the blob; data that lies aligned and in C order is not copied. Numbers
 * of either byte order, bool, complex, text (U, S) and, as ml_dtypes writes it, bfloat16 (V2). Pickled objects and
 * records are refused. */
struct tensor *data_npy_read(struct blob *blob, size_t offset, size_t size, struct error *err);

/* The dtype in which a tensor of `dtype` is written: itself when NumPy has it, else the smallest that holds it
 * exactly: f32 for bf16 and 8-bit floats, i8 and u8 for smaller integers. */
enum dtype data_npy_dtype(enum dtype dtype);

/* Byte for byte as numpy.save() of NumPy 2 does it. Strings are written as U, bytes that are no UTF-8 as U+FFFD. */
int data_npy_write(const struct tensor *t, struct file_out *out, struct error *err);

#endif
