/* Axes and dims as lists of numbers given by attributes or inputs: the checks that inference and evaluation share.
 * Messages are bare; callers put the node before them with real_infer_fail() or real_eval_fail(). */
#ifndef OP_AXES_H
#define OP_AXES_H

#include "op/op.h"

/* Each of axes[n] in [-rank, rank), none twice, to result[n] in [0, rank). `name` is the attribute's or input's. */
int axes_list(const char *name, const int64_t *axes, int n, int rank, int *result, struct error *err);

/* A single one. */
int axes_one(const char *name, int64_t axis, int rank, int *result, struct error *err);

/* An input that lists axes. -1: an error, also when it is not a list; else *count of them, or *count = -1 when it is
 * absent or empty
 * (*known true) or not known (*known false). */
int axes_infer(const struct op_infer *c, int i, const char *name, int rank, int *axes, int *count, bool *known,
               struct error *err);
int axes_eval(const struct op_eval *c, int i, const char *name, int rank, int *axes, int *count, struct error *err);

/* Input i, a tensor of one integer; absent gives `otherwise`. */
int axes_scalar(const struct op_eval *c, int i, const char *name, int64_t otherwise, int64_t *value, struct error *err);
/* The same when inference knows it: *known. Absent gives `otherwise`. */
int axes_scalar_infer(const struct op_infer *c, int i, const char *name, int64_t otherwise, int64_t *value, bool *known,
                      struct error *err);

/* Type of input i when it is a tensor of known rank, else NULL. */
const struct type *axes_ranked(const struct op_infer *c, int i);
/* Sets output 0 to input 0 with fewer elements along the attribute axis; without that attribute, to a vector of some of
 * its elements. */
int axes_infer_fewer(struct op_infer *c, struct error *err);
/* Two dims that must be equal: the better known one into *result; -1 when they are different numbers. */
int axes_same_dim(int64_t a, int64_t b, int64_t *result);

#endif
