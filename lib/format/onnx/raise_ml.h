/* What the operators of classical machine learning share. */
#ifndef FORMAT_ONNX_RAISE_ML_H
#define FORMAT_ONNX_RAISE_ML_H

#include "format/onnx/raise.h"

/* An attribute of that kind that is not empty; NULL when there is none. */
const struct attr *onnx_ml_list(const struct node *n, const char *name, enum attr_kind kind);
/* A list of floats of the node being written as a constant of these dims; a failure unless there are as many. */
struct value *onnx_ml_floats(struct build *b, const char *name, int rank, const int64_t *dims);
/* v as attribute post_transform wants it. */
struct value *onnx_ml_transform(struct build *b, struct value *v);
/* The names of classes, whole numbers or texts, [*count]. */
struct value *onnx_ml_labels(struct build *b, int64_t *count);

#endif
