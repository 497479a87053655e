/* The functions of the rows in writers.def, and what the table says of builtin operators. */
#ifndef FORMAT_TFLITE_WRITERS_H
#define FORMAT_TFLITE_WRITERS_H

#include "format/tflite/write.h"
#include "op/op.h"

#define WRITES(op, types, function, code, act, stored)                                                                 \
    void tflite_write_##function(struct tflite_writer *w, struct node *n, const struct tflite_writes *row);
#include "format/tflite/writers.def"
#undef WRITES

/* Whether n can compute on stored numbers, by what its row allows. */
bool tflite_computes_stored(const struct tflite_writer *w, struct node *n, const struct tflite_writes *row);
/* A value's tensor in stored form, or as floats. */
int tflite_take_as(struct tflite_writer *w, const struct value *v, bool is_last, bool is_stored);
/* A list of sizes or axes as integers of 32 bits, and the shape of a value, of which one size may be open (else a
 * fault of n's, and 0). */
int tflite_take_list(struct tflite_writer *w, const struct value *v);
int tflite_take_shape(struct tflite_writer *w, const struct node *n, const struct value *like);
/* The sizes of a value at run time, in ONNX's order: the tensor `out`, or, for 0, a new one. */
int tflite_sizes(struct tflite_writer *w, const struct value *v, enum dtype dtype, int out);
/* A tensor, which is made another by a CAST where its type is not that. */
int tflite_as_type(struct tflite_writer *w, int in, enum dtype dtype);
/* The node of operator `op` that alone uses v, as its operand 0; NULL. */
struct node *tflite_only_use(const struct value *v, const char *op);
/* The same of those that change the shape alone. */
struct node *tflite_only_view(const struct value *v);
/* Its place in a value with channels last. */
int64_t tflite_moved_axis(int64_t axis, int rank, bool is_last);
/* A node as it was in the file it came from; and the custom operator of detectors. */
void tflite_write_opaque(struct tflite_writer *w, struct node *n, const struct tflite_writes *row);

/* A Conv or ConvTranspose of values of five axes. */
void tflite_write_volume(struct tflite_writer *w, struct node *n);

/* The number of the table of options that goes with a code, and the version of the operator that is meant. */
int tflite_options_of(int code);
int tflite_version_of(int code);

#endif
