/* What If, Loop, Scan and SequenceMap share. */
#ifndef OP_CONTROL_H
#define OP_CONTROL_H

#include "op/op.h"

/* Tensors of one shape, one from each iteration, to become one. */
struct control_stack {
    struct tensor **at;
    size_t n, cap, bytes;
};

/* Takes its own reference. Fails for what is no tensor, for another shape or dtype than before, and beyond c->memory.
 * `what` names the output. */
int control_push(struct op_eval *c, struct control_stack *s, const struct item *item, const char *what,
                 struct error *err);
/* Output o: all of them along a new axis (in [-rank, rank) of the result), the last one first if `reverse`. When there
 * are none, `element` tells what they would have been, as far as it is known. */
int control_give(struct op_eval *c, int o, const struct control_stack *s, int64_t axis, bool reverse,
                 const struct type *element, struct error *err);
void control_release(struct control_stack *s);

/* Runs a body, whose numbers of inputs and outputs have been checked. */
int control_run(struct op_eval *c, const struct graph *body, struct item *const *in, struct item **out,
                struct error *err);
/* The one element of a bool tensor. */
int control_condition(struct op_eval *c, const struct item *item, const char *what, bool *result, struct error *err);
void control_unref(struct item **items, size_t n);

/* The type of input i; unknown when it is absent. */
struct type control_type_of(const struct op_infer *c, int i);
/* Narrows a type to what it has in common with another; false when their kinds or dtypes disagree. */
bool control_merge(struct type *type, const struct type *other);
/* Sets the types of a body's inputs and infers it; what was inferred of it before is forgotten first when `afresh`. */
int control_infer_body(struct graph *body, const struct type *types, bool afresh, struct error *err);
/* `element` with a dim more. An axis out of range is an error that names the attribute. */
int control_stacked_type(struct op_infer *c, const struct type *element, const char *attr, int64_t axis, int64_t size,
                         struct type *result, struct error *err);

#endif
