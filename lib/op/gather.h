/* What the operators that fetch and those that store by index share. */
#ifndef OP_GATHER_H
#define OP_GATHER_H

#include "op/op.h"
#include "op/util.h"

/* Element i of an i32 or i64 tensor as index into `size` elements, negative ones counting from the end. */
int gather_index(const struct op_eval *c, const struct tensor *indices, int64_t i, int64_t size, int64_t *index,
                 struct error *err);
/* Adds to *offset where the i-th vector along the last axis of `indices` points in t, whose axes are indexed from
 * `batch` on. */
int gather_offset(const struct op_eval *c, const struct tensor *t, const struct tensor *indices, int batch,
                  const int64_t *steps, int64_t i, int64_t *offset, struct error *err);
/* Ranks and dims of inputs 0 (data) and 1 (indices), and attribute axis, as GatherElements and ScatterElements want
 * them. */
int gather_elements_check(const struct op_eval *c, int *axis, struct error *err);
/* Begins a walk over the indices whose one operand stands in data where the index is 0. Returns how far apart elements
 * along the axis are. */
int64_t gather_elements_walk(const struct op_eval *c, int axis, struct op_walk *w);
/* The same of types, as far as they are known. *data, *indices: ranked types, or NULL. */
int gather_elements_infer(struct op_infer *c, const struct type **data, const struct type **indices, struct error *err);

#endif
