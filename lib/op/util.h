/* What the families share: walking index spaces, broadcasting, moving and reading elements, common inference.
 *
 * Two things are done for every operator and need no code in a family. Known elements of integer shape arithmetic:
 * known.c works them out after `infer` (Shape, Gather, Concat, Slice, Add, … on symbols; any other deterministic
 * operator when all its inputs are known numbers). Ownership of strings: an eval may leave in a DTYPE_STRING output
 * made by eval_out() structs that point into its inputs, since op_eval_node() copies the bytes afterwards; only bytes
 * that the eval itself made and frees need tensor_of_strings(). */
#ifndef OP_UTIL_H
#define OP_UTIL_H

#include "op/op.h"
#include "op/rows.h"

/* ---- dims and steps; a step is counted in elements ---- */

/* Steps of a dense tensor. */
void op_steps(int rank, const int64_t *dims, int64_t *steps);
/* Steps with which a dense tensor is read when broadcast to out_dims (which it must fit): 0 where it repeats.
 * steps[out_rank]. */
void op_broadcast_steps(int rank, const int64_t *dims, int out_rank, const int64_t *out_dims, int64_t *steps);
/* numpy broadcasting of dims b into a, symbols included; -1 when sizes disagree. a has room for TENSOR_MAX_RANK. */
int op_broadcast(int64_t *a, int *rank, const int64_t *b, int b_rank);
/* x, or the end of [low, high] that it lies beyond. */
static inline int64_t op_clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}
/* "2x3x4" into text, which it returns: for messages. */
const char *op_dims_text(int rank, const int64_t *dims, char *text, size_t size);

/* ---- walking an index space, row-major, with up to four operands at once ----
 *
 *     struct op_walk w;
 *     op_walk_init(&w, rank, dims, 2, (const int64_t *const[]){a_steps, b_steps});
 *     while (op_walk(&w))
 *         for (int64_t i = 0; i < w.run; i++)
 *             … a[w.at[0] + i * w.run_step[0]], b[w.at[1] + i * w.run_step[1]] …
 *
 * A run is a stretch of the innermost axis, after axes that can be were merged; w.done counts elements of earlier runs,
 * which is where a dense result goes on. */
#define OP_WALK_MAX 4
struct op_walk {
    int rank, operands;
    bool started;
    int64_t dims[TENSOR_MAX_RANK], index[TENSOR_MAX_RANK], steps[OP_WALK_MAX][TENSOR_MAX_RANK];
    int64_t run, done, at[OP_WALK_MAX], run_step[OP_WALK_MAX];
};
void op_walk_init(struct op_walk *w, int rank, const int64_t *dims, int operands, const int64_t *const *steps);
bool op_walk(struct op_walk *w); /* to the next (at first the first) run; false when there is none */

/* Copies n elements of equal dtype, strided on both sides; any dtype, packed ones included; strings are not copied but
 * pointed to (see above). */
void op_move(struct tensor *to, int64_t to_at, int64_t to_step, const struct tensor *from, int64_t from_at,
             int64_t from_step, int64_t n);
/* All of `to` from elements of equal dtype, from element `base` on with steps[to->rank] (may be 0 or negative; all must
 * lie inside). */
void op_move_view(struct tensor *to, const struct tensor *from, int64_t base, const int64_t *steps);
/* Output o: dims[rank] elements of t, likewise. */
int op_give_view(struct op_eval *c, int o, const struct tensor *t, int64_t base, int rank, const int64_t *dims,
                 const int64_t *steps, struct error *err);
/* Output o: input i's data with other dims of the same count, not copied. */
int op_give_reshaped(struct op_eval *c, int o, int i, int rank, const int64_t *dims, struct error *err);

/* Whether an output of these dims is possible and within the limit; eval_out() asks by itself. */
int op_check_room(const struct op_eval *c, int o, enum dtype dtype, int rank, const int64_t *dims, struct error *err);

/* ---- integers; for doubles see real.h ---- */

bool op_is_float(enum dtype dtype);
bool op_is_int(enum dtype dtype); /* signed or unsigned, not bool */
bool op_is_uint(enum dtype dtype);
/* Elements [first, first + n) of an integer or bool tensor: u64 by its bits. Storing wraps; bool stores 0 or 1. */
void op_load_ints(const struct tensor *t, int64_t first, int64_t n, int64_t *to);
void op_store_ints(struct tensor *t, int64_t first, int64_t n, const int64_t *from);

/* ---- inference ---- */

bool op_same_type(const struct type *a, const struct type *b);
/* Output o: numpy broadcasting of inputs first..first+count-1 (absent ones are skipped). */
int op_infer_broadcast(struct op_infer *c, int o, enum dtype dtype, int first, int count, struct error *err);
/* Input i as known elements (constants too), at most max: their number, or -1 when even that is not known. Unlike
 * infer_dims() it tells the number -1 from a symbol. */
int infer_known(const struct op_infer *c, int i, struct known *known, int max);

#endif
