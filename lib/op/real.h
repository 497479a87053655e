/* Elements of number tensors as doubles: the arithmetic of the families that compute in floating point. Every f32, and
 * every integer below 2^53, is exact in it, so results are right to the rounding of the output. */
#ifndef OP_REAL_H
#define OP_REAL_H

#include "op/op.h"

/* Elements [first, first + count) to doubles and back; the range must lie inside. Floats round to nearest even,
 * integers truncate. */
void real_read(const struct tensor *t, int64_t first, int64_t count, double *to);
void real_write(struct tensor *t, int64_t first, int64_t count, const double *from);

/* Room for a * b doubles, to be given to free(); NULL with a message when that does not fit. */
double *real_new(int64_t a, int64_t b, struct error *err);

/* All elements; to be given to free(). */
double *real_load(const struct tensor *t, struct error *err);
/* As real_load(), or `count` times `fill` when t is NULL. */
double *real_load_or(const struct tensor *t, int64_t count, double fill, struct error *err);

/* Range of an integer dtype as doubles; false for other dtypes. */
bool real_int_range(enum dtype dtype, double *low, double *high);
/* Rounds half to even and clamps when dtype is an integer one, else leaves the value. */
double real_saturate(enum dtype dtype, double value);

/* Output o with `count` elements of `from`. */
int real_give(struct op_eval *c, int o, enum dtype dtype, int rank, const int64_t *dims, const double *from,
              struct error *err);

/* Product of dims[from..to); INT64_MAX when that does not fit, which in a tensor that exists can only be beside a 0. */
int64_t real_product(const int64_t *dims, int from, int to);

/* Repeats the message that err holds as one of this node; -1. */
int real_eval_fail(const struct op_eval *c, struct error *err);
int real_infer_fail(const struct op_infer *c, struct error *err);

/* Fails unless input i, when it is there, has this rank; `what` names it. */
int real_want_rank(const struct op_eval *c, int i, const char *what, int rank, struct error *err);
/* Fails unless input i, when it is there, has exactly these dims. */
int real_want_dims(const struct op_eval *c, int i, const char *what, int rank, const int64_t *dims, struct error *err);
/* The same as far as dims on both sides are known, which are 0 or more then. */
int real_infer_want_dims(const struct op_infer *c, int i, const char *what, int rank, const int64_t *dims,
                         struct error *err);
/* Type of a required input i; one of which nothing is known where it is absent or no tensor, so that infer needs no
 * check before it. */
const struct type *real_type(const struct op_infer *c, int i);
/* The type of a tensor, so that eval can ask what infer asks. */
struct type real_type_of(const struct tensor *t);
/* Infers output o as input i. */
int real_infer_same(struct op_infer *c, int o, int i, struct error *err);
/* infer: output 0 has the type of input 0. */
int infer_like_first(struct op_infer *c, struct error *err);

#endif
